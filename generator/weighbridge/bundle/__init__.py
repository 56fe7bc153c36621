"""Step 4: registry and rules become signed, reproducible bundles, written whole or not at all."""
