"""The controller by itself: what waits for the line or for a report, and what ends a step without a timer."""

from __future__ import annotations

from dataclasses import replace

import pytest

from device.control.admission import SessionLoad
from device.control.machine import State, TransitionRefused
from device.dialects.base import ALL_FIELDS, Correlation, GetStatus, HostLoss, ReportField, Stop, UnitState
from device.errors import GuardRefused
from device.events import StatusChanged
from protocols.plan import Emit
from tests.device.desk import BEGAN_MS, PLAN, RUNNING, STEP, Desk, armed, emitting, identified
from tests.device.parts import SESSION, UNIT
from tests.support import SECOND_MS, ULTRASOUND, admission_of, plan_of


@pytest.mark.parametrize(("after_ms", "dates"), [(500, True), (501, False)])
def test_a_report_dates_an_arm_for_half_a_second(after_ms: int, dates: bool) -> None:
    desk = armed()
    assert desk.controller.scheduler.can_date(desk.controller.now_ms)

    desk.controller.poll(desk.now_ms + after_ms)

    assert desk.controller.scheduler.can_date(desk.controller.now_ms) is dates


def test_before_a_report_there_is_nothing_to_date_an_arm_by() -> None:
    assert not Desk().controller.scheduler.can_date(BEGAN_MS)


def test_no_report_of_before_a_stop_dates_an_arm() -> None:
    desk = armed()
    assert desk.controller.scheduler.can_date(desk.now_ms)

    desk.controller.say(Stop())
    before = desk.controller.scheduler.can_date(desk.now_ms)
    desk.answer()

    assert (before, desk.controller.scheduler.can_date(desk.now_ms)) == (False, True)


@pytest.mark.hazard("H-18")
def test_a_stop_that_had_to_wait_for_the_line_leaves_as_soon_as_it_is_free() -> None:
    desk = emitting()
    desk.dialect.promises = replace(desk.dialect.promises, correlation=Correlation.IN_ORDER)
    desk.controller.say(GetStatus())
    desk.carry_out()
    desk.controller.poll(desk.now_ms + 10)
    desk.controller.stop()
    desk.carry_out()
    kept_back = desk.intents()[-1]

    desk.answer(**RUNNING)
    desk.controller.poll(desk.now_ms)
    desk.carry_out()

    assert (kept_back, desk.intents()[-1]) == (GetStatus, Stop)


@pytest.mark.hazard("H-05")
def test_the_step_of_a_unit_without_a_timer_is_ended_a_tenth_of_a_second_before_its_time() -> None:
    endless = replace(UNIT, declared=replace(UNIT.declared, host_loss=HostLoss.NONE))
    step = Emit(ULTRASOUND, 5 * SECOND_MS, 0)
    plan = replace(plan_of(endless, step), body_site="bench")
    desk = identified(endless)
    desk.controller.load(SessionLoad(plan, SESSION, admission=admission_of(plan), attended=True))
    desk.controller.arm()
    desk.answer()
    desk.controller.start(step, 5 * SECOND_MS)
    desk.carry_out()
    desk.answer(**RUNNING)
    desk.run_to(BEGAN_MS + 4899, **RUNNING)
    before = desk.controller.state

    desk.controller.poll(BEGAN_MS + 4900)
    desk.carry_out()

    states = [before, desk.controller.state]
    assert desk.intents()[-1] is Stop
    desk.answer(**RUNNING)  # it has not ended its output yet
    states.append(desk.controller.state)
    desk.wait_to(desk.now_ms + 40)
    desk.answer(state=UnitState.IDLE)
    states.append(desk.controller.state)

    assert states == [State.EMITTING, State.FINISHING, State.FINISHING, State.ARMED]
    assert desk.controller.known.delivered_ms == 5000  # the step counts whole
    assert not desk.controller.known.guard_context(State.ARMED, recorded=True).stop_asked


def test_the_line_is_waited_for_from_when_a_request_has_left() -> None:
    desk = armed()
    desk.dialect.promises = replace(desk.dialect.promises, correlation=Correlation.IN_ORDER)
    desk.controller.say(GetStatus())
    desk.controller.sent(desk.now_ms + 50)  # the computer has stalled meanwhile
    free = {}

    for after_ms in (129, 130):
        desk.controller.recorded(0, BEGAN_MS + after_ms)
        free[after_ms] = desk.controller.line_is_free

    assert free == {129: False, 130: True}


def test_no_output_is_started_while_another_request_is_under_way() -> None:
    desk = armed()
    desk.dialect.promises = replace(desk.dialect.promises, correlation=Correlation.IN_ORDER)
    desk.controller.say(GetStatus())

    with pytest.raises(GuardRefused, match="another request is under way"):
        desk.controller.start(STEP, STEP.duration_ms)

    assert desk.controller.state is State.ARMED


def test_no_unit_is_armed_without_a_plan() -> None:
    with pytest.raises(GuardRefused, match="for no plan"):
        identified().controller.arm()


@pytest.mark.parametrize(
    ("reports", "alarms"), [(ALL_FIELDS, ["LEASE_DIFFERS"]), (ALL_FIELDS - {ReportField.LEASE}, [])]
)
def test_a_unit_is_not_blamed_for_a_field_that_it_does_not_tell(
    reports: frozenset[ReportField], alarms: list[str]
) -> None:
    desk = identified(replace(UNIT, declared=replace(UNIT.declared, reports=reports)))
    desk.controller.load(SessionLoad(PLAN, SESSION, admission=admission_of(PLAN), attended=True))
    desk.controller.arm()
    desk.answer()
    desk.controller.start(STEP, STEP.duration_ms)
    desk.carry_out()

    desk.answer(**RUNNING, lease_left_ms=0)

    assert desk.alarms() == alarms


def test_the_line_is_waited_for_until_it_is_free_or_the_time_is_over() -> None:
    desk = armed()
    desk.dialect.promises = replace(desk.dialect.promises, correlation=Correlation.IN_ORDER)
    at_once = next(desk.controller.wait_for_line(desk.now_ms + 50), None)
    desk.controller.say(GetStatus())

    assert at_once is None
    assert next(desk.controller.wait_for_line(desk.now_ms + 50), None) == desk.now_ms + 50
    assert next(desk.controller.wait_for_line(desk.now_ms + 500), None) == desk.now_ms + 80
    assert next(desk.controller.wait_for_line(desk.now_ms), None) is None


def test_no_step_is_skipped_where_none_is_guided() -> None:
    with pytest.raises(TransitionRefused):
        emitting().controller.skip()


def test_what_a_unit_cannot_tell_is_recorded_as_it_was_filled_in() -> None:
    untold = replace(UNIT.declared, reports=ALL_FIELDS - {ReportField.SESSION})
    desk = identified(replace(UNIT, declared=untold))
    desk.controller.load(SessionLoad(PLAN, SESSION, admission=admission_of(PLAN), attended=True))
    desk.controller.arm()
    desk.answer(session=0)

    changed = [event for event in desk.events if isinstance(event, StatusChanged)]

    assert [event.status["session"] for event in changed] == [SESSION]
