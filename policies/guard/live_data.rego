package weighbridge.guard

# METADATA
# title: Live data is data
# description: |
#   A live bundle may hold Rego below its own root, and such a rule would see every call, credentials included, and could send them
#   away. Nothing in policy can tell a rule's value from data, but the compiler can: where a rule lies below `weighbridge.live`, the
#   whole is an object to it, and an object is never a string. So a live bundle with a rule does not compile beside this, is not
#   activated, and the one before stays. Nobody asks for this rule.
# schemas:
#   - data.weighbridge.live: {}
live_is_data if data.weighbridge.live == "data, no rules"
