"""What the full screen shows, as one frozen value of plain text: it goes to the process that draws it.

Nothing here knows Textual, a unit or a protocol. Every text is on one line, holds nothing that a terminal
would obey, and is no longer than `LONGEST`.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any

from physioctl.text import clean

LONGEST = 160  # characters of any one text: no line of any screen shows more


class Aspect(StrEnum):
    """What kind of state a session is in: it has a shape and a colour of its own, beside its word."""

    WAITING = "waiting"  # nothing has been output; a person or the unit is waited for
    OUTPUT = "output"  # output is on
    OFF = "off"  # a step without output, or the moment between two steps
    CONTACT = "contact"  # contact is lost: output is off, and comes back by itself
    PAUSED = "paused"  # output is off until a person resumes
    ALARM = "alarm"  # a fault, or output of which nothing is known
    ENDED = "ended"  # the session is over, and output confirmed off


@dataclass(frozen=True, slots=True)
class Reading:
    """One value with its name, and what it is held against."""

    label: str
    value: str
    note: str = ""


@dataclass(frozen=True, slots=True)
class Stretch:
    """One step of the timeline."""

    kind: str  # emit, rest or guide
    duration_ms: int


@dataclass(frozen=True, slots=True)
class Alarm:
    """An alarm that was raised, and what to do."""

    priority: str
    what: str
    action: str
    over: bool = False


@dataclass(frozen=True, slots=True)
class KeyHint:
    """A key that works now, and what it does."""

    key: str
    does: str


@dataclass(frozen=True, slots=True)
class ViewState:
    """All that the screen shows at one moment."""

    aspect: Aspect = Aspect.WAITING
    word: str = "STARTING"
    title: str = ""
    about: str = ""  # person, site, side and unit
    step: str = ""  # such as "step 2 of 5"
    instruction: str = ""
    step_left: str = ""  # such as "4:32"; empty where there is none
    session_left: str = ""
    readings: tuple[Reading, ...] = ()
    timeline: tuple[Stretch, ...] = ()
    gone_ms: int = 0  # of the timeline
    alarms: tuple[Alarm, ...] = ()  # the newest first
    keys: tuple[KeyHint, ...] = ()  # without that of the stop, which is always shown
    remark: str = ""  # what else a person has to read
    typing: str = ""  # what is being typed, with what it is asked for


def one_line(text: str) -> str:
    """``text`` as plain text on one line, cut off where it is longer than `LONGEST`."""
    short = clean(text[: LONGEST + 1])
    return short if len(short) <= LONGEST else short[: LONGEST - 1] + "…"


def to_line(state: ViewState) -> bytes:
    """``state`` as one line of JSON, its end included."""
    return json.dumps(asdict(state), separators=(",", ":")).encode() + b"\n"


def from_line(line: bytes | str) -> ViewState:
    """The state that `to_line` wrote. Raise `ValueError`, `KeyError` or `TypeError` for anything else."""
    said: dict[str, Any] = json.loads(line)
    return ViewState(
        **said
        | {
            "aspect": Aspect(said["aspect"]),
            "readings": tuple(Reading(**each) for each in said["readings"]),
            "timeline": tuple(Stretch(**each) for each in said["timeline"]),
            "alarms": tuple(Alarm(**each) for each in said["alarms"]),
            "keys": tuple(KeyHint(**each) for each in said["keys"]),
        }
    )
