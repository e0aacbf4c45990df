"""The script that delivers a plan, on a controller with no cable: what it asks and shows, what ends it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from device.control.controller import Script
from device.control.delivery import PAUSE_MAX_MS, PROGRESS_MS, Delivery, Ended, deliver
from device.control.machine import State
from device.dialects.base import Arm, Intent, SetOutput, Stop, UnitState
from device.events import OffConfirmation, Progress, StepEnded, StepStarted
from device.operator import SessionAction
from device.unit import Unit
from protocols.plan import Emit, Guide, Rest, Step
from tests.device.desk import BEGAN_MS, RUNNING, identified
from tests.device.parts import SESSION, UNIT
from tests.support import ULTRASOUND, admission_of, plan_of

SECOND_MS = 1000
EMIT = Emit(ULTRASOUND, 4 * SECOND_MS, 0)
SHOWN: dict[UnitState, dict[str, Any]] = {
    UnitState.EMITTING: RUNNING,
    UnitState.SUSPENDED: RUNNING | {"measured_level": 0, "contact_pct": 0},
}


class Delivering:
    """A plan that is being delivered, and a unit that answers at once and carries out what it hears.

    Times are those of the session: 0 when it begins.
    """

    def __init__(self, *steps: Step, unit: Unit = UNIT, **others: Any) -> None:
        self.desk = identified(unit)
        self.controller = self.desk.controller
        plan = plan_of(unit, *steps)
        self.script: Script[Delivery] = deliver(
            self.controller, plan, SESSION, admission=admission_of(plan), **others
        )
        self.result: Delivery | None = None
        self.hears: Callable[[Intent], bool] = lambda intent: True  # else it answers and does nothing
        self.answers = True
        self.changes: dict[str, Any] = {}  # what it reports otherwise than it is
        self.state = UnitState.IDLE
        self._answered = len(self.desk.dialect.said)
        self._delivered_ms = 0  # before the running step
        self._since_ms = self._for_ms = 0  # of the running step

    @property
    def now_ms(self) -> int:
        return self.desk.now_ms - BEGAN_MS

    def run_to(self, until_ms: int) -> Delivery | None:
        """Run the script as the driver does, for as long; its result if it has come to an end."""
        while self.result is None:
            try:
                wake_ms = next(self.script)
            except StopIteration as ended:
                self.result = ended.value
                break
            if self._carry_out():
                continue  # the script is called again once an answer has come
            if self.now_ms >= until_ms:
                break
            self.controller.poll(min(wake_ms, self.controller.due_ms(), BEGAN_MS + until_ms))
            self._carry_out()
        self._carry_out()
        return self.result

    def run_out(self) -> Delivery:
        """Run the script to its end."""
        result = self.run_to(3600 * SECOND_MS)
        assert result is not None
        return result

    def operate(self, action: SessionAction) -> None:
        self.controller.operate(action, self.desk.now_ms)
        self._carry_out()

    def shown(self) -> list[Progress]:
        return [event for event in self.desk.events if isinstance(event, Progress)]

    def asked(self, kind: type[Intent]) -> list[Any]:
        return [intent for _, intent in self.desk.dialect.said if isinstance(intent, kind)]

    def _carry_out(self) -> bool:
        """Carry out what the controller has produced; return whether the unit has answered anything."""
        before = self._answered
        self.desk.carry_out()
        while self._answered < len(self.desk.dialect.said):
            self._answered = len(self.desk.dialect.said)
            if not self.answers:
                return False
            self._answer(self.desk.dialect.said[-1][1])
        return self._answered > before

    def _answer(self, intent: Intent) -> None:
        ran_ms = min(self.desk.now_ms - self._since_ms, self._for_ms)
        if self.state is UnitState.EMITTING and ran_ms == self._for_ms:
            self.end_step(UnitState.READY)
        if isinstance(intent, Stop) and self.hears(intent):
            self.end_step(UnitState.IDLE)
        elif isinstance(intent, Arm) and self.hears(intent):
            self.state = UnitState.READY
        elif isinstance(intent, SetOutput) and self.hears(intent):
            self.state = UnitState.EMITTING
            self._since_ms, self._for_ms, ran_ms = self.desk.now_ms, intent.for_ms, 0
        running = self.state is UnitState.EMITTING
        delivered_ms = self._delivered_ms + (ran_ms if running else 0)
        said: dict[str, Any] = SHOWN.get(self.state, {}) | {
            "state": self.state,
            "session": SESSION if self.asked(Arm) else 0,
            "delivered_ms": delivered_ms,
            "step_ms": ran_ms if running else self._for_ms,
            "energy_mj": delivered_ms * 1760 // 1000,
        }
        self.desk.answer(**(said | self.changes))

    def end_step(self, state: UnitState) -> None:
        """Output ends by itself, if it is on, and the unit is in ``state`` now."""
        if self.state is UnitState.EMITTING:
            self._for_ms = min(self.desk.now_ms - self._since_ms, self._for_ms)
            self._delivered_ms += self._for_ms
        self.state = state


# --- what is given and shown ----------------------------------------------------------------------------


def test_the_steps_are_given_in_their_order_and_counted() -> None:
    delivering = Delivering(EMIT, Rest(2 * SECOND_MS), Guide("Breathe.", SECOND_MS), EMIT)

    delivery = delivering.run_out()

    assert delivery == Delivery(
        Ended.COMPLETED, "", OffConfirmation.CONFIRMED, 8000, 14_080, delivery.duration_ms, steps_done=4
    )
    assert delivery.duration_ms == delivering.now_ms == pytest.approx(11_000, abs=200)
    assert [(start.for_ms, start.ramp_ms) for start in delivering.asked(SetOutput)] == [(4000, 0), (4000, 0)]


def test_each_step_is_announced_and_its_end_told() -> None:
    delivering = Delivering(EMIT, Rest(2 * SECOND_MS), Guide("Breathe.", SECOND_MS), EMIT)

    delivering.run_out()

    began = [event for event in delivering.desk.events if isinstance(event, StepStarted)]
    ended = [event for event in delivering.desk.events if isinstance(event, StepEnded)]
    assert [(each.step, each.steps, each.kind, each.say, each.duration_ms) for each in began] == [
        (1, 4, "emit", "", 4000),
        (2, 4, "rest", "", 2000),
        (3, 4, "guide", "Breathe.", 1000),
        (4, 4, "emit", "", 4000),
    ]
    assert [(each.step, each.delivered_ms) for each in ended] == [(1, 4000), (2, 4000), (3, 4000), (4, 8000)]
    assert [each.at_ms for each in began[1:]] == [each.at_ms for each in ended[:-1]]


def test_progress_is_shown_at_once_and_each_second_with_what_is_left() -> None:
    delivering = Delivering(EMIT, Rest(1500), EMIT)

    delivering.run_out()

    assert (PROGRESS_MS, PAUSE_MAX_MS) == (1000, 600_000)
    shown = [(each.at_ms, each.step, each.remaining_ms, each.level_set) for each in delivering.shown()]
    assert shown == [
        (1000, 1, 9500, 0),  # nothing has been started yet
        (2000, 1, 8510, 440),  # of the latest report: 990 ms of the step
        (3000, 1, 7520, 440),
        (4000, 1, 6530, 440),
        (5000, 1, 5540, 440),
        (5005, 2, 5500, 0),
        (6005, 2, 4500, 0),
        (6505, 3, 4000, 0),
        (7505, 3, 3010, 440),
        (8505, 3, 2020, 440),
        (9505, 3, 1030, 440),
        (10_505, 3, 40, 440),
    ]


@pytest.mark.parametrize("state", UnitState)
def test_a_level_is_shown_while_a_step_runs_on_the_unit(state: UnitState) -> None:
    delivering = Delivering(Rest(SECOND_MS), EMIT)
    delivering.changes = {"level_set": 440}
    delivering.run_to(100)
    at_rest = delivering.shown()[-1].level_set
    delivering.changes = {}
    delivering.run_to(1950)
    delivering.changes = {"level_set": 440, "state": state}
    delivering.run_to(2050)

    shown = [each.level_set for each in delivering.shown() if each.at_ms == BEGAN_MS + 2000]

    assert at_rest == 0
    assert shown in ([], [440 if state in (UnitState.EMITTING, UnitState.SUSPENDED) else 0])


# --- pauses ---------------------------------------------------------------------------------------------


def test_a_rest_stands_still_in_a_pause_and_the_unit_is_armed_again_for_it() -> None:
    delivering = Delivering(Rest(2 * SECOND_MS), EMIT)
    delivering.run_to(500)
    delivering.operate(SessionAction.PAUSE)
    delivering.run_to(5 * SECOND_MS)
    delivering.operate(SessionAction.RESUME)
    delivering.run_to(5100)
    armed_at_rest = delivering.controller.known.is_armed()

    delivery = delivering.run_out()

    assert armed_at_rest
    assert (delivery.ended, delivery.delivered_ms) == (Ended.COMPLETED, 4000)
    assert delivery.duration_ms == pytest.approx(500 + 4500 + 1500 + 4000, abs=20)


def test_a_session_without_output_arms_nothing() -> None:
    delivering = Delivering(Rest(SECOND_MS))

    assert delivering.run_out().ended is Ended.COMPLETED
    assert delivering.asked(Arm) == []


def test_a_pause_of_ten_minutes_ends_the_session() -> None:
    delivering = Delivering(Rest(SECOND_MS))
    delivering.run_to(500)
    delivering.operate(SessionAction.PAUSE)
    delivering.run_to(SECOND_MS)
    delivering.controller.poll(BEGAN_MS + PAUSE_MAX_MS - SECOND_MS)  # the computer has slept meanwhile

    before = delivering.run_to(500 + PAUSE_MAX_MS - 1)
    delivery = delivering.run_out()

    assert before is None
    assert (delivery.ended, delivery.why) == (Ended.INTERRUPTED, "nobody has resumed the session")
    assert (delivery.duration_ms, delivery.steps_done) == (500 + PAUSE_MAX_MS, 0)


def test_a_pause_in_which_output_is_not_confirmed_off_ends_the_session() -> None:
    delivering = Delivering(EMIT)
    delivering.run_to(SECOND_MS)
    delivering.answers = False
    delivering.operate(SessionAction.PAUSE)

    delivery = delivering.run_out()

    assert delivery.why == "a pause was asked and the unit did not say that its output is off"
    assert (delivery.ended, delivery.output_off) == (Ended.INTERRUPTED, OffConfirmation.PRESUMED)
    assert delivery.duration_ms == pytest.approx(SECOND_MS + 550, abs=250)


def test_a_pause_at_the_end_of_a_step_goes_over_into_the_next() -> None:
    delivering = Delivering(EMIT, EMIT)
    delivering.run_to(3990)
    delivering.changes = RUNNING  # it says that output is on when it has counted the whole step
    delivering.run_to(4010)
    delivering.hears = lambda intent: not isinstance(intent, Stop)
    delivering.operate(SessionAction.PAUSE)
    delivering.run_to(4020)
    pausing = delivering.controller.state
    delivering.hears = lambda intent: True
    delivering.changes = {}
    delivering.run_to(5 * SECOND_MS)

    delivering.operate(SessionAction.RESUME)
    delivery = delivering.run_out()

    assert pausing is State.PAUSING
    assert (delivery.ended, delivery.steps_done) == (Ended.COMPLETED, 2)


def test_nothing_is_permitted_while_the_unit_is_being_armed_and_a_pause_ends_that() -> None:
    delivering = Delivering(EMIT)
    delivering.hears = lambda intent: not isinstance(intent, Arm)
    delivering.run_to(100)
    delivering.operate(SessionAction.PAUSE)
    delivering.run_to(2 * SECOND_MS)
    permitted = delivering.desk.named("output_permitted")
    delivering.hears = lambda intent: True

    delivering.operate(SessionAction.RESUME)
    delivery = delivering.run_out()

    assert permitted == []
    assert delivery.ended is Ended.COMPLETED
    assert len(delivering.desk.named("output_permitted")) == 1


def test_what_the_unit_counts_late_is_not_given_again() -> None:
    delivering = Delivering(EMIT)
    delivering.run_to(3980)
    delivering.operate(SessionAction.PAUSE)
    delivering.run_to(5 * SECOND_MS)
    delivering.changes = {"delivered_ms": 4000}
    delivering.operate(SessionAction.RESUME)

    delivery = delivering.run_out()

    assert (delivery.ended, delivery.delivered_ms) == (Ended.COMPLETED, 4000)
    assert len(delivering.asked(SetOutput)) == len(delivering.desk.named("output_permitted")) == 1


# --- what ends it ---------------------------------------------------------------------------------------


def test_a_delivery_that_is_closed_stops_the_unit_and_does_not_wait() -> None:
    delivering = Delivering(EMIT)
    delivering.run_to(SECOND_MS)

    delivering.script.close()
    delivering.desk.carry_out()

    assert delivering.controller.state is State.FAULT
    assert delivering.controller.failure == "the session was dropped"
    assert delivering.asked(Stop) != []


def test_a_delivery_is_of_nobody_there_unless_it_says_so() -> None:
    nobody, somebody = Delivering(EMIT), Delivering(EMIT, attended=True)

    for delivering in (nobody, somebody):
        delivering.run_to(SECOND_MS)
        delivering.controller.break_off("for a test")

    assert (nobody.controller.state, somebody.controller.state) == (State.FAULT, State.PAUSING)


def test_a_fault_at_the_very_end_of_a_step_ends_the_session_there() -> None:
    delivering = Delivering(EMIT, EMIT)
    delivering.run_to(3990)
    delivering.changes = {"faults": ("STALL",), "state": UnitState.FAULT}

    delivery = delivering.run_out()

    assert (delivery.ended, delivery.delivered_ms) == (Ended.INTERRUPTED, 4000)
    assert len(delivering.desk.named("step_started")) == 1


@pytest.mark.parametrize(
    ("unheard", "why"),
    [(0, ""), (2, ""), (3, "the unit does not hear a start"), (9, "the unit does not hear a start")],
)
def test_a_start_that_is_not_heard_is_made_three_times(unheard: int, why: str) -> None:
    delivering = Delivering(EMIT)
    delivering.hears = lambda intent: (
        not isinstance(intent, SetOutput) or len(delivering.asked(SetOutput)) > unheard
    )

    delivery = delivering.run_out()

    assert (delivery.ended, delivery.why) == (Ended.INTERRUPTED if why else Ended.COMPLETED, why)
    assert len(delivering.asked(SetOutput)) == min(unheard + 1, 3)


@pytest.mark.parametrize(
    ("unheard", "why"), [(0, ""), (3, ""), (4, "the unit does not answer when it is armed")]
)
def test_a_unit_that_does_not_take_its_ceilings_is_armed_four_times_in_a_second(
    unheard: int, why: str
) -> None:
    delivering = Delivering(EMIT)
    delivering.hears = lambda intent: not isinstance(intent, Arm) or len(delivering.asked(Arm)) > unheard

    delivery = delivering.run_out()

    assert (delivery.ended, delivery.why) == (Ended.INTERRUPTED if why else Ended.COMPLETED, why)
    assert len(delivering.asked(Arm)) == min(unheard + 1, 4)
    assert delivery.duration_ms == unheard * 250 + (0 if why else 4005)


def test_a_session_that_has_given_its_energy_before_its_time_is_over() -> None:
    delivering = Delivering(EMIT)
    delivering.run_to(2 * SECOND_MS)
    delivering.operate(SessionAction.PAUSE)
    delivering.run_to(3 * SECOND_MS)
    delivering.controller.known.energy_ceiling_mj = delivering.controller.energy_mj
    delivering.operate(SessionAction.RESUME)

    delivery = delivering.run_out()

    assert delivery.ended is Ended.INTERRUPTED
    assert delivery.why == "all of the energy that this session may give has been given before its time"
    assert len(delivering.asked(SetOutput)) == 1


@pytest.mark.parametrize(
    ("suspended", "why"),
    [
        (False, "the unit ended the step early, and its reports do not say why"),
        (True, "the unit ended the step early: contact was lost for too long"),
    ],
)
def test_a_step_that_its_unit_ends_early_says_what_is_known_of_why(suspended: bool, why: str) -> None:
    delivering = Delivering(EMIT)
    delivering.run_to(2 * SECOND_MS)
    if suspended:
        delivering.end_step(UnitState.SUSPENDED)
        delivering.run_to(3 * SECOND_MS)
    delivering.end_step(UnitState.READY)

    delivery = delivering.run_out()

    assert (delivery.ended, delivery.why) == (Ended.INTERRUPTED, why)
