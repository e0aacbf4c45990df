"""The unit's own clock, which may run fast or slow."""

from __future__ import annotations

_RATE = 1_000_000


class UnitClock:
    """Whole milliseconds that gain or lose against true ones, in whole parts per million."""

    def __init__(self) -> None:
        self._true_ms = 0
        self._own_ms = 0
        self._rate = _RATE

    def of(self, true_ms: int) -> int:
        """What the unit's clock shows at ``true_ms``."""
        return self._own_ms + (true_ms - self._true_ms) * self._rate // _RATE

    def when(self, own_ms: int) -> int:
        """The first true millisecond at which the unit's clock shows ``own_ms``."""
        return self._true_ms - (-(own_ms - self._own_ms) * _RATE // self._rate)

    def run(self, true_ms: int, gain: float) -> None:
        """From ``true_ms`` on, gain this share."""
        self._own_ms, self._true_ms = self.of(true_ms), true_ms
        self._rate = _RATE + round(gain * _RATE)
