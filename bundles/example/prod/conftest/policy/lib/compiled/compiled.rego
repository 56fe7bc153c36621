# METADATA
# scope: package
# title: Reading compiled policy data
# description: |
#   What the points with a compiled registry (and live data) share: lookups, each by a ground key, and the proof that there is
#   something to look into. A map that is no map would answer "nothing found" to every lookup.
# schemas:
#   - data.weighbridge.registry: schema.registry
#   - data.weighbridge.live: schema.live
package lib.weighbridge.compiled

import data.weighbridge.live
import data.weighbridge.registry

# METADATA
# title: The registry can be read
# description: The parts that every point needs are there and are maps.
registry_readable if {
	is_string(registry.environment)
	registry.environment != ""
	is_object(registry.records)
	is_object(registry.orders.revoked)
	is_object(registry.orders.frozen)
}

# METADATA
# title: The live data is fresh
# description: It is this environment's, its own end provably lies ahead, and its maps are maps.
live_fresh(now_ns) if {
	live.environment == registry.environment
	is_number(live.not_after)
	live.not_after > now_ns
	is_object(live.revoked)
	is_object(live.frozen)
}

# METADATA
# title: The orders that block a target
# description: Those of the registry and the live ones.
orders(kind, target, now_ns) := registry_orders(kind, target, now_ns) | live_orders(kind, target, now_ns)

# METADATA
# title: The registry's orders that block a target
# description: An order of a kind (revoked, frozen, suspended, keys) about one target, unless it has provably ended.
registry_orders(kind, target, now_ns) := {order | order := registry.orders[kind][target]; not ended(order, now_ns)}

# METADATA
# title: The live orders that block a target
# description: As above, from the live data.
live_orders(kind, target, now_ns) := {order | order := live[kind][target]; not ended(order, now_ns)}

# METADATA
# title: An order has ended
# description: Its `expires` is a time, and that time has passed; an `expires` that cannot be read never ends.
ended(order, now_ns) if {
	is_number(order.expires)
	order.expires <= now_ns
}
