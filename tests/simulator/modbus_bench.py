"""A host's hands on a simulated Modbus unit: no cable, no controller, time as one likes."""

from __future__ import annotations

from typing import Any

from pymodbus.pdu import ModbusPDU
from pymodbus.pdu.register_message import (
    ReadWriteMultipleRegistersRequest,
    ReadWriteMultipleRegistersResponse,
)

from device.wire import modbus_map as wire
from device.wire.messages import Result
from device.wire.registers import Block
from device.wire.rtu import ANSWERS, Receiver, encode
from simulator.faults import parse
from simulator.modbus_unit import ModbusUnit

US: dict[str, int] = {"level": 440, "duty_pct": 50, "carrier_khz": 1000, "pulse_hz": 100}


class ModbusBench:
    """Asks one thing at a time, under the next token, at the bench's own ``now_ms``."""

    def __init__(
        self, kind: type[ModbusUnit] = ModbusUnit, *, faults: tuple[str, ...] = (), address: int = 1
    ) -> None:
        self.unit = kind("us111", faults=tuple(map(parse, faults)), address=address)
        self.now_ms = 0
        self.token = 0
        identity = self.ask(wire.Command.IDENTIFY)
        assert isinstance(identity, wire.Identity)
        self.nonce = identity.nonce

    def send(self, pdu: ModbusPDU, unit: int | None = None) -> ModbusPDU | None:
        """Send one request, and return the answer."""
        return self.send_raw(encode(pdu, self.unit.address if unit is None else unit))

    def send_raw(self, data: bytes) -> ModbusPDU | None:
        """Send bytes, and return the answer to them, if there is one."""
        said = Receiver(frozenset({self.unit.address})).feed(self.unit.hear(data, self.now_ms))
        if not said:
            return None
        (frame,) = said
        assert frame.unit == self.unit.address
        answer = ANSWERS.decode(frame.pdu)
        assert answer is not None
        return answer

    def request(self, order: wire.Order, **changed: Any) -> ReadWriteMultipleRegistersRequest:
        """The transaction of a command, but for what is ``changed`` in it."""
        read = wire.READS.get(order.command, wire.Status)
        usual: dict[str, Any] = {
            "read_address": read.ADDRESS,
            "read_count": read.COUNT,
            "write_address": order.ADDRESS,
            "write_registers": order.registers(self.unit.address),
        }
        return ReadWriteMultipleRegistersRequest(**(usual | changed))

    def order(self, command: wire.Command, **fields: int) -> wire.Order:
        """A command under the next token."""
        self.token = (self.token + 1) & 0xFFFF
        return wire.Order(command, self.token, **fields)

    def ask(self, command: wire.Command, **fields: int) -> Block:
        """Carry one command out, and return the block that came back."""
        order = self.order(command, **fields)
        answer = self.send(self.request(order))
        assert isinstance(answer, ReadWriteMultipleRegistersResponse), answer
        block = wire.READS[command].read(answer.registers, self.unit.address)
        assert (block.token, block.command) == (order.token, command)  # type: ignore[attr-defined]
        return block

    def status(self, command: wire.Command = wire.Command.STATUS, **fields: int) -> wire.Status:
        """A command that is answered by a status."""
        status = self.ask(command, **fields)
        assert isinstance(status, wire.Status)
        return status

    def arm(self, **changed: int) -> wire.Status:
        fields = {
            "level": 1060,
            "for_ms": 600_000,
            "unit_uptime_ms": self.unit.own_ms,
            "energy_max_mj": 10_000_000,
        }
        return self._done(wire.Command.ARM, fields | changed)

    def a_set(self, **changed: int) -> dict[str, int]:
        """The fields of a SET that this kind of unit takes."""
        kind = self.unit.firmware.host_loss
        timed = kind is not wire.HostLoss.NONE
        leased = kind is wire.HostLoss.LEASE
        times = {
            "for_ms": 10_000 if timed else 0,
            "unit_uptime_ms": self.unit.own_ms if timed else 0,
            "lease_ms": 500 if leased else 0,
        }
        return {"nonce": self.nonce, "session": 7} | US | times | changed

    def set(self, **changed: int) -> wire.Status:
        return self._done(wire.Command.SET, self.a_set(**changed))

    def start(self, **changed: int) -> wire.Status:
        self.arm()
        return self.set(**changed)

    def wait(self, ms: int) -> None:
        """Let time pass in which nothing is said."""
        self.now_ms += ms
        self.unit.move_to(self.now_ms)

    def _done(self, command: wire.Command, fields: dict[str, int]) -> wire.Status:
        status = self.status(command, **({"nonce": self.nonce, "session": 7} | fields))
        assert status.result is Result.OK, status
        return status
