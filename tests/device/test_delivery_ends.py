"""The script that delivers a plan, on a controller with no cable: what ends a session, or a single start."""

from __future__ import annotations

from dataclasses import replace

import pytest

from device.control.delivery import Ended
from device.control.machine import State
from device.dialects.base import Arm, GetStatus, HostLoss, SetOutput, Stop, UnitState
from device.events import OffConfirmation
from device.operator import SessionAction
from protocols.plan import Emit
from tests.device.delivering import Delivering
from tests.device.parts import UNIT
from tests.support import SECOND_MS, ULTRASOUND

EMIT = Emit(ULTRASOUND, 4 * SECOND_MS, 0)


def test_a_delivery_that_is_closed_stops_the_unit_and_does_not_wait() -> None:
    delivering = Delivering(EMIT)
    delivering.run_to(SECOND_MS)

    delivering.script.close()
    delivering.desk.carry_out()

    assert delivering.controller.state is State.FAULT
    assert delivering.controller.failure == "the session was dropped"
    assert delivering.asked(Stop) != []


def test_an_error_in_the_loop_ends_the_output_before_it_is_raised() -> None:
    delivering = Delivering(EMIT)
    delivering.run_to(SECOND_MS)
    delivering.answers = False

    delivering.script.throw(ValueError("for a test"))  # it waits for the unit to answer its stop
    delivering.run_to(SECOND_MS + 100)
    delivering.answers = True
    with pytest.raises(ValueError, match="for a test"):
        delivering.run_out()
    delivering.desk.carry_out()

    assert delivering.controller.failure == "the session broke off"
    assert delivering.asked(Stop) != []
    assert len(delivering.desk.named("stop_outcome")) == 1


def test_a_session_that_the_operator_stops_was_not_completed() -> None:
    delivering = Delivering(EMIT, EMIT)
    delivering.run_to(5 * SECOND_MS)
    delivering.operate(SessionAction.STOP)

    delivery = delivering.run_out()

    assert (delivery.ended, delivery.why) == (Ended.STOPPED, "stopped by the operator")
    assert (delivery.steps_done, delivery.output_off) == (1, OffConfirmation.CONFIRMED)


def test_a_step_that_its_unit_ends_a_millisecond_early_has_ended_early() -> None:
    delivering = Delivering(EMIT)
    delivering.run_to(1)
    delivering.miss(1)

    assert delivering.run_out().why == "the unit ended the step early, and its reports do not say why"


def test_a_delivery_is_of_nobody_there_unless_it_says_so() -> None:
    nobody, somebody = Delivering(EMIT), Delivering(EMIT, attended=True)

    for delivering in (nobody, somebody):
        delivering.run_to(SECOND_MS)
        delivering.controller.break_off("for a test")

    assert (nobody.controller.state, somebody.controller.state) == (State.FAULT, State.PAUSING)


def test_a_fault_at_the_very_end_of_a_step_ends_the_session_there() -> None:
    delivering = Delivering(EMIT, EMIT)
    delivering.run_to(3990)
    delivering.changes = {"faults": ("STALL",), "state": UnitState.FAULT}

    delivery = delivering.run_out()

    assert (delivery.ended, delivery.delivered_ms) == (Ended.INTERRUPTED, 4000)
    assert len(delivering.desk.named("step_started")) == 1


@pytest.mark.parametrize(
    ("unheard", "why"),
    [(0, ""), (2, ""), (3, "the unit does not hear a start"), (9, "the unit does not hear a start")],
)
def test_a_start_that_is_not_heard_is_made_three_times(unheard: int, why: str) -> None:
    delivering = Delivering(EMIT)
    delivering.hears = lambda intent: (
        not isinstance(intent, SetOutput) or len(delivering.asked(SetOutput)) > unheard
    )

    delivery = delivering.run_out()

    assert (delivery.ended, delivery.why) == (Ended.INTERRUPTED if why else Ended.COMPLETED, why)
    assert len(delivering.asked(SetOutput)) == min(unheard + 1, 3)


@pytest.mark.parametrize(
    ("unheard", "why"), [(0, ""), (3, ""), (4, "the unit does not answer when it is armed")]
)
def test_a_unit_that_does_not_take_its_ceilings_is_armed_four_times_in_a_second(
    unheard: int, why: str
) -> None:
    delivering = Delivering(EMIT)
    delivering.hears = lambda intent: not isinstance(intent, Arm) or len(delivering.asked(Arm)) > unheard

    delivery = delivering.run_out()

    assert (delivery.ended, delivery.why) == (Ended.INTERRUPTED if why else Ended.COMPLETED, why)
    assert len(delivering.asked(Arm)) == min(unheard + 1, 4)
    assert delivery.duration_ms == unheard * 250 + (0 if why else 4005)


