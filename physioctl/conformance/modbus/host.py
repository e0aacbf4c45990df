"""A host that speaks Modbus, written from docs/modbus.md."""

from __future__ import annotations

from dataclasses import fields, replace
from random import Random
from typing import Any

from device.wire import modbus_map as wire
from device.wire.messages import (
    Arm,
    Capabilities,
    Clear,
    GetCapabilities,
    GetStatus,
    Identify,
    Identity,
    Lower,
    Message,
    Renew,
    Set,
    Status,
    Stop,
)
from device.wire.registers import Block
from physioctl.conformance.effects import Script, Send, Wait
from physioctl.conformance.host import ANSWER_MS, ASKS, Host
from physioctl.conformance.modbus.rtu import Answer, Reader, framed, write_and_read, write_single
from physioctl.conformance.outcomes import Part, PromiseBroken, expect

PAUSE_MS = 4  # before a request: more than the 3.5 characters that part two frames, and an adapter's delay
COMMANDS: dict[type[Message], wire.Command] = {
    Identify: wire.Command.IDENTIFY,
    GetCapabilities: wire.Command.CAPABILITIES,
    GetStatus: wire.Command.STATUS,
    Arm: wire.Command.ARM,
    Set: wire.Command.SET,
    Renew: wire.Command.RENEW,
    Stop: wire.Command.STOP,
    Clear: wire.Command.CLEAR,
    Lower: wire.Command.LOWER,
}
_CALLED = {"level_max": "level", "delivered_max_ms": "for_ms"}  # where a register has another name
_REPORTED = {
    wire.Reports.SESSION: Part.SESSION,
    wire.Reports.TIME: Part.TIMES,
    wire.Reports.ENERGY: Part.ENERGY,
    wire.Reports.UPTIME: Part.UPTIME,
}
_KINDS = {
    wire.HostLoss.LEASE: {Part.LEASE, Part.TIMER},
    wire.HostLoss.OWN_TIMER: {Part.TIMER, Part.TIMER_ALONE, Part.LEASELESS},
    wire.HostLoss.NONE: {Part.LEASELESS},
}


class ModbusHost(Host):
    """Asks the unit at ``address``, one request at a time; the answer is the block with the same token."""

    answer_within_ms = wire.ANSWER_WITHIN_MS
    line_ms = 15
    leases_ms = range(1 << 16)

    def __init__(self, rng: Random, *, address: int, wait_ms: int = 0) -> None:
        super().__init__(rng, wait_ms=wait_ms)
        self.address = address
        self.said: wire.Identity
        self.declared: wire.Capabilities
        self.block: wire.Status  # the latest
        self._reader = Reader()

    def _feed(self, data: bytes) -> None:
        self._heard += self._reader.feed(data)

    # --- frames -----------------------------------------------------------------------------------------

    def send(self, data: bytes) -> Script[None]:
        """Send bytes as they are, after a pause on the line."""
        self._take((yield Wait(PAUSE_MS)))
        self.unasked += len(self._heard)
        self._heard.clear()
        self._reader.drop()
        self._take((yield Send(data)))

    def exchange(self, pdu: bytes, within_ms: int = ANSWER_MS) -> Script[Answer | None]:
        """Send a request, and return the unit's answer to such a function; None where none comes in time."""
        yield from self.send(framed(self.address, pdu))
        found: Answer | None = yield from self.first(
            lambda answer: bool(answer.unit == self.address and answer.function == pdu[0]), within_ms
        )
        return found

    def stop_otherwise(self) -> Script[None]:
        """Write STOP by Write Single Register, which any unit takes whatever it makes of the rest."""
        yield from self.exchange(write_single(wire.Order.ADDRESS, wire.Command.STOP))

    # --- requests ---------------------------------------------------------------------------------------

    def order(self, request: Message, seq: int | None = None) -> wire.Order:
        """``request`` as a command block, under the next token where none is named."""
        values: dict[str, Any] = {
            _CALLED.get(field.name, field.name): getattr(request, field.name) for field in fields(request)
        }
        return wire.Order(COMMANDS[type(request)], self.next_seq() if seq is None else seq, **values)

    def request(self, order: wire.Order) -> bytes:
        """The transaction of a command block."""
        read = wire.READS[order.command]
        return write_and_read(order.ADDRESS, order.registers(self.address), read.ADDRESS, read.COUNT)

    def transact(self, order: wire.Order) -> Script[Block]:
        """Write a command block, and return the block that answers it: it carries its token and command."""
        yield from self.send(framed(self.address, self.request(order)))
        until_ms = self.now_ms + ANSWER_MS
        name = order.command.name
        wrong = f"{name} was not answered under its token within {ANSWER_MS} ms"
        while True:
            answer = yield from self.first(self._is_ours, until_ms - self.now_ms)
            if answer is None:
                raise PromiseBroken(wrong)
            if answer.exception:
                raise PromiseBroken(f"{name} was answered by exception {answer.exception}")
            self.unasked += 1
            try:
                block: Any = wire.READS[order.command].read(answer.registers, self.address)
            except ValueError as problem:
                wrong = f"the answer to {name} cannot be read: {problem}"
                continue
            if (block.token, block.command) == (order.token, order.command):
                self.unasked -= 1
                return block  # type: ignore[no-any-return]  # a Block, by READS

    def _is_ours(self, answer: Answer) -> bool:
        return answer.unit == self.address and answer.function == 0x17

    def ask(self, request: Message, seq: int | None = None) -> Script[Status]:
        """Ask once, and return the status that answers."""
        block = yield from self.transact(self.order(request, seq))
        assert isinstance(block, wire.Status)
        self.block = block
        common = {
            field.name: getattr(block, field.name) for field in fields(Status) if hasattr(block, field.name)
        }
        self.status = Status(asked=int(request.TYPE), force_n=0, **common)
        return self.status

    def meet(self) -> Script[None]:
        """Ask who is there and what it can do; raise `PromiseBroken` where it does not say."""
        said = yield from self.told(Identify())
        assert isinstance(said, wire.Identity)
        expect(said.map == wire.MAP, f"the register map is 0x{said.map:04x}, not 0x{wire.MAP:04x}")
        self.said = said
        self.identity = Identity(**{each.name: getattr(said, each.name) for each in fields(Identity)})
        declared = yield from self.told(GetCapabilities())
        assert isinstance(declared, wire.Capabilities)
        self.declared = declared
        self.plate = Capabilities(
            **{each.name: getattr(declared, each.name) for each in fields(Capabilities)}
        )
        self.has = frozenset(self._parts(declared))
        yield from self.look()

    def told(self, question: Message) -> Script[Block]:
        """The block that answers a question which changes nothing."""
        for _ in range(ASKS - 1):
            try:
                return (yield from self.transact(self.order(question)))
            except PromiseBroken:
                continue
        return (yield from self.transact(self.order(question)))

    @staticmethod
    def _parts(declared: wire.Capabilities) -> set[Part]:
        parts = set(_KINDS[declared.host_loss])
        parts |= {part for bit, part in _REPORTED.items() if bit in declared.reports}
        if declared.holds_limits:
            parts.add(Part.CEILINGS)
        if any(bit not in declared.reports for bit in wire.Reports):
            parts.add(Part.MISSING_REPORTS)
        return parts


def without_token(block: Any) -> Any:
    """``block``, to be compared with one that answers another request."""
    return replace(block, token=0)
