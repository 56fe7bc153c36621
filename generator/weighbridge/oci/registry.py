"""OCI registries over HTTP (distribution spec 1.1)."""

from __future__ import annotations
