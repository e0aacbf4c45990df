"""What the controller means, and what a unit reports, before and after any bytes.

A dialect turns intentions into bytes and bytes into answers, and declares what its units can
promise. Nothing here decides whether an intention may be carried out: that is the guard's.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, StrEnum
from typing import Protocol, TypeAlias, runtime_checkable

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
    unit_uptime_ms: int  # of its latest report


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
class LowerLevel:
    """Reduce the level of the running step at once. It can neither start nor raise nor prolong output."""

    nonce: int
    session: int
    level: int


@dataclass(frozen=True, slots=True)
class Stop:
    """Output off. Not the same as a level of zero."""


@dataclass(frozen=True, slots=True)
class ClearFaults:
    """Forget latched faults whose cause has gone."""

    nonce: int
    heard_ms: int  # by the unit's clock: of its latest report


Intent: TypeAlias = Identify | Declare | Look | Arm | SetOutput | Renew | LowerLevel | Stop | ClearFaults


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


# --- capabilities ---------------------------------------------------------------------------------


class HostLoss(StrEnum):
    """What ends a unit's output when the host is lost."""

    LEASE = "lease"  # a permission of some hundred milliseconds that the host has to renew
    OWN_TIMER = "own_timer"  # the time that was asked for, by the unit's clock
    NONE = "none"  # nothing but the unit's own switch


class Correlation(Enum):
    """How an answer is known to belong to a request."""

    NUMBERED = "numbered"  # each answer names its request: a newer request may overtake one without an answer
    IN_ORDER = "in order"  # one request at a time; the next one waits until the line is free


class Integrity(Enum):
    """How damage on the line is noticed."""

    CHECKED = "checked"  # by a checksum over each frame
    PARITY = "parity"  # by the parity bit of each byte
    NONE = "none"


class StopAnswer(Enum):
    """What can be said of output off after a stop."""

    CONFIRMED = "confirmed"  # the unit reports its output
    SENT_ONLY = "sent only"


class ReportField(Enum):
    """What a unit may be unable to tell. Where it is missing, the dialect gives 0."""

    SESSION = "session"  # `Report.session`
    TIME = "time"  # `step_ms` and `delivered_ms`
    ENERGY = "energy"  # `energy_mj`
    LEASE = "lease"  # `lease_left_ms` and `lapses`
    UPTIME = "uptime"  # `uptime_ms`


ALL_FIELDS = frozenset(ReportField)


# --- what a unit says -----------------------------------------------------------------------------


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
    """What the unit says it can do, and what it can promise."""

    bounds: tuple[Bound, ...]
    area_mm2: int | None  # effective radiating area; None without a head
    hold_max_ms: int
    lease_min_ms: int
    lease_max_ms: int
    head_trip_ddeg_c: int | None
    measures_output: bool
    measures_head_temp: bool
    senses_contact: bool
    knows_battery: bool
    host_loss: HostLoss = HostLoss.LEASE
    reports: frozenset[ReportField] = ALL_FIELDS  # the rest is reckoned by the host
    holds_limits: bool = True  # it refuses what is above the ceilings that it was armed with


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
class Line:
    """How the port is set, and how long the line is not free after a request."""

    baud: int
    parity: str = "N"  # N, E or O
    stop_bits: int = 1
    answer_max_ms: int = 80  # from a request to its answer; a later one is not waited for
    drain_ms: int = 0  # IN_ORDER: from giving an answer up to the next request


@dataclass(frozen=True, slots=True)
class Promises:
    """What a dialect can be relied on for, whatever the unit; a unit promises more in its `Declaration`."""

    correlation: Correlation
    integrity: Integrity
    stop: StopAnswer
    line: Line


class Dialect(Protocol):
    """How a unit speaks. Bytes in and values out, and back; no port, no clock."""

    name: str
    promises: Promises
    damaged: int  # frames that arrived and could not be read

    def say(self, cleared: Cleared, seq: int) -> bytes:
        """The bytes that carry an intention the guard has let through."""

    def hear(self, data: bytes) -> list[Heard]:
        """The answers that ``data`` completed, however it was cut up.

        `Heard.seq` is that of the request, by what the answer itself says.
        """

    def give_up(self) -> None:
        """The request under way is not waited for any longer: what arrives of its answer is no other's."""


@runtime_checkable
class SharedLine(Protocol):
    """What a dialect has besides where several units may share a line."""

    address: int  # of the unit that is meant

    def stop_all(self) -> bytes:
        """The bytes that end the output of every unit on the line. Nobody answers them."""
