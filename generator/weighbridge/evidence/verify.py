"""Evidence files become verified statements: signatures, signers, subjects, times; no judgement of predicates yet.

Order of steps for one file: read the envelope; read the statement in it (only to learn which keys to try first);
verify every signature over exactly those bytes; find the uses of its predicate type; compare the subject with *our*
digest; then see which of the keys that signed it each use names. No I/O. What depends on `--at` comes later, in
`select`, so that all of this can be kept.

`Verifier.subject` is pure: equal arguments give equal, picklable results, so a process pool may map it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from weighbridge.errors import InputError
from weighbridge.evidence.dsse import parse_envelope
from weighbridge.evidence.predicates import APPROVAL, MODEL_SIGNATURE, PACKAGE, PROMOTION
from weighbridge.evidence.signed import Signatures, Signed
from weighbridge.evidence.state import Refusal
from weighbridge.evidence.statement import Statement, model_signing_root, parse_statement
from weighbridge.evidence.times import statement_time_ns
from weighbridge.evidence.trim import item_json

if TYPE_CHECKING:
    from collections.abc import Sequence

    from weighbridge.catalogue.catalogue import EvidenceFile, ModelVersion
    from weighbridge.evidence.context import Context, TrustedSigner, Use

ONE_SUBJECT = frozenset({PACKAGE, APPROVAL, PROMOTION})
"""Predicate types that bind one version: a statement of them about several things would be one about none."""

VERIFICATION_SUMMARY = "https://slsa.dev/verification_summary/v1"
"""What `promote` writes for others to rely on: no gate of ours does, unless an attestation asks for it."""


@dataclass(frozen=True)
class Subject:
    """What evidence must speak about, and what rules may compare it with."""

    about: str
    """`model` or `images`."""
    digest: str
    """The artifact digest, or the image's."""
    evidence: tuple[EvidenceFile, ...]
    files: tuple[tuple[str, int, str], ...] = ()
    """`(path, size, bare hex SHA-256)` of a model's files."""
    manifest_sha256: str = ""
    card_sha256: str = ""


@dataclass(frozen=True)
class Candidate:
    """One statement by one trusted signer for one use; whether it counts is for its rule and for `select` to say."""

    use: int
    """Index into `Context.uses`."""
    item: int
    """Index into `Findings.items`; -1 where there is an objection, and so nothing to judge."""
    file: str
    signers: tuple[TrustedSigner, ...]
    """The names under which the use knows the one key or identity that signed."""
    statement_sha256: str
    subject: str
    at_ns: int | None
    objection: str = ""
    """Why it cannot pass, whatever a rule would say. It still stands in the way of the same key's other statements."""
    proven_ns: int | None = None
    """A verified time at which the signature existed; None if none was proven."""


@dataclass
class Findings:
    """What the evidence about one subject amounts to before any rule has judged it."""

    subject: str
    items: list[bytes] = field(default_factory=list)
    """What the rules are to judge, as JSON: encoded once, in the worker, and spliced into a batch."""
    candidates: list[Candidate] = field(default_factory=list)
    refused: list[tuple[int | None, Refusal]] = field(default_factory=list)
    """With the index of the use that the statement was meant for; None if for none."""

    def refuse(self, file: str, reason: str, uses: Sequence[int] = ()) -> None:
        """Note that a file did not count, for some uses or at all."""
        self.refused.extend((use, Refusal(file, reason)) for use in (uses or (None,)))


def subject_of(version: ModelVersion) -> Subject:
    """What evidence about a version must speak about.

    A card that is not the manifest's own has no hash that any statement could name: else whoever signs packages could
    put another card under approvals, which are about the manifest.
    """
    ours = version.manifest.card_sha256 in {None, version.card_sha256}
    return Subject(
        about="model",
        digest=version.artifact_digest,
        evidence=version.evidence,
        files=tuple(version.manifest.entries()),
        manifest_sha256=version.manifest_sha256,
        card_sha256=version.card_sha256 if ours else "",
    )


