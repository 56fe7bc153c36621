"""Fixtures: one situation, and what every enforcement point must say to it (CONTRACTS: Fixtures)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal, get_args

from pydantic import Field, StringConstraints, model_validator

from weighbridge.catalogue.names import Code, Digest, Document, KeyId, Name, SizeBytes, Text, TimeNs, VersionName
from weighbridge.catalogue.validation import validate
from weighbridge.catalogue.yaml_document import decode, parse_yaml
from weighbridge.errors import InputError, Problem

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

PointName = Literal["conftest", "check", "workload", "gator", "gatekeeper", "opa", "envoy"]
WORKLOAD_POINTS: tuple[PointName, ...] = ("conftest", "check", "workload", "gator", "gatekeeper")
CLUSTER_POINTS: tuple[PointName, ...] = ("gator", "gatekeeper")
"""Points whose engines only those build who run a cluster; asked where somebody asks for them."""
CALL_POINTS: tuple[PointName, ...] = ("opa", "envoy")
NOT_LIVE: tuple[PointName, ...] = ("conftest", "check")
"""Points that judge the registry alone: `live` says nothing to them."""
MAX_FIXTURE_BYTES = 1024 * 1024
SUFFIXES = (".yaml", ".yml")

HeaderName = Annotated[str, StringConstraints(pattern=r"^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,100}$")]
HeaderValue = Annotated[str, StringConstraints(max_length=16384, pattern=r"^[^\r\n\x00]*$")]
HeaderValues = Annotated[tuple[HeaderValue, ...], Field(min_length=1, strict=False)]
"""The same header several times."""
RequestTarget = Annotated[str, StringConstraints(pattern=r"^/[\x21-\x7e]*$", max_length=8192)]
Method = Annotated[str, StringConstraints(pattern=r"^[A-Z]{3,10}$")]


class LiveFixture(Document):
    """Live data in short: what is not given is as the catalogue starts."""

    revoked: tuple[VersionName | Digest, ...] = Field(default=(), strict=False)
    """A version stands for its digest; each gets a made-up order."""
    frozen: tuple[VersionName, ...] = Field(default=(), strict=False)
    suspended: tuple[Name, ...] = Field(default=(), strict=False)
    keys: tuple[KeyId, ...] = Field(default=(), strict=False)
    exhausted: tuple[Name, ...] = Field(default=(), strict=False)
    active: dict[Name, VersionName | None] = Field(default_factory=dict)
    """Changes of what an alias points to; null takes the alias away."""
    environment: Name | None = None
    """Another environment than the fixture's, signed as if it were this one's."""
    not_after: TimeNs | None = None
    releases: tuple[Text, ...] | None = Field(default=None, strict=False)
    """Announced revisions in place of this one; `current` is this one."""
    roots: tuple[Text, ...] | None = Field(default=None, min_length=1, strict=False)
    """What the bundle claims in place of its own root; none that another bundle has."""
    empty: bool = False
    """Whether the bundle is signed as it should be and holds nothing; a cluster then has no LiveState."""
    forged: bool = False
    """Whether a cluster's LiveState is signed by another key than the constraint knows."""


class RequestFixture(Document):
    """One call; a body that is text is sent byte for byte, anything else as JSON."""

    method: Method = "POST"
    path: RequestTarget
    headers: dict[HeaderName, HeaderValue | HeaderValues] = Field(default_factory=dict)
    body: Any = None
    padding: SizeBytes | None = None
    """So much white space behind the body, which JSON allows: a large body in a small file."""

    def sent_headers(self) -> list[tuple[str, str]]:
        """Every header as it is sent, repeated ones one after the other."""
        sent = [
            (name, value)
            for name, values in self.headers.items()
            for value in ((values,) if isinstance(values, str) else values)
        ]
        implied = not isinstance(self.body, str) and self.body is not None
        if implied and not any(name.lower() == "content-type" for name, _ in sent):
            sent.append(("content-type", "application/json"))
        return sent


class Difference(Document):
    """What one point says instead, because it sees more than others, or less; with the reason."""

    allowed: bool = False
    codes: tuple[Code, ...] = Field(default=(), strict=False)
    """None where something refuses before any rule is asked: Kubernetes itself, or a reader of manifests."""
    reason: Annotated[str, StringConstraints(min_length=10, max_length=500)]

    @model_validator(mode="after")
    def _agree(self) -> Difference:
        if self.allowed and self.codes:
            raise ValueError("what is allowed has no codes")
        return self


class Expectation(Document):
    """What all points must say."""

    allowed: bool
    codes: tuple[Code, ...] = Field(default=(), strict=False)
    points: tuple[PointName, ...] = Field(default=(), strict=False)
    differs: dict[PointName, Difference] = Field(default_factory=dict)
    """Points that say something else."""

    @model_validator(mode="after")
    def _agree(self) -> Expectation:
        if self.allowed == bool(self.codes):
            raise ValueError("what is allowed has no codes, and what is denied has at least one")
        same = [each for each, other in self.differs.items() if self._as_expected(other)]
        if same:
            raise ValueError(f"`differs` says of {', '.join(sorted(same))} what all points say")
        return self

    def _as_expected(self, other: Difference) -> bool:
        return (other.allowed, set(other.codes)) == (self.allowed, set(self.codes))

    def of(self, point: PointName) -> tuple[bool, frozenset[str]]:
        """What that point must say: whether it allows, and its codes."""
        said = self.differs.get(point, self)
        return said.allowed, frozenset(said.codes)


