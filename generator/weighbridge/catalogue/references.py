"""What crosses references: names that nobody defined, cycles, thresholds that could be fooled, ids given twice.

Names count as defined if the user wrote them, even where their definition is wrong: that is a problem of its own, and
one is enough. So the checks take names from the document as written, and everything else from what is valid of it.
"""

from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING

from weighbridge.catalogue.enforcement import timeline
from weighbridge.catalogue.keyless import PUBLIC, may_be_one
from weighbridge.catalogue.rules import known_rules
from weighbridge.catalogue.softening import mode_refusal, waiver_refusal
from weighbridge.catalogue.tenant_references import tenant_problems
from weighbridge.catalogue.trusted import CONFIGURATION
from weighbridge.catalogue.undefined import names_at, undefined
from weighbridge.catalogue.yaml_nodes import Places, field_path
from weighbridge.errors import Problem

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

    from weighbridge.catalogue.catalogue import Signer
    from weighbridge.catalogue.configuration import Configuration, Environment
    from weighbridge.catalogue.trusted import Trusted

PACKAGE_PREDICATE = "https://weighbridge.dev/package/v1"
_Path = tuple[str | int, ...]


def reference_problems(trusted: Trusted, versions: list[tuple[str, str]]) -> list[Problem]:
    """Every problem that shows only when documents are read together."""
    problems: list[Problem] = []
    if trusted.configuration is not None and trusted.configuration_document is not None:
        problems += _Checks(trusted, trusted.configuration, versions).all()
    return problems + tenant_problems(trusted, {model for model, _ in versions})


