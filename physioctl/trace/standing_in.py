"""Stands in for the unit of a trace: answers as it did, for as long as it is sent the same bytes.

The number of the session may be another one, for every session has its own: the answers carry it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from physioctl.trace.lines import Received, Sent
from physioctl.trace.reading import Trace
from physioctl.trace.renumbering import divider, renumbered, session_number

LINGER_MS = 500  # a pty that is closed loses what nobody has read yet; this project's own figure
_NEVER_MS = 1 << 62
_KEPT_MAX = 4096  # bytes of a difference that are kept, to be shown


class StandIn:
    """The host's end of the cable of a unit that knows its part by heart.

    An answer comes as long after the request as it did. What came before the first request comes at once.
    After the first byte that differs it answers nothing, as a unit whose cable is cut.
    """

    pulled = False

    def __init__(self, trace: Trace) -> None:
        self.on_arrival: Callable[[bytes], None] = _nobody
        self.sendings = 0  # that were the same
        self.differed: tuple[bytes | None, bytes] | None = None  # as the trace has it, and as it came
        self._parts: deque[tuple[bytes, list[tuple[int, bytes]]]] = deque()
        self._due: deque[tuple[int, bytes]] = deque()
        self._held = b""
        self._over_ms: int | None = None
        self._lingered = False
        self._header = trace.header
        self._numbered = False  # the other program has said the number of its session
        asked_ms = trace.header.ms
        for entry in trace.entries:
            line = entry.line
            if isinstance(line, Sent):
                self._parts.append((bytes.fromhex(line.bytes), []))
                asked_ms = line.ms
            elif isinstance(line, Received):
                data = bytes.fromhex(line.bytes)
                if self._parts:
                    self._parts[-1][1].append((line.ms - asked_ms, data))
                else:
                    self._due.append((0, data))

    @property
    def over(self) -> bool:
        """Whether nothing more comes of it."""
        return self.differed is not None or not (self._parts or self._due)

    @property
    def may_leave(self) -> bool:
        """Whether the other program has had `LINGER_MS` to read the last answer."""
        return self._lingered

    @property
    def left(self) -> int:
        """How many sendings of the trace have not come yet."""
        return len(self._parts)

    def send(self, data: bytes, now_ms: int) -> None:
        """Take ``data`` from the other program, and have answered what it completes."""
        if self.differed is not None:
            return
        self._held += data
        while self._held:
            if not self._numbered and not self._take_number():
                return
            expected, answers = self._parts[0] if self._parts else (None, [])
            if expected is None or not expected.startswith(self._held[: len(expected)]):
                self.differed = (expected, self._held[:_KEPT_MAX])
                self._due.clear()
                return
            if len(self._held) < len(expected):
                return
            self._held = self._held[len(expected) :]
            self._parts.popleft()
            self.sendings += 1
            self._due.extend((now_ms + after_ms, answer) for after_ms, answer in answers)

    def _take_number(self) -> bool:
        """Use the number of the other program's session, once it is there; False: the rest is to come."""
        expected = self._parts[0][0] if self._parts else b""
        before = session_number(self._header, expected)
        if not before:
            return True
        after = session_number(self._header, self._held)
        if after is None:
            return len(self._held) >= len(expected)
        if after:
            self._numbered = True
            self._renumber(before, after)
        return True

    def _renumber(self, before: int, after: int) -> None:
        there, back = (divider(self._header, to_unit=each) for each in (True, False))
        assert there is not None  # a number was found in it
        assert back is not None
        self._parts = deque(
            (
                renumbered(there, sent, before, after),
                [(after_ms, renumbered(back, answer, before, after)) for after_ms, answer in answers],
            )
            for sent, answers in self._parts
        )

    def next_ms(self) -> int:
        """When the next answer is due."""
        return self._due[0][0] if self._due else _NEVER_MS

    def move_to(self, now_ms: int) -> None:
        """Give the answers that are due."""
        while self._due and self._due[0][0] <= now_ms:
            self.on_arrival(self._due.popleft()[1])
        if self.over:
            self._over_ms = now_ms if self._over_ms is None else self._over_ms
            self._lingered = now_ms - self._over_ms >= LINGER_MS


def _nobody(_: bytes) -> None:
    """Nobody is on the line yet."""
