"""What controllers may ask of the cluster: a cache to read, and writes that are counted.

Every method raises `RetryError` (timeout, 409, 429, 5xx, connection) or `TerminalError` (400, 403, 422); a read
of something absent gives None.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Protocol

from torpor.api.observed import (
    Key,
    Kind,
    Observed,
    ObservedCrd,
    ObservedModel,
    ObservedPod,
    ObservedRevision,
    ObservedService,
)

Object = Mapping[str, Any]


class AlreadyExistsError(Exception):
    """Something of that name is there, ours or not."""


class CacheReader(Protocol):
    """The watched objects; reading costs no request."""

    def model(self, key: Key) -> ObservedModel | None:
        """Give a ServerlessModel."""
        ...

    def service(self, key: Key) -> ObservedService | None:
        """Give the Knative Service of a model's name, if it carries our label."""
        ...

    def revisions(self, key: Key) -> Mapping[str, ObservedRevision]:
        """Give the revisions of a model by name."""
        ...

    def pods(self, key: Key) -> Iterable[ObservedPod]:
        """Give the pods of a model."""
        ...

    def crd(self, name: str) -> ObservedCrd | None:
        """Give a CustomResourceDefinition."""
        ...

    def put(self, kind: Kind, observed: Observed) -> bool:
        """Take in what a write returned; False when the same or something newer is known."""
        ...


class ClusterPort(Protocol):
    """Requests to the API server."""

    async def create_service(self, service: Object) -> ObservedService:
        """Create a Knative Service.

        Raises
        ------
        AlreadyExistsError
            One of that name exists.
        """
        ...

    async def patch_service(self, key: Key, patch: Sequence[Object]) -> ObservedService:
        """JSON-patch a Knative Service."""
        ...

    async def patch_revision(self, key: Key, annotations: Mapping[str, str | None]) -> ObservedRevision:
        """Merge-patch a Revision's annotations; None removes one."""
        ...

    async def apply_status(self, key: Key, uid: str, status: Object) -> ObservedModel | None:
        """Apply the whole status of a ServerlessModel; None when it is gone."""
        ...

    async def get_service(self, key: Key) -> ObservedService | None:
        """Read a Knative Service past the cache."""
        ...

    async def get_features(self) -> Mapping[str, str] | None:
        """Read Knative's ConfigMap config-features; None when it is absent."""
        ...

    async def create_event(self, event: Object) -> None:
        """Create a Kubernetes Event; one that exists is left alone."""
        ...

    async def list_all(self, kind: Kind) -> Sequence[Observed] | None:
        """List a watched kind; None when the kind does not exist in the cluster."""
        ...
