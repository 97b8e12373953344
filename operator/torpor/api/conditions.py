"""Condition types, reasons and states: every string that tools may match on."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Literal

from pydantic import Field

from torpor.api.base import ApiModel


class ConditionType(StrEnum):
    """The conditions of a ServerlessModel; Reconciling and Stalled (kstatus) exist only while True."""

    READY = "Ready"
    AVAILABLE = "Available"
    RECONCILING = "Reconciling"
    STALLED = "Stalled"
    PLATFORM_READY = "PlatformReady"


class Reason(StrEnum):
    """Why a condition has its status."""

    # things are well
    SERVING = "Serving"
    ASLEEP = "Asleep"
    PLATFORM_COMPLETE = "PlatformComplete"
    # things are under way
    DEPLOYING = "Deploying"
    LOADING = "Loading"
    SUSPENDED = "SuspendRequested"
    RETRYING = "Retrying"
    # the spec or the cluster is in the way
    INVALID_SPEC = "InvalidSpec"
    NAME_CONFLICT = "NameConflict"
    FORBIDDEN = "Forbidden"
    KNATIVE_MISSING = "KnativeMissing"
    KNATIVE_TOO_OLD = "KnativeTooOld"
    FEATURE_DISABLED = "FeatureDisabled"
    # a revision does not come up
    MODEL_LOAD_FAILED = "ModelLoadFailed"
    IMAGE_PULL_FAILED = "ImagePullFailed"
    OUT_OF_MEMORY = "OutOfMemory"
    UNSCHEDULABLE = "Unschedulable"
    CONTAINER_CRASHED = "ContainerCrashed"
    STARTUP_TIMED_OUT = "StartupTimedOut"
    REVISION_FAILED = "RevisionFailed"
    ROUTE_NOT_READY = "RouteNotReady"
    # a bug of ours
    INTERNAL_ERROR = "InternalError"


class State(StrEnum):
    """One word for people, derived from the conditions."""

    PENDING = "Pending"
    SERVING = "Serving"
    ASLEEP = "Asleep"
    UPDATING = "Updating"
    DEGRADED = "Degraded"
    FAILED = "Failed"
    SUSPENDED = "Suspended"


class Condition(ApiModel):
    """One observation about the object (metav1.Condition)."""

    type: Annotated[str, Field(max_length=316)]
    """Name of the condition."""
    status: Literal["True", "False", "Unknown"]
    """Whether it holds."""
    observed_generation: Annotated[int, Field(ge=0, json_schema_extra={"format": "int64"})] = 0
    """Generation of the spec that this was observed for."""
    last_transition_time: datetime
    """When the status last changed."""
    reason: Annotated[str, Field(max_length=1024)]
    """A constant that says why; machines may match on it."""
    message: Annotated[str, Field(max_length=32768)] = ""
    """What is wrong and what to do about it, for people."""
