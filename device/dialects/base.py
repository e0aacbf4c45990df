"""What the controller means, and what a unit reports, before and after any bytes.

A dialect turns intentions into bytes and bytes into answers, and declares what its units can
promise. Nothing here decides whether an intention may be carried out: that is the guard's.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Protocol, TypeAlias

from protocols.limits import Bound, Family
from protocols.plan import Output

# --- intentions -----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Identify:
    """Who is there?"""


@dataclass(frozen=True, slots=True)
class Declare:
    """What can you do?"""


@dataclass(frozen=True, slots=True)
class Look:
    """How are you?"""


@dataclass(frozen=True, slots=True)
class Arm:
    """Take the session's ceilings."""

    nonce: int
    session: int
    level_max: int
    delivered_max_ms: int
    energy_max_mj: int


@dataclass(frozen=True, slots=True)
class SetOutput:
    """Start output, for a delivered time, under a lease."""

    nonce: int
    session: int
    output: Output
    for_ms: int
    ramp_ms: int
    heard_ms: int  # by the unit's clock: of its latest report, from which the lease runs
    lease_ms: int


@dataclass(frozen=True, slots=True)
class Renew:
    """Go on for one more lease, from the unit's latest report."""

    nonce: int
    session: int
    heard_ms: int  # by the unit's clock
    lease_ms: int


@dataclass(frozen=True, slots=True)
class Stop:
    """Output off. Not the same as a level of zero."""


@dataclass(frozen=True, slots=True)
class ClearFaults:
    """Forget latched faults whose cause has gone."""

    nonce: int
    heard_ms: int  # by the unit's clock: of its latest report


Intent: TypeAlias = Identify | Declare | Look | Arm | SetOutput | Renew | Stop | ClearFaults


@dataclass(frozen=True, slots=True)
class Cleared:
    """An intention that the guard has let through. Only the guard makes one; only this can be said."""

    intent: Intent


# --- answers --------------------------------------------------------------------------------------


class UnitState(Enum):
    """Where the unit says it stands."""

    IDLE = "idle"
    READY = "ready"  # armed, output off
    EMITTING = "emitting"
    HELD = "held"  # contact lost: output off, the step's timer stands still
    LAPSED = "lapsed"  # a lease ran out
    FAULT = "fault"


RUNNING = (UnitState.EMITTING, UnitState.HELD)  # a step is


@dataclass(frozen=True, slots=True)
class Identity:
    """Who the unit says it is."""

    driveable: bool  # of a version we know
    version: str  # of the dialect
    family: Family
    model: str
    serial: str
    firmware: str
    nonce: int
    calibrated: str | None  # ISO date; None when not known


@dataclass(frozen=True, slots=True)
class Declaration:
    """What the unit says it can do."""

    bounds: tuple[Bound, ...]
    area_mm2: int | None  # effective radiating area; None for percussion
    hold_max_ms: int
    lease_min_ms: int
    lease_max_ms: int
    head_trip_ddeg_c: int | None
    measures_output: bool
    measures_head_temp: bool
    senses_contact: bool
    knows_battery: bool


@dataclass(frozen=True, slots=True)
class Report:
    """The whole of what the unit knows of itself, at the moment it answered."""

    asked: str  # the intention it answers, by its class's name; empty for one that is none of ours
    refusal: str  # empty when the request was carried out
    state: UnitState
    faults: tuple[str, ...]
    nonce: int
    session: int
    level_set: int  # of the running step; 0 for none
    duty_set_pct: int  # of the running step; 0 for none, 100 for percussion
    output: int  # measured, in the unit of level_set
    head_temp_ddeg_c: int
    contact_pct: int
    battery_pct: int
    step_ms: int  # delivered in the latest step
    delivered_ms: int  # of the session
    energy_mj: int  # of the session
    lease_left_ms: int
    uptime_ms: int
    bad_frames: int
    lapses: int

    @property
    def silent(self) -> bool:
        """The unit says that its output is off, and that it will stay off."""
        return self.output == 0 and self.state not in (UnitState.EMITTING, UnitState.HELD)


Answer: TypeAlias = Identity | Declaration | Report


def answers(intent: Intent, answer: Answer) -> bool:
    """Whether ``answer`` is one to ``intent``, by what it says itself and not by its number."""
    if isinstance(answer, Report):
        return answer.asked == type(intent).__name__
    return isinstance(intent, Identify if isinstance(answer, Identity) else Declare)


@dataclass(frozen=True, slots=True)
class Heard:
    """An answer and the number of the request it belongs to."""

    seq: int
    answer: Answer


# --- dialects -------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Promises:
    """What every unit of a dialect can be relied on for. Policy follows these, never a model's name."""

    checked: bool  # damage on the line is noticed
    stops_on_host_loss_ms: int | None  # the longest it may go on without us; None: until told otherwise
    ends_steps: bool  # its own timer ends a step
    reads_back: bool  # what was set, and what is measured, can be read
    holds_limits: bool  # it refuses what is above the armed ceilings
    answers_stop: bool


class Dialect(Protocol):
    """How a unit speaks. Bytes in and values out, and back; no port, no clock."""

    promises: Promises
    damaged: int  # frames that arrived and could not be read

    def say(self, cleared: Cleared, seq: int) -> bytes:
        """The bytes that carry an intention the guard has let through."""

    def hear(self, data: bytes) -> list[Heard]:
        """The answers that ``data`` completed, however it was cut up."""