class Verifier:
    """Verifies evidence with the keys of one context; made once a process."""

    def __init__(self, context: Context) -> None:
        self.context = context
        self._signatures = Signatures(context)
        self._uses: dict[tuple[str, str], list[int]] = {}
        for index, use in enumerate(context.uses):
            self._uses.setdefault((use.predicate, use.about), []).append(index)
        self._likely = {
            key: tuple(dict.fromkeys(s.fingerprint for index in found for s in context.uses[index].signers))
            for key, found in self._uses.items()
        }

    def subject(self, subject: Subject) -> Findings:
        """Everything that the evidence about one version or image amounts to."""
        findings = Findings(subject.digest)
        for file in sorted(subject.evidence, key=lambda given: given.path):
            try:
                self._file(file, subject, findings)
            except InputError as error:
                findings.refuse(file.path, "; ".join(_reason(file.path, problem) for problem in error.problems))
        return findings

    def _file(self, file: EvidenceFile, subject: Subject, findings: Findings) -> None:
        envelope = parse_envelope(file.data, file.path, keyless=True)
        statement = parse_statement(envelope, file.path)
        key = (statement.predicate_type, subject.about)
        try:
            signed_by = self._signatures.of(envelope, self._likely.get(key, ()))
        except ValueError as error:
            findings.refuse(file.path, str(error), self._uses.get(key, ()))
            return
        uses = self._uses_of(statement, key)
        if not uses:
            useless = self._useless(statement, subject, signed_by)
            if useless:
                findings.refuse(file.path, useless)
            return
        for index in uses:
            try:
                _require_subject(statement, subject, self.context.uses[index])
            except ValueError as error:
                findings.refuse(file.path, str(error), (index,))
                continue
            self._count(index, signed_by, statement, (file.path, subject), findings)

    def _uses_of(self, statement: Statement, key: tuple[str, str]) -> list[int]:
        """Approvals and promotions name their environment; an attestation takes all of its predicate type."""
        named = {"approval": statement.predicate.get("environment"), "promotion": statement.predicate.get("to")}
        uses = self.context.uses
        return [
            index
            for index in self._uses.get(key, ())
            if named.get(uses[index].kind, uses[index].name) == uses[index].name
        ]

    def _useless(self, statement: Statement, subject: Subject, signed_by: Sequence[Signed]) -> str:
        """Why nothing here can use a statement; "" for a summary of what was verified: it is for others to use."""
        if statement.predicate_type == VERIFICATION_SUMMARY:
            if not statement.about(subject.digest):
                return f"speaks about another subject ({_names(statement)}), not {subject.digest}"
            objections = [signed.objection() for signed in signed_by]
            return "" if "" in objections else "; ".join(objections)
        if (statement.predicate_type, subject.about) in self._uses:
            return "speaks about an environment that asks for no approval or promotion"
        return f"no attestation about {subject.about} has predicate type {statement.predicate_type!r:.200}"

    def _count(
        self,
        index: int,
        signed_by: Sequence[Signed],
        statement: Statement,
        where: tuple[str, Subject],
        findings: Findings,
    ) -> None:
        file, subject = where
        use = self.context.uses[index]
        keys_named = self._named(index, signed_by, file, findings)
        if not keys_named:
            return
        at_ns, objection, item = None, "", -1
        try:
            at_ns = statement_time_ns(statement.predicate_type, statement.predicate)
            item = len(findings.items)
            findings.items.append(self._item(use, statement, at_ns, subject))
        except ValueError as error:
            objection = f"its time cannot be read: {error}"
        for signers, proven_ns in keys_named:
            findings.candidates.append(
                Candidate(index, item, file, signers, statement.sha256, subject.digest, at_ns, objection, proven_ns)
            )

    def _named(
        self, index: int, signed_by: Sequence[Signed], file: str, findings: Findings
    ) -> list[tuple[tuple[TrustedSigner, ...], int | None]]:
        """The signers of each key that the use names, and its proven time; every other trusted one is reported."""
        use = self.context.uses[index]
        found: list[tuple[tuple[TrustedSigner, ...], int | None]] = []
        for signed in signed_by:
            named = tuple(signer for signer in use.signers if signer.name in signed.names)
            objection = signed.objection()
            if not named:
                reason = f"signed by {', '.join(signed.names)}, whom {use.title} does not name"
                findings.refuse(file, reason, (index,))
            elif objection:
                findings.refuse(file, objection, (index,))
            else:
                found.append((named, signed.proven_ns))
        return found

    def _item(self, use: Use, statement: Statement, at_ns: int | None, subject: Subject) -> bytes:
        given = {
            "rule": use.rule,
            "predicate_type": statement.predicate_type,
            "predicate": statement.predicate,
            "subject": [{"name": name, "digest": given} for name, given in statement.subject],
            "about": subject.about,
            "digest": subject.digest,
            "with": use.parameters,
            "at_ns": self.context.at_ns,
            "statement_at_ns": at_ns,
            "manifest_sha256": subject.manifest_sha256,
            "card_sha256": subject.card_sha256,
            "files": subject.files,
        }
        return item_json(use.rule, given)


def _reason(path: str, problem: Any) -> str:
    place = problem.file.removeprefix(path).strip()
    where = " ".join(part for part in (place, problem.field, f"line {problem.line}" if problem.line else "") if part)
    return f"{where}: {problem.message}" if where else problem.message


def _require_subject(statement: Statement, subject: Subject, use: Use) -> None:
    if statement.predicate_type in ONE_SUBJECT and len(statement.subject) != 1:
        raise ValueError(f"speaks about {len(statement.subject)} subjects, where its predicate is about exactly one")
    # A model signature is about a root of its own. Only the rule that ties its resources to the manifest's files, one
    # to one, makes that root ours: under any other rule a signature of any model would do.
    if statement.predicate_type != MODEL_SIGNATURE or use.rule != "model_signature" or subject.about != "model":
        if not statement.about(subject.digest):
            raise ValueError(f"speaks about another subject ({_names(statement)}), not {subject.digest}")
        return
    try:
        root = model_signing_root(statement.predicate)
    except ValueError as error:
        raise ValueError(f"is a model signature that {error}") from error
    if len(statement.subject) != 1 or not statement.about(root):
        raise ValueError(f"its subject ({_names(statement)}) is not the root of the resources that it lists, {root}")


def _names(statement: Statement) -> str:
    shown = [given or "no SHA-256" for _, given in statement.subject[:2]]
    more = len(statement.subject) - len(shown)
    return ", ".join(shown) + (f" and {more} more" if more else "")
