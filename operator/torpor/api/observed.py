"""What is read from the cluster, cut down to what decisions need.

The API server's objects become these small frozen values as they enter the cache, so that thousands of models
fit in memory and no decision can depend on a field that is not listed here.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, NamedTuple

from torpor.api.base import MODEL_LABEL

Raw = Mapping[str, Any]
"""An object as the API server gives it."""


class Kind(StrEnum):
    """The kinds that are watched."""

    MODEL = "ServerlessModel"
    SERVICE = "Service"
    REVISION = "Revision"
    POD = "Pod"
    CRD = "CustomResourceDefinition"


class Key(NamedTuple):
    """Names one ServerlessModel: what the work queue holds."""

    namespace: str
    name: str


@dataclass(frozen=True, slots=True)
class ObservedCondition:
    """One condition of a Knative object or a pod."""

    status: str
    reason: str
    message: str


@dataclass(frozen=True, slots=True)
class ObservedModel:
    """A ServerlessModel, its spec and status not yet parsed."""

    key: Key
    uid: str
    resource_version: int
    generation: int
    deleting: bool
    spec: Raw
    status: Raw


@dataclass(frozen=True, slots=True)
class TrafficTarget:
    """One entry of a Knative Service's `spec.traffic`."""

    revision: str | None
    percent: int
    tag: str | None


@dataclass(frozen=True, slots=True)
class ObservedService:
    """A Knative Service."""

    key: Key
    uid: str
    resource_version: int
    owner_uid: str | None
    template_name: str | None
    traffic: tuple[TrafficTarget, ...]
    is_current: bool
    url: str | None
    address: str | None
    conditions: Mapping[str, ObservedCondition]

    @property
    def routed(self) -> str | None:
        """The revision that gets all traffic, or None when traffic is not ours to read (empty or shared)."""
        if len(self.traffic) == 1 and self.traffic[0].percent == 100:
            return self.traffic[0].revision
        return None


@dataclass(frozen=True, slots=True)
class ObservedRevision:
    """A Knative Revision."""

    key: Key
    model: str
    uid: str
    resource_version: int
    created_at: datetime
    annotations: Mapping[str, str]
    is_current: bool
    conditions: Mapping[str, ObservedCondition]
    replicas: int
    image: str | None

    @property
    def is_ready(self) -> bool:
        """Knative took it in and its pods passed readiness at least once; True at zero replicas too."""
        ready = self.conditions.get("Ready")
        return self.is_current and ready is not None and ready.status == "True"


@dataclass(frozen=True, slots=True)
class Termination:
    """How a container ended."""

    reason: str
    exit_code: int
    message: str


@dataclass(frozen=True, slots=True)
class ObservedContainer:
    """The state of one container of a pod."""

    name: str
    ready: bool
    restarts: int
    waiting_reason: str
    waiting_message: str
    termination: Termination | None


@dataclass(frozen=True, slots=True)
class ObservedPod:
    """A pod of a revision."""

    key: Key
    model: str
    uid: str
    resource_version: int
    revision: str
    deleting: bool
    unschedulable: str | None
    containers: tuple[ObservedContainer, ...]


@dataclass(frozen=True, slots=True)
class ObservedCrd:
    """A CustomResourceDefinition: whether a kind exists, and of which version its software is."""

    key: Key
    uid: str
    resource_version: int
    version: str | None
    established: bool


Observed = ObservedModel | ObservedService | ObservedRevision | ObservedPod | ObservedCrd


def observe(kind: Kind, raw: Raw) -> Observed:
    """Cut a raw object down to its observed form."""
    return _OBSERVERS[kind](raw)


def model_of(observed: Observed) -> Key | None:
    """Give the key of the ServerlessModel that an object belongs to, or None for a CRD."""
    match observed:
        case ObservedModel() | ObservedService():
            return observed.key
        case ObservedRevision() | ObservedPod():
            return Key(observed.key.namespace, observed.model)
        case ObservedCrd():
            return None


def _observe_model(raw: Raw) -> ObservedModel:
    meta: Raw = raw["metadata"]
    return ObservedModel(
        key=_key(meta),
        uid=meta["uid"],
        resource_version=int(meta["resourceVersion"]),
        generation=meta.get("generation", 1),
        deleting="deletionTimestamp" in meta,
        spec=raw.get("spec") or {},
        status=raw.get("status") or {},
    )


