"""What happens to a session as a whole, told to the same witnesses and watchers as what happens to a unit.

These events know references and counters. They never know a person's name.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from device.events import JSON, Event, Silence


class Outcome(StrEnum):
    """How a session came to its end."""

    COMPLETED = "completed"  # the plan ran to its end
    STOPPED = "stopped"  # a person stopped it
    INTERRUPTED = "interrupted"  # a fault, or a lost unit, ended it
    FAILED = "failed"  # something of ours went wrong


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionStarted(Event):
    """A session began: what is to be given, to whom, where, and by which unit."""

    session: str
    protocol: str
    title: str
    content_hash: str  # SHA-256 of the protocol's canonical text
    family: str | None  # None when the session is guidance only
    body_site: str
    side: str
    person: str | None  # a pseudonymous reference
    model: str
    serial: str
    nonce: int  # of the unit's boot: it is another after each start
    firmware: str
    planned_ms: int
    planned_energy_mj: int | None  # None for percussion, which plans no energy
    total_ms: int
    lease_ms: int
    assumed: bool  # whether the model's numbers are assumed
    rest_of: str | None = None  # the session whose rest this one is to give
    physioctl: str  # the version of this program


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionReconciled(Event):
    """A session that broke off, held against what its unit says since. This settles it."""

    session: str
    protocol: str
    delivered_ms: int
    planned_ms: int
    energy_mj: int
    counted: bool  # by the unit itself; if not, this is what was last heard
    silence: Silence = Silence.PROVEN  # what is known of its output; inferred when the unit has restarted


@dataclass(frozen=True, slots=True, kw_only=True)
class Screened(Event):
    """The questions asked before output, and what was answered."""

    answers: JSON  # question code → yes, no or unanswered
    notes: tuple[str, ...]  # codes answered yes that did not refuse the session


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionEnded(Event):
    """A session ended: how, what is known of the output, and what was delivered by the unit's own count."""

    outcome: Outcome
    why: str
    silence: Silence
    delivered_ms: int
    planned_ms: int
    energy_mj: int
    planned_energy_mj: int | None
    duration_ms: int
