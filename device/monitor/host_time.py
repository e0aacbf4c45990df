"""Output and holds counted by our own clock, so that they end in time whatever the unit counts or claims.

Figures are this project's own.
"""

from __future__ import annotations

from device.dialects.base import Report, UnitState
from device.monitor.view import HostTime, Start

CLOCK_PCT = 2  # as far as a unit's clock may be off before that is an alarm of its own
SLACK_MS = 500  # answers may come late
START_MS = 100  # of each start: until the unit has answered it
HOLD_MAX_MS = 60_000  # no unit waits for contact for longer, whatever it declares
HOLDS = 3  # holds of the longest kind, in one start


def with_slack_ms(ms: int) -> int:
    """What ``ms`` of a unit's clock may come to by ours."""
    return ms + ms * CLOCK_PCT // 100 + SLACK_MS


class HostCount:
    """Follows one session. From a start, or a report of output, to the next report of output it is on."""

    def __init__(self, hold_max_ms: int) -> None:
        self._hold_max_ms = min(hold_max_ms, HOLD_MAX_MS)
        self._session_ms = 0
        self._start: int | None = None  # the latest; what follows is counted from it
        self._was_on: bool
        self._output_ms: int
        self._hold_ms: int
        self._holds_ms: int

    def follow(
        self, report: Report, now_ms: int, before_ms: int, start: Start | None, planned_ms: int
    ) -> HostTime:
        """The counts up to ``report``, heard at ``now_ms``; the one before it was heard at ``before_ms``."""
        if start is None:
            return HostTime()
        if start.number != self._start:
            self._start, self._was_on = start.number, True  # from now on output is possible
            self._output_ms = self._hold_ms = self._holds_ms = 0
        since_ms = now_ms - max(before_ms, start.at_ms)
        if report.state is UnitState.EMITTING and self._was_on:
            self._output_ms += since_ms
            self._session_ms += since_ms
        elif report.state in (UnitState.EMITTING, UnitState.HELD):  # or contact came or went meanwhile
            self._hold_ms += since_ms
            self._holds_ms += since_ms
        if report.state is not UnitState.HELD:
            self._hold_ms = 0
        self._was_on = report.state is UnitState.EMITTING
        return HostTime(
            output_ms=self._output_ms,
            output_max_ms=with_slack_ms(start.for_ms),
            session_ms=self._session_ms,
            session_max_ms=with_slack_ms(planned_ms) + start.number * START_MS,
            hold_ms=self._hold_ms,
            hold_max_ms=with_slack_ms(self._hold_max_ms),
            holds_ms=self._holds_ms,
            holds_max_ms=HOLDS * with_slack_ms(self._hold_max_ms),
        )
