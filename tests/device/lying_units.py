"""Units that do not do, or do not say, what they were told: one class for each lie."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from device.wire import messages as wire
from device.wire.frame import Frame
from simulator.firmware import Firmware
from simulator.output_stage import OFF
from simulator.record import Why
from simulator.unit import SimulatedUnit


class Reworked(SimulatedUnit):
    """Runs another firmware."""

    firmware: type[Firmware] = Firmware

    def _boot(self, own_ms: int) -> None:
        super()._boot(own_ms)
        self._firmware.__class__ = self.firmware


class Reporting(Firmware):
    """Changes its reports on their way out."""

    def said(self, status: wire.Status) -> dict[str, Any]:
        """What differs from the truth."""
        raise NotImplementedError

    def _status(self, frame: Frame, result: wire.Result, own_ms: int) -> Frame:
        true = super()._status(frame, result, own_ms)
        status = wire.read(true.type, true.body)
        assert isinstance(status, wire.Status)
        return Frame(true.type, true.seq, replace(status, **self.said(status)).pack())


def reporting(**lies: Any) -> type[SimulatedUnit]:
    """A unit whose reports, once two seconds of output have been given, say ``lies``."""

    class _Firmware(Reporting):
        def said(self, status: wire.Status) -> dict[str, Any]:
            return lies if status.delivered_ms > 2000 else {}

    class _Unit(Reworked):
        firmware = _Firmware

    return _Unit


class _FullDuty(Firmware):
    def _emit(self, own_ms: int, base: float, ramp_ms: int, why: Why) -> None:
        super()._emit(own_ms, base, ramp_ms, why)
        self.output_stage = replace(self.output_stage, duty_pct=100)


class HiddenFullDuty(Reworked):
    """Gives output without a pause, and reports the duty that was set."""

    firmware = _FullDuty


class _SaidFullDuty(_FullDuty, Reporting):
    def said(self, status: wire.Status) -> dict[str, Any]:
        return {"duty_set_pct": 100 if status.duty_set_pct else 0}


class FullDuty(Reworked):
    """Gives output without a pause, and says so."""

    firmware = _SaidFullDuty


class _Unmetered(Reporting):
    def said(self, status: wire.Status) -> dict[str, Any]:
        return {"energy_mj": 0}


class Unmetered(Reworked):
    """Its energy meter reads nothing."""

    firmware = _Unmetered


class _DoubleMetered(Reporting):
    def said(self, status: wire.Status) -> dict[str, Any]:
        return {"energy_mj": 2 * status.energy_mj}


class DoubleMetered(Reworked):
    """Its energy meter reads twice what was given."""

    firmware = _DoubleMetered


class _Endless(Reporting):
    """Ends neither a step nor a lease nor a hold by itself."""

    def _step_out_ms(self) -> int:
        return 1 << 60

    def _ceiling_ms(self) -> int:
        return 1 << 60

    def _foresee_energy(self, own_ms: int) -> None:
        """Does not."""

    def said(self, status: wire.Status) -> dict[str, Any]:
        return {}


class _Untruthful(_Endless):
    """Has no timer, counts nothing and names another session, from the moment its output is on."""

    def said(self, status: wire.Status) -> dict[str, Any]:
        if status.state is not wire.UnitState.EMITTING:
            return {}
        return {"step_ms": 0, "delivered_ms": 0, "energy_mj": 0, "session": 1}


class Untruthful(Reworked):
    """No timer, no count and another session: all three at once."""

    firmware = _Untruthful


class _Slowing(_Endless):
    """Its clock and its counts stand still together, once two seconds have been given."""

    stood: wire.Status | None = None

    def said(self, status: wire.Status) -> dict[str, Any]:
        if status.delivered_ms > 2000 and status.state is wire.UnitState.EMITTING:
            self.stood = self.stood or status
            return {"step_ms": 2000, "delivered_ms": 2000}
        return {}


class GuardContext(Reworked):
    """Its timer and its counts stand still from two seconds on."""

    firmware = _Slowing


class _Suspending(Firmware):
    suspension_max_ms = 1 << 40

    def due_ms(self) -> int | None:
        if self.state is wire.UnitState.SUSPENDED:
            return self.lease_until_ms
        return super().due_ms()

    def move_to(self, own_ms: int) -> None:
        self._suspended_since_ms = own_ms  # so that the bound is never reached
        super().move_to(own_ms)


class Suspending(Reworked):
    """Waits for contact for ever."""

    firmware = _Suspending


class _Leaseless(Reporting):
    def _lapse(self, own_ms: int) -> None:
        self.lease_until_ms = own_ms + 500

    def said(self, status: wire.Status) -> dict[str, Any]:
        return {"lease_left_ms": 65_535 if status.lease_left_ms else 0}


class Leaseless(Reworked):
    """Its lease never runs out."""

    firmware = _Leaseless


class _FaultWithoutBits(Firmware):
    def sense(self, own_ms: int, readings: Any) -> None:
        super().sense(own_ms, readings)
        if self.delivered_now_ms(own_ms) > 2000 and self.output_stage is not OFF:
            self._end(wire.UnitState.FAULT, Why.FAULT, own_ms)


class FaultWithoutBits(Reworked):
    """Says that it has a fault, and not which."""

    firmware = _FaultWithoutBits


class _EarlyFirmware(Firmware):
    def sense(self, own_ms: int, readings: Any) -> None:
        super().sense(own_ms, readings)
        if self.delivered_now_ms(own_ms) > 2000 and self.output_stage is not OFF:
            self._end(wire.UnitState.READY, Why.CEILING, own_ms)


class _EarlyAndUncounted(_EarlyFirmware, Reporting):
    def said(self, status: wire.Status) -> dict[str, Any]:
        return {"step_ms": 0, "delivered_ms": 0, "energy_mj": 0}

    def _set(self, asked: wire.Set, own_ms: int) -> wire.Result:
        self.delivered_ms, self.energy_mj = 0, 0.0
        return super()._set(asked, own_ms)


class EarlyAndUncounted(Reworked):
    """Ends every step after two seconds, and counts none of them."""

    firmware = _EarlyAndUncounted


class _Restless(Reporting):
    def said(self, status: wire.Status) -> dict[str, Any]:
        if status.state is wire.UnitState.IDLE and status.delivered_ms > 2000 and status.uptime_ms > 8000:
            return {"state": wire.UnitState.EMITTING}
        return {}


class Restless(Reworked):
    """Says, some seconds into a pause, that it is emitting, and measures nothing of it."""

    firmware = _Restless


class Early(Reworked):
    """Ends every step after two seconds."""

    firmware = _EarlyFirmware


def swinging(factor: int, high_ms: int, period_ms: int) -> type[SimulatedUnit]:
    """A unit that gives ``factor`` times its level for ``high_ms`` of each period, and reports it."""

    class _Unit(SimulatedUnit):
        def _truth(self, own_ms: int) -> float:
            return super()._truth(own_ms) * (factor if own_ms % period_ms < high_ms else 1)

        def _next_due_ms(self) -> int:
            phase_ms = self._mark_ms % period_ms
            turns_ms = (high_ms if phase_ms < high_ms else period_ms) - phase_ms
            return min(super()._next_due_ms(), self._mark_ms + turns_ms)

    return _Unit


class _Unfeeling(Reporting):
    def sense(self, own_ms: int, readings: Any) -> None:
        super().sense(own_ms, replace(readings, contact=1.0))

    def said(self, status: wire.Status) -> dict[str, Any]:
        return {"contact_pct": 0}


class Unfeeling(Reworked):
    """Says that it has no contact, and goes on."""

    firmware = _Unfeeling


class _SuspendingNow(Reporting):
    reports = 0

    def said(self, status: wire.Status) -> dict[str, Any]:
        if status.state is not wire.UnitState.EMITTING:
            return {}
        self.reports += 1
        held = {"state": wire.UnitState.SUSPENDED, "measured_level": 0} if self.reports % 4 < 3 else {}
        return {"contact_pct": 100} | held

    def _ran_ms(self, own_ms: int) -> int:
        return super()._ran_ms(own_ms) // 4

    def _when_ran(self, ran_ms: int) -> int:
        return super()._when_ran(4 * ran_ms)

    def meter(self, level_ms: float) -> None:
        super().meter(level_ms / 4)


class SuspendingNow(Reworked):
    """Gives output all the time, counts a quarter of it, and says of the rest that it waits for contact."""

    firmware = _SuspendingNow


class _Constant(_Leaseless):
    def said(self, status: wire.Status) -> dict[str, Any]:
        return {"lease_left_ms": 300} if status.lease_left_ms else {}


class ConstantLease(Reworked):
    """Its lease never runs out, and it always says the same of it."""

    firmware = _Constant


def metering(share: float) -> type[SimulatedUnit]:
    """A unit whose meter reads ``share`` of what was given."""

    class _Firmware(Firmware):
        def meter(self, level_ms: float) -> None:
            super().meter(level_ms * share)

    class _Unit(Reworked):
        firmware = _Firmware

    return _Unit


class _UnmeteredSuspensions(Reporting):
    reports = 0

    def meter(self, level_ms: float) -> None:
        """Does not."""

    def said(self, status: wire.Status) -> dict[str, Any]:
        self.reports += status.state is wire.UnitState.EMITTING
        return {"state": wire.UnitState.SUSPENDED, "measured_level": 0} if self._is_hidden(status) else {}

    def _is_hidden(self, status: wire.Status) -> bool:
        return status.state is wire.UnitState.EMITTING and self.reports % 2 == 1


class UnmeteredSuspensions(Reworked):
    """Meters nothing, counts all of its output, and says in every other report that it is held."""

    firmware = _UnmeteredSuspensions


class _Rampless(Firmware):
    def _emit(self, own_ms: int, base: float, ramp_ms: int, why: Why) -> None:
        assert self._step is not None
        super()._emit(own_ms, self._step.level, 0, why)


class Rampless(Reworked):
    """Gives its full level at once, whatever ramp was set."""

    firmware = _Rampless


def refusing(asked: wire.Type) -> type[SimulatedUnit]:
    """A unit that does what it is asked, and says of one kind of request that it has refused it."""

    class _Firmware(Reporting):
        def said(self, status: wire.Status) -> dict[str, Any]:
            refused = status.asked == asked and status.session
            return {"result": wire.Result.BAD_SESSION} if refused else {}

    class _Unit(Reworked):
        firmware = _Firmware

    return _Unit
