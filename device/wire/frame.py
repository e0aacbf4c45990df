"""Frames: bytes in, frames out, and back. No port, no clock, no threads.

A frame between two zero bytes, before COBS::

    type (1)  seq (2)  body (0..64)  CRC-32 as in zlib (4)      all little-endian

Zero never occurs inside a frame, so a reader that has lost its place finds it again at the
next one: damage costs the frame it happened in and no other.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias
from zlib import crc32

from cobs import cobs

from device.wire.messages import BODY_MAX

_HEAD = 3  # type, seq
_CHECK = 4  # CRC-32
_PLAIN_MAX = _HEAD + BODY_MAX + _CHECK
CODED_MAX = _PLAIN_MAX + 1  # COBS adds one byte to anything shorter than 255


@dataclass(frozen=True, slots=True)
class Frame:
    """One message, from either side."""

    type: int
    seq: int
    body: bytes = b""

    def __post_init__(self) -> None:
        if len(self.body) > BODY_MAX:
            raise ValueError(f"body of {len(self.body)} bytes; the most is {BODY_MAX}")


@dataclass(frozen=True, slots=True)
class Damage:
    """Bytes between two zeros that were not a frame, and why not.

    A noisy cable is expected, so damage is a value to count and report, not an exception.
    """

    why: Literal["short", "long", "cobs", "checksum"]
    raw: bytes


Received: TypeAlias = Frame | Damage


def encode(frame: Frame) -> bytes:
    """The bytes that carry ``frame``, with a zero at either end."""
    plain = frame.type.to_bytes(1, "little") + frame.seq.to_bytes(2, "little") + frame.body
    coded: bytes = cobs.encode(plain + crc32(plain).to_bytes(_CHECK, "little"))
    return b"\0" + coded + b"\0"


class Decoder:
    r"""Turns bytes, however they are cut up, into frames and damage.

    >>> decoder = Decoder()
    >>> wire = encode(Frame(type=1, seq=7))
    >>> decoder.feed(wire[:3]), decoder.feed(wire[3:])
    ([], [Frame(type=1, seq=7, body=b'')])
    """

    def __init__(self) -> None:
        self._held = b""
        self._overlong = False

    def feed(self, data: bytes) -> list[Received]:
        """Take in ``data`` and return what it completed, in order."""
        *whole, rest = (self._held + data).split(b"\0")
        completed: list[Received] = []
        for raw in whole:
            if self._overlong:
                completed.append(Damage("long", raw[:CODED_MAX]))
                self._overlong = False
            elif raw:
                completed.append(_read(raw))
        if len(rest) > CODED_MAX:  # bounded: what cannot be a frame any more is not kept
            self._overlong, rest = True, rest[:CODED_MAX]
        self._held = rest
        return completed


def _read(raw: bytes) -> Received:
    if len(raw) > CODED_MAX:
        return Damage("long", raw[:CODED_MAX])
    try:
        plain: bytes = cobs.decode(raw)
    except cobs.DecodeError:
        return Damage("cobs", raw)
    if len(plain) < _HEAD + _CHECK:
        return Damage("short", raw)
    said, check = plain[:-_CHECK], plain[-_CHECK:]
    if crc32(said) != int.from_bytes(check, "little"):
        return Damage("checksum", raw)
    return Frame(said[0], int.from_bytes(said[1:_HEAD], "little"), said[_HEAD:])
