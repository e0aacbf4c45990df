"""Who asked what, and which answer belongs to it.

One question stands at a time. An answer counts only if its ``seq`` is the one asked under: late, doubled
and strangers' answers are dropped. Where answers are numbered, a newer question may overtake one without an
answer. Where they come in order, the line is not free until the question under way has been answered, or has
been given up and what may still come of its answer has passed: a stop follows it then.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from device.dialects.base import Answer, Cleared, Correlation, Dialect, Intent, Stop


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

    def free_at_ms(self) -> int:
        """When the line is free for the next question; a time in the past when it is."""
        if self.standing is None or self.dialect.promises.correlation is Correlation.NUMBERED:
            return 0
        line = self.dialect.promises.line
        return self.standing.at_ms + line.answer_max_ms + line.drain_ms

    def ask(self, cleared: Cleared, now_ms: int) -> bytes:
        """The bytes that ask ``cleared``. An older question is given up: its answer is not waited for."""
        if self.standing is not None:
            self.dialect.give_up()
        self._seq = (self._seq + 1) % 0x10000
        self.standing = asked = Asked(self._seq, cleared.intent, now_ms)
        if isinstance(cleared.intent, Stop):
            self._stops[self._seq] = asked
        else:
            self._stops.clear()  # what follows may change the output again
        return self.dialect.say(cleared, self._seq)

    def left(self, now_ms: int) -> None:
        """The question under way has left only now: the line is free so much later."""
        if self.standing is not None:
            self.standing = replace(self.standing, at_ms=max(self.standing.at_ms, now_ms))

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
