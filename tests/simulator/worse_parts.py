"""Units and controllers made worse in one way each, for the judge of storms to catch."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from device.control.actions import OperatorActions
from device.control.admission import SessionLoad
from device.control.controller import Controller, Script
from device.control.driver import Driver
from device.control.machine import State, Trigger
from device.control.outbox import Outbox, Outgoing
from device.control.overdue import Overdue
from device.control.reckoning import Reckoner
from device.control.reports import Reports
from device.control.requests import PendingRequest
from device.control.schedule import LIVE, Scheduler
from device.dialects.base import (
    Answer,
    Capabilities,
    Dialect,
    Identity,
    Intent,
    Permitted,
    Renew,
    SetOutput,
    Status,
    Stop,
    UnitState,
)
from device.dialects.modbus import Modbus
from device.events import Event, OffConfirmation, Recorder
from device.monitor.alarms import Rule
from device.monitor.view import Start
from device.operator import SessionAction
from device.wire import modbus_map
from device.wire.frame import Damage, Frame, Received
from physioctl.record.journal import SessionLog
from physioctl.record.writer import PersistentRecorder
from physioctl.rehearsal.storm.host import MortalDisk
from protocols.plan import Emit, Ultrasound, level
from simulator.firmware import Firmware
from simulator.modbus_firmware import OwnTimerFirmware
from simulator.modbus_unit import OwnTimerUnit
from simulator.nameplate import Nameplate
from simulator.record import Breach, Why
from simulator.unit import SimulatedUnit


class Loud(SimulatedUnit):
    """Gives more than it was set to."""

    @property
    def output(self) -> float:
        return super().output * 1.3


class Undercounting(SimulatedUnit):
    """Has given more than anybody counts."""

    @property
    def delivered_ms(self) -> int:
        return super().delivered_ms + 2000


class Offended(SimulatedUnit):
    """Has been asked what it should not have been."""

    def __init__(self, model: str, **others: Any) -> None:
        super().__init__(model, **others)
        self.breaches.append(Breach(0, 10, "a level above the ceiling"))  # type: ignore[arg-type]  # any result


class LeaselessFirmware(Firmware):
    """Goes on when its lease has run out."""

    lapsed = False

    def _lapse(self, own_ms: int) -> None:
        self.lapsed = True
        self.lease_until_ms = own_ms + 500

    def lease_is_live(self, own_ms: int) -> bool:
        return not self.lapsed and super().lease_is_live(own_ms)


class Leaseless(SimulatedUnit):
    firmware = LeaselessFirmware


class FullDutyFirmware(Firmware):
    """Gives output without a pause, whatever duty cycle was set."""

    def _emit(self, own_ms: int, base: float, ramp_ms: int, why: Why) -> None:
        super()._emit(own_ms, base, ramp_ms, why)
        self.output_stage = replace(self.output_stage, duty_pct=100)


class FullDuty(SimulatedUnit):
    firmware = FullDutyFirmware


class UndatedFirmware(Firmware):
    """Counts a lease from when it is asked, and not from what the host has heard."""

    def _age_ms(self, unit_uptime_ms: int, own_ms: int) -> int:
        return 0


class Undated(SimulatedUnit):
    firmware = UndatedFirmware


class UntimedFirmware(Firmware):
    """Does not end a step by its own timer."""

    def _step_out_ms(self) -> int:
        return super()._step_out_ms() + 5000

    def _ceiling_ms(self) -> int:
        return super()._ceiling_ms() + 5000


class Untimed(SimulatedUnit):
    firmware = UntimedFirmware


class UnendingFirmware(Firmware):
    """Does not end a step by its own timer, and keeps to the session's ceiling."""

    def _step_out_ms(self) -> int:
        return super()._step_out_ms() + 5000


class Unending(SimulatedUnit):
    firmware = UnendingFirmware


class MiscountingFirmware(Firmware):
    """Counts more milliseconds of output than there are, or fewer, and ends its steps by that count."""

    share = 1.0

    def delivered_now_ms(self, own_ms: int) -> int:
        return round(super().delivered_now_ms(own_ms) * self.share)

    def _step_out_ms(self) -> int:
        return self._when_counted(super()._step_out_ms())

    def _ceiling_ms(self) -> int:
        return self._when_counted(super()._ceiling_ms())

    def _when_counted(self, own_ms: int) -> int:
        return self._on_since_ms + round((own_ms - self._on_since_ms) / self.share)


class HalfCountingFirmware(MiscountingFirmware):
    """Counts every second millisecond of output."""

    share = 0.5


