import contextlib
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from torpor.api.durations import duration_seconds, parse_duration


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("0s", 0), ("90s", 90), ("5m", 300), ("1h30m", 5400), ("1h1m1s", 3661), ("24h", 86400), ("060s", 60)],
)
def test_durations(text, seconds):
    assert parse_duration(text) == timedelta(seconds=seconds)
    assert duration_seconds(text) == seconds


@pytest.mark.parametrize(
    "text",
    [
        "",
        "5",
        "s",
        "1d",
        "1.5h",
        "-1s",
        "1s1m",
        "1m1h",
        " 1s",
        "1s\n",
        "1ms",
        "1H",
        "٣s",
        "9999999s",
        "9" * 40 + "h",
    ],
)
def test_what_is_no_duration(text):
    with pytest.raises(ValueError, match="is not a duration such as"):
        parse_duration(text)


@given(st.integers(0, 999999), st.integers(0, 999999), st.integers(0, 999999))
def test_sum_of_the_parts(hours, minutes, seconds):
    assert duration_seconds(f"{hours}h{minutes}m{seconds}s") == hours * 3600 + minutes * 60 + seconds


@given(st.text(max_size=20))
def test_nothing_else_is_raised(text):
    with contextlib.suppress(ValueError):
        parse_duration(text)
