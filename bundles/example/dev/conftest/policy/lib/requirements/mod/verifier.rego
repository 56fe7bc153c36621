package lib.weighbridge.requirements.mod

import data.lib.weighbridge.request

# The form of the init container that proves what lies on a claim. It is exact: whatever else could be set in it, a variable, a mount,
# a working directory, could make the same program say yes to other weights.
#
#   - the image, by digest, is a support image
#   - command: [weighbridge]
#     args: [weights, verify, FOLDER, --digest=<the approved digest>, --model=<id>@<version>], and at most --rate-limit=... behind it
#   - the one mount is the claim's volume, read-only at /weights, where it hides nothing of the program; FOLDER is that or lies below
#
# Every other mount of the volume is read-only, lies within what was verified, and belongs to a container that starts later.

# The fields of these containers: their arguments name what is expected, not where it comes from.
verifying := {verifier.field | some verifier in verifiers}

verified_claims := {verifier.volume |
	some verifier in verifiers
	every mount in mounts_of(verifier.volume) {
		mounted_after(verifier, mount)
	}
}

verifiers := {found |
	some i, entry in request.subject.pod.containers
	entry.field[count(entry.field) - 2] == "initContainers"
	object.keys(entry.container) - verifier_keys == set()
	request.support_image(request.image_digest(entry.container.image))
	entry.container.command == ["weighbridge"]
	[mount] := entry.container.volumeMounts
	object.keys(mount) == {"mountPath", "name", "readOnly"}
	mount.readOnly == true
	mount.mountPath == "/weights"
	array.slice(entry.container.args, 0, 2) == ["weights", "verify"]
	expected := [sprintf("--digest=%s", [digest]), sprintf("--model=%s", [version_name])]
	array.slice(entry.container.args, 3, 5) == expected
	harmless_rest(array.slice(entry.container.args, 5, count(entry.container.args)))
	every variable in object.get(entry.container, "env", []) {
		variable.name in {"PYTHONDONTWRITEBYTECODE", "WEIGHBRIDGE_NODE"}
	}
	found := {"field": entry.field, "position": i, "volume": mount.name, "below": within(entry.container.args[2])}
}

verifier_keys := {
	"args",
	"command",
	"env",
	"image",
	"imagePullPolicy",
	"name",
	"resources",
	"securityContext",
	"terminationMessagePath",
	"terminationMessagePolicy",
	"volumeMounts",
}

harmless_rest([]) := true

harmless_rest([rate]) if regex.match(`^--rate-limit=[0-9]+[A-Za-z/]*$`, rate)

# Where on the volume the verified folder lies: "" for all of it.
within("/weights") := ""

within(folder) := below if {
	regex.match(`^/weights(/[A-Za-z0-9._-]+)+$`, folder)
	below := trim_prefix(folder, "/weights/")
	count({part | some part in split(below, "/")} & {".", ".."}) == 0
}

mounts_of(volume) := {{"position": i, "mount": mount} |
	some i, entry in request.subject.pod.containers
	some mount in array.concat(mount_list(entry.container, "volumeMounts"), mount_list(entry.container, "volumeDevices"))
	mount.name == volume
}

mount_list(container, key) := list if {
	list := object.get(container, key, null)
	is_array(list)
} else := []

mounted_after(verifier, found) if found.position == verifier.position

mounted_after(verifier, found) if {
	found.position > verifier.position
	found.mount.readOnly == true
	not found.mount.subPathExpr
	not found.mount.devicePath
	verified_path(verifier.below, object.get(found.mount, "subPath", ""))
}

verified_path("", _) := true

verified_path(below, path) if path == below

verified_path(below, path) if startswith(path, concat("", [below, "/"]))

# A claim that nothing in the pod can write to, and that the verifier read before anything else did.
verified_claim(volume) if {
	object.keys(volume) == {"name", "persistentVolumeClaim"}
	volume.persistentVolumeClaim.readOnly == true
	volume.name in verified_claims
}
