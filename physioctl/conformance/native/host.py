"""A host that speaks the native dialect, written from docs/wire.md."""

from __future__ import annotations

from random import Random
from typing import TypeVar

from device.wire.frame import Damage, Decoder, Frame, encode
from device.wire.messages import Capabilities, GetCapabilities, Identify, Identity, Message, Status, read
from physioctl.conformance.effects import Script
from physioctl.conformance.host import ANSWER_MS, ASKS, Host
from physioctl.conformance.outcomes import Part, PromiseBroken

M = TypeVar("M", bound=Message)


class NativeHost(Host):
    """Asks under numbers; the answer is the frame under the same one."""

    answer_within_ms = 70
    line_ms = 12
    leases_ms = range(10, 2570, 10)

    def __init__(self, rng: Random, *, wait_ms: int = 0) -> None:
        super().__init__(rng, wait_ms=wait_ms)
        self.has = frozenset(Part) - {Part.TIMER_ALONE, Part.LEASELESS, Part.MISSING_REPORTS}
        self.damage = 0  # pieces from the unit that were no frame
        self._decoder = Decoder()

    def _feed(self, data: bytes) -> None:
        for item in self._decoder.feed(data):
            if isinstance(item, Damage) or item.type < 0x80:
                self.damage += 1
            else:
                self._heard.append(item)

    def exchange(self, data: bytes, seq: int, within_ms: int = ANSWER_MS) -> Script[Frame | None]:
        """Send ``data`` and return the first frame under ``seq``; None where none comes in time."""
        yield from self.send(data)
        found: Frame | None = yield from self.first(lambda frame: bool(frame.seq == seq), within_ms)
        return found

    def frame(self, request: Message, seq: int | None = None) -> Frame:
        """``request`` as a frame, under the next ``seq`` where none is named."""
        return Frame(request.TYPE, self.next_seq() if seq is None else seq, request.pack())

    def ask(self, request: Message, seq: int | None = None) -> Script[Status]:
        """Ask once, and return the status that answers."""
        return (yield from self.ask_frame(self.frame(request, seq)))

    def ask_frame(self, frame: Frame) -> Script[Status]:
        """Send ``frame`` once, and return the status that answers it."""
        answer = yield from self.exchange(encode(frame), frame.seq)
        if answer is None:
            raise PromiseBroken(f"request 0x{frame.type:02x} was not answered within {ANSWER_MS} ms")
        status = read(answer.type, answer.body)
        if not isinstance(status, Status):
            raise PromiseBroken(f"request 0x{frame.type:02x} was not answered by a Status that can be read")
        self.status = status
        return status

    def meet(self) -> Script[None]:
        """Ask who is there and what it can do; raise `PromiseBroken` where it does not say."""
        self.identity = yield from self.told(Identify(), Identity)
        self.plate = yield from self.told(GetCapabilities(), Capabilities)
        yield from self.look()

    def told(self, question: Message, kind: type[M]) -> Script[M]:
        """The answer of ``kind`` to a question that changes nothing."""
        for _ in range(ASKS):
            frame = self.frame(question)
            answer = yield from self.exchange(encode(frame), frame.seq)
            said = None if answer is None else read(answer.type, answer.body)
            if isinstance(said, kind):
                return said
        raise PromiseBroken(f"{type(question).__name__} was not answered by {kind.__name__}")
