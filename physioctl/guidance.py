"""A session of guidance alone: a protocol without a family, which needs no unit and gives no output.

Its steps are timed on the session's clock. It is screened, admitted and recorded as every session is; the
record's start names no unit (`NO_UNIT`). See docs/decisions/0028-guidance-without-a-unit.md.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack

from device.clock import Clock
from device.events import Observer, OffConfirmation
from physioctl.admission import checked_operator, checked_person, checked_side, keep_protocol
from physioctl.errors import InvalidUsage
from physioctl.events import (
    Outcome,
    PlannedStep,
    SessionEnded,
    SessionPlanned,
    SessionStarted,
    SleepNotPrevented,
)
from physioctl.guidance_steps import Loop, Over, Walk
from physioctl.observers import observed
from physioctl.opening import NO_UNIT, opening_entry
from physioctl.reconcile import TOLD_WITHIN
from physioctl.record.entries import Damaged
from physioctl.record.history import unsettled
from physioctl.record.journal import Journal, SessionLog
from physioctl.record.refusals import refusals_kept
from physioctl.record.writer import PersistentRecorder, recording
from physioctl.runner import PAIN_ASKED_MS, Request
from physioctl.screening import Answers, Screening, day_of, screen
from physioctl.wall_clock import confirm, damaged, doubt, expect_sound
from protocols.errors import Refused
from protocols.library import as_read
from protocols.model import Protocol
from protocols.plan import Step


def run_guidance(
    request: Request,
    loop: Loop,
    journal: Journal,
    observers: Sequence[Observer] = (),
    *,
    rehearsed: bool = False,
) -> SessionEnded:
    """Run the session of guidance that ``request`` asks for, to its end in the record.

    The operator's actions arrive in the inbox of ``loop``. ``rehearsed`` says that nobody is guided, so that
    nobody is screened. Raise `InvalidUsage` for a protocol that gives output, `Refused` when screening or the
    clock say no, and `JournalUnusable` when the record cannot be kept.
    """
    protocol, clock = as_read(request.protocol), loop.clock
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
        answers, today = request.answers or Answers(), day_of(clock)
        with refusals_kept(journal, protocol, person, simulated=False):
            screening = screen(protocol, answers, person=person, today=today)
    _end_broken(journal, clock, simulated=rehearsed)
    steps = tuple(step.planned() for _, step in protocol.flat_steps())
    started = opening_entry(
        journal,
        protocol,
        at_ms=journal.clock.now_ms(),
        side=side,
        person=person,
        operator=operator,
        simulated=rehearsed,
        total_ms=sum(step.duration_ms for step in steps),
    )
    log = _begin(protocol, started, journal)
    return _told(loop, log, started, steps, screening, observers, request)


def _told(
    loop: Loop,
    log: SessionLog,
    started: SessionStarted,
    steps: Sequence[Step],
    screening: Screening | None,
    observers: Sequence[Observer],
    request: Request,
) -> SessionEnded:
    began_ms = loop.clock.now_ms()
    with ExitStack() as stack:
        kept = PersistentRecorder(stack.enter_context(recording(log, loop.clock, loop.inbox)), log)
        stack.enter_context(observed(loop, observers))
        loop.publisher.publish(started)  # to the observers alone: it is in the journal already
        loop.publisher.recorder = kept
        loop.add_observer(kept)
        try:
            planned = (
                PlannedStep(kind=step.kind, duration_ms=step.duration_ms, level=None, say=step.say)
                for step in steps
            )
            if request.sleep_not_prevented:
                told = SleepNotPrevented(at_ms=started.at_ms, why=request.sleep_not_prevented)
                loop.publisher.publish(told)
            loop.publisher.publish(SessionPlanned(at_ms=started.at_ms, steps=tuple(planned), area_mm2=None))
            if screening is not None:
                loop.publisher.publish(screening.told(loop.clock.now_ms()))
            over = _guided(Walk(loop, steps, attended=request.attended), request)
            now_ms = loop.clock.now_ms()
            ended = _ended(started.session, over, now_ms, now_ms - began_ms)
            loop.publish_when_written(ended)
        except BaseException as error:
            broken = Over(Outcome.FAILED, f"the session broke off: {type(error).__name__}")
            now_ms = loop.clock.now_ms()
            loop.publisher.recorder = None  # it may be what failed: the session stays open in the journal
            loop.publisher.publish(_ended(started.session, broken, now_ms, now_ms - began_ms))
            raise
    return ended


def _guided(walk: Walk, request: Request) -> Over:
    """Guide through the steps: after a person's start, and with a pain score, where ``request`` says so."""
    if request.awaits_start:
        walk.await_start()
    over = walk.run()
    if request.asks_pain():
        walk.ask_pain(PAIN_ASKED_MS)
    return over


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


def _ended(session: str, over: Over, at_ms: int, duration_ms: int) -> SessionEnded:
    return SessionEnded(
        at_ms=at_ms,
        session=session,
        outcome=over.outcome,
        why=over.why,
        output_off=OffConfirmation.CONFIRMED,  # there is no unit that could give any
        delivered_ms=0,
        planned_ms=0,
        energy_mj=0,
        planned_energy_mj=None,
        duration_ms=duration_ms,
    )


def _end_broken(journal: Journal, clock: Clock, *, simulated: bool) -> None:
    """End the sessions of guidance that broke off: no unit will ever settle them."""
    with journal.transaction():
        if doubt(journal):
            return
        now = clock.utc()
        for broken in unsettled(journal, NO_UNIT, NO_UNIT, simulated=simulated):
            if broken.outcome is None and now - broken.last >= TOLD_WITHIN:
                lasted_ms = round((broken.last - broken.began).total_seconds() * 1000)
                over = Over(Outcome.INTERRUPTED, "the program ended before the session did")
                journal.append(broken.id, _ended(broken.id, over, clock.now_ms(), lasted_ms))
