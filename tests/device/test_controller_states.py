"""The controller by itself: where it stands after a person's act, an answer of its unit, or none."""

from __future__ import annotations

from typing import Any

import pytest

from device.control.admission import SessionLoad
from device.control.machine import State
from device.dialects.base import GetCapabilities, GetStatus, Identify, Stop, UnitState
from device.errors import GuardRefused
from device.events import Moment, NoteTaken, OffConfirmation, PainScored
from device.operator import NOTE_MAX, Lower, Note, OperatorAction, Pain, SessionAction
from tests.device.desk import PLAN, RUNNING, STEP, Desk, armed, emitting, identified
from tests.device.parts import DECLARED, IDENTITY, SESSION, UNIT
from tests.support import LEASE_MS, admission_of


def test_a_unit_that_is_opened_again_stays_where_it_stands() -> None:
    desk = identified()

    desk.controller.open(UNIT)

    assert desk.controller.state is State.IDLE


def test_a_pause_between_two_steps_sends_nothing_and_one_during_output_stops() -> None:
    between, during, idle = armed(), emitting(), identified()
    said = len(between.dialect.said), len(idle.dialect.said)

    for desk in (between, during, idle):
        desk.controller.pause()

    assert [desk.controller.state for desk in (between, during, idle)] == [
        State.PAUSED,
        State.PAUSING,
        State.IDLE,
    ]
    assert (len(between.dialect.said), len(idle.dialect.said)) == said
    assert during.intents()[-1] is Stop


def test_a_pause_is_over_once_output_is_confirmed_off_and_a_person_resumes() -> None:
    desk = emitting()
    desk.controller.pause()
    desk.controller.resume()
    pausing = desk.controller.state
    desk.answer(state=UnitState.IDLE)
    paused = desk.controller.state

    desk.controller.resume()

    assert (pausing, paused, desk.controller.state) == (State.PAUSING, State.PAUSED, State.ARMED)
    assert not desk.controller.known.output_off.stopping
    assert desk.controller.known.output_off.asked_ms is None


def test_a_pause_that_is_asked_for_again_is_one_pause_in_the_record() -> None:
    desk = emitting(attended=True)
    states = []
    for _ in range(2):
        for _ in range(20):
            desk.controller.operate(SessionAction.PAUSE, desk.now_ms)
        desk.carry_out()
        states.append(desk.controller.state)
        desk.answer(state=UnitState.IDLE)

    assert states == [State.PAUSING, State.PAUSED]
    assert [getattr(event, "action", "") for event in desk.named("operator_acted")] == ["pause"]


@pytest.mark.hazard("H-18")
def test_a_stop_that_is_asked_for_again_is_recorded_and_sent_again() -> None:
    desk = emitting(attended=True)
    before = len(desk.sent)
    for action in (SessionAction.PAUSE, SessionAction.STOP, SessionAction.STOP):
        desk.controller.operate(action, desk.now_ms)
        desk.carry_out()

    assert [item.is_stop for item in desk.sent[before:]] == [True] * 3
    acted = [getattr(event, "action", "") for event in desk.named("operator_acted")]
    assert acted == ["pause", "stop", "stop"]


def test_a_resume_is_of_a_pause_that_has_been_confirmed() -> None:
    desk = emitting(attended=True)
    acted = []
    for action in (SessionAction.PAUSE, SessionAction.RESUME):
        desk.controller.operate(action, desk.now_ms)
    desk.carry_out()
    acted.append(len(desk.named("operator_acted")))
    desk.answer(state=UnitState.IDLE)
    desk.controller.operate(SessionAction.RESUME, desk.now_ms)
    desk.carry_out()
    acted.append(len(desk.named("operator_acted")))

    assert acted == [1, 2]
    assert len(desk.named("action_refused")) == 1
    assert desk.controller.state is State.ARMED


