"""Units that speak Modbus and break one promise each of docs/modbus.md, in any kind that makes the promise.

What a command means is the same program in both dialects, and so is what breaks it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from device.wire import modbus_map as wire
from device.wire.messages import Arm, Lower, Renew, Result, Set, UnitState
from device.wire.registers import Block
from device.wire.rtu import BROADCAST, REQUESTS, Rtu
from simulator.broken import answers, output
from simulator.broken.registry import CHANGED, PROGRAMS
from simulator.flaws import FlawedFirmware
from simulator.modbus_firmware import LeaseFirmware, OwnTimerFirmware
from simulator.modbus_unit import KINDS, ModbusUnit
from simulator.output_control import RUNNING
from simulator.unit import SimulatedUnit

_NOISE = 80  # more bytes at once than are noise while output is on
_FLOOD = 1000  # bytes at once, which keep it busy
_DEAF_MS, _BUSY_MS = 100, 3000
_KEPT_MS = 2

# Whose native program breaks the promise here as well.
SHARED = (
    "lease.lapse",
    "stop.any_state",
    "stop.disarms",
    "stop.counts_stay",
    "refused.bad_nonce",
    "refused.bad_state",
    "refused.bad_session",
    "refused.order",
    "refused.changes_nothing",
    "refused.dated",
    "refused.replaced",
    "refused.lease_over",
    "refused.bad_value",
    "refused.bad_lease",
    "refused.over_nameplate",
    "refused.over_ceiling",
    "once.set",
    "once.others",
    "once.after_stop",
    "once.same_number",
    "once.counts_nothing",
    "once.new_session",
    "once.newer",
    "lower.not_compared",
    "lower.ceiling",
    "lower.nothing_else",
    "lease.dated",
    "lease.renewed",
    "lease.not_shortened",
    "lease.set_replaces",
    "ceiling.time",
    "ceiling.energy",
    "step.ramp",
    "contact",
)
SAYS = ("status.running", "status.off", "status.output", "status.times", "status.energy", "fault")

_PROGRAMS: dict[str, type[FlawedFirmware]] = {promise: PROGRAMS[promise] for promise in SHARED}
_UNITS: dict[str, type[SimulatedUnit]] = {
    "host.leases": answers.ShortLeases,
    "restart": output.SameNonce,
}


def names() -> frozenset[str]:
    """Every promise that a Modbus unit of some kind can be made to break."""
    return frozenset((*_PROGRAMS, *_UNITS))


def broken(promise: str, host_loss: str = "lease") -> type[ModbusUnit]:
    """A unit of a kind of `KINDS` that breaks ``promise``, one of `names`."""
    sound, name = KINDS[host_loss], f"Breaks {promise}"
    if promise in _UNITS:
        return type(name, (_UNITS[promise], sound), {})
    program = type(name, (_PROGRAMS[promise], sound.firmware), {})
    return type(name, (sound,), {"firmware": program})


def _runs(promise: str) -> Callable[[type[LeaseFirmware]], type[LeaseFirmware]]:
    def add(program: type[LeaseFirmware]) -> type[LeaseFirmware]:
        _PROGRAMS[promise] = program
        return program

    return add


def _is_unit(promise: str) -> Callable[[type[ModbusUnit]], type[ModbusUnit]]:
    def add(unit: type[ModbusUnit]) -> type[ModbusUnit]:
        _UNITS[promise] = unit
        return unit

    return add


def _says(promise: str, changed: Callable[[Any, Any], Any]) -> None:
    class Program(LeaseFirmware):
        def report(self, *args: Any) -> wire.Status:
            said = super().report(*args)
            return replace(said, **changed(self, said))

    _PROGRAMS[promise] = Program


for _promise in SAYS:
    _says(_promise, CHANGED[_promise])
_says("frames.damage", lambda _, _status: {"bad_frames": 0})
_says(
    "kind.missing_reports",
    lambda _, status: {"lease_left_ms": 5} if status.state is UnitState.EMITTING else {},
)


# --- who it is, and what it declares --------------------------------------------------------------------


@_runs("answers.identity")
class _ChangingIdentity(LeaseFirmware):
    _count = 0

    def identity(self, token: int, command: int) -> wire.Identity:
        self._count += 1
        return replace(super().identity(token, command), calibrated=self._count)


@_runs("answers.capabilities")
class _ChangingCapabilities(LeaseFirmware):
    _count = 0

    def capabilities(self, token: int, command: int) -> wire.Capabilities:
        self._count += 1
        said = super().capabilities(token, command)
        return replace(said, head_trip_ddeg_c=said.head_trip_ddeg_c + self._count)


@_runs("kind.contradictions")
class _Contradicts(LeaseFirmware):
    def capabilities(self, token: int, command: int) -> wire.Capabilities:
        return replace(super().capabilities(token, command), holds_limits=2)


@_is_unit("answers.token")
class _HasNoLastToken(ModbusUnit):
    def _block(self, kind: type[Block]) -> Block:
        self._token = 0 if self._token == 0xFFFF else self._token
        return super()._block(kind)


@_is_unit("answers.once")
class _SaysTwice(ModbusUnit):
    def _answers(self, data: bytes) -> bytes:
        said = super()._answers(data)
        return said * 2 if len(said) == 5 + 2 * wire.Identity.COUNT else said


# --- frames, functions and addresses --------------------------------------------------------------------


@_is_unit("frames.resync")
class _DeafAfterNoise(ModbusUnit):
    _deaf_until_ms = 0

    def _answers(self, data: bytes) -> bytes:
        if self._now_ms < self._deaf_until_ms:
            return b""
        said = super()._answers(data)
        if not said and len(data) > _NOISE:
            self._deaf_until_ms = self._now_ms + _DEAF_MS
        return said


@_is_unit("frames.pause")
class _ForgetsSoon(ModbusUnit):
    def _answers(self, data: bytes) -> bytes:
        if self._now_ms - self._arrived_ms > _KEPT_MS:
            self._receiver.drop()
        return super()._answers(data)


@_is_unit("frames.noise")
class _NoiseProlongs(ModbusUnit):
    def _answers(self, data: bytes) -> bytes:
        before = self._receiver.damaged
        said = super()._answers(data)
        self._firmware.lease_until_ms += 50 * (self._receiver.damaged > before)
        return said


@_is_unit("frames.check")
class _PassesOverChecks(ModbusUnit):
    def _order(self, written: Sequence[int]) -> wire.Order | None:
        try:
            wire.Order.read(written, self.address)
        except ValueError as problem:
            if "check" in str(problem) and written[0] == wire.Command.STATUS:
                return wire.Order(wire.Command.STATUS, written[1])
        return super()._order(written)


@_is_unit("address.others")
class _AnswersForOthers(ModbusUnit):
    def _answers(self, data: bytes) -> bytes:
        own = self.address
        self.address = data[0] if data[0] != BROADCAST else own
        said = super()._answers(data)
        self.address = own
        return said


@_is_unit("address.all")
class _TakesTransactionsOfAll(ModbusUnit):
    def _answer(self, frame: Rtu) -> Any:
        if frame.unit == BROADCAST and frame.function == 23:
            request: Any = REQUESTS.decode(frame.pdu)
            self._transact(frame, request)
            return None
        return super()._answer(frame)


def _mistakes(promise: str, *, function: int | None, code: int, said: int) -> None:
    class Unit(ModbusUnit):
        def _exception(self, frame: Rtu, asked: int) -> Any:
            other = asked == code and function in (None, frame.function)
            return super()._exception(frame, said if other else asked)

    _UNITS[promise] = Unit


_mistakes("function.others", function=None, code=1, said=2)
_mistakes("exceptions.registers", function=None, code=2, said=1)
_mistakes("exceptions.values", function=6, code=3, said=2)


@_is_unit("reads.plain")
class _ReadsChangeTheToken(ModbusUnit):
    def _read(self, frame: Rtu, request: Any) -> Any:
        self._token = 0
        return super()._read(frame, request)


# --- what ends output -----------------------------------------------------------------------------------


@_is_unit("stop.output")
class _AnswersBeforeItStops(ModbusUnit):
    _before: Block | None = None

    def _stop(self) -> None:
        running = self._firmware.state in RUNNING
        self._before = self._block(wire.Status) if running else None
        super()._stop()

    def _block(self, kind: type[Block]) -> Block:
        before, self._before = self._before, None
        said = super()._block(kind)
        if isinstance(before, wire.Status) and isinstance(said, wire.Status) and self._is_stopped():
            return replace(before, token=said.token, command=said.command, result=said.result)
        return said

    def _is_stopped(self) -> bool:
        return self._command == wire.Command.STOP


@_is_unit("stop.plain")
class _StopsNotByFc16(ModbusUnit):
    def _write(self, frame: Rtu, request: Any) -> Any:
        return self._exception(frame, 3) if frame.function == 16 else super()._write(frame, request)


@_is_unit("stop.any_registers")
class _StopsOnlyWhole(ModbusUnit):
    def _transact(self, frame: Rtu, request: Any) -> Any:
        if self._order(request.write_registers) is None:
            return self._exception(frame, 3)
        return super()._transact(frame, request)


@_is_unit("stop.all")
class _StopsNotWithAll(ModbusUnit):
    def _write(self, frame: Rtu, request: Any) -> Any:
        return None if frame.unit == BROADCAST else super()._write(frame, request)


@_is_unit("stop.under_load")
class _Busy(ModbusUnit):
    _busy_until_ms = 0

    def _answers(self, data: bytes) -> bytes:
        if self._now_ms < self._busy_until_ms:
            return b""
        if len(data) > _FLOOD:
            self._busy_until_ms = self._now_ms + _BUSY_MS
        return super()._answers(data)


@_runs("step.timer")
class _EndsLate(LeaseFirmware):
    def _step_out_ms(self) -> int:
        return super()._step_out_ms() + 3

    def _lease(self, asked: Set | Renew, own_ms: int) -> bool:
        granted = super()._lease(asked, own_ms)
        self.lease_until_ms += 3 * isinstance(self, OwnTimerFirmware)
        return granted


@_runs("step.later")
class _LaterIsLonger(LeaseFirmware):
    def _set(self, asked: Set, own_ms: int) -> Result:
        longer = replace(asked, for_ms=asked.for_ms + 30) if self.state in RUNNING else asked
        return super()._set(longer, own_ms)


@_runs("timer.length")
class _RefusesTheLongest(LeaseFirmware):
    def _set(self, asked: Set, own_ms: int) -> Result:
        longest = asked.for_ms == self._plate.step_max_ms
        return Result.OVER_NAMEPLATE if longest else super()._set(asked, own_ms)


# --- what has to be refused -----------------------------------------------------------------------------


@_runs("timer.dated")
class _StartsLate(LeaseFirmware):
    def _lease(self, asked: Set | Renew, own_ms: int) -> bool:
        if 500 <= self._age_ms(asked.unit_uptime_ms, own_ms) < 600:
            asked = replace(asked, unit_uptime_ms=self._uptime_ms(own_ms))
        return super()._lease(asked, own_ms)


@_runs("refused.set_before_stop")
class _SetsForgetStops(LeaseFirmware):
    def _lease(self, asked: Set | Renew, own_ms: int) -> bool:
        stopped_ms, self._stopped_ms = self._stopped_ms, None
        granted = super()._lease(asked, own_ms)
        self._stopped_ms = stopped_ms
        return granted


@_runs("refused.before_stop")
class _ArmsForgetStops(LeaseFirmware):
    def _arm(self, asked: Arm, own_ms: int, new: bool) -> Result:
        stopped_ms, self._stopped_ms = self._stopped_ms, None
        result = super()._arm(asked, own_ms, new)
        self._stopped_ms = stopped_ms
        return result


@_runs("renew.refused")
class _RefusesRenewsByState(LeaseFirmware):
    def _run(self, asked: Set | Renew, own_ms: int, new: bool) -> Result:
        return Result.BAD_STATE if isinstance(asked, Renew) else super()._run(asked, own_ms, new)


@_runs("lower.at_once")
class _SaysLoweredLater(LeaseFirmware):
    _before = 0

    def _lower(self, asked: Lower, own_ms: int) -> Result:
        self._before = self._step.level if self._step else 0
        return super()._lower(asked, own_ms)

    def report(self, token: int, command: int, result: Result, bad_frames: int, own_ms: int) -> wire.Status:
        said = super().report(token, command, result, bad_frames, own_ms)
        lowered = command == wire.Command.LOWER and result is Result.OK
        return replace(said, level_set=self._before) if lowered else said
