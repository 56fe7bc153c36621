# METADATA
# scope: package
# title: Judging in batches
# description: |
#   Asks the rule of each item, with that item as its input. An item whose rule has no verdict has no entry, which the caller takes
#   for a refusal. Shipped rules are named one by one: a user's rule can neither replace one nor reach another package.
# schemas:
#   - input: schema.batch
package weighbridge.evidence.batch

import data.weighbridge.evidence.approval
import data.weighbridge.evidence.evaluation
import data.weighbridge.evidence.executable_content
import data.weighbridge.evidence.image_profile
import data.weighbridge.evidence.model_signature
import data.weighbridge.evidence.promotion
import data.weighbridge.evidence.publication
import data.weighbridge.evidence.sbom
import data.weighbridge.evidence.slsa_provenance
import data.weighbridge.evidence.test_result
import data.weighbridge.evidence.vulnerabilities

# METADATA
# title: The rules that are shipped
shipped := {
	"approval",
	"evaluation",
	"executable_content",
	"image_profile",
	"model_signature",
	"package",
	"promotion",
	"publication",
	"sbom",
	"slsa_provenance",
	"test_result",
	"vulnerabilities",
}

# METADATA
# title: Verdicts of a batch
# description: One verdict for each item, by its index.
# entrypoint: true
verdicts := {format_int(index, 10): verdict |
	some index, item in input.items
	verdict := judged(item.rule, item)
}

judged("approval", item) := verdict if verdict := approval.verdict with input as item

judged("evaluation", item) := verdict if verdict := evaluation.verdict with input as item

judged("executable_content", item) := verdict if verdict := executable_content.verdict with input as item

judged("image_profile", item) := verdict if verdict := image_profile.described with input as item

judged("model_signature", item) := verdict if verdict := model_signature.verdict with input as item

judged("package", item) := verdict if verdict := data.weighbridge.evidence["package"].verdict with input as item

judged("promotion", item) := verdict if verdict := promotion.verdict with input as item

judged("publication", item) := verdict if verdict := publication.verdict with input as item

judged("sbom", item) := verdict if verdict := sbom.described with input as item

judged("slsa_provenance", item) := verdict if verdict := slsa_provenance.verdict with input as item

judged("test_result", item) := verdict if verdict := test_result.verdict with input as item

judged("vulnerabilities", item) := verdict if verdict := vulnerabilities.described with input as item

judged(rule, item) := verdict if {
	not rule in shipped
	verdict := data.weighbridge.user.evidence[rule].verdict with input as item
}
