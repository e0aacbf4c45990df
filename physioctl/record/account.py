"""The account of one session: everything that its record says, as one frozen value.

`account` makes it out of the session's entries, each read back typed. Reports and exports are made of an
account and of nothing else. It only retells: times are those of the session's own clock, counted from its
start; a value that the unit does not report is None; a count that this computer reckoned is named in
`Unit.reckoned`. What the record does not say is None or empty, and entries that could not be read are named.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TypeVar

from device.events import (
    ActionRefused,
    AlarmEnded,
    AlarmRaised,
    Event,
    LevelLowered,
    LowerRefused,
    Moment,
    NoteTaken,
    OperatorActed,
    PainScored,
    Priority,
    Progress,
    StateChanged,
    StepEnded,
    StepStarted,
    UnitIdentified,
)
from physioctl.events import (
    HeldLimit,
    PlannedStep,
    Screened,
    SessionEnded,
    SessionPlanned,
    SessionReconciled,
    SessionStarted,
    SleepNotPrevented,
    UnitLimitations,
)
from physioctl.nameplates import whose_nameplate
from physioctl.record.entries import Damaged, Entry
from physioctl.record.history import Session
from physioctl.record.summary import Summary

E = TypeVar("E", bound=Event)


@dataclass(frozen=True, slots=True)
class Unit:
    """The unit that gave the session. Model and serial number are empty for guidance without a unit."""

    model: str
    serial: str
    firmware: str | None
    calibrated: str | None  # ISO date; None where the unit does not know it, or the record does not say
    dialect: str | None
    reckoned: tuple[str, ...]  # time, energy: reckoned by this computer, for the unit does not report it
    sensors: tuple[str, ...] | None  # output, head_temperature, contact, battery; None: not told
    limitations: tuple[str, ...]  # sentences told before the first output
    assumed: bool | None  # whether the numbers of its model are assumed
    nameplate: str  # whose it was driven under; empty for this program's own of that model, or not recorded


@dataclass(frozen=True, slots=True)
class Reply:
    """One screening question and its answer."""

    code: str
    title: str | None  # None in records made before there was one
    answer: str  # yes, no or unanswered
    date: str | None  # ISO; None when unanswered
    question_hash: str | None  # of the text that was answered
    acknowledged_by: str | None  # who weighed it, for a relative contraindication that was not answered no


@dataclass(frozen=True, slots=True)
class Screening:
    """The questions asked before output, and what was answered."""

    replies: tuple[Reply, ...]
    age_band: str | None


@dataclass(frozen=True, slots=True)
class Step:
    """A step as it was carried out."""

    number: int  # from 1
    kind: str
    say: str
    planned_ms: int
    began_ms: int
    ended_ms: int | None  # None where the session ended before it did
    skipped: bool


@dataclass(frozen=True, slots=True)
class Reading:
    """What the unit reported at one time, about once a second. None: it does not report that."""

    at_ms: int
    step: int
    state: str
    level_set: int  # in the unit of the family's level
    measured_level: int | None
    delivered_ms: int
    energy_mj: int | None
    head_temp_ddeg_c: int | None
    contact_pct: int | None
    battery_pct: int | None


@dataclass(frozen=True, slots=True)
class Stretch:
    """A time for which the controller was in one state, such as paused or suspended."""

    state: str
    began_ms: int
    ended_ms: int  # when the next state, or the session's own part of the record, ended it


@dataclass(frozen=True, slots=True)
class Alarm:
    """An alarm, from when it was raised to when its cause had gone."""

    code: str
    priority: Priority
    what: str
    action: str
    began_ms: int
    ended_ms: int | None  # None for one that latches, or lasted until the session ended


@dataclass(frozen=True, slots=True)
class ActionTaken:
    """What the operator did, or asked for in vain."""

    at_ms: int
    action: str  # start, pause, resume, skip, stop, lower; note or pain only where it was refused
    by: str | None = None  # None where the record does not say
    before: int | None = None  # the level, for lower
    after: int | None = None
    quantity: str | None = None  # what the level is: intensity_mw_cm2 or speed_per_min
    refused: str = ""  # why nothing changed; empty where it was done


@dataclass(frozen=True, slots=True)
class Note:
    """An observation that somebody noted."""

    at_ms: int
    text: str
    by: str


@dataclass(frozen=True, slots=True)
class Pain:
    """A pain score: 0 is none, 10 the worst imaginable."""

    at_ms: int
    score: int
    moment: Moment
    by: str


@dataclass(frozen=True, slots=True)
class Unread:
    """An entry that was erased, or that cannot be read as an event, though its hash vouches for it."""

    seq: int
    name: str
    why: str


@dataclass(frozen=True, slots=True)
class Account:
    """All that the record says of one session. Times in ``_ms`` count from the session's start."""

    summary: Summary
    operator: str | None  # who treats: a pseudonymous reference
    utc_offset_min: int | None  # local time was so far ahead of UTC
    physioctl: str | None  # the version of the program that recorded it
    unit: Unit
    planned_steps: tuple[PlannedStep, ...]
    limits: tuple[HeldLimit, ...]  # empty in records made before they were kept
    energy_mj: int | None  # delivered; None where neither the unit nor this computer counts it
    area_mm2: int | None  # effective radiating area (ERA); None without a head, or where not told
    screening: Screening | None  # None where nobody was screened, or it cannot be read
    sleep_not_prevented: str  # why the computer might have fallen asleep; empty: it could not
    steps: tuple[Step, ...]
    readings: tuple[Reading, ...]
    states: tuple[Stretch, ...]
    alarms: tuple[Alarm, ...]
    actions: tuple[ActionTaken, ...]
    notes: tuple[Note, ...]
    pains: tuple[Pain, ...]
    end: SessionEnded | None  # the latest; its ``at_ms`` is of the clock of the program that told it
    reconciled: SessionReconciled | None  # the latest, likewise
    lasted_ms: int  # as its end says; of one without an end, to its own latest entry
    entries: int
    last_seq: int  # of the session's last entry in the journal
    last_hash: str  # of the same: its place in the chain of hashes
    unread: tuple[Unread, ...]

    def at(self, ms: int) -> datetime:
        """The time of day (UTC) at ``ms`` of the session, by the clock that it began by."""
        return self.summary.began + timedelta(milliseconds=ms)

    @property
    def dose_mj_cm2(self) -> int | None:
        """Acoustic energy for each cm² of the effective radiating area, rounded; None without a head."""
        return self._per_cm2(self.energy_mj)

    @property
    def planned_dose_mj_cm2(self) -> int | None:
        """The same of what was planned; None where no energy was planned."""
        return self._per_cm2(self.summary.planned_energy_mj)

    def _per_cm2(self, energy_mj: int | None) -> int | None:
        if energy_mj is None or not self.area_mm2:
            return None
        return (energy_mj * 200 + self.area_mm2) // (2 * self.area_mm2)

    def pain(self, moment: Moment) -> int | None:
        """The latest score of that moment, or None."""
        return next((pain.score for pain in reversed(self.pains) if pain.moment is moment), None)


