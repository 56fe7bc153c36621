"""Step 1: the catalogue, a Git folder read strictly into memory."""
