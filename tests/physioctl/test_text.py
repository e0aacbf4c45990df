"""Values as people read them."""

from __future__ import annotations

from physioctl.text import minutes


def test_a_time_has_one_form_whatever_is_left_of_a_second() -> None:
    times = {0: "0:00", 999: "0:00", 1000: "0:01", 59_999: "0:59", 789_000: "13:09", 789_300: "13:09"}

    assert {ms: minutes(ms) for ms in times} == times
