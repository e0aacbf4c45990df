"""A host's hands on the core in C: one message at a time, under the next ``seq``, at the unit's own time."""

from __future__ import annotations

from dataclasses import replace

from device.wire.frame import Decoder, Frame, encode
from device.wire.messages import Arm, Clear, GetStatus, Lower, Message, Renew, Result, Set, Status, Stop, read
from tests.firmware.c_unit import CUnit

NONCE = 0xDEADBEEF
US = Set(NONCE, 1, 440, 50, 1000, 100, 60_000, 0, 0, 500)
GUN = Set(NONCE, 1, 2200, 100, 0, 0, 60_000, 0, 0, 500)


class Hand:
    """Says messages to a unit that has just been switched on."""

    def __init__(self, model: str = "us111", *, start_ms: int = 0, unit: CUnit | None = None) -> None:
        self.unit = CUnit(NONCE, model=model) if unit is None else unit
        self.unit.start(NONCE, start_ms)
        self.usual = US if model == "us111" else GUN
        self.seq = 0

    @property
    def now_ms(self) -> int:
        return self.unit.now_ms % 2**32

    def frame(self, message: Message) -> bytes:
        """The frame of a message under the next number."""
        self.seq = (self.seq + 1) % 65536
        return encode(Frame(message.TYPE, self.seq, message.pack()))

    def ask(self, message: Message) -> Status:
        """The status that answers a message."""
        (answer,) = self.answers(self.unit.hear(self.frame(message)))
        return answer

    @staticmethod
    def answers(data: bytes) -> list[Status]:
        """The statuses in what was sent."""
        said = [read(frame.type, frame.body) for frame in Decoder().feed(data) if isinstance(frame, Frame)]
        return [status for status in said if isinstance(status, Status)]

    def look(self) -> Status:
        return self.ask(GetStatus())

    def arm(self, **changed: int) -> Status:
        usual = Arm(NONCE, 1, self.usual.level, 600_000, 4_000_000, self.now_ms)
        return self._done(replace(usual, **changed))

    def set(self, **changed: int) -> Status:
        return self._done(replace(self.usual, **({"unit_uptime_ms": self.now_ms} | changed)))

    def renew(self, **changed: int) -> Status:
        return self._done(replace(Renew(NONCE, 1, self.now_ms, 500), **changed))

    def lower(self, level: int) -> Status:
        return self._done(Lower(NONCE, 1, level))

    def clear(self) -> Status:
        return self.ask(Clear(NONCE, self.now_ms))

    def stop(self) -> Status:
        return self._done(Stop())

    def start(self, **changed: int) -> Status:
        """Arm, and set output."""
        self.arm()
        return self.set(**changed)

    def wait(self, ms: int) -> None:
        """Let time pass with nothing sent."""
        self.unit.move_to(self.unit.now_ms + ms)

    def _done(self, message: Message) -> Status:
        status = self.ask(message)
        assert status.result is Result.OK, status
        return status
