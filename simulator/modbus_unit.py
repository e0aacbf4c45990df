"""A simulated unit that speaks Modbus RTU, made of pymodbus's PDUs over the same firmware and physics.

No asyncio and no clock: bytes in, bytes out, time as an argument, as `simulator.unit` has it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from pymodbus.pdu import ExceptionResponse, ModbusPDU
from pymodbus.pdu.register_message import (
    ReadHoldingRegistersRequest,
    ReadHoldingRegistersResponse,
    ReadWriteMultipleRegistersRequest,
    ReadWriteMultipleRegistersResponse,
    WriteMultipleRegistersRequest,
    WriteMultipleRegistersResponse,
    WriteSingleRegisterRequest,
    WriteSingleRegisterResponse,
)

from device.wire import modbus_map as wire
from device.wire.messages import Result
from device.wire.registers import Block
from device.wire.rtu import BROADCAST, REQUESTS, Receiver, Rtu, encode
from simulator.faults import Fault
from simulator.modbus_firmware import LeaseFirmware, OwnTimerFirmware, UntimedFirmware
from simulator.nameplate import Nameplate
from simulator.record import OutputChange
from simulator.unit import SimulatedUnit

_GAP_MS = 20
_BITS_PER_BYTE = 11  # 8E1
_ADDRESS_MAX = 247
_NO_FUNCTION, _NO_ADDRESS, _NO_VALUE = 1, 2, 3
_READABLE: tuple[type[Block], ...] = (wire.Status, wire.Identity, wire.Capabilities)
_FUNCTIONS = (3, 6, 16, 23)


class ModbusUnit(SimulatedUnit):
    """A unit with a watchdog, at one ``address`` of its line."""

    bits_per_byte = _BITS_PER_BYTE
    half_duplex = True  # RS-485 on one pair of wires
    firmware: type[LeaseFirmware] = LeaseFirmware
    _firmware: LeaseFirmware

    def __init__(
        self,
        model: str,
        *,
        seed: int = 0,
        faults: Sequence[Fault] = (),
        on_change: Callable[[OutputChange], None] | None = None,
        boots: int = 0,
        calibrated: int | None = None,
        serial: str | None = None,
        address: int = 1,
    ) -> None:
        if not 1 <= address <= _ADDRESS_MAX:
            raise ValueError(f"a unit's address is 1 to {_ADDRESS_MAX}, not {address}")
        self.address = address
        super().__init__(
            model,
            seed=seed,
            faults=faults,
            on_change=on_change,
            boots=boots,
            calibrated=calibrated,
            serial=serial,
        )

    def sound(self, model: str, *, seed: int, boots: int, serial: str) -> SimulatedUnit:
        """Another unit of ``model`` that could be on the same cable, without a fault."""
        kind = next(kind for kind in KINDS.values() if issubclass(self.firmware, kind.firmware))
        return kind(model, seed=seed, boots=boots, serial=serial, address=self.address)

    def _nameplate(self, model: str) -> Nameplate:
        return self.firmware.limited(super()._nameplate(model))

    def _boot(self, own_ms: int) -> None:
        self._receiver = Receiver(frozenset({self.address, BROADCAST}))
        self._refused = 0  # requests that were whole, and malformed
        self._arrived_ms = 0
        self._token, self._command, self._result = 0, 0, Result.OK
        super()._boot(own_ms)

    # Frames

    def _answers(self, data: bytes) -> bytes:
        if self._now_ms - self._arrived_ms >= _GAP_MS:
            self._receiver.drop()
        self._arrived_ms = self._now_ms
        said = b""
        for frame in self._receiver.feed(data):
            if frame.is_request and frame.unit in (self.address, BROADCAST):
                self._settle(self._now_ms)
                answer = self._answer(frame)
                self._begin()
                if answer is not None and frame.unit != BROADCAST:
                    said += encode(answer, self.address)
        return said

    def _answer(self, frame: Rtu) -> ModbusPDU | None:
        if frame.function not in _FUNCTIONS:
            return self._exception(frame, _NO_FUNCTION)
        request = REQUESTS.decode(frame.pdu)
        if request is None:
            return self._exception(frame, _NO_VALUE)
        if isinstance(request, ReadWriteMultipleRegistersRequest) and frame.unit != BROADCAST:
            return self._transact(frame, request)
        if isinstance(request, ReadHoldingRegistersRequest) and frame.unit != BROADCAST:
            return self._read(frame, request)
        if isinstance(request, WriteMultipleRegistersRequest | WriteSingleRegisterRequest):
            return self._write(frame, request)
        return None

    def _exception(self, frame: Rtu, code: int) -> ModbusPDU:
        self._refused += 1
        return ExceptionResponse(frame.function, code)

    # Requests

    def _write(self, frame: Rtu, request: ModbusPDU) -> ModbusPDU:
        """Take a stop, and nothing else."""
        if request.address != wire.Order.ADDRESS:
            return self._exception(frame, _NO_ADDRESS)
        if not _is_stop(request.registers):
            return self._exception(frame, _NO_VALUE)
        self._stop()
        if isinstance(request, WriteSingleRegisterRequest):
            return WriteSingleRegisterResponse(address=request.address, registers=request.registers)
        return WriteMultipleRegistersResponse(address=request.address, count=request.count)

    def _stop(self) -> None:
        self._firmware.stop(self._mark_own_ms)
        self._command, self._result = wire.Command.STOP, Result.OK

    def _read(self, frame: Rtu, request: ReadHoldingRegistersRequest) -> ModbusPDU:
        """Read within one block. It changes nothing."""
        for kind in _READABLE:
            begin = request.address - kind.ADDRESS
            if begin >= 0 and begin + request.count <= kind.COUNT:
                found = self._block(kind).registers(self.address)
                return ReadHoldingRegistersResponse(registers=found[begin : begin + request.count])
        return self._exception(frame, _NO_ADDRESS)

    def _transact(self, frame: Rtu, request: ReadWriteMultipleRegistersRequest) -> ModbusPDU:
        """Carry out a command, and give the block that belongs to it."""
        written = list(request.write_registers)
        if request.write_address != wire.Order.ADDRESS:
            return self._exception(frame, _NO_ADDRESS)
        if _is_stop(written):
            self._stop()
            self._token = written[1] if len(written) > 1 else self._token
            command = wire.Command.STOP
        else:
            order = self._order(written)
            if order is None:
                return self._exception(frame, _NO_VALUE)
            command = order.command
        read = wire.READS[command]
        if (request.read_address, request.read_count) != (read.ADDRESS, read.COUNT):
            return self._exception(frame, _NO_ADDRESS)
        if command is not wire.Command.STOP:
            assert order is not None
            self._result = self._firmware.take(order, self._mark_own_ms)
            self._token, self._command = order.token, command
        return ReadWriteMultipleRegistersResponse(registers=self._block(read).registers(self.address))

    def _order(self, written: Sequence[int]) -> wire.Order | None:
        """The command that was written; None when it is malformed."""
        try:
            order = wire.Order.read(written, self.address)
        except ValueError:
            return None
        known = {"command", "token"} | wire.USES[order.command]
        return None if any(getattr(order, name) for name in order.__slots__ if name not in known) else order

    def _block(self, kind: type[Block]) -> Block:
        token, command = self._token, self._command
        if kind is wire.Identity:
            return self._firmware.identity(token, command)
        if kind is wire.Capabilities:
            return self._firmware.capabilities(token, command)
        bad_frames = self._receiver.damaged + self._refused
        return self._firmware.report(token, command, self._result, bad_frames, self._mark_own_ms)


class OwnTimerUnit(ModbusUnit):
    """A unit whose output ends by the timer of its SET."""

    firmware = OwnTimerFirmware


class UntimedUnit(ModbusUnit):
    """A unit whose output goes on until it is told to stop."""

    firmware = UntimedFirmware


KINDS: dict[str, type[ModbusUnit]] = {"timer": OwnTimerUnit, "none": UntimedUnit, "lease": ModbusUnit}


def _is_stop(registers: Sequence[int]) -> bool:
    return bool(registers) and registers[0] == wire.Command.STOP
