"""The unit's energy meter, held against the output that it reports and the time that passes by its clock.

Acoustic energy is intensity × area × duty × time, so it can be reckoned for ultrasound. What a massage gun
gives depends on the force that it is pressed with: of a gun only what is metered while it is off is followed.
"""

from __future__ import annotations

from device.dialect import Report, UnitState
from device.view import EnergyTrend, Start

TURN_MS = 1 << 32  # a unit's uptime begins anew after 49 days
SLACK_MS = 500  # of full output: what bends between two reports
WINDOW = 4  # slacks: what was metered longer ago counts half
_PER_MJ = 10_000_000  # mW/cm² × mm² = 10 µW; × % = 0.1 µW; × ms = 0.1 nJ


def went_ms(before: Report, report: Report) -> int:
    """What has passed by the unit's clock from one report to the other."""
    return (report.uptime_ms - before.uptime_ms) % TURN_MS


def same_counts(before: Report, report: Report) -> bool:
    """Whether the counts of the two belong together: one session, and no restart between."""
    return (before.nonce, before.session) == (report.nonce, report.session)


class Metering:
    """Follows the meter through one session. ``area_mm2`` is the unit's own; None for percussion."""

    def __init__(self, area_mm2: int | None) -> None:
        self.given = 0  # between the last two reports, for certain; tenths of a nanojoule
        self._area_mm2 = area_mm2
        self._start = 0
        self._metered_mj = 0
        self._least = 0
        self._most = 0
        self._while_off_mj = 0

    def follow(self, before: Report, report: Report, start: Start | None) -> EnergyTrend:
        """What is to be said of the energy, once ``report`` has come after ``before``."""
        self.given = 0
        if start is not None and start.number != self._start:
            self._start, self._metered_mj, self._least, self._most = start.number, 0, 0, 0
        if same_counts(before, report):
            self._count(before, report, start)
        slack = 0
        if start is not None and self._area_mm2 is not None:
            slack = start.level * self._area_mm2 * start.duty_pct * SLACK_MS
        trend = EnergyTrend(
            self._metered_mj,
            self._least // _PER_MJ,
            self._most // _PER_MJ,
            slack // _PER_MJ,
            self._while_off_mj,
        )
        if self._most > WINDOW * slack:
            self._metered_mj, self._least, self._most = (
                self._metered_mj // 2, self._least // 2, self._most // 2,
            )  # fmt: skip
        return trend

    def _count(self, before: Report, report: Report, start: Start | None) -> None:
        grown_mj = report.energy_mj - before.energy_mj
        emitting = before.state is report.state is UnitState.EMITTING
        counted = report.delivered_ms != before.delivered_ms
        if not (
            UnitState.EMITTING in (before.state, report.state) or before.output or report.output or counted
        ):
            self._while_off_mj += max(grown_mj, 0)
        if self._area_mm2 is None or start is None:
            return
        self._metered_mj += grown_mj
        level_ms = self._area_mm2 * went_ms(before, report)
        if emitting:  # on a straight line from one reading to the other
            self.given = (before.output + report.output) * level_ms * start.duty_pct // 2
            self._least += self.given
            self._most += self.given
        else:  # output began, ended or came and went: when, nobody knows
            highest = max(before.output, report.output, start.level if counted else 0)
            self._most += highest * level_ms * 100
