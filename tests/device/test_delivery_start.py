"""The script that delivers a plan, on a controller with no cable: starts, skipped steps, scores of pain."""

from __future__ import annotations

import pytest

from device.control.controller import Script
from device.control.delivery import START_MAX_MS, Ended, ask_pain
from device.control.machine import State
from device.dialects.base import Arm, SetOutput, Stop
from device.errors import LinkLost
from device.events import ActionRefused, Moment, OutputSoon, PainAsked, PainScored, StartAwaited, StepEnded
from device.operator import Note, OperatorAction, Pain, SessionAction
from protocols.plan import Emit, Guide, Rest, Step
from tests.device.delivering import Delivering
from tests.device.desk import BEGAN_MS, Desk, emitting
from tests.support import SECOND_MS, ULTRASOUND

EMIT = Emit(ULTRASOUND, 4 * SECOND_MS, 0)
GUIDE = Guide("Stretch.", 8 * SECOND_MS)


def soon(delivering: Delivering) -> list[tuple[int, int]]:
    """When it was told that output begins soon, and in how long."""
    told = [event for event in delivering.desk.events if isinstance(event, OutputSoon)]
    return [(event.at_ms - BEGAN_MS, event.in_ms) for event in told]


# --- a start that is awaited ------------------------------------------------------------------------------


@pytest.mark.hazard("H-17")
@pytest.mark.parametrize(
    ("steps", "instruction"),
    [
        ((EMIT, Rest(SECOND_MS)), "Gel on, head flat on the skin"),
        ((Rest(SECOND_MS), Rest(2 * SECOND_MS)), ""),
    ],
)
def test_a_start_is_awaited_with_what_has_to_be_so_before_it(
    steps: tuple[Step, ...], instruction: str
) -> None:
    delivering = Delivering(*steps, awaits_start=True)
    delivering.run_to(20 * SECOND_MS)
    waiting, armed = delivering.controller.state, delivering.asked(Arm)

    delivering.operate(SessionAction.START)
    delivery = delivering.run_out()

    (awaited,) = [event for event in delivering.desk.events if isinstance(event, StartAwaited)]
    assert (awaited.at_ms, awaited.instruction) == (BEGAN_MS, instruction)
    assert (waiting, armed) == (State.AWAITING_START, [])
    assert delivery.ended is Ended.COMPLETED
    shown = [(each.at_ms, each.step_remaining_ms) for each in delivering.shown()][:3]
    assert shown == [(BEGAN_MS + ms, steps[0].duration_ms) for ms in (0, 1000, 2000)]


def test_without_a_start_to_wait_for_none_is_awaited() -> None:
    delivering = Delivering(EMIT)

    assert delivering.run_out().ended is Ended.COMPLETED
    assert delivering.desk.named("start_awaited") == []


def test_a_start_is_awaited_for_ten_minutes() -> None:
    delivering = Delivering(EMIT, awaits_start=True)
    delivering.run_to(SECOND_MS)
    delivering.controller.poll(BEGAN_MS + START_MAX_MS - SECOND_MS)  # the computer has slept meanwhile

    before = delivering.run_to(START_MAX_MS - 1)
    delivery = delivering.run_out()

    assert before is None
    assert (delivery.ended, delivery.why) == (Ended.INTERRUPTED, "nobody has started the session")
    assert delivery.duration_ms == START_MAX_MS == 600_000
    assert delivering.asked(SetOutput) == []


@pytest.mark.parametrize("started", [False, True])
def test_a_pause_where_nothing_runs_is_answered_and_not_recorded_as_done(started: bool) -> None:
    """Before the start, and once the session is over."""
    delivering = Delivering(EMIT, awaits_start=not started)
    if started:
        delivering.run_out()
    else:
        delivering.run_to(SECOND_MS)
    state = delivering.controller.state

    delivering.operate(SessionAction.PAUSE)

    (told,) = delivering.desk.named("action_refused")
    assert told == ActionRefused(
        at_ms=delivering.desk.now_ms, action="pause", why="nothing runs that could be paused"
    )
    assert delivering.desk.named("operator_acted") == []
    assert delivering.controller.state is state


# --- guided steps ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(("step", "skipped"), [(GUIDE, True), (Rest(8 * SECOND_MS), False)])
def test_a_guided_step_can_be_skipped_and_a_rest_cannot(step: Step, skipped: bool) -> None:
    delivering = Delivering(step, EMIT)
    delivering.run_to(2 * SECOND_MS)
    delivering.operate(SessionAction.SKIP)

    delivery = delivering.run_out()

    ended = [event.skipped for event in delivering.desk.events if isinstance(event, StepEnded)]
    assert ended == [skipped, False]
    assert delivery.ended is Ended.COMPLETED
    assert delivery.duration_ms == pytest.approx(6000 if skipped else 12_000, abs=50)