class HalfCounting(SimulatedUnit):
    firmware = HalfCountingFirmware


class HastyFirmware(MiscountingFirmware):
    """Counts five milliseconds for four, and is done too soon."""

    share = 1.25


class Hasty(SimulatedUnit):
    firmware = HastyFirmware


class RamplessFirmware(Firmware):
    """Is at its level at once."""

    def _emit(self, own_ms: int, base: float, ramp_ms: int, why: Why) -> None:
        super()._emit(own_ms, base, 0, why)


class Rampless(SimulatedUnit):
    firmware = RamplessFirmware


class AbruptFirmware(Firmware):
    """Is back at its level at once, when contact is back."""

    def _resume(self, own_ms: int) -> None:
        self._emit(own_ms, 0.0, 0, Why.CONTACT_BACK)


class Abrupt(SimulatedUnit):
    firmware = AbruptFirmware


class HurriedFirmware(Firmware):
    """Makes up for a ramp that was cut short."""

    def _resume(self, own_ms: int) -> None:
        self._emit(own_ms, 0.0, self._plate.resume_ramp_ms, Why.CONTACT_BACK)


class Hurried(SimulatedUnit):
    firmware = HurriedFirmware


class ExclusiveFirmware(Firmware):
    """Takes a stop from the session alone."""

    def hear(self, received: Received, own_ms: int) -> Frame | None:
        foreign = not isinstance(received, Damage) and received.seq >= 40_000
        return None if foreign else super().hear(received, own_ms)


class Exclusive(SimulatedUnit):
    firmware = ExclusiveFirmware


class BlindPace(Scheduler):
    """Renews whether or not anything is heard."""

    def what_is_due(self, state: State, now_ms: int) -> Intent:
        unit, status = self._known.unit, self._known.status
        if state in LIVE and unit is not None and status is not None:
            return Renew(unit.identity.nonce, self._known.session, status.uptime_ms, unit.lease_ms)
        return super().what_is_due(state, now_ms)


class UnwatchfulReports(Reports):
    """Judges no report."""

    def _judge(self, status: Status, came_ms: int) -> None:
        """Does not."""


class HopefulOverdue(Overdue):
    """Waits for whatever is missing."""

    def check(self) -> None:
        """Hopes."""


class Blind(Controller):
    """Goes on, whether or not it hears anything, and whatever it hears."""

    def __init__(self, dialect: Dialect, now_ms: int = 0, port: str = "") -> None:
        super().__init__(dialect, now_ms, port)
        self.scheduler.__class__ = BlindPace
        self.reports.__class__ = UnwatchfulReports
        self.overdue = HopefulOverdue(self)


class Eager(Controller):
    """Goes on after a pause, with nobody's word."""

    def receive(self, data: bytes, now_ms: int) -> None:
        super().receive(data, now_ms)
        self.resume()


class Presuming(Controller):
    """Goes on after a pause, and says that somebody has resumed."""

    def receive(self, data: bytes, now_ms: int) -> None:
        super().receive(data, now_ms)
        if self.state is State.PAUSED:
            self.actions._operate(SessionAction.RESUME)


class Greedy(Controller):
    """Starts every step at the plan's highest level."""

    def start(self, step: Emit, for_ms: int) -> None:
        assert self.known.plan is not None
        super().start(max(self.known.plan.emissions, key=lambda emission: level(emission.setting)), for_ms)


class ForgetfulActions(OperatorActions):
    """Says that the level is lowered, and asks nobody to lower it."""

    def _ask_to_lower(self) -> None:
        self._controller.known.level_cap = None


class Forgetful(Controller):
    """Forgets what a person has lowered."""

    def __init__(self, dialect: Dialect, now_ms: int = 0, port: str = "") -> None:
        super().__init__(dialect, now_ms, port)
        self.actions = ForgetfulActions(self)


class Bypassing(Controller):
    """Sends a start past the guard, at twice the level."""

    def say(self, intent: Intent) -> None:
        if not isinstance(intent, SetOutput):
            super().say(intent)
            return
        assert isinstance(intent.setting, Ultrasound)
        output = Ultrasound(intent.setting.intensity_mw_cm2 * 2, 50, 1000, 100)
        twice = replace(intent, setting=output)
        data = self.requests.ask(Permitted(twice), self.now_ms)
        self.scheduler.sent_ms = self.now_ms
        self.outbox.send(Outgoing(data, is_stop=False, starts_output=False))


