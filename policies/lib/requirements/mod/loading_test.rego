package lib.weighbridge.requirements.mod_test

# Claims behind the verifier, and code that comes with the weights: in the form of the cases of `mod_test.rego`.

verifier := {
	"name": "verify",
	"image": concat("@", ["support", digest("5")]),
	"command": ["weighbridge"],
	"args": ["weights", "verify", "/weights", concat("", ["--digest=", digest("a")]), "--model=kb-qa-001@1"],
	"volumeMounts": [{"name": "w", "mountPath": "/weights", "readOnly": true}],
}

put(path, value) := [{"op": "replace", "path": path, "value": value}]

verified := array.flatten([
	set_("/spec/volumes", [claim]),
	set_("/spec/initContainers", [verifier]),
	set_("/spec/containers/0/volumeMounts", [{"name": "w", "mountPath": "/m", "readOnly": true}]),
])

claim := {"name": "w", "persistentVolumeClaim": {"claimName": "w", "readOnly": true}}

init := "/spec/initContainers/0"

below := concat("", [init, "/args/2"])

path_of := "/spec/containers/0/volumeMounts/0/subPath"

arguments := "/spec/containers/0/args"

variables := "/spec/containers/0/env"

loading := {
	"verified": {"patch": [], "codes": set()},
	"verified slowly": {"patch": set_(concat("", [init, "/args/-"]), "--rate-limit=50MiB/s"), "codes": set()},
	"a folder": {"patch": array.concat(put(below, "/weights/a/b"), set_(path_of, "a/b")), "codes": set()},
	"below a folder": {"patch": array.concat(put(below, "/weights/a"), set_(path_of, "a/b")), "codes": set()},
	"its usual variables": {"patch": set_(concat("", [init, "/env"]), [{"name": "WEIGHBRIDGE_NODE"}]), "codes": set()},
	"another folder": {"patch": array.concat(put(below, "/weights/a"), set_(path_of, "ab")), "codes": {"MOD-009"}},
	"a folder that leaves": {"patch": array.concat(put(below, "/weights/a/.."), set_(path_of, "a/..")), "codes": {"MOD-009"}},
	"no folder of the volume": {"patch": put(below, "/etc"), "codes": {"MOD-009"}},
	"a further option": {"patch": set_(concat("", [init, "/args/-"]), "--links-within=/"), "codes": {"MOD-009"}},
	"a foreign variable": {"patch": set_(concat("", [init, "/env"]), [{"name": "PYTHONPATH"}]), "codes": {"MOD-009"}},
	"as a server": {"patch": set_("/spec/initContainers", []), "codes": {"MOD-009"}},
	"writable": {"patch": gone("/spec/volumes/0/persistentVolumeClaim/readOnly"), "codes": {"MOD-009"}},
	"written beside": {"patch": gone("/spec/containers/0/volumeMounts/0/readOnly"), "codes": {"MOD-009"}},
	"a raw device": {"patch": set_("/spec/containers/0/volumeDevices", [{"name": "w", "devicePath": "/dev/w"}]), "codes": {"MOD-009"}},
	"read before": {
		"patch": set_("/spec/initContainers/0", object.union(object.remove(verifier, ["command", "args"]), {"name": "first"})),
		"codes": {"MOD-009"},
	},
	"trusted": {"patch": set_(arguments, ["--trust-remote-code"]), "codes": {"MOD-018"}},
	"trusted in part": {"patch": set_(arguments, ["--trust-r"]), "codes": {"MOD-018"}},
	"trusted in code": {"patch": set_(arguments, ["{'trust_remote_code': True}"]), "codes": {"MOD-018"}},
	"trusted in two parts": {
		"patch": array.concat(set_(variables, [{"name": "A", "value": "--trust-remote"}]), set_(arguments, ["$(A)-code"])),
		"codes": {"MOD-018"},
	},
	"trusted by a variable": {"patch": set_(variables, [{"name": "HF_TRUST_REMOTE_CODE", "value": "yes"}]), "codes": {"MOD-018"}},
	"trusted from elsewhere": {"patch": set_(variables, [{"name": "TRUST_REMOTE_CODE", "valueFrom": {}}]), "codes": {"MOD-018"}},
	"not trusted": {"patch": set_(arguments, ["--no-trust-remote-code", "--trust-remote-code=False", "{\"trust_remote_code\": false}"]), "codes": set()},
	"not trusted by a variable": {"patch": set_(variables, [{"name": "TRUST_REMOTE_CODE", "value": "0"}]), "codes": set()},
	"a host that is trusted": {"patch": set_(arguments, ["--trusted-host=a", "--trace"]), "codes": set()},
	"pulled": {"patch": set_(arguments, ["ollama", "pull", "llama3"]), "codes": {"MOD-009"}},
	"pulled from a path": {"patch": set_(arguments, ["pull", "--quiet", "/m"]), "codes": set()},
	"loopback": {"patch": set_(variables, [{"name": "U", "value": "http://127.0.0.1:8000/x"}]), "codes": set()},
}

loading_different[name] := found if {
	some name, case in loading
	found := judged(json.patch(pod, array.concat(verified, case.patch)), registry, live)
	found != case.codes
}

test_loading if loading_different == {}

kserve(model) := {
	"apiVersion": "serving.kserve.io/v1beta1",
	"kind": "InferenceService",
	"metadata": object.union({"name": "kb-qa"}, template.metadata),
	"spec": {"predictor": object.union(object.remove(template.spec, ["containers"]), {"model": object.union(template.spec.containers[0], model)})},
}

ray(config) := {
	"apiVersion": "ray.io/v1",
	"kind": "RayService",
	"spec": {"serveConfigV2": config, "rayClusterConfig": {"headGroupSpec": {"template": template}}},
}

test_operators if {
	judged(kserve({"storageUri": source}), registry, live) == set()
	judged(kserve({"storageUri": "s3://evil/w"}), registry, live) == {"MOD-009"}
	judged(kserve({"storage": {"key": "k"}}), registry, live) == {"MOD-009"}
	judged(kserve({"image": null}), registry, live) == {"MOD-008"}
	judged(ray("applications: [{import_path: a}]"), registry, live) == set()
	judged(ray("{env_vars: {MODEL_ID: acme/other}}"), registry, live) == {"MOD-009"}
	judged(ray("env_vars:\n  MODEL_ID: acme/other"), registry, live) == {"MOD-009"}
	judged(ray(`{"env_vars": {"MODEL_ID": "acme/other"}}`), registry, live) == {"MOD-009"}
	judged(ray("working_dir: https://evil/app.zip"), registry, live) == {"MOD-009"}
	judged(ray("trust_remote_code: true"), registry, live) == {"MOD-018"}
}
