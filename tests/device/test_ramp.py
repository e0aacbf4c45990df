"""How high output may be in its ramp, and in the one after a suspension."""

from __future__ import annotations

from dataclasses import replace

import pytest

from device.dialects.base import UnitState
from device.monitor.ramp import Ramp
from device.monitor.view import Start
from tests.device.parts import EMITTING

START = Start(number=1, at_ms=0, for_ms=60_000, ramp_ms=10_000, level=440, duty_pct=50, base_ms=0)


def due(*seen: tuple[UnitState, int], start: Start | None = START) -> int:
    """The highest level at the last of these states and counts of the step."""
    ramp, level = Ramp(), -1
    for state, step_ms in seen:
        level = ramp.follow(replace(EMITTING, state=state, step_ms=step_ms), start, 440)
    return level


@pytest.mark.parametrize(
    ("step_ms", "level"), [(0, 1), (2, 1), (3, 2), (4980, 221), (9979, 440), (9980, 440), (50_000, 440)]
)
def test_a_ramp_is_a_straight_rise_over_what_has_been_delivered(step_ms: int, level: int) -> None:
    assert due((UnitState.EMITTING, step_ms)) == level


def test_without_a_ramp_the_level_is_due_at_once() -> None:
    assert due((UnitState.EMITTING, 0), start=replace(START, ramp_ms=0)) == 440
    assert due((UnitState.EMITTING, 0), start=None) == 440


@pytest.mark.parametrize(("since_ms", "level"), [(0, 18), (230, 221), (480, 440)])
def test_after_a_suspension_output_rises_anew_for_half_a_second(since_ms: int, level: int) -> None:
    assert due((UnitState.SUSPENDED, 20_000), (UnitState.EMITTING, 20_000 + since_ms)) == level


def test_after_a_suspension_the_rise_is_exact_to_the_millisecond() -> None:
    gun = replace(START, ramp_ms=0, level=2000)
    due_levels = []
    for since_ms in (479, 480):
        ramp = Ramp()
        ramp.follow(replace(EMITTING, state=UnitState.SUSPENDED, step_ms=20_000), gun, 2000)
        due_levels.append(ramp.follow(replace(EMITTING, step_ms=20_000 + since_ms), gun, 2000))

    assert due_levels == [1997, 2000]


def test_a_count_that_went_back_to_before_the_hold_leaves_nothing_due_but_the_last_digit() -> None:
    ramp, gun = Ramp(), replace(START, ramp_ms=0, level=2000)
    ramp.follow(replace(EMITTING, state=UnitState.SUSPENDED, step_ms=20_000), gun, 2000)

    assert ramp.follow(replace(EMITTING, step_ms=19_000), gun, 2000) == 1


def test_a_ramp_that_was_cut_short_ends_when_it_would_have_ended() -> None:
    assert due((UnitState.SUSPENDED, 5000), (UnitState.EMITTING, 7480)) == 221
    assert due((UnitState.SUSPENDED, 5000), (UnitState.EMITTING, 9980)) == 440


def test_a_lowered_rise_stays_on_its_line_and_the_one_after_a_suspension_leads_to_the_lower_level() -> None:
    ramp = Ramp()

    rising = [ramp.follow(replace(EMITTING, step_ms=ms), START, 220) for ms in (2480, 4980, 9000)]
    ramp.follow(replace(EMITTING, state=UnitState.SUSPENDED, step_ms=20_000), START, 220)
    after = [ramp.follow(replace(EMITTING, step_ms=20_000 + ms), START, 220) for ms in (230, 480)]

    assert rising == [111, 220, 220]
    assert after == [111, 220]


def test_a_new_start_has_not_been_suspended() -> None:
    ramp = Ramp()
    ramp.follow(replace(EMITTING, state=UnitState.SUSPENDED, step_ms=5000), START, 440)

    again = ramp.follow(replace(EMITTING, step_ms=0), replace(START, number=2, ramp_ms=0), 440)

    assert again == 440
