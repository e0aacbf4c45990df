"""Units that break one promise of docs/wire.md each, for a conformance suite to find.

They are sound in everything else, and named for the clause of the suite that has to fail on them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from device.wire.frame import Damage, Decoder, Frame, Received
from device.wire.messages import (
    Arm,
    Capabilities,
    Clear,
    GetStatus,
    Identity,
    Lower,
    Renew,
    Result,
    Set,
    Status,
    Type,
    UnitState,
    read,
)
from simulator.flaws import FlawedFirmware
from simulator.nameplate import Nameplate
from simulator.output_control import RUNNING
from simulator.record import Why
from simulator.replay_cache import ReplayCache
from simulator.unit import SimulatedUnit

_PIECES_MS = 20  # after which a unit has forgotten the beginning of a frame
_FLOOD = 40  # frames at once, which keep it busy
_BUSY_MS = 3000
_U31 = 1 << 31

BROKEN: dict[str, type[SimulatedUnit]] = {}
_Firmware = type[FlawedFirmware]


def _runs(promise: str) -> Callable[[_Firmware], _Firmware]:
    """A unit that runs the firmware below, by the name of the promise that it breaks."""

    def add(program: _Firmware) -> _Firmware:
        BROKEN[promise] = type(f"Breaks {promise}", (SimulatedUnit,), {"firmware": program})
        return program

    return add


def _is(promise: str) -> Callable[[type[SimulatedUnit]], type[SimulatedUnit]]:
    """The unit below, by the name of the promise that it breaks."""

    def add(unit: type[SimulatedUnit]) -> type[SimulatedUnit]:
        BROKEN[promise] = unit
        return unit

    return add


# --- frames and answers ---------------------------------------------------------------------------------


class _Says(FlawedFirmware):
    """Changes its answers on their way out."""

    def hear(self, received: Received, own_ms: int) -> Frame | None:
        answer = super().hear(received, own_ms)
        if answer is None or isinstance(received, Damage):
            return answer
        said = read(answer.type, answer.body)
        assert isinstance(said, Identity | Capabilities | Status)
        return Frame(answer.type, answer.seq, replace(said, **self._changed(said)).pack())

    def _changed(self, said: Identity | Capabilities | Status) -> dict[str, Any]:
        raise NotImplementedError


def _says(promise: str, changed: Callable[[Any, Status], Mapping[str, Any]]) -> None:
    """A unit whose statuses differ by what ``changed`` makes of its program and the status."""

    class Program(_Says):
        def _changed(self, said: Identity | Capabilities | Status) -> dict[str, Any]:
            return dict(changed(self, said)) if isinstance(said, Status) else {}

    _runs(promise)(Program)


class _Changing(_Says):
    _count = 0

    def _changed(self, said: Identity | Capabilities | Status) -> dict[str, Any]:
        self._count += 1
        if isinstance(said, Identity) and self.kind is Identity:
            return {"calibrated": said.calibrated + self._count}
        if isinstance(said, Capabilities) and self.kind is Capabilities:
            return {"head_trip_ddeg_c": said.head_trip_ddeg_c + self._count}
        return {}

    kind: type[Identity | Capabilities] = Identity


_runs("answers.identity")(_Changing)


@_runs("answers.capabilities")
class _ChangingCapabilities(_Changing):
    kind = Capabilities


@_is("host.leases")
class _ShortLeases(SimulatedUnit):
    def _nameplate(self, model: str) -> Nameplate:
        return replace(super()._nameplate(model), lease_max_ms=290)


@_runs("frames.vectors")
class _NoLastNumber(FlawedFirmware):
    def hear(self, received: Received, own_ms: int) -> Frame | None:
        last = isinstance(received, Frame) and received.seq == 0xFFFF
        return None if last else super().hear(received, own_ms)


@_runs("frames.damage")
class _CountsTwice(FlawedFirmware):
    def hear(self, received: Received, own_ms: int) -> Frame | None:
        self._bad_frames += isinstance(received, Damage)
        return super().hear(received, own_ms)


@_is("frames.resync")
class _Forgets(SimulatedUnit):
    _last_ms = 0

    def _answers(self, data: bytes) -> bytes:
        if self._now_ms - self._last_ms > _PIECES_MS:
            self._decoder = Decoder()
        self._last_ms = self._now_ms
        return super()._answers(data)


@_runs("frames.direction")
class _AnswersUnits(FlawedFirmware):
    def hear(self, received: Received, own_ms: int) -> Frame | None:
        if isinstance(received, Frame) and received.type >= 0x80:
            return self._status(received, Result.UNKNOWN_TYPE, own_ms)
        return super().hear(received, own_ms)


@_is("answers.once")
class _SaysTwice(SimulatedUnit):
    def _answers(self, data: bytes) -> bytes:
        said = super()._answers(data)
        frames = (item for item in Decoder().feed(said) if isinstance(item, Frame))
        return said * 2 if {frame.type for frame in frames} == {Type.IDENTITY} else said


_says("answers.asked", lambda _, _status: {"asked": Type.GET_STATUS})


# --- what ends output -----------------------------------------------------------------------------------


@_runs("stop.output")
class _AnswersBeforeItStops(FlawedFirmware):
    def hear(self, received: Received, own_ms: int) -> Frame | None:
        if isinstance(received, Frame) and received.type == Type.STOP:
            before = self._status(received, Result.OK, own_ms)
            super().hear(received, own_ms)
            return before
        return super().hear(received, own_ms)


@_runs("lease.lapse")
class _LapsesLate(FlawedFirmware):
    def _lease(self, asked: Set | Renew, own_ms: int) -> bool:
        granted = super()._lease(asked, own_ms)
        self.lease_until_ms += 40
        return granted


@_runs("step.timer")
class _EndsLate(FlawedFirmware):
    def _step_out_ms(self) -> int:
        return super()._step_out_ms() + 3


@_runs("stop.any_state")
class _StaysLapsed(FlawedFirmware):
    def _stop(self, own_ms: int) -> None:
        lapsed = self.state is UnitState.LAPSED
        super()._stop(own_ms)
        self.state = UnitState.LAPSED if lapsed else self.state


@_runs("stop.any_body")
class _StopsWithoutBody(FlawedFirmware):
    def hear(self, received: Received, own_ms: int) -> Frame | None:
        if isinstance(received, Frame) and received.type == Type.STOP and received.body:
            return self._status(received, Result.BAD_LENGTH, own_ms)
        return super().hear(received, own_ms)


@_runs("stop.disarms")
class _StaysArmed(FlawedFirmware):
    def _run(self, asked: Set | Renew, own_ms: int, new: bool) -> Result:
        if self.state is UnitState.IDLE and isinstance(asked, Set) and asked.session == self.session:
            self.state = UnitState.READY
        return super()._run(asked, own_ms, new)


@_runs("stop.counts_stay")
class _ForgetsCounts(FlawedFirmware):
    def _stop(self, own_ms: int) -> None:
        super()._stop(own_ms)
        self.delivered_ms = 0


@_is("stop.under_load")
class _Busy(SimulatedUnit):
    _busy_until_ms = 0

    def _answers(self, data: bytes) -> bytes:
        if self._now_ms < self._busy_until_ms:
            return b""
        if data.count(b"\0") > 2 * _FLOOD:
            self._busy_until_ms = self._now_ms + _BUSY_MS
        return super()._answers(data)


# --- what is refused ------------------------------------------------------------------------------------

_says(
    "refused.unknown_type",
    lambda _, status: {"result": Result.BAD_LENGTH} if status.result is Result.UNKNOWN_TYPE else {},
)


@_runs("refused.bad_length")
class _CutsBodies(FlawedFirmware):
    def hear(self, received: Received, own_ms: int) -> Frame | None:
        if isinstance(received, Frame) and received.type == Type.GET_STATUS and received.body[1:]:
            received = replace(received, body=b"")
        return super().hear(received, own_ms)


@_runs("refused.bad_nonce")
class _ClearsAnyNonce(FlawedFirmware):
    def hear(self, received: Received, own_ms: int) -> Frame | None:
        if isinstance(received, Frame) and received.type == Type.CLEAR:
            said = read(received.type, received.body)
            if isinstance(said, Clear):
                received = replace(received, body=replace(said, nonce=self._birth.nonce).pack())
        return super().hear(received, own_ms)


@_runs("refused.bad_state")
class _ClearsAnywhere(FlawedFirmware):
    def _clear(self, asked: Clear, own_ms: int) -> Result:
        return Result.OK if self.state is not UnitState.FAULT else super()._clear(asked, own_ms)


@_runs("refused.bad_session")
class _TakesSessionZero(FlawedFirmware):
    def _run(self, asked: Set | Renew, own_ms: int, new: bool) -> Result:
        renews = isinstance(asked, Renew) and not asked.session
        return super()._run(replace(asked, session=self.session) if renews else asked, own_ms, new)


@_runs("refused.dated")
class _ArmsLate(FlawedFirmware):
    def _arm(self, asked: Arm, own_ms: int, new: bool) -> Result:
        if 1000 <= self._age_ms(asked.unit_uptime_ms, own_ms) < 1500:
            asked = replace(asked, unit_uptime_ms=self._uptime_ms(own_ms) - 500)
        return super()._arm(asked, own_ms, new)


@_runs("refused.before_stop")
class _ForgetsStops(FlawedFirmware):
    def _is_before_stop(self, _unit_uptime_ms: int, _own_ms: int) -> bool:
        return False


def _remembers(promise: str, cache: type[ReplayCache]) -> None:
    """A unit that remembers what it was asked in another way."""

    class Program(FlawedFirmware):
        def __init__(self, *args: Any) -> None:
            super().__init__(*args)
            self._replay_cache = cache()

    _runs(promise)(Program)


class _NoSessions(ReplayCache):
    def is_over(self, _session: int) -> bool:
        return False


_remembers("refused.replaced", _NoSessions)


@_runs("refused.bad_value")
class _CutsRamps(FlawedFirmware):
    def _set(self, asked: Set, own_ms: int) -> Result:
        cut = 0 < asked.for_ms < asked.ramp_ms
        return super()._set(replace(asked, ramp_ms=asked.for_ms) if cut else asked, own_ms)


@_runs("refused.bad_lease")
class _CutsLeases(FlawedFirmware):
    def _run(self, asked: Set | Renew, own_ms: int, new: bool) -> Result:
        if isinstance(asked, Renew):
            asked = replace(asked, lease_ms=min(asked.lease_ms, self._plate.lease_max_ms))
        return super()._run(asked, own_ms, new)


@_runs("refused.over_nameplate")
class _CutsLevels(FlawedFirmware):
    def _set(self, asked: Set, own_ms: int) -> Result:
        return super()._set(replace(asked, level=min(asked.level, self._plate.level_max)), own_ms)


@_runs("refused.over_ceiling")
class _RaisesEnergy(FlawedFirmware):
    def _arm(self, asked: Arm, own_ms: int, new: bool) -> Result:
        if self._ceilings is not None and asked.session == self.session:
            asked = replace(asked, energy_max_mj=min(asked.energy_max_mj, self._ceilings.energy_max_mj))
        return super()._arm(asked, own_ms, new)


@_runs("refused.lease_over")
class _RenewsAhead(FlawedFirmware):
    def _run(self, asked: Set | Renew, own_ms: int, new: bool) -> Result:
        if isinstance(asked, Renew) and self._age_ms(asked.unit_uptime_ms, own_ms) >= _U31:
            asked = replace(asked, unit_uptime_ms=self._uptime_ms(own_ms))
        return super()._run(asked, own_ms, new)


@_runs("refused.order")
class _NumbersFirst(FlawedFirmware):
    def _run(self, asked: Set | Renew, own_ms: int, new: bool) -> Result:
        numbered = self.state in (UnitState.READY, *RUNNING) and isinstance(asked, Set)
        return Result.STALE if numbered and not new else super()._run(asked, own_ms, new)


@_runs("refused.changes_nothing")
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


_remembers("once.set", _ForgetsSets)
_remembers("once.others", _ForgetsRenews)
_remembers("once.after_stop", _RemembersAcrossStops)
_remembers("once.same_number", _TakesTheSame)
_remembers("once.newer", _NeverTurnsOver)


class _CountsLooks(ReplayCache):
    def count(self, seq: int) -> None:
        """Count a request that changes nothing."""
        self._newest = seq if self.is_new(seq) else self._newest


@_runs("once.counts_nothing")
class _CountsEverything(FlawedFirmware):
    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self._replay_cache: _CountsLooks = _CountsLooks()

    def hear(self, received: Received, own_ms: int) -> Frame | None:
        if isinstance(received, Frame) and isinstance(read(received.type, received.body), GetStatus):
            self._replay_cache.count(received.seq)
        return super().hear(received, own_ms)


@_runs("once.new_session")
class _ComparesSessions(FlawedFirmware):
    def _arm(self, asked: Arm, own_ms: int, new: bool) -> Result:
        return super()._arm(asked, own_ms, new) if new else Result.STALE


@_runs("lower.not_compared")
class _ComparesLower(FlawedFirmware):
    def _once(self, frame: Frame, message: Any, own_ms: int) -> Result:
        repeated = self._replay_cache.is_repeat(frame)
        counted = isinstance(message, Lower) and message.nonce == self._birth.nonce and not repeated
        if counted and not self._replay_cache.is_new(frame.seq):
            return Result.STALE
        return super()._once(frame, message, own_ms)


# --- leases ---------------------------------------------------------------------------------------------


@_runs("lease.dated")
class _DatesAnew(FlawedFirmware):
    def _lease(self, asked: Set | Renew, own_ms: int) -> bool:
        if isinstance(asked, Set) and 90 < self._age_ms(asked.unit_uptime_ms, own_ms) < asked.lease_ms:
            asked = replace(asked, unit_uptime_ms=self._uptime_ms(own_ms))
        return super()._lease(asked, own_ms)


@_runs("lease.renewed")
class _RenewsAnew(FlawedFirmware):
    def _lease(self, asked: Set | Renew, own_ms: int) -> bool:
        if isinstance(asked, Renew) and 15 < self._age_ms(asked.unit_uptime_ms, own_ms) < asked.lease_ms:
            asked = replace(asked, unit_uptime_ms=self._uptime_ms(own_ms))
        return super()._lease(asked, own_ms)


@_runs("lease.not_shortened")
class _Shortens(FlawedFirmware):
    def _lease(self, asked: Set | Renew, own_ms: int) -> bool:
        if isinstance(asked, Renew) and self._age_ms(asked.unit_uptime_ms, own_ms) < asked.lease_ms:
            self.lease_until_ms = own_ms
        return super()._lease(asked, own_ms)


@_runs("lease.set_replaces")
class _KeepsTheLonger(FlawedFirmware):
    def _lease(self, asked: Set | Renew, own_ms: int) -> bool:
        longer_ms = self.lease_until_ms if self.state in RUNNING else 0
        granted = super()._lease(asked, own_ms)
        self.lease_until_ms = max(self.lease_until_ms, longer_ms)
        return granted


@_runs("lease.noise")
class _NoiseProlongs(FlawedFirmware):
    def hear(self, received: Received, own_ms: int) -> Frame | None:
        self.lease_until_ms += 50 * isinstance(received, Damage)
        return super().hear(received, own_ms)


# --- steps ----------------------------------------------------------------------------------------------


@_runs("ceiling.time")
class _CountsEachStep(FlawedFirmware):
    def _set(self, asked: Set, own_ms: int) -> Result:
        before_ms, self.delivered_ms = self.delivered_ms, 0
        result = super()._set(asked, own_ms)
        self.delivered_ms += before_ms
        return result


@_runs("ceiling.energy")
class _NoEnergyCeiling(FlawedFirmware):
    def _foresee_energy(self, own_ms: int) -> None:
        """Foresee nothing."""


@_runs("step.ramp")
class _NoRamp(FlawedFirmware):
    def _emit(self, own_ms: int, base: float, ramp_ms: int, why: Why) -> None:
        super()._emit(own_ms, base, 0 if why is Why.SET else ramp_ms, why)


@_runs("lower.at_once")
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


@_runs("lower.ceiling")
class _KeepsTheCeiling(FlawedFirmware):
    def _lower(self, asked: Lower, own_ms: int) -> Result:
        ceilings = self._ceilings
        result = super()._lower(asked, own_ms)
        self._ceilings = ceilings
        return result


@_runs("lower.nothing_else")
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


_says(
    "status.running",
    lambda _, status: {"duty_set_pct": 99} if status.state in RUNNING else {},
)
_says(
    "status.off",
    lambda _, status: {"lease_left_ms": 10} if status.state is UnitState.READY else {},
)
_says("status.output", _louder)
_says(
    "status.times",
    lambda _, status: (
        {"delivered_ms": status.delivered_ms + 1}
        if status.state is UnitState.EMITTING and status.delivered_ms > status.step_ms
        else {}
    ),
)
_says("status.energy", lambda _, status: {"energy_mj": status.energy_mj * 3 // 10})


# --- what no request brings about -----------------------------------------------------------------------


@_runs("contact")
class _GoesOnInAir(FlawedFirmware):
    def _suspend(self, own_ms: int) -> None:
        """Go on."""


_says(
    "fault",
    lambda _, status: {"result": Result.BAD_STATE} if status.result is Result.FAULTED else {},
)


@_is("restart")
class _SameNonce(SimulatedUnit):
    def _boot(self, own_ms: int) -> None:
        super()._boot(own_ms)
        self._boots -= 1
