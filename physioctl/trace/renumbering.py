"""The number of a session in the bytes of a trace, and the same bytes with another number.

Every session of physioctl has a number of its own, which stands in most of what it sends, and in the answers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any, Protocol

from device.wire import frame, rtu
from device.wire import messages as native
from device.wire import modbus_map as modbus
from physioctl.trace.lines import Header

_READ_WRITE = 0x17  # Modbus: Read/Write Multiple Registers
_ORDER_AT, _ANSWER_AT = 10, 2  # where the registers begin in what is written, and in what is read


@dataclass(frozen=True, slots=True)
class Part:
    """A part of what was sent: its bytes, the message in it, and what encodes such a message."""

    raw: bytes
    message: Any = None
    encode: Callable[[Any], bytes] | None = None


class Divider(Protocol):
    """Divides what goes one way in one dialect; bytes without an end wait for what follows them."""

    def parts(self, data: bytes) -> Iterator[Part]:
        """What ``data`` completes."""


class NativeDivider:
    """For the native dialect."""

    def __init__(self) -> None:
        self._decoder = frame.Decoder()

    def parts(self, data: bytes) -> Iterator[Part]:
        """What ``data`` completes."""
        for item in self._decoder.feed(data):
            if isinstance(item, frame.Damage):
                yield Part(b"\0" + item.raw + b"\0")
            else:
                yield self._part(item)

    def _part(self, whole: frame.Frame) -> Part:
        def encode(message: native.Message) -> bytes:
            return frame.encode(replace(whole, body=message.pack()))

        return Part(frame.encode(whole), native.read(whole.type, whole.body), encode)


class ModbusDivider:
    """For the Modbus dialect, of the unit at one address."""

    def __init__(self, address: int, *, to_unit: bool) -> None:
        self._receiver = rtu.Receiver(frozenset({address}))
        self._address = address
        self._block: Any = modbus.Order if to_unit else modbus.Status
        self._at = _ORDER_AT if to_unit else _ANSWER_AT

    def parts(self, data: bytes) -> Iterator[Part]:
        """What ``data`` completes; what is no frame is left out."""
        for whole in self._receiver.feed(data):
            yield self._part(whole)

    def _part(self, whole: rtu.Rtu) -> Part:
        raw = rtu.framed(whole.pdu, whole.unit)
        if whole.function != _READ_WRITE or whole.unit != self._address:
            return Part(raw)
        head, body = whole.pdu[: self._at], whole.pdu[self._at :]
        registers = [int.from_bytes(body[at : at + 2], "big") for at in range(0, len(body), 2)]
        try:
            message = self._block.read(registers, self._address)
        except ValueError:  # another block, or none
            return Part(raw)

        def encode(block: Any) -> bytes:
            words = (each.to_bytes(2, "big") for each in block.registers(self._address))
            return rtu.framed(head + b"".join(words), whole.unit)

        return Part(raw, message, encode)


def divider(header: Header, *, to_unit: bool) -> Divider | None:
    """What divides the bytes of a trace; None for a dialect that is not known here."""
    if header.dialect == "native":
        return NativeDivider()
    if header.dialect == "modbus":
        return ModbusDivider(header.address or modbus.ADDRESS_DEFAULT, to_unit=to_unit)
    return None


def session_number(header: Header, sent: bytes) -> int | None:
    """The session that the first message in ``sent`` is of, 0 for none; None where none is whole yet."""
    divides = divider(header, to_unit=True)
    if divides is None:
        return 0
    return next((getattr(part.message, "session", 0) for part in divides.parts(sent)), None)


def renumbered(divides: Divider, data: bytes, before: int, after: int) -> bytes:
    """``data`` with the session ``after`` where it has ``before``: as much of it as is whole."""
    return b"".join(
        part.encode(replace(part.message, session=after))
        if part.encode is not None and getattr(part.message, "session", None) == before
        else part.raw
        for part in divides.parts(data)
    )
