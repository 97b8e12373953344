"""Strategy Immediate: a new revision takes all traffic as soon as it is Ready; until then the stable one serves."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from torpor.api.observed import ObservedRevision, ObservedService


@dataclass(frozen=True, slots=True)
class Rollout:
    """Where traffic goes.

    Attributes
    ----------
    desired
        Revision that the spec asks for.
    target
        Revision that all traffic is to go to now.
    """

    desired: str
    target: str

    @property
    def candidate(self) -> str | None:
        """The desired revision while another one serves."""
        return self.desired if self.desired != self.target else None


def decide_rollout(
    desired: str,
    service: ObservedService | None,
    revisions: Mapping[str, ObservedRevision],
    stable: str | None,
) -> Rollout:
    """Decide where traffic goes.

    Parameters
    ----------
    stable
        The revision that served last, from the status; it keeps its traffic even while it is not Ready, since an
        untried revision is no better.
    """
    routed = service.routed if service else None
    if routed is None or routed == desired or routed not in revisions:
        return Rollout(desired, desired)
    candidate = revisions.get(desired)
    if candidate is not None and candidate.is_ready:
        return Rollout(desired, desired)
    has_served = routed == stable or revisions[routed].is_ready
    return Rollout(desired, routed if has_served else desired)
