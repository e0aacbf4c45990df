"""Modbus units of any kind that do what they have to refuse, or say what is not so."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from device.wire import modbus_map as wire
from device.wire.frame import Frame
from device.wire.messages import Arm, Lower, Renew, Result, Set, Type
from simulator.broken.modbus_registry import runs
from simulator.modbus_firmware import LeaseFirmware
from simulator.replay_cache import ReplayCache

_NOT_LOWERED = 0xFFFF  # the ceiling of a level, where a unit holds none and no Lower has set one


@runs("timer.dated")
class _StartsLate(LeaseFirmware):
    def _lease(self, asked: Set | Renew, own_ms: int) -> bool:
        if 500 <= self._age_ms(asked.unit_uptime_ms, own_ms) < 600:
            asked = replace(asked, unit_uptime_ms=self._uptime_ms(own_ms))
        return super()._lease(asked, own_ms)


@runs("refused.set_before_stop")
class _SetsForgetStops(LeaseFirmware):
    def _lease(self, asked: Set | Renew, own_ms: int) -> bool:
        stopped_ms, self._stopped_ms = self._stopped_ms, None
        granted = super()._lease(asked, own_ms)
        self._stopped_ms = stopped_ms
        return granted


@runs("refused.before_stop")
class _ArmsForgetStops(LeaseFirmware):
    def _arm(self, asked: Arm, own_ms: int, new: bool) -> Result:
        stopped_ms, self._stopped_ms = self._stopped_ms, None
        result = super()._arm(asked, own_ms, new)
        self._stopped_ms = stopped_ms
        return result


@runs("refused.bad_session")
class _LowersSessionZero(LeaseFirmware):
    def _lower(self, asked: Lower, own_ms: int) -> Result:
        return super()._lower(asked if asked.session else replace(asked, session=self.session), own_ms)


@runs("refused.changes_nothing")
class _ChangesByRefusedArms(LeaseFirmware):
    def _arm(self, asked: Arm, own_ms: int, new: bool) -> Result:
        if self._step is not None:
            self._step = replace(self._step, duty_pct=self._step.duty_pct + 1)
        return super()._arm(asked, own_ms, new)


@runs("refused.bad_value")
class _CutsTimes(LeaseFirmware):
    def _set(self, asked: Set, own_ms: int) -> Result:
        if not self._plate.step_max_ms:
            asked = replace(asked, for_ms=0)
        elif 0 < asked.for_ms < asked.ramp_ms:
            asked = replace(asked, ramp_ms=asked.for_ms)
        return super()._set(asked, own_ms)


@runs("refused.bad_lease")
class _CutsLeases(LeaseFirmware):
    def _set(self, asked: Set, own_ms: int) -> Result:
        over = asked.lease_ms == self._plate.lease_max_ms + 1
        return super()._set(replace(asked, lease_ms=asked.lease_ms - over), own_ms)


@runs("refused.over_nameplate")
class _CutsArmedTimes(LeaseFirmware):
    def _arm(self, asked: Arm, own_ms: int, new: bool) -> Result:
        most_ms = min(asked.delivered_max_ms, self._plate.delivered_max_ms)
        return super()._arm(replace(asked, delivered_max_ms=most_ms), own_ms, new)


@runs("refused.over_ceiling")
class _CutsLowers(LeaseFirmware):
    def _lower(self, asked: Lower, own_ms: int) -> Result:
        most = self._step.level if self._step else asked.level
        return super()._lower(replace(asked, level=min(asked.level, most)), own_ms)


class _ForgetsArms(ReplayCache):
    def is_repeat(self, frame: Frame) -> bool:
        return frame.type != Type.ARM and super().is_repeat(frame)


@runs("once.others")
class _TakesArmsAgain(LeaseFirmware):
    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self._replay_cache = _ForgetsArms()


@runs("lower.nothing_else")
class _LowerCountsTime(LeaseFirmware):
    def _lower(self, asked: Lower, own_ms: int) -> Result:
        result = super()._lower(asked, own_ms)
        self.step_ms += 20 * (result is Result.OK)
        return result


@runs("renew.refused")
class _RefusesRenewsByState(LeaseFirmware):
    def _run(self, asked: Set | Renew, own_ms: int, new: bool) -> Result:
        return Result.BAD_STATE if isinstance(asked, Renew) else super()._run(asked, own_ms, new)


@runs("lower.at_once")
class _SaysLoweredLater(LeaseFirmware):
    _before = 0

    def _lower(self, asked: Lower, own_ms: int) -> Result:
        self._before = self._step.level if self._step else 0
        return super()._lower(asked, own_ms)

    def report(self, token: int, command: int, result: Result, bad_frames: int, own_ms: int) -> wire.Status:
        said = super().report(token, command, result, bad_frames, own_ms)
        lowered = command == wire.Command.LOWER and result is Result.OK
        return replace(said, level_set=self._before) if lowered else said


@runs("status.output")
class _SaysMore(LeaseFirmware):
    def report(self, *args: Any) -> wire.Status:
        said = super().report(*args)
        return replace(said, measured_level=said.measured_level * 3 // 2) if self._is_short() else said

    def _is_short(self) -> bool:
        if self._step is None or self._step.ramp_ms or self._ceilings is None:
            return False
        return 0 < self._step.for_ms <= 300 or self._ceilings.level_max == _NOT_LOWERED
