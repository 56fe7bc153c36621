"""Serving images: read layer by layer without running or unpacking anything, and described."""
