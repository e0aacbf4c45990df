"""The judge: it stands outside the controller and looks at the unit's truth at every event.

Between two events of virtual time nothing changes but straight ramps, so that whoever judges every event
judges every millisecond. It knows the story, the course's own numbers, and what people were told. It shares
no limit and no timer with what it judges.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias

from device.events import (
    Acted,
    AlarmRaised,
    Commanded,
    Event,
    Silence,
    Silenced,
    StateChanged,
    StepStarted,
)
from device.machine import State
from device.operator import Act
from physioctl.events import SessionEnded
from simulator.faults import FaultKind
from simulator.record import OutputChange, Why
from simulator.rig import Rig
from simulator.storm.course import Course
from simulator.storm.hazards import INFERRED_MS, hazards, lease_ms
from simulator.storm.host import MortalClock
from simulator.storm.story import Story

OnChange: TypeAlias = Callable[[int, OutputChange], None]  # at a true time

_LIVE = (State.EMITTING, State.HELD)
_HAIR = 1e-6  # floats, on the way from one level to another


class Rule(StrEnum):
    """What may never happen."""

    LEVEL = "output above the step's level"
    LEASE = "output without a live lease"
    BELIEF = "output for longer than a lease while the controller believes it off"
    BLIND = "output for longer than a lease after the unit was last heard"
    DOSE = "more time or energy than was planned"
    RISE = "a level rose without a person's act"
    STEP = "the unit was set to another level than the step's"
    SLOW = "safe too late"
    STOP = "a stop did not end in silence"
    PROOF = "silence was told and was not so"
    RECORD = "the journal does not agree with the unit"
    CHAIN = "the journal is not whole"
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
    """Watches one story. It lives in virtual time, last in its row, and does nothing there."""

    def __init__(
        self, story: Story, course: Course, rig: Rig, clock: MortalClock, on_change: OnChange | None = None
    ) -> None:
        self.violations: dict[Rule, Violation] = {}  # the first of each
        self.alarms: list[str] = []
        self.ended: SessionEnded | None = None
        self._course = course
        self._on_change = on_change
        self._rig = rig
        self._clock = clock
        self._faults = {fault.kind: fault for fault in story.faults}
        self._lease_ms = lease_ms(story)
        self.hazards = hazards(story, rig, clock, lambda: self._bound)
        self._bound = 0  # the level that may go out in the step at hand
        self._set = 0
        self._seen = 0  # changes of output
        self._may_rise = True
        self._starts = 0  # that have left and not yet come into force: one at most
        self._before_ms = 0
        self._was_on = self._was_stuck = False
        self._output = 0.0
        self._unwanted_ms: int | None = None  # since when there is output that the controller believes off

    def next_ms(self) -> int | None:
        """Nothing: it only looks."""
        return None

    def move_to(self, now_ms: int) -> None:
        """Look at what is so now."""
        unit = self._rig.unit
        output, on = unit.output, unit.silent_since_ms is None
        if len(unit.changes) > self._seen:
            self._hear_changes(unit.changes[self._seen :])
        stuck = self.during(FaultKind.STUCK_OUTPUT)
        if on and not stuck:
            self._judge_output(now_ms, output)
        else:
            self._unwanted_ms = None
        if on or self._was_on:
            self._time(now_ms, on, output if on else self._output, stuck)
        self._before_ms, self._was_on, self._was_stuck, self._output = now_ms, on, stuck, output

    def _time(self, now_ms: int, on: bool, output: float, stuck: bool) -> None:
        """Let every stopwatch look on; while output is stuck, it obeys nobody."""
        for hazard in self.hazards:
            if hazard.kind != FaultKind.STUCK_OUTPUT and (stuck or self._was_stuck):
                hazard.forget()
            else:
                hazard.look(now_ms, self._before_ms, on, self._was_on, output)

    def notice(self, event: Event) -> None:
        """Hear what the session tells, while there is somebody to tell it."""
        if self._clock.dead:
            return
        match event:
            case StepStarted():
                self._bound = self._course.bound(event.step)
            case AlarmRaised():
                self.alarms.append(event.code)
            case Silenced():
                self._judge_silence(event.silence)
            case SessionEnded():
                self.ended = event
                self._judge_silence(event.silence)
            case _:
                self._hear_of_output(event)

    def _hear_of_output(self, event: Event) -> None:
        match event:
            case StateChanged() if event.state not in {"armed", "emitting", "held"}:
                self._may_rise = False
            case Acted() if event.act in {Act.RESUME, Act.TOGGLE}:
                # Who resumes before the pause has taken effect has not been heard.
                self._may_rise = self._may_rise or self._rig.controller.state is State.ARMED
            case Commanded(intent="SetOutput"):
                self._starts = 1
                if not self._may_rise:
                    self.broken(Rule.RISE, "a start was sent with nobody's word to go on")

    def during(self, kind: FaultKind) -> bool:
        """Whether a fault of ``kind`` is at work."""
        fault = self._faults.get(kind)
        return fault is not None and fault.during(self._clock.now_ms())

    def begun(self, *kinds: FaultKind) -> bool:
        """Whether a fault of any of ``kinds`` has been at work."""
        now_ms = self._clock.now_ms()
        return any(kind in self._faults and self._faults[kind].at_ms <= now_ms for kind in kinds)

    def broken(self, rule: Rule, what: str) -> None:
        """Note that ``rule`` is broken."""
        self.violations.setdefault(rule, Violation(rule, self._clock.now_ms(), what))

    def _judge_output(self, now_ms: int, output: float) -> None:
        ageing = self._faults.get(FaultKind.AGEING)
        off_by = ageing.amount if ageing is not None and ageing.during(now_ms) else 0.0
        if output > self._bound * (1 + max(off_by, 0.0)) + _HAIR:
            self.broken(Rule.LEVEL, f"{output:.1f} in a step of {self._bound}")
        if not self._rig.unit.lease_live:
            self.broken(Rule.LEASE, f"{output:.1f} and no lease")
        controller = self._rig.controller
        if controller.state in _LIVE:
            self._unwanted_ms = None
        elif self._unwanted_ms is None:
            self._unwanted_ms = now_ms
        elif now_ms - self._unwanted_ms > self._lease_ms:
            since_ms = now_ms - self._unwanted_ms
            self.broken(Rule.BELIEF, f"{output:.1f} for {since_ms} ms in {controller.state.value}")
        since_ms = now_ms - controller.heard_ms
        if since_ms > self._lease_ms:
            self.broken(Rule.BLIND, f"{output:.1f}, and the unit last heard {since_ms} ms ago")

    def _hear_changes(self, changes: list[OutputChange]) -> None:
        self._seen += len(changes)
        for change in changes:
            if self._on_change is not None:
                self._on_change(self._clock.now_ms(), change)
            if change.why is Why.SET:
                if change.output != self._bound:
                    self.broken(Rule.STEP, f"set to {change.output} in a step of {self._bound}")
                if not self._starts:
                    self.broken(Rule.RISE, f"set to {change.output} by a start that was none, or had been")
                self._starts = 0
                self._set = change.output
            elif change.why is Why.CONTACT_BACK and change.output > self._set:
                self.broken(Rule.RISE, f"back at {change.output}, and it was set to {self._set}")

    def _judge_silence(self, told: Silence) -> None:
        unit = self._rig.unit
        if unit.silent_since_ms is not None or told is Silence.UNKNOWN:
            return
        if self.begun(FaultKind.STUCK_OUTPUT, FaultKind.LYING_SENSOR):
            return
        # What is inferred allows for a lease a tenth longer, and for no more.
        if told is Silence.INFERRED and self._lease_ms > INFERRED_MS:
            return
        self.broken(Rule.PROOF, f"silence was {told.value}, and {unit.output:.1f} goes out")
