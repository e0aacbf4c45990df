"""What the controller knows once somebody has lowered the session."""

from __future__ import annotations

from dataclasses import replace

import pytest

from device.control.machine import State
from device.control.state import SessionState
from device.dialects.base import Intent, LowerLevel, Renew, SetOutput, Status, UnitState
from protocols.plan import Emit, Rest, Ultrasound
from tests.device.parts import ALLOWED, EMITTING, HIGH, LOW, NONCE, PLAN, SESSION, STATUS, UNIT

STEP = Emit(LOW, 60_000, 3000)  # at 440 mW/cm²
START = SetOutput(NONCE, SESSION, LOW, 5000, 3000, unit_uptime_ms=50_000, lease_ms=500)


def at(level: int, setting: Ultrasound = LOW) -> Ultrasound:
    return replace(setting, intensity_mw_cm2=level)


def running(*asked_levels: int) -> SessionState:
    """A step runs, and the unit has been asked to lower it to each of ``asked_levels``."""
    known = SessionState(unit=UNIT)
    known.load(PLAN, SESSION, ALLOWED)
    known.hear(STATUS, 1000)
    known.begin(STEP, 5000)
    known.allow(START, 1000, 1010)
    known.hear(EMITTING, 1100)
    known.asked_levels = asked_levels
    return known


def level_expected(known: SessionState) -> int:
    return known.expected(EMITTING, PLAN, live=True).wanted_level


@pytest.mark.parametrize("cap", [None, 300, 439, 440, 441, 499, 500, 501])
def test_every_step_is_capped_at_the_level_to_which_somebody_has_lowered(cap: int | None) -> None:
    known = running()
    known.level_cap = cap

    for setting, level in ((LOW, 440), (HIGH, 500)):
        step = Emit(setting, 1000, 100)
        expected = step if cap is None or cap >= level else Emit(at(cap, setting), 1000, 100)
        assert known.capped(step) == expected
    assert known.level_max == min(500, cap or 500)


@pytest.mark.parametrize(
    ("delivered_ms", "due"), [(0, LOW), (59_999, LOW), (60_000, HIGH), (89_999, HIGH), (90_000, None)]
)
def test_the_step_that_is_due_follows_from_what_is_delivered(
    delivered_ms: int, due: Ultrasound | None
) -> None:
    known = running()
    known.hear(replace(EMITTING, delivered_ms=delivered_ms), 1200)

    step = known.due_step
    known.level_cap = 450
    capped = known.due_step

    assert (step and step.setting) == due
    assert (capped and capped.setting) == (at(450, HIGH) if due == HIGH else due)


@pytest.mark.parametrize(("cap", "to_level"), [(None, None), (439, 439), (440, None), (441, None)])
def test_a_running_step_above_the_cap_has_yet_to_be_lowered(cap: int | None, to_level: int | None) -> None:
    known = running()
    known.level_cap = cap

    assert known.level_to_lower_to == to_level


@pytest.mark.parametrize(("cap", "lower"), [(None, True), (291, True), (290, False)])
def test_what_is_left_to_give_can_be_lowered_down_to_the_lowest_level(cap: int | None, lower: bool) -> None:
    known = running()
    known.level_cap = cap
    before = known.can_be_lowered

    known.hear(replace(EMITTING, delivered_ms=90_000), 1200)  # all has been given

    assert before is lower
    assert not known.can_be_lowered
    assert not SessionState().can_be_lowered


def test_with_no_step_running_there_is_nothing_to_lower() -> None:
    assert SessionState(level_cap=300).level_to_lower_to is None


def test_lowering_caps_the_session_and_is_dated_and_may_lower_the_latest_start() -> None:
    known, not_started = running(), SessionState()

    known.lower(300, 1200)
    not_started.lower(290, 1300)

    assert (known.level_cap, known.lowered_ms) == (300, 1200)
    assert known.start is not None
    assert known.start.lowest_level == 300
    assert (not_started.level_cap, not_started.lowered_ms, not_started.start) == (290, 1300, None)


LOWER = LowerLevel(NONCE, SESSION, 300)


@pytest.mark.parametrize(
    ("changes", "intent", "expected"),
    [
        ({}, LOWER, 300),  # its answer, which may still tell the level before
        ({"refusal": "BUSY"}, LOWER, 440),
        ({"level_set": 300}, None, 300),  # a report, where the answer was lost
        ({"level_set": 300}, Renew(NONCE, SESSION, 50_000, 500), 300),
        ({"level_set": 301}, None, 440),  # nobody has asked for that
        ({"level_set": 300, "refusal": "BUSY"}, LOWER, 300),
        ({"level_set": 300, "state": UnitState.SUSPENDED}, None, 300),
        ({"state": UnitState.READY}, LOWER, 440),
        ({"session": SESSION + 1}, LOWER, 440),
        ({"session": SESSION + 1, "level_set": 300}, None, 440),
        ({"session": SESSION + 1, "state": UnitState.READY, "level_set": 300}, None, 440),
    ],
)
def test_a_lower_level_is_expected_once_the_unit_has_said_that_it_has_taken_it(
    changes: dict[str, object], intent: Intent | None, expected: int
) -> None:
    known = running(300)

    status: Status = replace(EMITTING, **changes)  # type: ignore[arg-type]  # by name
    known.hear(status, 1200, intent)

    assert level_expected(known) == expected


def test_a_level_asked_for_earlier_raises_no_expectation() -> None:
    known = running(400, 300)
    known.hear(replace(EMITTING, level_set=300), 1200)

    known.hear(replace(EMITTING, level_set=400), 1300)

    assert level_expected(known) == 300


def test_each_step_begins_with_nothing_asked_of_the_unit() -> None:
    known = running(300)

    known.begin(Emit(HIGH, 30_000, 0), 30_000)
    known.hear(replace(EMITTING, level_set=300), 1200)

    assert known.asked_levels == ()
    assert level_expected(known) == 500


def test_the_guard_is_given_the_level_that_runs_and_the_cap() -> None:
    known = running(300)
    known.lower(300, 1150)
    before = known.guard_context(State.EMITTING, recorded=True)

    known.hear(EMITTING, 1200, LOWER)
    after = known.guard_context(State.EMITTING, recorded=True)

    assert (before.level, before.level_cap) == (440, 300)
    assert (after.level, after.level_cap) == (300, 300)


def test_a_session_of_rests_alone_has_no_level() -> None:
    known = running()
    known.load(replace(PLAN, steps=(Rest(1000),)), SESSION, replace(ALLOWED, emissions=()))

    assert (known.level_max, known.due_step) == (0, None)
