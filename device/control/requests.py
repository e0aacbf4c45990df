"""Who asked what, and which answer belongs to it.

One question stands at a time. An answer counts only if its ``seq`` is the one asked under: late,
doubled and strangers' answers are dropped. A stop never waits for its turn.
"""

from __future__ import annotations

from dataclasses import dataclass

from device.dialects.base import Answer, Cleared, Dialect, Intent, Stop


@dataclass(frozen=True, slots=True)
class Asked:
    """A question that has left."""

    seq: int
    intent: Intent
    at_ms: int


class Conversation:
    """Numbers the questions and matches the answers. Bytes in, values out; no port, no clock."""

    def __init__(self, dialect: Dialect) -> None:
        self.dialect = dialect
        self.standing: Asked | None = None  # the question that has no answer yet
        self.unmatched = 0  # answers that belonged to no question of ours
        self._stops: dict[int, Asked] = {}  # any of these proves silence, however late it is answered
        self._seq = 0

    def ask(self, cleared: Cleared, now_ms: int) -> bytes:
        """The bytes that ask ``cleared``. An older question is given up: its answer is not waited for."""
        self._seq = (self._seq + 1) % 0x10000
        self.standing = asked = Asked(self._seq, cleared.intent, now_ms)
        if isinstance(cleared.intent, Stop):
            self._stops[self._seq] = asked
        else:
            self._stops.clear()  # what follows may change the output again
        return self.dialect.say(cleared, self._seq)

    def hear(self, data: bytes) -> list[tuple[Asked, Answer]]:
        """The answers in ``data`` that belong to a question of ours, with that question."""
        matched: list[tuple[Asked, Answer]] = []
        for heard in self.dialect.hear(data):
            if self.standing and heard.seq == self.standing.seq:
                matched.append((self.standing, heard.answer))
                self.standing = None
            elif heard.seq in self._stops:
                matched.append((self._stops[heard.seq], heard.answer))
            else:
                self.unmatched += 1
            self._stops.pop(heard.seq, None)  # an answer that comes twice is old the second time
        return matched
