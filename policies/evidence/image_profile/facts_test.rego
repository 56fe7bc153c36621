package weighbridge.evidence.image_profile_test

import data.weighbridge.evidence.batch

# By the way that facts come: through the batch.
asked(patch) := verdict if {
	item := object.union(json.patch(statement, patch), {"rule": "image_profile"})
	result := batch.verdicts with input as {"items": [item]}
	verdict := result["0"]
}

clean_facts := {"bases": ["distroless"], "users": ["other"], "found": {}, "cuda": ["12.4.127"], "cudnn": []}

test_facts_of_a_profile_that_passes if {
	asked([]).passed == true
	asked([]).facts == clean_facts
}

test_facts_of_a_profile_that_fails if {
	bad := asked([
		found("shells", {"path": "/bin/sh"}),
		found("writable_path", "/tmp/bin"),
		found("entrypoint_shell", "word 1 is the shell sh"),
		{"op": "replace", "path": "/predicate/images/0/user/uid", "value": 0},
		{"op": "replace", "path": "/predicate/images/0/base/contradictions", "value": ["packages of two systems"]},
	])
	bad.passed == false
	bad.facts == object.union(clean_facts, {
		"bases": ["contradictory"],
		"users": ["root"],
		"found": {"shells": ["/bin/sh"], "writable_path": ["/tmp/bin"], "entrypoint_shell": ["word 1 is the shell sh"]},
	})
}

test_facts_are_bounded if {
	many := asked([found("compilers", {"path": sprintf("/opt/%03d", [i])}) | some i in numbers.range(1, 9)])
	many.facts.found.compilers == ["/opt/001", "/opt/002", "/opt/003", "/opt/004", "5 more"]
	long := concat("", ["/", concat("", ["x" | some _ in numbers.range(1, 500)])])
	[cut] := asked([found("setuid", {"path": long})]).facts.found.setuid
	count(cut) == 80
}

test_facts_leave_out_what_is_excepted_by_path_alone if {
	excepted := asked([
		found("compilers", {"path": "/opt/ptxas"}),
		found("shells", {"path": "/bin/sh"}),
		parameter("except", {"compilers": ["/opt/ptxas"]}),
		parameter("allow", ["shells"]),
	])
	excepted.passed == true
	excepted.facts.found == {"shells": ["/bin/sh"]}
}

test_facts_have_the_lowest_versions if {
	versions := [found("cuda", {"version": version}) | some version in ["12.10", "11.8.89", "12.9", "13.0.1"]]
	asked(versions).facts.cuda == ["11.8.89", "12.4.127", "12.9", "12.10"]
	asked([found("cuda", {"version": "twelve"})]).facts.cuda == ["twelve", "12.4.127"]
}

test_facts_of_an_index_are_of_all_its_images if {
	other := json.patch(statement.predicate.images[0], [
		{"op": "replace", "path": "/base/family", "value": "debian"},
		{"op": "replace", "path": "/shells", "value": [{"path": "/bin/bash"}]},
		{"op": "remove", "path": "/user/uid"},
	])
	both := asked([{"op": "add", "path": "/predicate/images/-", "value": other}]).facts
	both.bases == ["debian", "distroless"]
	both.found.shells == ["/bin/bash"]
	both.users == ["other", "unknown"]
}

test_no_facts_where_it_cannot_be_read if {
	every patch in [
		[{"op": "replace", "path": "/digest", "value": "sha256:bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"}],
		[{"op": "replace", "path": "/predicate_type", "value": "https://example.com/profile"}],
		[{"op": "replace", "path": "/predicate/images", "value": []}],
		[{"op": "remove", "path": "/predicate/images/0/secrets"}],
		[{"op": "replace", "path": "/predicate/images/0/shells", "value": "none"}],
		[{"op": "replace", "path": "/predicate/images/0/user", "value": 7}],
		[{"op": "remove", "path": "/predicate/images/0/entrypoint_shell"}],
		[found("shells", {"name": "sh"})],
		[found("shells", {"path": 7})],
		[found("cuda", {"where": "somewhere"})],
		[parameter("allow", "all")],
		[parameter("alow", ["shells"])],
	] {
		answer := asked(patch)
		object.keys(answer) == {"passed", "reasons", "claims"}
	}
}
