"""The script that delivers a plan: its steps, in their order, from the first to the last.

What was delivered is what the unit reports, not what was requested. Between steps and in pauses output is
off. After a pause the rest of a step is what the unit has not yet counted.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from device.control.admission import Admission, SessionLoad
from device.control.allowed import BENCH
from device.control.controller import Controller, Script
from device.control.machine import State
from device.control.schedule import LIVE, OFF_STATUS_MS
from device.control.state import TICK_MS
from device.dialects.base import GetStatus, UnitState
from device.events import (
    NOT_STARTED,
    PROGRESS_MS,
    OffConfirmation,
    OutputSoon,
    Progress,
    StartAwaited,
    StepEnded,
    StepStarted,
)
from device.monitor.conditions import CLOCK_TOLERANCE_PCT
from protocols.families import definition
from protocols.plan import Emit, Guide, Off, Plan, Step

PAUSE_MAX_MS = 600_000  # a pause of this length ends the session
START_MAX_MS = 600_000  # and so does a start that nobody gives for so long; this project's own figures
SOON_MS = 5000  # before output begins by itself after a step without output, that is told
ATTEMPTS = 3  # to arm the unit, and to start a step that the unit has not received


class Ended(StrEnum):
    """How a delivery came to its end."""

    COMPLETED = "completed"
    STOPPED = "stopped"  # by a person
    INTERRUPTED = "interrupted"  # by a fault


@dataclass(frozen=True, slots=True)
class Delivery:
    """The result of a plan's delivery."""

    ended: Ended
    why: str  # empty when it was completed
    output_off: OffConfirmation
    delivered_ms: int
    energy_mj: int
    duration_ms: int
    steps_done: int


class _Over(Exception):
    """The session cannot continue in its present state."""


def deliver(
    controller: Controller,
    plan: Plan,
    session: int,
    *,
    admission: Admission,
    attended: bool = False,
    awaits_start: bool = False,
) -> Script[Delivery]:
    """Run ``plan`` on the unit of ``controller`` and return the result.

    ``admission`` is the content of the record's opening entry, which the guard uses instead of the plan.
    ``attended`` says that a person is there to resume: in an unattended session a pause ends the session.
    With ``awaits_start`` nothing is output before a person has started the session, within `START_MAX_MS`.
    When an exception is raised, a stop is sent, and its outcome is waited for, before the exception leaves
    this script.
    """
    walk = _Walk(controller, plan)
    began_ms = controller.now_ms
    try:
        controller.load(SessionLoad(plan, session, admission, attended, awaits_start))
        try:
            yield from walk.await_start()
            yield from walk.steps()
        except _Over:
            pass
        else:
            walk.completed = True
            controller.stop()
        output_off = yield from controller.settle()
    except GeneratorExit:  # the script was closed: there is no waiting
        controller.fail("the session was dropped")
        raise
    except BaseException:  # whatever it is, Ctrl-C included: output off comes before it is passed on
        yield from controller.shut_down()
        raise
    return Delivery(
        ended=walk.ended(),
        why=controller.failure or ("" if walk.completed else "stopped by the operator"),
        output_off=output_off,
        delivered_ms=controller.known.delivered_ms,
        energy_mj=controller.known.energy_mj,
        duration_ms=controller.now_ms - began_ms,
        steps_done=walk.done,
    )


def ask_pain(controller: Controller, for_ms: int) -> Script[None]:
    """Wait for a pain score after the session, its output being confirmed off.

    It is over when somebody scores, declines or stops, when the link is lost, and after ``for_ms``.
    """
    controller.actions.ask_pain(for_ms)
    give_up_ms = controller.now_ms + for_ms
    actions = controller.actions
    while actions.question is not None and controller.lost is None and controller.now_ms < give_up_ms:
        yield give_up_ms
    actions.question = None
    if controller.state is State.STOPPING:
        yield from controller.settle()


