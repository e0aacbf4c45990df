"""What a person does to a session: pauses, resumes, and stops at any moment, in any state."""

from __future__ import annotations

from collections.abc import Callable
from itertools import cycle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from device.control.admission import SessionLoad
from device.control.delivery import Ended
from device.control.handshake import perform_handshake
from device.control.machine import State, Trigger
from device.errors import LinkLost, Stopped
from device.events import OffConfirmation
from device.operator import SessionAction
from physioctl.rehearsal.rig import Rig
from protocols.plan import Guide, Rest
from simulator.record import Why
from tests.support import (
    MINUTE_MS,
    ON_THE_WAY_MS,
    SECOND_MS,
    Ledger,
    MakeRig,
    admission_of,
    begun,
    emit,
    load,
    plan_of,
    session_on,
    some_sessions,
    turn_for,
)

STEP_MS = 5 * SECOND_MS
LEVEL = 440
IDENTIFIED_MS = 40  # a sound unit has been identified by then


def sound(rig: Rig) -> bool:
    """What the fixture asserts, for a rig that hypothesis makes."""
    return rig.unit.breaches == [] and rig.unit.output == 0


# --- pause and resume ---------------------------------------------------------------------------------


TAKES_HOLD_MS = 200  # a pause is one once the unit has said that its output is off


@some_sessions
@given(
    paused_ms=st.integers(IDENTIFIED_MS, 6 * SECOND_MS),
    for_ms=st.integers(TAKES_HOLD_MS, 3 * SECOND_MS),
)
def test_a_session_that_was_paused_delivers_exactly_the_rest(paused_ms: int, for_ms: int) -> None:
    rig = Rig(actions=[(paused_ms, SessionAction.PAUSE), (paused_ms + for_ms, SessionAction.RESUME)])

    delivery = session_on(rig, emit(rig, STEP_MS), attended=True)

    assert delivery.ended is Ended.COMPLETED
    assert rig.unit.delivered_ms == delivery.delivered_ms == STEP_MS
    assert {change.output for change in rig.unit.changes} <= {0, LEVEL}
    assert sound(rig)


@pytest.mark.hazard("H-02")
@pytest.mark.hazard("H-26")
@some_sessions
@given(moments=st.lists(st.integers(0, 20 * SECOND_MS), max_size=12))
def test_however_often_it_is_paused_it_never_gives_more_or_higher(moments: list[int]) -> None:
    keys = cycle((SessionAction.PAUSE, SessionAction.RESUME))
    actions = list(zip(sorted(moments), keys, strict=False))
    rig = Rig(
        actions=[*actions, *((20 * SECOND_MS + again * 500, SessionAction.RESUME) for again in range(1, 40))]
    )

    delivery = session_on(rig, emit(rig, STEP_MS, 500), Rest(300), emit(rig, STEP_MS), attended=True)

    assert delivery.ended is Ended.COMPLETED
    assert rig.unit.delivered_ms == 2 * STEP_MS
    assert max(change.output for change in rig.unit.changes) == LEVEL
    assert sound(rig)


@pytest.mark.hazard("H-17")
def test_output_is_off_all_through_a_pause(make_rig: MakeRig) -> None:
    rig = make_rig(
        "us111", actions=[(2 * SECOND_MS, SessionAction.PAUSE), (32 * SECOND_MS, SessionAction.RESUME)]
    )

    session_on(rig, emit(rig, STEP_MS), attended=True)

    on, paused, resumed, done = rig.unit.changes
    assert paused.why is Why.STOP
    assert paused.ms <= 2 * SECOND_MS + ON_THE_WAY_MS
    assert resumed.ms >= 32 * SECOND_MS
    assert (paused.ms - on.ms) + (done.ms - resumed.ms) == STEP_MS


def test_a_rest_stands_still_while_it_is_paused(make_rig: MakeRig) -> None:
    rig = make_rig(
        "us111", actions=[(SECOND_MS, SessionAction.PAUSE), (11 * SECOND_MS, SessionAction.RESUME)]
    )

    delivery = session_on(rig, Guide("Lie down.", 2 * SECOND_MS), emit(rig, SECOND_MS), attended=True)

    assert delivery.ended is Ended.COMPLETED
    assert rig.unit.changes[0].ms >= 12 * SECOND_MS


