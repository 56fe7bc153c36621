"""What a model is licensed under, as SPDX expressions: said where it is known, said to be unknown where it is not."""
