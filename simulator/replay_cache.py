"""What the unit remembers of what it heard, so that nothing is done twice and nothing old is done at all."""

from __future__ import annotations

from collections import deque

from device.wire.frame import Frame
from device.wire.messages import Result

_HALF = 0x8000
_SESSIONS_KEPT = 32


class Memory:
    """The newest ``seq``, the last request and what became of it, and the sessions that are over."""

    def __init__(self) -> None:
        self._newest: int | None = None
        self._last: Frame | None = None
        self._result = Result.OK
        self._over: deque[int] = deque(maxlen=_SESSIONS_KEPT)

    def became_of(self, frame: Frame) -> Result | None:
        """What became of ``frame``, when it is the last request over again."""
        return self._result if frame == self._last else None

    def is_new(self, seq: int) -> bool:
        """Whether ``seq`` comes after everything heard: a second request under one ``seq`` does not."""
        return self._newest is None or 0 < (seq - self._newest) & 0xFFFF < _HALF

    def is_over(self, session: int) -> bool:
        """Whether ``session`` was armed once and another since: an Arm for it can only be a late one."""
        return session in self._over

    def keep(self, frame: Frame, result: Result) -> None:
        """Take note of a request and what became of it."""
        if self.is_new(frame.seq):
            self._newest = frame.seq
        self._last, self._result = frame, result

    def begin(self, frame: Frame, replaced: int) -> None:
        """Count afresh from the Arm of a new session."""
        self._newest = frame.seq
        if replaced:
            self._over.append(replaced)