class Overlong(Controller):
    """Starts steps for twice their time, which the guard refuses."""

    def start(self, step: Emit, for_ms: int) -> None:
        super().start(step, for_ms * 2)


class Boastful(Controller):
    """Calls any output off confirmed."""

    def output_off(self) -> OffConfirmation | None:
        return OffConfirmation.CONFIRMED


class CredulousReports(Reports):
    """Takes anybody's report for its own unit's."""

    def receive(self, request: PendingRequest, answer: Answer) -> None:
        unit = self._controller.unit
        if isinstance(answer, Status) and unit is not None:
            answer = replace(answer, nonce=unit.identity.nonce)
        super().receive(request, answer)


class Credulous(Controller):
    """Takes anybody's report for its own unit's."""

    def __init__(self, dialect: Dialect, now_ms: int = 0, port: str = "") -> None:
        super().__init__(dialect, now_ms, port)
        self.reports.__class__ = CredulousReports


class DeafActions(OperatorActions):
    """Takes no notice of anybody."""

    def _operate(self, action: SessionAction, by: str = "") -> None:
        """Does not."""


class Deaf(Controller):
    """Takes no notice of anybody."""

    def __init__(self, dialect: Dialect, now_ms: int = 0, port: str = "") -> None:
        super().__init__(dialect, now_ms, port)
        self.actions = DeafActions(self)


class Clumsy(Controller):
    """Trips over a pause."""

    def pause(self) -> None:
        raise KeyError("pause")


class Unstoppable(Controller):
    """Does not stop while output is off anyway."""

    def stop(self) -> None:
        if self.state is not State.ARMED:
            super().stop()


class Unpausing(Controller):
    """Does not pause while output is off anyway."""

    def pause(self) -> None:
        if self.state in (State.EMITTING, State.SUSPENDED):
            super().pause()


class Waiting(Controller):
    """Does not pause while it waits for contact."""

    def pause(self) -> None:
        if self.state is not State.SUSPENDED:
            super().pause()


class Unwatchful(Controller):
    """Judges no report."""

    def __init__(self, dialect: Dialect, now_ms: int = 0, port: str = "") -> None:
        super().__init__(dialect, now_ms, port)
        self.reports.__class__ = UnwatchfulReports


class TrustingReports(Reports):
    """Takes any unit for a sound one."""

    def receive(self, request: PendingRequest, answer: Answer) -> None:
        if isinstance(answer, Capabilities):
            answer = replace(
                answer, area_mm2=400, measures_output=True, measures_head_temp=True, senses_contact=True,
                head_trip_ddeg_c=430,
            )  # fmt: skip
        elif isinstance(answer, Identity):
            answer = replace(answer, calibrated=None)
        super().receive(request, answer)


class Trusting(Controller):
    """Takes any unit for a sound one."""

    def __init__(self, dialect: Dialect, now_ms: int = 0, port: str = "") -> None:
        super().__init__(dialect, now_ms, port)
        self.reports.__class__ = TrustingReports


class Sudden(Controller):
    """Starts with no ramp."""

    def start(self, step: Emit, for_ms: int) -> None:
        super().start(replace(step, ramp_ms=0), for_ms)


class Hopeful(Controller):
    """Trusts to the lease, whatever the unit has said."""

    def output_off(self) -> OffConfirmation | None:
        known = super().output_off()
        return OffConfirmation.PRESUMED if known is OffConfirmation.UNKNOWN else known


class Unbounded(Controller):
    """Asks a unit of which only the timer ends output for a whole step at a time."""

    def start(self, step: Emit, for_ms: int) -> None:
        assert self.known.plan is not None
        super().start(step, max(emission.duration_ms for emission in self.known.plan.emissions))


class Interrupting(Controller):
    """Stops the unit without waiting until the line is free."""

    def say(self, intent: Intent) -> None:
        if isinstance(intent, Stop):
            self.requests.pending = None
        super().say(intent)


class Untokened(Modbus):
    """Takes whatever answer comes for that to the request under way."""

    def _meant(self, asked: Any, block: Any) -> Any:
        if isinstance(block, modbus_map.Status):
            block = replace(block, token=asked.seq, command=asked.command)
        return super()._meant(asked, block)


class ForgetfulReckoner(Reckoner):
    """Counts nothing."""

    def _count(self, status: Status, now_ms: int, start: Start | None) -> None:
        """Does not."""


class Uncounting(Controller):
    """Does not count what a unit cannot tell."""

    def load(self, load: SessionLoad) -> None:
        super().load(load)
        self.known._reckoner = ForgetfulReckoner(frozenset(), None)


