"""Why a revision does not come up, in words that say what to do.

Knative's own conditions are late and terse; the pods know better, so they are asked first.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from torpor.api.conditions import Reason
from torpor.api.durations import parse_duration
from torpor.api.observed import ObservedContainer, ObservedPod, ObservedRevision, ObservedService, Termination
from torpor.api.serverlessmodel import ServerlessModelSpec

_QUEUE_PROXY = "queue-proxy"
_CRASHES_TO_FAIL = 2
"""One crash may be chance (a dependency a moment late); the second is a pattern."""

_MODEL_SERVER_LINE = re.compile(r"reason=(?P<reason>\S+) message=(?P<message>.*)")
"""What Torpor's model server leaves in the termination log."""


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a revision is not Ready.

    Attributes
    ----------
    is_final
        False while it may still come up by itself, such as a pod that waits for a node.
    """

    reason: Reason
    message: str
    is_final: bool = True


def explain_failure(
    spec: ServerlessModelSpec,
    revision: ObservedRevision | None,
    pods: Iterable[ObservedPod],
    service: ObservedService,
    now: datetime,
) -> Failure | None:
    """Say why a revision fails, or None when nothing speaks against it yet.

    Parameters
    ----------
    revision
        None when Knative has not made it.
    pods
        Pods of that revision alone.
    """
    if revision is None:
        return _explain_missing(service)
    for pod in pods:
        if pod.deleting:
            continue
        for container in pod.containers:
            if container.name != _QUEUE_PROXY and (failure := _explain_container(spec, container)):
                return failure
        if pod.unschedulable is not None:
            return _unschedulable(spec, revision, pod.unschedulable, now)
    return _explain_conditions(spec, revision)


def _explain_container(spec: ServerlessModelSpec, container: ObservedContainer) -> Failure | None:
    match container.waiting_reason:
        case "ImagePullBackOff" | "InvalidImageName" | "ErrImageNeverPull":
            return Failure(Reason.IMAGE_PULL_FAILED, _image_message(container.waiting_message))
        case "CreateContainerConfigError" | "CreateContainerError" | "RunContainerError":
            return Failure(Reason.REVISION_FAILED, f"The container cannot be created: {container.waiting_message}")
        case _:
            pass
    ended = container.termination
    if container.ready or ended is None or ended.exit_code == 0:
        return None
    if ended.reason == "OOMKilled":
        return Failure(Reason.OUT_OF_MEMORY, _memory_message(spec))
    if told := _MODEL_SERVER_LINE.search(ended.message):
        return Failure(Reason.MODEL_LOAD_FAILED, f"{told['message'].strip()} ({told['reason']})")
    if container.restarts >= _CRASHES_TO_FAIL:
        return Failure(Reason.CONTAINER_CRASHED, _crash_message(ended))
    return None


def _explain_conditions(spec: ServerlessModelSpec, revision: ObservedRevision) -> Failure | None:
    ready = revision.conditions.get("Ready")
    if not revision.is_current or ready is None or ready.status != "False":
        return None
    match ready.reason:
        case "ContainerMissing":
            return Failure(Reason.IMAGE_PULL_FAILED, _image_message(ready.message))
        case "ProgressDeadlineExceeded":
            return Failure(
                Reason.STARTUP_TIMED_OUT,
                f"No replica was ready within {spec.timeouts.startup}: look at the container's log, or raise "
                "spec.timeouts.startup if it needs longer to load.",
            )
        case _:
            # Everything else that Knative says here repeats the pods' state, which was looked at already and may
            # pass: a first crash, a first failed pull, a pod not scheduled yet.
            return None


def _explain_missing(service: ObservedService) -> Failure | None:
    configuration = service.conditions.get("ConfigurationsReady")
    if service.is_current and configuration is not None and configuration.status == "False":
        return Failure(Reason.REVISION_FAILED, f"Knative made no revision: {configuration.message}")
    return None


def _unschedulable(spec: ServerlessModelSpec, revision: ObservedRevision, message: str, now: datetime) -> Failure:
    requests = (spec.resources.requests if spec.resources else None) or {}
    asked = ", ".join(f"{name} {amount}" for name, amount in sorted(requests.items())) or "no resources"
    text = f"No node takes the pod, which asks for {asked}: {message}"
    # A cluster autoscaler may bring a node as long as the start may take.
    return Failure(Reason.UNSCHEDULABLE, text, is_final=now >= startup_deadline(spec, revision))


def startup_deadline(spec: ServerlessModelSpec, revision: ObservedRevision) -> datetime:
    """Give the moment from which a revision that never was Ready counts as failed."""
    return revision.created_at + max(parse_duration(spec.timeouts.startup), timedelta(seconds=1))


def _image_message(detail: str) -> str:
    return f"The image cannot be pulled; check its name and spec.pod.imagePullSecrets: {detail}"


def _memory_message(spec: ServerlessModelSpec) -> str:
    limits = (spec.resources.limits if spec.resources else None) or {}
    limit = limits.get("memory")
    if limit is None:
        return "The container was killed: the node ran out of memory. Set spec.resources.requests.memory."
    return f"The container was killed at its memory limit of {limit}: raise spec.resources.limits.memory."


def _crash_message(ended: Termination) -> str:
    lines = [line for line in ended.message.splitlines() if line.strip()]
    last = f": {lines[-1].strip()}" if lines else ""
    return f"The container exits with code {ended.exit_code} again and again{last}"
