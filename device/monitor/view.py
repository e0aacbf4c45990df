"""What a rule of the watch sees: a report, the one before, and what follows from what was set.

Values only. `device.monitor.trends` makes a `View` of each report; `device.monitor.conditions` judges it.
"""

from __future__ import annotations

from dataclasses import dataclass

from device.dialects.base import Capabilities, Status
from device.models import Model
from device.monitor.contact import ContactTrend


@dataclass(frozen=True, slots=True)
class Start:
    """The latest start of a step's output."""

    number: int  # from 1, in this session
    at_ms: int  # by our clock, when it was sent
    for_ms: int
    ramp_ms: int
    level: int  # as it was set; what it has been lowered to since is in `View.wanted_level`
    duty_pct: int  # 100 for percussion, as on the wire
    base_ms: int  # delivered in this session before it, as the unit reported it
    lowest_level: int | None = None  # to which it may have been lowered meanwhile; None: nobody has asked


@dataclass(frozen=True, slots=True)
class Grant:
    """The latest lease: it runs for ``lease_ms`` from the report of ``unit_uptime_ms``."""

    unit_uptime_ms: int  # by the unit's clock
    lease_ms: int


@dataclass(frozen=True, slots=True)
class EnergyTrend:
    """The energy metered of late, and what the reported output and its time make of it. Ultrasound only."""

    metered_mj: int = 0
    least_mj: int = 0  # given for certain
    most_mj: int = 0  # given at most
    slack_mj: int = 0
    while_off_mj: int = 0  # metered between reports of a unit that was off: any family


@dataclass(frozen=True, slots=True)
class HostTime:
    """Output and suspensions of the latest start, counted by our clock, and what they may come to."""

    output_ms: int = 0
    output_max_ms: int = 0
    session_ms: int = 0  # output of all starts of the session
    session_max_ms: int = 0
    suspension_ms: int = 0  # the present suspension
    suspension_max_ms: int = 0
    suspensions_ms: int = 0  # all suspensions since the start
    suspensions_max_ms: int = 0


@dataclass(frozen=True, slots=True)
class View:
    """One report, and what it is judged by."""

    now_ms: int
    status: Status
    before: Status | None
    since_before_ms: int
    model: Model
    declared: Capabilities
    wanted_level: int  # 0: output is meant to be off
    wanted_duty_pct: int  # of the latest start; 0 before the first
    due_level: int  # the most that a ramp allows by now; without one, what was set
    last_level: int  # the level last set, 1 before the first
    resting: bool  # nothing has been started that the unit has not ended, and no stop is on its way
    armed: bool  # the unit has had our ceilings, and no stop of ours has left since
    steady: bool  # any ramp is over, and contact is as it was
    nonce: int  # the one the session began under
    session: int | None  # the one the unit has to name; None until it has been armed for ours
    lapses: int  # at the session's start
    delivered_max_ms: int
    energy_max_mj: int
    elapsed_ms: int  # by our clock, since the first report
    unit_elapsed_ms: int  # by the unit's
    uncounted_ms: int  # output that the unit's clock has seen and its count has not
    step_apart_ms: int  # by how much the unit's count of the step exceeds what the session's count says of it
    counts_went_back: bool  # a count of the session is lower than it was
    lease_max_ms: int | None  # the most that can be left of the latest lease; None before the first
    lease_min_ms: int | None  # the least that is left of the latest one that the unit has taken
    energy: EnergyTrend
    energy_long: EnergyTrend  # the same over a longer time, and so more exact
    host: HostTime
    contact: ContactTrend
    head_due_mk: int  # by how much the head must have warmed since its reading last changed, mK
