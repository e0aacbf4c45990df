"""What happened, as values. The witness hears of each before any bytes leave; watchers hear after.

One vocabulary serves the journal, the screens and the JSON lines: an event's name is its class's,
in snake case, and its fields are what a reader of the record sees.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from typing import Any, Protocol

JSON = Mapping[str, Any]


class Silence(StrEnum):
    """What is known of the output being off."""

    PROVEN = "proven"  # the unit reported it
    INFERRED = "inferred"  # the lease has run out
    UNKNOWN = "unknown"  # neither: switch the unit off


class Priority(StrEnum):
    """How soon a person has to act on an alarm."""

    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"


@cache
def _name_of(kind: str) -> str:
    return re.sub(r"(?<!^)(?=[A-Z])", "_", kind).lower()


def name_of(kind: type[Event]) -> str:
    """The name of a kind of event in the record, such as ``step_started``."""
    return _name_of(kind.__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """Something that happened at ``at_ms`` of the session's clock."""

    at_ms: int

    @property
    def name(self) -> str:
        """The event's name in the record."""
        return name_of(type(self))


@dataclass(frozen=True, slots=True, kw_only=True)
class UnitIdentified(Event):
    """The unit has said who it is."""

    model: str
    serial: str
    family: str
    firmware: str
    nonce: int
    calibrated: str | None  # ISO date; None when not known


@dataclass(frozen=True, slots=True, kw_only=True)
class Commanded(Event):
    """An intention that has passed the guard and is about to leave. Renewals and looks are not told."""

    intent: str
    values: JSON


@dataclass(frozen=True, slots=True, kw_only=True)
class OutputPermitted(Event):
    """Output is about to be started. Nothing is sent before this is on the disk."""

    output: JSON
    for_ms: int
    ramp_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class HostDelayed(Event):
    """This computer did nothing for a time in which it had to: it was busy, or asleep."""

    for_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class StateChanged(Event):
    """The controller went from one state to another."""

    state: str
    before: str
    trigger: str
    may: tuple[str, ...] = ()  # what a person may do now


@dataclass(frozen=True, slots=True, kw_only=True)
class StepStarted(Event):
    """A step of the plan began."""

    step: int  # from 1
    steps: int
    kind: str  # emit, rest or guide
    say: str
    duration_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class StepEnded(Event):
    """A step of the plan came to its end."""

    step: int
    delivered_ms: int  # of the session, as the unit reports it


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress(Event):
    """Where the session stands, about once a second."""

    step: int
    remaining_ms: int
    state: str
    level_set: int
    output: int
    delivered_ms: int
    energy_mj: int
    head_temp_ddeg_c: int
    contact_pct: int
    battery_pct: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Reported(Event):
    """The unit's report, where it differs from the one before in what a unit is told or decides."""

    report: JSON


@dataclass(frozen=True, slots=True, kw_only=True)
class AlarmRaised(Event):
    """A rule of the watch has been broken."""

    code: str
    priority: Priority
    what: str
    to_do: str
    report: JSON | None  # the unit's latest report, which raised it; None before there was one


@dataclass(frozen=True, slots=True, kw_only=True)
class AlarmCleared(Event):
    """The cause of an alarm that does not latch has gone."""

    code: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Acted(Event):
    """A person did something: paused, resumed, stopped."""

    act: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LevelLowered(Event):
    """Somebody has asked for a lower level: no step of this session goes above it from here on.

    Recorded before the unit is told. That the unit has taken it is in its reports.
    """

    by: str
    before: int  # mW/cm² during the pulse, or percussions a minute
    after: int


@dataclass(frozen=True, slots=True, kw_only=True)
class LowerRefused(Event):
    """Somebody has asked for a lower level that cannot be given; nothing has changed."""

    by: str
    to_level: int | None  # None: a little less than now
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Silenced(Event):
    """Output was asked to end, and this is what is known of it."""

    silence: Silence
    took_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ObserverDropped(Event):
    """A screen or a script is told of nothing more: it raised an error, or was too slow for too long."""

    observer: str
    error: str


@dataclass(frozen=True, slots=True, kw_only=True)
class EventsSkipped(Event):
    """So many events were left out here for one observer that did not keep up. Never in the record."""

    count: int


class Recorder(Protocol):
    """Is handed every event before anything that follows from it leaves. Without one there is no output."""

    def record(self, event: Event) -> None:
        """Take ``event`` down, now or soon, or raise a `PhysioctlError`."""

    @property
    def written(self) -> int:
        """How many of the events handed over are on the disk; they are written in their order."""


@dataclass(frozen=True, slots=True)
class Written:
    """News of a recorder that writes in a thread of its own: it has written, or it has failed."""

    error: Exception | None = None


class Observer(Protocol):
    """Hears of everything after it has been done. One that raises is dropped, which is told as an event."""

    def notice(self, event: Event) -> None:
        """Show ``event``, or count it, or pass it on."""
