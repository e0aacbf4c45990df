"""What the bytes of a trace say: frames, messages, fields by name, and damage shown as such."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields
from enum import IntEnum, IntFlag
from typing import Any, Protocol

from device.wire import messages as native
from device.wire import modbus_map as modbus
from device.wire.frame import Damage, Decoder, Frame
from device.wire.registers import Block
from device.wire.rtu import Receiver, Rtu
from physioctl.trace.lines import (
    Broke,
    End,
    Exited,
    Header,
    Loaded,
    Lost,
    PersonAsked,
    Ran,
    Received,
    Sent,
    Stored,
    TraceLine,
)

TO_UNIT, FROM_UNIT, HERE = "to unit", "from unit", ""
DAMAGED = "damaged"
_READ_WRITE = 0x17  # Modbus: Read/Write Multiple Registers
_EXCEPTION = 0x80
_PENDING_MAX = 100  # requests without an answer; this project's own figure


@dataclass(frozen=True, slots=True)
class Said:
    """One message, or bytes that are none."""

    name: str
    number: int | None = None  # of the request that it is, or answers
    text: str = ""  # its fields, or the bytes


@dataclass(frozen=True, slots=True)
class Shown:
    """A line for a person."""

    ms: int
    direction: str
    said: Said
    after_ms: int | None = None  # from the request to this answer


class Reader(Protocol):
    """Reads one dialect, both ways."""

    def read(self, data: bytes, *, to_unit: bool) -> Iterator[Said]:
        """What ``data`` completes."""


class NativeReader:
    """Reads the native dialect."""

    def __init__(self) -> None:
        self._decoders = {True: Decoder(), False: Decoder()}

    def read(self, data: bytes, *, to_unit: bool) -> Iterator[Said]:
        """What ``data`` completes; a frame that is no message is damage too."""
        for item in self._decoders[to_unit].feed(data):
            if isinstance(item, Damage):
                yield Said(DAMAGED, text=f"{item.why}: {item.raw.hex()}")
            elif (message := native.read(item.type, item.body)) is None:
                yield Said(DAMAGED, item.seq, f"no message: {_raw(item)}")
            else:
                yield Said(type(message).__name__, item.seq, _fields(message, asked=native.Type))


class ModbusReader:
    """Reads the Modbus dialect, of the unit at one address. Other frames are shown as what they are."""

    def __init__(self, address: int) -> None:
        self._address = address
        self._receivers = {each: Receiver(frozenset({address})) for each in (True, False)}
        self._asked: modbus.Command | None = None

    def read(self, data: bytes, *, to_unit: bool) -> Iterator[Said]:
        """What ``data`` completes."""
        receiver = self._receivers[to_unit]
        if to_unit:  # what was answered before is over, whole or not
            yield from self._dropped()
        before = receiver.damaged
        frames = receiver.feed(data)
        if receiver.damaged > before:
            yield Said(DAMAGED, text=f"bytes that are no frame, in {data.hex()}")
        for frame in frames:
            yield self._said(frame, to_unit=to_unit)

    def _dropped(self) -> Iterator[Said]:
        receiver = self._receivers[False]
        if not receiver.is_empty:
            receiver.drop()
            yield Said(DAMAGED, text="the answer is cut short")

    def _said(self, frame: Rtu, *, to_unit: bool) -> Said:
        raw = f"unit {frame.unit}: {frame.pdu.hex()}"
        if frame.function & _EXCEPTION:
            return Said("exception", text=raw)
        if frame.function != _READ_WRITE or frame.unit != self._address:
            return Said(f"function {frame.function}", text=raw)
        block = self._order(frame.pdu) if to_unit else self._answer(frame.pdu)
        if block is None:
            return Said(DAMAGED, text=f"no block of the map: {raw}")
        if isinstance(block, modbus.Order):
            self._asked = modbus.Command(block.command)
            return Said(self._asked.name.capitalize(), block.token, _arguments(block))
        token: int | None = getattr(block, "token", None)
        return Said(type(block).__name__, token, _fields(block, "token", command=modbus.Command))

    def _order(self, pdu: bytes) -> modbus.Order | None:
        order: modbus.Order | None = _block(modbus.Order, pdu[10:], self._address)
        return order

    def _answer(self, pdu: bytes) -> Block | None:
        kinds = [modbus.READS[self._asked]] if self._asked is not None else list(set(modbus.READS.values()))
        found = (_block(kind, pdu[2:], self._address) for kind in kinds)
        return next((block for block in found if block is not None), None)


class RawReader:
    """Shows the bytes of a dialect that nothing is known of here."""

    def read(self, data: bytes, *, to_unit: bool) -> Iterator[Said]:
        """The bytes; their direction makes no difference."""
        del to_unit
        yield Said("bytes", text=data.hex())


def reader_for(header: Header) -> Reader:
    """What reads the dialect of a trace."""
    if header.dialect == "native":
        return NativeReader()
    if header.dialect == "modbus":
        return ModbusReader(header.address or modbus.ADDRESS_DEFAULT)
    return RawReader()


class Decoding:
    """Turns the lines of a trace into those for a person, one after the other."""

    def __init__(self, header: Header) -> None:
        self._reader = reader_for(header)
        self._asked: dict[int, int] = {}  # number of a request, and when it left

    def show(self, line: TraceLine) -> Iterator[Shown]:
        """What ``line`` says to a person: nothing, where only a replay needs it."""
        match line:
            case Sent():
                for said in self._reader.read(bytes.fromhex(line.bytes), to_unit=True):
                    self._ask(said, line.ms)
                    yield Shown(line.ms, TO_UNIT, said)
            case Received():
                for said in self._reader.read(bytes.fromhex(line.bytes), to_unit=False):
                    yield Shown(line.ms, FROM_UNIT, said, self._after(said, line.ms))
            case (
                PersonAsked() | Ran() | Loaded() | Lost() | Stored(took_ms=None) | Broke() | Exited() | End()
            ):
                yield Shown(line.ms, HERE, _event(line))

    def _ask(self, said: Said, ms: int) -> None:
        if said.number is not None:
            self._asked.pop(said.number, None)
            self._asked[said.number] = ms
        while len(self._asked) > _PENDING_MAX:
            del self._asked[next(iter(self._asked))]

    def _after(self, said: Said, ms: int) -> int | None:
        if said.number is None or said.name == DAMAGED:
            return None
        asked_ms = self._asked.pop(said.number, None)
        return None if asked_ms is None else ms - asked_ms


def in_words(header: Header, data: bytes) -> str:
    """What one sending says, for a message: the first frame in it, or its bytes."""
    said = next(reader_for(header).read(data, to_unit=True), None)
    if said is None:
        return data.hex()
    number = "" if said.number is None else f" {said.number}"
    return f"{said.name}{number} {said.text}".rstrip()


def _event(line: TraceLine) -> Said:
    match line:
        case PersonAsked():
            to = "" if line.to_level is None else f"to {line.to_level}"
            return Said(f"person: {line.action}", text=to)
        case Ran():
            return Said(f"begins: {line.script.replace('_', ' ')}")
        case Loaded():
            return Said("session", line.number, f"protocol {line.content_hash[:12]}")
        case Lost():
            return Said("the port is gone")
        case Broke():
            return Said("an error in the program")
        case Exited():
            return Said("the program ends")
        case End():
            return Said("end", text=line.why)
    return Said("the journal cannot be written")


def _arguments(order: modbus.Order) -> str:
    """What ``order`` gives its command; empty for one that is given nothing."""
    given = (getattr(order, each.name) for each in fields(order) if each.name not in ("command", "token"))
    return _fields(order, "command", "token") if any(given) else ""


def _fields(message: Any, *without: str, **named: type[IntEnum]) -> str:
    """The fields of ``message``; the numbers of those in ``named`` are shown by name."""
    shown = []
    for name in (each.name for each in fields(message) if each.name not in without):
        value = getattr(message, name)
        kind = named.get(name)
        shown.append(f"{name}={_value(kind(value) if kind and value in list(kind) else value)}")
    return " ".join(shown)


def _value(value: object) -> str:
    if isinstance(value, IntFlag):
        names = [flag.name or "" for flag in type(value) if flag in value]
        rest = int(value) & ~sum(type(value))
        return "|".join([*names, *([f"0x{rest:x}"] if rest else [])]) or "0"
    if isinstance(value, IntEnum):
        return value.name
    if isinstance(value, tuple):
        return ",".join(map(str, value))
    return str(value) if value != "" else "-"


def _raw(frame: Frame) -> str:
    return f"type 0x{frame.type:02x} body {frame.body.hex() or '-'}"


def _block(kind: type[Any], raw: bytes, address: int) -> Any:
    """The block of ``kind`` in ``raw``; None where it is none."""
    registers = [int.from_bytes(raw[at : at + 2], "big") for at in range(0, len(raw), 2)]
    try:
        return kind.read(registers, address)
    except ValueError:
        return None
