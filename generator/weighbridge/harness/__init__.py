"""Fixtures, run through every enforcement point on the real engines."""