class FixtureDocument(Document):
    """The file."""

    environment: Name
    at: TimeNs | None = None
    """`--at`, and the points' clock; the present if absent."""
    now: TimeNs | None = None
    """The points' clock, where it is another than `at`."""
    catalogue: Text | None = None
    live: LiveFixture | None = None
    object: dict[str, Any] | None = None
    objects: tuple[dict[str, Any], ...] | None = Field(default=None, min_length=1, strict=False)
    request: RequestFixture | None = None
    expect: Expectation

    @model_validator(mode="after")
    def _one_subject(self) -> FixtureDocument:
        if sum(part is not None for part in (self.object, self.objects, self.request)) != 1:
            raise ValueError("needs exactly one of `object`, `objects` and `request`")
        for field, named in (("points", self.expect.points), ("differs", self.expect.differs)):
            strange = set(named) - set(applicable(self))
            if strange:
                names = ", ".join(sorted(strange))
                raise ValueError(f"`expect.{field}` names {names}, where this fixture has no meaning")
        return self


class Fixture:
    """A fixture with the file that it came from.

    Attributes:
        file: its path as the user named it.
        document: what stands in it.
    """

    def __init__(self, file: str, document: FixtureDocument) -> None:
        self.file = file
        self.document = document

    @property
    def objects(self) -> tuple[dict[str, Any], ...]:
        """The Kubernetes objects; none for a call."""
        document = self.document
        return (document.object,) if document.object is not None else document.objects or ()

    @property
    def points(self) -> tuple[PointName, ...]:
        """The points through which it goes."""
        chosen = self.document.expect.points or applicable(self.document)
        return tuple(point for point in chosen if not (self.document.live and point in NOT_LIVE))

    @property
    def skipped(self) -> tuple[PointName, ...]:
        """Points that would apply but know no live data."""
        chosen = self.document.expect.points or applicable(self.document)
        return tuple(point for point in chosen if point not in self.points)


def applicable(document: FixtureDocument) -> tuple[PointName, ...]:
    """The points to which the subject can be shown."""
    return CALL_POINTS if document.request is not None else WORKLOAD_POINTS


def read_fixture(path: Path) -> Fixture:
    """One fixture, read as strictly as a catalogue.

    Raises:
        InputError: with every problem in the file.
    """
    file = str(path)
    try:
        with path.open("rb") as stream:
            data = stream.read(MAX_FIXTURE_BYTES + 1)
    except OSError as error:
        raise InputError.single(
            file, f"cannot be read: {error.strerror}", "Name a fixture or a folder of them."
        ) from error
    if len(data) > MAX_FIXTURE_BYTES:
        raise InputError.single(file, f"is larger than {MAX_FIXTURE_BYTES} bytes", "Make the fixture smaller.")
    parsed = parse_yaml(decode(data, file), file)
    document = validate(FixtureDocument, parsed.value, file, lambda: parsed.places)
    fixture = Fixture(file, document)
    if not fixture.points:
        raise InputError.single(
            file,
            "goes through no point: `live` says nothing to the points it names",
            "Drop `live`, or name `workload`.",
        )
    return fixture


def read_fixtures(paths: list[Path]) -> list[Fixture]:
    """All fixtures in these files and folders, by name; every problem of all of them at once.

    Raises:
        InputError: a file that is no fixture, or nothing found at all.
    """
    files = [file for path in paths for file in (_files_below(path) if path.is_dir() else [path])]
    problems: list[Problem] = []
    fixtures = []
    for file in dict.fromkeys(files):
        try:
            fixtures.append(read_fixture(file))
        except InputError as error:
            problems.extend(error.problems)
    if problems:
        raise InputError(problems)
    if not fixtures:
        names = ", ".join(map(str, paths))
        raise InputError.single(names, "holds no fixture", "A fixture is a YAML file; see docs/reference/fixtures.md.")
    return fixtures


def _files_below(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.suffix in SUFFIXES and path.is_file())


ALL_POINTS: tuple[PointName, ...] = get_args(PointName)
USUAL_POINTS: tuple[PointName, ...] = tuple(point for point in ALL_POINTS if point not in CLUSTER_POINTS)
"""What is asked where nobody says anything else."""


def chosen_points(names: Sequence[str]) -> tuple[PointName, ...]:
    """The points of these names; `all` is every point, and no name the usual ones.

    Raises:
        InputError: a name that is no point.
    """
    if "all" in names:
        return ALL_POINTS
    strange = sorted(set(names) - set(ALL_POINTS))
    if strange:
        raise InputError.single("", f"no point is called {', '.join(strange)}", f"Name one of {', '.join(ALL_POINTS)}.")
    return tuple(point for point in ALL_POINTS if point in names) or USUAL_POINTS
