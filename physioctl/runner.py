"""One session from its request to its end: the handshake, admission, delivery, and the end of the record.

It knows no screen, no terminal and no port: the driver and the observers are arguments.
"""

from __future__ import annotations

import atexit
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field
from datetime import date, timedelta
from typing import TYPE_CHECKING

from device.control.delivery import Delivery, Ended, ask_pain, deliver
from device.control.driver import Driver
from device.control.fault_clearing import latched
from device.control.handshake import identified, perform_handshake
from device.errors import OutputNotConfirmedOff, WrongUnit
from device.events import BACKLOG_MAX_MS, Observer, OffConfirmation, Recorder
from device.unit import Unit
from physioctl.admission import Admitted, Compiler, admit, checked_operator, checked_person, checked_side
from physioctl.errors import DiskTooSlow, InvalidUsage
from physioctl.events import (
    HeldLimit,
    Outcome,
    PlannedStep,
    SessionEnded,
    SessionPlanned,
    SessionReconciled,
    SleepNotPrevented,
    UnitLimitations,
)
from physioctl.generic_unit import check_generic
from physioctl.host_loss import check_host_loss, limitations
from physioctl.network import refuse_unauthenticated
from physioctl.observers import observed
from physioctl.reconcile import reconcile
from physioctl.record.journal import Journal, SessionLog
from physioctl.record.refusals import is_kept, limits_kept, refusals_kept
from physioctl.record.writer import PersistentRecorder, recording
from physioctl.screening import Answers, AnswersRefuse, Screening, day_of, screen
from physioctl.session_id import session_number
from physioctl.wall_clock import confirm
from protocols.errors import PhysioctlError, Refused
from protocols.limits import Bound
from protocols.plan import Emit

if TYPE_CHECKING:  # whoever holds a protocol has paid for pydantic already
    from protocols.model import Protocol, Side

CALIBRATED_FOR = timedelta(days=365)
PAIN_ASKED_MS = 60_000  # for a pain score after the session; this project's own figure
DATE_SLACK = timedelta(days=1)  # a date is a day's, and it is another day elsewhere
_OUTCOMES = {
    Ended.COMPLETED: Outcome.COMPLETED,
    Ended.STOPPED: Outcome.STOPPED,
    Ended.INTERRUPTED: Outcome.INTERRUPTED,
}


@dataclass(frozen=True, slots=True)
class Request:
    """What is asked for: which protocol, for whom, where, and with what answers."""

    protocol: Protocol
    side: Side | str | None = None  # None: the protocol's own, where it names one
    person: str | None = None  # a pseudonymous reference, never a name
    # Left out, nothing is answered, and screening refuses. None: nobody is treated, as in a rehearsal; it is
    # believed only where the unit is simulated.
    answers: Answers | None = field(default_factory=Answers)
    operator: tuple[Bound, ...] = ()  # limits of the operator's own
    attended: bool = False  # a person is there to resume after a pause
    awaits_start: bool = False  # nothing is output before a person's start; only where one is there
    sleep_not_prevented: str = ""  # why this computer may fall asleep meanwhile; empty: it does not
    # Whether to ask for a pain score after the session, its output being off; asked only when that is so.
    asks_pain: Callable[[], bool] = lambda: False
    rest_of: str | None = None  # give only what this interrupted session has left
    serial: str | None = None  # of the unit that was looked at before: another one is refused
    unauthenticated_network: bool = False  # whether the port may lie beyond this machine, on a person
    on_unfinished: Callable[[SessionReconciled], None] | None = None  # told of sessions that broke off
    confirm_clock: Callable[[str], bool] | None = None  # asks a person whether the time of day is right
    # Tells a person what nothing but the unit's own switch ends, and asks whether they go on.
    confirm_host_loss: Callable[[str], bool] | None = None
    # Tells a person of a unit whose model is not known, and asks whether they go on. None: it is refused.
    confirm_generic: Callable[[str], bool] | None = None
    treated_by: str | None = None  # who treats: a pseudonymous reference, as a person's

    @classmethod
    def on_nobody(cls, protocol: Protocol, *, attended: bool = False) -> Request:
        """A rehearsal's: nobody is treated, on no side, and nobody is asked.

        A unit that is simulated needs nobody within reach of its switch.
        """
        return cls(protocol, answers=None, attended=attended, confirm_host_loss=lambda _: True)


