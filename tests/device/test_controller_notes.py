"""The controller by itself: what a person notes and scores, and what nothing waits for."""

from __future__ import annotations

import pytest

from device.control.machine import State
from device.events import ActionRefused, Event, Moment, NoteTaken, PainScored
from device.operator import Note, OperatorAction, Pain, SessionAction
from tests.device.desk import Desk, armed, emitting, identified

NOTE_REFUSED = "an observation has 1 to 500 printable characters"
PAIN_REFUSED = "pain is scored from 0 to 10"


def told(desk: Desk, action: OperatorAction) -> Event:
    """The one event that is recorded of it."""
    before = len(desk.events)
    desk.controller.operate(action, desk.now_ms)
    desk.carry_out()
    (event,) = desk.events[before:]
    return event


@pytest.mark.parametrize("text", ["x", "The calf twitches.", "x" * 500])
def test_an_observation_is_recorded_with_who_made_it(text: str) -> None:
    desk = emitting()

    assert told(desk, Note(text, by="Dr A")) == NoteTaken(at_ms=desk.now_ms, text=text, by="Dr A")


@pytest.mark.parametrize("text", ["", "x" * 501, "two\nlines"])
def test_an_observation_is_printable_and_of_a_bounded_length(text: str) -> None:
    desk = emitting()

    refused = ActionRefused(at_ms=desk.now_ms, action="note", why=NOTE_REFUSED)
    assert told(desk, Note(text)) == refused


@pytest.mark.parametrize(("score", "taken"), [(-1, False), (0, True), (10, True), (11, False)])
def test_pain_is_scored_from_0_to_10(score: int, taken: bool) -> None:
    desk = emitting()

    event = told(desk, Pain(score))

    at_ms = desk.now_ms
    scored = PainScored(at_ms=at_ms, score=score, moment=Moment.DURING, by="operator")
    assert event == (scored if taken else ActionRefused(at_ms=at_ms, action="pain", why=PAIN_REFUSED))


def test_a_score_says_whether_the_session_goes_on() -> None:
    stopped = emitting()
    stopped.controller.stop()
    stopped.carry_out()
    paused = armed()
    paused.controller.pause()
    paused.carry_out()

    for desk, moment in [(armed(), "during"), (emitting(), "during"), (paused, "during"), (stopped, "after")]:
        event = told(desk, Pain(5))

        assert isinstance(event, PainScored)
        assert event.moment == moment


def test_without_a_session_nothing_is_noted_or_scored() -> None:
    desk = identified()

    for name, action in (("note", Note("x")), ("pain", Pain(5))):
        refused = ActionRefused(at_ms=desk.now_ms, action=name, why="there is no session yet")
        assert told(desk, action) == refused


@pytest.mark.parametrize(
    ("action", "why"),
    [
        (SessionAction.START, "no session waits for a start"),
        (SessionAction.SKIP, "no guided step runs: output and rests are never skipped"),
        (SessionAction.RESUME, "the session is not paused"),
    ],
)
def test_what_nothing_waits_for_is_refused_and_changes_nothing(action: SessionAction, why: str) -> None:
    desk = emitting()
    desk.controller.actions.latest = SessionAction.PAUSE

    assert told(desk, action) == ActionRefused(at_ms=desk.now_ms, action=action, why=why)
    assert (desk.controller.state, desk.controller.actions.latest) == (State.EMITTING, SessionAction.PAUSE)
