"""The tables, the same on SQLite and PostgreSQL. Times are integer nanoseconds.

Only `entries` cannot be made anew from elsewhere (its copy lies beside the bundles): publications follow from it,
releases are compiled again, receipts come back by themselves.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Column,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
)

VERSION = 1
"""Of this schema; a database with a higher one is of a newer program."""
METADATA = MetaData()

META = Table(
    "weighbridge_meta",
    METADATA,
    Column("name", Text, primary_key=True),
    Column("value", Text, nullable=False),
)

ENVIRONMENTS = Table(
    "environments",
    METADATA,
    Column("environment", Text, primary_key=True),
    # The row that whoever appends or publishes holds; `rebuilt` says that publications before that time were lost.
    Column("rebuilt_ns", BigInteger, nullable=False, default=0),
)

ENTRIES = Table(
    "log_entries",
    METADATA,
    Column("environment", Text, ForeignKey("environments.environment"), primary_key=True),
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    Column("sha256", Text, nullable=False, unique=True),
    Column("jws", Text, nullable=False),
)

PUBLICATIONS = Table(
    "publications",
    METADATA,
    Column("environment", Text, ForeignKey("environments.environment"), primary_key=True),
    Column("sequence", BigInteger, primary_key=True, autoincrement=False),
    Column("revision", Text, nullable=False),
    Column("issued_ns", BigInteger, nullable=False),
    Column("published_ns", BigInteger, nullable=False),
    Column("not_after_ns", BigInteger, nullable=False),
    Column("clusters_not_after_ns", BigInteger, nullable=False),
    Column("log_entries", BigInteger, nullable=False),
    Column("log_sha256", Text, nullable=False),
    Column("releases", Text, nullable=False),
    Index("publications_by_revision", "revision"),
)

FILES = Table(
    "published_files",
    METADATA,
    Column("environment", Text, primary_key=True),
    Column("sequence", BigInteger, primary_key=True, autoincrement=False),
    # "" for the first key's, else the key's first 16 digits; `live.tar.gz` or `livestate.jws`.
    Column("key", Text, primary_key=True),
    Column("name", Text, primary_key=True),
    Column("data", LargeBinary, nullable=False),
    ForeignKeyConstraint(
        ["environment", "sequence"], ["publications.environment", "publications.sequence"], ondelete="CASCADE"
    ),
)

RELEASES = Table(
    "releases",
    METADATA,
    Column("environment", Text, ForeignKey("environments.environment"), primary_key=True),
    Column("revision", Text, primary_key=True),
    Column("control_sha256", Text, nullable=False),
    Column("announced_ns", BigInteger, nullable=False),
    # When its bundles began to be served; 0 before.
    Column("served_ns", BigInteger, nullable=False, default=0),
    Column("files_sha256", Text, nullable=False),
)

RELEASE_FILES = Table(
    "release_files",
    METADATA,
    Column("environment", Text, primary_key=True),
    Column("revision", Text, primary_key=True),
    Column("path", Text, primary_key=True),
    Column("data", LargeBinary, nullable=False),
    ForeignKeyConstraint(
        ["environment", "revision"], ["releases.environment", "releases.revision"], ondelete="CASCADE"
    ),
)

PENDING = Table(
    "pending_orders",
    METADATA,
    Column("environment", Text, ForeignKey("environments.environment"), primary_key=True),
    Column("sha256", Text, primary_key=True),
    Column("order_id", Text, nullable=False),
    Column("envelope", Text, nullable=False),
    Column("missing", Integer, nullable=False),
    Column("first_ns", BigInteger, nullable=False),
)

RECEIPTS = Table(
    "receipts",
    METADATA,
    Column("environment", Text, primary_key=True),
    Column("kind", Text, primary_key=True),
    Column("cluster", Text, primary_key=True),
    Column("id", Text, primary_key=True),
    Column("point", Text, nullable=False),
    Column("live_revision", Text, nullable=False),
    Column("live_since_ns", BigInteger, nullable=False),
    Column("release_revision", Text, nullable=False),
    Column("first_seen_ns", BigInteger, nullable=False),
    Column("last_seen_ns", BigInteger, nullable=False),
    Column("state", Text, nullable=False),
    Column("state_since_ns", BigInteger, nullable=False),
    Column("code", Text, nullable=False),
    Column("message", Text, nullable=False),
    Column("activations", Text, nullable=False),
)

ALARMS = Table(
    "alarms",
    METADATA,
    Column("environment", Text, primary_key=True),
    Column("kind", Text, primary_key=True),
    Column("subject", Text, primary_key=True),
    Column("detail", Text, primary_key=True),
    Column("first_ns", BigInteger, nullable=False),
    Column("last_ns", BigInteger, nullable=False),
    Column("count", BigInteger, nullable=False),
)
