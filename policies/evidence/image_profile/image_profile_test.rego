package weighbridge.evidence.image_profile_test

import data.weighbridge.evidence.image_profile

digest := "sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

statement := {
	"predicate_type": "https://weighbridge.dev/image-profile/v1",
	"digest": digest,
	"predicate": {"digest": digest, "images": [{
		"digest": digest,
		"platform": "linux/amd64",
		"base": {"family": "distroless", "contradictions": []},
		"user": {"uid": 65532},
		"entrypoint_shell": [],
		"shells": [],
		"compilers": [],
		"network_tools": [],
		"package_managers": [],
		"setuid": [],
		"writable_path": [],
		"weights": [],
		"secrets": [],
		"unread": [],
		"cuda": [{"version": "12.4.127"}, {"version": "12"}],
		"cudnn": [],
	}]},
	"with": {},
}

patched_verdict(patch) := verdict if {
	item := json.patch(statement, patch)
	verdict := image_profile.verdict with input as item
}

found(kind, entry) := {"op": "add", "path": sprintf("/predicate/images/0/%s/-", [kind]), "value": entry}

parameter(name, value) := {"op": "add", "path": sprintf("/with/%s", [name]), "value": value}

test_passes if {
	patched_verdict([]) == {
		"passed": true,
		"reasons": [],
		"claims": {"bases": ["distroless"], "platforms": ["linux/amd64"], "cuda": ["12", "12.4.127"]},
	}
}

accepted[name] if {
	some name, patch in {
		"a base that is listed": [
			{"op": "replace", "path": "/predicate/images/0/base/family", "value": "debian"},
			parameter("bases", ["debian", "ubuntu"]),
		],
		"shells are allowed": [found("shells", {"path": "/bin/sh"}), parameter("allow", ["shells"])],
		"root is allowed": [{"op": "replace", "path": "/predicate/images/0/user/uid", "value": 0}, parameter("allow", ["root"])],
		"a shell entrypoint is allowed": [found("entrypoint_shell", "word 1"), parameter("allow", ["entrypoint_shell"])],
		"a compiler at a path that is excepted": [
			found("compilers", {"path": "/opt/ptxas"}),
			parameter("except", {"compilers": ["/opt/ptxas"]}),
		],
		"a secret at a path that is excepted": [found("secrets", {"path": "/t.pem"}), parameter("except", {"secrets": ["/t.pem"]})],
		"a writable folder that is excepted": [found("writable_path", "/opt"), parameter("except", {"writable_path": ["/opt"]})],
		"CUDA is within its bounds": [parameter("cuda", {"min": "12.2", "max": "12.4"})],
		"CUDA is exactly at its bounds": [parameter("cuda", {"min": "12.4.127", "max": "12.4.127"})],
		"no cuDNN, where none is allowed": [parameter("cudnn", {"min": "9", "none": "allow"})],
	}
	patched_verdict(patch).passed == true
}

test_accepts if count(accepted) == 10

refused[name] := verdict.reasons if {
	some name, patch in {
		"another predicate type": [{"op": "replace", "path": "/predicate_type", "value": "https://weighbridge.dev/image-profile/v2"}],
		"about another image": [{"op": "replace", "path": "/predicate/digest", "value": replace(digest, "a", "b")}],
		"no digest": [{"op": "remove", "path": "/predicate/digest"}],
		"an image without digest": [{"op": "remove", "path": "/predicate/images/0/digest"}],
		"no images": [{"op": "replace", "path": "/predicate/images", "value": []}],
		"images are a mapping": [{"op": "replace", "path": "/predicate/images", "value": {}}],
		"a base that is not listed": [{"op": "replace", "path": "/predicate/images/0/base/family", "value": "debian"}],
		"a base that contradicts itself": [found("base/contradictions", "two managers")],
		"no base": [{"op": "remove", "path": "/predicate/images/0/base"}],
		"root": [{"op": "replace", "path": "/predicate/images/0/user/uid", "value": 0}],
		"an unknown user": [{"op": "remove", "path": "/predicate/images/0/user/uid"}],
		"a user that is text": [{"op": "replace", "path": "/predicate/images/0/user/uid", "value": "65532"}],
		"started through a shell": [found("entrypoint_shell", "word 1 is the shell sh")],
		"no word on the entrypoint": [{"op": "remove", "path": "/predicate/images/0/entrypoint_shell"}],
		"a shell": [found("shells", {"path": "/bin/sh"})],
		"no word on shells": [{"op": "remove", "path": "/predicate/images/0/shells"}],
		"shells are null": [{"op": "replace", "path": "/predicate/images/0/shells", "value": null}],
		"shells are a mapping": [{"op": "replace", "path": "/predicate/images/0/shells", "value": {}}],
		"a shell without path": [found("shells", {"name": "sh"}), parameter("except", {"shells": ["/bin/sh"]})],
		"a curl": [found("network_tools", {"path": "/usr/bin/curl"})],
		"a setuid program": [found("setuid", {"path": "/usr/bin/su"})],
		"a secret": [found("secrets", {"path": "/root/.netrc"})],
		"something unread": [found("unread", {"path": "/var/lib/rpm/Packages"})],
		"a shell where compilers are excepted": [
			found("shells", {"path": "/opt/ptxas"}),
			parameter("except", {"compilers": ["/opt/ptxas"]}),
		],
		"secrets allowed as a whole": [found("secrets", {"path": "/x"}), parameter("allow", ["secrets"])],
		"an allowance that nobody knows": [parameter("allow", ["shell"])],
		"allowances as text": [parameter("allow", "shells")],
		"exceptions as a list": [parameter("except", ["/bin/sh"])],
		"exceptions of no kind": [parameter("except", {"base": ["/bin/sh"]})],
		"CUDA is older": [parameter("cuda", {"min": "12.5"})],
		"CUDA is newer": [parameter("cuda", {"max": "12.3"})],
		"one CUDA of two is older": [found("cuda", {"version": "11.8.89"}), parameter("cuda", {"min": "12.2"})],
		"CUDA in words": [found("cuda", {"version": "latest"}), parameter("cuda", {"min": "12.2"})],
		"CUDA said too roughly": [
			{"op": "replace", "path": "/predicate/images/0/cuda", "value": [{"version": "12"}]},
			parameter("cuda", {"min": "12.2"}),
		],
		"no cuDNN where bounds are": [parameter("cudnn", {"min": "9"})],
		"a bound that is no version": [parameter("cuda", {"min": "12.x"})],
		"a bound that is a number": [parameter("cuda", {"min": 12})],
		"an unknown bound": [parameter("cuda", {"minimum": "12"})],
		"an unknown parameter": [parameter("forbid", ["shells"])],
		"the second image of two": [
			{"op": "copy", "from": "/predicate/images/0", "path": "/predicate/images/1"},
			{"op": "add", "path": "/predicate/images/1/shells/-", "value": {"path": "/bin/sh"}},
		],
	}
	verdict := patched_verdict(patch)
	verdict.passed == false
}

test_refuses if {
	count(refused) == 40
	every _, reasons in refused {
		count(reasons) > 0
	}
	refused["a shell"] == ["linux/amd64: shells that are not accepted: /bin/sh"]
	refused.root == ["linux/amd64: it runs as root, or as nobody that could be told"]
}

test_refuses_nothing_at_all if {
	verdict := image_profile.verdict with input as {}
	verdict.passed == false
}
