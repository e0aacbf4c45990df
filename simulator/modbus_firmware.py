"""The program of a unit that speaks Modbus: the same states, timers and checks, in three kinds.

They differ in what ends output when the host is lost, and in what they can tell. Every register block is made
here; frames and function codes are `simulator.modbus_unit`'s.
"""

from __future__ import annotations

from dataclasses import fields, replace
from typing import ClassVar

from device.wire import messages as native
from device.wire import modbus_map as wire
from device.wire.frame import Frame
from device.wire.messages import Arm, Clear, GetStatus, Lower, Renew, Result, Set, Stop
from simulator import identity
from simulator.faults import FaultKind
from simulator.firmware import Order
from simulator.flaws import FlawedFirmware
from simulator.nameplate import Nameplate
from simulator.record import Why

_NEVER_MS = 1 << 62
_LOOKED_AT_MS = 60_000  # how often a unit without a timer finds that none has run out
_SET_WITHIN_MS = 500
_TIMER_MAX_MS = 10_000
_FIELDS = {
    wire.Reports.SESSION: ("session",),
    wire.Reports.TIME: ("step_ms", "delivered_ms"),
    wire.Reports.ENERGY: ("energy_mj",),
    wire.Reports.LEASE: ("lease_left_ms", "lapses"),
    wire.Reports.UPTIME: ("uptime_ms",),
}
_ALL = wire.Reports(sum(wire.Reports))


class LeaseFirmware(FlawedFirmware):
    """Has a watchdog: output ends when its lease runs out unrenewed."""

    host_loss: ClassVar = wire.HostLoss.LEASE
    reports: ClassVar = _ALL
    holds_limits: ClassVar = True

    @staticmethod
    def limited(plate: Nameplate) -> Nameplate:
        """``plate``, as this kind of unit can keep it."""
        return plate

    def take(self, order: wire.Order, own_ms: int) -> Result:
        """Carry out a command, and return what became of it."""
        if order.command in (wire.Command.IDENTIFY, wire.Command.CAPABILITIES):
            return Result.OK
        message = self._message(order, own_ms)
        said = b"".join(register.to_bytes(2, "big") for register in order.registers(0))
        return self._once(Frame(message.TYPE, order.token, said), message, own_ms)

    def stop(self, own_ms: int) -> None:
        """Output off, by whatever function and from whatever tool."""
        self._stop(own_ms)

    def identity(self, token: int, command: int) -> wire.Identity:
        """Who it is."""
        said = identity.identity(self._plate, self._birth)
        calibrated = self._flaws.get(FaultKind.FUTURE_CALIBRATION, said.calibrated)
        return wire.Identity(
            token=token,
            command=command,
            map=wire.MAP,
            major=wire.MAJOR,
            minor=wire.MINOR,
            family=said.family,
            firmware=said.firmware,
            nonce=said.nonce,
            model=said.model,
            serial=said.serial,
            calibrated=round(calibrated),
        )

    def capabilities(self, token: int, command: int) -> wire.Capabilities:
        """What it can do."""
        said = identity.capabilities(self._plate)
        said = replace(said, **self._capability_lies(said))
        return wire.Capabilities(
            token,
            command,
            self.host_loss,
            self.reports,
            int(self.holds_limits),
            **{field.name: getattr(said, field.name) for field in fields(said)},
        )

    def report(self, token: int, command: int, result: Result, bad_frames: int, own_ms: int) -> wire.Status:
        """The whole of what it knows of itself."""
        frame = self._status(Frame(native.Type.GET_STATUS, 0), result, own_ms)
        said = native.read(frame.type, frame.body)
        assert isinstance(said, native.Status)
        if self._flaws:
            said = replace(said, **self._status_lies(said))
        known = {
            field.name: getattr(said, field.name)
            for field in fields(wire.Status)
            if hasattr(said, field.name)
        }
        known |= {name: 0 for bit, names in _FIELDS.items() if bit not in self.reports for name in names}
        known["bad_frames"] = bad_frames & 0xFFFF
        return wire.Status(token, command, **known)

    def _lease(self, asked: Set | Renew, own_ms: int) -> bool:
        """Grant a lease, unless its Set was dated before the latest stop, after which another was armed."""
        if isinstance(asked, Set) and self._is_before_stop(asked.unit_uptime_ms, own_ms):
            return False
        return super()._lease(asked, own_ms)

    def _message(self, order: wire.Order, own_ms: int) -> Order:
        # One that has no clock to date a request by takes each as of now.
        dated = wire.Reports.UPTIME in self.reports
        unit_uptime_ms = order.unit_uptime_ms if dated else self._uptime_ms(own_ms)
        match order.command:
            case wire.Command.ARM:
                return Arm(
                    order.nonce, order.session, order.level, order.for_ms, order.energy_max_mj, unit_uptime_ms
                )
            case wire.Command.SET:
                return Set(
                    nonce=order.nonce,
                    session=order.session,
                    level=order.level,
                    duty_pct=order.duty_pct,
                    carrier_khz=order.carrier_khz,
                    pulse_hz=order.pulse_hz,
                    for_ms=order.for_ms,
                    ramp_ms=order.ramp_ms,
                    unit_uptime_ms=unit_uptime_ms,
                    lease_ms=order.lease_ms,
                )
            case wire.Command.RENEW:
                return Renew(order.nonce, order.session, unit_uptime_ms, order.lease_ms)
            case wire.Command.LOWER:
                return Lower(order.nonce, order.session, order.level)
            case wire.Command.CLEAR:
                return Clear(order.nonce, unit_uptime_ms)
            case wire.Command.STOP:
                return Stop()
        return GetStatus()


