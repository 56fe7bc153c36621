package weighbridge.release

# Nothing in manifest or card counts unless the trusted package statement names both.
trusted if input.item.package.matched == true

# METADATA
# title: The license is known
# description: |
#   Card and manifest name licenses, each is one that SPDX knows (or a `LicenseRef-` with its text), and both name the same: the
#   manifest has what was found in files and headers, the card what its author says.
# related_resources:
#   - ref: https://spdx.dev/learn/handling-license-info/
#     description: SPDX, handling license information
# custom:
#   code: REL-014
#   severity: high
#   fix: Correct `license` in the card's front matter to name exactly what the files carry, and package again.
license_reasons := set() if {
	trusted
	said_by_card := licenses("card")
	count(said_by_card) > 0
	said_by_card == licenses("manifest")
} else := {{
	"code": "REL-014",
	"message": sprintf("license not known%s: the card says %s, the manifest %s; make both name the same SPDX licenses and package again", [
		distrust,
		listed("card"),
		listed("manifest"),
	]),
}}

licenses(side) := {given.spdx | some given in input.item.licenses[side]} if {
	every given in input.item.licenses[side] {
		is_string(given.spdx)
		count(given.spdx) > 0
	}
}

listed(side) := concat(", ", sort({license_text(given) | some given in input.item.licenses[side]})) if {
	count(input.item.licenses[side]) > 0
} else := "nothing"

license_text(given) := given.text if {
	is_string(given.spdx)
} else := sprintf("%s (no SPDX license)", [given.text])

# METADATA
# title: The threat model is documented
# description: The card has a section on who could attack the model and how, which somebody has written.
# related_resources:
#   - ref: https://atlas.mitre.org
#     description: MITRE ATLAS, threats to AI systems
# custom:
#   code: REL-015
#   severity: medium
#   fix: Write the card's section `Threat model`, and package again; `weighbridge card check` shows what is missing.
threat_model_reasons := set() if {
	documented("threat_model")
} else := {{
	"code": "REL-015",
	"message": sprintf("no threat model%s: %s; write the card's section `Threat model` and package again", [
		distrust,
		undocumented("threat_model"),
	]),
}}

# METADATA
# title: The dependency list is documented
# description: The card has a section on what the model needs to run, which somebody has written.
# related_resources:
#   - ref: https://csrc.nist.gov/pubs/sp/800/218/a/final
#     description: NIST SP 800-218A, secure development of AI models
# custom:
#   code: REL-016
#   severity: medium
#   fix: Write the card's section `Dependency list`, and package again; `weighbridge card check` shows what is missing.
dependencies_reasons := set() if {
	documented("dependencies")
} else := {{
	"code": "REL-016",
	"message": sprintf("no dependency list%s: %s; write the card's section `Dependency list` and package again", [
		distrust,
		undocumented("dependencies"),
	]),
}}

# METADATA
# title: The required environment variables are documented
# description: The card has a section on the variables that a server must be given, or says that there are none.
# related_resources:
#   - ref: https://csrc.nist.gov/pubs/sp/800/218/a/final
#     description: NIST SP 800-218A, secure development of AI models
# custom:
#   code: REL-017
#   severity: medium
#   fix: Write the card's section `Required environment variables`, and package again.
environment_variables_reasons := set() if {
	documented("environment_variables")
} else := {{
	"code": "REL-017",
	"message": sprintf("environment variables not documented%s: %s; write the card's section `Required environment variables` and package again", [
		distrust,
		undocumented("environment_variables"),
	]),
}}

# METADATA
# title: The lineage is documented
# description: |
#   The card names the training run, what the model was trained from (`base_model: []` says from nothing) and on which datasets, so
#   that every prediction leads back to them.
# related_resources:
#   - ref: https://csrc.nist.gov/pubs/sp/800/218/a/final
#     description: NIST SP 800-218A, secure development of AI models
# custom:
#   code: REL-018
#   severity: high
#   fix: Write `weighbridge.lineage.parent_run_id`, `base_model` and `datasets` into the card's front matter, and package again.
lineage_reasons := set() if {
	trusted
	is_string(input.item.lineage.parent_run_id)
	count(input.item.lineage.parent_run_id) > 0
	texts(input.item.lineage.base_model)
	texts(input.item.lineage.datasets)
	count(input.item.lineage.datasets) > 0
} else := {{
	"code": "REL-018",
	"message": sprintf("lineage not documented%s: %s; write it into the card's front matter and package again", [
		distrust,
		origins,
	]),
}}

default origins := "the card's text does not count"

origins := concat(", ", sort(unknown_origins)) if count(unknown_origins) > 0

unknown_origins := {message | some message in [missing_run, missing_base, missing_data]; message != ""}

default missing_run := "no `weighbridge.lineage.parent_run_id`"

missing_run := "" if count(input.item.lineage.parent_run_id) > 0

default missing_base := "no `base_model`"

missing_base := "" if texts(input.item.lineage.base_model)

default missing_data := "no `datasets`"

missing_data := "" if {
	texts(input.item.lineage.datasets)
	count(input.item.lineage.datasets) > 0
}

texts(given) if {
	is_array(given)
	every text in given {
		is_string(text)
		count(trim_space(text)) > 0
	}
}

documented(name) if {
	trusted
	sections := input.item.sections[name]
	is_array(sections)
	count(sections) > 0
	every section in sections {
		is_number(section.words)
		section.words > 0
		is_array(section.placeholders)
		count(section.placeholders) == 0
	}
}

undocumented(name) := concat("; ", sort(complaints)) if {
	complaints := {complaint(section) |
		some section in input.item.sections[name]
		not written(section)
	}
	count(complaints) > 0
} else := "the card's text does not count" if {
	count(object.get(input.item, ["sections", name], [])) > 0
} else := "the card has no such section"

written(section) if {
	section.words > 0
	count(section.placeholders) == 0
}

complaint(section) := sprintf("line %d still waits to be written (%s)", [section.line, concat(", ", section.placeholders)]) if {
	count(section.placeholders) > 0
} else := sprintf("line %d is empty", [section.line])

# What the reader of a message about the card must know first.
distrust := "" if {
	trusted
} else := sprintf(" (card and manifest do not count: %s)", [input.item.package.reason])
