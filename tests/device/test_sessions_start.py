"""A session that waits for a person's start, guided steps that are skipped, and the pain score afterwards."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from device.control.delivery import SOON_MS, START_MAX_MS, Delivery, Ended, ask_pain, deliver
from device.control.handshake import perform_handshake
from device.control.machine import State
from device.events import Event, Moment, OffConfirmation, OutputSoon, PainScored, Progress, StepEnded
from device.operator import Lower, Note, OperatorAction, Pain, SessionAction
from physioctl.rehearsal.rig import Rig
from protocols.plan import Guide, Rest, Step
from tests.support import (
    SECOND_MS,
    Ledger,
    MakeRig,
    admission_of,
    emit,
    plan_of,
    some_sessions,
)

STEP_MS = 5 * SECOND_MS
START, SKIP, STOP = SessionAction.START, SessionAction.SKIP, SessionAction.STOP


def started_by_a_person(rig: Rig, *steps: Step, ledger: Ledger | None = None) -> Delivery:
    """Run the steps in a session that waits for a start."""
    unit = rig.driver.run(perform_handshake(rig.controller))
    rig.driver.record_to(ledger or Ledger())
    plan = plan_of(unit, *steps)
    script = deliver(rig.controller, plan, 7, admission=admission_of(plan), attended=True, awaits_start=True)
    return rig.driver.run(script)


@pytest.mark.hazard("H-17")
@pytest.mark.parametrize("model", ["us111", "ultragun"])
def test_nothing_is_output_before_a_person_has_started(make_rig: MakeRig, model: str) -> None:
    rig, ledger = make_rig(model, actions=[(30 * SECOND_MS, START)]), Ledger()

    delivery = started_by_a_person(rig, emit(rig, STEP_MS), ledger=ledger)

    assert (delivery.ended, delivery.delivered_ms) == (Ended.COMPLETED, STEP_MS)
    assert rig.unit.changes[0].ms >= 30 * SECOND_MS
    (awaited,) = ledger.named("start_awaited")
    assert ("gel" in getattr(awaited, "instruction", "").lower()) == (model == "us111")


@pytest.mark.hazard("H-17")
@some_sessions
@given(
    st.lists(
        st.tuples(
            st.integers(0, 60 * SECOND_MS),
            st.sampled_from(
                [SessionAction.PAUSE, SessionAction.RESUME, SKIP, Lower(), Note("a"), Pain(1)],
            ),
        ),
        max_size=12,
    )
)
def test_whatever_else_a_person_does_starts_nothing(actions: list[tuple[int, OperatorAction]]) -> None:
    rig = Rig(actions=[*actions, (0, START), (1, START), (70 * SECOND_MS, STOP)])

    delivery = started_by_a_person(rig, Guide("Lie down.", SECOND_MS), emit(rig, STEP_MS))

    assert (delivery.ended, delivery.output_off) == (Ended.STOPPED, OffConfirmation.CONFIRMED)
    assert rig.unit.changes == []


def test_a_session_that_nobody_starts_is_over(make_rig: MakeRig) -> None:
    rig = make_rig("us111")

    delivery = started_by_a_person(rig, emit(rig, STEP_MS))

    assert (delivery.ended, delivery.why) == (Ended.INTERRUPTED, "nobody has started the session")
    assert delivery.duration_ms == pytest.approx(START_MAX_MS, abs=SECOND_MS)
    assert rig.unit.changes == []


@pytest.mark.hazard("H-18")
@pytest.mark.parametrize("by", ["the unit's key", "a lost cable"])
def test_a_unit_that_is_lost_while_a_start_is_awaited_ends_the_session(make_rig: MakeRig, by: str) -> None:
    faults = ("cable_pulled@2s+60s",) if by == "a lost cable" else ("restart@2s+100ms",)
    rig = make_rig("us111", *faults, actions=[(20 * SECOND_MS, START)])

    delivery = started_by_a_person(rig, emit(rig, STEP_MS))

    assert delivery.ended is Ended.INTERRUPTED
    assert delivery.duration_ms < 10 * SECOND_MS
    assert rig.unit.changes == []


def test_what_the_unit_reports_is_shown_while_a_start_is_awaited(make_rig: MakeRig) -> None:
    rig, ledger = make_rig("us111", actions=[(5 * SECOND_MS, STOP)]), Ledger()

    started_by_a_person(rig, emit(rig, STEP_MS), ledger=ledger)

    shown = [event for event in ledger.events if isinstance(event, Progress)]
    assert {event.state for event in shown[:-1]} == {State.AWAITING_START.value}
    assert len(shown) >= 4
    assert {event.remaining_ms for event in shown} == {STEP_MS}


@pytest.mark.hazard("H-26")
def test_a_level_that_was_lowered_before_the_start_is_never_exceeded(make_rig: MakeRig) -> None:
    rig = make_rig("us111", actions=[(SECOND_MS, Lower(300)), (2 * SECOND_MS, START)])

    delivery = started_by_a_person(rig, emit(rig, STEP_MS))

    assert delivery.ended is Ended.COMPLETED
    assert max(change.output for change in rig.unit.changes) == 300


# --- guided steps ---------------------------------------------------------------------------------------


def of(ledger: Ledger, kind: type[Event]) -> list[Event]:
    return [event for event in ledger.events if isinstance(event, kind)]


def test_a_guided_step_that_is_skipped_is_over_and_recorded_as_skipped(make_rig: MakeRig) -> None:
    rig, ledger = make_rig("us111", actions=[(SECOND_MS, START), (4 * SECOND_MS, SKIP)]), Ledger()
    steps = (Guide("Stretch.", 60 * SECOND_MS), emit(rig, STEP_MS))

    delivery = started_by_a_person(rig, *steps, ledger=ledger)

    assert delivery.ended is Ended.COMPLETED
    assert 4 * SECOND_MS <= rig.unit.changes[0].ms < 5 * SECOND_MS
    assert [getattr(event, "skipped", None) for event in of(ledger, StepEnded)] == [True, False]
    assert rig.unit.delivered_ms == STEP_MS


@pytest.mark.hazard("H-02")
@pytest.mark.parametrize("steps", ["output", "rest"])
def test_neither_output_nor_a_rest_is_skipped(make_rig: MakeRig, steps: str) -> None:
    rig, ledger = make_rig("us111", actions=[(0, START), (SECOND_MS, START)]), Ledger()
    for at_ms in range(2, 14):
        rig.person.schedule(SKIP, at_ms * SECOND_MS)
    rest = Rest(10 * SECOND_MS)
    plan = (emit(rig, 10 * SECOND_MS),) if steps == "output" else (rest, emit(rig, SECOND_MS))

    delivery = started_by_a_person(rig, *plan, ledger=ledger)

    assert delivery.ended is Ended.COMPLETED
    assert delivery.duration_ms >= 11 * SECOND_MS - 100
    assert not any(getattr(event, "skipped", None) for event in of(ledger, StepEnded))
    assert len(ledger.named("action_refused")) >= 10


def test_a_skip_in_a_pause_is_refused_and_the_step_goes_on_afterwards(make_rig: MakeRig) -> None:
    rig, ledger = make_rig("us111"), Ledger()
    acts = (START, SessionAction.PAUSE, SKIP, SessionAction.RESUME)
    for at_s, action in enumerate(acts, start=1):
        rig.person.schedule(action, at_s * SECOND_MS)

    started_by_a_person(rig, Guide("Stretch.", 10 * SECOND_MS), emit(rig, SECOND_MS), ledger=ledger)

    assert len(ledger.named("action_refused")) == 1
    assert rig.unit.changes[0].ms >= 13 * SECOND_MS


def test_the_time_left_of_each_step_is_told(make_rig: MakeRig) -> None:
    rig, ledger = make_rig("us111", actions=[(SECOND_MS, START)]), Ledger()

    started_by_a_person(rig, Guide("Stretch.", 4 * SECOND_MS), emit(rig, 3 * SECOND_MS), ledger=ledger)

    in_guidance = [event.step_remaining_ms for event in of(ledger, Progress)
                   if isinstance(event, Progress) and event.step == 1 and event.state == "armed"]  # fmt: skip
    assert in_guidance == [4000, 3000, 2000, 1000]


@pytest.mark.parametrize(("guided_ms", "in_ms"), [(20 * SECOND_MS, SOON_MS), (2 * SECOND_MS, 2 * SECOND_MS)])
def test_output_that_begins_by_itself_is_told_five_seconds_before(
    make_rig: MakeRig, guided_ms: int, in_ms: int
) -> None:
    rig, ledger = make_rig("us111", actions=[(SECOND_MS, START)]), Ledger()
    steps = (Guide("Stretch.", guided_ms), emit(rig, SECOND_MS), Guide("Wipe.", 9 * SECOND_MS))

    started_by_a_person(rig, *steps, ledger=ledger)

    (soon,) = of(ledger, OutputSoon)
    assert getattr(soon, "in_ms", None) == in_ms
    assert rig.unit.changes[0].ms - soon.at_ms == pytest.approx(in_ms, abs=100)


# --- pain, afterwards -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("action", "within_ms"),
    [(Pain(3), 2000), (SKIP, 2000), (STOP, 2200), (None, 60_000), (Note("a"), 60_000)],
)
def test_a_pain_score_is_waited_for_until_it_is_told_declined_or_stopped(
    make_rig: MakeRig, action: OperatorAction | None, within_ms: int
) -> None:
    rig, ledger = make_rig("us111", actions=[(100, START)]), Ledger()
    started_by_a_person(rig, emit(rig, SECOND_MS), ledger=ledger)
    began_ms = rig.clock.now_ms()
    if action is not None:
        rig.person.schedule(action, began_ms + 2000)

    rig.driver.run(ask_pain(rig.controller, 60_000))

    assert rig.clock.now_ms() - began_ms == pytest.approx(within_ms, abs=200)
    assert rig.controller.output_off() is OffConfirmation.CONFIRMED
    assert rig.controller.state is State.IDLE
    assert [(event.score, event.moment) for event in ledger.events if isinstance(event, PainScored)] == (
        [(3, Moment.AFTER)] if action == Pain(3) else []
    )


def test_a_cable_that_is_pulled_ends_the_question(make_rig: MakeRig) -> None:
    rig = make_rig("us111", actions=[(100, START)])
    started_by_a_person(rig, emit(rig, SECOND_MS))
    rig.cable.pull()

    rig.driver.run(ask_pain(rig.controller, 60_000))

    assert rig.controller.lost is not None
    assert rig.clock.now_ms() < 10 * SECOND_MS
