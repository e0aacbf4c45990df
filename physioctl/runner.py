"""One session from its request to its end: who is on the cable, may it be, deliver it, close the record.

It knows no screen, no terminal and no port: a controller is handed in, and whoever watches is told.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING

from device.clearing import latched
from device.controller import Controller
from device.delivery import Delivery, Ended, deliver
from device.errors import SilenceNotProven
from device.events import Event, Silence, Watcher
from device.greeting import greet, identified
from device.unit import Unit
from physioctl import __version__
from physioctl.daily import day_layer
from physioctl.errors import UsageMistake
from physioctl.events import Outcome, SessionEnded, SessionReconciled, SessionStarted
from physioctl.journal import Journal
from physioctl.naming import session_number
from physioctl.observers import observed
from physioctl.reconcile import TOLD_WITHIN, reconcile
from physioctl.record import Summary, chain, delivered_today, reference
from physioctl.screening import Answers, questions_of, screen
from protocols.errors import PhysioctlError, Refused
from protocols.limits import Bound, Limits
from protocols.plan import Plan, rest_of

if TYPE_CHECKING:  # whoever holds a protocol has paid for pydantic already
    from protocols.model import Protocol

REST_WITHIN = timedelta(days=1)
CALIBRATED_FOR = timedelta(days=365)
_OUTCOMES = {
    Ended.COMPLETED: Outcome.COMPLETED,
    Ended.STOPPED: Outcome.STOPPED,
    Ended.INTERRUPTED: Outcome.INTERRUPTED,
}


@dataclass(frozen=True, slots=True)
class Request:
    """What is asked for: which protocol, for whom, where, and with what answers."""

    protocol: Protocol
    session: str  # the session's id in the journal
    side: str = "none"
    person: str | None = None  # a pseudonymous reference, never a name
    # Left out, nothing is answered, and screening refuses. None: nobody is treated, as in a rehearsal.
    answers: Answers | None = field(default_factory=Answers)
    operator: tuple[Bound, ...] = ()  # limits of the operator's own
    attended: bool = False  # somebody is there to resume after a pause
    rest_of: str | None = None  # give only what this interrupted session has left
    on_unfinished: Callable[[SessionReconciled], None] | None = None  # told of sessions that broke off

    @classmethod
    def on_nobody(cls, protocol: Protocol, session: str, *, attended: bool = False) -> Request:
        """A rehearsal's: nobody is treated, on no side, and nobody is asked."""
        side = "none" if protocol.side.value == "either" else protocol.side.value
        return cls(protocol, session, side=side, answers=None, attended=attended)


def run_session(
    request: Request, controller: Controller, journal: Journal, watchers: Sequence[Watcher] = ()
) -> SessionEnded:
    """Run the session ``request`` asks for, from the greeting to the closed record.

    A controller is for one session; raise `UsageMistake` when it has had one.
    Raise `Refused` when screening, limits, calibration or history say no: nothing has been output then.
    Raise `UnitUnusable` when the unit cannot be used, and `JournalUnusable` when the record cannot be
    kept; in each case output is off, or was told to go off by every way there is.
    ``watchers`` hear of it as `physioctl.observers` says: none can delay the session.
    """
    if controller.used:
        raise UsageMistake(
            "this controller has had its session", "Make a new Controller for each session, on the same link."
        )
    unit = greet(controller)
    screening = None if request.answers is None else screen(questions_of(request.protocol), request.answers)
    _check_calibration(unit, controller.clock.utc().date())
    for broken in reconcile(journal, controller, unit):
        if request.on_unfinished is not None:
            request.on_unfinished(broken)
    if fault := latched(controller):
        raise fault
    plan = plan_for(request, unit, journal, controller)
    log = journal.begin(request.session)
    controller.testify_to(log)
    with observed(controller, watchers):
        controller.tell(_started(request, plan, unit, controller.clock.now_ms()))
        controller.tell(identified(unit, controller.clock.now_ms()))
        if screening is not None:
            controller.tell(screening.told(controller.clock.now_ms()))
        return _delivered(request, plan, controller)


def plan_for(request: Request, unit: Unit, journal: Journal, controller: Controller) -> Plan:
    """The plan for this unit, this person and this day; raise `Refused` when there is none."""
    from protocols.ceilings import site_layer
    from protocols.compile import compile_plan

    family = request.protocol.family or unit.model.family
    limits = Limits((*unit.bounds, *request.operator))
    if request.person is not None and request.protocol.family is not None:
        site_bounds, _ = site_layer(request.protocol.body_site, family)
        given = delivered_today(
            journal,
            request.person,
            request.protocol.body_site,
            request.side,
            family,
            controller.clock.utc(),
        )
        day = day_layer(family, given.sessions, given.delivered_ms, Limits((*limits.bounds, *site_bounds)))
        limits = Limits(day.bounds, day.blocks)
    plan = compile_plan(
        request.protocol, model=unit.model.id, family=unit.model.family, area_mm2=unit.area_mm2, limits=limits
    )
    if request.rest_of is None:
        return plan
    parts = chain(journal, request.rest_of)
    given_ms = sum(part.delivered_ms for part in parts)
    _check_rest(request, parts, plan.delivered_ms - given_ms, controller.clock.utc())
    return rest_of(plan, given_ms, unit.area_mm2)


