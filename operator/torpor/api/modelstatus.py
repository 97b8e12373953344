"""The status of a ServerlessModel: written by the operator alone."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field

from torpor.api.base import ApiModel, Name, keyed_by
from torpor.api.conditions import Condition, State

_Uri = Annotated[str, Field(max_length=2048)]


class ServingStatus(ApiModel):
    """The revision that answers."""

    revision: Name
    """Name of the Knative Revision."""
    uri: _Uri | None = None
    """URI of its model, when it serves a model file."""
    image: Annotated[str, Field(max_length=1024)] | None = None
    """Image it runs, with the digest that Knative resolved."""
    digest: Annotated[str, Field(max_length=71)] | None = None
    """Digest of its model, when the spec names one."""
    replicas: Annotated[int, Field(ge=0)] = 0
    """Replicas that run now; 0 = asleep."""


class CandidateStatus(ApiModel):
    """The revision that is to take over."""

    revision: Name
    """Name of the Knative Revision."""
    uri: _Uri | None = None
    """URI of its model, when it serves a model file."""


class HistoryEntry(ApiModel):
    """A revision that served or was meant to."""

    revision: Name
    """Name of the Knative Revision."""
    uri: _Uri | None = None
    """URI of its model, when it served a model file."""
    digest: Annotated[str, Field(max_length=71)] | None = None
    """Digest of its model, when the spec named one."""
    state: Literal["Serving", "Superseded", "Failed"]
    """What became of it."""
    since: datetime
    """When it came into this state."""
    reason: Annotated[str, Field(max_length=1024)] | None = None
    """Why it failed."""


class ServerlessModelStatus(ApiModel):
    """What is."""

    observed_generation: Annotated[int, Field(json_schema_extra={"format": "int64"})] = -1
    """Generation of the spec that this status is about; -1 before the operator saw the object."""
    url: Annotated[str, Field(max_length=2048)] | None = None
    """Where the model answers from outside."""
    address: Annotated[str, Field(max_length=2048)] | None = None
    """Where the model answers inside the cluster."""
    state: State | None = None
    """One word for people; the conditions say more."""
    serving: ServingStatus | None = None
    """The revision that answers."""
    candidate: CandidateStatus | None = None
    """The revision that is to take over; only while one is under way or has failed."""
    history: Annotated[list[HistoryEntry], Field(max_length=100)] | None = None
    """Revisions, newest first."""
    conditions: Annotated[list[Condition], Field(max_length=16, json_schema_extra=keyed_by("type"))] | None = None
    """Ready, Available, PlatformReady; Reconciling and Stalled while they hold."""
