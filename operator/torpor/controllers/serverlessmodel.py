"""The controller of ServerlessModel: observe, decide, apply what differs, write one status."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from pydantic import ValidationError

from torpor.api.base import API_VERSION, FIELD_MANAGER
from torpor.api.conditions import ConditionType, Reason
from torpor.api.modelstatus import ServerlessModelStatus
from torpor.api.observed import Key, Kind, ObservedModel, ObservedRevision, ObservedService
from torpor.api.serverlessmodel import ServerlessModelSpec, parse_spec
from torpor.builders.features import required_features
from torpor.builders.names import make_revision_name
from torpor.builders.revision import diff_revision_annotations, make_revision_annotations
from torpor.builders.service import make_named_template, make_service, make_service_patch
from torpor.builders.template import make_template
from torpor.cluster.port import AlreadyExistsError, CacheReader, ClusterPort
from torpor.errors import RetryError, TerminalError, TorporError
from torpor.rollout.failures import Failure, explain_failure, startup_deadline
from torpor.rollout.immediate import Rollout, decide_rollout
from torpor.status.serverlessmodel import (
    Situation,
    Trouble,
    dump_status,
    make_status,
    make_stopped_status,
    parse_status,
)

log = logging.getLogger(__name__)

_KNATIVE_CRD = "services.serving.knative.dev"
_KNATIVE_MINIMUM = (1, 21)
"""The first release that takes scaling annotations from a running Revision."""
_PLATFORM_REASONS = (Reason.KNATIVE_MISSING, Reason.KNATIVE_TOO_OLD, Reason.FEATURE_DISABLED)


@dataclass(frozen=True, slots=True)
class ServerlessModelController:
    """Brings the children of a ServerlessModel to its spec, and its status to what is."""

    cache: CacheReader
    cluster: ClusterPort
    runtime_image: str
    clock: Callable[[], datetime]

    async def reconcile(self, key: Key) -> timedelta | None:
        """Reconcile one model; give the time after which to look again, or None to wait for a change."""
        model = self.cache.model(key)
        if model is None or model.deleting:
            return None
        now = self.clock().replace(microsecond=0)
        try:
            spec = _parse(model)
            if not spec.suspend:
                await self._check_platform(spec)
                await self._apply_children(model, spec)
            situation, wake_at = self._observe(model, spec, now)
        except (TerminalError, RetryError) as error:
            is_final = isinstance(error, TerminalError)
            if is_final or parse_status(model.status).observed_generation != model.generation:
                status = make_stopped_status(model, Reason(error.reason), error.message, now, is_final=is_final)
                await self._write_status(model, status)
            raise
        await self._write_status(model, make_status(situation, now))
        return None if wake_at is None else max(wake_at - now, timedelta(seconds=1))

    async def _check_platform(self, spec: ServerlessModelSpec) -> None:
        crd = self.cache.crd(_KNATIVE_CRD)
        if crd is None or not crd.established:
            raise TerminalError(
                Reason.KNATIVE_MISSING,
                "Knative Serving is not installed: install 1.21 or newer; it is tried again then.",
            )
        version = _version(crd.version)
        if version is not None and version < _KNATIVE_MINIMUM:
            raise TerminalError(
                Reason.KNATIVE_TOO_OLD, f"Knative Serving {crd.version} is too old: 1.21 or newer is needed."
            )
        required = required_features(spec)
        if not required:
            return
        features = await self.cluster.get_features() or {}
        missing = [name for name in required if features.get(name, "disabled").lower() == "disabled"]
        if missing:
            raise TerminalError(
                Reason.FEATURE_DISABLED,
                f"Knative's ConfigMap knative-serving/config-features must enable: {', '.join(missing)}.",
            )

    async def _apply_children(self, model: ObservedModel, spec: ServerlessModelSpec) -> None:
        key = model.key
        template = make_template(key, spec, self.runtime_image)
        desired = make_revision_name(key.name, template)
        annotations = make_revision_annotations(spec)
        service = self.cache.service(key)
        if service is None:
            named = make_named_template(template, desired, annotations, spec.scaling.min_replicas)
            self.cache.put(Kind.SERVICE, await self._create(model, make_service(model, named, desired)))
            log.info("created Knative Service with revision %s", desired, extra=_fields(key))
            return
        if service.owner_uid != model.uid:
            raise _name_conflict(key)
        revisions = self.cache.revisions(key)
        rollout = self._rollout(model, desired, service)
        new_template = service.template_name != desired
        moves = service.routed != rollout.target
        if new_template or moves:
            stable = revisions.get(rollout.target)
            replicas = max(spec.scaling.min_replicas, stable.replicas if stable else 0)
            named = make_named_template(template, desired, annotations, replicas) if new_template else None
            patch = make_service_patch(service.uid, named, rollout.target if moves else None)
            self.cache.put(Kind.SERVICE, await self.cluster.patch_service(key, patch))
            log.info("desired revision %s, traffic to %s", desired, rollout.target, extra=_fields(key))
        for name in {desired, rollout.target} & revisions.keys():
            revision = revisions[name]
            if changed := diff_revision_annotations(revision.annotations, annotations):
                self.cache.put(Kind.REVISION, await self.cluster.patch_revision(revision.key, changed))
                log.info("revision %s: changed %s", name, ", ".join(changed), extra=_fields(key))

    async def _create(self, model: ObservedModel, service: Mapping[str, Any]) -> ObservedService:
        try:
            return await self.cluster.create_service(service)
        except AlreadyExistsError as error:
            existing = await self.cluster.get_service(model.key)
            if existing is not None and existing.owner_uid == model.uid:
                return existing
            raise _name_conflict(model.key) from error

    def _rollout(self, model: ObservedModel, desired: str, service: ObservedService | None) -> Rollout:
        serving = parse_status(model.status).serving
        stable = serving.revision if serving else None
        return decide_rollout(desired, service, self.cache.revisions(model.key), stable)

    def _observe(
        self, model: ObservedModel, spec: ServerlessModelSpec, now: datetime
    ) -> tuple[Situation, datetime | None]:
        key = model.key
        service = self.cache.service(key)
        revisions = self.cache.revisions(key)
        desired = make_revision_name(key.name, make_template(key, spec, self.runtime_image))
        if spec.suspend and service is not None and service.template_name is not None:
            desired = service.template_name
        previous = parse_status(model.status)
        routed = revisions.get(service.routed) if service and service.routed else None
        has_served = routed is not None and (
            routed.is_ready or (previous.serving is not None and previous.serving.revision == routed.key.name)
        )
        revision = revisions.get(desired)
        trouble = None
        wake_at = None
        if service is not None:
            trouble = self._trouble(model, spec, service, revision, desired, now)
        if revision is not None and trouble is not None and not trouble.is_final:
            wake_at = startup_deadline(spec, revision)
        situation = Situation(model, spec, service, desired, routed if has_served else None, trouble)
        return situation, wake_at

    def _trouble(
        self,
        model: ObservedModel,
        spec: ServerlessModelSpec,
        service: ObservedService,
        revision: ObservedRevision | None,
        desired: str,
        now: datetime,
    ) -> Trouble | None:
        routes = service.conditions.get("RoutesReady")
        if routes is not None and routes.reason == "NotOwned":
            return Trouble(Reason.NAME_CONFLICT, routes.message, is_final=True)
        if revision is not None and revision.is_ready:
            return None
        pods = [pod for pod in self.cache.pods(model.key) if pod.revision == desired]
        failure = explain_failure(spec, revision, pods, service, now) or _remembered(model, desired)
        return Trouble(failure.reason, failure.message, failure.is_final) if failure else None

    async def _write_status(self, model: ObservedModel, status: ServerlessModelStatus) -> None:
        dumped = dump_status(status)
        if dumped == model.status:
            return
        written = await self.cluster.apply_status(model.key, model.uid, dumped)
        if written is not None:
            self.cache.put(Kind.MODEL, written)
        event = _event(model, parse_status(model.status), status, self.clock())
        if event is None:
            return
        try:
            await self.cluster.create_event(event)
        except TorporError as error:
            # The status is written and says the same; an Event is not worth another reconcile.
            log.warning("event not written: %s", error.message, extra=_fields(model.key))


def _parse(model: ObservedModel) -> ServerlessModelSpec:
    try:
        return parse_spec(model.spec)
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(str(part) for part in ("spec", *first["loc"]))
        raise TerminalError(Reason.INVALID_SPEC, f"{field}: {first['msg']}") from error


def _remembered(model: ObservedModel, desired: str) -> Failure | None:
    """Give the failure that the status tells of the same revision.

    Its pods go away after a while and a restarted container hides its past for a moment; neither makes the
    revision better. Only Ready does.
    """
    previous = parse_status(model.status)
    stalled = next((c for c in previous.conditions or () if c.type == ConditionType.STALLED), None)
    same = previous.candidate is not None and previous.candidate.revision == desired
    if stalled is None or not same or stalled.reason in _PLATFORM_REASONS:
        return None
    if stalled.observed_generation != model.generation:
        return None
    served = f" Revision {previous.serving.revision} serves on." if previous.serving else ""
    return Failure(Reason(stalled.reason), stalled.message.removesuffix(served))


def _name_conflict(key: Key) -> TerminalError:
    return TerminalError(
        Reason.NAME_CONFLICT,
        f"A Knative Service {key.name} exists that is not this model's: rename the model, or delete the Service.",
    )


def _version(text: str | None) -> tuple[int, int] | None:
    parts = (text or "").lstrip("v").split(".")
    return (int(parts[0]), int(parts[1])) if len(parts) >= 2 and all(p.isdigit() for p in parts[:2]) else None


def _event(
    model: ObservedModel, before: ServerlessModelStatus, after: ServerlessModelStatus, now: datetime
) -> dict[str, Any] | None:
    """Make the Event of a change of outcome: a revision took over, or something failed for good."""
    stalled_before = {c.reason for c in before.conditions or () if c.type == ConditionType.STALLED}
    stalled = next((c for c in after.conditions or () if c.type == ConditionType.STALLED), None)
    if stalled is not None and stalled.reason not in stalled_before:
        kind, reason, message = "Warning", stalled.reason, stalled.message
    elif after.serving and (before.serving is None or before.serving.revision != after.serving.revision):
        kind, reason = "Normal", "RevisionServing"
        message = f"Revision {after.serving.revision} serves all traffic."
    else:
        return None
    identity = f"{model.uid}/{model.generation}/{reason}/{message}"
    digest = hashlib.sha256(identity.encode()).hexdigest()[:16]
    stamp = now.isoformat(timespec="seconds").replace("+00:00", "Z")
    return {
        "apiVersion": "v1",
        "kind": "Event",
        # Derived from what happened: the same outcome told twice is one Event.
        "metadata": {"name": f"{model.key.name}.{digest}", "namespace": model.key.namespace},
        "involvedObject": {
            "apiVersion": API_VERSION,
            "kind": "ServerlessModel",
            "name": model.key.name,
            "namespace": model.key.namespace,
            "uid": model.uid,
        },
        "type": kind,
        "reason": reason,
        "message": message[:1024],
        "source": {"component": FIELD_MANAGER},
        "firstTimestamp": stamp,
        "lastTimestamp": stamp,
        "count": 1,
    }


def _fields(key: Key) -> dict[str, str]:
    return {"model": f"{key.namespace}/{key.name}"}
