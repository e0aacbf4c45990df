"""What several reports show together: drift, stuck values, energy, the end of a ramp.

It turns each status into the `View` that the rules of the watch examine. It raises no alarm itself.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from device.dialects.base import RUNNING, Renew, SetOutput, Status, UnitState
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
class Expected:
    """What the controller expects of a status when it is received."""

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


class ReportTrends:
    """Follows one session's reports."""

    def __init__(self, unit: Unit) -> None:
        self._unit = unit
        self._first: tuple[int, Status] | None = None
        self._before: tuple[int, Status] | None = None
        self._emitting_since_ms: int | None = None
        self._uncounted_ms = 0
        self._start: int | None = None  # of the report before; None before the first
        self._taken: Grant | None = None  # the latest lease that the unit has said it took
        self._metering = Metering(unit.declared.area_mm2)
        self._long_metering = Metering(unit.declared.area_mm2, LONG_WINDOW)
        self._host = HostCount(unit.suspension_max_ms)
        self._contact = ContactWatch()
        self._ramp = Ramp()
        self._warming = Warming()

    def see(self, status: Status, now_ms: int, expected: Expected) -> View:
        """The view of ``status``, given all before it in this session."""
        first_ms, first = self._first or (now_ms, status)
        before_ms, before = self._before or (now_ms, None)
        self._follow(status, now_ms)
        energy = energy_long = EnergyTrend()
        went_back = False
        if before is not None:
            self._count(before, status, expected.start)
            energy = self._metering.follow(before, status, expected.start)
            energy_long = self._long_metering.follow(before, status, expected.start)
            went_back = _went_back(before, status)
        self._first, self._before = (first_ms, first), (now_ms, status)
        if status.asked in GRANTING and not status.refusal:
            self._taken = expected.grant  # one request is pending at a time: the answer belongs to the latest
        start = expected.start
        steady = self._is_steady(now_ms, start)
        return View(
            now_ms=now_ms,
            status=status,
            before=before,
            since_before_ms=now_ms - before_ms,
            model=self._unit.model,
            declared=self._unit.declared,
            wanted_level=expected.wanted_level,
            wanted_duty_pct=start.duty_pct if start else 0,
            due_level=self._ramp.follow(status, start, expected.wanted_level),
            last_level=expected.last_level,
            resting=expected.resting,
            armed=expected.armed,
            steady=steady,
            nonce=self._unit.identity.nonce,
            session=expected.session,
            lapses=first.lapses,
            delivered_max_ms=expected.delivered_max_ms,
            energy_max_mj=expected.energy_max_mj,
            elapsed_ms=now_ms - first_ms,
            unit_elapsed_ms=went_ms(first, status),
            uncounted_ms=self._uncounted_ms,
            step_apart_ms=status.step_ms - (status.delivered_ms - start.base_ms) if start else 0,
            counts_went_back=went_back,
            lease_max_ms=_lease_left_ms(status, expected.grant),
            lease_min_ms=_lease_left_ms(status, self._taken),
            energy=energy,
            energy_long=energy_long,
            host=self._host.follow(status, now_ms, before_ms, start, expected.planned_ms),
            contact=self._contact.follow(status, now_ms - before_ms, steady=steady),
            head_due_mk=self._warming.follow(status, now_ms - before_ms, self._metering.given),
        )

    def accept_lapses(self, status: Status) -> None:
        """Count lapses from ``status`` on: those until now have been dealt with."""
        if self._first is not None:
            first_ms, first = self._first
            self._first = first_ms, replace(first, lapses=status.lapses)

    def _count(self, before: Status, status: Status, start: Start | None) -> None:
        """The unit's count goes on as its clock does; never faster, and not while output is off."""
        was_start, self._start = self._start, start.number if start else None
        if before.nonce != status.nonce or before.session != status.session:
            return
        counted_ms, most_ms = status.delivered_ms - before.delivered_ms, went_ms(before, status)
        if before.state is status.state is UnitState.EMITTING:
            self._uncounted_ms += most_ms - counted_ms
            return
        if was_start == self._start and before.state not in RUNNING and status.state not in RUNNING:
            most_ms = 0
        self._uncounted_ms += min(most_ms - counted_ms, 0)

    def _follow(self, status: Status, now_ms: int) -> None:
        if status.state is not UnitState.EMITTING:
            self._emitting_since_ms = None
        elif self._emitting_since_ms is None:
            self._emitting_since_ms = now_ms

    def _is_steady(self, now_ms: int, start: Start | None) -> bool:
        since_ms = self._emitting_since_ms
        if since_ms is None or start is None:
            return False
        return now_ms - since_ms >= start.ramp_ms + SETTLE_MS


def _went_back(before: Status, status: Status) -> bool:
    lower = status.delivered_ms < before.delivered_ms or status.energy_mj < before.energy_mj
    return lower and same_counts(before, status)


def _lease_left_ms(status: Status, grant: Grant | None) -> int | None:
    """What is left of a lease: what was granted, less what has passed by the unit's clock since."""
    if grant is None:
        return None
    return grant.lease_ms - (status.uptime_ms - grant.unit_uptime_ms) % TURN_MS
