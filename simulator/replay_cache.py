"""The requests that the unit has handled, so that none is carried out twice or out of order.

The rules are those of docs/wire.md, "At most once, and nothing old".
"""

from __future__ import annotations

from collections import deque

from device.wire.frame import Frame
from device.wire.messages import Type

_HALF = 0x8000
_SESSIONS_KEPT = 32
_COUNTED = (Type.ARM, Type.SET, Type.RENEW, Type.LOWER)


class ReplayCache:
    """The newest ``seq`` that counts, the latest request carried out, and the sessions that are over."""

    def __init__(self) -> None:
        self._newest: int | None = None
        self._latest: Frame | None = None
        self._over: deque[int] = deque(maxlen=_SESSIONS_KEPT)

    def is_repeat(self, frame: Frame) -> bool:
        """Whether ``frame`` is the latest request carried out, over again."""
        return frame == self._latest

    def is_new(self, seq: int) -> bool:
        """Whether ``seq`` comes after all that count: the same does not, nor one half a turn away."""
        return self._newest is None or 0 < (seq - self._newest) & 0xFFFF < _HALF

    def is_over(self, session: int) -> bool:
        """Whether ``session`` was armed once and another since: an Arm for it can only be a late one."""
        return session in self._over

    def keep(self, frame: Frame) -> None:
        """Take note of a request that changes something and was carried out."""
        self._latest = frame
        if frame.type in _COUNTED and self.is_new(frame.seq):
            self._newest = frame.seq

    def stop(self) -> None:
        """Forget the latest request: repeated after a stop, it is not answered as done."""
        self._latest = None

    def begin(self, frame: Frame, replaced: int) -> None:
        """Count afresh from the Arm of a new session."""
        self._newest = frame.seq
        if replaced:
            self._over.append(replaced)
