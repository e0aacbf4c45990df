"""Requests and the answers that belong to them.

One request is pending at a time. An answer counts only if its ``seq`` is that of the request: late and
repeated answers, and those of other units, are dropped. Where answers are numbered, a new request may be
sent before a pending one is answered. Where they come in order, the line is free again once the pending
request has been answered, or has been given up and its answer can no longer arrive; a stop is sent then.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from device.dialects.base import Answer, Correlation, Dialect, Intent, Permitted, Stop


@dataclass(frozen=True, slots=True)
class PendingRequest:
    """A request that has been sent."""

    seq: int
    intent: Intent
    at_ms: int


class RequestTracker:
    """Numbers the requests and matches the answers. Bytes in, values out; no port, no clock."""

    def __init__(self, dialect: Dialect) -> None:
        self.dialect = dialect
        self.pending: PendingRequest | None = None  # the request that has no answer yet
        self.unmatched = 0  # answers that belonged to no request
        # An answer to any of these confirms output off, however late.
        self._stops: dict[int, PendingRequest] = {}
        self._seq = 0

    def free_at_ms(self) -> int:
        """When the line is free for the next question; a time in the past when it is."""
        if self.pending is None or self.dialect.promises.correlation is Correlation.NUMBERED:
            return 0
        line = self.dialect.promises.line
        return self.pending.at_ms + line.answer_max_ms + line.drain_ms

    def ask(self, permitted: Permitted, now_ms: int) -> bytes:
        """Return the bytes of ``permitted``. A pending request is given up."""
        if self.pending is not None:
            self.dialect.give_up()
        self._seq = (self._seq + 1) % 0x10000
        self.pending = request = PendingRequest(self._seq, permitted.intent, now_ms)
        if isinstance(permitted.intent, Stop):
            self._stops[self._seq] = request
        else:
            self._stops.clear()  # the next request may change the output again
        return self.dialect.say(permitted, self._seq)

    def withdraw(self) -> None:
        """Forget the pending request: it never leaves, and the line is free."""
        self.dialect.give_up()
        self.pending = None

    def left(self, now_ms: int) -> None:
        """Note that the pending request has left only now: the line is free so much later."""
        if self.pending is not None:
            self.pending = replace(self.pending, at_ms=max(self.pending.at_ms, now_ms))

    def hear(self, data: bytes) -> list[tuple[PendingRequest, Answer]]:
        """Return the answers in ``data`` that belong to a request, with that request."""
        matched: list[tuple[PendingRequest, Answer]] = []
        for heard in self.dialect.hear(data):
            if self.pending and heard.seq == self.pending.seq:
                matched.append((self.pending, heard.answer))
                self.pending = None
            elif heard.seq in self._stops:
                matched.append((self._stops[heard.seq], heard.answer))
            else:
                self.unmatched += 1
            self._stops.pop(heard.seq, None)  # an answer counts once
        return matched
