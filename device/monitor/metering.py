"""The unit's energy meter, compared with the output that it reports and the time by its clock.

Acoustic energy is intensity × area × duty × time, so it can be reckoned for ultrasound. What a massage gun
gives depends on the force that it is pressed with: of a gun only what is metered while it is off is followed.
"""

from __future__ import annotations

from device.dialects.base import Status, UnitState
from device.monitor.view import EnergyTrend, Start

TURN_MS = 1 << 32  # a unit's uptime begins anew after 49 days
SLACK_MS = 500  # of full output: what bends between two reports
WINDOW = 4  # slacks: what was metered longer ago counts half. It finds a meter that dies, and soon
LONG_WINDOW = 40  # the same, to find one that is off by a share: of so much output the slack is a fortieth
_PER_MJ = 10_000_000  # mW/cm² × mm² = 10 µW; × % = 0.1 µW; × ms = 0.1 nJ


def went_ms(before: Status, status: Status) -> int:
    """What has passed by the unit's clock from one report to the other."""
    return (status.uptime_ms - before.uptime_ms) % TURN_MS


def same_counts(before: Status, status: Status) -> bool:
    """Whether the counts of the two belong together: one session, and no restart between."""
    return (before.nonce, before.session) == (status.nonce, status.session)


class Metering:
    """Follows the meter through one session, across its starts.

    ``area_mm2`` is the unit's own; None without a head.
    """

    def __init__(self, area_mm2: int | None, window: int = WINDOW) -> None:
        self.given = 0  # between the last two reports, for certain; tenths of a nanojoule
        self._area_mm2 = area_mm2
        self._window = window
        self._while_off_mj = 0
        self._slack = 0  # of the highest output so far
        self._metered_mj = 0
        self._least = 0
        self._most = 0

    def follow(self, before: Status, status: Status, start: Start | None) -> EnergyTrend:
        """What is to be said of the energy, once ``status`` has come after ``before``."""
        self.given = 0
        compared = same_counts(before, status)
        if compared and _is_off(before, status):
            self._while_off_mj += max(status.energy_mj - before.energy_mj, 0)
        if self._area_mm2 is None or start is None:
            return EnergyTrend(while_off_mj=self._while_off_mj)
        if compared:
            self._count(before, status, start, self._area_mm2)
        self._slack = max(self._slack, self._area_mm2 * start.level * start.duty_pct * SLACK_MS)
        trend = EnergyTrend(
            metered_mj=self._metered_mj,
            least_mj=self._least // _PER_MJ,
            most_mj=self._most // _PER_MJ,
            slack_mj=self._slack // _PER_MJ,
            while_off_mj=self._while_off_mj,
        )
        if self._most > self._window * self._slack:
            self._metered_mj //= 2
            self._least //= 2
            self._most //= 2
        return trend

    def _count(self, before: Status, status: Status, start: Start, area_mm2: int) -> None:
        area_ms = area_mm2 * went_ms(before, status)
        self._metered_mj += status.energy_mj - before.energy_mj
        if before.state is status.state is UnitState.EMITTING:
            # On a straight line from one to the other.
            low = high = before.measured_level + status.measured_level
            if before.level_set != status.level_set:  # it was lowered, at any time between the two
                low, high = (
                    2 * min(before.measured_level, status.measured_level),
                    2 * max(before.measured_level, status.measured_level),
                )
            self.given = low * area_ms * start.duty_pct // 2
            self._least += self.given
            self._most += high * area_ms * start.duty_pct // 2
            return
        if any(seen.measured_level and seen.state is not UnitState.EMITTING for seen in (before, status)):
            # It was not requested, so its duty cycle is not known.
            self._most += max(before.measured_level, status.measured_level, start.level) * area_ms * 100
            return
        # Output began, ended or came and went. The unit's count says for how long, and has a rule of its own.
        counted_ms = status.delivered_ms - before.delivered_ms
        area_ms = min(area_ms, max(counted_ms, 0) * area_mm2)
        self._least += _least_level(before, status, start) * area_ms * start.duty_pct // 2
        self._most += (
            max(before.measured_level, status.measured_level, start.level) * area_ms * start.duty_pct
        )


def _least_level(before: Status, status: Status, start: Start) -> int:
    """Twice the level that was given on average where output began or ended, at least.

    It rises on a straight line or stays, and falls at its end, or when it is lowered, only.
    """
    if before.state is UnitState.EMITTING:
        lowest = (
            before.measured_level
            if start.lowest_level is None
            else min(before.measured_level, start.lowest_level)
        )
        return 2 * lowest
    return status.measured_level if status.state is UnitState.EMITTING else 0


def _is_off(before: Status, status: Status) -> bool:
    """Whether nothing can have gone out between the two: no output is told of, measured or counted."""
    told = UnitState.EMITTING in (before.state, status.state)
    return not (
        told or before.measured_level or status.measured_level or status.delivered_ms != before.delivered_ms
    )
