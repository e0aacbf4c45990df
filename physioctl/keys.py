"""What each key of a running session does. Sans-IO: keys and times go in, operator actions come out.

A key that is held down repeats. What ends output or lowers it takes effect at once, and may repeat. What
lets output begin (start, resume, skip) takes effect only when its key is pressed once: when the same key has
not come for `FRESH_MS` before, nothing came with it or just before it, as in a paste, no key comes for
`ALONE_MS` after it, and the session stands where it stood when the key was pressed.
So a key that is held down, or pressed twice, starts nothing; and where a keyboard repeats later than that,
the next Space pauses.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from enum import Enum, auto

from device.control.machine import State
from device.events import Event, OperatorActed, PainAsked, PainScored, StateChanged, StepStarted
from device.operator import NOTE_MAX, PAIN_MAX, Lower, Note, OperatorAction, Pain, SessionAction
from physioctl.events import SessionEnded, SessionStarted
from physioctl.key_decoder import BACKSPACE, CTRL_BACKSLASH, CTRL_C, ENTER, ESC, SPACE
from physioctl.text import clean
from protocols.errors import InvalidValue
from protocols.families import definition
from protocols.limits import Family
from protocols.quantity import Dimension, dimension_of, parse

# This project's own figures. As delivered, a key that is held repeats first after 250 ms (the console of
# Linux) to 660 ms (X.Org); Windows can be set to 1 s. From then on it repeats at least every 500 ms. How late
# a computer that is busy reads it comes on top of that.
ALONE_MS = 900
FRESH_MS = 1200
BEHIND_MS = 200  # a key that comes sooner behind one that does nothing may be of a paste, key by key


class Does(Enum):
    """What a key does."""

    STOP = auto()
    START = auto()
    PAUSE = auto()
    RESUME = auto()
    LOWER = auto()
    LOWER_TO = auto()
    SKIP = auto()
    NOTE = auto()
    PAIN = auto()


@dataclass(frozen=True, slots=True)
class Binding:
    """One line of the table of keys."""

    does: Does
    shown: str  # the keys, as a person reads them
    keys: tuple[str, ...]
    briefly: str  # on a screen
    at_length: str  # in the manual
    needs: str = ""  # what has to be in `StateChanged.may`; empty: always


BINDINGS = (
    Binding(
        Does.STOP,
        "s, q, Esc, Ctrl-C",
        ("s", "q", ESC, CTRL_C, CTRL_BACKSLASH),
        "stop",
        "stops: output off, the session is over. Ctrl-\\ does too. While an observation is typed, Esc, "
        "Ctrl-C and Ctrl-\\ do",
    ),
    Binding(
        Does.START,
        "Space",
        (SPACE,),
        "start",
        "starts a session that waits for it: pressed once. Held down, or pressed twice, it starts nothing",
        SessionAction.START,
    ),
    Binding(
        Does.PAUSE,
        "Space",
        (),
        "pause",
        "pauses: output off. After ten minutes of pause the session ends",
        SessionAction.PAUSE,
    ),
    Binding(
        Does.RESUME, "r, Enter", ("r", ENTER), "resume", "resumes, at the same level", SessionAction.RESUME
    ),
    Binding(
        Does.LOWER,
        "-",
        ("-",),
        "lower",
        "lowers the level by a tenth of the step's, at once, for this step and all that follow. It is "
        "recorded, and not taken back. Below the unit's lowest level: pause or stop",
        "lower",
    ),
    Binding(
        Does.LOWER_TO,
        "=, l",
        ("=", "l"),
        "lower to a number",
        "lowers the level to the number that is typed, up to Enter: in W/cm² or percussions a minute. What "
        "is not lower is refused",
        "lower",
    ),
    Binding(
        Does.SKIP,
        "n",
        ("n",),
        "next step",
        "ends a guided step before its time. Output and rests are not skipped",
        SessionAction.SKIP,
    ),
    Binding(
        Does.NOTE,
        "o",
        ("o",),
        "note",
        "notes an observation: type it, up to Enter; an empty one is none. Never a name, "
        "a telephone number or an address",
    ),
    Binding(
        Does.PAIN,
        "p",
        ("p",),
        "pain",
        "notes a pain score, 0 (none) to 10 (the worst imaginable), up to Enter",
    ),
)
_BY_KEY = {key: binding.does for binding in BINDINGS for key in binding.keys}
_ALWAYS_STOPS = (ESC, CTRL_C, CTRL_BACKSLASH)  # while text is typed, too
_AT_ONCE: Mapping[Does | None, OperatorAction] = {
    Does.STOP: SessionAction.STOP,
    Does.PAUSE: SessionAction.PAUSE,
    Does.LOWER: Lower(),
}
_ALONE: Mapping[Does | None, SessionAction] = {
    Does.START: SessionAction.START,
    Does.RESUME: SessionAction.RESUME,
    Does.SKIP: SessionAction.SKIP,
}


def keys_now(may: Collection[str]) -> str:
    """The keys that work now, on one line; ``may`` is what `StateChanged` says of it."""
    shown = (binding for binding in BINDINGS if binding.needs in ("", *may))
    return " · ".join(f"{binding.shown}: {binding.briefly}" for binding in shown)


class SessionKeys:
    """The keys of one session: which of them starts depends on what it waits for."""

    def __init__(self) -> None:
        self._awaits_start = False
        self._asked = False  # for a pain score
        self._dimension: Dimension | None = None  # of the level
        self._entry: _Entry | None = None
        self._last_ms: dict[str, int] = {}  # when each key last came
        self._other_ms = -BEHIND_MS  # when a key last came that does nothing, or nothing at once
        self._settling: tuple[SessionAction, int] | None = (
            None  # what takes effect if it stays alone until then
        )

    def on_event(self, event: Event) -> None:
        """Learn what the session waits for. Called by the loop: it never waits."""
        match event:
            case SessionStarted(family=str(family)):
                self._dimension = dimension_of(definition(Family(family)).level.unit)
            case StateChanged(state=state):
                self._awaits_start = state == State.AWAITING_START.value
                self._settling = None  # a resume is of the pause that was shown
            case StepStarted():
                self._settling = None  # a skip is of the step that was shown when its key was pressed
            case PainAsked():
                self._asked = True
            case PainScored() | OperatorActed(action=SessionAction.SKIP) | SessionEnded():
                self._asked = False

    @property
    def typed(self) -> str:
        """What is being typed, behind what it is for; empty when nothing is."""
        return "" if self._entry is None else self._entry.shown

    @property
    def due_ms(self) -> int | None:
        """When `poll` has to be called; None when it need not be."""
        settling = self._settling  # which the loop may take back meanwhile
        return None if settling is None else settling[1]

    def held(self, keys: Collection[str], now_ms: int) -> None:
        """Note ``keys`` that were typed before anybody listened: they do nothing, and may be repeating."""
        self._last_ms |= dict.fromkeys(keys, now_ms)

    def poll(self, now_ms: int) -> Iterator[OperatorAction]:
        """Yield the action whose key has stayed alone for `ALONE_MS`."""
        settling = self._settling
        if settling is not None and now_ms >= settling[1]:
            self._settling = None
            yield settling[0]

    def press(self, keys: Collection[str], now_ms: int) -> Iterator[OperatorAction]:
        """Yield what ``keys`` ask for, which came together at ``now_ms``."""
        yield from self.poll(now_ms)
        for key in keys:
            yield from self._press(key, now_ms, alone=len(keys) == 1)

    def _press(self, key: str, now_ms: int, *, alone: bool) -> Iterator[OperatorAction]:
        since_ms = now_ms - self._last_ms.get(key, -FRESH_MS)
        self._last_ms[key], self._settling = now_ms, None
        if key in _ALWAYS_STOPS:
            self._entry = None
            yield SessionAction.STOP
            return
        if self._entry is None and self._asked and (key == ENTER or key.isdecimal()):
            self._entry = _Entry(Does.PAIN, self._dimension)
        if self._entry is not None:
            yield from self._type(self._entry, key)
            return
        does = _BY_KEY.get(key.lower())
        if does is Does.START and not self._awaits_start:
            does = Does.PAUSE
        if does in _AT_ONCE:
            yield _AT_ONCE[does]
        elif does is None or does in _ALONE:
            behind, self._other_ms = now_ms - self._other_ms < BEHIND_MS, now_ms
            if does is not None and alone and not behind and since_ms >= FRESH_MS:
                self._settling = _ALONE[does], now_ms + ALONE_MS
        else:
            self._entry = _Entry(does, self._dimension)

    def _type(self, entry: _Entry, key: str) -> Iterator[OperatorAction]:
        if key == ENTER:
            empty = not entry.text.strip()
            action = None if empty else entry.action()
            if empty or action is not None:
                self._entry = None
            if action is not None:
                yield action
            elif empty and self._asked and entry.of is Does.PAIN:
                yield SessionAction.SKIP
        elif key == BACKSPACE:
            entry.text = entry.text[:-1]
        elif entry.takes(key):
            entry.text += key
        elif _BY_KEY.get(key.lower()) is Does.STOP and entry.of is not Does.NOTE:
            self._entry = None
            yield SessionAction.STOP


class _Entry:
    """A line that is being typed."""

    def __init__(self, of: Does, dimension: Dimension | None) -> None:
        self.of = of
        self.text = ""
        self._dimension = dimension
        self._wrong = ""  # what was wrong with it when Enter was pressed

    @property
    def shown(self) -> str:
        return f"{self._wrong}{self._prompt}: {clean(self.text)}"

    @property
    def _prompt(self) -> str:
        if self.of is Does.NOTE:
            return "Observation (no name or contact)"
        if self.of is Does.PAIN:
            return f"Pain, 0 to {PAIN_MAX}"
        return f"Lower to ({'' if self._dimension is None else self._dimension.usual})"

    def takes(self, key: str) -> bool:
        if len(key) != 1:
            return False
        if self.of is Does.NOTE:
            return len(self.text) < NOTE_MAX
        return len(self.text) < 8 and key in "0123456789.,"

    def action(self) -> OperatorAction | None:
        """What the line asks for; None when it is none that can be asked for, and then it says so."""
        if self.of is Does.NOTE:
            return Note(clean(self.text)[:NOTE_MAX])
        typed, self.text = self.text, ""
        if self.of is Does.PAIN:
            self._wrong = f"{typed} is not on the scale. "
            return Pain(int(typed)) if typed.isdecimal() and int(typed) <= PAIN_MAX else None
        if self._dimension is None:
            self._wrong = "This session gives no output. "
            return None
        try:
            return Lower(parse(f"{typed.replace(',', '.')} {self._dimension.usual}", self._dimension))
        except InvalidValue as error:
            self._wrong = f"{error}. "
            return None