class _Checks:
    """The checks of weighbridge.yaml."""

    def __init__(self, trusted: Trusted, configuration: Configuration, versions: list[tuple[str, str]]) -> None:
        document = trusted.configuration_document
        written = document.value if document else {}
        self._places = document.places if document else Places(None)
        self._trusted = trusted
        self._written = written
        self._configuration = configuration
        self._signers = names_at(written, "trust", "signers")
        self._attestations = names_at(written, "attestations")
        self._environments = names_at(written, "environments")
        self._models = {model for model, _ in versions}
        self._versions = {f"{model}@{version}" for model, version in versions}
        self._problems: list[Problem] = []

    def all(self) -> list[Problem]:
        """Run every check."""
        self._check_shared_keys()
        self._check_waives()
        self._check_roots()
        self._check_attestations()
        self._check_package()
        labels = self._configuration.labels
        if labels.model_id == labels.model_version:
            self._add(("labels",), "gives both labels one name", "Name them differently.")
        for name, environment in self._configuration.environments.items():
            self._check_environment(("environments", name), environment)
        self._check_cycles()
        return self._problems

    def _add(self, path: _Path, message: str, fix: str) -> None:
        line, column = self._places.value(path)
        self._problems.append(Problem(CONFIGURATION, line, column, field_path(path), message, fix))

    def _check_names(self, path: _Path, given: Sequence[str], what: str, known: Collection[str]) -> None:
        for index, name in enumerate(given):
            if name not in known:
                self._add((*path, index), *undefined(name, what, known))
            if name in given[:index]:
                self._add((*path, index), f"names `{name}` twice", "Name it once.")

    def _check_threshold(self, path: _Path, signers: Sequence[str], threshold: int) -> None:
        """One key counts once: names that share a key must not make a threshold look reachable."""
        self._check_names((*path, "signers"), signers, "signer", self._signers)
        known = [self._trusted.signers[name] for name in dict.fromkeys(signers) if name in self._trusted.signers]
        by_key: dict[str, str] = {}
        for signer in known:
            first = by_key.setdefault(signer.fingerprint, signer.name)
            if first != signer.name:
                what = "key" if signer.key is not None else "identity"
                message = f"names `{first}` and `{signer.name}`, which have the same {what}; it counts once"
                self._add((*path, "signers"), message, f"Give each signer a {what} of its own.")
        if threshold > 1:
            self._check_overlap((*path, "signers"), known)
        unread = sum(name not in self._trusted.signers for name in set(signers))
        if threshold > len(by_key) + unread:
            message = f"needs {threshold} keys, but its signers have {len(by_key)}"
            self._add(path, message, "Lower the threshold, or name more signers.")

    def _check_overlap(self, path: _Path, signers: Sequence[Signer]) -> None:
        """One identity that two patterns match, or a pattern and a name, would reach a threshold of two alone."""
        keyless = [(signer.name, signer.document.sigstore) for signer in signers if signer.document.sigstore]
        for (first, one), (second, other) in combinations(keyless, 2):
            if one.fingerprint != other.fingerprint and may_be_one(one, other):
                message = f"names `{first}` and `{second}`, whom one identity could be at once"
                self._add(path, message, "Where several must sign, name each by its exact identity.")

    def _check_roots(self) -> None:
        known = {PUBLIC, *names_at(self._written, "trust", "sigstore")}
        for name, document in self._configuration.trust.signers.items():
            if document.sigstore is not None and document.sigstore.root not in known:
                path = ("trust", "signers", name, "sigstore", "root")
                self._add(path, *undefined(document.sigstore.root, "trusted root", known))

    def _check_waives(self) -> None:
        for name, document in self._configuration.trust.signers.items():
            for index, code in enumerate(document.waives):
                refusal = waiver_refusal(code, artifact=True)
                if refusal:
                    self._add(("trust", "signers", name, "waives", index), *refusal)

    def _check_shared_keys(self) -> None:
        """A key that is compromised under one name must not count under another."""
        signers = [signer for signer in self._trusted.signers.values() if signer.key is not None]
        compromised = {signer.fingerprint: signer for signer in signers if signer.document.compromised_from is not None}
        for signer in signers:
            other = compromised.get(signer.fingerprint, signer)
            if signer.document.compromised_from != other.document.compromised_from:
                message = f"is also the key of `{other.name}`, which says that it is compromised"
                self._add(
                    ("trust", "signers", signer.name, "key"), message, "Replace the key, or say the same of both."
                )

    def _check_attestations(self) -> None:
        rules = known_rules(self._trusted.policies)
        for name, document in self._configuration.attestations.items():
            path = ("attestations", name)
            self._check_threshold(path, document.signers, document.threshold)
            if document.rule not in rules:
                self._add((*path, "rule"), *undefined(document.rule, "rule", rules))

    def _check_package(self) -> None:
        written = self._configuration.attestations
        packaging = [name for name, document in written.items() if document.predicate == PACKAGE_PREDICATE]
        if len(packaging) > 1:
            message = (
                f"has {len(packaging)} attestations with the predicate {PACKAGE_PREDICATE}: {', '.join(packaging)}"
            )
            self._add(("attestations", packaging[1], "predicate"), message, "Keep exactly one.")
        if not packaging and len(written) == len(self._attestations):
            message = f"has no attestation with the predicate {PACKAGE_PREDICATE}, which every environment needs"
            fix = f"Add `packaged: {{predicate: {PACKAGE_PREDICATE}, about: model, signers: [...], rule: package}}`."
            self._add(("attestations",), message, fix)
        for name in packaging:
            if written[name].about != "model":
                self._add(
                    ("attestations", name, "about"), "speaks of images, but a package is a model", "Write `model`."
                )
            if written[name].rule != "package":
                self._add(("attestations", name, "rule"), "is not the rule for packages", "Write `package`.")

    def _check_environment(self, path: _Path, environment: Environment) -> None:
        self._check_names((*path, "requires"), environment.requires, "attestation", self._attestations)
        if environment.promotions is not None:
            self._check_names((*path, "promotions", "signers"), environment.promotions.signers, "signer", self._signers)
        if environment.approvals is not None:
            self._check_threshold((*path, "approvals"), environment.approvals.signers, environment.approvals.threshold)
        for kind, order in environment.orders.items():
            self._check_threshold((*path, "orders", kind), order.signers, order.threshold)
        for code, steps in environment.enforcement.items():
            refusal = mode_refusal(code)
            # Also one that is to be enforced from a later date: it would warn until then.
            if refusal and any(step["mode"] != "enforce" for step in timeline(steps)):
                self._add((*path, "enforcement", code), *refusal)
        self._check_routes(path, environment)

    def _check_routes(self, path: _Path, environment: Environment) -> None:
        for alias, route in environment.routes.items():
            here = (*path, "routes", alias)
            self._check_names((*here, "models"), route.models, "model", self._models)
            if route.active is None:
                continue
            model = route.active.partition("@")[0]
            if model not in route.models:
                message = f"is {route.active}, whose model is not among the route's models"
                self._add((*here, "active"), message, f"Add `{model}` to `models`, or choose another version.")
            elif model in self._models and route.active not in self._versions:
                self._add((*here, "active"), *undefined(route.active, "version", self._versions))
        for name in environment.upstreams:
            if name not in self._versions:
                self._add((*path, "upstreams", name), *undefined(name, "version", self._versions))

    def _check_cycles(self) -> None:
        """Walk upwards from each environment; each that stands on a cycle says so once."""
        environments = self._configuration.environments
        for name, environment in environments.items():
            origin = environment.promotes_from
            if origin is None:
                continue
            path = ("environments", name, "promotes_from")
            if origin not in self._environments:
                self._add(path, *undefined(origin, "environment", self._environments))
            elif origin == name:
                self._add(path, "promotes from itself", "Name the environment before it.")
            else:
                chain = list(_upwards(environments, name))
                if chain[-1] == name:
                    message = f"promotes in a circle: {' from '.join(chain)}"
                    self._add(path, message, "Let the first environment promote from nothing.")


def _upwards(environments: dict[str, Environment], start: str) -> Iterator[str]:
    """The environments that one stands on, itself first, until the first that comes again."""
    seen: set[str] = set()
    current: str | None = start
    while current is not None:
        yield current
        if current in seen:
            return
        seen.add(current)
        found = environments.get(current)
        current = found.promotes_from if found else None
