"""Operator actions in a running session, from a key, a signal or a script."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import ClassVar, TypeAlias

NOTE_MAX = 500  # characters of one observation; this project's own figure
PAIN_MAX = 10  # of the numeric rating scale, 0 to 10


class SessionAction(StrEnum):
    """An operator action. STOP is never refused, never delayed and never dropped."""

    START = "start"  # let a session begin that waits for it; nothing else starts it
    PAUSE = "pause"
    RESUME = "resume"
    SKIP = "skip"  # end the guided step that runs, or decline to score pain
    STOP = "stop"


@dataclass(frozen=True, slots=True)
class ActedBy:
    """An action, and the reference of who asks for it. A stop needs none: it is put into the inbox bare."""

    action: SessionAction
    by: str


NOT_NOW: Mapping[SessionAction, str] = {  # why an action is refused where there is nothing for it to do
    SessionAction.START: "no session waits for a start",
    SessionAction.SKIP: "no guided step runs: output and rests are never skipped",
    SessionAction.RESUME: "the session is not paused",
    SessionAction.PAUSE: "nothing runs that could be paused",
}


@dataclass(frozen=True, slots=True)
class Lower:
    """Go on at a lower level: in the step that runs, and in every one that follows. It is not taken back.

    ``to_level`` is in mW/cm² during the pulse, or in percussions a minute. Left out, it is one tenth of the
    step's level less than now, and at least the lowest level that the unit gives. ``by`` is who asks for it.
    """

    to_level: int | None = None
    by: str = "operator"


@dataclass(frozen=True, slots=True)
class Note:
    """An observation, for the record: 1 to `NOTE_MAX` printable characters, and never a name."""

    name: ClassVar[str] = "note"

    text: str
    by: str = "operator"


@dataclass(frozen=True, slots=True)
class Pain:
    """What the person treated says of their pain, from 0 (none) to `PAIN_MAX` (the worst imaginable).

    Whether it was before, during or after the session follows from where the session stands.
    """

    name: ClassVar[str] = "pain"

    score: int
    by: str = "operator"


OperatorAction: TypeAlias = SessionAction | ActedBy | Lower | Note | Pain


def objection(action: Note | Pain) -> str:
    """Why ``action`` cannot be recorded as it stands; empty when it can."""
    match action:
        case Note(text=text):
            fits = text.isprintable() and 0 < len(text) <= NOTE_MAX
            return "" if fits else f"an observation has 1 to {NOTE_MAX} printable characters"
        case Pain(score=score):
            return "" if 0 <= score <= PAIN_MAX else f"pain is scored from 0 to {PAIN_MAX}"