class OwnTimerFirmware(LeaseFirmware):
    """Has no watchdog: output ends by the timer of its SET, which runs from when that was taken."""

    host_loss: ClassVar = wire.HostLoss.OWN_TIMER
    reports: ClassVar = _ALL & ~wire.Reports.LEASE

    @staticmethod
    def limited(plate: Nameplate) -> Nameplate:
        """``plate``, as this kind of unit can keep it."""
        return replace(plate, lease_min_ms=0, lease_max_ms=0, step_max_ms=_TIMER_MAX_MS)

    def _run(self, asked: Set | Renew, own_ms: int, new: bool) -> Result:
        if isinstance(asked, Renew):
            return Result.BAD_LEASE
        return super()._run(asked, own_ms, new)

    def _lease(self, asked: Set | Renew, own_ms: int) -> bool:
        """Let the timer run from now, unless the request is old."""
        assert isinstance(asked, Set)
        if self._age_ms(asked.unit_uptime_ms, own_ms) >= _SET_WITHIN_MS:
            return False
        if self._is_before_stop(asked.unit_uptime_ms, own_ms):
            return False
        self.lease_until_ms = own_ms + asked.for_ms
        self._over = False
        return True

    def _lapse(self, own_ms: int) -> None:
        if FaultKind.ENDLESS_STEP in self._flaws:  # the one timer that it has
            self._over = True
            self.lease_until_ms = own_ms + _LOOKED_AT_MS
        else:
            self._end(native.UnitState.READY, Why.STEP_DONE, own_ms)


class UntimedFirmware(LeaseFirmware):
    """Has neither watchdog nor timer: output goes on until a stop. It cannot tell time, energy or session."""

    host_loss: ClassVar = wire.HostLoss.NONE
    reports: ClassVar = wire.Reports(0)
    holds_limits: ClassVar = False

    @staticmethod
    def limited(plate: Nameplate) -> Nameplate:
        """``plate``, as this kind of unit can keep it."""
        return replace(plate, lease_min_ms=0, lease_max_ms=0, step_max_ms=0)

    def take(self, order: wire.Order, own_ms: int) -> Result:
        """Carry out a command; the ceilings of an ARM are taken and forgotten."""
        result = super().take(order, own_ms)
        if order.command is wire.Command.ARM and self._ceilings is not None:
            self._ceilings = replace(
                self._ceilings,
                level_max=0xFFFF,
                delivered_max_ms=0xFFFF_FFFF,
                energy_max_mj=0xFFFF_FFFF,
            )
        return result

    def _run(self, asked: Set | Renew, own_ms: int, new: bool) -> Result:
        if isinstance(asked, Renew):
            return Result.BAD_LEASE
        return super()._run(asked, own_ms, new)

    def _lease(self, asked: Set | Renew, own_ms: int) -> bool:  # noqa: ARG002
        self.lease_until_ms = own_ms + _LOOKED_AT_MS
        return True

    def _lapse(self, own_ms: int) -> None:
        self.lease_until_ms = own_ms + _LOOKED_AT_MS

    def _step_out_ms(self) -> int:
        return _NEVER_MS
