"""Output and suspensions by our own clock: what counts as which, and what it may come to."""

from __future__ import annotations

from dataclasses import replace

import pytest

from device.dialects.base import UnitState
from device.monitor.host_time import HostCount, with_slack_ms
from device.monitor.view import HostTime, Start
from tests.device.parts import STATUS

E, H, R = UnitState.EMITTING, UnitState.SUSPENDED, UnitState.READY
START = Start(number=1, at_ms=1000, for_ms=10_000, ramp_ms=0, level=440, duty_pct=50, base_ms=0)


def count(
    *seen: tuple[int, UnitState], start: Start | None = START, suspension_max_ms: int = 60_000
) -> HostTime:
    """What has been counted after these reports, the one before them at 900 ms."""
    counting, before_ms, counted = HostCount(suspension_max_ms), 900, HostTime()
    for now_ms, state in seen:
        counted = counting.follow(replace(STATUS, state=state), now_ms, before_ms, start, 20_000)
        before_ms = now_ms
    return counted


@pytest.mark.parametrize(("ms", "bound_ms"), [(0, 500), (10_000, 10_700), (49, 549), (50, 551)])
def test_a_time_by_a_units_clock_may_come_to_two_hundredths_and_half_a_second_more(
    ms: int, bound_ms: int
) -> None:
    assert with_slack_ms(ms) == bound_ms


def test_before_a_start_nothing_is_counted() -> None:
    assert count((1100, R), (1200, E), start=None) == HostTime()


def test_output_counts_from_the_start_that_left_and_not_from_the_report_before() -> None:
    assert count((1010, E)).output_ms == 10
    assert count((1010, E), (1100, E)).output_ms == 100


def test_a_report_that_says_off_ends_the_count_and_adds_nothing_to_it() -> None:
    counted = count((1010, E), (1100, E), (4100, R))

    assert (counted.output_ms, counted.suspensions_ms) == (100, 0)


def test_where_contact_comes_or_goes_it_counts_as_suspension() -> None:
    counted = count((1010, E), (1100, H), (1200, H), (1300, E), (1400, E))

    assert (counted.output_ms, counted.suspension_ms, counted.suspensions_ms) == (110, 0, 290)
    assert count((1010, E), (1100, H), (1200, H)).suspension_ms == 190


def test_suspensions_are_counted_one_by_one_and_together() -> None:
    counted = count((1010, E), (1100, H), (1200, E), (1300, E), (1400, H), (1450, H))

    assert (counted.suspension_ms, counted.suspensions_ms) == (150, 90 + 100 + 150)


def test_a_start_that_the_unit_suspends_at_once_counts_as_suspension() -> None:
    assert count((1050, H)).suspension_ms == 50


def test_each_start_has_its_own_time_and_the_session_has_them_all() -> None:
    counting = HostCount(60_000)
    states = [(1100, E), (1200, R), (5000, R)]
    before_ms = 900
    for now_ms, state in states:
        counting.follow(replace(STATUS, state=state), now_ms, before_ms, START, 20_000)
        before_ms = now_ms

    again = counting.follow(
        replace(STATUS, state=E), 5200, before_ms, replace(START, number=2, at_ms=5050), 20_000
    )

    assert (again.output_ms, again.session_ms) == (150, 250)


def test_the_bounds_are_the_starts_the_sessions_and_the_units() -> None:
    counted = count((1010, E), suspension_max_ms=10_000)

    assert (counted.output_max_ms, counted.session_max_ms) == (10_700, 21_000)
    assert (counted.suspension_max_ms, counted.suspensions_max_ms) == (10_700, 32_100)
    second = count((1010, E), start=replace(START, number=2))
    assert second.session_max_ms == 21_100


@pytest.mark.hazard("H-17")
def test_no_unit_may_wait_for_contact_for_longer_than_a_minute() -> None:
    assert count((1010, E), suspension_max_ms=3_600_000).suspension_max_ms == 61_700