def test_one_skip_ends_one_step() -> None:
    delivering = Delivering(GUIDE, GUIDE, Rest(SECOND_MS))
    delivering.run_to(2 * SECOND_MS)
    delivering.operate(SessionAction.SKIP)

    assert delivering.run_out().duration_ms == pytest.approx(2000 + 8000 + 1000, abs=50)


@pytest.mark.parametrize(
    ("steps", "told"),
    [
        ((GUIDE, EMIT), [(3000, 5000)]),
        ((Rest(7310), EMIT), [(2310, 5000)]),
        ((Rest(2 * SECOND_MS), EMIT), [(0, 2000)]),
        ((EMIT, Rest(6 * SECOND_MS)), []),
        ((Rest(6 * SECOND_MS), Rest(SECOND_MS), EMIT), [(6000, 1000)]),
    ],
)
def test_that_output_begins_by_itself_is_told_five_seconds_before(
    steps: tuple[Step, ...], told: list[tuple[int, int]]
) -> None:
    delivering = Delivering(*steps)

    delivering.run_out()

    assert soon(delivering) == told


def test_that_output_begins_is_told_once_whatever_pauses_it() -> None:
    delivering = Delivering(GUIDE, EMIT)
    delivering.run_to(4 * SECOND_MS)
    delivering.operate(SessionAction.PAUSE)
    delivering.run_to(9 * SECOND_MS)
    delivering.operate(SessionAction.RESUME)

    assert delivering.run_out().ended is Ended.COMPLETED
    assert soon(delivering) == [(3000, 5000)]


# --- the score afterwards -------------------------------------------------------------------------------


def asked_for(desk: Desk, for_ms: int = 30_000) -> Script[None]:
    """A session is over, and a score is waited for."""
    desk.controller.stop()
    desk.carry_out()
    desk.answer()
    for _ in desk.controller.settle():
        raise AssertionError("output is confirmed off")
    script = ask_pain(desk.controller, for_ms)
    assert next(script) == desk.now_ms + for_ms
    desk.carry_out()
    return script


def over(script: Script[None]) -> bool:
    """Whether the script does not wait any longer."""
    return next(script, None) is None


@pytest.mark.parametrize(
    ("action", "ends"),
    [(Pain(3), True), (SessionAction.SKIP, True), (Note("It eases."), False), (Pain(11), False)],
)
def test_a_score_is_waited_for_until_somebody_scores_or_declines(action: OperatorAction, ends: bool) -> None:
    desk = emitting()
    script = asked_for(desk)

    desk.controller.operate(action, desk.now_ms)
    desk.carry_out()

    (asked,) = [event for event in desk.events if isinstance(event, PainAsked)]
    assert (asked.moment, asked.for_ms) == (Moment.AFTER, 30_000)
    assert over(script) is ends
    assert (desk.controller.actions.question is None) is ends
    assert [event.moment for event in desk.events if isinstance(event, PainScored)] == (
        [Moment.AFTER] if action == Pain(3) else []
    )


@pytest.mark.parametrize(("after_ms", "ends"), [(29_999, False), (30_000, True)])
def test_a_score_is_waited_for_no_longer_than_was_said(after_ms: int, ends: bool) -> None:
    desk = emitting()
    script = asked_for(desk)

    desk.controller.poll(desk.now_ms + after_ms)

    assert over(script) is ends
    assert (desk.controller.actions.question is None) is ends


def test_a_lost_link_ends_the_wait_for_a_score() -> None:
    desk = emitting()
    script = asked_for(desk)

    desk.controller.lose_link(LinkLost("it is gone", "Plug it in."), desk.now_ms)

    assert over(script)


def test_a_stop_ends_the_wait_for_a_score_and_is_settled() -> None:
    desk = emitting()
    script = asked_for(desk)
    stops = len([intent for _, intent in desk.dialect.said if isinstance(intent, Stop)])

    desk.controller.operate(SessionAction.STOP, desk.now_ms)
    desk.carry_out()
    waits = not over(script)
    desk.answer()

    assert waits
    assert over(script)
    assert len([intent for _, intent in desk.dialect.said if isinstance(intent, Stop)]) > stops
    assert desk.controller.state is State.IDLE
