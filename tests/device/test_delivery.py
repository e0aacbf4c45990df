"""The script that delivers a plan, on a controller with no cable: what it asks and shows, what ends it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from device.control.controller import Script
from device.control.delivery import PAUSE_MAX_MS, PROGRESS_MS, Delivery, Ended, deliver
from device.control.machine import State
from device.dialects.base import Arm, GetStatus, HostLoss, Intent, SetOutput, Stop, UnitState
from device.events import OffConfirmation, Progress, StepEnded, StepStarted
from device.operator import Lower, SessionAction
from device.unit import Unit
from protocols.plan import Emit, Guide, Rest, Step
from tests.device.desk import BEGAN_MS, RUNNING, UNDER_LEASE, identified
from tests.device.parts import SESSION, UNIT
from tests.support import ULTRASOUND, admission_of, plan_of

SECOND_MS = 1000
EMIT = Emit(ULTRASOUND, 4 * SECOND_MS, 0)


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
        self.delivered_ms = 0  # before the running step
        self._level = self._given = self._base_ms = 0  # of the running step; level × ms; counted before it
        self._since_ms = self._for_ms = self._rise_ms = 0

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

    def operate(self, action: SessionAction | Lower) -> None:
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
        ran_ms = self._ran_ms
        if self.state is UnitState.EMITTING and ran_ms == self._for_ms:
            self.end_step(UnitState.READY)
        if isinstance(intent, Stop) and self.hears(intent):
            self.end_step(UnitState.IDLE)
        elif isinstance(intent, Arm) and self.hears(intent):
            self.state = UnitState.READY
        elif isinstance(intent, SetOutput) and self.hears(intent):
            self.state, self._level = UnitState.EMITTING, intent.setting.level
            self._base_ms, self._rise_ms, ran_ms = self.delivered_ms, 0, 0
            self._since_ms, self._for_ms = self.desk.now_ms, intent.for_ms
        emits = self.state is UnitState.EMITTING
        running_ms = ran_ms if emits else 0
        said: dict[str, Any] = {
            "state": self.state,
            "session": SESSION if self.asked(Arm) else 0,
            "delivered_ms": self.delivered_ms + running_ms,
            "step_ms": self.delivered_ms + running_ms - self._base_ms,
            "energy_mj": (self._given + self._level_ms * emits) * 4 // 1000,  # from 4 cm²
        }
        if self.state in UNDER_LEASE:
            level = self._level * ran_ms // self._rise_ms if ran_ms < self._rise_ms else self._level
            said |= RUNNING | {"level_set": self._level, "measured_level": level, "state": self.state}
        if self.state is UnitState.SUSPENDED:
            said |= {"measured_level": 0, "contact_pct": 0}
        self.desk.answer(**(said | self.changes))

    def end_step(self, state: UnitState) -> None:
        """Output ends by itself, if it is on, and the unit is in ``state`` now."""
        if self.state is UnitState.EMITTING:
            self._given += self._level_ms
            self.delivered_ms += self._ran_ms
        self.state = state

    def go_on(self, for_ms: int) -> None:
        """Contact is back, and output rises again."""
        self.state, self._since_ms, self._for_ms = UnitState.EMITTING, self.desk.now_ms, for_ms
        self._rise_ms = 500

    def miss(self, ms: int) -> None:
        """Do not count so much of the running step."""
        self._since_ms += ms
        self._for_ms -= ms

    @property
    def _ran_ms(self) -> int:
        return max(min(self.desk.now_ms - self._since_ms, self._for_ms), 0)

    @property
    def _level_ms(self) -> int:
        """What has been given since output began or came back, as level × ms."""
        risen_ms = min(self._ran_ms, self._rise_ms)
        rising = risen_ms * risen_ms // (2 * self._rise_ms) if self._rise_ms else 0
        return self._level * (rising + self._ran_ms - risen_ms)


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


def waiting_for_the_disk() -> Delivering:
    """The permission of the rest of a step, after a pause, is not on the disk yet."""
    delivering = Delivering(EMIT)
    delivering.run_to(2 * SECOND_MS)
    delivering.operate(SessionAction.PAUSE)
    delivering.run_to(3 * SECOND_MS)
    delivering.desk.writes = False
    delivering.operate(SessionAction.RESUME)
    delivering.run_to(3500)
    assert len(delivering.desk.named("output_permitted")) == 2
    return delivering


def lowers(delivering: Delivering) -> None:
    delivering.operate(Lower(300))


def counts_late(delivering: Delivering) -> None:
    delivering.delivered_ms += 10


def pauses(delivering: Delivering) -> None:
    delivering.operate(SessionAction.PAUSE)


@pytest.mark.parametrize("change", [lowers, counts_late, pauses])
def test_what_was_permitted_and_is_not_due_any_more_is_permitted_anew(
    change: Callable[[Delivering], None],
) -> None:
    delivering = waiting_for_the_disk()

    change(delivering)
    delivering.run_to(4000)
    delivering.desk.writes = True
    delivering.run_to(4500)
    delivering.operate(SessionAction.RESUME)
    delivery = delivering.run_out()

    assert delivery.ended is Ended.COMPLETED
    assert len(delivering.asked(SetOutput)) == 2
    assert len(delivering.desk.named("output_permitted")) == 3


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


def test_a_unit_that_has_ended_its_output_at_its_own_ceiling_has_given_its_energy() -> None:
    delivering = Delivering(EMIT)
    delivering.run_to(2 * SECOND_MS)
    delivering.controller.known.energy_ceiling_mj = 3520  # of two seconds
    delivering.end_step(UnitState.READY)

    delivery = delivering.run_out()

    assert delivery.why == "all of the energy that this session may give has been given before its time"


# --- units that only a timer of their own ends ----------------------------------------------------------


TIMED = replace(UNIT, declared=replace(UNIT.declared, host_loss=HostLoss.OWN_TIMER))
LONG = Emit(ULTRASOUND, 25 * SECOND_MS, 0)
NOT_COUNTED = "the unit does not count the time for which it gives output"
EARLY = "the unit ended the step early, and its reports do not say why"


@pytest.mark.hazard("H-05")
def test_a_step_is_given_in_starts_of_ten_seconds_at_most() -> None:
    delivering = Delivering(LONG, unit=TIMED)

    delivery = delivering.run_out()

    assert (delivery.ended, delivery.delivered_ms) == (Ended.COMPLETED, 25_000)
    assert [start.for_ms for start in delivering.asked(SetOutput)] == [10_000, 10_000, 5000]


def test_the_time_without_contact_that_the_timer_counts_in_is_given_later() -> None:
    delivering = Delivering(LONG, unit=TIMED)
    delivering.run_to(2 * SECOND_MS)
    delivering.end_step(UnitState.SUSPENDED)
    delivering.run_to(5 * SECOND_MS)
    delivering.go_on(5 * SECOND_MS)

    delivery = delivering.run_out()

    assert (delivery.ended, delivery.delivered_ms) == (Ended.COMPLETED, 25_000)
    assert [start.for_ms for start in delivering.asked(SetOutput)] == [10_000, 10_000, 8000]


def test_a_timed_unit_that_ends_its_output_without_contact_has_lost_it_for_too_long() -> None:
    delivering = Delivering(LONG, unit=TIMED)
    delivering.run_to(2 * SECOND_MS)
    delivering.end_step(UnitState.SUSPENDED)
    delivering.run_to(9900)
    delivering.end_step(UnitState.READY)

    assert delivering.run_out().why == "the unit ended the step early: contact was lost for too long"


@pytest.mark.hazard("H-02")
@pytest.mark.parametrize(("after_ms", "why"), [(9799, EARLY), (9800, NOT_COUNTED)])
def test_output_that_has_lasted_as_long_as_it_was_asked_for_has_not_ended_early(
    after_ms: int, why: str
) -> None:
    delivering = Delivering(LONG, unit=TIMED)
    delivering.run_to(after_ms)
    delivering.end_step(UnitState.READY)
    delivering.controller.say(GetStatus())

    assert delivering.run_out().why == why


@pytest.mark.hazard("H-02")
@pytest.mark.parametrize(
    ("step_ms", "uncounted_ms", "why"),
    [(10_100, 20, ""), (10_100, 21, NOT_COUNTED), (15, 14, ""), (15, 15, NOT_COUNTED)],
)
def test_what_has_run_out_has_to_be_counted(step_ms: int, uncounted_ms: int, why: str) -> None:
    delivering = Delivering(Emit(ULTRASOUND, step_ms, 0), unit=TIMED)
    delivering.run_to(1)
    delivering.miss(uncounted_ms)

    assert delivering.run_out().why == why
