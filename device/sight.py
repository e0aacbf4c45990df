"""What a run of reports says beyond any single one: drift, stillness, a ramp that is over.

It turns each report into the `View` that the rules of the watch look at. It judges nothing.
"""

from __future__ import annotations

from dataclasses import dataclass

from device.alarms import View
from device.dialect import Report, UnitState
from device.unit import Unit

_TURN = 1 << 32  # a unit's uptime begins anew after 49 days
SETTLE_MS = 1000  # after a ramp, or after contact comes back, before output is called steady


@dataclass(frozen=True, slots=True)
class Belief:
    """What the controller believes and allows at the moment a report comes in."""

    wanted_level: int  # 0: output is meant to be off
    last_level: int  # the level last set, 1 before the first
    ramp_ms: int
    delivered_max_ms: int
    energy_max_mj: int


class Sight:
    """Follows one session's reports."""

    def __init__(self, unit: Unit) -> None:
        self._unit = unit
        self._first: tuple[int, Report] | None = None
        self._before: tuple[int, Report] | None = None
        self._emitting_since_ms: int | None = None
        self._head_ddeg_c: int | None = None
        self._head_still_ms = 0
        self._uncounted_ms = 0

    def see(self, report: Report, now_ms: int, belief: Belief) -> View:
        """The view of ``report``, given all before it in this session."""
        first_ms, first = self._first or (now_ms, report)
        before_ms, before = self._before or (now_ms, None)
        self._follow(report, now_ms, before_ms)
        if before is not None:
            self._count(before, report)
        self._first, self._before = (first_ms, first), (now_ms, report)
        since_ms = self._emitting_since_ms
        return View(
            now_ms=now_ms,
            report=report,
            before=before,
            since_before_ms=now_ms - before_ms,
            model=self._unit.model,
            declared=self._unit.declared,
            wanted_level=belief.wanted_level,
            last_level=belief.last_level,
            steady=since_ms is not None and now_ms - since_ms >= belief.ramp_ms + SETTLE_MS,
            nonce=self._unit.identity.nonce,
            lapses=first.lapses,
            delivered_max_ms=belief.delivered_max_ms,
            energy_max_mj=belief.energy_max_mj,
            elapsed_ms=now_ms - first_ms,
            unit_elapsed_ms=(report.uptime_ms - first.uptime_ms) % _TURN,
            uncounted_ms=self._uncounted_ms,
            head_still_ms=self._head_still_ms,
        )

    def _count(self, before: Report, report: Report) -> None:
        """Between two reports of output the unit's count has to go on as its clock does."""
        if before.state is report.state is UnitState.EMITTING and before.nonce == report.nonce:
            went_ms = (report.uptime_ms - before.uptime_ms) % _TURN
            self._uncounted_ms += went_ms - (report.delivered_ms - before.delivered_ms)

    def _follow(self, report: Report, now_ms: int, before_ms: int) -> None:
        was_emitting = self._emitting_since_ms is not None
        if report.state is not UnitState.EMITTING:
            self._emitting_since_ms = None
        elif not was_emitting:
            self._emitting_since_ms = now_ms
        if report.head_temp_ddeg_c != self._head_ddeg_c:
            self._head_still_ms = 0
        elif was_emitting:  # a head at rest may be still; one that warms and cools between steps may not
            self._head_still_ms += now_ms - before_ms
        self._head_ddeg_c = report.head_temp_ddeg_c