@pytest.mark.parametrize(("attended", "state"), [(True, State.PAUSING), (False, State.FAULT)])
def test_what_breaks_off_pauses_where_a_person_is_there(attended: bool, state: State) -> None:
    desk = emitting(attended=attended)

    desk.controller.break_off("for a test")

    assert desk.controller.state is state
    assert desk.controller.failure == ("" if attended else "for a test")


def test_a_pause_from_before_the_session_is_taken_back_by_a_resume() -> None:
    desk = identified()
    for action in (SessionAction.PAUSE, SessionAction.RESUME):
        desk.controller.operate(action, desk.now_ms)
    desk.controller.load(SessionLoad(PLAN, SESSION, admission=admission_of(PLAN), attended=True))
    desk.carry_out()

    assert desk.controller.state is State.ARMED
    assert desk.named("action_refused") == []


def test_a_session_that_was_paused_before_it_began_begins_paused() -> None:
    desk = identified()
    desk.controller.operate(SessionAction.PAUSE, desk.now_ms)

    desk.controller.load(SessionLoad(PLAN, SESSION, admission=admission_of(PLAN), attended=True))

    assert desk.controller.state is State.PAUSED


# --- a start that is waited for --------------------------------------------------------------------------


def awaiting() -> Desk:
    desk = identified()
    desk.controller.load(SessionLoad(PLAN, SESSION, admission_of(PLAN), attended=True, awaits_start=True))
    return desk


@pytest.mark.hazard("H-17")
@pytest.mark.parametrize("action", [*SessionAction, Lower(), Note("gel on"), Pain(4)])
def test_nothing_but_a_start_lets_a_session_begin_that_waits_for_it(action: OperatorAction) -> None:
    desk = awaiting()

    desk.controller.operate(action, desk.now_ms)

    begun: dict[OperatorAction, State] = {
        SessionAction.START: State.ARMED,
        SessionAction.STOP: State.STOPPING,
    }
    assert desk.controller.state is begun.get(action, State.AWAITING_START)


@pytest.mark.hazard("H-17")
def test_a_start_before_it_is_waited_for_is_refused_and_not_kept() -> None:
    desk = identified()
    desk.controller.operate(SessionAction.START, desk.now_ms)

    desk.controller.load(SessionLoad(PLAN, SESSION, admission_of(PLAN), attended=True, awaits_start=True))
    desk.carry_out()

    assert desk.controller.state is State.AWAITING_START
    assert [getattr(event, "action", "") for event in desk.named("action_refused")] == ["start"]


@pytest.mark.parametrize("begin", [armed, emitting])
def test_a_start_in_a_session_that_runs_is_refused_and_changes_nothing(begin: Any) -> None:
    desk = begin()
    state = desk.controller.state

    desk.controller.operate(SessionAction.START, desk.now_ms)
    desk.carry_out()

    assert desk.controller.state is state
    assert len(desk.named("action_refused")) == 1
    assert desk.named("operator_acted") == []


def test_the_unit_is_neither_armed_nor_started_while_a_start_is_awaited() -> None:
    desk = awaiting()

    with pytest.raises(GuardRefused, match="awaiting_start"):
        desk.controller.arm()


@pytest.mark.hazard("H-07")
def test_a_unit_that_stops_answering_while_a_start_is_awaited_ends_the_session() -> None:
    desk = awaiting()

    until_ms = desk.now_ms + 3000
    while desk.now_ms < until_ms:
        desk.controller.poll(min(desk.controller.due_ms(), until_ms))
    desk.carry_out()

    assert desk.controller.state is State.FAULT
    assert [rule.code for rule in desk.controller.alarms] == ["COMM_LOST"]


def test_what_a_person_may_do_is_told_while_a_start_is_awaited() -> None:
    desk = awaiting()
    desk.carry_out()

    assert getattr(desk.named("state_changed")[-1], "may", ()) == ("start", "stop", "lower")


# --- a guided step, observations and pain ----------------------------------------------------------------