@pytest.mark.hazard("H-17")
@pytest.mark.parametrize("at_ms", [1, 10, 20])
def test_a_session_that_is_paused_before_it_begins_begins_in_a_pause(make_rig: MakeRig, at_ms: int) -> None:
    rig = make_rig("us111", actions=[(at_ms, SessionAction.PAUSE), (5000, SessionAction.RESUME)])

    delivery = session_on(rig, emit(rig, STEP_MS), attended=True)

    on, off = rig.unit.changes
    assert on.ms >= 5000
    assert (delivery.ended, delivery.delivered_ms, off.why) == (Ended.COMPLETED, STEP_MS, Why.STEP_DONE)


def test_a_pause_that_is_taken_back_before_the_session_begins_changes_nothing(make_rig: MakeRig) -> None:
    rig = make_rig("us111", actions=[(1, SessionAction.PAUSE), (2, SessionAction.RESUME)])

    delivery = session_on(rig, emit(rig, STEP_MS), attended=True)

    assert delivery.ended is Ended.COMPLETED
    assert rig.unit.changes[0].ms < 1000


def test_a_resume_means_nothing_to_a_session_that_runs(make_rig: MakeRig) -> None:
    rig = make_rig("us111", actions=[(at, SessionAction.RESUME) for at in range(0, 6000, 250)])

    delivery = session_on(rig, emit(rig, STEP_MS))

    assert delivery.ended is Ended.COMPLETED
    assert [change.why for change in rig.unit.changes] == [Why.SET, Why.STEP_DONE]


# --- stop ---------------------------------------------------------------------------------------------


@some_sessions
@given(at_ms=st.integers(IDENTIFIED_MS, 6 * SECOND_MS))
def test_a_stop_at_any_moment_ends_with_output_off_confirmed(at_ms: int) -> None:
    rig = Rig(actions=[(at_ms, SessionAction.STOP)])

    steps = (Guide("Lie down.", SECOND_MS), emit(rig, 2000, 500), Rest(SECOND_MS), emit(rig, 2000))
    delivery = session_on(rig, *steps)

    assert delivery.output_off is OffConfirmation.CONFIRMED
    assert rig.unit.output_off_since_ms is not None
    assert rig.unit.output_off_since_ms <= at_ms + ON_THE_WAY_MS
    assert delivery.ended is Ended.STOPPED or delivery.delivered_ms == 4 * SECOND_MS
    assert rig.unit.delivered_ms == delivery.delivered_ms
    assert sound(rig)


@some_sessions
@given(
    stops=st.lists(st.integers(IDENTIFIED_MS, 4000), min_size=1, max_size=6), paused_ms=st.integers(0, 4000)
)
def test_stops_in_and_around_a_pause_end_with_output_off(stops: list[int], paused_ms: int) -> None:
    actions = [
        *((at, SessionAction.STOP) for at in stops),
        (paused_ms, SessionAction.PAUSE),
        (paused_ms + 700, SessionAction.RESUME),
    ]
    rig = Rig(actions=actions)

    delivery = session_on(rig, emit(rig, 10 * SECOND_MS), attended=True)

    assert (delivery.ended, delivery.output_off) == (Ended.STOPPED, OffConfirmation.CONFIRMED)
    assert rig.unit.output_off_since_ms is not None
    assert rig.unit.output_off_since_ms <= min(stops) + ON_THE_WAY_MS
    assert sound(rig)


@pytest.mark.parametrize("at_ms", [0, 1, 5, 10, 15, 20])
def test_a_stop_during_the_handshake_means_that_there_is_no_session(make_rig: MakeRig, at_ms: int) -> None:
    rig = make_rig("us111", actions=[(at_ms, SessionAction.STOP)])

    with pytest.raises(Stopped):
        rig.driver.run(perform_handshake(rig.controller))

    assert rig.controller.output_off() is OffConfirmation.CONFIRMED
    assert rig.unit.changes == []


@some_sessions
@given(
    actions=st.lists(st.tuples(st.integers(0, 6000), st.sampled_from(SessionAction)), min_size=1, max_size=15)
)
def test_whatever_a_person_does_the_unit_is_off_at_the_end(actions: list[tuple[int, SessionAction]]) -> None:
    stop_ms = min((at for at, action in actions if action is SessionAction.STOP), default=7000)
    rig = Rig(actions=[*actions, (7000, SessionAction.STOP)])

    try:
        delivery = session_on(rig, emit(rig, 2000), Rest(300), emit(rig, 20 * SECOND_MS), attended=True)
    except Stopped:
        assert stop_ms <= IDENTIFIED_MS
    else:
        assert (delivery.ended, delivery.output_off) == (Ended.STOPPED, OffConfirmation.CONFIRMED)
        assert rig.unit.delivered_ms == delivery.delivered_ms
    assert rig.unit.output_off_since_ms is not None
    assert rig.unit.output_off_since_ms <= stop_ms + ON_THE_WAY_MS
    assert sound(rig)


