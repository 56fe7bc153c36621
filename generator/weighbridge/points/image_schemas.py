"""Schemas of what rules read about images, for `points/schemas.py`."""

from weighbridge.points.schema_parts import TEXT, TIME, listing, nullable, record

_FINDINGS = ("compilers", "entrypoint_shell", "network_tools", "package_managers", "secrets", "setuid", "shells")
FACTS = record(
    {
        "profile": record(
            not_after=TIME,
            found=record(dict.fromkeys((*_FINDINGS, "unread", "weights", "writable_path"), listing(TEXT))),
            **dict.fromkeys(("bases", "users", "cuda", "cudnn"), listing(TEXT)),
        ),
        "sbom": record(not_after=TIME, components=TIME),
        "vulnerabilities": record(
            not_after=TIME,
            open=record(dict.fromkeys(("critical", "high", "medium", "low", "none", "unknown"), TIME)),
        ),
    }
)
"""What verified evidence says about a serving image; empty where there is none."""
LIMITS = record(
    **dict.fromkeys(("evidence", "registries", "bases", "allow"), listing(TEXT)),
    max_severity=TEXT,
    **dict.fromkeys(("cuda", "cudnn"), nullable(record(min=TEXT))),
)
"""What the images of serving pods must be."""