def test_a_guided_step_can_be_skipped_and_nothing_else_can() -> None:
    guided, between, during = armed(), armed(), emitting()
    guided.controller.known.guided = True

    for desk in (guided, between, during):
        desk.controller.operate(SessionAction.SKIP, desk.now_ms)
        desk.carry_out()

    assert not guided.controller.known.guided
    assert [len(desk.named("action_refused")) for desk in (guided, between, during)] == [0, 1, 1]
    assert [desk.controller.state for desk in (guided, between, during)] == [
        State.ARMED,
        State.ARMED,
        State.EMITTING,
    ]


@pytest.mark.parametrize("text", ["", "x" * (NOTE_MAX + 1), "a\nb", "a\x1b[2J", "a\u202eb", "a\x00"])
def test_an_observation_that_a_terminal_would_obey_or_that_is_too_long_is_refused(text: str) -> None:
    desk = armed()

    desk.controller.operate(Note(text), desk.now_ms)
    desk.carry_out()

    assert desk.named("note_taken") == []
    assert len(desk.named("action_refused")) == 1


def test_observations_and_pain_are_recorded_with_where_the_session_stands() -> None:
    desk = awaiting()
    for score, action in ((6, SessionAction.START), (4, SessionAction.STOP), (2, None)):
        desk.controller.operate(Pain(score, by="K-1"), desk.now_ms)
        desk.controller.operate(Note("skin reddened", by="K-1"), desk.now_ms)
        if action is not None:
            desk.controller.operate(action, desk.now_ms)
    desk.carry_out()

    at_ms = desk.now_ms
    assert desk.named("pain_scored") == [
        PainScored(at_ms=at_ms, score=score, moment=moment, by="K-1")
        for score, moment in zip((6, 4, 2), Moment, strict=True)
    ]
    assert desk.named("note_taken") == [NoteTaken(at_ms=at_ms, text="skin reddened", by="K-1")] * 3


@pytest.mark.parametrize("score", [-1, 11])
def test_a_pain_score_outside_its_scale_is_refused(score: int) -> None:
    desk = armed()

    desk.controller.operate(Pain(score), desk.now_ms)
    desk.carry_out()

    assert desk.named("pain_scored") == []
    assert len(desk.named("action_refused")) == 1


@pytest.mark.parametrize("action", [Note("too early"), Pain(3)])
def test_nothing_is_noted_of_a_session_that_there_is_not(action: OperatorAction) -> None:
    desk = identified()

    desk.controller.operate(action, desk.now_ms)
    desk.carry_out()

    assert len(desk.named("action_refused")) == 1


@pytest.mark.hazard("H-18")
@pytest.mark.parametrize("begin", [Desk, identified, armed, emitting])
def test_a_stop_that_a_person_asks_for_is_sent_in_the_same_moment(begin: Any) -> None:
    desk = begin()

    desk.controller.operate(SessionAction.STOP, desk.now_ms)
    desk.carry_out()

    assert desk.sent[-1].is_stop
    assert desk.controller.state is State.STOPPING


def test_who_has_asked_to_stop_has_had_the_last_word() -> None:
    desk = armed(attended=True)
    for action in (SessionAction.STOP, SessionAction.PAUSE, SessionAction.RESUME):
        desk.controller.operate(action, desk.now_ms)
    desk.carry_out()

    assert desk.controller.actions.halted
    assert [getattr(event, "action", "") for event in desk.named("operator_acted")] == ["stop"]
    assert [getattr(event, "action", "") for event in desk.named("action_refused")] == ["pause", "resume"]


def test_a_change_of_state_tells_what_a_person_may_do_next() -> None:
    desk = armed()

    (told,) = [event for event in desk.named("state_changed") if getattr(event, "state", "") == "armed"]

    assert getattr(told, "may", ()) == ("pause", "stop", "lower")


def test_the_first_reason_for_a_failure_stays_until_the_fault_is_left() -> None:
    desk = armed()
    desk.controller.fail("first")
    desk.controller.fail("second")
    kept = desk.controller.failure
    desk.answer(state=UnitState.IDLE)

    desk.controller.leave_fault()

    assert (kept, desk.controller.failure, desk.controller.state) == ("first", "", State.OFFLINE)


