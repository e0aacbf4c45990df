"""The handshake by itself: how often it asks, how long it waits, and what ends it. No unit, no cable."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from device.control.fault_clearing import clear_faults
from device.control.handshake import identify, listen, look_for, perform_handshake
from device.control.machine import State
from device.dialects.base import (
    ClearFaults,
    Correlation,
    GetCapabilities,
    GetStatus,
    Identify,
    Intent,
    Line,
    Stop,
    UnitState,
)
from device.dialects.native import Native
from device.errors import (
    GuardRefused,
    LinkLost,
    NoAnswer,
    OutputNotConfirmedOff,
    Stopped,
    UnitFaulted,
    WrongUnit,
)
from device.operator import SessionAction
from tests.device.desk import BEGAN_MS, Desk, identified
from tests.device.parts import DECLARED, IDENTITY, NONCE

ONE_AT_A_TIME = replace(
    Native.promises,
    correlation=Correlation.IN_ORDER,
    line=Line(baud=19_200, answer_max_ms=60, drain_ms=20),
)
IDLE: dict[str, Any] = {"state": UnitState.IDLE, "session": 0}
FAULTED: dict[str, Any] = {"state": UnitState.FAULT, "session": 0, "faults": ("STALL",)}


def no_answer(desk: Desk, intent: Intent) -> None:
    """Nobody answers."""


def sound(desk: Desk, intent: Intent, **changes: Any) -> None:
    """The answer of an idle unit."""
    match intent:
        case Identify():
            desk.answer(IDENTITY)
        case GetCapabilities():
            desk.answer(DECLARED)
        case _:
            desk.answer(**(IDLE | changes))


def run(desk: Desk, script: Any, answer: Callable[[Desk, Intent], None]) -> Any:
    """Run a script to its end, and answer each request with ``answer``."""
    answered = len(desk.dialect.said)
    while True:
        try:
            until_ms = next(script)
        except StopIteration as ended:
            return ended.value
        finally:
            desk.carry_out()
        if len(desk.dialect.said) == answered:
            desk.controller.poll(min(until_ms, desk.controller.due_ms()))
            desk.carry_out()
        while len(desk.dialect.said) > answered:
            answered = len(desk.dialect.said)
            answer(desk, desk.dialect.said[-1][1])


def test_a_unit_that_does_not_answer_is_asked_every_300_ms_for_three_seconds() -> None:
    desk, asked_ms = Desk(), list[int]()

    with pytest.raises(NoAnswer, match="nobody answers on a desk"):
        run(desk, identify(desk.controller), lambda desk, _: asked_ms.append(desk.now_ms))

    assert asked_ms == list(range(BEGAN_MS, BEGAN_MS + 3000, 300))
    assert desk.now_ms == BEGAN_MS + 3000
    assert set(desk.intents()) == {Identify}


def test_what_is_heard_and_is_no_answer_is_another_dialect() -> None:
    desk = Desk()

    with pytest.raises(NoAnswer, match=r"not in this dialect \(20 bytes of it\)"):
        run(desk, identify(desk.controller), lambda desk, _: desk.controller.receive(b"..", desk.now_ms))


def test_a_link_that_is_lost_ends_the_handshake_at_once() -> None:
    desk = Desk()

    with pytest.raises(LinkLost):
        run(
            desk,
            perform_handshake(desk.controller),
            lambda desk, _: desk.controller.lose_link(LinkLost("gone", "Plug it in."), desk.now_ms),
        )

    assert desk.now_ms == BEGAN_MS


def test_a_sound_unit_is_asked_who_it_is_what_it_can_do_and_how_it_is() -> None:
    desk = Desk()

    unit = run(desk, perform_handshake(desk.controller), sound)

    assert (unit.identity, unit.declared) == (IDENTITY, DECLARED)
    assert desk.intents() == [Identify, GetCapabilities, GetStatus]
    assert desk.controller.state is State.IDLE


@pytest.mark.hazard("H-18")
@pytest.mark.parametrize("when", [Identify, GetCapabilities, GetStatus])
def test_a_stop_that_a_person_asks_for_ends_the_handshake_and_is_sent(when: type[Intent]) -> None:
    desk = Desk()

    def stops(desk: Desk, intent: Intent) -> None:
        if isinstance(intent, when):
            desk.controller.operate(SessionAction.STOP, desk.now_ms)
        sound(desk, desk.dialect.said[-1][1])

    with pytest.raises(Stopped):
        run(desk, perform_handshake(desk.controller), stops)

    assert desk.intents()[-1] is Stop
    assert desk.controller.unit is None


@pytest.mark.hazard("H-18")
def test_a_stop_that_a_person_asks_for_ends_the_question_who_the_unit_is() -> None:
    desk = Desk()

    def stops(desk: Desk, intent: Intent) -> None:
        if isinstance(intent, Identify):
            sound(desk, intent)
            desk.controller.operate(SessionAction.STOP, desk.now_ms)
        else:
            sound(desk, intent)

    with pytest.raises(Stopped):
        run(desk, identify(desk.controller), stops)

    assert desk.intents()[-1] is Stop


@pytest.mark.hazard("H-18")
def test_who_only_looks_for_a_unit_leaves_the_line_at_once_to_whoever_asks_for_a_stop() -> None:
    desk, listening = Desk(), Desk()

    def stops(desk: Desk, intent: Intent) -> None:
        if isinstance(intent, Identify):
            desk.controller.operate(SessionAction.STOP, desk.now_ms)

    with pytest.raises(OutputNotConfirmedOff):
        run(desk, look_for(desk.controller), stops)
    listening.controller.operate(SessionAction.STOP, listening.now_ms)
    with pytest.raises(OutputNotConfirmedOff):
        run(listening, listen(listening.controller, 300), no_answer)

    assert (desk.intents(), desk.now_ms) == ([Identify, Stop], BEGAN_MS)
    assert (listening.intents(), listening.now_ms) == ([Stop], BEGAN_MS)


@pytest.mark.hazard("H-18")
def test_who_looks_for_a_unit_that_has_answered_confirms_the_stop_itself() -> None:
    desk = Desk()

    def stops(desk: Desk, intent: Intent) -> None:
        sound(desk, intent)
        if isinstance(intent, Identify):
            desk.controller.operate(SessionAction.STOP, desk.now_ms)

    with pytest.raises(Stopped):
        run(desk, look_for(desk.controller), stops)


@pytest.mark.hazard("H-18")
def test_a_stop_that_a_person_asks_for_while_output_is_being_ended_ends_the_handshake() -> None:
    desk = Desk()

    def stops(desk: Desk, intent: Intent) -> None:
        if isinstance(intent, Stop):
            if not desk.controller.actions.halted:
                desk.controller.operate(SessionAction.STOP, desk.now_ms)
                desk.carry_out()
            sound(desk, desk.dialect.said[-1][1])
        else:
            sound(desk, intent, state=UnitState.EMITTING, measured_level=5)

    with pytest.raises(Stopped):
        run(desk, perform_handshake(desk.controller), stops)

    assert desk.controller.unit is None


@pytest.mark.hazard("H-18")
def test_after_a_stop_that_a_person_asked_for_a_unit_is_stopped_again_and_asked_nothing() -> None:
    desk = Desk()
    desk.controller.operate(SessionAction.STOP, desk.now_ms)
    desk.carry_out()
    desk.answer(**IDLE)

    with pytest.raises(Stopped):
        run(desk, perform_handshake(desk.controller), sound)

    assert desk.intents() == [Stop, Stop]


def test_where_requests_are_made_one_at_a_time_a_unit_is_asked_who_it_is_once_the_line_is_free() -> None:
    desk, asked_ms = Desk(), list[int]()
    desk.dialect.promises = ONE_AT_A_TIME
    desk.controller.say(GetStatus())

    def answers(desk: Desk, intent: Intent) -> None:
        if isinstance(intent, Identify):
            asked_ms.append(desk.now_ms)
            desk.answer(IDENTITY)

    run(desk, identify(desk.controller), answers)

    assert asked_ms == [BEGAN_MS + 80]


@pytest.mark.hazard("H-07")
def test_a_stop_that_a_person_asks_for_and_nobody_answers_leaves_output_unknown() -> None:
    desk = Desk()

    def stops(desk: Desk, intent: Intent) -> None:
        if isinstance(intent, Identify):
            desk.controller.operate(SessionAction.STOP, desk.now_ms)

    with pytest.raises(OutputNotConfirmedOff, match="a stop was sent on a desk"):
        run(desk, perform_handshake(desk.controller), stops)


@pytest.mark.hazard("H-07")
def test_output_that_a_stop_does_not_end_is_told() -> None:
    desk = Desk()

    with pytest.raises(OutputNotConfirmedOff, match="has output that a stop did not end"):
        run(
            desk,
            perform_handshake(desk.controller),
            lambda desk, intent: sound(desk, intent, state=UnitState.EMITTING, measured_level=5),
        )


def test_a_unit_that_is_not_at_rest_after_a_stop_and_one_that_has_restarted_are_not_driven() -> None:
    for changes, said in (({"state": UnitState.READY}, "is not idle"), ({"nonce": NONCE + 1}, "restarted")):
        desk = Desk()

        with pytest.raises(WrongUnit, match=said):
            run(desk, perform_handshake(desk.controller), lambda desk, intent: sound(desk, intent, **changes))  # noqa: B023

        assert desk.controller.unit is None


def test_a_latched_fault_is_at_rest() -> None:
    desk = Desk()

    run(desk, perform_handshake(desk.controller), lambda desk, intent: sound(desk, intent, **FAULTED))

    assert desk.controller.state is State.IDLE


# --- clearing -----------------------------------------------------------------------------------------------


def latched() -> Desk:
    desk = identified()
    desk.controller.say(GetStatus())
    desk.answer(**FAULTED)
    return desk


def test_faults_are_asked_to_be_cleared_three_times_and_each_is_waited_for_a_quarter_of_a_second() -> None:
    desk, asked_ms = latched(), list[int]()

    def keeps(desk: Desk, intent: Intent) -> None:
        if isinstance(intent, ClearFaults):
            asked_ms.append(desk.now_ms)
        desk.answer(**FAULTED)

    with pytest.raises(UnitFaulted, match="STALL"):
        run(desk, clear_faults(desk.controller), keeps)

    began_ms = asked_ms[0]
    assert asked_ms == [began_ms, began_ms + 250, began_ms + 500]
    assert desk.now_ms == began_ms + 750
    assert desk.controller.state is State.FAULT


def test_faults_that_are_cleared_are_named_and_the_controller_leaves_the_fault() -> None:
    desk = latched()

    def clears(desk: Desk, intent: Intent) -> None:
        desk.answer(**(IDLE if isinstance(intent, ClearFaults) else FAULTED))

    names = run(desk, clear_faults(desk.controller), clears)

    assert names == ("STALL",)
    assert desk.intents()[-2:] == [Stop, ClearFaults]
    assert (desk.controller.state, desk.controller.failure) == (State.OFFLINE, "")


@pytest.mark.hazard("H-07")
def test_faults_are_not_asked_to_be_cleared_before_the_unit_has_reported_its_output_off() -> None:
    desk = latched()

    def answers_the_third_stop(desk: Desk, intent: Intent) -> None:
        if isinstance(intent, ClearFaults):
            desk.answer(**IDLE)
        elif desk.intents().count(Stop) == 3:
            desk.answer(**FAULTED)

    run(desk, clear_faults(desk.controller), answers_the_third_stop)

    assert desk.intents()[-4:] == [Stop, Stop, Stop, ClearFaults]


def test_where_requests_are_made_one_at_a_time_each_attempt_to_clear_faults_waits_for_the_line() -> None:
    desk = latched()
    desk.dialect.promises = ONE_AT_A_TIME

    def answers_stops(desk: Desk, intent: Intent) -> None:
        if isinstance(intent, Stop):
            desk.answer(**FAULTED)

    with pytest.raises(UnitFaulted, match="STALL"):
        run(desk, clear_faults(desk.controller), answers_stops)

    assert desk.intents().count(ClearFaults) == 3


def test_faults_of_a_unit_that_was_not_identified_are_not_cleared() -> None:
    desk = Desk()
    desk.controller.say(GetStatus())
    desk.answer(**FAULTED)

    with pytest.raises(GuardRefused):
        run(desk, clear_faults(desk.controller), no_answer)

    assert desk.intents() == [GetStatus]


# --- listening ------------------------------------------------------------------------------------------


def listened(desk: Desk, then: Callable[[], None] = lambda: None) -> Any:
    """Listen for 300 ms, of which ``then`` happens after 100, and two bytes come at each look."""
    script = listen(desk.controller, 300)
    next(script)
    desk.controller.receive(b"..", BEGAN_MS + 100)
    then()
    try:
        while True:
            until_ms = next(script)
            desk.controller.poll(until_ms)
    except StopIteration as ended:
        return ended.value
    finally:
        desk.carry_out()


def test_who_listens_sends_nothing_and_counts_the_bytes_that_come_in_that_time() -> None:
    desk = Desk()

    assert listened(desk) == 2
    assert desk.now_ms == BEGAN_MS + 300
    assert desk.intents() == []


def test_a_lost_link_ends_listening_at_once() -> None:
    desk = Desk()

    with pytest.raises(LinkLost):
        listened(desk, lambda: desk.controller.lose_link(LinkLost("gone", "Plug it in."), BEGAN_MS + 100))

    assert desk.now_ms == BEGAN_MS + 100
