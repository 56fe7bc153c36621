# METADATA
# scope: package
# title: The request as Gatekeeper sees it
# description: |
#   `input.review` is what the API server asks, `input.parameters` what `weighbridge compile` wrote into the constraint; approvals and
#   live state come from Gatekeeper's inventory, each by its own name, and count only as far as their signature does. Whoever may
#   write those resources can take an approval away, and give none.
# schemas:
#   - input: schema.input
#   - data.inventory: schema.inventory
package lib.weighbridge.request

import data.lib.weighbridge.enforcement
import data.lib.weighbridge.serving as workloads
import data.lib.weighbridge.settings
import data.lib.weighbridge.signed
import data.lib.weighbridge.waivers as waiving
import data.lib.weighbridge.workload

now_ns := time.now_ns()

parameters := input.parameters

environment := parameters.environment

# The union hides the object's keys from the compiler: a user's requirement, linked at every point, asks for `kind` first.
subject := object.union(workload.subject(object_, parameters.kinds), {})

# METADATA
# title: The object under review
# description: It lies in the namespace that the API server says; what the object itself says of it is for people.
default object_ := null

object_ := placed(input.review.object)

placed(whole) := object.union(whole, {"metadata": {"namespace": namespace_name}}) if {
	is_object(whole.metadata)
} else := whole

default namespace_name := ""

namespace_name := input.review.namespace if is_string(input.review.namespace)

label_names := parameters.labels

limits := parameters.limits

# Here the cluster asks, and not only about what people write: its own controllers write as well.
in_cluster := true

multi_tenant := parameters.multi_tenant

# METADATA
# title: The namespace is bound
# description: Which constraint matches is decided by the namespace's label; each constraint says for which namespaces it was written.
bound if {
	data_readable
	parameters.bound == true
	not exempt
}

# What lies in no namespace serves all of them; a kind that nobody described is only looked at if it seems to serve.
bound if {
	data_readable
	parameters.bound == false
	input.review.kind.kind != "Namespace"
	namespace_name == ""
	subject.form != "undescribed"
}

exempt if parameters.exempt_namespaces[namespace_name] == true

serving if {
	data_readable
	workloads.judged(subject, parameters.exempt_namespaces, parameters.support_images)
	of_concern
	not unchanged
}

of_concern if bound

of_concern if suspected

# In a namespace that no environment binds, only what looks like serving a model is judged; in an exempt one, nothing.
suspected if {
	not exempt
	workloads.suspected(subject, object_, label_names)
}

# METADATA
# title: An update that starts nothing new
# description: |
#   A controller scales down, or a finalizer goes, while the pod template stays: denying that would keep a revoked version running.
#   Whatever pod it makes is judged when it is created.
unchanged if {
	input.review.operation == "UPDATE"
	subject.form == "pod"
	before := workload.subject(placed(input.review.oldObject), parameters.kinds)
	before.form == "pod"
	before.pod == subject.pod
	before.parts == subject.parts
	before.labels == subject.labels
}

# METADATA
# title: Policy data is there
# description: The constraint's parameters are what compiling wrote. What the inventory lacks is a fault of its own.
data_readable if {
	is_string(parameters.environment)
	parameters.environment != ""
	is_string(parameters.revision)
	is_boolean(parameters.bound)
	settings.readable(parameters)
}

fresh if {
	is_number(live.not_after)
	live.not_after > now_ns
}

support_image(digest) if is_object(parameters.support_images[digest])

image_digest(image) := workload.image_digest(image)

# What verified evidence says of an image that the pod's version, or the environment, names; undefined for any other.
image(digest) := facts if {
	facts := record(version_name).images[digest]
	is_object(facts)
} else := parameters.support_images[digest] if {
	is_object(parameters.support_images[digest])
}

# METADATA
# title: The record of a version
# description: |
#   The claims of its approval. `a.b` in version `c` and `a` in version `b.c` have one name in a cluster, so both are compared.
record(name) := approval if {
	name == version_name
	approval.model == model
	approval.version == version
}

revocations(digest) := standing(approval.orders.revoked, digest) | standing(live.revoked, digest)

freezes(name) := standing(approval.orders.frozen, name) | standing(live.frozen, name)

mode(code) := enforcement.mode(parameters.modes, code, now_ns)

