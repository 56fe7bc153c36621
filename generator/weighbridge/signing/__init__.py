"""Keys wherever they are kept, and signatures over a model folder in the OpenSSF format."""