def run_session(
    request: Request,
    driver: Driver,
    journal: Journal,
    observers: Sequence[Observer] = (),
    *,
    recorder: Callable[[SessionLog], Recorder] | None = None,
    compiler: Compiler | None = None,
) -> SessionEnded:
    """Run the session of ``request``, from the handshake to the closed record.

    ``compiler`` is for tests of the other fences, which replace it.
    A controller is for one session; raise `InvalidUsage` when it has had one.
    Raise `InvalidUsage` within a transaction of ``journal``, and for a side or a person's reference that is
    none, and `Refused` when screening, limits, calibration, history or the clock say no: nothing has been
    output then.
    ``recorder`` makes the session's recorder out of its log in the journal: by default as
    `physioctl.record.writer` says, so that a slow disk cannot delay the session either.
    Raise `UnitUnusable` when the unit cannot be used, and `JournalUnusable` when the record cannot be
    kept; in each case a stop was sent and its outcome waited for.
    ``observers`` get its events as `physioctl.observers` says: none can delay the session.
    """
    if driver.controller.used:
        raise InvalidUsage(
            "this controller has had its session", "Make a new Driver for each session, on the same link."
        )
    if not request.unauthenticated_network:
        refuse_unauthenticated(driver.link.name, request.protocol)
    side = checked_side(request.protocol, request.side, on_nobody=request.answers is None)
    checked_person(request)
    checked_operator(request)
    journal.expect_no_transaction()
    if request.confirm_clock is not None:
        confirm(journal, request.confirm_clock)
    allow_generic = request.confirm_generic is not None
    unit = driver.run(perform_handshake(driver.controller, allow_generic=allow_generic))
    _check_same_unit(unit, request.serial)
    with refusals_kept(journal, request.protocol, request.person, simulated=driver.link.simulated):
        screening = _screened(request, driver)
    check_calibration(unit, driver.clock.utc().date())
    nobody_asked = request.answers is None and not driver.link.simulated  # a rehearsal's, on a real unit
    asks = None if nobody_asked else request.confirm_host_loss
    check_host_loss(unit, request.protocol, attended=request.attended, confirm=asks)
    check_generic(unit, attended=request.attended, confirm=None if nobody_asked else request.confirm_generic)
    for broken in reconcile(journal, driver, unit):
        if request.on_unfinished is not None:
            request.on_unfinished(broken)
    if fault := latched(driver.controller):
        raise fault
    with limits_kept(journal, request.protocol, request.person, side, simulated=driver.link.simulated):
        admitted = admit(request, unit, journal, driver, compiler)
    began_ms = driver.clock.now_ms()
    with ExitStack() as stack:
        try:
            log = stack.enter_context(recording(admitted.log, driver.clock, driver.inbox))
            stack.enter_context(observed(driver, observers))
        except BaseException as error:  # there may be no thread for them, and the session has begun
            stack.close()
            admitted.log.record(_broken_off(error, admitted, driver, began_ms))
            raise

        def tell_the_start() -> None:
            driver.publish(admitted.started)  # to the observers alone: it is in the journal already
            kept = PersistentRecorder(log if recorder is None else recorder(admitted.log), admitted.log)
            driver.record_to(kept)
            driver.add_observer(kept)
            driver.publish(_planned(admitted, unit, driver.clock.now_ms()))
            _tell_the_unit(unit, driver)
            _tell_of_sleep(request.sleep_not_prevented, driver)
            if screening is not None:
                driver.publish(screening.told(driver.clock.now_ms()))

        return _delivered(request, admitted, driver, tell_the_start)


def expect_not_refused(request: Request, today: date) -> None:
    """Raise `Refused` or `InvalidUsage` for what is refused whatever a unit and a journal say.

    Before a journal is begun for a session. Answers that refuse and are to be recorded are let pass.
    """
    checked_side(request.protocol, request.side)
    checked_person(request)
    try:
        screen(request.protocol, request.answers or Answers(), person=request.person, today=today)
    except AnswersRefuse as refused:
        if not is_kept(refused, request.person):
            raise


def _screened(request: Request, driver: Driver) -> Screening | None:
    """The screening, or None for a rehearsal; raise `Refused` when the answers do not allow the session."""
    if request.answers is None and driver.link.simulated:
        return None
    answers, today = request.answers or Answers(), day_of(driver.clock)
    return screen(request.protocol, answers, person=request.person, today=today)


def _delivered(
    request: Request, admitted: Admitted, driver: Driver, tell_the_start: Callable[[], None]
) -> SessionEnded:
    began_ms = driver.clock.now_ms()
    atexit.register(driver.stop_at_exit)  # for a session in a thread whose program ends
    try:
        tell_the_start()
        script = deliver(
            driver.controller,
            admitted.plan,
            session_number(admitted.started.session),
            admission=admitted.admission,
            attended=request.attended,
            awaits_start=request.awaits_start,
        )
        delivery = driver.run(script)
        if delivery.output_off is OffConfirmation.CONFIRMED and request.asks_pain():
            driver.run(ask_pain(driver.controller, PAIN_ASKED_MS))
        ended = _ended(admitted, delivery, _OUTCOMES[delivery.ended], driver.clock.now_ms())
        _keep_the_end(ended, driver)
    except BaseException as error:
        _tell_broken_off(error, admitted, driver, began_ms)
        raise
    finally:
        atexit.unregister(driver.stop_at_exit)
    return ended


def _planned(admitted: Admitted, unit: Unit, at_ms: int) -> SessionPlanned:
    """The plan, as a timeline shows it."""
    steps = (
        PlannedStep(
            kind=step.kind,
            duration_ms=step.duration_ms,
            level=step.setting.level if isinstance(step, Emit) else None,
            setting=asdict(step.setting) if isinstance(step, Emit) else None,
            say=step.say,
        )
        for step in admitted.plan.steps
    )
    limits = tuple(map(_held, admitted.plan.limits.bounds))
    return SessionPlanned(at_ms=at_ms, steps=tuple(steps), area_mm2=unit.area_mm2, limits=limits)


