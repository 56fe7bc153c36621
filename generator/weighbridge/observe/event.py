"""The shape of an event: ASB Security Schema v0.1's vocabulary, and what it has no words for.

Every field that ASB v0.1 defines is here with its meaning. Added are the categories `model_release` and `model_health`
with a resource each, and `operation.model.version` and `.digest`. Stricter than ASB: a field that nobody defined is an
error, so a slip of the pen is not lost in silence.

Source: ASB Security Schema v0.1 (`asb-sec-0.1`, JSON Schema draft-07).
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, StringConstraints, model_validator

from weighbridge.catalogue.names import Digest, Document, Identifier, Name, Text, TimeNs, Uri
from weighbridge.evidence.predicates import OrderId

SCHEMA_VERSION = "weighbridge-event-1"
ASB_VERSION = "asb-sec-0.1"
MAX_DIFFERENCES = 100
"""Files that one event names; `differences_total` tells how many there are."""

Number = Annotated[float, Field(allow_inf_nan=False)]
Path = Annotated[str, StringConstraints(min_length=1, max_length=1024)]
"""A packaged file's path; it is data, so it may hold whatever a file system allows."""


class User(Document):
    """A human or a service."""

    id: str | None = None
    type: Literal["human", "service"] | None = None
    roles: tuple[str, ...] | None = Field(default=None, strict=False)
    groups: tuple[str, ...] | None = Field(default=None, strict=False)
    attributes: dict[str, str] | None = None


class Agent(Document):
    """A program that acts."""

    id: str | None = None
    type: str | None = None
    version: str | None = None


class Client(Document):
    """From where."""

    ip: str | None = None
    user_agent: str | None = None
    channel: Literal["web", "api", "cli", "batch", "other"] | None = None


class Subject(Document):
    """Who acts."""

    user: User | None = None
    agent: Agent | None = None
    client: Client | None = None


class Model(Document):
    """The model an operation is about; version and digest join an event to its release."""

    name: str
    provider: str | None = None
    mode: Literal["chat", "completion", "embedding", "other"] | None = None
    version: Name | None = None
    digest: Digest | None = None


class Operation(Document):
    """What is done."""

    category: Literal["llm_completion", "rag_search", "agent_tool", "admin", "other", "model_release", "model_health"]
    name: str
    direction: Literal["input", "output", "both"]
    request_id: str | None = None
    stage: Literal["pre", "post"] | None = None
    model: Model | None = None


class Message(Document):
    """A chat message."""

    role: Literal["system", "user", "assistant", "tool", "other"]
    content: str


class LlmResource(Document):
    """What a completion reads and writes."""

    messages: tuple[Message, ...] | None = Field(default=None, strict=False)
    input_tokens: Number | None = None
    output_tokens_estimate: Number | None = None
    output_tokens: Number | None = None


class Candidate(Document):
    """A document that a search found."""

    doc_id: str
    score: Number | None = None
    metadata: dict[str, Any] | None = None


class RagResource(Document):
    """What is searched for."""

    query: str
    top_k: Number | None = None
    vector_space: str | None = None
    filters: dict[str, Any] | None = None
    candidates: tuple[Candidate, ...] | None = Field(default=None, strict=False)


class AgentToolResource(Document):
    """Which tool is called with what."""

    tool_name: str
    tool_category: str | None = None
    target_system: str | None = None
    args: dict[str, Any] | None = None


class ModelRelease(Document):
    """A version was announced for use."""

    model_id: Name
    version: Name
    artifact_digest: Digest
    sbom_uri: Uri | None = None
    attestations: tuple[Identifier, ...] = Field(strict=False)
    """Those that hold, sorted; never what somebody only claims."""
    parent_run_id: Text | None = None
    """The training run, so that every prediction leads back to it."""


class Difference(Document):
    """A file that is not as it was packaged."""

    path: Path
    kind: Literal["added", "missing", "changed"]


class ModelHealth(Document):
    """How a version fares: its weights compared, its drift or anomalies scored."""

    model_id: Name
    version: Name
    artifact_digest: Digest
    """What the registry says."""
    check: Identifier
    """What was looked at: `weights`, `drift`, `anomaly`, ..."""
    status: Literal["healthy", "unhealthy", "unknown"]
    observed_digest: Digest | None = None
    differences: tuple[Difference, ...] | None = Field(default=None, max_length=MAX_DIFFERENCES, strict=False)
    differences_total: Annotated[int, Field(ge=0, le=2**53)] | None = None
    scores: dict[Text, Number] | None = None
    node: Text | None = None


class Resource(Document):
    """What is acted on: the part that the category names."""

    llm: LlmResource | None = None
    rag: RagResource | None = None
    agent_tool: AgentToolResource | None = None
    model_release: ModelRelease | None = None
    model_health: ModelHealth | None = None


class Context(Document):
    """For tracing and for judging risk."""

    trace_id: str | None = None
    span_id: str | None = None
    risk_signals: dict[str, Number] | None = None
    labels: dict[str, str] | None = None


class Decision(Document):
    """What policy decided, and by which requirements."""

    effect: Literal["allow", "deny", "mask", "review"] | None = None
    applied_policies: tuple[str, ...] | None = Field(default=None, strict=False)
    actions: tuple[str, ...] | None = Field(default=None, strict=False)
    risk_level: Literal["low", "medium", "high"] | None = None
    reason: str | None = None


class Event(Document):
    """One event."""

    schema_version: Literal["weighbridge-event-1"]
    event_id: OrderId
    """A UUID: the same event sent twice has the same one."""
    timestamp: TimeNs
    tenant_id: str | None = None
    app_id: str | None = None
    env: str | None = None
    subject: Subject
    operation: Operation
    resource: Resource
    context: Context | None = None
    decision: Decision | None = None

    @model_validator(mode="after")
    def _resource_of_category(self) -> Event:
        own = {"model_release": self.resource.model_release, "model_health": self.resource.model_health}
        for category, resource in own.items():
            if (self.operation.category == category) != (resource is not None):
                raise ValueError(f"category `{category}` and `resource.{category}` go together. Give both, or neither.")
        return self