class Unasked(Controller):
    """Begins without waiting for a person's start."""

    def load(self, load: SessionLoad) -> None:
        super().load(replace(load, awaits_start=False))


class Keen(Controller):
    """Begins as soon as it waits for a start, without one."""

    def load(self, load: SessionLoad) -> None:
        super().load(load)
        if load.awaits_start:
            self.operate(SessionAction.START, self.now_ms)


class UnboundedTimerFirmware(OwnTimerFirmware):
    """Takes any time."""

    @staticmethod
    def limited(plate: Nameplate) -> Nameplate:
        return replace(OwnTimerFirmware.limited(plate), step_max_ms=600_000)

    def capabilities(self, token: int, command: int) -> modbus_map.Capabilities:
        return replace(super().capabilities(token, command), step_max_ms=10_000)


class UnboundedTimer(OwnTimerUnit):
    firmware = UnboundedTimerFirmware


class EndlesslyFirmware(OwnTimerFirmware):
    """Has a timer that runs out and ends nothing."""

    def _lapse(self, own_ms: int) -> None:
        self.lease_until_ms = own_ms + 1000

    def _step_out_ms(self) -> int:
        return 1 << 62

    def _ceiling_ms(self) -> int:
        return 1 << 62


class Endlessly(OwnTimerUnit):
    firmware = EndlesslyFirmware


class Endless(Controller):
    """Never knows that the output is off."""

    def settle(self) -> Script[OffConfirmation]:
        while True:
            yield self.now_ms + 40


class Spinning(Controller):
    """Never lets time pass."""

    def settle(self) -> Script[OffConfirmation]:
        while True:
            yield self.now_ms


class UndeterredReports(Reports):
    """Takes a step that somebody else has stopped for one that is over."""

    def _follow(self, status: Status) -> None:
        if self._controller.state in LIVE and status.state is UnitState.IDLE:
            self._controller.fire(Trigger.FINISH)
        else:
            super()._follow(status)


class Undeterred(Controller):
    """Goes on after somebody else has stopped the unit."""

    def __init__(self, dialect: Dialect, now_ms: int = 0, port: str = "") -> None:
        super().__init__(dialect, now_ms, port)
        self.reports.__class__ = UndeterredReports

    def break_rule(self, rule: Rule, what: str) -> None:
        if rule.code != "STOPPED_ELSEWHERE":
            super().break_rule(rule, what)

    def break_off(self, why: str) -> None:
        """Does not."""


class ImpatientOutbox(Outbox):
    """Takes every event for written."""

    def is_written(self, number: int) -> bool:
        return True


class Impatient(Controller):
    """Starts output before its permission is on the disk."""

    def __init__(self, dialect: Dialect, now_ms: int = 0, port: str = "") -> None:
        super().__init__(dialect, now_ms, port)
        self.outbox = ImpatientOutbox()


class Unpermitted(Controller):
    """Starts output without a permission in the record."""

    def permit_output(self, step: Emit, for_ms: int) -> int:
        return self.outbox.handed_over


class UnhurriedOverdue(Overdue):
    """Waits for the disk for as long as it takes."""

    def _check_record(self) -> None:
        """Does not."""


class Unhurried(Controller):
    """Waits for the disk for as long as it takes."""

    def __init__(self, dialect: Dialect, now_ms: int = 0, port: str = "") -> None:
        super().__init__(dialect, now_ms, port)
        self.overdue = UnhurriedOverdue(self)


class Acknowledging(MortalDisk):
    """Says of an event that it is on the disk before the commit has come back."""

    def record(self, event: Event) -> None:
        super().record(event)
        self.written += 1


class Untimely(Driver):
    """Tells the end of the session before it is on the disk."""

    def publish_when_written(self, event: Event, wait_ms: int) -> bool:
        self.publish(event)
        return True


class Forging(Driver):
    """Changes the record when the session is over."""

    _log: SessionLog

    def record_to(self, recorder: Recorder) -> None:
        assert isinstance(recorder, PersistentRecorder)
        self._log = recorder._log
        super().record_to(recorder)

    def publish_when_written(self, event: Event, wait_ms: int) -> bool:
        try:
            return super().publish_when_written(event, wait_ms)
        finally:
            connection = self._log._journal._connection
            connection.execute("DROP TRIGGER bodies_never_change")
            connection.execute("UPDATE bodies SET body = '{}' WHERE seq = 2")
