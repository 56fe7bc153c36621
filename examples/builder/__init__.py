"""Builds the example catalogue: around a real model, with real digests, real measurements and real signatures.

`material` has the keys, `models` the model files, `evaluate` measures them, `statements` says what is signed,
`versions` which versions there are and what each lacks, `catalogue` writes it all. With the published material and a
fixed time the result is always the same; the demo builds the same catalogue with fresh keys and the present time.
"""
