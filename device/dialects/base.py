"""Requests to a unit and its answers, independent of their bytes.

A dialect turns requests into bytes and bytes into answers, and declares its capabilities. The guard decides
whether a request may be sent.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, StrEnum
from typing import Protocol, TypeAlias, runtime_checkable

from protocols.limits import Bound, Family
from protocols.plan import Setting

# --- requests -----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Identify:
    """Request the unit's identity."""


@dataclass(frozen=True, slots=True)
class GetCapabilities:
    """Request the unit's capabilities."""


@dataclass(frozen=True, slots=True)
class GetStatus:
    """Request the unit's status. It changes nothing and prolongs no lease."""


@dataclass(frozen=True, slots=True)
class Arm:
    """Give the unit the session's ceilings."""

    nonce: int
    session: int
    level_max: int
    delivered_max_ms: int
    energy_max_mj: int
    unit_uptime_ms: int  # of its latest report


@dataclass(frozen=True, slots=True)
class SetOutput:
    """Start output, for a delivered time and under a lease."""

    nonce: int
    session: int
    setting: Setting
    for_ms: int
    ramp_ms: int
    unit_uptime_ms: int  # of the unit's latest status, from which the lease runs
    lease_ms: int


@dataclass(frozen=True, slots=True)
class Renew:
    """Prolong the lease, from the unit's latest status."""

    nonce: int
    session: int
    unit_uptime_ms: int  # of the unit's latest status
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
    """Clear latched faults whose cause has gone."""

    nonce: int
    unit_uptime_ms: int  # of the unit's latest status


Intent: TypeAlias = (
    Identify | GetCapabilities | GetStatus | Arm | SetOutput | Renew | LowerLevel | Stop | ClearFaults
)


@dataclass(frozen=True, slots=True)
class Permitted:
    """A request that the guard has permitted. Only the guard makes one; a dialect sends nothing else."""

    intent: Intent


# --- answers --------------------------------------------------------------------------------------


class UnitState(Enum):
    """The unit's state, as it reports it."""

    IDLE = "idle"
    READY = "ready"  # armed, output off
    EMITTING = "emitting"
    SUSPENDED = "suspended"  # contact is lost: output is off and the step's timer stands still
    LAPSED = "lapsed"  # a lease ran out
    FAULT = "fault"


RUNNING = (UnitState.EMITTING, UnitState.SUSPENDED)  # a step is


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

    SESSION = "session"  # `Status.session`
    TIME = "time"  # `step_ms` and `delivered_ms`
    ENERGY = "energy"  # `energy_mj`
    LEASE = "lease"  # `lease_left_ms` and `lapses`
    UPTIME = "uptime"  # `uptime_ms`


ALL_FIELDS = frozenset(ReportField)


# --- what a unit says -----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Identity:
    """The unit's identity, as it reports it."""

    driveable: bool  # of a version we know
    version: str  # of the dialect
    family: Family
    model: str
    serial: str
    firmware: str
    nonce: int
    calibrated: str | None  # ISO date; None when not known


@dataclass(frozen=True, slots=True)
class Capabilities:
    """The unit's capabilities, as it reports them."""

    bounds: tuple[Bound, ...]
    area_mm2: int | None  # effective radiating area; None without a head
    suspension_max_ms: int
    lease_min_ms: int
    lease_max_ms: int
    head_trip_ddeg_c: int | None
    measures_output: bool
    measures_head_temp: bool
    senses_contact: bool
    knows_battery: bool
    host_loss: HostLoss
    reports: frozenset[ReportField]  # the rest is reckoned by the host
    holds_limits: bool  # it refuses what is above the ceilings that it was armed with


@dataclass(frozen=True, slots=True)
class Status:
    """The unit's complete status, at the moment of its answer."""

    asked: str  # class name of the request it answers; empty for an unknown one
    refusal: str  # empty when the request was carried out
    state: UnitState
    faults: tuple[str, ...]
    nonce: int
    session: int
    level_set: int  # of the running step; 0 for none
    duty_set_pct: int  # of the running step; 0 for none, 100 for percussion
    measured_level: int  # measured, in the unit of level_set
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
    def output_is_off(self) -> bool:
        """Whether the unit reports that its output is off and will stay off."""
        return self.measured_level == 0 and self.state not in (UnitState.EMITTING, UnitState.SUSPENDED)


Answer: TypeAlias = Identity | Capabilities | Status


def is_answer_to(intent: Intent, answer: Answer) -> bool:
    """Whether ``answer`` is an answer to ``intent``, by its content and not by its number."""
    if isinstance(answer, Status):
        return answer.asked == type(intent).__name__
    return isinstance(intent, Identify if isinstance(answer, Identity) else GetCapabilities)


@dataclass(frozen=True, slots=True)
class Heard:
    """An answer, and the number of the request that it belongs to."""

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
    """What a dialect can be relied on for, whatever the unit; a unit promises more in its `Capabilities`."""

    correlation: Correlation
    integrity: Integrity
    stop: StopAnswer
    line: Line


class Dialect(Protocol):
    """How a unit communicates. Bytes in and values out, and back; no port, no clock."""

    name: str
    promises: Promises
    damaged: int  # frames that arrived and could not be read

    def say(self, permitted: Permitted, seq: int) -> bytes:
        """Return the bytes of a permitted request."""

    def hear(self, data: bytes) -> list[Heard]:
        """Return the answers that ``data`` completes. It may come in pieces of any size.

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
