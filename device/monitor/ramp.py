"""The highest level that a ramp allows: the ramp of a start, and the one after a suspension.

How far a ramp has come follows from what the unit has delivered of its step; the watch compares that count
with the unit's clock. Figures are this project's own; those of the wire are in docs/wire.md.
"""

from __future__ import annotations

from device.dialects.base import Status, UnitState
from device.monitor.view import Start

RESUME_MS = 500  # after a suspension output rises from 0 for at least this long: docs/wire.md
SLACK_MS = 20  # a unit's timer may be a tick apart from its output
DIGIT = 1  # the last one of a level


class Ramp:
    """Follows the ramps of one session's starts."""

    def __init__(self) -> None:
        self._start: int | None = None  # the latest
        self._line_level = 0  # where its line, or the one after a suspension, leads; a lowering cuts it short
        self._suspended_at_ms: int | None = None  # delivered in this step when it was last suspended

    def follow(self, status: Status, start: Start | None, wanted_level: int) -> int:
        """The highest level at which ``status`` may show the output to be."""
        if start is None:
            return wanted_level
        if start.number != self._start:
            self._start, self._suspended_at_ms, self._line_level = start.number, None, start.level
        if status.state is UnitState.SUSPENDED:
            self._suspended_at_ms, self._line_level = status.step_ms, wanted_level
        from_ms = self._suspended_at_ms or 0
        rises_ms = start.ramp_ms - from_ms  # one that was cut short ends when it would have ended
        if self._suspended_at_ms is not None:
            rises_ms = max(rises_ms, RESUME_MS)
        gone_ms = status.step_ms - from_ms + SLACK_MS
        if gone_ms >= rises_ms:
            return wanted_level
        return min(wanted_level, self._line_level * max(gone_ms, 0) // rises_ms + DIGIT)
