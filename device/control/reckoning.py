"""What a unit cannot tell is reckoned here, from what it does tell and from our own clock.

The counts are at most too high: a time in which output was on at either end counts whole, at the higher of
the levels, and so does the time from a start until the next report. The record says which of them were
reckoned (`SessionStarted.reckoned`).
"""

from __future__ import annotations

from dataclasses import replace

from device.dialects.base import ALL_FIELDS, ReportField, SetOutput, Status, UnitState
from device.monitor.view import Start

CONTACT_MS = 300  # between two reports of lost contact: in less, output has not come back; our own figure
_PER_MJ = 10_000_000  # mW/cm² × mm² × % × ms are 10^-7 mJ
_TURN_MS = 1 << 32  # a unit's uptime is counted so


class Reckoner:
    """Fills in the reports of one unit in one session.

    ``area_mm2`` is its effective radiating area; None for percussion, whose energy follows from no setting
    and stays 0.
    """

    def __init__(self, reports: frozenset[ReportField], area_mm2: int | None) -> None:
        self._missing = ALL_FIELDS - reports
        self._area_mm2 = area_mm2 or 0
        self._before: tuple[int, Status] | None = None  # the report before, and when it came
        self._start: int | None = None
        self._step_ms = 0
        self._delivered_ms = 0
        self._energy = 0  # in 10^-7 mJ

    def fill(
        self, status: Status, now_ms: int, session: int, start: Start | None, read_ms: int | None = None
    ) -> Status:
        """``status``, which came at ``now_ms``, with what is missing in it; ``start`` is the latest one sent.

        One that has waited here came at ``now_ms`` at the earliest, and at ``read_ms`` at the latest: output
        that it says is off may have lasted until then.
        """
        if not self._missing:
            return status
        until_ms = now_ms if read_ms is None or _is_on(status) else read_ms
        self._count(status, until_ms, start)
        self._before = now_ms, status
        counts_time, counts_energy = self._told(ReportField.TIME), self._told(ReportField.ENERGY)
        return replace(
            status,
            session=status.session if self._told(ReportField.SESSION) else session,
            step_ms=status.step_ms if counts_time else self._step_ms,
            delivered_ms=status.delivered_ms if counts_time else self._delivered_ms,
            energy_mj=status.energy_mj if counts_energy else -(-self._energy // _PER_MJ),
            uptime_ms=status.uptime_ms if self._told(ReportField.UPTIME) else now_ms % _TURN_MS,
        )

    def count_up_to(self, delivered_ms: int) -> None:
        """Count the session's delivered time as ``delivered_ms`` at least."""
        self._delivered_ms = max(self._delivered_ms, delivered_ms)

    def _told(self, field: ReportField) -> bool:
        return field not in self._missing

    def _count(self, status: Status, now_ms: int, start: Start | None) -> None:
        if start is None:
            return
        since_ms, before = self._before or (now_ms, status)
        was_on = _is_on(before)
        if start.number != self._start:
            self._start, self._step_ms = start.number, 0
            if not was_on:
                since_ms = max(since_ms, start.at_ms)
            # The unit may have taken it, and have ended it again, with no report of that in between.
            was_on = was_on or not (status.refusal and status.asked == SetOutput.__name__)
        if not (was_on or _is_on(status) or _may_have_returned(before, status, now_ms - since_ms)):
            return
        self._step_ms += now_ms - since_ms
        self._delivered_ms += now_ms - since_ms
        level = max(before.measured_level, status.measured_level, start.level)
        self._energy += level * self._area_mm2 * start.duty_pct * (now_ms - since_ms)


def _may_have_returned(before: Status, status: Status, for_ms: int) -> bool:
    """Whether contact may have come back meanwhile, and output with it, and have ended again."""
    if before.state is not UnitState.SUSPENDED:
        return False
    return status.state is not UnitState.SUSPENDED or for_ms > CONTACT_MS


def _is_on(status: Status) -> bool:
    return status.state is UnitState.EMITTING or status.measured_level > 0
