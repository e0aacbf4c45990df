"""Modbus RTU frames over pymodbus's framer: bytes in, frames out, and back. No port, no clock, no threads.

A frame has no delimiter: its length follows from its function code. Pauses on the line would tell frames
apart, and no adapter keeps them. So a receiver looks for a frame at every byte: one whose checksum is right
is taken, wherever it begins, and a spoilt one costs itself and not the good one behind it. pymodbus's framer,
which would forget both, gives the lengths and the checksums.
"""

from __future__ import annotations

from dataclasses import dataclass

from pymodbus.framer.rtu import FramerRTU
from pymodbus.pdu import DecodePDU, ModbusPDU

FRAME_MAX = 256  # bytes, by the standard
BROADCAST = 0
_FRAME_MIN = 4
_EXCEPTION = 0x80
FUNCTIONS = frozenset(
    (1, 2, 3, 4, 5, 6, 15, 16, 22, 23)
)  # the lengths of the others' frames are not known here

REQUESTS, ANSWERS = DecodePDU(is_server=True), DecodePDU(is_server=False)


@dataclass(frozen=True, slots=True)
class Rtu:
    """One frame: whose it is, and what it says, from its function code to the byte before its checksum."""

    unit: int
    pdu: bytes
    is_request: bool

    @property
    def function(self) -> int:
        """The function code; with 0x80 in the answer of a unit that takes exception."""
        return self.pdu[0]


def encode(pdu: ModbusPDU, unit: int) -> bytes:
    """The bytes that carry ``pdu`` to or from the unit at the address ``unit``."""
    return framed(bytes([pdu.function_code]) + pdu.encode(), unit)


def framed(pdu: bytes, unit: int) -> bytes:
    """The same, of a PDU that is encoded already."""
    raw: bytes = _REQUESTS.encode(pdu, unit, 0)
    return raw


class Receiver:
    """Turns bytes, however they are cut up, into frames; what is none is counted.

    ``addresses`` are those of which this end takes notice. A frame of one of them is taken at once, though
    bytes before it might yet become another frame: neither a stop nor its answer waits for what was cut off.
    """

    def __init__(self, addresses: frozenset[int]) -> None:
        self.damaged = 0  # runs of bytes that were no frame
        self._addresses = addresses
        self._held = bytearray()
        # Where in them a frame may yet begin, and how many have to be held before it is worth looking again.
        self._starts: list[tuple[int, int]] = []

    @property
    def is_empty(self) -> bool:
        """Whether no part of a frame is kept."""
        return not self._held

    def feed(self, data: bytes) -> list[Rtu]:
        """Take in ``data`` and return the frames it completed, in order."""
        found: list[Rtu] = []
        for at in range(0, len(data), FRAME_MAX):
            self._take(data[at : at + FRAME_MAX])
            while (frame := self._next()) is not None:
                found.append(frame)
            self._forget_hopeless()
        return found

    def drop(self) -> None:
        """Forget a part of a frame, whose rest is not coming any more."""
        if self._held:
            self.damaged += 1
            self._cut(len(self._held))

    def _take(self, data: bytes) -> None:
        begin = len(self._held)
        self._held += data
        self._starts += ((at, at + _FRAME_MIN) for at in range(begin, len(self._held)))

    def _next(self) -> Rtu | None:
        """The first frame that is whole, and no bytes before it that it would have to wait for."""
        held = len(self._held)
        undecided: list[tuple[int, int]] = []
        for place, (at, needed) in enumerate(self._starts):
            end, frame = (needed, None) if needed > held else self._at(at)
            if frame is not None and (not undecided or frame.unit in self._addresses):
                self.damaged += at > 0
                self._starts = self._starts[place + 1 :]
                self._cut(end)
                return frame
            if frame is not None or end > held:
                undecided.append((at, held if frame is not None else end))
        self._starts = undecided
        return None

    def _at(self, at: int) -> tuple[int, Rtu | None]:
        """The frame that begins at ``at``, and its end: beyond what is held when it may yet come."""
        if self._held[at + 1] & ~_EXCEPTION not in FUNCTIONS:
            return 0, None
        held = bytes(self._held[at : at + FRAME_MAX])
        ends: list[int] = []
        for framer in (_REQUESTS, _ANSWERS):
            kind = framer.decoder.lookupPduClass(held)
            size = (kind.calculateRtuFrameSize(held) if kind else 0) or len(held) + 1
            if size <= len(held) and _is_whole(held[:size]):
                return at + size, Rtu(held[0], held[1 : size - 2], framer is _REQUESTS)
            if len(held) < size <= FRAME_MAX:
                ends.append(at + size)
        return min(ends, default=0), None

    def _forget_hopeless(self) -> None:
        """Keep no byte before the first at which a frame may begin, and no more than one frame's."""
        first = self._starts[0][0] if self._starts else len(self._held)
        if len(self._held) - first > FRAME_MAX:
            first = len(self._held) - FRAME_MAX
        if first:
            self.damaged += 1
            self._cut(first)

    def _cut(self, end: int) -> None:
        del self._held[:end]
        self._starts = [(at - end, needed - end) for at, needed in self._starts if at >= end]


def _is_whole(frame: bytes) -> bool:
    # Not `FramerRTU.decode`, which in some releases goes on to look for a frame within this one.
    return FramerRTU.check_CRC(frame[:-2], int.from_bytes(frame[-2:], "big"))


_REQUESTS, _ANSWERS = FramerRTU(REQUESTS), FramerRTU(ANSWERS)