def test_a_session_that_has_given_its_energy_before_its_time_is_over() -> None:
    delivering = Delivering(EMIT)
    delivering.run_to(2 * SECOND_MS)
    delivering.operate(SessionAction.PAUSE)
    delivering.run_to(3 * SECOND_MS)
    delivering.controller.known.energy_ceiling_mj = delivering.controller.known.energy_mj
    delivering.operate(SessionAction.RESUME)

    delivery = delivering.run_out()

    assert delivery.ended is Ended.INTERRUPTED
    assert delivery.why == "all of the energy that this session may give has been given before its time"
    assert len(delivering.asked(SetOutput)) == 1


@pytest.mark.parametrize(
    ("suspended", "why"),
    [
        (False, "the unit ended the step early, and its reports do not say why"),
        (True, "the unit ended the step early: contact was lost for too long"),
    ],
)
def test_a_step_that_its_unit_ends_early_says_what_is_known_of_why(suspended: bool, why: str) -> None:
    delivering = Delivering(EMIT)
    delivering.run_to(2 * SECOND_MS)
    if suspended:
        delivering.end_step(UnitState.SUSPENDED)
        delivering.run_to(3 * SECOND_MS)
    delivering.end_step(UnitState.READY)

    delivery = delivering.run_out()

    assert (delivery.ended, delivery.why) == (Ended.INTERRUPTED, why)


def test_a_unit_that_has_ended_its_output_at_its_own_ceiling_has_given_its_energy() -> None:
    delivering = Delivering(EMIT)
    delivering.run_to(2 * SECOND_MS)
    delivering.controller.known.energy_ceiling_mj = 3520  # of two seconds
    delivering.end_step(UnitState.READY)

    delivery = delivering.run_out()

    assert delivery.why == "all of the energy that this session may give has been given before its time"


# --- units that only a timer of their own ends ----------------------------------------------------------


TIMED = replace(UNIT, declared=replace(UNIT.declared, host_loss=HostLoss.OWN_TIMER))
LONG = Emit(ULTRASOUND, 25 * SECOND_MS, 0)
NOT_COUNTED = "the unit does not count the time for which it gives output"
EARLY = "the unit ended the step early, and its reports do not say why"


@pytest.mark.hazard("H-05")
def test_a_step_is_given_in_starts_of_ten_seconds_at_most() -> None:
    delivering = Delivering(LONG, unit=TIMED)

    delivery = delivering.run_out()

    assert (delivery.ended, delivery.delivered_ms) == (Ended.COMPLETED, 25_000)
    assert [start.for_ms for start in delivering.asked(SetOutput)] == [10_000, 10_000, 5000]


def test_the_time_without_contact_that_the_timer_counts_in_is_given_later() -> None:
    delivering = Delivering(LONG, unit=TIMED)
    delivering.run_to(2 * SECOND_MS)
    delivering.end_step(UnitState.SUSPENDED)
    delivering.run_to(5 * SECOND_MS)
    delivering.go_on(5 * SECOND_MS)

    delivery = delivering.run_out()

    assert (delivery.ended, delivery.delivered_ms) == (Ended.COMPLETED, 25_000)
    assert [start.for_ms for start in delivering.asked(SetOutput)] == [10_000, 10_000, 8000]


def test_a_timed_unit_that_ends_its_output_without_contact_has_lost_it_for_too_long() -> None:
    delivering = Delivering(LONG, unit=TIMED)
    delivering.run_to(2 * SECOND_MS)
    delivering.end_step(UnitState.SUSPENDED)
    delivering.run_to(9900)
    delivering.end_step(UnitState.READY)

    assert delivering.run_out().why == "the unit ended the step early: contact was lost for too long"


@pytest.mark.hazard("H-02")
@pytest.mark.parametrize(("after_ms", "why"), [(9799, EARLY), (9800, NOT_COUNTED)])
def test_output_that_has_lasted_as_long_as_it_was_asked_for_has_not_ended_early(
    after_ms: int, why: str
) -> None:
    delivering = Delivering(LONG, unit=TIMED)
    delivering.run_to(after_ms)
    delivering.end_step(UnitState.READY)
    delivering.controller.say(GetStatus())

    assert delivering.run_out().why == why


@pytest.mark.hazard("H-02")
@pytest.mark.parametrize(
    ("step_ms", "at_ms", "uncounted_ms", "why"),
    [
        (10_100, 1, 20, ""),
        (10_100, 1, 21, NOT_COUNTED),
        (20_100, 10_100, 20, ""),
        (20_100, 10_100, 21, NOT_COUNTED),
        (15, 1, 14, ""),
        (15, 1, 15, NOT_COUNTED),
    ],
)
def test_what_has_run_out_has_to_be_counted(step_ms: int, at_ms: int, uncounted_ms: int, why: str) -> None:
    delivering = Delivering(Emit(ULTRASOUND, step_ms, 0), unit=TIMED)
    delivering.run_to(at_ms)
    delivering.miss(uncounted_ms)

    assert delivering.run_out().why == why
