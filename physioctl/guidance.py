"""A session of guidance alone: a protocol without a family, which needs no unit and gives no output.

Its steps are timed on the session's clock. It is screened, admitted and recorded as every session is; the
record's start names no unit (`NO_UNIT`). See docs/decisions/0028-guidance-without-a-unit.md.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack

from device.clock import Clock
from device.events import (
    Observer,
    OffConfirmation,
)
from device.link import Inbox
from physioctl import __version__
from physioctl.admission import checked_operator, checked_person, checked_side, keep_protocol
from physioctl.errors import InvalidUsage
from physioctl.events import Outcome, PlannedStep, SessionEnded, SessionPlanned, SessionStarted
from physioctl.guidance_steps import Loop, Over, Walk
from physioctl.observers import observed
from physioctl.reconcile import TOLD_WITHIN
from physioctl.record.entries import Damaged
from physioctl.record.history import unsettled
from physioctl.record.journal import Journal, SessionLog, utc_offset_min
from physioctl.record.writer import PersistentRecorder, recording
from physioctl.runner import Request
from physioctl.screening import Answers, Screening, day_of, screen
from physioctl.wall_clock import boot_reference_ms, confirm, damaged, doubt, expect_sound
from protocols.errors import Refused
from protocols.library import as_read
from protocols.model import Protocol
from protocols.plan import Step

NO_UNIT = ""  # the model and the serial number of a session without a unit
NO_DIALECT = "none"


def run_guidance(
    request: Request,
    clock: Clock,
    inbox: Inbox,
    journal: Journal,
    observers: Sequence[Observer] = (),
    *,
    rehearsed: bool = False,
) -> SessionEnded:
    """Run the session of guidance that ``request`` asks for, to its end in the record.

    ``inbox`` is where the operator's actions arrive. ``rehearsed`` says that nobody is guided, so that nobody
    is screened. Raise `InvalidUsage` for a protocol that gives output, `Refused` when screening or the clock
    say no, and `JournalUnusable` when the record cannot be kept.
    """
    protocol = as_read(request.protocol)
    if protocol.family is not None:
        raise InvalidUsage(
            f"{protocol.id} gives output ({protocol.family}), and needs a unit", "Name its port: --port PORT"
        )
    if request.rest_of is not None:
        raise Refused("guidance alone has no rest to give", "Begin it anew: leave --rest-of out.")
    side = checked_side(protocol, request.side, on_nobody=rehearsed)
    person, operator = checked_person(request), checked_operator(request)
    journal.expect_no_transaction()
    if request.confirm_clock is not None:
        confirm(journal, request.confirm_clock)
    screening = None
    if not rehearsed:
        screening = screen(protocol, request.answers or Answers(), person=request.person, today=day_of(clock))
    _end_broken(journal, clock, simulated=rehearsed)
    steps = tuple(step.planned() for _, step in protocol.flat_steps())
    started = _started(protocol, side, person, operator, steps, journal, simulated=rehearsed)
    log = _begin(protocol, started, journal)
    loop = Loop(clock, inbox)
    return _told(loop, log, started, steps, screening, observers, attended=request.attended)


def _told(
    loop: Loop,
    log: SessionLog,
    started: SessionStarted,
    steps: Sequence[Step],
    screening: Screening | None,
    observers: Sequence[Observer],
    *,
    attended: bool,
) -> SessionEnded:
    began_ms = loop.clock.now_ms()
    with ExitStack() as stack:
        kept = PersistentRecorder(stack.enter_context(recording(log, loop.clock, loop.inbox)), log)
        stack.enter_context(observed(loop, observers))
        loop.publish(started)  # to the observers alone: it is in the journal already
        loop.recorder = kept
        loop.add_observer(kept)
        try:
            planned = (
                PlannedStep(kind=step.kind, duration_ms=step.duration_ms, level=None, say=step.say)
                for step in steps
            )
            loop.publish(SessionPlanned(at_ms=started.at_ms, steps=tuple(planned), area_mm2=None))
            if screening is not None:
                loop.publish(screening.told(loop.clock.now_ms()))
            over = Walk(loop, steps, attended=attended).run()
            ended = _ended(started, over, loop.clock, began_ms)
            loop.publish_when_written(ended)
        except BaseException as error:
            broken = Over(Outcome.FAILED, f"the session broke off: {type(error).__name__}")
            loop.recorder = None  # it may be what failed: the session stays open in the journal
            loop.publish(_ended(started, broken, loop.clock, began_ms))
            raise
    return ended


# --- the record -----------------------------------------------------------------------------------------


def _begin(protocol: Protocol, started: SessionStarted, journal: Journal) -> SessionLog:
    """Open the session's record; raise `Refused` while the time of day is in doubt."""
    try:
        with journal.transaction() as connection:
            expect_sound(journal)
            keep_protocol(connection, journal, protocol, started.at_ms)
            journal.append(started.session, started)
    except Damaged as damage:
        raise damaged(journal.name, damage) from damage
    return journal.begin(started.session)


def _started(
    protocol: Protocol,
    side: str,
    person: str | None,
    operator: str | None,
    steps: Sequence[Step],
    journal: Journal,
    *,
    simulated: bool,
) -> SessionStarted:
    boot = journal.clock.boot()
    return SessionStarted(
        at_ms=journal.clock.now_ms(),
        session=journal.new_session_id(),
        protocol=protocol.id,
        title=protocol.title,
        content_hash=protocol.content_hash,
        family=None,
        body_site=protocol.body_site,
        side=side,
        person=person,
        operator=operator,
        simulated=simulated,
        model=NO_UNIT,
        serial=NO_UNIT,
        nonce=0,
        firmware=NO_UNIT,
        planned_ms=0,
        planned_energy_mj=None,
        total_ms=sum(step.duration_ms for step in steps),
        lease_ms=0,
        dialect=NO_DIALECT,
        assumed=False,
        physioctl=__version__,
        utc_offset_min=utc_offset_min(journal.clock.utc()),
        boot_id=boot.id if boot else None,
        boot_ms=boot.ms if boot else None,
        boot_utc_ms=boot_reference_ms(journal),
    )


def _ended(started: SessionStarted, over: Over, clock: Clock, began_ms: int) -> SessionEnded:
    return SessionEnded(
        at_ms=clock.now_ms(),
        session=started.session,
        outcome=over.outcome,
        why=over.why,
        output_off=OffConfirmation.CONFIRMED,  # there is no unit that could give any
        delivered_ms=0,
        planned_ms=0,
        energy_mj=0,
        planned_energy_mj=None,
        duration_ms=clock.now_ms() - began_ms,
    )


def _end_broken(journal: Journal, clock: Clock, *, simulated: bool) -> None:
    """End the sessions of guidance that broke off: no unit will ever settle them."""
    with journal.transaction():
        if doubt(journal):
            return
        now = clock.utc()
        for broken in unsettled(journal, NO_UNIT, NO_UNIT, simulated=simulated):
            if broken.outcome is None and now - broken.last >= TOLD_WITHIN:
                journal.append(
                    broken.id,
                    SessionEnded(
                        at_ms=clock.now_ms(),
                        session=broken.id,
                        outcome=Outcome.INTERRUPTED,
                        why="the program ended before the session did",
                        output_off=OffConfirmation.CONFIRMED,
                        delivered_ms=0,
                        planned_ms=0,
                        energy_mj=0,
                        planned_energy_mj=None,
                        duration_ms=round((broken.last - broken.began).total_seconds() * 1000),
                    ),
                )
