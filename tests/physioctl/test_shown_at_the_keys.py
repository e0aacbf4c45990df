"""What the person at the keys is shown and hears: what is waited for, the keys, countdowns, the bell."""

from __future__ import annotations

from dataclasses import replace

import pytest

from device.control.machine import State
from device.events import (
    ActionRefused,
    AlarmRaised,
    Event,
    LevelLowered,
    Moment,
    NoteTaken,
    OffConfirmation,
    OutputSoon,
    PainAsked,
    PainScored,
    Priority,
    Progress,
    StartAwaited,
    StateChanged,
    StepEnded,
    StepStarted,
)
from physioctl.events import Outcome, SessionEnded, SleepNotPrevented
from physioctl.screens.lines import InTurn, Plain
from physioctl.screens.prompts import Prompts
from physioctl.screens.sounds import Bell
from physioctl.screens.wording import line, summary


def state(state: State, *may: str) -> StateChanged:
    return StateChanged(at_ms=0, state=state.value, before="", trigger="", may=may)


def step(kind: str, *may: str) -> StepStarted:
    return StepStarted(at_ms=0, step=1, steps=2, kind=kind, say="Stretch.", duration_ms=30_000, may=may)


def progress(at_ms: int, step_remaining_ms: int | None) -> Progress:
    return Progress(
        at_ms=at_ms, step=1, remaining_ms=60_000, state="armed", level_set=0, measured_level=0,
        delivered_ms=0, energy_mj=0, head_temp_ddeg_c=300, contact_pct=90, battery_pct=90,
        step_remaining_ms=step_remaining_ms,
    )  # fmt: skip


def shown_by_prompts(*events: Event, sounds: bool = True) -> list[str]:
    said: list[str] = []
    prompts = Prompts(said.append, sounds=sounds)
    for event in events:
        prompts.on_event(event)
    return said


def test_the_keys_are_shown_again_when_they_change_and_only_then() -> None:
    armed = ("pause", "stop", "lower")

    said = shown_by_prompts(
        state(State.ARMED, *armed),
        step("emit", *armed),
        state(State.EMITTING, *armed),
        state(State.PAUSING, "stop"),
        state(State.PAUSED, "resume", "stop", "lower"),
        LevelLowered(
            at_ms=0, by="operator", before=300, after=290, quantity="intensity_mw_cm2", may=("resume", "stop")
        ),
        state(State.STOPPING, "stop"),
    )

    assert [line.startswith("Keys  s, q, Esc, Ctrl-C: stop · ") for line in said] == [True] * 3
    assert ["resume" in line for line in said] == [False, True, True]
    assert ["lower" in line for line in said] == [True, True, False]


def test_a_guided_step_shows_the_key_that_skips_it() -> None:
    (said,) = shown_by_prompts(step("guide", "pause", "skip", "stop"))

    assert "n: next step" in said


@pytest.mark.parametrize("sounds", [True, False])
def test_that_sounds_are_off_is_said_once(sounds: bool) -> None:
    said = shown_by_prompts(state(State.ARMED, "stop"), state(State.PAUSED, "resume"), sounds=sounds)

    assert sum("Sounds are off" in line for line in said) == (not sounds)


def test_what_is_waited_for_is_said() -> None:
    said = shown_by_prompts(
        StartAwaited(at_ms=0, instruction="Gel on"),
        PainAsked(at_ms=0, moment=Moment.AFTER, for_ms=60_000),
    )

    assert said == [
        "Gel on: Space to start",
        "Pain after the session: 0 (none) to 10 (the worst imaginable), and Enter; Enter alone leaves it out",
    ]


def test_a_guided_step_counts_down_in_lines_and_another_does_not() -> None:
    said: list[str] = []
    screen = Plain(said.append)
    for kind in ("guide", "rest"):
        screen.on_event(step(kind))
        for left_s in range(30, -1, -1):
            screen.on_event(progress(30_000 - left_s * 1000, left_s * 1000 + 7))

    counted = [line.split("this step: ")[1] for line in said if "this step" in line]
    assert counted == [f"0:{left_s:02} left" for left_s in (30, 20, 10, 5, 4, 3, 2, 1)]


def test_a_record_without_the_time_of_the_step_is_shown_without_a_countdown() -> None:
    said: list[str] = []
    screen = InTurn([Plain(said.append)])
    for event in (step("guide"), progress(0, None)):
        screen.on_event(event)

    assert not any("this step" in line for line in said)


def test_no_progress_is_printed_while_a_start_is_awaited() -> None:
    said: list[str] = []
    screen = Plain(said.append)

    screen.on_event(replace(progress(0, None), state="awaiting_start"))
    screen.on_event(replace(progress(1000, None), state="armed"))

    assert said == ["0:01  output off, 1:00 left, 0 s delivered"]


@pytest.mark.parametrize(
    ("why", "words"),
    [
        ("", "stopped"),
        ("stopped by the operator", "stopped by the operator"),
        ("the unit is idle by itself", "stopped: the unit is idle by itself"),
    ],
)
def test_how_a_session_ended_is_said_once(why: str, words: str) -> None:
    ended = SessionEnded(
        at_ms=0, session="a", outcome=Outcome.STOPPED, why=why, output_off=OffConfirmation.CONFIRMED,
        delivered_ms=0, planned_ms=0, energy_mj=0, planned_energy_mj=None, duration_ms=0,
    )  # fmt: skip

    assert summary(ended)[0] == summary(ended, unit=False)[0] == words


@pytest.mark.parametrize(
    ("event", "words"),
    [
        (NoteTaken(at_ms=0, text="skin red", by="K-1"), "K-1: skin red"),
        (
            PainScored(at_ms=0, score=0, moment=Moment.BEFORE, by="K-1"),
            "K-1: pain 0 of 10, before the session",
        ),
        (OutputSoon(at_ms=0, in_ms=5000), "output begins in 5 s"),
        (ActionRefused(at_ms=0, action="skip", why="so"), "operator: skip does nothing now: so"),
        (StepEnded(at_ms=0, step=2, delivered_ms=0, skipped=True), "step 2 was skipped"),
        (StepEnded(at_ms=0, step=2, delivered_ms=0), ""),
        (replace(progress(0, None), state="awaiting_start"), "awaiting start, 1:00 left, 0 s delivered"),
        (SleepNotPrevented(at_ms=0, why="so"), "this computer may fall asleep during the session: so"),
    ],
)
def test_each_is_shown_in_a_line(event: Event, words: str) -> None:
    assert line(event) == words


@pytest.mark.parametrize(
    ("event", "rings"),
    [
        (step("emit"), 1),
        (step("guide"), 1),
        (state(State.SUSPENDED), 1),
        (state(State.EMITTING), 0),
        (OutputSoon(at_ms=0, in_ms=5000), 1),
        (
            AlarmRaised(at_ms=0, code="A", priority=Priority.LOW, what="so", action="that", status=None),
            1,
        ),
        (progress(0, 1000), 0),
        (StepEnded(at_ms=0, step=2, delivered_ms=0), 0),
    ],
)
def test_the_bell_rings_at_what_a_person_has_to_notice(event: Event, rings: int) -> None:
    rung: list[int] = []

    Bell(lambda: rung.append(1)).on_event(event)

    assert len(rung) == rings
