"""Events of a whole session, for the same recorder and observers as the events of a unit.

They hold references and counters, and never a person's name.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from device.events import JSON, Event, OffConfirmation


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
    content_hash: str  # SHA-256 of the protocol's canonical text, which `protocol_kept` holds
    family: str | None  # None when the session is guidance only
    body_site: str
    side: str
    person: str | None  # a pseudonymous reference
    operator: str | None = None  # who treats: a pseudonymous reference; None where it was not said
    simulated: bool  # the unit was made in this process: the session counts for nobody
    model: str  # empty, as all that is the unit's, where guidance alone needs none
    serial: str
    nonce: int  # of the unit's boot: it is another after each start
    firmware: str
    planned_ms: int
    planned_energy_mj: int | None  # None for percussion, which plans no energy
    total_ms: int
    lease_ms: int  # for how long output may go on without this computer; 0: until it is switched off
    dialect: str = "native"
    host_loss: str = "lease"  # what ends output then: lease, own timer or none
    reckoned: tuple[str, ...] = ()  # what the unit does not report, and this computer has reckoned
    sensors: tuple[str, ...] | None = (
        None  # what the unit measures, see `device.unit.sensors`; None: not told
    )
    assumed: bool  # whether the model's numbers are assumed
    nameplate: str = ""  # the id of the model whose nameplate held; empty in records made before this field
    nameplate_distribution: str = ""  # that brought it; empty for a file of the user's own folder
    nameplate_version: str = ""  # of that distribution
    nameplate_hash: str = ""  # SHA-256 of the nameplate's text
    rest_of: str | None = None  # the session whose rest this one is to give
    utc_offset_min: int  # local time is so far ahead of UTC
    boot_id: str | None  # of this computer's boot; None where it is not known
    boot_ms: int | None  # since that boot, time asleep included
    boot_utc_ms: int | None  # when that boot was: see `wall_clock.boot_reference_ms`
    physioctl: str  # the version of this program


@dataclass(frozen=True, slots=True, kw_only=True)
class UnitLimitations(Event):
    """What the unit or its dialect cannot promise, told before the first output."""

    limitations: tuple[str, ...]  # sentences


@dataclass(frozen=True, slots=True, kw_only=True)
class SleepNotPrevented(Event):
    """This computer could not be kept from falling asleep during the session."""

    why: str


@dataclass(frozen=True, slots=True)
class PlannedStep:
    """One step of a plan, as a timeline shows it."""

    kind: str  # emit, rest or guide
    duration_ms: int
    level: int | None  # that it asks for, in the unit of its family's level; None: no output
    setting: dict[str, int] | None = None  # all that it sets, such as duty_pct; None: no output
    say: str = ""  # what the person or the therapist does meanwhile


@dataclass(frozen=True, slots=True)
class HeldLimit:
    """One bound that held for a session, and where it came from: see `protocols.limits.Bound`."""

    quantity: str  # such as sata_mw_cm2
    layer: str
    source: str
    at_least: int | None = None
    at_most: int | None = None
    one_of: tuple[int, ...] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionPlanned(Event):
    """The plan of the session: its steps, as a timeline shows them, and the bounds that held."""

    steps: tuple[PlannedStep, ...]
    area_mm2: int | None  # effective radiating area (ERA); None without a head
    limits: tuple[HeldLimit, ...] = ()  # in records made before there was this field: none


@dataclass(frozen=True, slots=True, kw_only=True)
class ProtocolKept(Event):
    """The canonical text of a protocol, told once in a journal, before its first session."""

    protocol: str
    content_hash: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class JournalBegun(Event):
    """A journal was begun by a person's word because another was to be left behind."""

    continues: str  # the hash of the last whole entry of the other
    continues_entries: int  # how many whole ones it had
    continues_whole: bool
    continues_file: str  # SHA-256 of its path
    continues_utc: str | None  # when its last entry was made; None when it is not whole, or had none


@dataclass(frozen=True, slots=True, kw_only=True)
class ClockConfirmed(Event):
    """A person has confirmed the computer's time of day. See `wall_clock.counted_from`."""

    doubt: str  # what was wrong with it
    boot_id: str | None
    boot_utc_ms: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class BodiesErased(Event):
    """The bodies of these entries have been erased. Their places in the chain stay."""

    seqs: tuple[int, ...]
    boot_id: str | None = None  # of this computer's boot, as `session_started` has it: that one may be erased
    boot_utc_ms: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionReconciled(Event):
    """A session that broke off, held against what its unit says since. This settles it."""

    session: str
    protocol: str
    delivered_ms: int
    planned_ms: int
    energy_mj: int
    counted: bool  # by the unit itself; if not, this is what was last heard, or the whole plan where in doubt
    # What is known of its output; presumed when the unit has restarted.
    output_off: OffConfirmation = OffConfirmation.CONFIRMED
    doubt: str = ""  # what cannot be right about the unit's count


@dataclass(frozen=True, slots=True, kw_only=True)
class Screened(Event):
    """The questions asked before output, and what was answered."""

    # question code → answer (yes, no, unanswered), question (hash of its text), title, date
    answers: JSON
    notes: tuple[str, ...]  # codes of relative contraindications answered yes, or not at all
    acknowledged: JSON  # the same codes → who weighed and acknowledged each
    age_band: str | None  # None when the session asked for none


@dataclass(frozen=True, slots=True, kw_only=True)
class ScreeningRefused(Event):
    """A person's answers did not allow a session, which has not begun. It belongs to no session."""

    person: str  # a pseudonymous reference
    protocol: str
    simulated: bool  # the session was to be on a unit made in this process: it counts for nobody
    answers: JSON  # as in `Screened`


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionRefused(Event):
    """Limits, the site's day or the record did not allow a session, which has not begun.

    It belongs to no session.
    """

    person: str  # a pseudonymous reference
    protocol: str
    body_site: str
    side: str
    simulated: bool  # as in `ScreeningRefused`
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionEnded(Event):
    """A session ended: how, what is known of the output, and what was delivered by the unit's own count."""

    session: str
    outcome: Outcome
    why: str
    output_off: OffConfirmation
    delivered_ms: int
    planned_ms: int
    energy_mj: int
    planned_energy_mj: int | None
    duration_ms: int
