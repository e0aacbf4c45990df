"""What a run of reports says beyond any single one: drift, stillness, energy, a ramp that is over.

It turns each report into the `View` that the rules of the watch look at. It judges nothing.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from device.dialects.base import RUNNING, Renew, Report, SetOutput, UnitState
from device.monitor.contact import ContactWatch
from device.monitor.host_time import HostCount
from device.monitor.metering import LONG_WINDOW, TURN_MS, Metering, same_counts, went_ms
from device.monitor.ramp import Ramp
from device.monitor.view import EnergyTrend, Grant, Start, View
from device.monitor.warming import Warming
from device.unit import Unit

GRANTING = (SetOutput.__name__, Renew.__name__)
SETTLE_MS = 1000  # after a ramp, or after contact comes back, before output is called steady


@dataclass(frozen=True, slots=True)
class Belief:
    """What the controller believes and allows at the moment a report comes in."""

    wanted_level: int  # 0: output is meant to be off
    last_level: int  # the level last set, 1 before the first
    resting: bool  # nothing has been started that the unit has not ended, and no stop is on its way
    armed: bool  # the unit has had our ceilings, and no stop of ours has left since
    delivered_max_ms: int
    energy_max_mj: int
    planned_ms: int  # output of the whole session
    session: int | None  # the one the unit has to name; None until it has been armed for ours
    start: Start | None  # the latest
    grant: Grant | None


class Sight:
    """Follows one session's reports."""

    def __init__(self, unit: Unit) -> None:
        self._unit = unit
        self._first: tuple[int, Report] | None = None
        self._before: tuple[int, Report] | None = None
        self._emitting_since_ms: int | None = None
        self._uncounted_ms = 0
        self._start: int | None = None  # of the report before; None before the first
        self._taken: Grant | None = None  # the latest lease that the unit has said it took
        self._metering = Metering(unit.declared.area_mm2)
        self._long_metering = Metering(unit.declared.area_mm2, LONG_WINDOW)
        self._host = HostCount(unit.hold_max_ms)
        self._contact = ContactWatch()
        self._ramp = Ramp()
        self._warming = Warming()

    def see(self, report: Report, now_ms: int, belief: Belief) -> View:
        """The view of ``report``, given all before it in this session."""
        first_ms, first = self._first or (now_ms, report)
        before_ms, before = self._before or (now_ms, None)
        self._follow(report, now_ms)
        energy = energy_long = EnergyTrend()
        went_back = False
        if before is not None:
            self._count(before, report, belief.start)
            energy = self._metering.follow(before, report, belief.start)
            energy_long = self._long_metering.follow(before, report, belief.start)
            went_back = _went_back(before, report)
        self._first, self._before = (first_ms, first), (now_ms, report)
        if report.asked in GRANTING and not report.refusal:
            self._taken = belief.grant  # one question stands at a time: the answer is to the latest
        start = belief.start
        steady = self._is_steady(now_ms, start)
        return View(
            now_ms=now_ms,
            report=report,
            before=before,
            since_before_ms=now_ms - before_ms,
            model=self._unit.model,
            declared=self._unit.declared,
            wanted_level=belief.wanted_level,
            wanted_duty_pct=start.duty_pct if start else 0,
            due_level=self._ramp.follow(report, start, belief.wanted_level),
            last_level=belief.last_level,
            resting=belief.resting,
            armed=belief.armed,
            steady=steady,
            nonce=self._unit.identity.nonce,
            session=belief.session,
            lapses=first.lapses,
            delivered_max_ms=belief.delivered_max_ms,
            energy_max_mj=belief.energy_max_mj,
            elapsed_ms=now_ms - first_ms,
            unit_elapsed_ms=went_ms(first, report),
            uncounted_ms=self._uncounted_ms,
            step_apart_ms=report.step_ms - (report.delivered_ms - start.base_ms) if start else 0,
            counts_went_back=went_back,
            lease_max_ms=_lease_left_ms(report, belief.grant),
            lease_min_ms=_lease_left_ms(report, self._taken),
            energy=energy,
            energy_long=energy_long,
            host=self._host.follow(report, now_ms, before_ms, start, belief.planned_ms),
            contact=self._contact.follow(report, now_ms - before_ms, steady=steady),
            head_due_mk=self._warming.follow(report, now_ms - before_ms, self._metering.given),
        )

    def accept_lapses(self, report: Report) -> None:
        """Count lapses from ``report`` on: those until now have been dealt with."""
        if self._first is not None:
            first_ms, first = self._first
            self._first = first_ms, replace(first, lapses=report.lapses)

    def _count(self, before: Report, report: Report, start: Start | None) -> None:
        """The unit's count goes on as its clock does; never faster, and not while output is off."""
        was_start, self._start = self._start, start.number if start else None
        if before.nonce != report.nonce or before.session != report.session:
            return
        counted_ms, most_ms = report.delivered_ms - before.delivered_ms, went_ms(before, report)
        if before.state is report.state is UnitState.EMITTING:
            self._uncounted_ms += most_ms - counted_ms
            return
        if was_start == self._start and before.state not in RUNNING and report.state not in RUNNING:
            most_ms = 0
        self._uncounted_ms += min(most_ms - counted_ms, 0)

    def _follow(self, report: Report, now_ms: int) -> None:
        if report.state is not UnitState.EMITTING:
            self._emitting_since_ms = None
        elif self._emitting_since_ms is None:
            self._emitting_since_ms = now_ms

    def _is_steady(self, now_ms: int, start: Start | None) -> bool:
        since_ms = self._emitting_since_ms
        if since_ms is None or start is None:
            return False
        return now_ms - since_ms >= start.ramp_ms + SETTLE_MS


def _went_back(before: Report, report: Report) -> bool:
    lower = report.delivered_ms < before.delivered_ms or report.energy_mj < before.energy_mj
    return lower and same_counts(before, report)


def _lease_left_ms(report: Report, grant: Grant | None) -> int | None:
    """What is left of a lease: what was granted, less what has passed by the unit's clock since."""
    if grant is None:
        return None
    return grant.lease_ms - (report.uptime_ms - grant.heard_ms) % TURN_MS
