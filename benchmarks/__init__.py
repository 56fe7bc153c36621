"""What `make bench` measures: ratios within one run, so that a figure means the same on every machine."""
