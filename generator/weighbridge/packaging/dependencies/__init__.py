"""What a model needs to run, read from the files that say so: package URLs, and what of CUDA follows from them."""
