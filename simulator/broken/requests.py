"""Units that do what they have to refuse, or refuse it for another reason."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from device.wire.frame import Frame, Received
from device.wire.messages import (
    Arm,
    Clear,
    GetStatus,
    Lower,
    Renew,
    Result,
    Set,
    Type,
    UnitState,
)
from simulator.broken.registry import remembers, runs, says
from simulator.firmware import Order
from simulator.flaws import FlawedFirmware
from simulator.output_control import RUNNING
from simulator.replay_cache import ReplayCache

_U31 = 1 << 31


says(
    "refused.unknown_type",
    lambda _, status: {"result": Result.BAD_LENGTH} if status.result is Result.UNKNOWN_TYPE else {},
)


@runs("refused.bad_length")
class _CutsBodies(FlawedFirmware):
    def hear(self, received: Received, own_ms: int) -> Frame | None:
        if isinstance(received, Frame) and received.type == Type.GET_STATUS and received.body[1:]:
            received = replace(received, body=b"")
        return super().hear(received, own_ms)


@runs("refused.bad_nonce")
class _ClearsAnyNonce(FlawedFirmware):
    def _do(self, message: Order, own_ms: int, new: bool) -> Result:
        if isinstance(message, Clear):
            message = replace(message, nonce=self._birth.nonce)
        return super()._do(message, own_ms, new)


@runs("refused.bad_state")
class _ClearsAnywhere(FlawedFirmware):
    def _clear(self, asked: Clear, own_ms: int) -> Result:
        return Result.OK if self.state is not UnitState.FAULT else super()._clear(asked, own_ms)


@runs("refused.bad_session")
class _TakesSessionZero(FlawedFirmware):
    def _run(self, asked: Set | Renew, own_ms: int, new: bool) -> Result:
        renews = isinstance(asked, Renew) and not asked.session
        return super()._run(replace(asked, session=self.session) if renews else asked, own_ms, new)


@runs("refused.dated")
class _ArmsLate(FlawedFirmware):
    def _arm(self, asked: Arm, own_ms: int, new: bool) -> Result:
        if 1000 <= self._age_ms(asked.unit_uptime_ms, own_ms) < 1500:
            asked = replace(asked, unit_uptime_ms=self._uptime_ms(own_ms) - 500)
        return super()._arm(asked, own_ms, new)


@runs("refused.before_stop")
class _ForgetsStops(FlawedFirmware):
    def _is_before_stop(self, _unit_uptime_ms: int, _own_ms: int) -> bool:
        return False


class _NoSessions(ReplayCache):
    def is_over(self, _session: int) -> bool:
        return False


remembers("refused.replaced", _NoSessions)


@runs("refused.bad_value")
class _CutsRamps(FlawedFirmware):
    def _set(self, asked: Set, own_ms: int) -> Result:
        cut = 0 < asked.for_ms < asked.ramp_ms
        return super()._set(replace(asked, ramp_ms=asked.for_ms) if cut else asked, own_ms)


@runs("refused.bad_lease")
class _CutsLeases(FlawedFirmware):
    def _run(self, asked: Set | Renew, own_ms: int, new: bool) -> Result:
        if isinstance(asked, Renew):
            asked = replace(asked, lease_ms=min(asked.lease_ms, self._plate.lease_max_ms))
        return super()._run(asked, own_ms, new)


@runs("refused.over_nameplate")
class _CutsLevels(FlawedFirmware):
    def _set(self, asked: Set, own_ms: int) -> Result:
        return super()._set(replace(asked, level=min(asked.level, self._plate.level_max)), own_ms)


@runs("refused.over_ceiling")
class _RaisesEnergy(FlawedFirmware):
    def _arm(self, asked: Arm, own_ms: int, new: bool) -> Result:
        if self._ceilings is not None and asked.session == self.session:
            asked = replace(asked, energy_max_mj=min(asked.energy_max_mj, self._ceilings.energy_max_mj))
        return super()._arm(asked, own_ms, new)


@runs("refused.lease_over")
class _RenewsAhead(FlawedFirmware):
    def _run(self, asked: Set | Renew, own_ms: int, new: bool) -> Result:
        if isinstance(asked, Renew) and self._age_ms(asked.unit_uptime_ms, own_ms) >= _U31:
            asked = replace(asked, unit_uptime_ms=self._uptime_ms(own_ms))
        return super()._run(asked, own_ms, new)


@runs("refused.order")
class _NumbersFirst(FlawedFirmware):
    def _run(self, asked: Set | Renew, own_ms: int, new: bool) -> Result:
        numbered = self.state in (UnitState.READY, *RUNNING) and isinstance(asked, Set)
        return Result.STALE if numbered and not new else super()._run(asked, own_ms, new)


@runs("refused.changes_nothing")
class _ChangesByRefused(FlawedFirmware):
    def _lower(self, asked: Lower, own_ms: int) -> Result:
        result = super()._lower(asked, own_ms)
        self.lease_until_ms -= 0 if result is Result.OK else 10
        return result


# --- at most once ---------------------------------------------------------------------------------------


class _ForgetsSets(ReplayCache):
    def is_repeat(self, frame: Frame) -> bool:
        return frame.type != Type.SET and super().is_repeat(frame)


class _ForgetsRenews(ReplayCache):
    def is_repeat(self, frame: Frame) -> bool:
        return frame.type != Type.RENEW and super().is_repeat(frame)


class _RemembersAcrossStops(ReplayCache):
    def stop(self) -> None:
        """Forget nothing."""


class _TakesTheSame(ReplayCache):
    def is_new(self, seq: int) -> bool:
        return seq == self._newest or super().is_new(seq)


class _NeverTurnsOver(ReplayCache):
    def is_new(self, seq: int) -> bool:
        return self._newest is None or seq > self._newest


remembers("once.set", _ForgetsSets)
remembers("once.others", _ForgetsRenews)
remembers("once.after_stop", _RemembersAcrossStops)
remembers("once.same_number", _TakesTheSame)
remembers("once.newer", _NeverTurnsOver)


class _CountsLooks(ReplayCache):
    def count(self, seq: int) -> None:
        """Count a request that changes nothing."""
        self._newest = seq if self.is_new(seq) else self._newest


@runs("once.counts_nothing")
class _CountsEverything(FlawedFirmware):
    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self._replay_cache: _CountsLooks = _CountsLooks()

    def _once(self, frame: Frame, message: Order, own_ms: int) -> Result:
        if isinstance(message, GetStatus):
            self._replay_cache.count(frame.seq)
        return super()._once(frame, message, own_ms)


@runs("once.new_session")
class _ComparesSessions(FlawedFirmware):
    def _arm(self, asked: Arm, own_ms: int, new: bool) -> Result:
        return super()._arm(asked, own_ms, new) if new else Result.STALE


@runs("lower.not_compared")
class _ComparesLower(FlawedFirmware):
    def _once(self, frame: Frame, message: Any, own_ms: int) -> Result:
        repeated = self._replay_cache.is_repeat(frame)
        counted = isinstance(message, Lower) and message.nonce == self._birth.nonce and not repeated
        if counted and not self._replay_cache.is_new(frame.seq):
            return Result.STALE
        return super()._once(frame, message, own_ms)
