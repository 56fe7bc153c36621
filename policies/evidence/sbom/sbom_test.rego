package weighbridge.evidence.sbom_test

import data.weighbridge.evidence.sbom

cyclonedx := {
	"predicate_type": "https://cyclonedx.org/bom",
	"predicate": {
		"bomFormat": "CycloneDX",
		"specVersion": "1.6",
		"components": [
			{"name": "numpy", "licenses": [{"license": {"id": "BSD-3-Clause"}}]},
			{"name": "torch", "licenses": [{"expression": "MIT OR GPL-3.0-only"}], "components": [{"name": "inner", "licenses": [{"license": {"name": "Apache-2.0"}}]}]},
		],
	},
	"with": {},
}

spdx := {
	"predicate_type": "https://spdx.dev/Document",
	"predicate": {
		"spdxVersion": "SPDX-2.3",
		"packages": [
			{"name": "numpy", "licenseConcluded": "NOASSERTION", "licenseDeclared": "BSD-3-Clause"},
			{"name": "torch", "licenseConcluded": "MIT", "licenseDeclared": "MIT"},
		],
	},
	"with": {},
}

spdx3 := {
	"predicate_type": "https://spdx.dev/Document/v3.0",
	"predicate": {
		"@context": "https://spdx.org/rdf/3.0.1/spdx-context.jsonld",
		"@graph": [
			{"type": "SpdxDocument", "spdxId": "urn:document"},
			{"type": "software_Package", "spdxId": "urn:numpy", "name": "numpy"},
			{"type": "ai_AIPackage", "spdxId": "urn:model", "name": "model"},
			{"type": "simplelicensing_LicenseExpression", "spdxId": "urn:bsd", "simplelicensing_licenseExpression": "BSD-3-Clause"},
			{"type": "Relationship", "relationshipType": "hasDeclaredLicense", "from": "urn:numpy", "to": ["urn:bsd"]},
			{"type": "Relationship", "relationshipType": "hasConcludedLicense", "from": "urn:numpy", "to": ["https://spdx.org/rdf/3.0.1/terms/Core/NoAssertionElement"]},
			{"type": "Relationship", "relationshipType": "hasDeclaredLicense", "from": "urn:model", "to": ["urn:bsd"]},
		],
	},
	"with": {},
}

judged(document, parameters, patch) := verdict if {
	item := json.patch(object.union(document, {"with": parameters}), patch)
	verdict := sbom.verdict with input as item
}

test_passes if {
	judged(cyclonedx, {}, []) == {"passed": true, "reasons": [], "claims": {"format": "cyclonedx", "components": 3}}
	judged(spdx, {}, []) == {"passed": true, "reasons": [], "claims": {"format": "spdx", "components": 2}}
	judged(spdx3, {}, []) == {"passed": true, "reasons": [], "claims": {"format": "spdx", "components": 2}}
	judged(cyclonedx, {"formats": ["cyclonedx"], "components": ["inner", "torch"]}, []).passed == true
	judged(spdx3, {"formats": ["spdx"]}, []).passed == true
	every document in [cyclonedx, spdx, spdx3] {
		judged(document, {"allowed_licenses": ["bsd-3-clause", "MIT", "Apache-2.0"]}, []).passed == true
		judged(document, {"denied_licenses": ["GPL-3.0-only"]}, []).passed == true
	}
	every version in ["1.4", "1.5", "1.6", "1.7"] {
		judged(cyclonedx, {}, [{"op": "replace", "path": "/predicate/specVersion", "value": version}]).passed == true
	}
}

test_files_of_spdx3_count if {
	file := {"op": "add", "path": "/predicate/@graph/-", "value": {"type": "software_File", "spdxId": "urn:file", "name": "model.onnx"}}
	relation := {"type": "Relationship", "relationshipType": "hasDeclaredLicense", "from": "urn:file", "to": ["urn:bsd"]}
	licensed_file := [file, {"op": "add", "path": "/predicate/@graph/-", "value": relation}]
	judged(spdx3, {}, [file]).claims.components == 3
	judged(spdx3, {"allowed_licenses": ["BSD-3-Clause"]}, licensed_file).passed == true
	judged(spdx3, {"allowed_licenses": ["BSD-3-Clause"]}, [file]).passed == false
	judged(spdx3, {"components": ["model.onnx"]}, [file]).passed == true
}

test_unlicensed if {
	none := [{"op": "remove", "path": "/predicate/components/0/licenses"}]
	judged(cyclonedx, {}, none).passed == true
	judged(cyclonedx, {"denied_licenses": ["GPL-3.0-only"]}, none).passed == false
	judged(cyclonedx, {"denied_licenses": ["GPL-3.0-only"], "unlicensed": "allow"}, none).passed == true
	neither := [{"op": "replace", "path": "/predicate/packages/0/licenseDeclared", "value": "NONE"}]
	judged(spdx, {"denied_licenses": ["GPL-3.0-only"]}, neither).passed == false
	judged(spdx, {"denied_licenses": ["GPL-3.0-only"], "unlicensed": "allow"}, neither).passed == true
}

