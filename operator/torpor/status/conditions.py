"""Sets of conditions, built by named outcomes.

`lastTransitionTime` moves only with the status, messages hold no clock or counter, and Reconciling and Stalled
exist only while True: kstatus, Argo CD and Flux read the result right at every moment.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from torpor.api.conditions import Condition, ConditionType, Reason


class ConditionSet:
    """The conditions of one status while it is written."""

    def __init__(self, previous: Iterable[Condition], generation: int, now: datetime) -> None:
        self._previous = {c.type: c for c in previous}
        self._generation = generation
        self._now = now
        self._made: dict[str, Condition] = {}

    def mark_true(self, kind: ConditionType, reason: Reason, message: str = "") -> None:
        """Say that a condition holds."""
        self._mark(kind, "True", reason, message)

    def mark_false(self, kind: ConditionType, reason: Reason, message: str) -> None:
        """Say that a condition does not hold."""
        self._mark(kind, "False", reason, message)

    def mark_unknown(self, kind: ConditionType, reason: Reason, message: str) -> None:
        """Say that it is not known yet whether a condition holds."""
        self._mark(kind, "Unknown", reason, message)

    def keep(self, kind: ConditionType) -> None:
        """Leave a condition as it was, if it was there."""
        if kind in self._previous:
            before = self._previous[kind]
            self._made[kind] = before.model_copy(update={"observed_generation": self._generation})

    def is_true(self, kind: ConditionType) -> bool:
        """Whether a condition was marked True."""
        made = self._made.get(kind)
        return made is not None and made.status == "True"

    def values(self) -> list[Condition]:
        """Give the conditions in a fixed order."""
        return [self._made[kind] for kind in ConditionType if kind in self._made]

    def _mark(self, kind: ConditionType, status: str, reason: Reason, message: str) -> None:
        before = self._previous.get(kind)
        moved = before is None or before.status != status
        self._made[kind] = Condition.model_validate(
            {
                "type": kind.value,
                "status": status,
                "observedGeneration": self._generation,
                "lastTransitionTime": self._now if moved or before is None else before.last_transition_time,
                "reason": reason.value,
                "message": message,
            }
        )