def account(session: Session) -> Account:
    """Return the account of ``session``. Entries that cannot be read are left out and named in ``unread``."""
    told, unread = list[tuple[Entry, Event]](), list[Unread]()
    for entry in session.entries:
        if entry.erased:
            unread.append(Unread(entry.seq, entry.name, "its body has been erased"))
            continue
        try:
            told.append((entry, entry.event()))
        except Damaged as damage:
            unread.append(Unread(entry.seq, entry.name, damage.why))
    return _Reader(session, told).account(tuple(unread))


class _Reader:
    """The events of one session, and what they say together."""

    def __init__(self, session: Session, told: list[tuple[Entry, Event]]) -> None:
        self._session = session
        self._told = told
        self._started = self._latest(SessionStarted)
        self._began_ms = session.entries[0].at_ms
        # Another program that settled the session had another clock.
        afterwards = ("session_ended", "session_reconciled")
        own = [entry.at_ms for entry in session.entries if entry.name not in afterwards]
        self._last_ms = max(own) - self._began_ms

    def account(self, unread: tuple[Unread, ...]) -> Account:
        session, last, started = self._session, self._session.entries[-1], self._started
        planned, end = self._latest(SessionPlanned), self._latest(SessionEnded)
        slept = self._latest(SleepNotPrevented)
        return Account(
            summary=session.summary,
            operator=started.operator if started else None,
            utc_offset_min=started.utc_offset_min if started else None,
            physioctl=started.physioctl if started else None,
            unit=self._unit(),
            planned_steps=planned.steps if planned else (),
            limits=planned.limits if planned else (),
            energy_mj=None if self._energy_is_unknown() else session.summary.energy_mj,
            area_mm2=planned.area_mm2 if planned else None,
            screening=self._screening(),
            sleep_not_prevented=slept.why if slept else "",
            steps=tuple(self._steps()),
            readings=tuple(self._readings()),
            states=tuple(self._states()),
            alarms=tuple(self._alarms()),
            actions=tuple(self._actions()),
            notes=tuple(Note(at, e.text, e.by) for at, e in self._all(NoteTaken)),
            pains=tuple(Pain(at, e.score, e.moment, e.by) for at, e in self._all(PainScored)),
            end=end,
            reconciled=self._latest(SessionReconciled),
            lasted_ms=self._last_ms if end is None else end.duration_ms,
            entries=len(session.entries),
            last_seq=last.seq,
            last_hash=last.hash,
            unread=unread,
        )

    def _all(self, kind: type[E]) -> Iterator[tuple[int, E]]:
        for entry, event in self._told:
            if isinstance(event, kind):
                yield max(0, entry.at_ms - self._began_ms), event

    def _latest(self, kind: type[E]) -> E | None:
        return next((event for _, event in reversed(self._told) if isinstance(event, kind)), None)

    def _unit(self) -> Unit:
        started, summary = self._started, self._session.summary
        identified, limited = self._latest(UnitIdentified), self._latest(UnitLimitations)
        return Unit(
            model=summary.model,
            serial=summary.serial,
            firmware=started.firmware if started else None,
            calibrated=identified.calibrated if identified else None,
            dialect=started.dialect if started else None,
            reckoned=started.reckoned if started else (),
            sensors=started.sensors if started else None,
            limitations=limited.limitations if limited else (),
            assumed=started.assumed if started else None,
            nameplate=_nameplate(started) if started else "",
        )

    def _screening(self) -> Screening | None:
        told = self._latest(Screened)
        if told is None:
            return None
        replies = tuple(_reply(code, said, told.acknowledged) for code, said in told.answers.items())
        return Screening(replies, told.age_band)

    def _steps(self) -> Iterator[Step]:
        ends = {event.step: (at, event.skipped) for at, event in self._all(StepEnded)}
        for at, event in self._all(StepStarted):
            ended_ms, skipped = ends.get(event.step, (None, False))
            yield Step(event.step, event.kind, event.say, event.duration_ms, at, ended_ms, skipped)

    def _readings(self) -> Iterator[Reading]:
        sensors = self._started.sensors if self._started else None
        without_energy = self._energy_is_unknown()

        def measured(sensor: str, value: int) -> int | None:
            return value if sensors is None or sensor in sensors else None

        for at, event in self._all(Progress):
            yield Reading(
                at_ms=at,
                step=event.step,
                state=event.state,
                level_set=event.level_set,
                measured_level=measured("output", event.measured_level),
                delivered_ms=event.delivered_ms,
                energy_mj=None if without_energy else event.energy_mj,
                head_temp_ddeg_c=measured("head_temperature", event.head_temp_ddeg_c),
                contact_pct=measured("contact", event.contact_pct),
                battery_pct=measured("battery", event.battery_pct),
            )

    def _energy_is_unknown(self) -> bool:
        """Whether nobody counts energy: the unit does not report it, and it follows from no setting."""
        planned_mj = self._session.summary.planned_energy_mj
        return planned_mj is None and self._started is not None and "energy" in self._started.reckoned

    def _states(self) -> Iterator[Stretch]:
        changes = [(at, event.state) for at, event in self._all(StateChanged)]
        ends = [*(at for at, _ in changes[1:]), self._last_ms]
        for (began_ms, state), ended_ms in zip(changes, ends, strict=False):
            yield Stretch(state, began_ms, max(began_ms, ended_ms))

    def _alarms(self) -> Iterator[Alarm]:
        ends = [(at, event.code) for at, event in self._all(AlarmEnded)]
        for at, event in self._all(AlarmRaised):
            ended_ms = next((end for end, code in ends if code == event.code and end >= at), None)
            yield Alarm(event.code, event.priority, event.what, event.action, at, ended_ms)

    def _actions(self) -> Iterator[ActionTaken]:
        for at, event in self._all(Event):
            match event:
                case OperatorActed():
                    yield ActionTaken(at, event.action, event.by)
                case LevelLowered():
                    yield ActionTaken(at, "lower", event.by, event.before, event.after, event.quantity)
                case LowerRefused():
                    yield ActionTaken(at, "lower", event.by, after=event.to_level, refused=event.why)
                case ActionRefused():
                    yield ActionTaken(at, event.action, refused=event.why)


def _reply(code: str, said: object, acknowledged: Mapping[str, object]) -> Reply:
    """One answer, of which older records say less."""
    reply = said if isinstance(said, Mapping) else {"answer": said}

    def text(key: str) -> str | None:
        return None if reply.get(key) is None else str(reply[key])

    by = acknowledged.get(code)
    return Reply(
        code=code,
        title=text("title"),
        answer=text("answer") or "unanswered",
        date=text("date"),
        question_hash=text("question"),
        acknowledged_by=None if by is None else str(by),
    )


def _nameplate(started: SessionStarted) -> str:
    return whose_nameplate(started.nameplate, started.nameplate_distribution, started.nameplate_version)