licensed(expression, parameters) if {
	item := object.union(cyclonedx, {"with": parameters, "predicate": {"components": [{"name": "a", "licenses": [{"expression": expression}]}]}})
	verdict := sbom.verdict with input as item
	verdict.passed == true
}

test_expressions if {
	allowed := {"allowed_licenses": ["MIT", "Apache-2.0", "GPL-2.0-only WITH Classpath-exception-2.0"]}
	every expression in [
		"MIT",
		"mit",
		"MIT OR GPL-3.0-only",
		"GPL-3.0-only or MIT",
		"MIT AND Apache-2.0",
		"(MIT OR GPL-3.0-only) AND Apache-2.0",
		"((MIT AND Apache-2.0) OR MIT)",
		"(MIT AND Apache-2.0) OR GPL-2.0-only",
		"MIT  and\tApache-2.0",
		"GPL-2.0-only WITH Classpath-exception-2.0",
	] {
		licensed(expression, allowed)
	}
	every expression in [
		"",
		" ",
		"GPL-3.0-only",
		"MIT AND GPL-3.0-only",
		"GPL-3.0-only AND (MIT OR Apache-2.0)",
		"(MIT AND GPL-3.0-only) OR GPL-2.0-only",
		"MIT, GPL-3.0-only",
		"(MIT",
		"(GPL-3.0-only OR (GPL-2.0-only AND MIT))",
		"MIT OR",
		"AND",
		"MITOR GPL-3.0-only",
		"GPL-2.0-only WITH Bison-exception-2.2",
		"NOASSERTION",
		"the MIT license",
	] {
		not licensed(expression, allowed)
	}
}

test_denied if {
	denied := {"denied_licenses": ["GPL-3.0-only", "GPL-2.0", "MIT WITH x-exception"]}
	every expression in ["MIT", "MIT OR GPL-3.0-only"] {
		licensed(expression, denied)
	}
	every expression in ["GPL-3.0-only", "gpl-3.0-ONLY", "GPL-2.0+", "GPL-2.0 WITH Classpath-exception-2.0", "GNU General Public License v3", "MIT AND GPL-3.0-only", "unknown", "NONE", "mit with X-exception"] {
		not licensed(expression, denied)
	}
}

