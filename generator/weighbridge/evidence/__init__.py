"""Step 2: signed statements are verified, and judged by Rego, into attestations."""
