"""A manifest with everything mended that can be mended without knowing the workload."""