refused[name] := verdict.reasons if {
	some name, given in {
		"an old CycloneDX": [cyclonedx, {}, [{"op": "replace", "path": "/predicate/specVersion", "value": "1.3"}]],
		"a CycloneDX to come": [cyclonedx, {}, [{"op": "replace", "path": "/predicate/specVersion", "value": "1.8"}]],
		"another SPDX": [spdx, {}, [{"op": "replace", "path": "/predicate/spdxVersion", "value": "SPDX-2.2"}]],
		"the format does not fit the type": [cyclonedx, {}, [{"op": "replace", "path": "/predicate_type", "value": "https://spdx.dev/Document"}]],
		"type with a slash behind": [cyclonedx, {}, [{"op": "replace", "path": "/predicate_type", "value": "https://cyclonedx.org/bom/"}]],
		"SPDX 3 of another context": [spdx3, {}, [{"op": "replace", "path": "/predicate/@context", "value": "https://example.com/context"}]],
		"no CycloneDX": [cyclonedx, {}, [{"op": "replace", "path": "/predicate/bomFormat", "value": "cyclonedx"}]],
		"SPDX of another type": [spdx, {}, [{"op": "replace", "path": "/predicate_type", "value": "https://spdx.dev/Document/v2.2"}]],
		"SPDX 3 of another type": [spdx3, {}, [{"op": "replace", "path": "/predicate_type", "value": "https://spdx.dev/Document/v2.3"}]],
		"a graph that is a mapping": [spdx3, {}, [{"op": "replace", "path": "/predicate/@graph", "value": {"a": {"type": "software_Package", "name": "x"}}}]],
		"formats is a mapping": [spdx, {"formats": {"a": "spdx"}}, []],
		"components is a mapping": [spdx, {"components": {"a": "torch"}}, []],
		"allowed is a mapping": [spdx, {"allowed_licenses": {"a": "MIT", "b": "BSD-3-Clause"}}, []],
		"denied is a mapping": [spdx, {"denied_licenses": {"a": "GPL-3.0-only"}}, []],
		"a demanded component in another format's place": [cyclonedx, {"components": ["onnx"]}, [{"op": "add", "path": "/predicate/packages", "value": [{"name": "onnx"}]}]],
		"a demanded component in the place of CycloneDX": [spdx, {"components": ["onnx"]}, [{"op": "add", "path": "/predicate/components", "value": [{"name": "onnx"}]}]],
		"a demanded component in the place of SPDX 3": [spdx, {"components": ["onnx"]}, [{"op": "add", "path": "/predicate/@graph", "value": [{"type": "software_Package", "name": "onnx"}]}]],
		"a name that is a number": [cyclonedx, {}, [{"op": "replace", "path": "/predicate/components/0/name", "value": 1}]],
		"an expression that is a number": [cyclonedx, {"denied_licenses": ["MIT"]}, [{"op": "replace", "path": "/predicate/components/0/licenses", "value": [{"expression": 1, "license": {"id": "BSD-3-Clause"}}]}]],
		"a relation of another kind": [spdx3, {"denied_licenses": ["MIT"]}, [{"op": "replace", "path": "/predicate/@graph/6/relationshipType", "value": "describes"}]],
		"the license of another package": [spdx3, {"denied_licenses": ["MIT"]}, [{"op": "replace", "path": "/predicate/@graph/6/from", "value": "urn:numpy"}]],
		"a license that is not the one": [spdx3, {"denied_licenses": ["MIT"]}, [{"op": "replace", "path": "/predicate/@graph/6/to", "value": ["urn:none"]}]],
		"format not wanted": [spdx, {"formats": ["cyclonedx"]}, []],
		"no components": [cyclonedx, {}, [{"op": "replace", "path": "/predicate/components", "value": []}]],
		"components missing": [cyclonedx, {}, [{"op": "remove", "path": "/predicate/components"}]],
		"a component without a name": [cyclonedx, {}, [{"op": "remove", "path": "/predicate/components/0/name"}]],
		"a component inside without a name": [cyclonedx, {}, [{"op": "replace", "path": "/predicate/components/1/components/0/name", "value": ""}]],
		"a component is text": [cyclonedx, {}, [{"op": "add", "path": "/predicate/components/-", "value": "torch"}]],
		"a package is text": [spdx, {}, [{"op": "add", "path": "/predicate/packages/-", "value": "torch"}]],
		"a demanded component missing": [cyclonedx, {"components": ["onnxruntime"]}, []],
		"components is text": [cyclonedx, {"components": "torch"}, []],
		"license not allowed": [cyclonedx, {"allowed_licenses": ["MIT"]}, []],
		"license inside not allowed": [cyclonedx, {"allowed_licenses": ["MIT", "BSD-3-Clause"]}, []],
		"nothing is allowed": [cyclonedx, {"allowed_licenses": []}, []],
		"allowed is text": [cyclonedx, {"allowed_licenses": "MIT"}, []],
		"license denied": [spdx, {"denied_licenses": ["MIT"]}, []],
		"a license says nothing": [cyclonedx, {"denied_licenses": ["MIT"], "unlicensed": "allow"}, [{"op": "replace", "path": "/predicate/components/0/licenses/0", "value": {}}]],
		"a license is a number": [spdx, {"denied_licenses": ["MIT"]}, [{"op": "replace", "path": "/predicate/packages/0/licenseDeclared", "value": 1}]],
		"a license cannot be resolved": [spdx3, {"denied_licenses": ["MIT"]}, [{"op": "remove", "path": "/predicate/@graph/3"}]],
		"a license has two texts": [spdx3, {"allowed_licenses": ["BSD-3-Clause"]}, [{"op": "add", "path": "/predicate/@graph/-", "value": {"spdxId": "urn:bsd", "simplelicensing_licenseExpression": "GPL-3.0-only"}}]],
		"unlicensed is true": [cyclonedx, {"unlicensed": true}, []],
		"unknown parameter": [cyclonedx, {"allowed_license": ["MIT"]}, []],
	}
	verdict := judged(given[0], given[1], given[2])
	verdict.passed == false
}

test_refuses if {
	count(refused) == 42
	every _, reasons in refused {
		count(reasons) > 0
	}
	"licenses that are not accepted: torch (MIT OR GPL-3.0-only)" in judged(cyclonedx, {"denied_licenses": ["MIT", "GPL-3.0-only"]}, []).reasons
}

test_refuses_nothing_at_all if {
	verdict := sbom.verdict with input as {}
	verdict.passed == false
}

test_nothing_is_wrong_with_what_passes if {
	every document in [cyclonedx, spdx, spdx3] {
		problems := sbom.problems with input as document
		problems == set()
		asked := sbom.problems with input as object.union(document, {"with": {"denied_licenses": ["GPL-3.0-only"]}})
		asked == set()
	}
}
