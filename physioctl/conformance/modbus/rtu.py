"""Modbus RTU frames, written from the standards' pages and not from the code that both ends share."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

ALL = 0  # the address of every unit
_EXCEPTION = 0x80
_CRC_START, _CRC_POLYNOMIAL = 0xFFFF, 0xA001
_SIZES = {5: 8, 6: 8, 15: 8, 16: 8, 22: 10}  # bytes of an answer, by function code
_COUNTED = (1, 2, 3, 4, 23)  # those of an answer whose third byte says how many follow


def framed(address: int, pdu: bytes) -> bytes:
    """The frame that carries ``pdu`` to the unit at ``address``."""
    body = bytes([address]) + pdu
    return body + crc16(body).to_bytes(2, "little")


def crc16(data: bytes) -> int:
    """The CRC-16 of Modbus."""
    crc = _CRC_START
    for byte in data:
        crc = crc >> 8 ^ _CRC_OF[(crc ^ byte) & 0xFF]
    return crc


def _crc_of(byte: int) -> int:
    for _ in range(8):
        byte = byte >> 1 ^ (_CRC_POLYNOMIAL if byte & 1 else 0)
    return byte


_CRC_OF = tuple(map(_crc_of, range(256)))


def read_holding(address: int, count: int) -> bytes:
    """Read Holding Registers (FC03)."""
    return b"\x03" + _words(address, count)


def write_single(address: int, value: int) -> bytes:
    """Write Single Register (FC06)."""
    return b"\x06" + _words(address, value)


def write_multiple(address: int, values: Sequence[int]) -> bytes:
    """Write Multiple Registers (FC16)."""
    return b"\x10" + _words(address, len(values)) + bytes([2 * len(values)]) + _words(*values)


def write_and_read(address: int, values: Sequence[int], read_address: int, read_count: int) -> bytes:
    """Read/Write Multiple Registers (FC23)."""
    places = _words(read_address, read_count, address, len(values))
    return b"\x17" + places + bytes([2 * len(values)]) + _words(*values)


def _words(*values: int) -> bytes:
    return b"".join(value.to_bytes(2, "big") for value in values)


@dataclass(frozen=True, slots=True)
class Answer:
    """A frame from a unit."""

    unit: int
    function: int
    exception: int  # its code; 0 for none
    data: bytes  # behind the function code

    @property
    def registers(self) -> list[int]:
        """What was read; only of functions 3 and 23."""
        words = self.data[1:]
        return [int.from_bytes(words[at : at + 2], "big") for at in range(0, len(words), 2)]


class Reader:
    """Turns bytes into answers. Looks for one at every byte, for what stands before it may be noise."""

    def __init__(self) -> None:
        self._held = b""

    def drop(self) -> None:
        """Forget a part of an answer: the next request begins."""
        self._held = b""

    def feed(self, data: bytes) -> list[Answer]:
        """Take in ``data`` and return the answers it completed."""
        self._held += data
        found: list[Answer] = []
        at = 0
        while at + 5 <= len(self._held):
            size = self._size(at)
            frame = self._held[at : at + size]
            if size == len(frame) > 0 and crc16(frame) == 0:  # over its own checksum
                found.append(_answer(frame))
                at += size
            elif size > len(frame):
                break  # its rest may yet come
            else:
                at += 1
        self._held = self._held[at:]
        return found

    def _size(self, at: int) -> int:
        """Bytes of the answer that would begin at ``at``; 0 where none does."""
        function = self._held[at + 1]
        if function & _EXCEPTION:
            return 5
        return 5 + self._held[at + 2] if function in _COUNTED else _SIZES.get(function, 0)


def _answer(frame: bytes) -> Answer:
    function = frame[1] & ~_EXCEPTION
    return Answer(frame[0], function, frame[2] if frame[1] & _EXCEPTION else 0, frame[2:-2])
