"""Units that break a promise about leases, steps, or what they say of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from device.wire.frame import Damage, Frame, Received
from device.wire.messages import (
    Lower,
    Renew,
    Result,
    Set,
    Status,
    Type,
    UnitState,
    read,
)
from simulator.broken.registry import is_unit, runs, says
from simulator.flaws import FlawedFirmware
from simulator.output_control import RUNNING
from simulator.record import Why
from simulator.unit import SimulatedUnit


@runs("lease.dated")
class _DatesAnew(FlawedFirmware):
    def _lease(self, asked: Set | Renew, own_ms: int) -> bool:
        if isinstance(asked, Set) and 90 < self._age_ms(asked.unit_uptime_ms, own_ms) < asked.lease_ms:
            asked = replace(asked, unit_uptime_ms=self._uptime_ms(own_ms))
        return super()._lease(asked, own_ms)


@runs("lease.renewed")
class _RenewsAnew(FlawedFirmware):
    def _lease(self, asked: Set | Renew, own_ms: int) -> bool:
        if isinstance(asked, Renew) and 15 < self._age_ms(asked.unit_uptime_ms, own_ms) < asked.lease_ms:
            asked = replace(asked, unit_uptime_ms=self._uptime_ms(own_ms))
        return super()._lease(asked, own_ms)


@runs("lease.not_shortened")
class _Shortens(FlawedFirmware):
    def _lease(self, asked: Set | Renew, own_ms: int) -> bool:
        if isinstance(asked, Renew) and self._age_ms(asked.unit_uptime_ms, own_ms) < asked.lease_ms:
            self.lease_until_ms = own_ms
        return super()._lease(asked, own_ms)


@runs("lease.set_replaces")
class _KeepsTheLonger(FlawedFirmware):
    def _lease(self, asked: Set | Renew, own_ms: int) -> bool:
        longer_ms = self.lease_until_ms if self.state in RUNNING else 0
        granted = super()._lease(asked, own_ms)
        self.lease_until_ms = max(self.lease_until_ms, longer_ms)
        return granted


@runs("lease.noise")
class _NoiseProlongs(FlawedFirmware):
    def hear(self, received: Received, own_ms: int) -> Frame | None:
        self.lease_until_ms += 50 * isinstance(received, Damage)
        return super().hear(received, own_ms)


# --- steps ----------------------------------------------------------------------------------------------


@runs("ceiling.time")
class _CountsEachStep(FlawedFirmware):
    def _set(self, asked: Set, own_ms: int) -> Result:
        before_ms, self.delivered_ms = self.delivered_ms, 0
        result = super()._set(asked, own_ms)
        self.delivered_ms += before_ms
        return result


@runs("ceiling.energy")
class _NoEnergyCeiling(FlawedFirmware):
    def _foresee_energy(self, own_ms: int) -> None:
        """Foresee nothing."""


@runs("step.ramp")
class _NoRamp(FlawedFirmware):
    def _emit(self, own_ms: int, base: float, ramp_ms: int, why: Why) -> None:
        super()._emit(own_ms, base, 0 if why is Why.SET else ramp_ms, why)


@runs("lower.at_once")
class _LowersLater(FlawedFirmware):
    _before = 0

    def _lower(self, asked: Lower, own_ms: int) -> Result:
        self._before = self._step.level if self._step else 0
        return super()._lower(asked, own_ms)

    def _status(self, frame: Frame, result: Result, own_ms: int) -> Frame:
        status = super()._status(frame, result, own_ms)
        said = read(status.type, status.body)
        if frame.type != Type.LOWER or not isinstance(said, Status) or result is not Result.OK:
            return status
        return Frame(status.type, status.seq, replace(said, level_set=self._before).pack())


@runs("lower.ceiling")
class _KeepsTheCeiling(FlawedFirmware):
    def _lower(self, asked: Lower, own_ms: int) -> Result:
        ceilings = self._ceilings
        result = super()._lower(asked, own_ms)
        self._ceilings = ceilings
        return result


@runs("lower.nothing_else")
class _LowerProlongs(FlawedFirmware):
    def _lower(self, asked: Lower, own_ms: int) -> Result:
        result = super()._lower(asked, own_ms)
        self.lease_until_ms += 20 * (result is Result.OK)
        return result


# --- statuses -------------------------------------------------------------------------------------------


def _louder(self: Any, status: Status) -> Mapping[str, Any]:
    step: Set | None = self._step
    short = step is not None and not step.ramp_ms and step.for_ms <= 300
    return {"measured_level": status.measured_level * 3 // 2} if short else {}


says(
    "status.running",
    lambda _, status: {"duty_set_pct": 99} if status.state in RUNNING else {},
)
says(
    "status.off",
    lambda _, status: {"lease_left_ms": 10} if status.state is UnitState.READY else {},
)
says("status.output", _louder)
says(
    "status.times",
    lambda _, status: (
        {"delivered_ms": status.delivered_ms + 1}
        if status.state is UnitState.EMITTING and status.delivered_ms > status.step_ms
        else {}
    ),
)
says("status.energy", lambda _, status: {"energy_mj": status.energy_mj * 3 // 10})


# --- what no request brings about -----------------------------------------------------------------------


@runs("contact")
class _GoesOnInAir(FlawedFirmware):
    def _suspend(self, own_ms: int) -> None:
        """Go on."""


says(
    "fault",
    lambda _, status: {"result": Result.BAD_STATE} if status.result is Result.FAULTED else {},
)


@is_unit("restart")
class SameNonce(SimulatedUnit):
    """Restarts under the nonce that it had."""

    def _boot(self, own_ms: int) -> None:
        super()._boot(own_ms)
        self._boots -= 1
