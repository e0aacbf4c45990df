"""What the controller knows of its unit and its session, and what follows from it.

It provides the conditions of the state machine's transitions, and what the guard and the watch compare
with. It sends nothing and changes no state.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import lru_cache

from device.control.allowed import Allowed
from device.control.guard import GuardContext
from device.control.machine import State
from device.control.output_off import OutputOff
from device.control.policy import START_WITHIN_MS
from device.control.reckoning import Reckoner
from device.dialects.base import (
    RUNNING,
    Arm,
    HostLoss,
    Intent,
    LowerLevel,
    Renew,
    ReportField,
    SetOutput,
    Status,
    UnitState,
)
from device.errors import GuardRefused
from device.monitor.trends import Expected
from device.monitor.view import Grant, Start
from device.unit import Unit
from protocols.limits import Quantity
from protocols.plan import Emit, Plan, Setting, at_level, energy_mj, level

MOMENT_MS = 10  # less than this is not started
PERIOD_MS = 100  # of reports
TICK_MS = 20  # a unit's timer may be this late; the next step is shorter by as much


@lru_cache(maxsize=16)
def _period_mj(setting: Setting, area_mm2: int) -> int:
    """The energy of one status period, asked for with every report and the same throughout a step."""
    return energy_mj(Emit(setting, PERIOD_MS, 0), area_mm2)


def _lowered(step: Emit, to_level: int) -> Emit:
    """``step`` at no higher level than ``to_level``."""
    return replace(step, setting=at_level(step.setting, min(to_level, level(step.setting))))


def misused(what: str) -> GuardRefused:
    """Return the error of a caller's mistake; ``what`` was to be done, and was not."""
    return GuardRefused(what, "Nothing was sent. Report this with the journal.")


