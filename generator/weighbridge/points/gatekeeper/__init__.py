"""What `compile` writes for Gatekeeper: the rules, constraints, signed approvals, and what guards them."""
