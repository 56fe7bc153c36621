"""The Kubernetes API as the agent needs it: plain JSON through the official client, every failure one error of ours.

No discovery: the agent knows the few kinds that it has rights on, and needs no right to look for others.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from weighbridge.control.agent.kinds import KINDS
from weighbridge.errors import InputError, WeighbridgeError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

Object = dict[str, Any]
FIELD_MANAGER = "weighbridge-agent"
_APPLY = "application/apply-patch+yaml"
_MERGE = "application/merge-patch+json"
_OPERATIONS = "application/json-patch+json"
_PAGE = 500
"""Objects in one answer."""
_TIMEOUT = (5.0, 15.0)
"""Seconds to connect, and to wait for each part of an answer."""
_WATCH_SECONDS = 120
"""After so long the API server ends a watch, and it is begun anew from where it was."""
_WATCH_GRACE = 30.0
"""So much longer than that nothing may be heard, or the connection is half-open."""
_CONFLICT, _GONE, _NOT_FOUND = 409, 410, 404
_FINAL = frozenset({400, 403, 422})


class KubeError(WeighbridgeError):
    """The API server refused, or gave no answer.

    Attributes:
        status: HTTP status; 0 where there was no answer.
        reason: Kubernetes' word, such as `Forbidden`.
        message: its sentence.
    """

    exit_status = 1

    def __init__(self, status: int, reason: str, message: str) -> None:
        self.status, self.reason, self.message = status, reason, message
        said = f"the Kubernetes API answered {status} {reason}" if status else "the Kubernetes API gave no answer"
        super().__init__(f"{said}: {message}")

    @property
    def conflict(self) -> bool:
        """The object is another than the one that was read."""
        return self.status == _CONFLICT

    @property
    def final(self) -> bool:
        """Whether the same request would be refused again: not allowed, or not valid."""
        return self.status in _FINAL

    @property
    def gone(self) -> bool:
        """What a watch was to go on from is no longer known."""
        return self.status == _GONE


class Kube:
    """One cluster, as one user. Any thread may use it.

    Args:
        kubeconfig: None for the service account of the pod that this runs in.
        context: of the kubeconfig; None for its current one.

    Raises:
        InputError: neither can be used.
    """

    def __init__(self, kubeconfig: Path | None = None, context: str | None = None) -> None:
        from kubernetes import client, config, dynamic  # noqa: PLC0415 -- an extra; it takes half a second
        from kubernetes.config.config_exception import ConfigException  # noqa: PLC0415 -- the same

        # It has no types.
        load_in_cluster: Any = config.load_incluster_config
        load_file: Any = config.load_kube_config
        configuration = client.Configuration()
        try:
            if kubeconfig is None:
                load_in_cluster(client_configuration=configuration)
            else:
                load_file(str(kubeconfig), context, configuration, persist_config=False)
        except (ConfigException, OSError, ValueError) as error:
            where = str(kubeconfig) if kubeconfig else "service account"
            fix = "Give --kubeconfig FILE, or run in a pod with a service account."
            raise InputError.single(where, f"cannot be used: {error}", fix) from error
        configuration.retries = False
        make: Any = dynamic.DynamicClient
        self._dynamic = make(client.ApiClient(configuration), discoverer=_no_discovery)

    def close(self) -> None:
        """Give the connections back."""
        self._dynamic.client.rest_client.pool_manager.clear()

    def get(self, kind: str, name: str, namespace: str = "") -> Object | None:
        """An object; None if there is none.

        Raises:
            KubeError: refused, or no answer.
        """
        try:
            return self._json("get", KINDS[kind].path(namespace, name))
        except KubeError as error:
            if error.status == _NOT_FOUND:
                return None
            raise

    def everything(self, kind: str, namespace: str = "", selector: str = "") -> tuple[list[Object], str]:
        """All objects of a kind, and the version from which a watch goes on.

        Raises:
            KubeError: refused, or no answer.
        """
        head = {"apiVersion": KINDS[kind].api_version, "kind": kind}
        found: list[Object] = []
        following = None
        while True:
            chosen = {"label_selector": selector} if selector else {}
            answer = self._json("get", KINDS[kind].path(namespace), limit=_PAGE, _continue=following, **chosen)
            # A list's items come without their own kind.
            found += [{**head, **item} for item in answer.get("items") or ()]
            following = answer["metadata"].get("continue")
            if not following:
                return found, str(answer["metadata"].get("resourceVersion", ""))

    def watch(self, kind: str, version: str, selector: str) -> Iterator[tuple[str, Object]]:
        """What happens to objects of a kind after that version, until the server ends it: type and object.

        Raises:
            KubeError: refused, cut off, or the version is too old (`gone`).
        """
        from kubernetes.watch.watch import iter_resp_lines  # noqa: PLC0415 -- as above

        lines: Any = iter_resp_lines
        answer = self._request(
            "get",
            KINDS[kind].path(),
            watch=True,
            allow_watch_bookmarks=True,
            resource_version=version,
            label_selector=selector,
            timeout_seconds=_WATCH_SECONDS,
            _request_timeout=(_TIMEOUT[0], _WATCH_SECONDS + _WATCH_GRACE),
        )
        try:
            for line in lines(answer):
                if line:
                    yield _happened(json.loads(line))
        except KubeError:
            raise
        except Exception as error:  # whatever the connection breaks with
            raise KubeError(0, "Unreachable", repr(error)) from error
        finally:
            answer.close()

    def create(self, obj: Object, *, dry_run: bool = False) -> Object:
        """Create an object.

        Raises:
            KubeError: refused (409: there is one of that name), or no answer.
        """
        path = KINDS[obj["kind"]].path(obj["metadata"].get("namespace", ""))
        given = {"dry_run": "All"} if dry_run else {}
        return self._json("post", path, obj, field_manager=FIELD_MANAGER, **given)

    def apply(self, obj: Object) -> Object:
        """Bring an object about by server-side apply; with a `resourceVersion` only in place of that very version.

        Raises:
            KubeError: refused (409: it is another version), or no answer.
        """
        metadata = obj["metadata"]
        path = KINDS[obj["kind"]].path(metadata.get("namespace", ""), metadata["name"])
        # Nobody else has a say in these fields, so whoever set them by hand is overruled.
        given = {"field_manager": FIELD_MANAGER, "force_conflicts": True}
        return self._json("patch", path, obj, content_type=_APPLY, **given)

    def replace(self, obj: Object) -> Object:
        """Put an object in place of the one of its `resourceVersion`.

        Raises:
            KubeError: refused (409: it is another version), or no answer.
        """
        metadata = obj["metadata"]
        path = KINDS[obj["kind"]].path(metadata.get("namespace", ""), metadata["name"])
        return self._json("put", path, obj, field_manager=FIELD_MANAGER)

    def patch(
        self, kind: str, namespace: str, name: str, change: Mapping[str, Any] | list[Object], subresource: str = ""
    ) -> Object:
        """Merge a change into an object (RFC 7386), or do operations on it (RFC 6902).

        Raises:
            KubeError: refused, or no answer.
        """
        form = _OPERATIONS if isinstance(change, list) else _MERGE
        path = KINDS[kind].path(namespace, name, subresource)
        return self._json("patch", path, change, content_type=form, field_manager=FIELD_MANAGER)

    def delete(self, kind: str, name: str, namespace: str = "", *, uid: str = "") -> None:
        """Delete an object, if it is there and is still the one with that uid.

        Raises:
            KubeError: refused (409: it is another one by now), or no answer.
        """
        options: Object = {"apiVersion": "v1", "kind": "DeleteOptions"}
        if uid:
            options["preconditions"] = {"uid": uid}
        try:
            self._json("delete", KINDS[kind].path(namespace, name), options)
        except KubeError as error:
            if error.status != _NOT_FOUND:
                raise

    def _json(self, method: str, path: str, body: Any = None, **given: Any) -> Object:
        answer = self._request(method, path, body, **given)
        try:
            found = json.loads(answer.data)
        except Exception as error:  # cut off while it was read, or no JSON
            raise KubeError(0, "Unreachable", repr(error)) from error
        finally:
            answer.release_conn()
        if not isinstance(found, dict):
            raise KubeError(0, "Unreadable", "the answer is no object")
        return found

    def _request(self, method: str, path: str, body: Any = None, **given: Any) -> Any:
        from kubernetes.client.exceptions import ApiException  # noqa: PLC0415 -- as above

        given.setdefault("_request_timeout", _TIMEOUT)
        try:
            return self._dynamic.request(method, path, body=body, serialize=False, **given)
        except ApiException as error:
            raise _refused(error) from error
        except Exception as error:  # urllib3's, and those of whatever gives credentials
            raise KubeError(0, "Unreachable", repr(error)) from error


def _no_discovery(*_: Any) -> None:
    return None


def _happened(event: Any) -> tuple[str, Object]:
    kind, obj = event["type"], event["object"]
    if kind == "ERROR":
        raise KubeError(int(obj.get("code", 0)), str(obj.get("reason", "")), str(obj.get("message", "")))
    return kind, obj


def _refused(error: Any) -> KubeError:
    try:
        status = json.loads(error.body)
        return KubeError(int(error.status or 0), str(status.get("reason", "")), str(status.get("message", "")))
    except (ValueError, TypeError, AttributeError):
        return KubeError(int(error.status or 0), str(error.reason or ""), str(error.body or "")[:500])