def offline(rig: Rig) -> None:
    pass


def idle(rig: Rig) -> None:
    rig.driver.run(perform_handshake(rig.controller))
    rig.driver.record_to(Ledger())


def armed(rig: Rig) -> None:
    unit = rig.driver.run(perform_handshake(rig.controller))
    rig.driver.record_to(Ledger())
    load(rig.controller, plan_of(unit, emit(rig, MINUTE_MS)), 7, attended=True)


def awaiting(rig: Rig) -> None:
    unit = rig.driver.run(perform_handshake(rig.controller))
    rig.driver.record_to(Ledger())
    plan = plan_of(unit, emit(rig, MINUTE_MS))
    rig.controller.load(SessionLoad(plan, 7, admission=admission_of(plan), attended=True, awaits_start=True))


def emitting(rig: Rig) -> None:
    begun(rig, emit(rig, MINUTE_MS))
    turn_for(rig, SECOND_MS)


def held(rig: Rig) -> None:
    begun(rig, emit(rig, MINUTE_MS))
    while rig.controller.state is State.EMITTING:
        turn_for(rig, 100)


def paused(rig: Rig) -> None:
    emitting(rig)
    rig.controller.pause()
    turn_for(rig, 100)


def pausing(rig: Rig) -> None:
    emitting(rig)
    rig.controller.pause()


def finishing(rig: Rig) -> None:
    emitting(rig)
    rig.controller.end(Trigger.END_STEP)  # what `poll` does for a unit that ends no step itself


def stopping(rig: Rig) -> None:
    emitting(rig)
    rig.controller.stop()


def uncertain(rig: Rig) -> None:
    emitting(rig)
    while rig.controller.state is State.EMITTING:
        turn_for(rig, 100)


def fault(rig: Rig) -> None:
    emitting(rig)
    rig.controller.fail("for a test")


ROADS: dict[State, tuple[Callable[[Rig], None], tuple[str, ...]]] = {
    State.OFFLINE: (offline, ()),
    State.IDLE: (idle, ()),
    State.AWAITING_START: (awaiting, ()),
    State.ARMED: (armed, ()),
    State.EMITTING: (emitting, ()),
    State.SUSPENDED: (held, ("lift_off@2s+1h",)),
    State.FINISHING: (finishing, ()),
    State.PAUSING: (pausing, ()),
    State.PAUSED: (paused, ()),
    State.STOPPING: (stopping, ()),
    State.UNCERTAIN: (uncertain, ("half_open@3s+600ms=1",)),
    State.FAULT: (fault, ()),
}


@pytest.mark.hazard("H-18")
@pytest.mark.parametrize("state", State)
def test_a_stop_is_taken_in_every_state_and_ends_with_output_off_confirmed(
    make_rig: MakeRig, state: State
) -> None:
    road, faults = ROADS[state]
    rig = make_rig("us111", *faults)
    road(rig)
    assert rig.controller.state is state

    rig.controller.stop()
    output_off = rig.driver.run(rig.controller.settle())

    assert output_off is OffConfirmation.CONFIRMED
    assert rig.unit.output == 0
    assert rig.controller.state in (State.IDLE, State.FAULT)


@pytest.mark.parametrize("state", State)
def test_a_stop_with_the_cable_out_says_what_is_known_and_is_not_refused(
    make_rig: MakeRig, state: State
) -> None:
    road, faults = ROADS[state]
    rig = make_rig("us111", *faults)
    road(rig)

    rig.cable.pull()
    rig.controller.stop()
    output_off = rig.driver.run(rig.controller.settle())

    allowed_output = state not in (State.OFFLINE, State.IDLE, State.AWAITING_START, State.ARMED)
    assert output_off in (
        (OffConfirmation.PRESUMED, OffConfirmation.CONFIRMED)
        if allowed_output
        else (OffConfirmation.UNKNOWN, OffConfirmation.CONFIRMED)
    )
    assert isinstance(rig.controller.lost, LinkLost)
    assert rig.unit.output == 0
