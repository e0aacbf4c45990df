"""Events, as values. The recorder gets each one before the bytes are sent; observers get it afterwards.

The journal, the screens and the JSON lines use the same events. An event's name is the name of its class in
snake case; its fields are the keys of the record.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from typing import Any, Protocol

JSON = Mapping[str, Any]

# The figures are this project's own.
PROGRESS_MS = 1000  # so often the progress of a session is told
BACKLOG_MAX_MS = 30_000  # an event that is not on the disk after this long ends output

NOT_STARTED = "nobody has started the session"  # why a session ended that waited for a person's start


class OffConfirmation(StrEnum):
    """What is known of output off."""

    CONFIRMED = "confirmed"  # the unit reported it
    PRESUMED = "presumed"  # the lease has run out
    UNKNOWN = "unknown"  # neither: the unit has to be switched off


class Moment(StrEnum):
    """Where a session stood."""

    BEFORE = "before"  # nothing has been output yet: it waits for a person's start
    DURING = "during"
    AFTER = "after"


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
    """The unit has identified itself."""

    model: str
    serial: str
    family: str
    firmware: str
    nonce: int
    calibrated: str | None  # ISO date; None when not known


@dataclass(frozen=True, slots=True, kw_only=True)
class Commanded(Event):
    """A permitted request is about to be sent. Renewals and status requests are not recorded."""

    intent: str
    values: JSON


@dataclass(frozen=True, slots=True, kw_only=True)
class OutputPermitted(Event):
    """Output is about to be started. Nothing is sent before this event is on the disk."""

    setting: JSON
    for_ms: int
    ramp_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class HostDelayed(Event):
    """The computer was busy or asleep when the controller was due."""

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
    may: tuple[str, ...] = ()  # what a person may do now


@dataclass(frozen=True, slots=True, kw_only=True)
class StepEnded(Event):
    """A step of the plan came to its end."""

    step: int
    delivered_ms: int  # of the session, as the unit reports it
    skipped: bool = False  # by a person, before its time: only a step without output


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress(Event):
    """The progress of the session, about once a second."""

    step: int
    remaining_ms: int
    state: str
    level_set: int
    measured_level: int
    delivered_ms: int
    energy_mj: int
    head_temp_ddeg_c: int
    contact_pct: int
    battery_pct: int
    step_remaining_ms: int | None = (
        None  # of the present step; None in records made before there was this field
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusChanged(Event):
    """The unit's status, where it differs from the one before in more than its readings."""

    status: JSON


@dataclass(frozen=True, slots=True, kw_only=True)
class AlarmRaised(Event):
    """A rule of the watch has been broken."""

    code: str
    priority: Priority
    what: str
    action: str
    status: JSON | None  # the unit's latest report, which raised it; None before there was one


@dataclass(frozen=True, slots=True, kw_only=True)
class AlarmEnded(Event):
    """The cause of an alarm that does not latch has gone."""

    code: str


@dataclass(frozen=True, slots=True, kw_only=True)
class OperatorActed(Event):
    """The operator started, paused, resumed, skipped or stopped."""

    action: str
    by: str = "operator"  # also in records made before there was this field


@dataclass(frozen=True, slots=True, kw_only=True)
class ActionRefused(Event):
    """The operator asked for what cannot be done now; nothing has changed."""

    action: str  # start, resume, skip, note or pain
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StartAwaited(Event):
    """The session waits for a person's start; until then nothing is output."""

    instruction: str  # what has to be so before it, by the family


@dataclass(frozen=True, slots=True, kw_only=True)
class OutputSoon(Event):
    """The step that runs gives no output; the one that follows it begins to, and this soon."""

    in_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class NoteTaken(Event):
    """Somebody has noted an observation."""

    text: str
    by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PainAsked(Event):
    """The session waits for a pain score, output being off: for so long, or until that is declined."""

    moment: Moment
    for_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PainScored(Event):
    """What the person treated has said of their pain: 0 is none, 10 the worst imaginable."""

    score: int
    moment: Moment
    by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LevelLowered(Event):
    """Somebody has asked for a lower level: no step of this session goes above it from here on.

    Recorded before the unit is told. That the unit has taken it is in its reports.
    """

    by: str
    before: int
    after: int
    quantity: str  # what the level is, with its unit: intensity_mw_cm2 or speed_per_min
    may: tuple[str, ...] = ()  # what a person may do now


@dataclass(frozen=True, slots=True, kw_only=True)
class LowerRefused(Event):
    """Somebody has asked for a lower level that cannot be given; nothing has changed."""

    by: str
    to_level: int | None  # None: a little less than now
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StopOutcome(Event):
    """What is known of output off after a stop."""

    output_off: OffConfirmation
    took_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ObserverDropped(Event):
    """An observer gets no more events: it raised an error, or was too slow for too long."""

    observer: str
    error: str


@dataclass(frozen=True, slots=True, kw_only=True)
class EventsSkipped(Event):
    """The number of events that were left out here for an observer that was too slow. Never in the record."""

    count: int


class Recorder(Protocol):
    """Gets every event before the bytes that it describes are sent. Without a recorder there is no output."""

    def record(self, event: Event) -> None:
        """Write ``event``, now or soon, or raise a `PhysioctlError`."""

    @property
    def written(self) -> int:
        """How many of the events are on the disk; they are written in order."""


@dataclass(frozen=True, slots=True)
class Written:
    """A recorder with a thread of its own has written events, or has failed."""

    error: Exception | None = None
    took_ms: int = 0  # how long the write took


class Observer(Protocol):
    """Gets every event afterwards. An observer that raises is dropped, which is an event itself."""

    def on_event(self, event: Event) -> None:
        """Handle ``event``."""
