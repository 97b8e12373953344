"""The status of a ServerlessModel, from what is observed and decided."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pydantic import ValidationError

from torpor.api.conditions import ConditionType, Reason, State
from torpor.api.modelstatus import CandidateStatus, HistoryEntry, ServerlessModelStatus, ServingStatus
from torpor.api.observed import ObservedModel, ObservedRevision, ObservedService
from torpor.api.serverlessmodel import ServerlessModelSpec
from torpor.status.conditions import ConditionSet


@dataclass(frozen=True, slots=True)
class Trouble:
    """What keeps the desired revision from serving.

    Attributes
    ----------
    is_final
        True: nothing more happens without a change (Stalled). False: it is being tried (Reconciling).
    """

    reason: Reason
    message: str
    is_final: bool


@dataclass(frozen=True, slots=True)
class Situation:
    """All that a status is made from.

    Attributes
    ----------
    serving
        The routed revision once it has been Ready; None when nothing has served yet.
    desired
        Name of the revision that the spec asks for.
    trouble
        None when nothing is wrong.
    """

    model: ObservedModel
    spec: ServerlessModelSpec
    service: ObservedService | None
    desired: str
    serving: ObservedRevision | None
    trouble: Trouble | None

    @property
    def is_desired_serving(self) -> bool:
        """The routed revision is the desired one."""
        return self.serving is not None and self.serving.key.name == self.desired

    @property
    def is_available(self) -> bool:
        """A request would be answered."""
        return self.serving is not None and self.serving.is_ready and _is_true(self.service, "RoutesReady")

    @property
    def is_asleep(self) -> bool:
        """No replica runs."""
        return self.serving is not None and self.serving.replicas == 0


def parse_status(raw: Mapping[str, Any]) -> ServerlessModelStatus:
    """Parse a stored status; one that another version of the operator wrote counts as absent."""
    try:
        return ServerlessModelStatus.model_validate(raw)
    except ValidationError:
        return ServerlessModelStatus()


def dump_status(status: ServerlessModelStatus) -> dict[str, Any]:
    """Give a status as it is stored; equal dumps mean that nothing need be written."""
    return status.model_dump(mode="json", by_alias=True, exclude_none=True)


def make_status(situation: Situation, now: datetime) -> ServerlessModelStatus:
    """Make the status of a model whose spec is sound and whose platform is there."""
    previous = parse_status(situation.model.status)
    conditions = ConditionSet(previous.conditions or (), situation.model.generation, now)
    conditions.mark_true(ConditionType.PLATFORM_READY, Reason.PLATFORM_COMPLETE)
    _mark_available(conditions, situation)
    if situation.spec.suspend:
        _mark_suspended(conditions, situation)
    elif situation.trouble is None and situation.is_desired_serving and situation.is_available:
        reason = Reason.ASLEEP if situation.is_asleep else Reason.SERVING
        conditions.mark_true(ConditionType.READY, reason, f"Revision {situation.desired} serves all traffic.")
    else:
        _mark_not_ready(conditions, situation)
    service = situation.service
    return ServerlessModelStatus(
        observed_generation=situation.model.generation,
        url=service.url if service else None,
        address=service.address if service else None,
        state=_state(situation, conditions),
        serving=_serving(situation, previous),
        candidate=_candidate(situation),
        history=_history(situation, previous, now),
        conditions=conditions.values(),
    )


def make_stopped_status(
    model: ObservedModel, reason: Reason, message: str, now: datetime, *, is_final: bool
) -> ServerlessModelStatus:
    """Make the status of a model that could not be reconciled at all; what serves goes on serving.

    Parameters
    ----------
    is_final
        True marks it Stalled, False Reconciling (it is tried again).
    """
    previous = parse_status(model.status)
    conditions = ConditionSet(previous.conditions or (), model.generation, now)
    conditions.keep(ConditionType.AVAILABLE)
    is_platform = reason in (Reason.KNATIVE_MISSING, Reason.KNATIVE_TOO_OLD, Reason.FEATURE_DISABLED)
    if is_platform:
        conditions.mark_false(ConditionType.PLATFORM_READY, reason, message)
    else:
        conditions.keep(ConditionType.PLATFORM_READY)
    if is_final:
        conditions.mark_false(ConditionType.READY, reason, message)
        conditions.mark_true(ConditionType.STALLED, reason, message)
    else:
        conditions.mark_unknown(ConditionType.READY, reason, message)
        conditions.mark_true(ConditionType.RECONCILING, reason, message)
    is_available = conditions.is_true(ConditionType.AVAILABLE)
    stopped = State.DEGRADED if is_available else State.FAILED
    state = stopped if is_final else previous.state or State.PENDING
    return previous.model_copy(
        update={
            "observed_generation": model.generation,
            "state": state,
            "conditions": conditions.values(),
        }
    )


def _mark_available(conditions: ConditionSet, situation: Situation) -> None:
    if situation.serving is not None and situation.is_available:
        reason = Reason.ASLEEP if situation.is_asleep else Reason.SERVING
        message = f"Revision {situation.serving.key.name} serves."
        conditions.mark_true(ConditionType.AVAILABLE, reason, message)
    elif situation.trouble is not None:
        conditions.mark_false(ConditionType.AVAILABLE, situation.trouble.reason, situation.trouble.message)
    else:
        conditions.mark_false(ConditionType.AVAILABLE, Reason.DEPLOYING, "No revision serves yet.")


def _mark_suspended(conditions: ConditionSet, situation: Situation) -> None:
    prefix = "Suspended, the operator changes nothing until spec.suspend is false."
    if situation.serving is not None and situation.is_available:
        message = f"{prefix} Revision {situation.serving.key.name} goes on serving."
        conditions.mark_true(ConditionType.READY, Reason.SUSPENDED, message)
    else:
        conditions.mark_false(ConditionType.READY, Reason.SUSPENDED, f"{prefix} No revision serves.")


def _mark_not_ready(conditions: ConditionSet, situation: Situation) -> None:
    trouble = situation.trouble
    if trouble is None:
        message = f"Revision {situation.desired} is starting."
        conditions.mark_unknown(ConditionType.READY, Reason.LOADING, message)
        conditions.mark_true(ConditionType.RECONCILING, Reason.LOADING, message)
        return
    message = trouble.message
    if situation.serving is not None and not situation.is_desired_serving:
        message += f" Revision {situation.serving.key.name} serves on."
    if trouble.is_final:
        conditions.mark_false(ConditionType.READY, trouble.reason, message)
        conditions.mark_true(ConditionType.STALLED, trouble.reason, message)
    else:
        conditions.mark_unknown(ConditionType.READY, trouble.reason, message)
        conditions.mark_true(ConditionType.RECONCILING, trouble.reason, message)


def _state(situation: Situation, conditions: ConditionSet) -> State:
    if situation.spec.suspend:
        return State.SUSPENDED
    is_available = conditions.is_true(ConditionType.AVAILABLE)
    if conditions.is_true(ConditionType.STALLED):
        return State.DEGRADED if is_available else State.FAILED
    if conditions.is_true(ConditionType.READY):
        return State.ASLEEP if situation.is_asleep else State.SERVING
    return State.UPDATING if is_available else State.PENDING


def _serving(situation: Situation, previous: ServerlessModelStatus) -> ServingStatus | None:
    revision = situation.serving
    if revision is None:
        return None
    uri, digest = _source(situation, previous, revision.key.name)
    return ServingStatus(
        revision=revision.key.name, uri=uri, digest=digest, image=revision.image, replicas=revision.replicas
    )


def _candidate(situation: Situation) -> CandidateStatus | None:
    if situation.is_desired_serving or situation.spec.suspend:
        return None
    model = situation.spec.model
    return CandidateStatus(revision=situation.desired, uri=model.uri if model else None)


def _history(situation: Situation, previous: ServerlessModelStatus, now: datetime) -> list[HistoryEntry] | None:
    entries = {entry.revision: entry for entry in previous.history or ()}
    changed: list[HistoryEntry] = []

    def enter(revision: str, state: str, reason: str | None) -> None:
        before = entries.pop(revision, None)
        if before is not None and (before.state, before.reason) == (state, reason):
            changed.append(before)
            return
        uri, digest = _source(situation, previous, revision)
        values = {"revision": revision, "uri": uri, "digest": digest, "state": state, "since": now}
        changed.append(HistoryEntry.model_validate({**values, "reason": reason}))

    trouble = situation.trouble
    if trouble is not None and trouble.is_final and not situation.is_desired_serving:
        enter(situation.desired, "Failed", trouble.reason.value)
    if situation.serving is not None:
        enter(situation.serving.key.name, "Serving", None)
        for entry in [e for e in entries.values() if e.state == "Serving"]:
            enter(entry.revision, "Superseded", None)
    history = [*changed, *entries.values()][: situation.spec.history_limit]
    return history or None


def _source(situation: Situation, previous: ServerlessModelStatus, revision: str) -> tuple[str | None, str | None]:
    """Give URI and digest of the model that a revision serves."""
    if revision == situation.desired:
        model = situation.spec.model
        return (model.uri, model.digest) if model else (None, None)
    known = next((e for e in previous.history or () if e.revision == revision), None)
    return (known.uri, known.digest) if known else (None, None)


def _is_true(service: ObservedService | None, condition: str) -> bool:
    found = service.conditions.get(condition) if service else None
    return found is not None and found.status == "True"
