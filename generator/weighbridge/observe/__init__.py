"""Step 6: what happens is told, as events that others can read."""
