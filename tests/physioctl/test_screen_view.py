"""What the full screen shows of events: every time, and never more than fits or anything that is obeyed."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Any, get_type_hints

import pytest
from hypothesis import given
from hypothesis import strategies as st

from device.control.machine import State
from device.events import (
    ActionRefused,
    AlarmEnded,
    AlarmRaised,
    Event,
    LevelLowered,
    Moment,
    OffConfirmation,
    PainAsked,
    PainScored,
    Priority,
)
from physioctl.events import Outcome
from physioctl.record.codec import EVENTS
from physioctl.screens.tui.fold import Seen, after, view
from physioctl.screens.tui.letters import drawable
from physioctl.screens.tui.view import LONGEST, Aspect, ViewState, from_line, one_line, to_line
from tests.physioctl.screen_states import (
    EMITTING,
    ENDED,
    LIFTED,
    OVERHEATED,
    PLANNED,
    SESSIONS,
    STARTED,
    progress,
    shown,
    state,
    step,
)

HOSTILE = "[bold red]\x1b[2J\x1b]52;c;x\x07\u202e\u2066\n\r" + "x" * 10_000
HINTS = {kind: get_type_hints(kind) for kind in EVENTS}


def of(found: ViewState, label: str) -> str:
    """A reading, with what it is held against."""
    return " ".join(f"{each.value} {each.note}".strip() for each in found.readings if each.label == label)


def test_an_emission_is_shown_with_its_times_its_level_and_its_dose() -> None:
    found = shown(EMITTING)

    assert (found.aspect, found.word) == (Aspect.OUTPUT, "OUTPUT ON")
    assert (found.step, found.step_left, found.session_left) == ("step 2 of 4", "4:31", "6:31")
    assert (of(found, "measured"), of(found, "asked")) == ("0.43 W/cm²", "0.44 W/cm²")
    assert (of(found, "energy"), of(found, "dose")) == ("367.6 J of 845 J", "91.9 J/cm² of 211.2")
    assert (of(found, "head temp"), of(found, "contact")) == ("31.2 °C", "88 %")
    assert (found.about, found.gone_ms) == ("P-017 · calf, left · US111 US-0042 · assumed profile", 269_000)


def test_a_gun_shows_speed_and_battery_and_no_dose() -> None:
    gun = replace(STARTED, family="percussion", planned_energy_mj=None)
    found = shown((gun, replace(PLANNED, area_mm2=None), step(2), progress(2, 1000, "emitting", level=2100)))

    assert [reading.label for reading in found.readings] == ["measured", "asked", "energy", "battery"]
    assert (of(found, "measured"), of(found, "battery")) == ("2100 /min", "81 %")


def test_guidance_has_no_readings() -> None:
    assert shown((replace(STARTED, family=None), step(1), progress(1, 1000, "armed"))).readings == ()


def test_guidance_without_a_unit_says_nothing_of_output() -> None:
    alone = replace(STARTED, family=None, model="", serial="", planned_ms=0, planned_energy_mj=None)
    stopped = replace(ENDED, output_off=OffConfirmation.CONFIRMED)

    paused, ended = shown((alone, state("paused"))), shown((alone, stopped))

    assert paused.instruction == "r, Enter resumes."
    assert ended.instruction.startswith("Guidance alone: no unit was used, and nothing was output.")
    assert not paused.about.endswith("·")


def test_what_this_computer_reckons_is_marked() -> None:
    found = shown((replace(STARTED, reckoned=("time", "energy")), *EMITTING[1:]))

    assert of(found, "energy") == "367.6 J of 845 J reckoned"
    assert of(found, "time left") == "reckoned by this computer"


def test_readings_from_before_a_fault_are_not_shown_as_if_they_were_new() -> None:
    found = shown(SESSIONS["fault"])

    assert (of(found, "measured"), of(found, "head temp"), of(found, "contact")) == ("-", "-", "-")
    assert of(found, "energy") == "367.6 J of 845 J"


def test_the_level_that_is_asked_is_never_above_what_the_operator_lowered_it_to() -> None:
    lowered = LevelLowered(at_ms=0, by="operator", before=440, after=300, quantity="intensity_mw_cm2")

    assert of(shown((*EMITTING, lowered)), "asked") == "0.30 W/cm²"
    assert of(shown((*EMITTING, replace(lowered, after=900))), "asked") == "0.44 W/cm²"


def test_an_alarm_that_stands_is_shown_before_one_that_is_over() -> None:
    found = shown((*EMITTING, OVERHEATED, LIFTED, AlarmEnded(at_ms=0, code="CONTACT_LOST")))

    assert [(alarm.what, alarm.over) for alarm in found.alarms] == [
        (LIFTED.what, True),
        (OVERHEATED.what, False),
    ]
    again = shown((*EMITTING, LIFTED, AlarmEnded(at_ms=0, code="CONTACT_LOST"), OVERHEATED))
    assert [alarm.over for alarm in again.alarms] == [False, True]


@pytest.mark.parametrize("off", [OffConfirmation.PRESUMED, OffConfirmation.UNKNOWN])
def test_an_end_without_confirmation_is_an_alarm_that_says_what_to_do(off: OffConfirmation) -> None:
    found = shown((*EMITTING, replace(ENDED, outcome=Outcome.INTERRUPTED, output_off=off)))

    assert found.aspect is Aspect.ALARM
    assert ("look at it" in found.instruction) or ("Switch the unit off" in found.instruction)


def test_a_pain_score_is_asked_for_until_it_is_given() -> None:
    asked = PainAsked(at_ms=0, moment=Moment.AFTER, for_ms=60_000)
    scored = PainScored(at_ms=0, score=3, moment=Moment.AFTER, by="operator")

    assert shown((*EMITTING, state("idle"), asked)).word == "PAIN 0-10"
    found = shown((*EMITTING, state("idle"), asked, scored))
    assert (found.word, found.remark) == ("OUTPUT OFF", "Pain 3 of 10, after the session")


def test_every_state_has_a_word_that_can_be_drawn_large() -> None:
    words = [shown((STARTED, step(2), state(each.value))).word for each in State]
    words += [shown((STARTED, replace(ENDED, outcome=outcome))).word for outcome in Outcome]

    assert all(drawable(word) and len(word) <= 12 for word in words)


def test_states_that_differ_in_what_is_output_differ_in_shape_and_word() -> None:
    named = {name: shown(events) for name, events in SESSIONS.items()}

    assert len({each.aspect for each in named.values()}) == len({each.word for each in named.values()}) == 7


def test_text_of_others_is_plain_short_and_on_one_line() -> None:
    alarm = AlarmRaised(at_ms=0, code="X", priority=Priority.HIGH, what=HOSTILE, action=HOSTILE, status=None)
    hostile = (
        replace(STARTED, title=HOSTILE, person=HOSTILE, serial=HOSTILE, body_site=HOSTILE),
        replace(step(2), say=HOSTILE),
        alarm,
        ActionRefused(at_ms=0, action="note", why=HOSTILE),
    )
    found = shown(hostile)

    texts = [found.title, found.about, found.instruction, found.remark, found.alarms[0].what]
    assert all(text.isprintable() and len(text) <= 4 * LONGEST + 20 for text in texts)
    assert found.title.startswith("[bold red]\\x1b[2J")


@given(st.text())
def test_one_line_is_one_line(text: str) -> None:
    found = one_line(text)

    assert found.isprintable()
    assert len(found) <= LONGEST


def of_kind(kind: type[Event]) -> st.SearchStrategy[Event]:
    """Any event of this kind, with names that the fold knows among those that it does not."""
    known: dict[str, st.SearchStrategy[Any]] = {
        "state": st.sampled_from([each.value for each in State]) | st.text(),
        "family": st.sampled_from(["ultrasound", "percussion", None]),
        "kind": st.sampled_from(["emit", "rest", "guide"]) | st.text(),
    }
    objects: dict[str, st.SearchStrategy[Any]] = {
        field.name: st.just({}) for field in fields(kind) if "JSON" in str(field.type)
    }
    return st.builds(kind, **objects, **{name: known[name] for name in known if name in HINTS[kind]})


@given(st.lists(st.sampled_from(EVENTS).flatmap(of_kind), max_size=12))
def test_any_events_in_any_order_are_shown_and_sent_as_they_are(events: list[Event]) -> None:
    seen = Seen()
    for event in events:
        seen = after(seen, event)
        found = view(seen)

        assert from_line(to_line(found)) == found
        assert to_line(found).count(b"\n") == 1
