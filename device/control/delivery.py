"""The script that delivers a plan: its steps, in their order, from the first to the last.

What was delivered is what the unit reports, never what was asked. Between steps and in pauses the
output is off; after a pause the rest of a step is what the unit has not yet counted.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from device.control.admission import Admission
from device.control.controller import Controller, Script
from device.control.machine import State
from device.control.schedule import LIVE, LOOK_MS
from device.control.state import TICK_MS
from device.dialects.base import Look, UnitState
from device.events import Progress, Silence, StepEnded, StepStarted
from device.monitor.conditions import CLOCK_TOLERANCE_PCT
from protocols.plan import Emit, Plan, Step

PROGRESS_MS = 1000
PAUSE_MAX_MS = 600_000  # a session nobody takes up again for this long is over
ATTEMPTS = 3  # for what may be tried again: arming, and a start that the unit never heard


class Ended(StrEnum):
    """How a delivery came to its end."""

    COMPLETED = "completed"
    STOPPED = "stopped"  # by a person
    INTERRUPTED = "interrupted"  # by a fault


@dataclass(frozen=True, slots=True)
class Delivery:
    """What came of a plan."""

    ended: Ended
    why: str  # empty when it was completed
    silence: Silence
    delivered_ms: int
    energy_mj: int
    duration_ms: int
    steps_done: int


class _Over(Exception):
    """The session has left the states in which it can go on."""


def deliver(
    controller: Controller, plan: Plan, session: int, *, admission: Admission, attended: bool = False
) -> Script[Delivery]:
    """Run ``plan`` on the unit behind ``controller`` and say what came of it.

    ``admission`` is what the record's opening entry holds: the guard judges by it, and not by the plan.
    ``attended`` says that a person is there to resume: without one, what would pause ends the session.
    Whatever is raised on the way, output is off, or was told to go off by every way there is, before
    the exception leaves here.
    """
    walk = _Walk(controller, plan)
    began_ms = controller.now_ms
    try:
        controller.take_up(plan, session, admission=admission, attended=attended)
        try:
            yield from walk.steps()
        except _Over:
            pass
        else:
            walk.completed = True
            controller.stop()
        silence = yield from controller.settle()
    except GeneratorExit:  # whoever ran this script has dropped it, and will not wait
        controller.fail("the session was dropped")
        raise
    except BaseException:
        yield from controller.abandon()
        raise
    return Delivery(
        ended=walk.ended(),
        why=controller.failure or ("" if walk.completed else "stopped by the operator"),
        silence=silence,
        delivered_ms=controller.delivered_ms,
        energy_mj=controller.energy_mj,
        duration_ms=controller.now_ms - began_ms,
        steps_done=walk.done,
    )


class _Walk:
    """One walk through a plan's steps."""

    def __init__(self, controller: Controller, plan: Plan) -> None:
        self._controller = controller
        self._plan = plan
        self._shown_ms = 0
        self._was_held = False  # at any time in the latest emission
        self.done = 0
        self.completed = False

    def ended(self) -> Ended:
        """How it ended, as things stand."""
        if self._controller.failure:
            return Ended.INTERRUPTED
        return Ended.COMPLETED if self.completed else Ended.STOPPED

    def steps(self) -> Script[None]:
        """Walk every step; raise `_Over` when the session cannot go on."""
        owed_ms = 0  # delivered time at which the step at hand is over
        for number, step in enumerate(self._plan.steps, start=1):
            if not self._at(State.ARMED, State.PAUSED, State.PAUSING):  # the step before has ended it
                raise _Over
            self._announce(number, step)
            if isinstance(step, Emit):
                owed_ms += step.duration_ms
                yield from self._emit(step, owed_ms)
            else:
                yield from self._wait(step.duration_ms)
            self.done = number
            controller = self._controller
            controller.tell(StepEnded(at_ms=self._now(), step=number, delivered_ms=controller.delivered_ms))

    # --- steps ------------------------------------------------------------------------------------

    def _emit(self, step: Emit, owed_ms: int) -> Script[None]:
        unheard = 0
        planned = step
        while self._left_ms(owed_ms) > 0:
            yield from self._go_on(self._left_ms(owed_ms))
            yield from self._arm()
            left_ms = self._left_ms(owed_ms)  # only now: the unit has told what a pause has cut off
            if not self._at(State.ARMED) or left_ms <= 0:  # paused meanwhile, or paused at the very end
                continue
            step = self._controller.known.capped(planned)
            if not self._controller.known.has_energy_for(step, left_ms):  # it gave more than reckoned
                self._controller.fail(
                    "all of the energy that this session may give has been given before its time"
                )
                continue
            held = yield from self._start(step, planned, owed_ms)
            left_ms = self._left_ms(owed_ms)
            if held is None or not self._at(State.ARMED) or left_ms <= 0:
                continue
            if not self._controller.known.confirmed:
                unheard += 1
                if unheard >= ATTEMPTS:
                    self._controller.fail("the unit does not hear a start")
            elif self._has_run_out(held):
                if not self._was_held and not self._has_been_counted():
                    self._controller.fail("the unit does not count the time for which it gives output")
            elif self._controller.known.has_energy_for(step, left_ms):
                self._controller.break_off(self._why_early(held))

    def _start(self, step: Emit, planned: Emit, owed_ms: int) -> Script[bool | None]:
        """Start output, and wait until it is over. Return whether contact was lost; None: not started."""
        left_ms = self._left_ms(owed_ms)
        for_ms = min(left_ms, self._longest_ms() or left_ms)
        yield from self._permit(step, for_ms)
        unchanged = left_ms == self._left_ms(owed_ms) and step == self._controller.known.capped(planned)
        if not (self._at(State.ARMED) and self._is_ready() and unchanged):
            return None  # what was permitted is not what would be started now
        self._controller.start(step, for_ms)
        held = self._was_held = False
        while self._at(*LIVE):
            held = self._at(State.HELD)
            self._was_held = self._was_held or held
            # When its output should end is the controller's to know: it may be due, and still be on.
            yield self._show_until(step, self._left_ms(owed_ms), self._now() + PROGRESS_MS)
        return held

    def _longest_ms(self) -> int | None:
        """For how long one start may ask for output on this unit; None: for a whole step."""
        unit = self._controller.unit
        return unit.policy.emission_max_ms if unit is not None else None

    def _has_run_out(self, held: bool) -> bool:
        """Whether an emission shorter than its step has lasted for as long as it was asked for.

        A unit of which only its own timer ends output counts lost contact in: less has been delivered then.
        """
        start = self._controller.known.start
        if held or start is None or self._longest_ms() is None:
            return False
        return self._now() - start.at_ms >= start.for_ms * (100 - CLOCK_TOLERANCE_PCT) // 100

    def _has_been_counted(self) -> bool:
        """Whether the unit has counted all of an emission that has run out, and in which it had contact.

        Else what is left of the step would never become less, however often it is started.
        """
        controller, start = self._controller, self._controller.known.start
        if start is None:
            return False
        return controller.delivered_ms - start.base_ms >= max(start.for_ms - TICK_MS, 1)

    def _why_early(self, held: bool) -> str:
        """Why the unit has ended a step before its time, as far as its reports say."""
        unit = self._controller.unit
        if held and unit is not None and unit.declared.senses_contact:
            return "the unit ended the step early: contact was lost for too long"
        return "the unit ended the step early, and its reports do not say why"

    def _left_ms(self, owed_ms: int) -> int:
        return owed_ms - self._controller.delivered_ms

    def _permit(self, step: Emit, left_ms: int) -> Script[None]:
        """Have the start recorded, and wait for that. It has no date yet, so that it cannot grow stale."""
        number = self._controller.permit_output(step, left_ms)
        yield self._now()
        while self._at(State.ARMED) and not self._controller.is_written(number):
            yield self._show_until(step, left_ms, self._now() + PROGRESS_MS)
        yield from self._arm()

    def _arm(self) -> Script[None]:
        for _ in range(ATTEMPTS + 1):  # one of them may be a look, for an Arm to be dated by
            yield from self._controller.wait_for_line(self._now() + LOOK_MS)
            if self._is_ready() or not self._at(State.ARMED):
                return
            looks = not self._can_arm()
            if looks:
                self._controller.say(Look())
            else:
                self._controller.arm()
            give_up_ms = self._now() + LOOK_MS
            while not self._is_ready() and self._at(State.ARMED) and self._now() < give_up_ms:
                yield give_up_ms
                if looks and self._can_arm():
                    break
        if not self._is_ready() and self._at(State.ARMED):
            self._controller.fail("the unit does not answer when it is armed")

    def _can_arm(self) -> bool:
        """Not armed, and heard since we last stopped it, a moment ago: an Arm is dated by that report."""
        return not self._controller.known.is_armed() and self._controller.can_date

    def _is_ready(self) -> bool:
        """Armed, and heard a moment ago: a start's lease runs from what the unit last said."""
        controller = self._controller
        return controller.known.is_armed() and controller.fresh and controller.line_is_free

    def _wait(self, duration_ms: int) -> Script[None]:
        """Let ``duration_ms`` pass with the session running; a pause makes it stand still.

        The unit is armed meanwhile: what stops it then, its key or another program, is seen.
        """
        left_ms = duration_ms
        while left_ms > 0:
            yield from self._go_on(left_ms)
            if self._plan.emissions and not self._controller.known.is_armed():
                yield from self._arm()
            began_ms = self._now()
            yield self._show_until(None, left_ms, began_ms + left_ms)
            left_ms -= self._now() - began_ms

    def _go_on(self, left_ms: int) -> Script[None]:
        """Sit out a pause. Return only in ARMED; raise `_Over` when the session has ended."""
        since_ms = self._now()
        while self._at(State.PAUSED, State.PAUSING):
            if self._controller.silence() not in (None, Silence.PROVEN):
                self._controller.fail("a pause was asked and the unit did not say that its output is off")
            elif self._now() - since_ms >= PAUSE_MAX_MS:
                self._controller.fail("nobody has resumed the session")
            else:
                yield self._show_until(None, left_ms, self._now() + PROGRESS_MS)
        if not self._at(State.ARMED):
            raise _Over

    # --- showing ----------------------------------------------------------------------------------

    def _show_until(self, step: Emit | None, left_ms: int, until_ms: int) -> int:
        """Tell the progress when it is due; return until when there is nothing else to do."""
        if self._now() - self._shown_ms >= PROGRESS_MS:
            self._shown_ms = self._now()
            self._show(step, left_ms)
        return min(until_ms, self._shown_ms + PROGRESS_MS)

    def _show(self, step: Emit | None, left_ms: int) -> None:
        report = self._controller.report
        if report is None:
            return
        rest_ms = sum(later.duration_ms for later in self._plan.steps[self.done + 1 :])
        on = step is not None and report.state in (UnitState.EMITTING, UnitState.HELD)
        self._controller.tell(
            Progress(
                at_ms=self._now(),
                step=self.done + 1,
                remaining_ms=left_ms + rest_ms,
                state=self._controller.state.value,
                level_set=report.level_set if on else 0,
                output=report.output,
                delivered_ms=self._controller.delivered_ms,
                energy_mj=self._controller.energy_mj,
                head_temp_ddeg_c=report.head_temp_ddeg_c,
                contact_pct=report.contact_pct,
                battery_pct=report.battery_pct,
            )
        )

    def _announce(self, number: int, step: Step) -> None:
        self._controller.tell(
            StepStarted(
                at_ms=self._now(),
                step=number,
                steps=len(self._plan.steps),
                kind=step.kind,
                say=step.say,
                duration_ms=step.duration_ms,
            )
        )
        self._shown_ms = self._now() - PROGRESS_MS  # show at once

    def _at(self, *states: State) -> bool:
        return self._controller.state in states

    def _now(self) -> int:
        return self._controller.now_ms