class _Walk:
    """One run through a plan's steps."""

    def __init__(self, controller: Controller, plan: Plan) -> None:
        self._controller = controller
        self._plan = plan
        self._shown_ms = controller.now_ms - PROGRESS_MS  # when progress was last published: it is due
        self._was_held: bool  # at any time in the latest emission
        self.done = 0
        self.completed = False

    def ended(self) -> Ended:
        """How the delivery has ended."""
        if self._controller.failure:
            return Ended.INTERRUPTED
        return Ended.COMPLETED if self.completed else Ended.STOPPED

    def await_start(self) -> Script[None]:
        """Wait until a person starts the session, where it waits for that."""
        if not self._at(State.AWAITING_START):
            return
        self._controller.publish(StartAwaited(at_ms=self._now(), instruction=self._before_start()))
        give_up_ms = self._now() + START_MAX_MS
        while self._at(State.AWAITING_START):
            if self._now() >= give_up_ms:
                self._controller.fail(NOT_STARTED)
            else:
                yield self._show_until(None, self._plan.steps[0].duration_ms, give_up_ms)

    def _before_start(self) -> str:
        """What has to be so before the first output."""
        if not self._plan.emissions:
            return ""
        family = definition(self._plan.family)
        return family.before_check if self._plan.body_site == BENCH else family.before_start

    def steps(self) -> Script[None]:
        """Run every step; raise `_Over` when the session cannot continue."""
        owed_ms = 0  # delivered time at which the present step is over
        for number, step in enumerate(self._plan.steps, start=1):
            if not self._at(State.ARMED, State.PAUSED, State.PAUSING):  # the step before has ended it
                raise _Over
            skipped = False
            self._announce(number, step)
            if isinstance(step, Emit):
                owed_ms += step.duration_ms
                yield from self._emit(step, owed_ms)
            else:
                skipped = yield from self._wait(step, before_output=self._leads_to_output(number))
            self.done = number
            controller = self._controller
            controller.publish(
                StepEnded(
                    at_ms=self._now(),
                    step=number,
                    delivered_ms=controller.known.delivered_ms,
                    skipped=skipped,
                )
            )

    def _leads_to_output(self, number: int) -> bool:
        return isinstance(self._plan.steps[number] if number < len(self._plan.steps) else None, Emit)

    # --- steps ------------------------------------------------------------------------------------

    def _emit(self, planned: Emit, owed_ms: int) -> Script[None]:
        known, unheard = self._controller.known, 0
        while self._left_ms(owed_ms) > 0:
            yield from self._go_on(self._left_ms(owed_ms))
            yield from self._arm()
            left_ms = self._left_ms(owed_ms)  # read again after arming
            if not self._at(State.ARMED) or left_ms <= 0:  # paused meanwhile, or paused at the very end
                continue
            if not known.has_energy_for(known.capped(planned), left_ms):  # it gave more than was planned
                self._controller.fail(
                    "all of the energy that this session may give has been given before its time"
                )
                continue
            suspended = yield from self._start(planned, owed_ms)
            left_ms = self._left_ms(owed_ms)
            if suspended is None or not self._at(State.ARMED) or left_ms <= 0:
                continue
            if not known.start_seen:
                unheard += 1
                if unheard >= ATTEMPTS:
                    self._controller.fail("the unit does not hear a start")
            elif self._has_run_out(suspended):
                if not self._was_held and not self._has_been_counted():
                    self._controller.fail("the unit does not count the time for which it gives output")
            elif known.has_energy_for(known.capped(planned), left_ms):
                self._controller.break_off(_why_early(suspended))

    def _start(self, planned: Emit, owed_ms: int) -> Script[bool | None]:
        """Start output, and wait until it is over. Return whether contact was lost; None: not started."""
        known, left_ms = self._controller.known, self._left_ms(owed_ms)
        step, for_ms = known.capped(planned), min(left_ms, self._longest_ms() or left_ms)
        yield from self._permit(step, for_ms, left_ms)
        unchanged = left_ms == self._left_ms(owed_ms) and step == known.capped(planned)
        if not (self._at(State.ARMED) and self._is_ready() and unchanged):
            return None  # what was permitted no longer agrees with what is due
        self._controller.start(step, for_ms)
        suspended = self._was_held = False
        while self._at(*LIVE):
            suspended = self._at(State.SUSPENDED)
            self._was_held = self._was_held or suspended
            # The controller follows the end of the output: it may be due and still be on.
            yield self._show_until(step, self._left_ms(owed_ms), self._now() + PROGRESS_MS)
        return None if known.start_withdrawn else suspended

    def _longest_ms(self) -> int | None:
        """For how long one start may ask for output on this unit; None: for a whole step."""
        unit = self._controller.unit
        return unit.policy.emission_max_ms if unit is not None else None

    def _has_run_out(self, suspended: bool) -> bool:
        """Whether an emission shorter than its step has lasted for as long as it was asked for.

        A unit of which only its own timer ends output counts lost contact in: less has been delivered then.
        """
        start = self._controller.known.start
        if suspended or start is None or self._longest_ms() is None:
            return False
        return self._now() - start.at_ms >= start.for_ms * (100 - CLOCK_TOLERANCE_PCT) // 100

    def _has_been_counted(self) -> bool:
        """Whether the unit has counted all of an emission that has run out, and in which it had contact.

        Else what is left of the step would never become less, however often it is started.
        """
        controller, start = self._controller, self._controller.known.start
        assert start is not None  # it has run out
        return controller.known.delivered_ms - start.base_ms >= max(start.for_ms - TICK_MS, 1)

    def _left_ms(self, owed_ms: int) -> int:
        return owed_ms - self._controller.known.delivered_ms

    def _permit(self, step: Emit, for_ms: int, left_ms: int) -> Script[None]:
        """Record the permission and wait until it is on the disk. It has no date, so it does not expire."""
        number = self._controller.permit_output(step, for_ms)
        yield self._now()
        while self._at(State.ARMED) and not self._controller.outbox.is_written(number):
            yield self._show_until(step, left_ms, self._now() + PROGRESS_MS)
        yield from self._arm()

    def _arm(self) -> Script[None]:
        for _ in range(ATTEMPTS + 1):  # one of them may be a look, for an Arm to be dated by
            yield from self._controller.wait_for_line(self._now() + OFF_STATUS_MS)
            if self._is_ready() or not self._at(State.ARMED):
                return
            looks = not self._can_arm()
            if looks:
                self._controller.say(GetStatus())
            else:
                self._controller.arm()
            give_up_ms = self._now() + OFF_STATUS_MS
            while not self._is_ready() and self._at(State.ARMED) and self._now() < give_up_ms:
                yield give_up_ms
                if looks and self._can_arm():
                    break
        if not self._is_ready() and self._at(State.ARMED):
            self._controller.fail("the unit does not answer when it is armed")

    def _can_arm(self) -> bool:
        """Not armed, and heard since we last stopped it, a moment ago: an Arm is dated by that report."""
        return not self._controller.known.is_armed() and self._controller.scheduler.can_date(self._now())

    def _is_ready(self) -> bool:
        """Whether the unit is armed and its status recent: a start's lease runs from that status."""
        controller = self._controller
        fresh = controller.scheduler.is_fresh(controller.now_ms)
        return controller.known.is_armed() and fresh and controller.line_is_free

    def _wait(self, step: Off, *, before_output: bool) -> Script[bool]:
        """Wait for the time of a step without output, not counting pauses. Return whether it was skipped.

        The unit is kept armed, so that a stop by its own key or by another program is noticed. A guided step
        can be skipped; a rest cannot: it is part of the dose.
        """
        known, guided = self._controller.known, isinstance(step, Guide)
        left_ms, soon_told = step.duration_ms, not before_output
        while left_ms > 0 and known.guided is guided:
            yield from self._go_on(left_ms)
            if self._plan.emissions and not known.is_armed():
                yield from self._arm()
            began_ms = self._now()
            if not soon_told and left_ms <= SOON_MS:
                soon_told = True
                self._controller.publish(OutputSoon(at_ms=began_ms, in_ms=left_ms))
            next_ms = left_ms if soon_told else left_ms - SOON_MS
            yield self._show_until(None, left_ms, began_ms + next_ms)
            left_ms -= self._now() - began_ms
        return known.guided is not guided

    def _go_on(self, left_ms: int) -> Script[None]:
        """Wait for the end of a pause. Return in ARMED; raise `_Over` when the session has ended."""
        since_ms = self._now()
        while self._at(State.PAUSED, State.PAUSING):
            if self._controller.output_off() not in (None, OffConfirmation.CONFIRMED):
                self._controller.fail("a pause was asked and the unit did not say that its output is off")
            elif self._now() - since_ms >= PAUSE_MAX_MS:
                self._controller.fail("nobody has resumed the session")
            else:
                yield self._show_until(None, left_ms, self._now() + PROGRESS_MS)
        if not self._at(State.ARMED):
            raise _Over

    # --- showing ----------------------------------------------------------------------------------

    def _show_until(self, step: Emit | None, left_ms: int, until_ms: int) -> int:
        """Publish the progress when it is due; return the time until which the script can wait."""
        if self._now() - self._shown_ms >= PROGRESS_MS:
            self._shown_ms = self._now()
            self._show(step, left_ms)
        return min(until_ms, self._shown_ms + PROGRESS_MS)

    def _show(self, step: Emit | None, left_ms: int) -> None:
        status = self._controller.status
        if status is None:
            return
        rest_ms = sum(later.duration_ms for later in self._plan.steps[self.done + 1 :])
        on = step is not None and status.state in (UnitState.EMITTING, UnitState.SUSPENDED)
        self._controller.publish(
            Progress(
                at_ms=self._now(),
                step=self.done + 1,
                remaining_ms=left_ms + rest_ms,
                state=self._controller.state.value,
                level_set=status.level_set if on else 0,
                measured_level=status.measured_level,
                delivered_ms=self._controller.known.delivered_ms,
                energy_mj=self._controller.known.energy_mj,
                head_temp_ddeg_c=status.head_temp_ddeg_c,
                contact_pct=status.contact_pct,
                battery_pct=status.battery_pct,
                step_remaining_ms=left_ms,
            )
        )

    def _announce(self, number: int, step: Step) -> None:
        self._controller.known.guided = isinstance(step, Guide)
        self._controller.publish(
            StepStarted(
                at_ms=self._now(),
                step=number,
                steps=len(self._plan.steps),
                kind=step.kind,
                say=step.say,
                duration_ms=step.duration_ms,
                may=self._controller.actions.may,
            )
        )
        self._shown_ms = self._now() - PROGRESS_MS  # show at once

    def _at(self, *states: State) -> bool:
        return self._controller.state in states

    def _now(self) -> int:
        return self._controller.now_ms


def _why_early(suspended: bool) -> str:
    """Why the unit has ended a step early, as far as its reports show."""
    if suspended:
        return "the unit ended the step early: contact was lost for too long"
    return "the unit ended the step early, and its reports do not say why"
