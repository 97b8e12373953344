"""Durations as people write them in YAML, parsed once."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Annotated

from pydantic import AfterValidator, Field

DURATION_PATTERN = r"^([0-9]{1,6}h)?([0-9]{1,6}m)?([0-9]{1,6}s)?$"
"""Six digits a unit: more would overflow CEL's and Python's own durations."""
_UNITS = {"h": 3600, "m": 60, "s": 1}


def parse_duration(text: str) -> timedelta:
    """Turn `1h30m`, `90s` or `0s` into a timedelta.

    Raises
    ------
    ValueError
        The text is empty or not hours, minutes and seconds in that order.
    """
    if not text or not re.fullmatch(DURATION_PATTERN, text):
        raise ValueError(f"{text!r} is not a duration such as 90s, 5m or 1h30m")
    return timedelta(seconds=sum(int(n) * _UNITS[u] for n, u in re.findall(r"([0-9]+)([hms])", text)))


def duration_seconds(text: str) -> int:
    """Give the whole seconds of a duration string."""
    return int(parse_duration(text).total_seconds())


def _check(text: str) -> str:
    parse_duration(text)
    return text


Duration = Annotated[str, Field(pattern=DURATION_PATTERN, min_length=2, max_length=16), AfterValidator(_check)]
"""Hours, minutes and seconds: 90s, 5m, 1h30m."""
