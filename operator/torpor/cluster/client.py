"""The port's client on `kubernetes.aio`: plain objects, explicit timeouts, own errors."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, cast
from urllib.parse import quote

import aiohttp
from kubernetes.aio.client import ApiClient

from torpor.api.base import API_VERSION, FIELD_MANAGER, MODEL_LABEL
from torpor.api.conditions import Reason
from torpor.api.observed import (
    Key,
    Kind,
    Observed,
    ObservedModel,
    ObservedRevision,
    ObservedService,
    observe,
)
from torpor.cluster.port import AlreadyExistsError, Object
from torpor.errors import RetryError, TerminalError
from torpor.metrics import API_WRITES

_TIMEOUT_SECONDS = 30
_PAGE = 500

_PATHS = {
    Kind.MODEL: f"/apis/{API_VERSION}",
    Kind.SERVICE: "/apis/serving.knative.dev/v1",
    Kind.REVISION: "/apis/serving.knative.dev/v1",
    Kind.POD: "/api/v1",
    Kind.CRD: "/apis/apiextensions.k8s.io/v1",
}
_PLURALS = {
    Kind.MODEL: "serverlessmodels",
    Kind.SERVICE: "services",
    Kind.REVISION: "revisions",
    Kind.POD: "pods",
    Kind.CRD: "customresourcedefinitions",
}
_CHILDREN = (Kind.SERVICE, Kind.REVISION, Kind.POD)


class ClusterClient:
    """Sends requests and turns failures into our own errors; decides nothing."""

    def __init__(self, api: ApiClient) -> None:
        # The generated client is not typed.
        self._api: Any = api

    async def create_service(self, service: Object) -> ObservedService:
        """Create a Knative Service."""
        namespace: str = service["metadata"]["namespace"]
        path = f"{_PATHS[Kind.SERVICE]}/namespaces/{namespace}/services?fieldManager={FIELD_MANAGER}"
        return cast("ObservedService", observe(Kind.SERVICE, await self._write("POST", path, service, "Service")))

    async def patch_service(self, key: Key, patch: Sequence[Object]) -> ObservedService:
        """JSON-patch a Knative Service."""
        path = f"{_path(Kind.SERVICE, key)}?fieldManager={FIELD_MANAGER}"
        raw = await self._write("PATCH", path, patch, "Service", "application/json-patch+json")
        return cast("ObservedService", observe(Kind.SERVICE, raw))

    async def patch_revision(self, key: Key, annotations: Mapping[str, str | None]) -> ObservedRevision:
        """Merge-patch a Revision's annotations."""
        path = f"{_path(Kind.REVISION, key)}?fieldManager={FIELD_MANAGER}"
        body = {"metadata": {"annotations": annotations}}
        raw = await self._write("PATCH", path, body, "Revision", "application/merge-patch+json")
        return cast("ObservedRevision", observe(Kind.REVISION, raw))

    async def apply_status(self, key: Key, uid: str, status: Object) -> ObservedModel | None:
        """Apply the whole status of a ServerlessModel."""
        path = f"{_path(Kind.MODEL, key)}/status?fieldManager={FIELD_MANAGER}&force=true"
        body = {
            "apiVersion": API_VERSION,
            "kind": Kind.MODEL.value,
            "metadata": {"name": key.name, "namespace": key.namespace, "uid": uid},
            "status": status,
        }
        try:
            raw = await self._write("PATCH", path, body, "ServerlessModel/status", "application/apply-patch+yaml")
        except NotFoundError:
            return None
        return cast("ObservedModel", observe(Kind.MODEL, raw))

    async def get_service(self, key: Key) -> ObservedService | None:
        """Read a Knative Service past the cache."""
        raw = await self._read(_path(Kind.SERVICE, key))
        return None if raw is None else cast("ObservedService", observe(Kind.SERVICE, raw))

    async def get_features(self) -> Mapping[str, str] | None:
        """Read Knative's ConfigMap config-features."""
        raw = await self._read("/api/v1/namespaces/knative-serving/configmaps/config-features")
        return None if raw is None else (raw.get("data") or {})

    async def create_event(self, event: Object) -> None:
        """Create a Kubernetes Event; one that exists is left alone."""
        path = f"/api/v1/namespaces/{event['metadata']['namespace']}/events"
        try:
            await self._write("POST", path, event, "Event")
        except AlreadyExistsError:
            return

    async def list_all(self, kind: Kind) -> Sequence[Observed] | None:
        """List a watched kind, in pages."""
        selector = f"&labelSelector={quote(MODEL_LABEL)}" if kind in _CHILDREN else ""
        found: list[Observed] = []
        token = ""
        while True:
            path = f"{_PATHS[kind]}/{_PLURALS[kind]}?limit={_PAGE}{selector}&continue={quote(token)}"
            page = await self._read(path)
            if page is None:
                return None
            found += (observe(kind, item) for item in page["items"])
            token = page["metadata"].get("continue", "")
            if not token:
                return found

    async def _read(self, path: str) -> dict[str, Any] | None:
        try:
            return await self._request("GET", path, None, "application/json")
        except NotFoundError:
            return None

    async def _write(
        self, method: str, path: str, body: object, what: str, content_type: str = "application/json"
    ) -> dict[str, Any]:
        API_WRITES.labels(kind=what, verb=method).inc()
        return await self._request(method, path, body, content_type)

    async def _request(self, method: str, path: str, body: object, content_type: str) -> dict[str, Any]:
        configuration: Any = self._api.configuration
        headers = {
            "Content-Type": content_type,
            "Accept": "application/json",
            "User-Agent": "torpor-operator",
        }
        for setting in (await configuration.auth_settings()).values():
            headers[setting["key"]] = setting["value"]
        try:
            response = await self._api.call_api(
                method, f"{configuration.host}{path}", headers, body, None, _TIMEOUT_SECONDS
            )
            content = await response.read()
        except (TimeoutError, aiohttp.ClientError) as error:
            raise RetryError(Reason.RETRYING, f"The API server does not answer: {error!r}") from error
        if response.status < 300:
            return json.loads(content)
        raise _translate(response.status, content, response.getheaders())


class NotFoundError(Exception):
    """The object, or its kind, is not there."""


def _path(kind: Kind, key: Key) -> str:
    return f"{_PATHS[kind]}/namespaces/{key.namespace}/{_PLURALS[kind]}/{key.name}"


def _translate(status: int, content: bytes, headers: Mapping[str, str]) -> Exception:
    try:
        message = str(json.loads(content).get("message", ""))
    except (ValueError, AttributeError):
        # A proxy's answer, not the API server's: its body stays out of conditions and logs.
        message = f"HTTP {status}"
    match status:
        case 404:
            return NotFoundError(message)
        case 409 if "already exists" in message:
            return AlreadyExistsError(message)
        case 400 | 422:
            return TerminalError(Reason.INVALID_SPEC, f"The API server refused it: {message}")
        case 401 | 403:
            return TerminalError(Reason.FORBIDDEN, f"The operator lacks a right: {message}")
        case _:
            if "admission webhook" in message and status < 500:
                return TerminalError(Reason.INVALID_SPEC, message)
            after = headers.get("Retry-After", "")
            seconds = float(after) if after.isdigit() else None
            return RetryError(Reason.RETRYING, f"The API server answered {status}: {message}", seconds)