def _observe_service(raw: Raw) -> ObservedService:
    meta: Raw = raw["metadata"]
    spec: Raw = raw.get("spec") or {}
    status: Raw = raw.get("status") or {}
    template = _part(_part(spec, "template"), "metadata")
    traffic: list[Raw] = spec.get("traffic") or []
    return ObservedService(
        key=_key(meta),
        uid=meta["uid"],
        resource_version=int(meta["resourceVersion"]),
        owner_uid=_controller_uid(meta),
        template_name=template.get("name"),
        traffic=tuple(TrafficTarget(t.get("revisionName"), t.get("percent") or 0, t.get("tag")) for t in traffic),
        is_current=status.get("observedGeneration") == meta.get("generation"),
        url=status.get("url"),
        address=_part(status, "address").get("url"),
        conditions=_conditions(status),
    )


def _observe_revision(raw: Raw) -> ObservedRevision:
    meta: Raw = raw["metadata"]
    status: Raw = raw.get("status") or {}
    containers: list[Raw] = status.get("containerStatuses") or []
    return ObservedRevision(
        key=_key(meta),
        model=_part(meta, "labels").get(MODEL_LABEL, ""),
        uid=meta["uid"],
        resource_version=int(meta["resourceVersion"]),
        created_at=datetime.fromisoformat(meta["creationTimestamp"]),
        annotations=dict(meta.get("annotations") or {}),
        is_current=status.get("observedGeneration") == meta.get("generation"),
        conditions=_conditions(status),
        replicas=status.get("actualReplicas") or 0,
        image=containers[0].get("imageDigest") if containers else None,
    )


def _observe_pod(raw: Raw) -> ObservedPod:
    meta: Raw = raw["metadata"]
    labels: Raw = meta.get("labels") or {}
    status: Raw = raw.get("status") or {}
    scheduled = _conditions(status).get("PodScheduled")
    unschedulable = scheduled is not None and scheduled.status == "False" and scheduled.reason == "Unschedulable"
    containers: list[Raw] = status.get("containerStatuses") or []
    return ObservedPod(
        key=_key(meta),
        model=labels.get(MODEL_LABEL, ""),
        uid=meta["uid"],
        resource_version=int(meta["resourceVersion"]),
        revision=labels.get("serving.knative.dev/revision", ""),
        deleting="deletionTimestamp" in meta,
        unschedulable=scheduled.message if scheduled is not None and unschedulable else None,
        containers=tuple(_container(c) for c in containers),
    )


def _observe_crd(raw: Raw) -> ObservedCrd:
    meta: Raw = raw["metadata"]
    established = _conditions(_part(raw, "status")).get("Established")
    return ObservedCrd(
        key=Key("", meta["name"]),
        uid=meta["uid"],
        resource_version=int(meta["resourceVersion"]),
        version=_part(meta, "labels").get("app.kubernetes.io/version"),
        established=established is not None and established.status == "True",
    )


_OBSERVERS = {
    Kind.MODEL: _observe_model,
    Kind.SERVICE: _observe_service,
    Kind.REVISION: _observe_revision,
    Kind.POD: _observe_pod,
    Kind.CRD: _observe_crd,
}


def _part(raw: Raw, name: str) -> Raw:
    return raw.get(name) or {}


def _key(meta: Raw) -> Key:
    return Key(meta.get("namespace", ""), meta["name"])


def _controller_uid(meta: Raw) -> str | None:
    owners: list[Raw] = meta.get("ownerReferences") or []
    return next((o["uid"] for o in owners if o.get("controller")), None)


def _conditions(status: Raw) -> dict[str, ObservedCondition]:
    conditions: Iterable[Raw] = status.get("conditions") or ()
    return {
        c["type"]: ObservedCondition(c.get("status", "Unknown"), c.get("reason", ""), c.get("message", ""))
        for c in conditions
    }


def _container(status: Raw) -> ObservedContainer:
    state: Raw = status.get("state") or {}
    waiting: Raw = state.get("waiting") or {}
    # A container that runs again keeps its last end in lastState; that is what explains a restart.
    ended = _part(state, "terminated") or _part(_part(status, "lastState"), "terminated")
    return ObservedContainer(
        name=status["name"],
        ready=status.get("ready", False),
        restarts=status.get("restartCount", 0),
        waiting_reason=waiting.get("reason", ""),
        waiting_message=waiting.get("message", ""),
        termination=Termination(ended.get("reason", ""), ended.get("exitCode", 0), ended.get("message", ""))
        if ended
        else None,
    )
