# METADATA
# scope: package
# title: Software bill of materials
# description: |
#   CycloneDX 1.4 to 1.7 and SPDX 2.3 and 3.0. Parameters, all optional: `formats` (cyclonedx, spdx), `components` (names that must be
#   among the components), `allowed_licenses` and `denied_licenses` (SPDX identifiers; the first proves more), `unlicensed: allow`
#   (accepts components whose license is not known; else they are refused wherever licenses matter).
# schemas:
#   - input: schema.sbom
package weighbridge.evidence.sbom

import data.weighbridge.evidence.parameters

# METADATA
# title: The verdict on one bill of materials
# description: Passes only if it is of a known format, names every component, and every license is provably accepted.
verdict := parameters.passed(claims) if holds

else := parameters.failed(problems)

holds if {
	count(object.keys(input.with) - {"formats", "components", "allowed_licenses", "denied_licenses", "unlicensed"}) == 0
	format
	format_accepted
	components_named
	demanded_present
	object.get(input.with, "unlicensed", "refuse") in {"allow", "refuse"}
	licenses_accepted
}

claims := {"format": trim_suffix(format, "3"), "components": count(components)}

problems contains problem if {
	some problem in parameters.unknown({"formats", "components", "allowed_licenses", "denied_licenses", "unlicensed"})
}

problems contains "it is neither CycloneDX 1.4 to 1.7 nor SPDX 2.3 or 3.0" if not format

problems contains "its format is not one of `formats`" if not format_accepted

problems contains "it lists no component, or one without a name" if not components_named

problems contains "a component that `components` demands is missing" if not demanded_present

problems contains "`unlicensed` is neither `allow` nor `refuse`" if {
	not object.get(input.with, "unlicensed", "refuse") in {"allow", "refuse"}
}

problems contains "a license is not provably accepted" if not licenses_accepted

# What the sentence above speaks about, for people; nothing rests on it. Ten are enough to see what is wrong.
problems contains sprintf("licenses that are not accepted: %s", [concat(", ", array.slice(shown, 0, 10))]) if count(shown) > 0

shown := sort({sprintf("%s (%s)", [component.name, concat(" and ", sort(component.licenses))]) |
	licenses_matter
	some component in components
	not component_accepted(component)
})

# METADATA
# title: The format
# description: Undefined for anything but the versions that are understood.
format := "cyclonedx" if {
	input.predicate.bomFormat == "CycloneDX"
	input.predicate.specVersion in {"1.4", "1.5", "1.6", "1.7"}
	regex.match(`^https://cyclonedx\.org/bom(/v?1\.[4-7])?$`, input.predicate_type)
} else := "spdx" if {
	input.predicate.spdxVersion == "SPDX-2.3"
	regex.match(`^https://spdx\.dev/Document(/v?2\.3)?$`, input.predicate_type)
} else := "spdx3" if {
	regex.match(`^https://spdx\.org/rdf/3\.0(\.[0-9])?/spdx-context\.jsonld$`, input.predicate["@context"])
	is_array(input.predicate["@graph"])
	regex.match(`^https://spdx\.dev/Document(/v?3\.0(\.[0-9])?)?$`, input.predicate_type)
}

format_accepted if not "formats" in object.keys(input.with)

format_accepted if {
	parameters.texts(input.with.formats)
	trim_suffix(format, "3") in input.with.formats
}

# METADATA
# title: The components, whatever the format
# description: "A set of `{name, licenses}`: a text for each license expression, \"\" for one that is given and says nothing."
components contains component if {
	format == "cyclonedx"
	walk(input.predicate, [path, entry])
	path[count(path) - 2] == "components"
	component := {"name": name_of(entry), "licenses": cyclonedx_licenses(entry)}
}

components contains component if {
	format == "spdx"
	some entry in input.predicate.packages
	component := {"name": name_of(entry), "licenses": {spdx_license(entry[field]) |
		some field in ["licenseConcluded", "licenseDeclared"]
	} - {""}}
}

components contains component if {
	format == "spdx3"
	some entry in input.predicate["@graph"]
	entry.type in {"software_File", "software_Package", "ai_AIPackage", "dataset_DatasetPackage"}
	component := {"name": name_of(entry), "licenses": spdx3_licenses(entry)}
}

# "" for what is no component at all, so that it is refused and not passed over.
name_of(entry) := entry.name if {
	is_string(entry.name)
} else := ""

cyclonedx_licenses(entry) := {license |
	some choice in entry.licenses
	license := cyclonedx_license(choice)
}

cyclonedx_license(choice) := choice.expression if {
	"expression" in object.keys(choice)
} else := choice.license.id if {
	"id" in object.keys(choice.license)
} else := choice.license.name if {
	"name" in object.keys(choice.license)
} else := ""

spdx_license(value) := "" if {
	value in {"NOASSERTION", "NONE"}
} else := value if {
	is_string(value)
} else := "(not a text)"

spdx3_licenses(entry) := {spdx3_license(target) |
	some relation in input.predicate["@graph"]
	relation.relationshipType in {"hasConcludedLicense", "hasDeclaredLicense"}
	relation.from == entry.spdxId
	some target in relation.to
} - {""}

spdx3_license(target) := "" if {
	regex.match(`(NoAssertionLicense|NoneLicense|NoAssertionElement|NoneElement)$`, target)
} else := spdx_license(concat(" AND ", expressions)) if {
	expressions := {license.simplelicensing_licenseExpression |
		some license in input.predicate["@graph"]
		license.spdxId == target
	}
	count(expressions) > 0
} else := "(not resolved)"

components_named if {
	count(components) > 0
	every component in components {
		component.name != ""
	}
}

demanded_present if not "components" in object.keys(input.with)

demanded_present if {
	parameters.texts(input.with.components)
	every name in input.with.components {
		name in {component.name | some component in components}
	}
}

licenses_matter if count(object.keys(input.with) & {"allowed_licenses", "denied_licenses"}) > 0

licenses_accepted if not licenses_matter

licenses_accepted if {
	parameters.texts(object.get(input.with, "allowed_licenses", []))
	parameters.texts(object.get(input.with, "denied_licenses", []))
	every component in components {
		component_accepted(component)
	}
}

component_accepted(component) if {
	count(component.licenses) == 0
	input.with.unlicensed == "allow"
}

component_accepted(component) if {
	count(component.licenses) > 0
	every expression in component.licenses {
		expression_accepted(expression)
	}
}

# SPDX license expressions, annex D. Every run of licenses between two ANDs must hold one that is accepted, whatever the parentheses.
# That demands what the expression says or more: where all runs have one, `A AND B` has it on both sides, and `A OR B` has the run
# in its middle satisfied from one side, so that side has all of its own.
expression_accepted(expression) if {
	count(split(expression, "(")) == count(split(expression, ")"))
	every run in regex.split(`(?i)\s+AND\s+`, regex.replace(expression, `[()]`, " ")) {
		some license in regex.split(`(?i)\s+OR\s+`, run)
		license_accepted(license)
	}
}

license_accepted(license) if {
	name := lower(trim_space(license))

	# A license written out in words can be any, also a denied one.
	regex.match(`^[a-z0-9.:+-]+( with [a-z0-9.:+-]+)?$`, name)
	not name in {"noassertion", "none", "unknown"}
	not name in denied
	not trim_suffix(split(name, " with ")[0], "+") in denied
	listed(name)
}

listed(_) if not "allowed_licenses" in object.keys(input.with)

listed(name) if name in {lower(entry) | some entry in input.with.allowed_licenses}

denied := {lower(entry) | some entry in object.get(input.with, "denied_licenses", [])}
