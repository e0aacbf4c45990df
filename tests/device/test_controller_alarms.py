"""The controller by itself: what an alarm does, what this computer is to blame for, and what is refused."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from device.control.admission import SessionLoad
from device.control.controller import Controller
from device.control.machine import State
from device.dialects.base import GetStatus, HostLoss, Renew, UnitState
from device.errors import GuardRefused, LinkLost
from device.events import OffConfirmation
from device.operator import SessionAction
from protocols.plan import Emit
from tests.device.desk import BEGAN_MS, PLAN, RUNNING, STEP, Desk, Spoken, armed, emitting, identified
from tests.device.parts import NONCE, SESSION, STATUS, UNIT
from tests.support import LEASE_MS, SECOND_MS, ULTRASOUND, admission_of, plan_of

OFF: dict[str, Any] = {"state": UnitState.IDLE}
LAPSED: dict[str, Any] = {"state": UnitState.LAPSED, "lapses": STATUS.lapses + 1}


def lost(desk: Desk) -> None:
    desk.controller.lose_link(LinkLost("it is gone", "Plug it in."), desk.now_ms)
    desk.carry_out()


def paused() -> Desk:
    desk = armed(attended=True)
    desk.controller.pause()
    return desk


def pausing() -> Desk:
    desk = emitting(attended=True)
    desk.controller.pause()
    return desk


def settled(desk: Desk) -> OffConfirmation:
    """What is known of the output in the end, with nobody answering."""
    script = desk.controller.settle()
    while True:
        try:
            desk.wait_to(next(script))
        except StopIteration as ended:
            output_off: OffConfirmation = ended.value
            return output_off


# --- every input has its time -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "give",
    [
        lambda controller, now_ms: controller.poll(now_ms),
        lambda controller, now_ms: controller.receive(b"", now_ms),
        lambda controller, now_ms: controller.lose_link(LinkLost("it is gone", "Plug it in."), now_ms),
        lambda controller, now_ms: controller.operate(SessionAction.PAUSE, now_ms),
        lambda controller, now_ms: controller.recorded(0, now_ms),
    ],
)
def test_every_input_carries_the_time_at_which_it_came(give: Callable[[Controller, int], None]) -> None:
    controller = Controller(Spoken(), BEGAN_MS)

    give(controller, BEGAN_MS + 7)

    assert controller.now_ms == BEGAN_MS + 7


def test_an_answer_came_when_it_was_received() -> None:
    desk = delayed(150)  # and it asks at that moment
    asked_ms = desk.now_ms
    desk.controller.receive(b"", asked_ms + 20)
    desk.answer(**RUNNING | {"measured_level": 600})
    desk.controller.say(Renew(NONCE, SESSION, STATUS.uptime_ms + desk.now_ms, LEASE_MS))

    for after_ms in (120, 220, 319):
        desk.controller.receive(b"", asked_ms + after_ms)
    desk.answer(**RUNNING | {"measured_level": 600})  # too high for 299 ms, which is not long enough
    before = desk.alarms()
    desk.controller.say(GetStatus())
    desk.answer(**RUNNING | {"measured_level": 600}, came_ms=asked_ms + 320)

    assert (before, desk.alarms()) == ([], ["OUTPUT_HIGH"])


@pytest.mark.hazard("H-17")
def test_an_answer_that_waited_here_while_this_computer_was_busy_came_before_that() -> None:
    desk = emitting()
    desk.controller.poll(desk.controller.due_ms())

    desk.answer(**RUNNING, came_ms=desk.now_ms + 5 * SECOND_MS)

    assert desk.alarms() == []


# --- what an alarm does -------------------------------------------------------------------------------------


@pytest.mark.parametrize("begin", [armed, paused])
def test_a_unit_that_runs_unasked_between_steps_or_in_a_pause_ends_the_session(
    begin: Callable[[], Desk],
) -> None:
    desk = begin()
    desk.controller.say(GetStatus())

    desk.answer(**RUNNING | {"measured_level": 0})

    assert "RUNS_UNASKED" in desk.alarms()
    assert desk.controller.state is State.FAULT


def test_an_alarm_is_told_with_the_report_that_raised_it_where_there_is_one() -> None:
    unheard, heard = Desk(), armed()
    for desk in (unheard, heard):
        lost(desk)
    (without,), (with_one,) = unheard.named("alarm_raised"), heard.named("alarm_raised")

    assert getattr(without, "status", "") is None
    assert getattr(with_one, "status", {})["nonce"] == NONCE
    assert (unheard.controller.state, heard.controller.state) == (State.FAULT, State.FAULT)


@pytest.mark.hazard("H-07")
def test_a_lease_that_does_not_run_is_not_taken_for_an_end_of_output() -> None:
    lying, sound = emitting(), emitting()
    lying.controller.say(GetStatus())
    lying.answer(**RUNNING, lease_left_ms=LEASE_MS + 21)
    for desk in (lying, sound):
        lost(desk)

    assert lying.alarms()[0] == "LEASE_DIFFERS"
    assert (settled(lying), settled(sound)) == (OffConfirmation.UNKNOWN, OffConfirmation.PRESUMED)


def test_a_unit_that_nothing_but_its_switch_ends_leaves_it_unknown() -> None:
    controller = Controller(Spoken(), BEGAN_MS)
    controller.known.output_off.allow(BEGAN_MS, None, NONCE)
    controller.lose_link(LinkLost("it is gone", "Plug it in."), BEGAN_MS)

    controller.poll(BEGAN_MS + 2 * LEASE_MS)

    assert controller.output_off() is OffConfirmation.UNKNOWN


def test_output_that_was_confirmed_off_stays_so_when_the_link_is_lost() -> None:
    desk = armed()

    lost(desk)

    assert desk.controller.output_off() is OffConfirmation.CONFIRMED


@pytest.mark.hazard("H-05")
@pytest.mark.parametrize("begin", [armed, paused])
def test_a_unit_that_says_nothing_for_two_seconds_ends_a_session_between_steps_and_in_a_pause(
    begin: Callable[[], Desk],
) -> None:
    desk = begin()
    received_at_ms = desk.controller.scheduler.received_at_ms

    desk.wait_to(received_at_ms + 1999)
    before = desk.controller.state
    desk.wait_to(received_at_ms + 2000)

    assert before is not State.FAULT
    assert (desk.controller.state, desk.alarms()) == (State.FAULT, ["COMM_LOST"])
    assert desk.controller.failure == "the unit does not answer"


@pytest.mark.hazard("H-05")
def test_a_unit_that_says_nothing_during_output_is_doubted_and_that_is_an_alarm() -> None:
    desk = emitting()
    received_at_ms = desk.controller.scheduler.received_at_ms

    desk.wait_to(received_at_ms + LEASE_MS - 100)

    assert (desk.controller.state, desk.alarms()) == (State.UNCERTAIN, ["COMM_LOST"])
    assert desk.controller.failure == "the unit does not answer"


@pytest.mark.hazard("H-05")
@pytest.mark.parametrize(("after_ms", "state"), [(399, State.EMITTING), (400, State.UNCERTAIN)])
def test_a_unit_without_leases_is_doubted_as_soon_as_one_with(after_ms: int, state: State) -> None:
    timed = replace(UNIT, declared=replace(UNIT.declared, host_loss=HostLoss.OWN_TIMER))
    step = Emit(ULTRASOUND, 5 * SECOND_MS, 0)
    desk = identified(timed)
    plan = plan_of(timed, step)
    desk.controller.load(SessionLoad(plan, SESSION, admission=admission_of(plan), attended=False))
    desk.controller.arm()
    desk.answer()
    desk.controller.start(step, 5 * SECOND_MS)
    desk.carry_out()
    desk.answer(**RUNNING)

    desk.wait_to(desk.controller.scheduler.received_at_ms + after_ms)

    assert desk.controller.state is state


@pytest.mark.hazard("H-15")
@pytest.mark.parametrize("begin", [pausing, paused])
def test_an_event_that_is_not_on_the_disk_ends_a_paused_session_too(
    begin: Callable[[], Desk],
) -> None:
    desk = begin()
    desk.writes = False
    desk.controller.permit_output(STEP, STEP.duration_ms)
    asked = desk.controller.state
    if asked is State.PAUSED:
        desk.run_to(desk.now_ms + 30_000)
    else:
        desk.wait_to(desk.now_ms + 30_000)

    assert desk.controller.state is State.FAULT
    assert "what happened 30 s ago is not on the disk yet" in desk.controller.failure


# --- a lapse that this computer has caused ------------------------------------------------------------------


def delayed(by_ms: int, *, attended: bool = True) -> Desk:
    """Output was on, and the controller was called so much later than it had to be."""
    desk = emitting(attended=attended)
    desk.controller.poll(desk.controller.due_ms() + by_ms)
    desk.carry_out()
    return desk


@pytest.mark.hazard("H-06")
@pytest.mark.parametrize(("by_ms", "alarm"), [(299, "LAPSED"), (300, "HOST_DELAYED")])
def test_a_lapse_is_this_computers_doing_from_a_delay_of_a_lease_less_two_status_periods_on(
    by_ms: int, alarm: str
) -> None:
    desk = delayed(by_ms)

    desk.answer(**LAPSED)

    assert desk.alarms() == [alarm]
    assert desk.controller.state is (State.PAUSING if alarm == "HOST_DELAYED" else State.FAULT)


@pytest.mark.hazard("H-06")
@pytest.mark.parametrize(("later_ms", "alarm"), [(499, "HOST_DELAYED"), (500, "LAPSED")])
def test_a_lapse_a_lease_after_the_delay_is_the_units(later_ms: int, alarm: str) -> None:
    desk = delayed(300)
    resumed_ms = desk.now_ms
    desk.answer(**RUNNING)
    while desk.now_ms < resumed_ms + later_ms:
        desk.controller.poll(min(desk.now_ms + 50, resumed_ms + later_ms))
        desk.controller.say(GetStatus())
        if desk.now_ms < resumed_ms + later_ms:
            desk.answer(**RUNNING)

    desk.answer(**LAPSED)

    assert desk.alarms() == [alarm]


def test_a_lapse_that_this_computer_caused_ends_a_session_where_nobody_is_there() -> None:
    desk = delayed(350, attended=False)

    desk.answer(**LAPSED)

    assert desk.controller.state is State.FAULT
    assert desk.controller.failure == "this computer was busy for 350 ms"


def test_a_lapse_of_a_unit_that_still_has_output_is_never_this_computers_doing() -> None:
    desk = delayed(300)

    desk.answer(**RUNNING | {"lapses": STATUS.lapses + 1})

    assert desk.alarms() == ["LAPSED"]


def test_a_lapse_that_was_dealt_with_is_not_told_again_and_the_next_one_is() -> None:
    desk = delayed(300)
    desk.answer(**LAPSED)
    desk.answer(**OFF, lapses=STATUS.lapses + 1)
    dealt_with = desk.controller.state, desk.alarms()
    desk.run_to(desk.now_ms + SECOND_MS, **OFF, lapses=STATUS.lapses + 1)

    desk.run_to(desk.now_ms + 250, **OFF, lapses=STATUS.lapses + 2)

    assert dealt_with == (State.PAUSED, ["HOST_DELAYED"])
    assert desk.alarms() == ["HOST_DELAYED", "LAPSED"]


# --- what is refused, and what is told ----------------------------------------------------------------------


def test_nothing_is_taken_up_armed_or_started_without_what_it_rests_on() -> None:
    admission = admission_of(PLAN)
    unmet, unheard, unrecorded, used = Desk(), Desk(), Desk(), armed()
    unheard.controller.open(UNIT)
    unrecorded.controller.open(UNIT)

    for desk in (unmet, unrecorded, used):
        with pytest.raises(GuardRefused):
            desk.controller.load(SessionLoad(PLAN, SESSION, admission=admission, attended=False))
    with pytest.raises(GuardRefused, match="for no plan"):
        unheard.controller.arm()
    with pytest.raises(GuardRefused, match="has not reported"):
        unheard.controller.start(STEP, STEP.duration_ms)
    with pytest.raises(GuardRefused, match="has not made itself known"):
        unmet.controller.start(STEP, STEP.duration_ms)


def test_a_permission_names_the_output_its_time_and_its_ramp_and_has_a_number() -> None:
    desk = armed()
    before = desk.controller.outbox.handed_over

    number = desk.controller.permit_output(Emit(STEP.setting, STEP.duration_ms, 3000), 2000)
    desk.carry_out()

    (told,) = desk.named("output_permitted")
    assert number == before + 1
    assert (getattr(told, "for_ms", 0), getattr(told, "ramp_ms", 0)) == (2000, 2000)
    assert getattr(told, "setting", {})["intensity_mw_cm2"] == 440


def test_a_session_that_breaks_off_waits_until_output_is_known_to_be_off() -> None:
    desk = emitting()
    script = desk.controller.shut_down()

    next(script)
    waits = desk.controller.state, desk.controller.failure
    desk.answer(**OFF)
    with pytest.raises(StopIteration):
        next(script)
    desk.carry_out()

    assert waits == (State.FAULT, "the session broke off")
    assert [getattr(event, "output_off", None) for event in desk.named("stop_outcome")] == [
        OffConfirmation.CONFIRMED
    ]


def test_before_a_session_nobody_is_taken_to_be_there() -> None:
    desk = identified()

    desk.controller.break_off("for a test")

    assert desk.controller.state is State.FAULT


def test_in_a_pause_a_person_may_resume_stop_or_lower_the_level() -> None:
    desk = paused()
    desk.carry_out()

    assert getattr(desk.named("state_changed")[-1], "may", ()) == ("resume", "stop", "lower")
