"""How many replicas, and when none."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from torpor.api.base import ApiModel, Rule
from torpor.api.durations import Duration


class Scaling(ApiModel):
    """Scaling of the model. A change here reaches the running revision and makes no new one.

    The exception is concurrencyLimit, which the pod's queue-proxy enforces.
    """

    rules = (
        Rule(
            "self.maxReplicas == 0 || self.minReplicas <= self.maxReplicas",
            "minReplicas must not be above maxReplicas (0 means no limit)",
            field="minReplicas",
        ),
        Rule(
            "self.maxReplicas == 0 || self.activationReplicas <= self.maxReplicas",
            "activationReplicas must not be above maxReplicas (0 means no limit)",
            field="activationReplicas",
        ),
        Rule(
            "duration(self.idleWindow) >= duration('6s') && duration(self.idleWindow) <= duration('1h')",
            "idleWindow must be from 6s to 1h",
            field="idleWindow",
        ),
        Rule(
            "duration(self.retention) <= duration('1h')",
            "retention must be from 0s to 1h",
            field="retention",
        ),
    )

    min_replicas: Annotated[int, Field(ge=0, le=10000)] = 0
    """Replicas kept even without requests; 0 lets the model sleep."""
    max_replicas: Annotated[int, Field(ge=0, le=10000)] = 10
    """Most replicas; 0 = no limit."""
    metric: Literal["concurrency", "rps"] = "concurrency"
    """What a replica is measured by: requests in flight, or requests per second."""
    target: Annotated[int, Field(ge=1, le=1000000)] = 10
    """Value of the metric per replica. Knative scales so that replicas run at 70 % of it."""
    concurrency_limit: Annotated[int, Field(ge=0, le=1000)] = 0
    """Most requests in flight in one replica, further ones wait; 0 = none. A change makes a new revision."""
    idle_window: Duration = "60s"
    """How long without requests before a model goes to sleep, and over how long load is averaged
    (6s to 1h)."""
    retention: Duration = "0s"
    """The last replica is kept this much longer (0s to 1h)."""
    activation_replicas: Annotated[int, Field(ge=1, le=10000)] = 1
    """Replicas started when a sleeping model is called."""
    burst: Annotated[int, Field(ge=-1, le=1000000)] | None = None
    """Knative's target-burst-capacity: requests that may be absorbed before the activator steps in; -1 keeps
    the activator always in the path; default Knative's."""