def finished(script: Any) -> Any:
    """What a script returns that has nothing to wait for."""
    with pytest.raises(StopIteration) as ended:
        next(script)
    return ended.value.value


def test_a_stop_that_the_unit_confirms_ends_in_idle_and_one_that_nobody_answers_in_doubt() -> None:
    confirmed, unanswered = emitting(), emitting()
    for desk in (confirmed, unanswered):
        desk.controller.stop()
    confirmed.answer(state=UnitState.IDLE)
    stopped_ms = unanswered.now_ms
    script = unanswered.controller.settle()

    output_off = finished(confirmed.controller.settle())
    unheard = None
    while unheard is None:
        try:
            unanswered.controller.poll(next(script))
        except StopIteration as ended:
            unheard = ended.value
    for desk in (confirmed, unanswered):
        desk.carry_out()

    assert (output_off, confirmed.controller.state) == (OffConfirmation.CONFIRMED, State.IDLE)
    assert confirmed.controller.known.output_off.asked_ms is None
    assert (unheard, unanswered.controller.state) == (OffConfirmation.PRESUMED, State.UNCERTAIN)
    (told,) = unanswered.named("stop_outcome")
    assert getattr(told, "took_ms", 0) == unanswered.now_ms - stopped_ms == 560
    assert unanswered.intents()[-14:] == [Stop] * 14


def test_a_doubt_that_the_unit_resolves_late_ends_in_idle() -> None:
    desk = emitting()
    desk.run_to(desk.now_ms)
    until_ms = desk.now_ms + LEASE_MS
    while desk.controller.state is State.EMITTING:
        desk.controller.poll(min(desk.controller.due_ms(), until_ms))
    uncertain = desk.controller.state
    desk.carry_out()
    desk.answer(state=UnitState.IDLE)

    assert uncertain is State.UNCERTAIN
    assert finished(desk.controller.settle()) is OffConfirmation.CONFIRMED
    assert desk.controller.state is State.IDLE


# --- what the unit says -------------------------------------------------------------------------------------


def test_who_the_unit_is_and_what_it_declares_is_kept_and_is_no_report() -> None:
    desk = Desk()
    desk.controller.say(Identify())
    desk.answer(IDENTITY)
    desk.controller.say(GetCapabilities())
    desk.answer(DECLARED)

    assert (desk.controller.reports.identity, desk.controller.reports.declared) == (IDENTITY, DECLARED)
    assert desk.controller.status is None
    assert desk.controller.heard_bytes == 4


@pytest.mark.parametrize(("begin", "alarms"), [(identified, []), (armed, ["ANSWER_DIFFERS"])])
def test_an_answer_to_another_request_than_its_number_ends_a_session(begin: Any, alarms: list[str]) -> None:
    desk = begin()
    for _ in range(2):
        desk.controller.say(GetStatus())
        desk.answer(IDENTITY)

    assert [rule.code for rule in desk.controller.alarms] == alarms
    assert desk.controller.reports.identity is None
    assert desk.controller.state is (State.FAULT if alarms else State.IDLE)


@pytest.mark.parametrize(("begin", "alarms"), [(identified, []), (armed, ["RESTARTED"])])
def test_another_units_report_is_not_looked_at_and_ends_a_session_once(begin: Any, alarms: list[str]) -> None:
    desk = begin()
    received_at_ms, status = desk.controller.scheduler.received_at_ms, desk.controller.status
    for _ in range(2):
        desk.controller.poll(desk.now_ms + 50)
        desk.controller.say(GetStatus())
        desk.answer(nonce=1)

    assert [rule.code for rule in desk.controller.alarms] == alarms
    assert (desk.controller.scheduler.received_at_ms, desk.controller.status) == (received_at_ms, status)


