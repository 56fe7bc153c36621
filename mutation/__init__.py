"""Mutation of the rules: each is changed in one place, and the tests and fixtures must notice."""
