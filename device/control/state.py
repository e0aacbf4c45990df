"""What the controller knows of its unit and its session, and the answers that follow from it.

Here stand the facts that the state machine's cells ask for, and what the guard and the watch judge by.
It sends nothing, waits for nothing and moves no state.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache

from device.control.allowed import Allowed
from device.control.guard import Standing
from device.control.machine import State
from device.control.output_off import Quiet
from device.dialects.base import Renew, Report, SetOutput, UnitState
from device.monitor.trends import Belief
from device.monitor.view import Grant, Start
from device.unit import Unit
from protocols.limits import Quantity
from protocols.plan import Emit, Output, Plan, Ultrasound, energy_mj, level

MOMENT_MS = 10  # less than this is no output worth a start
PERIOD_MS = 100  # of reports
TICK_MS = 20  # a unit's timer may be this late: the next step is the shorter for it


@lru_cache(maxsize=16)
def _period_mj(output: Output, area_mm2: int) -> int:
    """The energy of one status period, asked for with every report and the same throughout a step."""
    return energy_mj(Emit(output, PERIOD_MS, 0), area_mm2)


@dataclass(slots=True)
class Knowledge:
    """One unit, one session at a time."""

    unit: Unit | None = None
    report: Report | None = None  # the unit's latest
    counted: Report | None = None  # the latest of our session
    plan: Plan | None = None
    allowed: Allowed | None = None  # what the guard lets through in the session
    session: int = 0
    energy_ceiling_mj: int = 0
    step: Emit | None = None  # the one last started
    step_end_ms: int = 0  # delivered time at which the unit's timer ends it
    start: Start | None = None  # the latest that has left
    grant: Grant | None = None  # the latest lease that has left
    confirmed: bool = False  # the unit has been seen to carry out the last start
    armed: bool = False  # the unit has been seen with our ceilings, and we have not stopped it since
    quiet: Quiet = field(default_factory=Quiet)

    # --- what has happened --------------------------------------------------------------------------

    def take_up(self, plan: Plan, session: int, allowed: Allowed) -> None:
        """A session begins."""
        self.plan, self.session, self.counted, self.allowed = plan, session, None, allowed
        ceilings_mj = [allowed.energy_max_mj, plan.limits.at_most(Quantity.ENERGY_MJ)]
        if plan.energy_mj is not None:
            # The unit meters what it gives: a hundredth more keeps it from cutting the last moment off.
            ceilings_mj.append(plan.energy_mj + plan.energy_mj // 100 + 100)
        self.energy_ceiling_mj = min(ceiling for ceiling in ceilings_mj if ceiling is not None)

    def begin(self, step: Emit, for_ms: int) -> None:
        """A step's output is about to be asked for."""
        self.step, self.confirmed = step, False
        self.step_end_ms = self.delivered_ms + for_ms

    def allow(self, intent: SetOutput | Renew, heard_at_ms: int, now_ms: int) -> None:
        """What allows output is about to leave; the unit was last heard at ``heard_at_ms`` of our clock."""
        self.grant = Grant(intent.heard_ms, intent.lease_ms)
        self.quiet.allow(heard_at_ms, intent.lease_ms, intent.nonce)
        if isinstance(intent, SetOutput):
            self.start = Start(
                number=self.start.number + 1 if self.start else 1,
                at_ms=now_ms,
                for_ms=intent.for_ms,
                ramp_ms=intent.ramp_ms,
                level=level(intent.output),
                duty_pct=intent.output.duty_pct if isinstance(intent.output, Ultrasound) else 100,
                base_ms=self.delivered_ms,
            )

    def hear(self, report: Report, now_ms: int) -> None:
        """The unit has spoken, or another one: only the identified unit's word is taken for a report."""
        self.quiet.hear(report, now_ms)
        if not self.is_from_the_unit(report):
            return
        self.report = report
        self.counted = report if self.is_ours(report) else self.counted
        self.confirmed = self.confirmed or report.state in (UnitState.EMITTING, UnitState.HELD)
        self.armed = self.armed or self.is_armed()

    # --- what follows -------------------------------------------------------------------------------

    @property
    def delivered_ms(self) -> int:
        """Delivered in this session, as the unit last reported it, before it restarted if it has."""
        return self.counted.delivered_ms if self.counted else 0

    @property
    def energy_mj(self) -> int:
        """Energy given in this session, as the unit last reported it, before it restarted if it has."""
        return self.counted.energy_mj if self.counted else 0

    @property
    def level_max(self) -> int:
        """The highest level of the plan; 0 for one without output."""
        return max((level(step.output) for step in self.plan.emissions), default=0) if self.plan else 0

    def is_from_the_unit(self, report: Report) -> bool:
        """Whether the identified unit sent ``report``, and has not restarted since it was identified."""
        return self.unit is None or report.nonce == self.unit.identity.nonce

    def is_ours(self, report: Report) -> bool:
        """Whether the counts of ``report`` belong to our session."""
        return self.session != 0 and report.session == self.session

    def is_armed(self) -> bool:
        """Whether the unit has our ceilings."""
        report = self.report
        return report is not None and report.state is UnitState.READY and self.is_ours(report)

    def has_energy_for(self, step: Emit, for_ms: int) -> bool:
        """Whether the session's ceiling leaves a moment's output, and the bounds on energy all of it.

        What a massage gun gives follows from no setting: it is taken from what it has given so far.
        """
        if self.unit is None:
            return True
        ramp_ms = min(step.ramp_ms, for_ms)
        if self.allowed and not self.allowed.has_energy_for(step.output, for_ms, ramp_ms, self.energy_mj):
            return False
        if self.unit.area_mm2 is not None:
            moment_mj = energy_mj(Emit(step.output, MOMENT_MS, 0), self.unit.area_mm2)
        else:
            moment_mj = -(-self.energy_mj * MOMENT_MS // max(self.delivered_ms, 1))
        return self.energy_mj + moment_mj <= self.energy_ceiling_mj

    def standing(self, state: State, *, recorded: bool) -> Standing:
        """What the guard judges by; ``recorded`` says that there is a recorder."""
        declared = self.unit.declared if self.unit else None
        return Standing(
            state=state,
            nonce=self.unit.identity.nonce if self.unit else 0,
            session=self.session,
            heard_ms=self.report.uptime_ms if self.report else 0,
            delivered_ms=self.delivered_ms,
            energy_mj=self.energy_mj,
            stop_asked=self.quiet.asked_ms is not None,
            recorded=recorded,
            allowed=self.allowed,
            lease_min_ms=declared.lease_min_ms if declared else 0,
            lease_max_ms=declared.lease_max_ms if declared else 0,
        )

    def belief(self, report: Report, plan: Plan, *, live: bool, resting: bool = False) -> Belief:
        """What the watch judges ``report`` by.

        ``live`` says that output may be on; ``resting``, that it is off and that nothing is on its way.
        """
        set_level = level(self.step.output) if self.step else 1
        ours = self.is_ours(report)  # counts of another session say nothing of this one
        return Belief(
            wanted_level=set_level if self.step and self.confirmed and live else 0,
            last_level=set_level,
            resting=resting,
            armed=self.armed,
            delivered_max_ms=self._delivered_max_ms(plan) if ours else report.delivered_ms,
            energy_max_mj=self._energy_max_mj() if ours else report.energy_mj,
            planned_ms=plan.delivered_ms,
            session=self.session if self.counted else None,
            start=self.start,
            grant=self.grant,
        )

    def _energy_max_mj(self) -> int:
        """The session's ceiling, and one status period of output: a unit ends it in time, but not to the mJ.

        What a massage gun gives in that time follows from no setting.
        """
        if self.step is None or self.unit is None or self.unit.area_mm2 is None:
            return self.energy_ceiling_mj
        return self.energy_ceiling_mj + _period_mj(self.step.output, self.unit.area_mm2)

    def _delivered_max_ms(self, plan: Plan) -> int:
        """What the unit may have delivered by now: no more than up to the end of the step last started."""
        return min(self.step_end_ms + TICK_MS, plan.delivered_ms) if self.step else plan.delivered_ms

    # --- Facts: the questions the machine's cells ask -----------------------------------------------

    def unit_is_known(self) -> bool:
        """It has said who it is and may be driven."""
        return self.unit is not None

    def plan_is_within_limits(self) -> bool:
        """Held against its limits once more, now."""
        plan = self.plan
        if plan is None or plan.excesses():
            return False
        return not (plan.emissions and plan.limits.blocked(plan.family))

    def output_is_allowed(self) -> bool:
        """The plan is within limits, the unit is armed for it, and nothing has asked to stop."""
        return (
            self.plan_is_within_limits()
            and self.quiet.asked_ms is None
            and self.is_armed()
            and self.report is not None
            and not self.report.faults
        )

    def level_is_as_before(self) -> bool:
        """The unit came back no higher than it was set."""
        step, report = self.step, self.report
        return step is not None and report is not None and report.level_set <= level(step.output)

    def silence_is_proven(self) -> bool:
        """The unit's latest word."""
        return self.quiet.proven

    def cause_has_gone(self) -> bool:
        """The unit reports no fault, and silence."""
        return self.quiet.proven and self.report is not None and not self.report.faults
