"""The Kubernetes API, as far as a harness needs it: objects as plain JSON, every refusal an error with its reason."""

from __future__ import annotations

import json
import re
import time
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import httpx

from weighbridge.errors import EngineError

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable, Mapping

Object = dict[str, Any]
_SECONDS = 60.0
_WAIT_SECONDS = 60.0
_VERSION = re.compile(r"(?:[a-z0-9.-]+/)?v[a-z0-9]+")
"""What can be a part of a path; anything else no server serves."""


class ApiError(EngineError):
    """The API server refused.

    Attributes:
        status: HTTP status.
        reason: Kubernetes' word for it, such as `Forbidden`.
        message: its sentence.
    """

    def __init__(self, status: int, reason: str, message: str) -> None:
        super().__init__(f"the Kubernetes API answered {status} {reason}: {message}")
        self.status = status
        self.reason = reason
        self.message = message


class KubeClient:
    """One user's view of a cluster. Any thread may use it.

    Args:
        url: of the API server.
        token: the user's.
        trusted: what vouches for the server.
    """

    def __init__(self, url: str, token: str, trusted: ssl.SSLContext) -> None:
        headers = {"authorization": f"Bearer {token}"}
        self._http = httpx.Client(base_url=url, headers=headers, verify=trusted, timeout=_SECONDS, trust_env=False)
        self._known: dict[str, dict[str, Mapping[str, Any]]] = {}

    def close(self) -> None:
        """Give the connections back."""
        self._http.close()

    def request(
        self, method: str, path: str, body: Any = None, *, media_type: str = "application/json", **parameters: str
    ) -> Object:
        """Any request; query parameters are given by name.

        Raises:
            ApiError: anything but a success.
            EngineError: no answer.
        """
        content = None if body is None else json.dumps(body).encode()
        try:
            answer = self._http.request(
                method, path, content=content, headers={"content-type": media_type}, params=parameters
            )
        except httpx.HTTPError as error:
            raise EngineError(f"the Kubernetes API gave no answer: {error!r}") from error
        if answer.is_success:
            found: Object = answer.json() if "json" in answer.headers.get("content-type", "") else {"text": answer.text}
            return found
        try:
            status = answer.json()
        except ValueError:
            status = {}
        raise ApiError(answer.status_code, str(status.get("reason", "")), str(status.get("message", answer.text)))

    def known(self, api_version: str, kind: str) -> bool:
        """Whether the API server serves that kind."""
        return self._resource(api_version, kind) is not None

    def create(self, obj: Mapping[str, Any], *, dry_run: bool = False) -> Object:
        """Create an object; with `dry_run`, go all the way of admission and keep nothing."""
        return self.request("POST", self._collection(obj), obj, **({"dryRun": "All"} if dry_run else {}))

    def replace(self, obj: Mapping[str, Any], *, subresource: str = "", dry_run: bool = False) -> Object:
        """Put an object in the place of the one of that name."""
        path = self._path(obj) + (f"/{subresource}" if subresource else "")
        return self.request("PUT", path, obj, **({"dryRun": "All"} if dry_run else {}))

    def apply(self, obj: Mapping[str, Any]) -> Object:
        """Create an object, or replace the one that is there."""
        try:
            return self.create(obj)
        except ApiError as error:
            if error.reason != "AlreadyExists":
                raise
        present = self.request("GET", self._path(obj))
        metadata = {**obj["metadata"], "resourceVersion": present["metadata"]["resourceVersion"]}
        return self.replace({**obj, "metadata": metadata})

    def patch(self, obj: Mapping[str, Any], change: Mapping[str, Any]) -> Object:
        """Merge a change (RFC 7386) into the object of that kind and name."""
        return self.request("PATCH", self._path(obj), change, media_type="application/merge-patch+json")

    def get(self, api_version: str, kind: str, name: str, namespace: str = "") -> Object | None:
        """An object; None if there is none."""
        try:
            return self.request("GET", self._path(reference(api_version, kind, name, namespace)))
        except ApiError as error:
            if error.status == httpx.codes.NOT_FOUND:
                return None
            raise

    def list(self, api_version: str, kind: str, namespace: str = "") -> list[Object]:
        """All objects of a kind, in one namespace or everywhere."""
        resource = self._need(api_version, kind)
        place = f"/namespaces/{namespace}" if resource["namespaced"] and namespace else ""
        items: list[Object] = self.request("GET", f"{_root(api_version)}{place}/{resource['name']}")["items"]
        return items

    def delete(self, obj: Mapping[str, Any]) -> None:
        """Delete the object of that kind and name at once, if it is there."""
        try:
            self.request("DELETE", self._path(obj), gracePeriodSeconds="0")
        except ApiError as error:
            if error.status != httpx.codes.NOT_FOUND:
                raise

    def _collection(self, obj: Mapping[str, Any]) -> str:
        api_version = str(obj.get("apiVersion", ""))
        resource = self._need(api_version, str(obj.get("kind", "")))
        # An object may be as broken as a test wants it; the API server is to say so.
        metadata = obj.get("metadata")
        said = metadata.get("namespace") if isinstance(metadata, dict) else None
        namespace = quote(said if isinstance(said, str) and said else "default", safe="")
        return (
            _root(api_version) + (f"/namespaces/{namespace}" if resource["namespaced"] else "") + f"/{resource['name']}"
        )

    def _path(self, obj: Mapping[str, Any]) -> str:
        return f"{self._collection(obj)}/{obj['metadata']['name']}"

    def _need(self, api_version: str, kind: str) -> Mapping[str, Any]:
        resource = self._resource(api_version, kind)
        if resource is None:
            raise ApiError(httpx.codes.NOT_FOUND, "NotFound", f"no kind {kind} in {api_version}")
        return resource

    def _resource(self, api_version: str, kind: str) -> Mapping[str, Any] | None:
        found = self._known.get(api_version, {}).get(kind)
        if found is None and _VERSION.fullmatch(api_version):
            try:
                served = self.request("GET", _root(api_version))["resources"]
            except ApiError:
                return None
            self._known[api_version] = {each["kind"]: each for each in served if "/" not in each["name"]}
            found = self._known[api_version].get(kind)
        return found


def reference(api_version: str, kind: str, name: str, namespace: str = "") -> Object:
    """As much of an object as says which one is meant."""
    return {"apiVersion": api_version, "kind": kind, "metadata": {"name": name, "namespace": namespace}}


def _root(api_version: str) -> str:
    return f"/apis/{api_version}" if "/" in api_version else f"/api/{api_version}"


def until(condition: Callable[[], bool], what: str, *, seconds: float = _WAIT_SECONDS) -> None:
    """Poll until a condition holds; refusals meanwhile count as "not yet".

    Raises:
        EngineError: it did not hold within so many seconds; with the last refusal.
    """
    deadline = time.monotonic() + seconds
    pause, last = 0.005, ""
    while True:
        try:
            if condition():
                return
        except ApiError as error:
            last = str(error)
        if time.monotonic() > deadline:
            raise EngineError(f"not {what} within {seconds:g} s", last)
        time.sleep(pause)
        pause = min(pause * 1.5, 0.1)