@pytest.mark.parametrize(("refusal", "state"), [("limit", State.FAULT), ("", State.ARMED)])
def test_a_unit_that_refuses_to_be_armed_ends_the_session(refusal: str, state: State) -> None:
    desk = armed()
    desk.controller.arm()
    desk.answer(refusal=refusal)

    assert desk.controller.state is state
    assert desk.controller.failure == ("the unit refused to arm: limit" if refusal else "")


def test_a_unit_that_refuses_to_start_ends_the_session() -> None:
    desk = armed()
    desk.controller.start(STEP, STEP.duration_ms)
    desk.carry_out()

    desk.answer(refusal="limit")

    assert desk.controller.failure == "the unit refused to start: limit"


def test_a_report_is_recorded_in_a_session_only_and_only_when_it_tells_another_thing() -> None:
    desk = identified()
    before = len(desk.named("status_changed"))
    desk.controller.load(SessionLoad(PLAN, SESSION, admission=admission_of(PLAN), attended=False))
    told = []
    for changes in ({}, {"head_temp_ddeg_c": 301}, {"level_set": 0}, {"state": UnitState.IDLE}):
        desk.controller.say(GetStatus())
        desk.answer(**changes)
        told.append(len(desk.named("status_changed")))

    assert (before, told) == (0, [1, 1, 1, 2])


@pytest.mark.parametrize(
    ("changes", "state"),
    [
        ({"state": UnitState.SUSPENDED, "measured_level": 0}, State.SUSPENDED),
        ({"state": UnitState.READY, "measured_level": 0, "level_set": 0, "duty_set_pct": 0}, State.ARMED),
        ({"state": UnitState.READY, "measured_level": 5, "level_set": 0, "duty_set_pct": 0}, State.EMITTING),
        ({"state": UnitState.LAPSED, "measured_level": 0}, State.FAULT),
        ({"state": UnitState.IDLE, "measured_level": 0}, State.FAULT),
        ({}, State.EMITTING),
    ],
)
def test_the_controller_moves_as_its_unit_has_moved_by_itself(changes: dict[str, Any], state: State) -> None:
    desk = emitting()
    desk.controller.say(GetStatus())

    desk.answer(**(RUNNING | changes))

    assert desk.controller.state is state


def test_a_suspension_is_over_when_the_unit_emits_again() -> None:
    desk = emitting()
    states = []
    held = {"state": UnitState.SUSPENDED, "measured_level": 0}
    for changes in (held, held, {"measured_level": 0}):
        desk.controller.say(GetStatus())
        desk.answer(**(RUNNING | {"contact_pct": 10} | changes))
        states.append(desk.controller.state)

    assert states == [State.SUSPENDED, State.SUSPENDED, State.EMITTING]


def test_an_alarm_that_does_not_latch_is_cleared_and_told() -> None:
    desk = armed()
    for pct in (20, 21):
        desk.controller.say(GetStatus())
        desk.answer(battery_pct=pct)

    assert [getattr(event, "code", "") for event in desk.named("alarm_raised")] == ["BATTERY_LOW"]
    assert [getattr(event, "code", "") for event in desk.named("alarm_ended")] == ["BATTERY_LOW"]
    assert [rule.code for rule in desk.controller.alarms] == ["BATTERY_LOW"]
    assert desk.controller.state is State.ARMED


@pytest.mark.hazard("H-19")
def test_a_unit_that_takes_an_arm_and_names_another_session_ends_it() -> None:
    desk = identified()
    desk.controller.load(SessionLoad(PLAN, SESSION, admission=admission_of(PLAN), attended=True))
    desk.controller.arm()
    desk.answer(state=UnitState.READY, session=0)

    assert desk.alarms() == ["SESSION_DIFFERS"]
    assert desk.controller.state is State.FAULT
    assert desk.intents()[-1] is Stop


def test_a_unit_that_refuses_an_arm_may_name_no_session() -> None:
    desk = identified()
    desk.controller.load(SessionLoad(PLAN, SESSION, admission=admission_of(PLAN), attended=True))
    desk.controller.say(GetStatus())
    desk.answer(state=UnitState.IDLE, session=0)

    assert desk.alarms() == []
