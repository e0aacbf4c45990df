"""Modbus units that break a promise about who they are, their frames, functions and addresses, or a stop."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from device.wire import modbus_map as wire
from device.wire.messages import Renew, Result, Set, UnitState
from device.wire.registers import Block
from device.wire.rtu import BROADCAST, REQUESTS, Rtu
from simulator.broken.modbus_registry import UNITS, is_unit, runs, says
from simulator.modbus_firmware import LeaseFirmware, OwnTimerFirmware
from simulator.modbus_unit import ModbusUnit
from simulator.output_control import RUNNING

_NOISE = 80  # more bytes at once than are noise while output is on
_FLOOD = 1000  # bytes at once, which keep it busy
_DEAF_MS, _BUSY_MS = 100, 3000
_KEPT_MS = 2

says("frames.damage", lambda _, _status: {"bad_frames": 0})
says(
    "kind.missing_reports",
    lambda _, status: {"lease_left_ms": 5} if status.state is UnitState.EMITTING else {},
)


# --- who it is, and what it declares --------------------------------------------------------------------


@runs("answers.identity")
class _ChangingIdentity(LeaseFirmware):
    _count = 0

    def identity(self, token: int, command: int) -> wire.Identity:
        self._count += 1
        return replace(super().identity(token, command), calibrated=self._count)


@runs("answers.capabilities")
class _ChangingCapabilities(LeaseFirmware):
    _count = 0

    def capabilities(self, token: int, command: int) -> wire.Capabilities:
        self._count += 1
        said = super().capabilities(token, command)
        return replace(said, head_trip_ddeg_c=said.head_trip_ddeg_c + self._count)


@runs("kind.contradictions")
class _Contradicts(LeaseFirmware):
    def capabilities(self, token: int, command: int) -> wire.Capabilities:
        return replace(super().capabilities(token, command), holds_limits=2)


@is_unit("answers.token")
class _HasNoLastToken(ModbusUnit):
    def _block(self, kind: type[Block]) -> Block:
        self._token = 0 if self._token == 0xFFFF else self._token
        return super()._block(kind)


@is_unit("answers.once")
class _SaysTwice(ModbusUnit):
    def _answers(self, data: bytes) -> bytes:
        said = super()._answers(data)
        return said * 2 if len(said) == 5 + 2 * wire.Identity.COUNT else said


# --- frames, functions and addresses --------------------------------------------------------------------


@is_unit("frames.resync")
class _DeafAfterNoise(ModbusUnit):
    _deaf_until_ms = 0

    def _answers(self, data: bytes) -> bytes:
        if self._now_ms < self._deaf_until_ms:
            return b""
        said = super()._answers(data)
        if not said and len(data) > _NOISE:
            self._deaf_until_ms = self._now_ms + _DEAF_MS
        return said


@is_unit("frames.pause")
class _ForgetsSoon(ModbusUnit):
    def _answers(self, data: bytes) -> bytes:
        if self._now_ms - self._arrived_ms > _KEPT_MS:
            self._receiver.drop()
        return super()._answers(data)


@runs("frames.noise")
class _NoiseRaises(LeaseFirmware):
    _before = 0

    def report(self, token: int, command: int, result: Result, bad_frames: int, own_ms: int) -> wire.Status:
        if bad_frames > self._before and self._step is not None:
            self._step = replace(self._step, level=self._step.level + 1)
        self._before = bad_frames
        return super().report(token, command, result, bad_frames, own_ms)


@is_unit("frames.check")
class _PassesOverChecks(ModbusUnit):
    def _order(self, written: Sequence[int]) -> wire.Order | None:
        try:
            wire.Order.read(written, self.address)
        except ValueError as problem:
            if "check" in str(problem) and written[0] == wire.Command.STATUS:
                return wire.Order(wire.Command.STATUS, written[1])
        return super()._order(written)


@is_unit("address.others")
class _AnswersForOthers(ModbusUnit):
    def _answers(self, data: bytes) -> bytes:
        own = self.address
        self.address = data[0] if data[0] != BROADCAST else own
        said = super()._answers(data)
        self.address = own
        return said


@is_unit("address.all")
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

    UNITS[promise] = Unit


_mistakes("function.others", function=None, code=1, said=2)
_mistakes("exceptions.registers", function=None, code=2, said=1)
_mistakes("exceptions.values", function=6, code=3, said=2)


@is_unit("reads.plain")
class _ReadsChangeTheToken(ModbusUnit):
    def _read(self, frame: Rtu, request: Any) -> Any:
        self._token = 0
        return super()._read(frame, request)


# --- what ends output -----------------------------------------------------------------------------------


@is_unit("stop.output")
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


@is_unit("stop.plain")
class _StopsNotByFc16(ModbusUnit):
    def _write(self, frame: Rtu, request: Any) -> Any:
        return self._exception(frame, 3) if frame.function == 16 else super()._write(frame, request)


@is_unit("stop.any_registers")
class _StopsOnlyWhole(ModbusUnit):
    def _transact(self, frame: Rtu, request: Any) -> Any:
        if self._order(request.write_registers) is None:
            return self._exception(frame, 3)
        return super()._transact(frame, request)


@is_unit("stop.all")
class _StopsNotWithAll(ModbusUnit):
    def _write(self, frame: Rtu, request: Any) -> Any:
        return None if frame.unit == BROADCAST else super()._write(frame, request)


@is_unit("stop.under_load")
class _Busy(ModbusUnit):
    _busy_until_ms = 0

    def _answers(self, data: bytes) -> bytes:
        if self._now_ms < self._busy_until_ms:
            return b""
        if len(data) > _FLOOD:
            self._busy_until_ms = self._now_ms + _BUSY_MS
        return super()._answers(data)


@runs("step.timer")
class _EndsLate(LeaseFirmware):
    def _step_out_ms(self) -> int:
        return super()._step_out_ms() + 3

    def _lease(self, asked: Set | Renew, own_ms: int) -> bool:
        granted = super()._lease(asked, own_ms)
        self.lease_until_ms += 3 * isinstance(self, OwnTimerFirmware)
        return granted


@runs("stop.any_state")
class _StaysReady(LeaseFirmware):
    def _stop(self, own_ms: int) -> None:
        ready = self.state is UnitState.READY
        super()._stop(own_ms)
        self.state = UnitState.READY if ready else self.state


@runs("step.later")
class _LaterIsLonger(LeaseFirmware):
    def _set(self, asked: Set, own_ms: int) -> Result:
        longer = replace(asked, for_ms=asked.for_ms + 30) if self.state in RUNNING else asked
        return super()._set(longer, own_ms)


@runs("timer.length")
class _RefusesTheLongest(LeaseFirmware):
    def _set(self, asked: Set, own_ms: int) -> Result:
        longest = 0 < asked.for_ms == self._plate.step_max_ms
        return Result.OVER_NAMEPLATE if longest else super()._set(asked, own_ms)
