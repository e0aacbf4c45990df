"""Units that break a promise about frames, answers, or what ends output."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from device.wire.frame import Damage, Decoder, Frame, Received
from device.wire.messages import (
    Capabilities,
    Identity,
    Renew,
    Result,
    Set,
    Status,
    Type,
    UnitState,
)
from simulator.broken.registry import Says, is_unit, runs, says
from simulator.flaws import FlawedFirmware
from simulator.nameplate import Nameplate
from simulator.unit import SimulatedUnit

_PIECES_MS = 20  # after which a unit has forgotten the beginning of a frame
_FLOOD = 40  # frames at once, which keep it busy
_BUSY_MS = 3000


class _Changing(Says):
    _count = 0

    def _changed(self, said: Identity | Capabilities | Status) -> dict[str, Any]:
        self._count += 1
        if isinstance(said, Identity) and self.kind is Identity:
            return {"calibrated": said.calibrated + self._count}
        if isinstance(said, Capabilities) and self.kind is Capabilities:
            return {"head_trip_ddeg_c": said.head_trip_ddeg_c + self._count}
        return {}

    kind: type[Identity | Capabilities] = Identity


runs("answers.identity")(_Changing)


@runs("answers.capabilities")
class _ChangingCapabilities(_Changing):
    kind = Capabilities


@is_unit("host.leases")
class ShortLeases(SimulatedUnit):
    """Its longest lease is shorter than this host asks for."""

    def _nameplate(self, model: str) -> Nameplate:
        return replace(super()._nameplate(model), lease_max_ms=290)


@runs("frames.vectors")
class _NoLastNumber(FlawedFirmware):
    def hear(self, received: Received, own_ms: int) -> Frame | None:
        last = isinstance(received, Frame) and received.seq == 0xFFFF
        return None if last else super().hear(received, own_ms)


@runs("frames.damage")
class _CountsTwice(FlawedFirmware):
    def hear(self, received: Received, own_ms: int) -> Frame | None:
        self._bad_frames += isinstance(received, Damage)
        return super().hear(received, own_ms)


@is_unit("frames.resync")
class _Forgets(SimulatedUnit):
    _last_ms = 0

    def _answers(self, data: bytes) -> bytes:
        if self._now_ms - self._last_ms > _PIECES_MS:
            self._decoder = Decoder()
        self._last_ms = self._now_ms
        return super()._answers(data)


@runs("frames.direction")
class _AnswersUnits(FlawedFirmware):
    def hear(self, received: Received, own_ms: int) -> Frame | None:
        if isinstance(received, Frame) and received.type >= 0x80:
            return self._status(received, Result.UNKNOWN_TYPE, own_ms)
        return super().hear(received, own_ms)


@is_unit("answers.once")
class _SaysTwice(SimulatedUnit):
    def _answers(self, data: bytes) -> bytes:
        said = super()._answers(data)
        frames = (item for item in Decoder().feed(said) if isinstance(item, Frame))
        return said * 2 if {frame.type for frame in frames} == {Type.IDENTITY} else said


says("answers.asked", lambda _, _status: {"asked": Type.GET_STATUS})


# --- what ends output -----------------------------------------------------------------------------------


@runs("stop.output")
class _AnswersBeforeItStops(FlawedFirmware):
    def hear(self, received: Received, own_ms: int) -> Frame | None:
        if isinstance(received, Frame) and received.type == Type.STOP:
            before = self._status(received, Result.OK, own_ms)
            super().hear(received, own_ms)
            return before
        return super().hear(received, own_ms)


@runs("lease.lapse")
class _LapsesLate(FlawedFirmware):
    def _lease(self, asked: Set | Renew, own_ms: int) -> bool:
        granted = super()._lease(asked, own_ms)
        self.lease_until_ms += 40
        return granted


@runs("step.timer")
class _EndsLate(FlawedFirmware):
    def _step_out_ms(self) -> int:
        return super()._step_out_ms() + 3


@runs("stop.any_state")
class _StaysLapsed(FlawedFirmware):
    def _stop(self, own_ms: int) -> None:
        lapsed = self.state is UnitState.LAPSED
        super()._stop(own_ms)
        self.state = UnitState.LAPSED if lapsed else self.state


@runs("stop.any_body")
class _StopsWithoutBody(FlawedFirmware):
    def hear(self, received: Received, own_ms: int) -> Frame | None:
        if isinstance(received, Frame) and received.type == Type.STOP and received.body:
            return self._status(received, Result.BAD_LENGTH, own_ms)
        return super().hear(received, own_ms)


@runs("stop.disarms")
class _StaysArmed(FlawedFirmware):
    def _run(self, asked: Set | Renew, own_ms: int, new: bool) -> Result:
        if self.state is UnitState.IDLE and isinstance(asked, Set) and asked.session == self.session:
            self.state = UnitState.READY
        return super()._run(asked, own_ms, new)


@runs("stop.counts_stay")
class _ForgetsCounts(FlawedFirmware):
    def _stop(self, own_ms: int) -> None:
        super()._stop(own_ms)
        self.delivered_ms = 0


@is_unit("stop.under_load")
class _Busy(SimulatedUnit):
    _busy_until_ms = 0

    def _answers(self, data: bytes) -> bytes:
        if self._now_ms < self._busy_until_ms:
            return b""
        if data.count(b"\0") > 2 * _FLOOD:
            self._busy_until_ms = self._now_ms + _BUSY_MS
        return super()._answers(data)
