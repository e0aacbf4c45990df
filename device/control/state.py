"""What the controller knows of its unit and its session, and the answers that follow from it.

Here stand the facts that the state machine's cells ask for, and what the guard and the watch judge by.
It sends nothing, waits for nothing and moves no state.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import lru_cache

from device.control.allowed import Allowed
from device.control.guard import Standing
from device.control.machine import State
from device.control.output_off import Quiet
from device.control.policy import START_WITHIN_MS
from device.control.reckoning import Reckoner
from device.dialects.base import (
    RUNNING,
    Arm,
    HostLoss,
    Intent,
    LowerLevel,
    Renew,
    Report,
    ReportField,
    SetOutput,
    UnitState,
)
from device.monitor.trends import Belief
from device.monitor.view import Grant, Start
from device.unit import Unit
from protocols.limits import Quantity
from protocols.plan import Emit, Output, Plan, at_level, energy_mj, level

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
    fenced: bool = True  # a start that nobody has heard of cannot be carried out any more
    armed: bool = False  # the unit has been seen with our ceilings, and we have not stopped it since
    attended: bool = False  # a person is there
    level_cap: int | None = None  # to which somebody has lowered the session: of every later step
    lowered_ms: int = 0  # when that was
    asked_levels: tuple[int, ...] = ()  # to which the unit has been asked to lower the step last started
    quiet: Quiet = field(default_factory=Quiet)
    _reckoner: Reckoner | None = None

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
        self.step, self.confirmed, self.asked_levels = step, False, ()
        self.step_end_ms = self.delivered_ms + for_ms

    def allow(self, intent: SetOutput | Renew, heard_at_ms: int, now_ms: int) -> None:
        """What allows output is about to leave; the unit was last heard at ``heard_at_ms`` of our clock."""
        if self.unit is None or self.unit.policy.leased:
            self.grant = Grant(intent.heard_ms, intent.lease_ms)
        self.quiet.allow(heard_at_ms, self._goes_on_ms(intent), intent.nonce)
        if isinstance(intent, SetOutput):
            self.fenced = False
            self.start = Start(
                number=self.start.number + 1 if self.start else 1,
                at_ms=now_ms,
                for_ms=intent.for_ms,
                ramp_ms=intent.ramp_ms,
                level=level(intent.output),
                duty_pct=intent.output.duty_pct,
                base_ms=self.delivered_ms,
            )

    def _goes_on_ms(self, intent: SetOutput | Renew) -> int | None:
        """For how long the unit may go on after ``intent`` without us; None: until it is switched off."""
        if self.unit is None or self.unit.policy.leased:
            return intent.lease_ms
        if isinstance(intent, SetOutput) and self.unit.policy.unit_ends_steps:
            return intent.for_ms + START_WITHIN_MS
        return None

    def lower(self, to_level: int, now_ms: int) -> None:
        """Somebody has lowered the session; what the unit is expected to say moves with its answer."""
        self.level_cap, self.lowered_ms = to_level, now_ms
        if self.start is not None:
            self.start = replace(self.start, lowest_level=to_level)

    def _hear_lowered(self, report: Report, intent: Intent | None) -> None:
        """Expect the lower level from its answer on, or from a report that names it where that was lost."""
        to_level = report.level_set
        if isinstance(intent, LowerLevel) and not report.refusal:
            to_level = intent.level
        if self.step is not None and to_level in self.asked_levels and to_level < level(self.step.output):
            self.step = replace(self.step, output=at_level(self.step.output, to_level))

    def hear(
        self, report: Report, now_ms: int, intent: Intent | None = None, came_ms: int | None = None
    ) -> None:
        """The unit has spoken, or another one: only the identified unit's word is taken for a report.

        ``intent`` is what it answers, and ``came_ms`` when it came, where it has waited here until now.
        """
        self.quiet.hear(report, now_ms)
        if not self.is_from_the_unit(report):
            return
        report = self._filled(report, now_ms if came_ms is None else came_ms)
        self.report = report
        self.counted = report if self.is_ours(report) else self.counted
        self.confirmed = self.confirmed or report.state in (UnitState.EMITTING, UnitState.HELD)
        taken = isinstance(intent, Arm) and not report.refusal
        self.fenced = self.fenced or self.confirmed or taken
        if report.state in RUNNING and self.is_ours(report):
            self._hear_lowered(report, intent)
        self.armed = self.armed or self.is_armed()

    def _filled(self, report: Report, now_ms: int) -> Report:
        """``report`` with what the unit cannot tell."""
        if self.unit is None:
            return report
        if self._reckoner is None:
            told = self.unit.declared.reports
            if not self.unit.policy.unit_ends_steps:  # whoever ends the steps counts their time
                told = told - {ReportField.TIME}
            self._reckoner = Reckoner(told, self.unit.area_mm2)
        return self._reckoner.fill(report, now_ms, self.session, self.start)

    def count_step_whole(self) -> None:
        """The host has ended the step a moment before its time: it has been given."""
        if self._reckoner is not None and self.counted is not None:
            self._reckoner.count_up_to(self.step_end_ms)
            self.counted = replace(self.counted, delivered_ms=max(self.delivered_ms, self.step_end_ms))

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
        """The highest level of what is left of the session; 0 for one without output."""
        emissions = self.plan.emissions if self.plan else ()
        return max((level(self.capped(step).output) for step in emissions), default=0)

    def capped(self, step: Emit) -> Emit:
        """``step`` at no higher level than somebody has lowered the session to."""
        if self.level_cap is None or level(step.output) <= self.level_cap:
            return step
        return replace(step, output=at_level(step.output, self.level_cap))

    @property
    def due_step(self) -> Emit | None:
        """The emission that runs or comes next, at the level that it may have now; None when all is given."""
        due = self.allowed.step_at(self.delivered_ms) if self.allowed else None
        return None if due is None else self.capped(due[0])

    @property
    def level_to_lower_to(self) -> int | None:
        """To which level the running step has yet to be lowered; None once the unit has said that it is."""
        if self.step is None or self.level_cap is None or level(self.step.output) <= self.level_cap:
            return None
        return self.level_cap

    def is_from_the_unit(self, report: Report) -> bool:
        """Whether the identified unit sent ``report``, and has not restarted since it was identified."""
        return self.unit is None or report.nonce == self.unit.identity.nonce

    def is_ours(self, report: Report) -> bool:
        """Whether the counts of ``report`` belong to our session."""
        return self.session != 0 and report.session == self.session

    def is_armed(self) -> bool:
        """Whether the unit has our ceilings, and no start from before can still come upon it."""
        report = self.report
        ready = report is not None and report.state is UnitState.READY and self.is_ours(report)
        return ready and self.fenced

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
            level=level(self.step.output) if self.step else 0,
            level_cap=self.level_cap,
            lease_min_ms=declared.lease_min_ms if declared else 0,
            lease_max_ms=declared.lease_max_ms if declared else 0,
            host_loss=declared.host_loss if declared else HostLoss.NONE,
            attended=self.attended,
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
