"""OCI layouts and registries: reading and writing content by digest, and the evidence that refers to it."""