@dataclass(slots=True)
class SessionState:
    """One unit, one session at a time."""

    unit: Unit | None = None
    status: Status | None = None  # the latest one
    counted: Status | None = None  # the latest one of this session
    plan: Plan | None = None
    allowed: Allowed | None = None  # what the guard permits in the session
    session: int = 0
    energy_ceiling_mj: int = 0
    step: Emit | None = None  # the one last started
    step_end_ms: int = 0  # delivered time at which the unit's timer ends it
    start: Start | None = None  # the latest that was sent
    grant: Grant | None = None  # the latest lease that was sent
    start_seen: bool = False  # a status has shown that the unit carries out the latest start
    start_withdrawn: bool = False  # the latest start never left
    fenced: bool = True  # a start that nobody has heard of cannot be carried out any more
    armed: bool = False  # a status has shown it, and no stop was sent since
    arm_taken: bool = False  # the unit has said that it carried out an Arm of this session
    attended: bool = False  # a person is there
    guided: bool = False  # the step that runs is an instruction with a time
    level_cap: int | None = None  # to which somebody has lowered the session: of every later step
    lowered_ms: int = 0  # when that was
    asked_levels: tuple[int, ...] = ()  # to which the unit has been asked to lower the step last started
    output_off: OutputOff = field(default_factory=OutputOff)
    _reckoner: Reckoner | None = None

    # --- input --------------------------------------------------------------------------

    def load(self, plan: Plan, session: int, allowed: Allowed) -> None:
        """Begin a session."""
        self.plan, self.session, self.counted, self.allowed = plan, session, None, allowed
        ceilings_mj = [allowed.energy_max_mj, plan.limits.at_most(Quantity.ENERGY_MJ)]
        if plan.energy_mj is not None:
            # The unit measures its energy: a hundredth more keeps it from ending the last step early.
            ceilings_mj.append(plan.energy_mj + plan.energy_mj // 100 + 100)
        self.energy_ceiling_mj = min(ceiling for ceiling in ceilings_mj if ceiling is not None)

    def begin(self, step: Emit, for_ms: int) -> None:
        """Note that the output of a step is about to be requested."""
        self.step, self.asked_levels = step, ()
        self.start_seen = self.start_withdrawn = False
        self.step_end_ms = self.delivered_ms + for_ms

    def allow(self, intent: SetOutput | Renew, received_at_ms: int, now_ms: int) -> None:
        """Note a start or a renewal, based on the status received at ``received_at_ms``."""
        if self.unit is None or self.unit.policy.leased:
            self.grant = Grant(intent.unit_uptime_ms, intent.lease_ms)
        self.output_off.allow(received_at_ms, self._goes_on_ms(intent), intent.nonce)
        if isinstance(intent, SetOutput):
            self.fenced = False
            self.start = Start(
                number=self.start.number + 1 if self.start else 1,
                at_ms=now_ms,
                for_ms=intent.for_ms,
                ramp_ms=intent.ramp_ms,
                level=level(intent.setting),
                duty_pct=intent.setting.duty_pct,
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

    def _hear_lowered(self, status: Status, intent: Intent | None) -> None:
        """Expect the lower level from its answer on, or from a report that names it where that was lost."""
        to_level = status.level_set
        if isinstance(intent, LowerLevel) and not status.refusal:
            to_level = intent.level
        if self.step is not None and to_level in self.asked_levels:
            self.step = _lowered(self.step, to_level)

    def hear(
        self, status: Status, now_ms: int, intent: Intent | None = None, came_ms: int | None = None
    ) -> None:
        """Note a status. Only one of the identified unit is kept.

        ``intent`` is what it answers, and ``came_ms`` when it came, where it has waited here until now.
        """
        self.output_off.hear(status, now_ms)
        if not self.is_from_the_unit(status):
            return
        status = self._filled(status, now_ms, now_ms if came_ms is None else came_ms)
        self.status = status
        self.counted = status if self.is_ours(status) else self.counted
        self.start_seen = self.start_seen or status.state in (UnitState.EMITTING, UnitState.SUSPENDED)
        taken = isinstance(intent, Arm) and not status.refusal
        self.fenced = self.fenced or self.start_seen or taken
        self.arm_taken = self.arm_taken or taken
        if status.state in RUNNING and self.is_ours(status):
            self._hear_lowered(status, intent)
        self.armed = self.armed or self.is_armed()

    def _filled(self, status: Status, now_ms: int, came_ms: int) -> Status:
        """``status`` with what the unit cannot tell."""
        if self.unit is None:
            return status
        if self._reckoner is None:
            told = self.unit.declared.reports
            if not self.unit.policy.unit_ends_steps:  # whoever ends the steps counts their time
                told = told - {ReportField.TIME}
            self._reckoner = Reckoner(told, self.unit.area_mm2)
        return self._reckoner.fill(status, came_ms, self.session, self.start, now_ms)

    def count_step_whole(self) -> None:
        """The host has ended the step a moment before its time: it has been given."""
        if self._reckoner is not None and self.counted is not None:
            self._reckoner.count_up_to(self.step_end_ms)
            self.counted = replace(self.counted, delivered_ms=max(self.delivered_ms, self.step_end_ms))

    # --- what follows from it -------------------------------------------------------------------------------

    @property
    def driven_unit(self) -> Unit:
        """The unit on the cable; raise `GuardRefused` before it has made itself known."""
        if self.unit is None:
            raise misused("a unit was to be driven that has not made itself known")
        return self.unit

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
        return max((level(self.capped(step).setting) for step in emissions), default=0)

    def capped(self, step: Emit) -> Emit:
        """``step`` at no higher level than somebody has lowered the session to."""
        return step if self.level_cap is None else _lowered(step, self.level_cap)

    @property
    def due_step(self) -> Emit | None:
        """The emission that runs or comes next, at the level that it may have now; None when all is given."""
        due = self.allowed.step_at(self.delivered_ms) if self.allowed else None
        return None if due is None else self.capped(due[0])

    @property
    def can_be_lowered(self) -> bool:
        """Whether output is left to give, and the unit gives a lower level than that."""
        step = self.due_step
        return step is not None and self.allowed is not None and level(step.setting) > self.allowed.level_min

    @property
    def level_to_lower_to(self) -> int | None:
        """To which level the running step has yet to be lowered; None once the unit has said that it is."""
        if self.step is None or self.level_cap is None or level(self.step.setting) <= self.level_cap:
            return None
        return self.level_cap

    def is_from_the_unit(self, status: Status) -> bool:
        """Whether the identified unit sent ``status``, and has not restarted since it was identified."""
        return self.unit is None or status.nonce == self.unit.identity.nonce

    def is_ours(self, status: Status) -> bool:
        """Whether the counts of ``status`` belong to our session."""
        return self.session != 0 and status.session == self.session

    def is_armed(self) -> bool:
        """Whether the unit has our ceilings, and no start from before can still come upon it."""
        status = self.status
        ready = status is not None and status.state is UnitState.READY and self.is_ours(status)
        return ready and self.fenced

    def has_energy_for(self, step: Emit, for_ms: int) -> bool:
        """Whether the session's ceiling leaves a moment's output, and the bounds on energy all of it.

        The energy of a massage gun does not follow from a setting: it is estimated from what it has given so
        far.
        """
        if self.unit is None:
            return True
        ramp_ms = min(step.ramp_ms, for_ms)
        if self.allowed and not self.allowed.has_energy_for(step.setting, for_ms, ramp_ms, self.energy_mj):
            return False
        if self.unit.area_mm2 is not None:
            moment_mj = energy_mj(Emit(step.setting, MOMENT_MS, 0), self.unit.area_mm2)
        else:
            moment_mj = -(-self.energy_mj * MOMENT_MS // max(self.delivered_ms, 1))
        return self.energy_mj + moment_mj <= self.energy_ceiling_mj

    def guard_context(self, state: State, *, recorded: bool) -> GuardContext:
        """Return what the guard compares a message with; ``recorded`` says that there is a recorder."""
        declared = self.unit.declared if self.unit else None
        return GuardContext(
            state=state,
            nonce=self.unit.identity.nonce if self.unit else 0,
            session=self.session,
            unit_uptime_ms=self.status.uptime_ms if self.status else 0,
            delivered_ms=self.delivered_ms,
            energy_mj=self.energy_mj,
            stop_asked=self.output_off.asked_ms is not None,
            recorded=recorded,
            allowed=self.allowed,
            level=level(self.step.setting) if self.step else 0,
            level_cap=self.level_cap,
            lease_min_ms=declared.lease_min_ms if declared else 0,
            lease_max_ms=declared.lease_max_ms if declared else 0,
            host_loss=declared.host_loss if declared else HostLoss.NONE,
            attended=self.attended,
        )

    def expected(self, status: Status, plan: Plan, *, live: bool, resting: bool = False) -> Expected:
        """Return what the watch compares ``status`` with.

        ``live`` says that output may be on; ``resting``, that it is off and that nothing is on its way.
        """
        set_level = level(self.step.setting) if self.step else 1
        ours = self.is_ours(status)  # counts of another session are not compared
        return Expected(
            wanted_level=set_level if self.step and self.start_seen and live else 0,
            last_level=set_level,
            resting=resting,
            armed=self.armed,
            delivered_max_ms=self._delivered_max_ms(plan) if ours else status.delivered_ms,
            energy_max_mj=self._energy_max_mj() if ours else status.energy_mj,
            planned_ms=plan.delivered_ms,
            session=self.session if self.counted or self.arm_taken else None,
            start=self.start,
            grant=self.grant,
        )

    def _energy_max_mj(self) -> int:
        """The session's ceiling, and the energy of one status period: a unit ends its output in time, but not
        exactly.

        For a massage gun that energy does not follow from a setting.
        """
        if self.step is None or self.unit is None or self.unit.area_mm2 is None:
            return self.energy_ceiling_mj
        return self.energy_ceiling_mj + _period_mj(self.step.setting, self.unit.area_mm2)

    def _delivered_max_ms(self, plan: Plan) -> int:
        """What the unit may have delivered by now: no more than up to the end of the step last started."""
        return min(self.step_end_ms + TICK_MS, plan.delivered_ms) if self.step else plan.delivered_ms

    # --- Facts: the conditions of transitions -----------------------------------------------

    def unit_is_known(self) -> bool:
        """The unit has identified itself and may be driven."""
        return self.unit is not None

    def plan_is_within_limits(self) -> bool:
        """Compare the plan with its limits once more."""
        plan = self.plan
        if plan is None or plan.excesses():
            return False
        return not (plan.emissions and plan.limits.blocked(plan.family))

    def output_is_allowed(self) -> bool:
        """The plan is within limits, the unit is armed for it, and nothing has asked to stop."""
        return (
            self.plan_is_within_limits()
            and self.output_off.asked_ms is None
            and self.is_armed()
            and self.status is not None
            and not self.status.faults
        )

    def step_is_guided(self) -> bool:
        """The step that runs is an instruction with a time: it gives no output."""
        return self.guided

    def level_is_as_before(self) -> bool:
        """After contact is back, the level is no higher than it was set."""
        step, status = self.step, self.status
        return step is not None and status is not None and status.level_set <= level(step.setting)

    def output_off_is_confirmed(self) -> bool:
        """Whether the unit has reported output off."""
        return self.output_off.confirmed_off

    def cause_has_gone(self) -> bool:
        """The unit reports no fault, and output is confirmed off."""
        return self.output_off.confirmed_off and self.status is not None and not self.status.faults