def _check_rest(request: Request, parts: Sequence[Summary], left_ms: int, now: datetime) -> None:
    """Raise `Refused` when the rest of the session named may not be given."""
    broken = parts[0]
    if broken.id != request.rest_of:
        raise Refused(
            f"the rest of session {request.rest_of} has been given or begun in {broken.id}",
            f"Go on from there: --rest-of {broken.id}",
        )
    if still_open := next((part for part in parts if part.outcome is None), None):
        raise Refused(
            f"session {still_open.id} has no end in the record: it may still be running",
            f"If it broke off, ask on its own unit ({still_open.model} {still_open.serial}), "
            f"{TOLD_WITHIN.seconds} s after it was last heard of: that settles it first.",
        )
    same = (broken.content_hash, broken.person, broken.body_site, broken.side) == (
        request.protocol.content_hash,
        reference(request.person),
        request.protocol.body_site,
        request.side,
    )
    if not same:
        raise Refused(
            f"session {broken.id} was of another protocol, person, site or side",
            "Give the rest as it began, or start a new session.",
        )
    if broken.outcome is Outcome.COMPLETED or left_ms <= 0:
        raise Refused(f"session {broken.id} has nothing left to give", "Start a new session.")
    if now - broken.last > REST_WITHIN:
        raise Refused(f"session {broken.id} broke off more than a day ago", "Start a new session.")


def _delivered(request: Request, plan: Plan, controller: Controller) -> SessionEnded:
    began_ms = controller.clock.now_ms()
    try:
        delivery = deliver(controller, plan, session_number(request.session), attended=request.attended)
    except BaseException as error:
        # The witness may be what broke, so only the watchers hear of this end: the journal stays open.
        silence = controller.silence() or Silence.UNKNOWN
        broken = Delivery(
            ended=Ended.INTERRUPTED,
            why=f"the session broke off: {type(error).__name__}",
            silence=silence,
            delivered_ms=controller.delivered_ms,
            energy_mj=controller.energy_mj,
            duration_ms=controller.clock.now_ms() - began_ms,
            steps_done=0,
        )
        controller.tell(_ended(plan, broken, Outcome.FAILED, controller.clock.now_ms()))
        if silence is not Silence.PROVEN and isinstance(error, PhysioctlError):
            what = f"{error.what}; and whether output is off is {silence}"
            raise SilenceNotProven(what, "Switch the unit off now.") from error
        raise
    ended = _ended(plan, delivery, _OUTCOMES[delivery.ended], controller.clock.now_ms())
    controller.tell(ended)
    return ended


def _check_calibration(unit: Unit, today: date) -> None:
    said = unit.identity.calibrated
    if said is not None and today - date.fromisoformat(said) > CALIBRATED_FOR:
        raise Refused(
            f"the unit was last calibrated on {said}, more than {CALIBRATED_FOR.days} days ago",
            "Have it calibrated before it is used on a person.",
        )


def _started(request: Request, plan: Plan, unit: Unit, at_ms: int) -> Event:
    return SessionStarted(
        at_ms=at_ms,
        session=request.session,
        protocol=request.protocol.id,
        title=request.protocol.title,
        content_hash=request.protocol.content_hash,
        family=request.protocol.family,
        body_site=request.protocol.body_site,
        side=request.side,
        person=reference(request.person),
        model=unit.identity.model,
        serial=unit.identity.serial,
        firmware=unit.identity.firmware,
        planned_ms=plan.delivered_ms,
        planned_energy_mj=plan.energy_mj,
        total_ms=plan.total_ms,
        lease_ms=unit.lease_ms,
        assumed=True,
        physioctl=__version__,
        rest_of=request.rest_of,
    )


def _ended(plan: Plan, delivery: Delivery, outcome: Outcome, at_ms: int) -> SessionEnded:
    return SessionEnded(
        at_ms=at_ms,
        outcome=outcome,
        why=delivery.why,
        silence=delivery.silence,
        delivered_ms=delivery.delivered_ms,
        planned_ms=plan.delivered_ms,
        energy_mj=delivery.energy_mj,
        planned_energy_mj=plan.energy_mj,
        duration_ms=delivery.duration_ms,
    )
