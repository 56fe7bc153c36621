"""Step 0: from a folder of weights to a manifest, an artifact digest and a signed package statement."""
