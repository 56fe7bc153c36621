"""Step 5: a version is documented, announced, and moved from environment to environment by evidence alone."""
