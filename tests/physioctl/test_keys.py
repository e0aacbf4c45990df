"""What each key of a session does, and that a key that is held, pasted or typed in a line starts nothing."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from device.control.machine import State
from device.events import Moment, PainAsked, PainScored, StateChanged, StepStarted
from device.operator import NOTE_MAX, Lower, Note, OperatorAction, Pain, SessionAction
from physioctl.events import SessionStarted
from physioctl.key_decoder import BACKSPACE, CTRL_BACKSLASH, CTRL_C, ENTER, ESC, SPACE
from physioctl.keys import ALONE_MS, BEHIND_MS, BINDINGS, FRESH_MS, Does, SessionKeys, keys_now
from tests.cases import each

STARTED = SessionStarted(
    at_ms=0,
    session="a",
    protocol="p",
    title="t",
    content_hash="h",
    family="ultrasound",
    body_site="calf",
    side="left",
    person=None,
    simulated=True,
    model="US111",
    serial="1",
    nonce=1,
    firmware="1",
    planned_ms=1,
    planned_energy_mj=None,
    total_ms=1,
    lease_ms=500,
    assumed=True,
    utc_offset_min=0,
    boot_id=None,
    boot_ms=None,
    boot_utc_ms=None,
    physioctl="0",
)
START, PAUSE, RESUME = SessionAction.START, SessionAction.PAUSE, SessionAction.RESUME
SKIP, STOP = SessionAction.SKIP, SessionAction.STOP


class Keyboard:
    """The keys of a session, and somebody who presses them."""

    def __init__(self, state: State = State.EMITTING, family: str | None = "ultrasound") -> None:
        self.keys = SessionKeys()
        self.keys.on_event(replace(STARTED, family=family))
        self.goes_to(state)
        self.now_ms = 100_000

    def goes_to(self, state: State) -> None:
        self.keys.on_event(StateChanged(at_ms=0, state=state.value, before="", trigger=""))

    def press(self, *keys: str, every_ms: int = 2 * FRESH_MS) -> list[OperatorAction]:
        """What ``keys`` ask for, one after the other."""
        found = []
        for key in keys:
            found += [*self.keys.press([key], self.now_ms)]
            self.now_ms += every_ms
        return [*found, *self.keys.poll(self.now_ms)]

    def paste(self, *keys: str) -> list[OperatorAction]:
        """What ``keys`` ask for that come at once."""
        found = [*self.keys.press(keys, self.now_ms)]
        self.now_ms += ALONE_MS
        return [*found, *self.keys.poll(self.now_ms)]


@pytest.mark.hazard("H-18")
@each("key", ["s", "S", "q", "Q", ESC, CTRL_C, CTRL_BACKSLASH])
@each("state", State)
def test_every_key_that_stops_does_so_in_every_state(key: str, state: State) -> None:
    assert Keyboard(state).press(key) == [STOP]


@pytest.mark.parametrize(
    ("state", "key", "action"),
    [
        (State.AWAITING_START, SPACE, START),
        (State.EMITTING, SPACE, PAUSE),
        (State.PAUSED, SPACE, PAUSE),
        (State.PAUSED, "r", RESUME),
        (State.PAUSED, ENTER, RESUME),
        (State.EMITTING, "-", Lower()),
        (State.ARMED, "n", SKIP),
        (State.ARMED, "N", SKIP),
    ],
)
def test_each_key_does_its_one_thing(state: State, key: str, action: OperatorAction) -> None:
    assert Keyboard(state).press(key) == [action]


# --- a key that is held, pressed twice, or pasted ---------------------------------------------------------


@pytest.mark.hazard("H-17")
@pytest.mark.parametrize("every_ms", [20, 33, 92, 250, 500, 660 + 200, ALONE_MS - 1])
def test_space_that_is_held_or_pressed_twice_starts_nothing(every_ms: int) -> None:
    for count in (2, 3, 40):
        assert START not in Keyboard(State.AWAITING_START).press(*[SPACE] * count, every_ms=every_ms)


@pytest.mark.hazard("H-17")
@pytest.mark.parametrize(("key", "action"), [("r", RESUME), (ENTER, RESUME), ("n", SKIP)])
@pytest.mark.parametrize("every_ms", [33, 500])
def test_no_key_that_is_held_lets_output_begin(key: str, action: SessionAction, every_ms: int) -> None:
    assert Keyboard(State.PAUSED).press(*[key] * 40, every_ms=every_ms) == []
    assert Keyboard(State.PAUSED).press(key) == [action]


@pytest.mark.hazard("H-17")
def test_space_that_is_held_while_output_is_on_pauses_and_never_resumes() -> None:
    assert set(Keyboard().press(*[SPACE] * 40, every_ms=33)) == {PAUSE}


@pytest.mark.hazard("H-17")
@pytest.mark.parametrize("first_ms", [250, 500, 660, 1000])
def test_space_that_was_held_already_when_a_start_is_waited_for_starts_nothing(first_ms: int) -> None:
    keyboard = Keyboard(State.IDLE)
    keyboard.keys.held([SPACE], keyboard.now_ms)
    keyboard.goes_to(State.AWAITING_START)
    keyboard.now_ms += first_ms

    assert keyboard.press(*[SPACE] * 40, every_ms=33) == []


def test_a_start_takes_effect_once_its_key_has_stayed_alone() -> None:
    keyboard = Keyboard(State.AWAITING_START)

    assert [*keyboard.keys.press([SPACE], 0)] == []
    assert keyboard.keys.due_ms == ALONE_MS
    assert [*keyboard.keys.poll(ALONE_MS - 1)] == []
    assert [*keyboard.keys.poll(ALONE_MS)] == [START]
    assert keyboard.keys.due_ms is None


@pytest.mark.parametrize("key", ["-", "s", "o", "x", "\u044b"])
def test_any_other_key_right_after_it_takes_a_start_back(key: str) -> None:
    assert START not in Keyboard(State.AWAITING_START).press(SPACE, key, every_ms=ALONE_MS - 1)


@pytest.mark.hazard("H-17")
@given(st.lists(st.sampled_from([SPACE, "r", "n", ENTER, *"abc 0-="]), min_size=2))
def test_what_comes_at_once_lets_no_output_begin(keys: list[str]) -> None:
    for state in (State.AWAITING_START, State.PAUSED, State.ARMED):
        assert not {START, RESUME, SKIP} & set(Keyboard(state).paste(*keys))


def test_a_skip_is_of_the_step_that_was_shown_when_its_key_was_pressed() -> None:
    keyboard = Keyboard(State.ARMED)

    pressed = [*keyboard.keys.press(["n"], 0)]
    keyboard.keys.on_event(StepStarted(at_ms=0, step=2, steps=3, kind="guide", say="", duration_ms=1))

    assert [*pressed, *keyboard.keys.poll(ALONE_MS)] == []


@pytest.mark.hazard("H-17")
@pytest.mark.parametrize("state", [State.EMITTING, State.PAUSING])
def test_a_resume_is_of_the_pause_that_was_shown_when_its_key_was_pressed(state: State) -> None:
    keyboard = Keyboard(state)

    pressed = [*keyboard.keys.press(["r"], 0)]
    keyboard.goes_to(State.PAUSED)  # by an alarm, or because the unit has answered

    assert [*pressed, *keyboard.keys.poll(ALONE_MS)] == []


@pytest.mark.hazard("H-17")
@pytest.mark.parametrize(("state", "key"), [(State.AWAITING_START, SPACE), (State.PAUSED, ENTER)])
def test_the_last_of_many_keys_that_come_one_by_one_lets_no_output_begin(state: State, key: str) -> None:
    pasted, typed = Keyboard(state), Keyboard(state)

    pasted.press(*"mbemb", key, every_ms=BEHIND_MS - 1)
    typed.press("m", key, every_ms=BEHIND_MS)

    assert [*pasted.keys.poll(pasted.now_ms + ALONE_MS)] == []
    assert len([*typed.keys.poll(typed.now_ms + ALONE_MS)]) == 1


class TakenBackWhileRead(SessionKeys):
    """Keys of which another thread takes back what settles, in the middle of reading when that is due."""

    reads = 0

    def __getattribute__(self, name: str) -> object:
        if name == "_settling":
            self.reads += 1
            if self.reads > 1:
                return None
        return super().__getattribute__(name)


def test_what_is_taken_back_by_another_thread_breaks_no_reading_of_keys() -> None:
    keys = TakenBackWhileRead()
    [*keys.press(["n"], 0)]
    keys.reads = 0

    assert keys.due_ms == ALONE_MS


# --- lines that are typed -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("family", "typed", "to_level"),
    [
        ("ultrasound", "0.4", 400),
        ("ultrasound", "0,4", 400),
        ("ultrasound", ".35", 350),
        ("percussion", "1800", 1800),
    ],
)
@pytest.mark.parametrize("opens", ["=", "l", "L"])
def test_a_number_lowers_in_the_unit_that_is_shown(
    opens: str, family: str, typed: str, to_level: int
) -> None:
    keyboard = Keyboard(family=family)

    assert keyboard.press(opens, *typed, ENTER, every_ms=100) == [Lower(to_level)]
    assert keyboard.keys.typed == ""


@pytest.mark.parametrize("typed", ["0", ".", "1..2", "0.00001"])
def test_a_number_that_is_none_is_refused_and_can_be_typed_again(typed: str) -> None:
    keyboard = Keyboard()

    assert keyboard.press("=", *typed, ENTER, every_ms=100) == []
    assert "Lower to (W/cm²)" in keyboard.keys.typed
    assert keyboard.press(*"0.3", ENTER, every_ms=100) == [Lower(300)]


def test_an_observation_is_typed_up_to_enter_and_its_letters_do_nothing() -> None:
    keyboard = Keyboard()

    actions = keyboard.press("o", *"sq -rnx", BACKSPACE, *"!", ENTER, every_ms=100)

    assert actions == [Note("sq -rn!")]


@pytest.mark.hazard("H-18")
@pytest.mark.parametrize("key", [ESC, CTRL_C, CTRL_BACKSLASH])
@pytest.mark.parametrize("opens", ["o", "=", "p"])
def test_while_something_is_typed_esc_and_ctrl_c_stop(opens: str, key: str) -> None:
    keyboard = Keyboard()

    assert keyboard.press(opens, "1", key, every_ms=100) == [STOP]
    assert keyboard.keys.typed == ""


@pytest.mark.hazard("H-18")
@pytest.mark.parametrize("key", ["s", "q"])
@pytest.mark.parametrize("opens", ["=", "p"])
def test_while_a_number_is_typed_the_letters_that_stop_do_so(opens: str, key: str) -> None:
    assert Keyboard().press(opens, "1", key, every_ms=100) == [STOP]


@pytest.mark.hazard("H-17")
def test_the_enter_that_ends_a_line_does_not_resume_however_long_it_is_held() -> None:
    keyboard = Keyboard(State.PAUSED)

    assert keyboard.press("o", "a", *[ENTER] * 40, every_ms=33) == [Note("a")]


@given(st.text(max_size=2 * NOTE_MAX))
def test_whatever_is_typed_an_observation_is_bounded_and_printable(text: str) -> None:
    keyboard = Keyboard()

    actions = keyboard.press("o", *[key for key in text if key.isprintable()], ENTER, every_ms=0)

    for action in actions:
        assert isinstance(action, Note)
        assert action.text.isprintable()
        assert 0 < len(action.text) <= NOTE_MAX


@pytest.mark.parametrize(("typed", "score"), [("0", 0), ("7", 7), ("10", 10)])
def test_pain_is_scored_from_0_to_10(typed: str, score: int) -> None:
    assert Keyboard().press("p", *typed, ENTER, every_ms=100) == [Pain(score)]


@pytest.mark.parametrize("typed", ["11", "99", "1.5"])
def test_a_score_outside_the_scale_is_refused(typed: str) -> None:
    keyboard = Keyboard()

    assert keyboard.press("p", *typed, ENTER, every_ms=100) == []
    assert "not on the scale" in keyboard.keys.typed


def test_a_score_that_is_asked_for_is_typed_at_once_and_enter_alone_declines() -> None:
    scores, declines = Keyboard(State.IDLE), Keyboard(State.IDLE)
    for keyboard in (scores, declines):
        keyboard.keys.on_event(PainAsked(at_ms=0, moment=Moment.AFTER, for_ms=60_000))

    assert scores.press("3", ENTER, every_ms=100) == [Pain(3)]
    assert declines.press(ENTER) == [SKIP]

    scores.keys.on_event(PainScored(at_ms=0, score=3, moment=Moment.AFTER, by="operator"))
    scores.now_ms += FRESH_MS
    assert scores.press(ENTER) == [RESUME]


# --- the table ------------------------------------------------------------------------------------------


def test_no_key_does_two_things_and_stop_comes_first() -> None:
    keys = [key for binding in BINDINGS for key in binding.keys]

    assert len(keys) == len(set(keys))
    assert BINDINGS[0].does is Does.STOP
    assert {binding.does for binding in BINDINGS} == set(Does)


@pytest.mark.parametrize(
    ("may", "shown"),
    [
        (("start", "stop", "lower"), ["stop", "start", "lower", "lower to a number", "note", "pain"]),
        (("resume", "stop"), ["stop", "resume", "note", "pain"]),
        (("pause", "skip", "stop"), ["stop", "pause", "next step", "note", "pain"]),
    ],
)
def test_the_keys_that_work_now_are_shown_with_stop_first(may: tuple[str, ...], shown: list[str]) -> None:
    assert [part.split(": ")[1] for part in keys_now(may).split(" · ")] == shown
