"""The judge: compares the simulated unit's true output with the scenario, at every event.

Between two events of virtual time only straight ramps change, so judging every event judges every
millisecond. It uses the scenario, the expected run, and the events of the session. It shares no limit and
no timer with the controller.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias

from device.control.machine import State
from device.events import (
    AlarmRaised,
    Commanded,
    Event,
    LevelLowered,
    OffConfirmation,
    OutputPermitted,
    StepStarted,
    StopOutcome,
)
from device.wire.messages import Result
from physioctl.events import Outcome, SessionEnded
from physioctl.record.journal import Journal
from physioctl.rehearsal.rig import Rig
from physioctl.rehearsal.storm.delivered import Delivered
from physioctl.rehearsal.storm.expected_run import ExpectedRun
from physioctl.rehearsal.storm.host import MortalClock
from physioctl.rehearsal.storm.kinds import kind_called
from physioctl.rehearsal.storm.loss import Loss
from physioctl.rehearsal.storm.operator_intent import OperatorIntent
from physioctl.rehearsal.storm.scenario import Scenario
from physioctl.rehearsal.storm.second_program import StoppedElsewhere
from physioctl.rehearsal.storm.time_to_safe import (
    PRESUMED_PCT,
    backlog_bound_ms,
    bound_ms,
    clock_stretch,
    lease_ms,
    line_ms,
    must_be_refused,
    times_to_safe,
)
from simulator.faults import FaultKind
from simulator.record import Breach, OutputChange, Why

OnChange: TypeAlias = Callable[[int, OutputChange], None]  # at a true time

_LIVE = (State.EMITTING, State.SUSPENDED)
# A minute of the unit's, by a clock that may be two hundredths off, and a late answer.
_SUSPENSION_MS = 62_500
_LOWERED_MS = 1000  # within which a unit has taken a lower level, or is stopped
_HAIR = 1e-6  # floats, on the way from one level to another


class Rule(StrEnum):
    """What may never happen."""

    LEVEL = "output above the step's level"
    AVERAGE = "the temporal average above the step's: a duty cycle that was not set"
    ADMIT = "output from a unit that had to be refused"
    LEASE = "output without a live lease"
    EXPECTED_OFF = "output for longer than a lease while the controller expects it off"
    BLIND = "output for longer than a lease after the unit was last heard"
    DOSE = "more time or energy than was planned"
    TIME = "a step gave output for longer than planned, or a completed one for less"
    RAMP = "output rose faster than over the step's ramp"
    RISE = "a level rose without a person's act"
    UNSTARTED = "output before a person's start, in a session that waits for it"
    ELSEWHERE = "output rose after somebody else had stopped the unit"
    LOWER = "output above a level to which somebody had lowered it"
    STEP = "the unit was set to another level than the step's"
    SLOW = "safe too late"
    STOP = "output was not off after a stop"
    CONFIRMATION = "output off was reported, and output was on"
    RECORD = "the journal does not agree with the unit"
    UNRECORDED = "a start was sent, or an end told, that was not in the journal"
    CHAIN = "the journal is not whole"
    LINE = "the host sent while the unit was sending"
    BREACH = "the unit was asked what it should not have been"
    ESCAPED = "an exception escaped that is not one of ours"
    HUNG = "the session has no end"


@dataclass(frozen=True, slots=True)
class Violation:
    """A rule, broken."""

    rule: Rule
    at_ms: int
    what: str


class Judge:
    """Judges one scenario. It is the last actor in virtual time, and changes nothing."""

    def __init__(
        self,
        scenario: Scenario,
        expected_run: ExpectedRun,
        rig: Rig,
        clock: MortalClock,
        on_change: OnChange | None = None,
    ) -> None:
        self.violations: dict[Rule, Violation] = {}  # the first of each
        self.alarms: list[str] = []
        self.ended: SessionEnded | None = None
        self.journal: Journal | None = None  # that the session is recorded in
        self._scenario = scenario
        self._expected_run = expected_run
        self._on_change = on_change
        self._rig = rig
        self._clock = clock
        self._faults = {fault.kind: fault for fault in scenario.faults}
        self._kind = kind_called(scenario.dialect, scenario.host_loss)
        self._lease_ms = lease_ms(scenario)
        self._bound_ms = bound_ms(scenario)
        self.loss = Loss(scenario, clock)
        self.times_to_safe = times_to_safe(
            scenario, rig, clock, lambda: self._bound, lambda: self._duty_pct, self.loss.bound_ms
        )
        self._bound = self._duty_pct = 0  # the level that may go out in the present step, and its duty cycle
        self._operator_intent = OperatorIntent(scenario, clock, rig.controller)
        self._elsewhere = StoppedElsewhere(rig.unit, rig.controller, clock, line_ms(scenario))
        self._delivered = Delivered(scenario, expected_run, rig.unit.plate.resume_ramp_ms, self.loss)
        self._set = 0
        self._lowered: tuple[int, int] | None = None  # to which level, and when that was told
        self._line = self._start_level = 0  # where the present ramp leads, and the start that has left
        self._commanded = 0  # what the unit's own program wants to go out
        self._seen = 0  # changes of output
        self._suspended_at_ms = 0  # when contact was last lost
        self._breaches = self._collisions = 0  # seen
        self._permitted = self._used = 0  # permissions told; and how many of them up to the latest start
        self._starts = 0  # that have left and not yet come into force: one at most
        self._before_ms = 0
        self._was_on = self._was_stuck = False
        self._output = 0.0
        self._unwanted_ms: int | None = None  # since when output is on that should be off
        self._disobeys_ms: int | None = None  # since when the unit could report output against its own state

    def next_ms(self) -> int | None:
        """None: it does nothing by itself."""
        return None

    def move_to(self, now_ms: int) -> None:
        """Judge the present output."""
        unit = self._rig.unit
        output, on = unit.output, unit.output_off_since_ms is None
        self.loss.look(now_ms, self._before_ms)
        self._operator_intent.look()
        self._elsewhere.look()
        if len(unit.breaches) > self._breaches:
            self._judge_breaches(unit.breaches[self._breaches :])
        if len(self._rig.cable.collisions_ms) > self._collisions:
            self._judge_collision(now_ms)
        if self._was_on:
            self._delivered.ran(now_ms - self._before_ms)
            if not on:
                self._delivered.ended()
        if len(unit.changes) > self._seen:
            self._hear_changes(unit.changes[self._seen :])
        stuck = self.during(FaultKind.STUCK_OUTPUT)
        if on and not stuck:
            self._judge_output(now_ms, output)
        else:
            self._unwanted_ms = None
        if not on or self._commanded or self.during(FaultKind.LYING_SENSOR):
            self._disobeys_ms = None
        elif self._disobeys_ms is None:
            self._disobeys_ms = now_ms
        if on or self._was_on:
            self._time(now_ms, on, output if on else self._output, stuck)
        self._before_ms, self._was_on, self._was_stuck, self._output = now_ms, on, stuck, output

    def _time(self, now_ms: int, on: bool, output: float, stuck: bool) -> None:
        """Update every time to safe; while output is stuck, they are discarded."""
        for timed in self.times_to_safe:
            if timed.kind != FaultKind.STUCK_OUTPUT and (stuck or self._was_stuck):
                timed.forget()
            else:
                timed.look(now_ms, self._before_ms, on, self._was_on, output)

    def on_event(self, event: Event) -> None:
        """Process an event of the session, while the host is alive."""
        if self._clock.dead:
            return
        self._operator_intent.hear(event)
        self._elsewhere.hear(event)
        match event:
            case StepStarted():
                self._bound = self._capped(self._expected_run.bound(event.step))
                self._duty_pct = self._expected_run.duty_pct(event.step)
                self._delivered.begin(event.step)
            case LevelLowered():
                self._lowered = event.after, self._clock.now_ms()
            case AlarmRaised():
                self.alarms.append(event.code)
            case StopOutcome():
                self._hear_output_off(event.output_off)
            case SessionEnded():
                self._judge_the_end(event)
            case OutputPermitted():
                self._permitted += 1
            case Commanded(intent="SetOutput"):
                self._judge_start()

    def _judge_the_end(self, event: SessionEnded) -> None:
        self.ended = event
        if event.outcome is not Outcome.FAILED and not self._kept("session_ended"):
            self.broken(Rule.UNRECORDED, "the end of the session")
        self._hear_output_off(event.output_off)

    def _hear_output_off(self, reported: OffConfirmation) -> None:
        if reported is OffConfirmation.UNKNOWN:
            self.loss.give_up(self._clock.now_ms())
        self._judge_output_off(reported)

    def during(self, *kinds: FaultKind) -> bool:
        """Whether a fault of any of ``kinds`` is at work."""
        now_ms = self._clock.now_ms()
        return any(kind in self._faults and self._faults[kind].during(now_ms) for kind in kinds)

    def begun(self, *kinds: FaultKind) -> bool:
        """Whether a fault of any of ``kinds`` has been at work."""
        now_ms = self._clock.now_ms()
        return any(kind in self._faults and self._faults[kind].at_ms <= now_ms for kind in kinds)

    def broken(self, rule: Rule, what: str) -> None:
        """Note that ``rule`` is broken."""
        self.violations.setdefault(rule, Violation(rule, self._clock.now_ms(), what))

    def judge_times_delivered(self) -> None:
        """Judge what a completed session has given, step by step."""
        if self.ended is not None and self.ended.outcome is Outcome.COMPLETED:
            for what in self._delivered.too_short(self._clock.now_ms()):
                self.broken(Rule.TIME, what)

    def _judge_output(self, now_ms: int, output: float) -> None:
        self._judge_level(now_ms, output)
        if not self._operator_intent.started:
            self.broken(Rule.UNSTARTED, f"{output:.1f}")
        to_level, since_ms = self._lowered or (self._bound, now_ms)
        overdue = now_ms - since_ms > self.loss.bound_ms(_LOWERED_MS + self._bound_ms, since_ms)
        if overdue and output > to_level * self._off_by(now_ms) + _HAIR:
            self.broken(Rule.LOWER, f"{output:.1f}, lowered to {to_level}")
        if not self.begun(FaultKind.STUCK_OUTPUT) and (what := self._delivered.too_long(now_ms)):
            self.broken(Rule.TIME, what)
        against_ms = self._operator_intent.against_for_ms()
        if self._too_long(against_ms, self._bound_ms):
            self.broken(Rule.SLOW, f"{output:.1f}, {against_ms} ms after somebody wanted it off")
        self._judge_backlog(now_ms, output)
        endless = not self._kind.leased and self.begun(FaultKind.ENDLESS_STEP)
        if not self._rig.unit.lease_live and not endless:  # what its timer does is judged by TIME then
            self.broken(Rule.LEASE, f"{output:.1f} and no lease")
        controller = self._rig.controller
        if controller.state in _LIVE:
            self._unwanted_ms = None
        elif self._unwanted_ms is None:
            self._unwanted_ms = now_ms
        elif self._too_long(since_ms := now_ms - self._unwanted_ms, self._lease_ms):
            self.broken(Rule.EXPECTED_OFF, f"{output:.1f} for {since_ms} ms in {controller.state.value}")
        since_ms = now_ms - controller.scheduler.received_at_ms
        if self._too_long(since_ms, self._lease_ms):
            self.broken(Rule.BLIND, f"{output:.1f}, and the unit last heard {since_ms} ms ago")

    def _too_long(self, for_ms: int, bound_ms: int) -> bool:
        """Whether ``for_ms`` until now is more than a bound, and what is added where nobody could stop it."""
        return for_ms > bound_ms and for_ms > self.loss.bound_ms(bound_ms, self._clock.now_ms() - for_ms)

    def _judge_backlog(self, now_ms: int, output: float) -> None:
        """A host that does nothing counts no time for which an event waits."""
        disk = self._scenario.disk
        if disk is None or disk.stops_ms is None or self._clock.frozen:
            return
        since_ms = now_ms - max(disk.stops_ms, self._clock.woke_ms)
        if self._too_long(since_ms, backlog_bound_ms(self._scenario)):
            self.broken(Rule.SLOW, f"{output:.1f}, {since_ms} ms after the disk had stopped")

    def _judge_start(self) -> None:
        self._starts, self._start_level = 1, self._capped(self._bound)
        self._judge_permission()
        if not self._operator_intent.lets_start:
            self.broken(Rule.RISE, "a start was sent that the operator had not asked for")

    def _judge_permission(self) -> None:
        """A start needs a permission of its own, and that one is in the journal before the start is sent."""
        if self._permitted == self._used:
            self.broken(Rule.UNRECORDED, "a start that was not permitted")
        elif self._kept("output_permitted") < self._permitted:
            self.broken(Rule.UNRECORDED, "the permission of a start")
        self._used = self._permitted

    def _kept(self, name: str) -> int:
        """How many events of this name are in the journal."""
        assert self.journal is not None
        with self.journal.reading() as connection:
            (count,) = connection.execute("SELECT count(*) FROM entries WHERE name = ?", (name,)).fetchone()
        return int(count)

    def _judge_breaches(self, breaches: list[Breach]) -> None:
        """A start on its way while somebody else stopped the unit is no fault of the host's."""
        self._breaches += len(breaches)
        for breach in breaches:
            if breach.result is not Result.BAD_STATE or not self._elsewhere.unheard:
                self.broken(Rule.BREACH, str(breach))

    def _judge_collision(self, now_ms: int) -> None:
        """An answer that is late, or another program's request, is no fault of the host's."""
        self._collisions = len(self._rig.cable.collisions_ms)
        if not self._scenario.elsewhere and not self.loss.lost(now_ms):
            self.broken(Rule.LINE, "what both sent was lost")

    def _judge_level(self, now_ms: int, output: float) -> None:
        most = self._bound * self._off_by(now_ms)
        average, most_average = output * self._rig.unit.duty_pct / 100, most * self._duty_pct / 100
        fixed = self.during(FaultKind.WRONG_DUTY, FaultKind.LYING_DUTY)
        if output > most + _HAIR:
            self.broken(Rule.LEVEL, f"{output:.1f} in a step of {self._bound}")
        elif average > most_average + _HAIR and not fixed:
            self.broken(Rule.AVERAGE, f"{average:.1f} in a step of {most_average:.1f} on average")
        elif output > self._line * self._off_by(now_ms) * self._delivered.share(now_ms) + _HAIR:
            self.broken(Rule.RAMP, f"{output:.1f} already, on the way to {self._bound}")

    def _off_by(self, now_ms: int) -> float:
        """By which factor the unit gives more than it means to."""
        ageing = self._faults.get(FaultKind.AGEING)
        return 1 + max(ageing.amount, 0.0) if ageing is not None and ageing.during(now_ms) else 1.0

    def _capped(self, level: int) -> int:
        return level if self._lowered is None else min(level, self._lowered[0])

    def _hear_changes(self, changes: list[OutputChange]) -> None:
        self._seen += len(changes)
        for change in changes:
            if self._on_change is not None:
                self._on_change(self._clock.now_ms(), change)
            if change.why not in (Why.STUCK, Why.UNSTUCK):
                self._commanded = change.output
            if change.why is Why.CONTACT_LOST:
                self._suspended_at_ms = self._clock.now_ms()
            if change.output and change.why in (Why.SET, Why.CONTACT_BACK):
                self._judge_rise(change)
            if change.why is Why.LOWER:
                self._bound = self._set = min(self._bound, change.output)

    def _judge_rise(self, change: OutputChange) -> None:
        against_ms = self._operator_intent.against_for_ms()
        if self._too_long(against_ms, self._bound_ms):
            self.broken(Rule.RISE, f"{change.output}, {against_ms} ms after somebody wanted it off")
        if (stopped_ms := self._elsewhere.for_ms()) > 0:
            self.broken(Rule.ELSEWHERE, f"{change.output}, {stopped_ms} ms after the unit was stopped")
        if change.why is Why.SET:
            if must_be_refused(self._scenario, self._rig.unit.plate.sensors):
                self.broken(Rule.ADMIT, f"set to {change.output}")
            self._delivered.started(self._clock.now_ms())
            if change.output != self._start_level:
                self.broken(Rule.STEP, f"set to {change.output} in a step of {self._start_level}")
            self._bound = self._start_level
            if not self._starts:
                self.broken(Rule.RISE, f"set to {change.output} by a start that was none, or had been")
            self._starts = 0
            self._line = self._set = change.output
            return
        self._delivered.came_back(self._clock.now_ms())
        self._line = change.output
        suspended_ms = self._clock.now_ms() - self._suspended_at_ms
        if suspended_ms > _SUSPENSION_MS:
            self.broken(Rule.RISE, f"{change.output} by itself, after {suspended_ms} ms without contact")
        if change.output > self._set:
            self.broken(Rule.RISE, f"back at {change.output}, and it was set to {self._set}")

    def _judge_output_off(self, reported: OffConfirmation) -> None:
        unit = self._rig.unit
        if reported is OffConfirmation.PRESUMED and self._kind.goes_on_ms is None and unit.changes:
            self.broken(
                Rule.CONFIRMATION, "output off was presumed of a unit that nothing but its switch ends"
            )
        if unit.output_off_since_ms is not None or reported is OffConfirmation.UNKNOWN:
            return
        if self.during(FaultKind.STUCK_OUTPUT) and not self._has_been_heard_disobeying():
            return
        # What is presumed allows for a lease or a timer a tenth longer, and for no more.
        stretched = clock_stretch(self._scenario) * 100 > PRESUMED_PCT
        if reported is OffConfirmation.PRESUMED and stretched and self._commanded:
            return
        self.broken(Rule.CONFIRMATION, f"output off was {reported.value}, and output is {unit.output:.1f}")

    def _has_been_heard_disobeying(self) -> bool:
        """Whether a report sent since the unit could tell of it has reached the controller."""
        since_ms = self._disobeys_ms
        return since_ms is not None and self._rig.controller.scheduler.received_at_ms > since_ms + line_ms(
            self._scenario
        )
