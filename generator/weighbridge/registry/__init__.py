"""Step 3: the gate decides, for each version and environment, and its records become the registry."""
