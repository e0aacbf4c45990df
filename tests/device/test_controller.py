"""The controller by itself: what it says and when, and what it makes of time, a slow disk and a lost link."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from device.control.controller import Controller
from device.control.machine import State
from device.dialects.base import Arm, Correlation, GetStatus, Renew, SetOutput, Stop, UnitState
from device.errors import LinkLost
from device.events import Event
from tests.device.desk import BEGAN_MS, STEP, Desk, Spoken, armed, emitting, identified
from tests.support import MINUTE_MS, SECOND_MS

BACKLOG_MAX_MS = 30_000


def test_this_desk_arms_starts_and_renews() -> None:
    desk = emitting()

    assert desk.intents()[-3:] == [GetStatus, Arm, SetOutput]
    desk.controller.poll(desk.now_ms + 100)
    assert desk.intents()[-1] is Renew


# --- time, and what is on the disk ------------------------------------------------------------------------


def test_before_anything_has_happened_nothing_has_been_heard_and_nothing_is_due() -> None:
    controller = Controller(Spoken(), BEGAN_MS)

    controller.poll(BEGAN_MS + MINUTE_MS)

    assert (controller.heard_bytes, controller.outbox.next, controller.failure) == (0, None, "")
    assert controller.outbox.all_written
    assert controller.due_ms() == BEGAN_MS + MINUTE_MS + 250


def test_time_never_runs_backwards_whatever_a_caller_says() -> None:
    desk = emitting()
    now_ms = desk.now_ms

    desk.controller.poll(now_ms - 1000)

    assert desk.now_ms == now_ms


@pytest.mark.hazard("H-17")
@pytest.mark.parametrize(("late_ms", "told"), [(149, []), (150, [150]), (151, [151])])
def test_a_call_that_comes_late_during_output_is_told_from_150_ms_on(late_ms: int, told: list[int]) -> None:
    desk = emitting()

    desk.controller.poll(desk.controller.due_ms() + late_ms)
    desk.carry_out()
    desk.controller.poll(desk.now_ms)  # it is told once
    desk.carry_out()

    assert [getattr(event, "for_ms", None) for event in desk.named("host_delayed")] == told


def test_a_call_that_comes_late_without_output_is_not_told() -> None:
    desk = armed()

    desk.controller.poll(desk.controller.due_ms() + SECOND_MS)
    desk.carry_out()

    assert desk.named("host_delayed") == []


@pytest.mark.hazard("H-15")
def test_an_event_that_is_not_on_the_disk_after_thirty_seconds_ends_the_session() -> None:
    desk = armed()
    desk.run_to(desk.now_ms + 5 * SECOND_MS)
    desk.writes = False
    desk.controller.permit_output(STEP, STEP.duration_ms)
    since_ms = desk.now_ms

    desk.run_to(since_ms + SECOND_MS)
    desk.controller.publish(Event(at_ms=desk.now_ms))  # one that has waited for less long

    desk.run_to(since_ms + BACKLOG_MAX_MS - 1)
    before = desk.controller.state
    desk.run_to(since_ms + BACKLOG_MAX_MS)

    assert (before, desk.controller.state) == (State.ARMED, State.FAULT)
    assert desk.controller.overdue.record_failure == desk.controller.failure
    assert desk.controller.failure == (
        "the disk is too slow or has stopped: what happened 30 s ago is not on the disk yet; "
        "no write has been done"
    )


def test_an_event_that_is_not_on_the_disk_ends_nothing_while_no_session_runs() -> None:
    desk = identified()
    desk.writes = False
    desk.controller.publish(Event(at_ms=desk.now_ms))

    desk.run_to(desk.now_ms + 2 * BACKLOG_MAX_MS, state=UnitState.IDLE, session=0)

    assert desk.controller.state is State.IDLE


def test_events_are_counted_from_the_recorder_on_and_each_waits_for_its_own_turn() -> None:
    controller = Controller(Spoken(), BEGAN_MS)
    controller.publish(Event(at_ms=BEGAN_MS))
    unrecorded = controller.outbox.handed_over, controller.outbox.all_written
    controller.record_from_here()
    for _ in range(2):
        controller.publish(Event(at_ms=BEGAN_MS))

    seen = []
    for up_to in range(3):
        controller.recorded(up_to, BEGAN_MS)
        seen.append(
            (controller.outbox.is_written(1), controller.outbox.is_written(2), controller.outbox.all_written)
        )

    assert unrecorded == (0, True)
    assert controller.outbox.handed_over == 2
    assert seen == [(False, False, False), (True, False, False), (True, True, True)]


# --- what is said when ------------------------------------------------------------------------------------


def test_a_call_is_due_every_quarter_of_a_second_while_nothing_is_known_or_the_link_is_lost() -> None:
    desk, offline = emitting(), Desk()
    desk.controller.lose_link(LinkLost("it is gone", "Plug it in."), desk.now_ms)

    assert desk.controller.due_ms() == desk.now_ms + 250
    assert offline.controller.due_ms() == BEGAN_MS + 250


def test_a_stop_to_a_unit_nobody_has_met_is_repeated() -> None:
    desk = Desk()
    desk.controller.stop()
    desk.run_to(BEGAN_MS)

    desk.controller.poll(BEGAN_MS + 39)
    early = desk.intents()
    desk.controller.poll(desk.controller.due_ms())

    assert (early, desk.intents(), desk.now_ms) == ([Stop], [Stop, Stop], BEGAN_MS + 40)


@pytest.mark.parametrize("begin", [Desk, identified, armed, emitting])
def test_nothing_is_said_to_a_link_that_is_lost(begin: Any) -> None:
    desk = begin()
    desk.controller.lose_link(LinkLost("it is gone", "Plug it in."), desk.now_ms)
    desk.carry_out()
    said, sent = len(desk.dialect.said), len(desk.sent)

    desk.controller.poll(desk.now_ms + SECOND_MS)
    desk.controller.stop()
    desk.controller.say(GetStatus())
    desk.carry_out()

    assert len(desk.dialect.said) == said + 1  # the look that was asked for: it is numbered, and not sent
    assert len(desk.sent) == sent


def test_a_link_that_is_lost_is_an_alarm_once_and_the_first_reason_stays() -> None:
    desk = emitting()
    for why in ("it is gone", "it is gone again"):
        desk.controller.lose_link(LinkLost(why, "Plug it in."), desk.now_ms)
    desk.carry_out()

    assert [getattr(event, "code", "") for event in desk.named("alarm_raised")] == ["COMM_LOST"]
    assert desk.controller.failure == "it is gone"
    assert desk.controller.lost is not None
    assert desk.controller.lost.what == "it is gone"


@pytest.mark.hazard("H-18")
def test_a_stop_goes_before_all_that_has_not_left_and_what_has_happened_stays_told() -> None:
    desk = armed()
    desk.controller.start(STEP, STEP.duration_ms)
    desk.controller.say(GetStatus())

    desk.controller.stop()
    desk.carry_out()

    assert [item.is_stop for item in desk.sent[-1:]] == [True]
    assert not any(item.starts_output for item in desk.sent)
    assert [getattr(event, "intent", "") for event in desk.named("commanded")] == ["Arm", "SetOutput"]
    assert desk.sent[-1].data == desk.dialect.said[-1][0].to_bytes(2, "little")


def test_a_second_stop_keeps_the_first_that_has_not_left() -> None:
    desk = armed()
    before = len(desk.sent)
    desk.controller.stop()
    desk.controller.stop()
    desk.carry_out()

    assert [item.is_stop for item in desk.sent[before:]] == [True, True]


def test_only_the_start_is_marked_as_raising_output_and_only_a_stop_as_a_stop() -> None:
    desk = emitting()
    desk.controller.poll(desk.now_ms + 100)
    desk.controller.stop()
    desk.carry_out()

    marks = {
        intent.__name__: (item.starts_output, item.is_stop)
        for intent, item in zip(desk.intents(), desk.sent, strict=False)
    }

    assert marks["SetOutput"] == (True, False)
    assert marks["Arm"] == marks["GetStatus"] == (False, False)


def test_bytes_for_whoever_cannot_wait_are_a_stop_and_none_once_output_is_confirmed_off() -> None:
    desk, off = emitting(), armed()

    data = desk.controller.stop_bytes()

    assert off.controller.stop_bytes() == b""
    assert data == desk.dialect.said[-1][0].to_bytes(2, "little")
    assert desk.intents()[-1] is Stop


@pytest.mark.hazard("H-18")
def test_a_request_that_never_left_delays_no_stop_where_answers_come_in_order() -> None:
    desk = emitting()
    desk.dialect.promises = replace(desk.dialect.promises, correlation=Correlation.IN_ORDER)
    desk.controller.poll(desk.now_ms + 100)  # a renewal is due, and is not sent
    desk.controller.stop()
    before = len(desk.sent)
    desk.carry_out()

    assert [item.is_stop for item in desk.sent[before:]] == [True]
