"""The controller by itself: what a lower level asks of the unit, and when it is refused."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from device.control.admission import SessionLoad
from device.control.machine import State
from device.dialects.base import Correlation, GetStatus, LowerLevel, SetOutput, UnitState
from device.events import Commanded, Event, LevelLowered, LowerRefused
from device.operator import Lower
from protocols.plan import Emit, at_level
from tests.device.desk import BEGAN_MS, RUNNING, STEP, Desk, armed, emitting, identified
from tests.device.parts import NONCE, SESSION, UNIT
from tests.support import SECOND_MS, ULTRASOUND, admission_of, plan_of


def lower(desk: Desk, to_level: int | None = None, by: str = "operator") -> list[Event]:
    """What is recorded of it."""
    before = len(desk.events)
    desk.controller.operate(Lower(to_level, by), desk.now_ms)
    desk.carry_out()
    return desk.events[before:]


def asked(desk: Desk) -> list[int]:
    """The levels that the unit has been asked to lower to."""
    return [intent.level for _, intent in desk.dialect.said if isinstance(intent, LowerLevel)]


STEP_MS = 4 * SECOND_MS


def running(*levels: int) -> Desk:
    """A step of four seconds at the first of ``levels`` runs, and others follow."""
    steps = [Emit(at_level(ULTRASOUND, level), STEP_MS, 0) for level in levels]
    plan = plan_of(UNIT, *steps)
    desk = identified()
    desk.controller.load(SessionLoad(plan, SESSION, admission=admission_of(plan), attended=True))
    desk.controller.arm()
    desk.answer()
    desk.controller.start(steps[0], STEP_MS)
    desk.carry_out()
    desk.answer(**at(levels[0]))
    return desk


def at(level: int, state: UnitState = UnitState.EMITTING) -> dict[str, Any]:
    """What a unit reports of a step that runs at ``level``."""
    return RUNNING | {"state": state, "level_set": level, "measured_level": level}


def lowered(desk: Desk, by: str, before: int, after: int) -> LevelLowered:
    return LevelLowered(
        at_ms=desk.now_ms,
        by=by,
        before=before,
        after=after,
        quantity="intensity_mw_cm2",
        may=("pause", "stop", "lower"),
    )


def test_a_lower_level_is_recorded_and_asked_of_the_unit_at_once() -> None:
    desk = emitting()

    told = lower(desk, 300, by="Dr A")

    assert told == [
        lowered(desk, "Dr A", 440, 300),
        Commanded(
            at_ms=desk.now_ms,
            intent="LowerLevel",
            values={"nonce": NONCE, "session": SESSION, "level": 300},
        ),
    ]
    assert desk.dialect.said[-1][1] == LowerLevel(NONCE, SESSION, 300)


@pytest.mark.parametrize(
    ("to_level", "why"),
    [
        (-1, "the lowest level is 0.29 W/cm²: pause or stop"),
        (289, "the lowest level is 0.29 W/cm²: pause or stop"),
        (290, ""),
        (439, ""),
        (440, "the level is 0.44 W/cm² already"),
        (441, "the level is 0.44 W/cm² already"),
    ],
)
def test_a_level_is_lower_than_now_and_no_lower_than_the_lowest(to_level: int, why: str) -> None:
    desk = emitting()

    told = lower(desk, to_level)

    refused = [event for event in told if isinstance(event, LowerRefused)]
    assert refused == (
        [LowerRefused(at_ms=desk.now_ms, by="operator", to_level=to_level, why=why)] if why else []
    )
    assert desk.controller.known.level_cap == (None if why else to_level)
    assert asked(desk) == ([] if why else [to_level])


def test_without_a_level_it_is_a_tenth_of_the_steps_own_less_down_to_the_lowest() -> None:
    desk = emitting()

    told = [event for _ in range(6) for event in lower(desk)]

    lowered = [event.after for event in told if isinstance(event, LevelLowered)]
    refused = [event.why for event in told if isinstance(event, LowerRefused)]
    assert lowered == [396, 352, 308, 290]
    assert refused == ["the lowest level is 0.29 W/cm²: pause or stop"]


def test_of_a_key_that_is_held_down_one_refusal_is_recorded_and_a_later_one_again() -> None:
    desk = running(290)
    begin_ms, refused_ms = desk.now_ms, list[int]()
    for at_ms in (*range(0, 400, 40), 1500):
        desk.run_to(begin_ms + at_ms, **at(290))
        refused_ms += [event.at_ms - begin_ms for event in lower(desk) if isinstance(event, LowerRefused)]

    assert refused_ms == [0, 1500]


def test_where_no_output_is_left_or_no_session_goes_on_nothing_is_lowered() -> None:
    nothing_left = running(440)
    nothing_left.run_to(BEGAN_MS + STEP_MS + 5, **at(440))
    stopped, failed = emitting(), emitting()
    stopped.controller.stop()
    failed.controller.fail("for a test")

    for desk in (identified(), nothing_left, stopped, failed):
        desk.carry_out()
        (told,) = lower(desk, 300)

        assert told == LowerRefused(
            at_ms=desk.now_ms,
            by="operator",
            to_level=300,
            why="no output is left to lower in a session that goes on",
        )
        assert asked(desk) == []


def test_before_and_between_outputs_the_session_is_capped_and_nothing_is_asked() -> None:
    paused = emitting(attended=True)
    paused.controller.pause()
    paused.carry_out()

    for desk in (armed(), paused):
        assert [event.name for event in lower(desk, 300)] == ["level_lowered"]
        assert desk.controller.known.level_cap == 300
        assert asked(desk) == []


def test_a_unit_that_waits_for_contact_is_asked_too() -> None:
    desk = running(440)
    desk.controller.say(GetStatus())
    desk.carry_out()
    desk.answer(**at(440, UnitState.SUSPENDED) | {"measured_level": 0, "contact_pct": 0})

    lower(desk, 300)

    assert desk.controller.state is State.SUSPENDED
    assert asked(desk) == [300]


def test_at_the_very_end_of_a_step_the_next_one_is_lowered() -> None:
    desk = running(400, 500)
    desk.run_to(BEGAN_MS + STEP_MS + 5, **at(400))

    told = lower(desk, 450)

    assert told == [lowered(desk, "operator", 500, 450)]
    assert asked(desk) == []


def test_a_start_that_has_not_left_is_withdrawn_and_all_else_leaves() -> None:
    desk = armed()
    desk.controller.say(GetStatus())
    desk.controller.start(STEP, STEP.duration_ms)

    desk.controller.operate(Lower(300), desk.now_ms)
    desk.carry_out()

    assert [item.starts_output for item in desk.sent[-2:]] == [False, False]
    assert desk.intents()[-3:] == [GetStatus, SetOutput, GetStatus]  # the unit is looked at in its place
    assert {event.name for event in desk.events} >= {"level_lowered", "commanded", "state_changed"}
    assert asked(desk) == []


@pytest.mark.hazard("H-18")
def test_a_start_that_was_withdrawn_delays_no_stop_where_answers_come_in_order() -> None:
    desk = armed()
    desk.dialect.promises = replace(desk.dialect.promises, correlation=Correlation.IN_ORDER)
    desk.controller.start(STEP, STEP.duration_ms)
    desk.controller.operate(Lower(300), desk.now_ms)

    desk.controller.stop()
    before = len(desk.sent)
    desk.carry_out()

    assert [item.is_stop for item in desk.sent[before:]] == [True]


def test_the_unit_is_asked_again_only_once_it_has_answered() -> None:
    desk = emitting()

    lower(desk, 400)
    lower(desk, 350)
    before = asked(desk)
    desk.answer(**at(400))
    desk.run_to(desk.now_ms + 100, **at(350))

    assert before == [400]
    assert asked(desk) == [400, 350]
    assert desk.controller.known.level_to_lower_to is None
    assert desk.alarms() == []


def test_the_unit_is_asked_at_once_whatever_else_it_has_yet_to_answer() -> None:
    desk = emitting()
    desk.controller.say(GetStatus())

    lower(desk, 400)

    assert asked(desk) == [400]


@pytest.mark.parametrize(("after_ms", "state"), [(999, State.EMITTING), (1000, State.PAUSING)])
def test_a_unit_that_has_not_taken_a_lower_level_after_a_second_is_paused(
    after_ms: int, state: State
) -> None:
    desk = running(440)
    lower(desk, 300)

    while desk.now_ms < BEGAN_MS + after_ms:
        if not isinstance(desk.dialect.said[-1][1], LowerLevel):  # these are lost
            desk.answer(**at(440))
        desk.controller.poll(min(desk.controller.due_ms(), BEGAN_MS + after_ms))
        desk.carry_out()

    assert (desk.controller.state, desk.controller.failure) == (state, "")


def test_in_a_pause_nothing_has_to_be_taken() -> None:
    desk = running(440)
    desk.controller.pause()
    desk.carry_out()
    desk.answer(state=UnitState.IDLE)
    lower(desk, 300)

    desk.run_to(BEGAN_MS + 3 * SECOND_MS, state=UnitState.IDLE)

    assert (desk.controller.state, desk.controller.failure) == (State.PAUSED, "")


def test_a_person_may_lower_what_goes_on_and_is_not_at_its_lowest() -> None:
    running_on, lowest, stopped = emitting(), emitting(), emitting()
    lower(lowest, 290)
    stopped.controller.stop()

    assert "lower" in running_on.controller.actions.may
    assert "lower" not in lowest.controller.actions.may
    assert "lower" not in stopped.controller.actions.may