waivers(code) := waiving.holding(parameters.waivers[code], {
	"now_ns": now_ns,
	"subject": subject,
	"artifact": artifact,
	"support_images": parameters.support_images,
})

default artifact := ""

artifact := digest if {
	labels := subject.pod.labels
	digest := record(concat("@", [labels[label_names.model_id], labels[label_names.model_version]])).digest
}

standing(orders, target) := {order | order := orders[target]; not ended(order)}

ended(order) if {
	is_number(order.expires)
	order.expires <= now_ns
}

# METADATA
# title: What only a cluster shows
# description: The namespace's labels and the policies that hold in it; undefined where the review brings no namespace.
namespace := {
	"labels": object.get(input.review.namespaceObject, ["metadata", "labels"], {}),
	"network_policies": synced(["networking.k8s.io/v1"], "NetworkPolicy"),
	"peer_authentications": synced(["security.istio.io/v1", "security.istio.io/v1beta1"], "PeerAuthentication"),
} if {
	is_object(input.review.namespaceObject.metadata)
	namespace_name != ""
}

synced(groups, kind) := [found |
	some group in groups
	some found in data.inventory.namespace[namespace_name][group][kind]
]

version_name := sprintf("%s@%s", [model, version])

model := subject.pod.labels[label_names.model_id]

version := subject.pod.labels[label_names.model_version]

# METADATA
# title: The approval of the version
# description: |
#   One resource by its ground name, so a review costs the same however many versions there are. It counts if the release key signed
#   it, and if it says of itself what its name says; one copied to another name or environment approves nothing.
approval := claims if {
	some key in known("release")
	claims := signed.claims(approval_token, key)
	claims.environment == environment
	sprintf("%s.%s.%s", [claims.environment, claims.model, claims.version]) == approval_name
	is_object(claims.images)
	is_object(claims.sources)
	is_object(claims.orders.revoked)
	is_object(claims.orders.frozen)
}

# METADATA
# title: The keys of a role
# description: One, and while it is being replaced others beside it; whatever else stands there is none.
known(role) := array.concat([parameters.keys[role]], object.get(parameters.keys, concat("_", ["further", role]), []))

approval_token := data.inventory.cluster["weighbridge.dev/v1"].ModelApproval[approval_name].spec.token

approval_name := sprintf("%s.%s.%s", [environment, model, version])

# METADATA
# title: Live state
# description: The claims of this environment's resource, if the live key signed it; whether it is still fresh is asked elsewhere.
live := claims if {
	claims := live_claims
	claims.environment == environment
}

live_claims := claims if {
	some key in known("live")
	claims := signed.claims(live_token, key)
	is_number(claims.not_after)
	is_array(claims.releases)
	is_object(claims.revoked)
	is_object(claims.frozen)
}

live_token := data.inventory.cluster["weighbridge.dev/v1"].LiveState[environment].spec.token

# METADATA
# title: The version of live state that is here
# description: The API server's `resourceVersion` of the resource in the inventory, whatever it holds; "none" where there is none.
live_version(name) := version if {
	version := data.inventory.cluster["weighbridge.dev/v1"].LiveState[name].metadata.resourceVersion
	is_string(version)
} else := "none"

# METADATA
# title: A release is announced
# description: Live state lists its revision, and its time there has not ended.
announced(revision) if {
	some release in live.releases
	release.revision == revision
	current(release)
}

# Rules of their own: negating a call whose argument is undefined is undefined, too.
release_announced if announced(parameters.revision)

approval_announced if announced(approval.revision)

current(release) if not "until" in object.keys(release)

current(release) if {
	is_number(release.until)
	release.until > now_ns
}

# METADATA
# title: Why nothing can be proven
# description: The first cause alone, as what follows from it helps nobody; undefined where all is well.
fault := "no live state" if {
	not data.inventory.cluster["weighbridge.dev/v1"].LiveState[environment]
} else := "forged live state" if {
	not live_claims
} else := "foreign live state" if {
	not live
} else := "release not announced" if {
	not release_announced
} else := "forged approval" if {
	data.inventory.cluster["weighbridge.dev/v1"].ModelApproval[approval_name]
	not approval
} else := "approval not announced" if {
	approval
	not approval_announced
}