def _held(bound: Bound) -> HeldLimit:
    """``bound`` as the record keeps it."""
    return HeldLimit(
        quantity=bound.quantity.name.lower(),
        layer=bound.layer.value,
        source=bound.source,
        at_least=bound.at_least,
        at_most=bound.at_most,
        one_of=None if bound.one_of is None else tuple(sorted(bound.one_of)),
    )


def _tell_the_unit(unit: Unit, driver: Driver) -> None:
    """Record who is on the cable, and what it cannot promise."""
    now_ms = driver.clock.now_ms()
    driver.publish(identified(unit, now_ms))
    if missing := tuple(limitations(unit)):
        driver.publish(UnitLimitations(at_ms=now_ms, limitations=missing))


def _tell_of_sleep(why: str, driver: Driver) -> None:
    """Record that this computer may fall asleep during the session, where ``why`` says so."""
    if why:
        driver.publish(SleepNotPrevented(at_ms=driver.clock.now_ms(), why=why))


def _keep_the_end(ended: SessionEnded, driver: Driver) -> None:
    """Record how the session ended, and show it once it is on the disk."""
    try:
        if driver.publish_when_written(ended, BACKLOG_MAX_MS):
            return
    except BaseException:  # of any kind, Ctrl-C included: nobody runs the loop after this that could stop
        driver.run(driver.controller.shut_down())
        raise
    raise DiskTooSlow(
        f"the session is over ({ended.outcome}, output off {ended.output_off}); its end is not in the "
        f"journal, for the disk is too slow or has stopped: {driver.controller.outbox.latest_write}. "
        "The next session on this unit closes the record"
    )


def expect_recorded_in_time(ended: SessionEnded, record_failure: str) -> None:
    """Raise `DiskTooSlow` when a slow disk has ended the session, as ``record_failure`` says: empty for no.

    For a command, once it has shown how the session ended. That output may be on comes before it.
    """
    if record_failure and ended.output_off is OffConfirmation.CONFIRMED:
        raise DiskTooSlow(record_failure)


def _tell_broken_off(error: BaseException, admitted: Admitted, driver: Driver, began_ms: int) -> None:
    """Publish that the session broke off; raise `OutputNotConfirmedOff` when its output is not confirmed off.

    The recorder may be what failed, so only the observers get this event: it is written beside the journal,
    where the session stays open.
    """
    ended = _broken_off(error, admitted, driver, began_ms)
    driver.publish(ended)
    if ended.output_off is not OffConfirmation.CONFIRMED and isinstance(error, PhysioctlError):
        what = f"{error.what}; and whether output is off is {ended.output_off}"
        raise OutputNotConfirmedOff(what, "Switch the unit off now.") from error


def _broken_off(error: BaseException, admitted: Admitted, driver: Driver, began_ms: int) -> SessionEnded:
    """How a session ended that ``error`` broke off, with what is known of its output."""
    why = f"the session broke off: {type(error).__name__}"
    if isinstance(error, DiskTooSlow):
        why = error.what
    broken = Delivery(
        ended=Ended.INTERRUPTED,
        why=why,
        output_off=driver.controller.output_off() or OffConfirmation.UNKNOWN,
        delivered_ms=driver.controller.known.delivered_ms,
        energy_mj=driver.controller.known.energy_mj,
        duration_ms=driver.clock.now_ms() - began_ms,
        steps_done=0,
    )
    return _ended(admitted, broken, Outcome.FAILED, driver.clock.now_ms())


def _check_same_unit(unit: Unit, serial: str | None) -> None:
    found = unit.identity.serial
    if serial is not None and found != serial:
        raise WrongUnit(
            f"the unit on this port is {found} now, and it was {serial} when the session was prepared",
            "Start again: what was looked at and shown was of the other unit.",
        )


def check_calibration(unit: Unit, today: date) -> None:
    """Raise `Refused` when the unit was last calibrated too long ago, or on a day yet to come."""
    said = unit.identity.calibrated
    if said is None:
        return
    age = today - date.fromisoformat(said)
    if age < -DATE_SLACK:
        raise Refused(
            f"the unit says that it was last calibrated on {said}, which is yet to come",
            "Check this computer's date. If it is right, have the unit calibrated before you use it.",
        )
    if age > CALIBRATED_FOR:
        raise Refused(
            f"the unit was last calibrated on {said}, more than {CALIBRATED_FOR.days} days ago",
            "Have it calibrated before it is used on a person.",
        )


def _ended(admitted: Admitted, delivery: Delivery, outcome: Outcome, at_ms: int) -> SessionEnded:
    return SessionEnded(
        at_ms=at_ms,
        session=admitted.started.session,
        outcome=outcome,
        why=delivery.why,
        output_off=delivery.output_off,
        delivered_ms=delivery.delivered_ms,
        planned_ms=admitted.plan.delivered_ms,
        energy_mj=delivery.energy_mj,
        planned_energy_mj=admitted.plan.energy_mj,
        duration_ms=delivery.duration_ms,
    )
