"""Output and suspensions, counted by the host's clock, so that they are bounded whatever the unit counts.

Figures are this project's own.
"""

from __future__ import annotations

from device.dialects.base import Status, UnitState
from device.monitor.view import HostTime, Start

CLOCK_PCT = 2  # as far as a unit's clock may be off before that is an alarm of its own
SLACK_MS = 500  # answers may come late
START_MS = 100  # of each start: until the unit has answered it
SUSPENSION_MAX_MS = 60_000  # no unit waits for contact for longer, whatever it declares
SUSPENSIONS = 3  # suspensions of the longest kind, in one start


def with_slack_ms(ms: int) -> int:
    """What ``ms`` of a unit's clock may come to by ours."""
    return ms + ms * CLOCK_PCT // 100 + SLACK_MS


class HostCount:
    """Follows one session. From a start, or a report of output, to the next report of output it is on."""

    def __init__(self, suspension_max_ms: int) -> None:
        self._suspension_max_ms = min(suspension_max_ms, SUSPENSION_MAX_MS)
        self._session_ms = 0
        self._start: int | None = None  # the latest; what follows is counted from it
        self._was_on: bool
        self._output_ms: int
        self._suspension_ms: int
        self._suspensions_ms: int

    def follow(
        self, status: Status, now_ms: int, before_ms: int, start: Start | None, planned_ms: int
    ) -> HostTime:
        """Return the counts up to ``status`` of ``now_ms``; the one before was of ``before_ms``."""
        if start is None:
            return HostTime()
        if start.number != self._start:
            self._start, self._was_on = start.number, True  # from now on output is possible
            self._output_ms = self._suspension_ms = self._suspensions_ms = 0
        since_ms = now_ms - max(before_ms, start.at_ms)
        if status.state is UnitState.EMITTING and self._was_on:
            self._output_ms += since_ms
            self._session_ms += since_ms
        elif status.state in (UnitState.EMITTING, UnitState.SUSPENDED):  # or contact came or went meanwhile
            self._suspension_ms += since_ms
            self._suspensions_ms += since_ms
        if status.state is not UnitState.SUSPENDED:
            self._suspension_ms = 0
        self._was_on = status.state is UnitState.EMITTING
        return HostTime(
            output_ms=self._output_ms,
            output_max_ms=with_slack_ms(start.for_ms),
            session_ms=self._session_ms,
            session_max_ms=with_slack_ms(planned_ms) + start.number * START_MS,
            suspension_ms=self._suspension_ms,
            suspension_max_ms=with_slack_ms(self._suspension_max_ms),
            suspensions_ms=self._suspensions_ms,
            suspensions_max_ms=SUSPENSIONS * with_slack_ms(self._suspension_max_ms),
        )
