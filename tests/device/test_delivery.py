"""The script that delivers a plan, on a controller with no cable: what it asks, what it shows, its pauses."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from device.control.delivery import PAUSE_MAX_MS, Delivery, Ended
from device.control.machine import State
from device.dialects.base import Arm, Correlation, GetStatus, SetOutput, Stop, UnitState
from device.dialects.native import Native
from device.events import PROGRESS_MS, OffConfirmation, StepEnded, StepStarted
from device.operator import Lower, SessionAction
from protocols.plan import Emit, Guide, Rest
from tests.device.delivering import Delivering
from tests.device.desk import BEGAN_MS, RUNNING
from tests.support import SECOND_MS, ULTRASOUND

EMIT = Emit(ULTRASOUND, 4 * SECOND_MS, 0)


# --- what is given and shown ----------------------------------------------------------------------------


def test_the_steps_are_given_in_their_order_and_counted() -> None:
    delivering = Delivering(EMIT, Rest(2 * SECOND_MS), Guide("Breathe.", SECOND_MS), EMIT)

    delivery = delivering.run_out()

    assert delivery == Delivery(
        Ended.COMPLETED, "", OffConfirmation.CONFIRMED, 8000, 14_080, delivery.duration_ms, steps_done=4
    )
    assert delivery.duration_ms == delivering.now_ms == pytest.approx(11_000, abs=200)
    assert [(start.for_ms, start.ramp_ms) for start in delivering.asked(SetOutput)] == [(4000, 0), (4000, 0)]
    assert delivering.controller.state is State.IDLE
    assert delivering.asked(Stop) != []  # whatever the unit says, it is told to end


def test_each_step_is_announced_and_its_end_told() -> None:
    delivering = Delivering(EMIT, Rest(2 * SECOND_MS), Guide("Breathe.", SECOND_MS), EMIT)

    delivering.run_out()

    began = [event for event in delivering.desk.events if isinstance(event, StepStarted)]
    ended = [event for event in delivering.desk.events if isinstance(event, StepEnded)]
    assert [(each.step, each.steps, each.kind, each.say, each.duration_ms) for each in began] == [
        (1, 4, "emit", "", 4000),
        (2, 4, "rest", "", 2000),
        (3, 4, "guide", "Breathe.", 1000),
        (4, 4, "emit", "", 4000),
    ]
    assert [(each.step, each.delivered_ms) for each in ended] == [(1, 4000), (2, 4000), (3, 4000), (4, 8000)]
    assert [each.at_ms for each in began[1:]] == [each.at_ms for each in ended[:-1]]


def test_progress_is_shown_at_once_and_each_second_with_what_is_left() -> None:
    delivering = Delivering(EMIT, Rest(1500), EMIT)

    delivering.run_out()

    assert (PROGRESS_MS, PAUSE_MAX_MS) == (1000, 600_000)
    shown = [(each.at_ms, each.step, each.remaining_ms, each.level_set) for each in delivering.shown()]
    assert shown == [
        (1000, 1, 9500, 0),  # nothing has been started yet
        (2000, 1, 8510, 440),  # of the latest report: 990 ms of the step
        (3000, 1, 7520, 440),
        (4000, 1, 6530, 440),
        (5000, 1, 5540, 440),
        (5005, 2, 5500, 0),
        (6005, 2, 4500, 0),
        (6505, 3, 4000, 0),
        (7505, 3, 3010, 440),
        (8505, 3, 2020, 440),
        (9505, 3, 1030, 440),
        (10_505, 3, 40, 440),
    ]


def test_no_level_is_shown_in_a_rest_whatever_the_unit_says() -> None:
    delivering = Delivering(Rest(SECOND_MS), EMIT)
    delivering.changes = RUNNING

    delivering.run_to(100)

    assert {each.level_set for each in delivering.shown()} == {0}


def test_a_level_is_shown_while_a_step_waits_for_contact() -> None:
    delivering = Delivering(EMIT)
    delivering.run_to(1950)
    delivering.end_step(UnitState.SUSPENDED)
    delivering.run_to(2050)

    shown = delivering.shown()[-1]

    assert (shown.at_ms, shown.state, shown.level_set) == (BEGAN_MS + 2000, "suspended", 440)


# --- pauses ---------------------------------------------------------------------------------------------


def test_a_rest_stands_still_in_a_pause_and_the_unit_is_armed_again_for_it() -> None:
    delivering = Delivering(Rest(2 * SECOND_MS), EMIT)
    delivering.run_to(500)
    delivering.operate(SessionAction.PAUSE)
    delivering.run_to(5 * SECOND_MS)
    delivering.operate(SessionAction.RESUME)
    delivering.run_to(5100)
    armed_at_rest = delivering.controller.known.is_armed()

    delivery = delivering.run_out()

    assert armed_at_rest
    assert (delivery.ended, delivery.delivered_ms) == (Ended.COMPLETED, 4000)
    assert delivery.duration_ms == pytest.approx(500 + 4500 + 1500 + 4000, abs=20)


def test_a_session_without_output_arms_nothing() -> None:
    delivering = Delivering(Rest(SECOND_MS))

    assert delivering.run_out().ended is Ended.COMPLETED
    assert delivering.asked(Arm) == []


def test_a_pause_of_ten_minutes_ends_the_session() -> None:
    delivering = Delivering(Rest(SECOND_MS))
    delivering.run_to(500)
    delivering.operate(SessionAction.PAUSE)
    delivering.run_to(SECOND_MS)
    delivering.controller.poll(BEGAN_MS + PAUSE_MAX_MS - SECOND_MS)  # the computer has slept meanwhile

    before = delivering.run_to(500 + PAUSE_MAX_MS - 1)
    delivery = delivering.run_out()

    assert before is None
    assert (delivery.ended, delivery.why) == (Ended.INTERRUPTED, "nobody has resumed the session")
    assert (delivery.duration_ms, delivery.steps_done) == (500 + PAUSE_MAX_MS, 0)


def test_a_pause_in_which_output_is_not_confirmed_off_ends_the_session() -> None:
    delivering = Delivering(EMIT)
    delivering.run_to(SECOND_MS)
    delivering.answers = False
    delivering.operate(SessionAction.PAUSE)

    delivery = delivering.run_out()

    assert delivery.why == "a pause was asked and the unit did not say that its output is off"
    assert (delivery.ended, delivery.output_off) == (Ended.INTERRUPTED, OffConfirmation.PRESUMED)
    assert delivery.duration_ms == pytest.approx(SECOND_MS + 550, abs=250)


def test_a_pause_at_the_end_of_a_step_goes_over_into_the_next() -> None:
    delivering = Delivering(EMIT, EMIT)
    delivering.run_to(3990)
    delivering.changes = RUNNING  # it says that output is on when it has counted the whole step
    delivering.run_to(4010)
    delivering.hears = lambda intent: not isinstance(intent, Stop)
    delivering.operate(SessionAction.PAUSE)
    delivering.run_to(4020)
    pausing = delivering.controller.state
    delivering.hears = lambda intent: True
    delivering.changes = {}
    delivering.run_to(5 * SECOND_MS)

    delivering.operate(SessionAction.RESUME)
    delivery = delivering.run_out()

    assert pausing is State.PAUSING
    assert (delivery.ended, delivery.steps_done) == (Ended.COMPLETED, 2)


def test_a_pause_at_the_end_of_a_rest_goes_over_into_the_next_step() -> None:
    delivering = Delivering(Rest(SECOND_MS), EMIT)
    delivering.run_to(990)
    delivering.controller.poll(BEGAN_MS + SECOND_MS)
    delivering.operate(SessionAction.PAUSE)
    delivering.run_to(3 * SECOND_MS)

    delivering.operate(SessionAction.RESUME)
    delivery = delivering.run_out()

    assert (delivery.ended, delivery.steps_done) == (Ended.COMPLETED, 2)


def test_a_step_of_a_millisecond_is_given() -> None:
    assert Delivering(Emit(ULTRASOUND, 1, 0)).run_out().delivered_ms == 1
    assert Delivering(Rest(1)).run_out().duration_ms == 1


def test_nothing_is_permitted_while_the_unit_is_being_armed_and_a_pause_ends_that() -> None:
    delivering = Delivering(EMIT)
    delivering.hears = lambda intent: not isinstance(intent, Arm)
    delivering.run_to(100)
    delivering.operate(SessionAction.PAUSE)
    delivering.run_to(2 * SECOND_MS)
    permitted = delivering.desk.named("output_permitted")
    delivering.hears = lambda intent: True

    delivering.operate(SessionAction.RESUME)
    delivery = delivering.run_out()

    assert permitted == []
    assert delivery.ended is Ended.COMPLETED
    assert len(delivering.desk.named("output_permitted")) == 1


@pytest.mark.parametrize(("counted_ms", "starts"), [(3999, 2), (4000, 1)])
def test_what_the_unit_counts_late_is_not_given_again(counted_ms: int, starts: int) -> None:
    delivering = Delivering(EMIT)
    delivering.run_to(3980)
    delivering.operate(SessionAction.PAUSE)
    delivering.run_to(5 * SECOND_MS)
    delivering.delivered_ms = counted_ms
    delivering.operate(SessionAction.RESUME)

    delivery = delivering.run_out()

    assert (delivery.ended, delivery.delivered_ms) == (Ended.COMPLETED, 4000)
    assert len(delivering.asked(SetOutput)) == len(delivering.desk.named("output_permitted")) == starts


def test_after_reports_were_lost_in_a_pause_the_unit_is_looked_at_before_it_is_armed() -> None:
    delivering = Delivering(EMIT)
    delivering.run_to(2 * SECOND_MS)
    delivering.operate(SessionAction.PAUSE)
    delivering.run_to(3 * SECOND_MS)
    delivering.answers = False
    delivering.run_to(3700)
    delivering.answers = True
    said = len(delivering.desk.dialect.said)

    delivering.operate(SessionAction.RESUME)
    delivering.run_to(3800)

    asked = [type(intent) for _, intent in delivering.desk.dialect.said[said:]]
    assert asked[:3] == [GetStatus, Arm, SetOutput]


def test_a_look_that_is_not_answered_is_not_repeated_whatever_else_happens() -> None:
    delivering = Delivering(Rest(SECOND_MS), EMIT)
    delivering.run_to(800)
    delivering.answers = False
    delivering.run_to(1020)
    said = len(delivering.asked(GetStatus))

    for after_ms in range(1030, 1200, 10):
        delivering.run_to(after_ms)
    delivering.answers = True

    assert len(delivering.asked(GetStatus)) == said
    assert delivering.run_out().ended is Ended.COMPLETED


def test_where_answers_come_in_order_the_line_is_waited_for() -> None:
    delivering = Delivering(Rest(SECOND_MS), EMIT)
    delivering.desk.dialect.promises = replace(Native.promises, correlation=Correlation.IN_ORDER)
    delivering.run_to(990)
    delivering.answers = False
    delivering.run_to(1005)
    delivering.answers = True  # what was asked at 1000 has no answer, and is given up after 80 ms

    delivery = delivering.run_out()

    assert delivery.ended is Ended.COMPLETED
    assert [event.at_ms - BEGAN_MS for event in delivering.desk.named("output_permitted")] == [1080]


def waiting_for_the_disk() -> Delivering:
    """The permission of the rest of a step, after a pause, is not on the disk yet."""
    delivering = Delivering(EMIT)
    delivering.run_to(2 * SECOND_MS)
    delivering.operate(SessionAction.PAUSE)
    delivering.run_to(3 * SECOND_MS)
    delivering.desk.writes = False
    delivering.operate(SessionAction.RESUME)
    delivering.run_to(3500)
    assert len(delivering.desk.named("output_permitted")) == 2
    return delivering


def lowers(delivering: Delivering) -> None:
    delivering.operate(Lower(300))


def counts_late(delivering: Delivering) -> None:
    delivering.delivered_ms += 10


def pauses(delivering: Delivering) -> None:
    delivering.operate(SessionAction.PAUSE)


def test_a_permission_that_has_waited_for_the_disk_is_used() -> None:
    delivering = waiting_for_the_disk()
    delivering.run_to(3700)  # the latest report is 200 ms old

    delivering.desk.writes = True
    delivering.desk.carry_out()

    assert delivering.run_out().ended is Ended.COMPLETED
    assert len(delivering.desk.named("output_permitted")) == len(delivering.asked(SetOutput)) == 2


@pytest.mark.parametrize("change", [lowers, counts_late, pauses])
def test_what_was_permitted_and_is_not_due_any_more_is_permitted_anew(
    change: Callable[[Delivering], None],
) -> None:
    delivering = waiting_for_the_disk()

    change(delivering)
    delivering.run_to(4000)
    delivering.desk.writes = True
    delivering.run_to(4500)
    delivering.operate(SessionAction.RESUME)
    delivery = delivering.run_out()

    assert delivery.ended is Ended.COMPLETED
    assert len(delivering.asked(SetOutput)) == 2
    assert len(delivering.desk.named("output_permitted")) == 3
