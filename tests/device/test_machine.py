"""The table of states, written out a second time and walked from every state with every trigger."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import pytest

from device.control.machine import TABLE, Facts, Move, State, StateMachine, TransitionRefused, Trigger
from tests.cases import each
from tools import pages

# The table again, by hand: state, trigger, where it leads, and what must be true first.
CELLS = """
offline    identified   idle       unit_is_known
offline    stop    stopping
offline    fail    fault
idle       arm     armed      plan_is_within_limits
idle       await   awaiting_start plan_is_within_limits
idle       stop    stopping
idle       fail    fault
awaiting_start begin   armed      plan_is_within_limits
awaiting_start stop    stopping
awaiting_start doubt   uncertain
awaiting_start fail    fault
armed      start   emitting   output_is_allowed
armed      skip    armed      step_is_guided
armed      pause   paused
armed      stop    stopping
armed      doubt   uncertain
armed      fail    fault
emitting   finish  armed      output_off_is_confirmed
emitting   end_step finishing
emitting   lift    suspended
emitting   pause   pausing
emitting   stop    stopping
emitting   doubt   uncertain
emitting   fail    fault
suspended       touch   emitting   level_is_as_before
suspended       finish  armed      output_off_is_confirmed
suspended       pause   pausing
suspended       stop    stopping
suspended       doubt   uncertain
suspended       fail    fault
finishing  finish  armed      output_off_is_confirmed
finishing  pause   pausing
finishing  stop    stopping
finishing  doubt   uncertain
finishing  fail    fault
pausing    output_off  paused     output_off_is_confirmed
pausing    stop    stopping
pausing    doubt   uncertain
pausing    fail    fault
paused     resume  armed      plan_is_within_limits
paused     stop    stopping
paused     doubt   uncertain
paused     fail    fault
stopping  output_off  idle       output_off_is_confirmed
stopping  stop    stopping
stopping  doubt   uncertain
stopping  fail    fault
uncertain  output_off  idle       output_off_is_confirmed
uncertain  stop    uncertain
uncertain  doubt   uncertain
uncertain  fail    fault
fault      clear   offline    cause_has_gone
fault      stop    fault
fault      doubt   fault
fault      fail    fault
"""
FACTS = (
    "unit_is_known",
    "plan_is_within_limits",
    "output_is_allowed",
    "step_is_guided",
    "level_is_as_before",
    "output_off_is_confirmed",
    "cause_has_gone",
)
EVERY_PAIR = [(state, trigger) for state in State for trigger in Trigger]
EVERY_CELL = [(state, trigger, move) for state, cells in TABLE.items() for trigger, move in cells.items()]

# How to stand in each state, from the start, with nothing but the table.
WAYS: dict[State, tuple[Trigger, ...]] = {
    State.OFFLINE: (),
    State.IDLE: (Trigger.IDENTIFIED,),
    State.AWAITING_START: (Trigger.IDENTIFIED, Trigger.AWAIT),
    State.ARMED: (Trigger.IDENTIFIED, Trigger.ARM),
    State.EMITTING: (Trigger.IDENTIFIED, Trigger.ARM, Trigger.START),
    State.SUSPENDED: (Trigger.IDENTIFIED, Trigger.ARM, Trigger.START, Trigger.LIFT),
    State.FINISHING: (Trigger.IDENTIFIED, Trigger.ARM, Trigger.START, Trigger.END_STEP),
    State.PAUSING: (Trigger.IDENTIFIED, Trigger.ARM, Trigger.START, Trigger.PAUSE),
    State.PAUSED: (Trigger.IDENTIFIED, Trigger.ARM, Trigger.PAUSE),
    State.STOPPING: (Trigger.STOP,),
    State.UNCERTAIN: (Trigger.STOP, Trigger.DOUBT),
    State.FAULT: (Trigger.FAIL,),
}


class Answers:
    """Facts that hold, but for those a test has taken away."""

    def __init__(self) -> None:
        self.untrue: set[str] = set()

    def unit_is_known(self) -> bool:
        return "unit_is_known" not in self.untrue

    def plan_is_within_limits(self) -> bool:
        return "plan_is_within_limits" not in self.untrue

    def output_is_allowed(self) -> bool:
        return "output_is_allowed" not in self.untrue

    def step_is_guided(self) -> bool:
        return "step_is_guided" not in self.untrue

    def level_is_as_before(self) -> bool:
        return "level_is_as_before" not in self.untrue

    def output_off_is_confirmed(self) -> bool:
        return "output_off_is_confirmed" not in self.untrue

    def cause_has_gone(self) -> bool:
        return "cause_has_gone" not in self.untrue


def standing_in(state: State, untrue: Iterable[str] = ()) -> StateMachine:
    answers = Answers()
    subject = StateMachine(answers)
    for trigger in WAYS[state]:
        subject.fire(trigger)
    assert subject.state is state
    answers.untrue.update(untrue)
    return subject


def fact(move: Move) -> str:
    return move.only_if.__name__ if move.only_if else ""


def cells_where(wanted: Callable[[State, Trigger, Move], bool]) -> set[tuple[State, Trigger]]:
    return {(state, trigger) for state, trigger, move in EVERY_CELL if wanted(state, trigger, move)}


# --- the table ------------------------------------------------------------------------------------


def test_the_table_is_the_one_written_here_cell_by_cell() -> None:
    written = {}
    for line in CELLS.split("\n")[1:-1]:
        state, trigger, to, *only_if = line.split()
        written[State(state), Trigger(trigger)] = (State(to), "".join(only_if))

    assert {(s, t): (move.to, fact(move)) for s, t, move in EVERY_CELL} == written


def test_every_state_has_a_row_and_every_fact_is_asked() -> None:
    assert set(TABLE) == set(State)
    assert {fact(move) for _, _, move in EVERY_CELL} - {""} == set(FACTS)
    assert {name for name in vars(Facts) if not name.startswith("_")} == set(FACTS)


def test_output_begins_from_armed_and_comes_back_from_suspended_and_from_nowhere_else() -> None:
    into_output = cells_where(lambda state, trigger, move: move.to is State.EMITTING)

    assert into_output == {(State.ARMED, Trigger.START), (State.SUSPENDED, Trigger.TOUCH)}
    assert all(TABLE[state][trigger].only_if is not None for state, trigger in into_output)


@pytest.mark.hazard("H-17")
@pytest.mark.hazard("H-26")
def test_only_a_person_leads_out_of_a_pause_towards_output() -> None:
    away = cells_where(
        lambda state, trigger, move: (
            state is State.PAUSED and move.to not in (State.STOPPING, State.UNCERTAIN, State.FAULT)
        )
    )

    assert away == {(State.PAUSED, Trigger.RESUME)}


@pytest.mark.hazard("H-17")
def test_only_a_persons_start_leads_out_of_a_session_that_waits_for_it_towards_output() -> None:
    away = cells_where(
        lambda state, trigger, move: (
            state is State.AWAITING_START and move.to not in (State.STOPPING, State.UNCERTAIN, State.FAULT)
        )
    )

    assert away == {(State.AWAITING_START, Trigger.BEGIN)}
    assert cells_where(lambda state, trigger, move: trigger is Trigger.BEGIN) == away


def test_a_fault_is_left_by_clearing_it_and_no_other_way() -> None:
    assert cells_where(lambda state, trigger, move: state is State.FAULT and move.to is not State.FAULT) == {
        (State.FAULT, Trigger.CLEAR)
    }


@pytest.mark.hazard("H-17")
@pytest.mark.parametrize(
    "state",
    [
        State.AWAITING_START,
        State.SUSPENDED,
        State.PAUSING,
        State.PAUSED,
        State.STOPPING,
        State.UNCERTAIN,
        State.FAULT,
    ],
)
def test_no_trigger_starts_output_where_it_was_broken_off(state: State) -> None:
    assert Trigger.START not in TABLE[state]


# --- the machine walks it -------------------------------------------------------------------------


def test_a_controller_begins_knowing_nothing_of_any_unit() -> None:
    assert StateMachine(Answers()).state is State.OFFLINE


@each(("state", "trigger"), EVERY_PAIR)
def test_every_pair_does_what_its_cell_says(state: State, trigger: Trigger) -> None:
    subject = standing_in(state)
    move = TABLE[state].get(trigger)

    if move is None:
        with pytest.raises(TransitionRefused) as refused:
            subject.fire(trigger)
        assert (refused.value.state, refused.value.trigger, refused.value.unmet) == (state, trigger, "")
        assert subject.state is state
    else:
        assert subject.fire(trigger) is move.to
        assert subject.state is move.to


@pytest.mark.parametrize(
    ("state", "trigger", "unmet"), [(s, t, fact(move)) for s, t, move in EVERY_CELL if move.only_if]
)
def test_a_cell_is_shut_while_its_own_fact_does_not_hold(state: State, trigger: Trigger, unmet: str) -> None:
    subject = standing_in(state, untrue=[unmet])

    with pytest.raises(TransitionRefused) as refused:
        subject.fire(trigger)

    assert (refused.value.state, refused.value.trigger, refused.value.unmet) == (state, trigger, unmet)
    assert subject.state is state


@each(("state", "trigger", "move"), EVERY_CELL)
def test_a_cell_asks_for_its_own_fact_and_no_other(state: State, trigger: Trigger, move: Move) -> None:
    subject = standing_in(state, untrue=set(FACTS) - {fact(move)})

    assert subject.fire(trigger) is move.to


@pytest.mark.hazard("H-18")
@pytest.mark.parametrize("trigger", [Trigger.STOP, Trigger.FAIL])
@pytest.mark.parametrize("state", State)
def test_nothing_can_refuse_a_stop_or_a_failure(state: State, trigger: Trigger) -> None:
    subject = standing_in(state, untrue=FACTS)

    assert subject.fire(trigger) not in (State.EMITTING, State.SUSPENDED, State.ARMED)


def test_a_refusal_says_what_where_and_why() -> None:
    assert str(TransitionRefused(State.PAUSED, Trigger.START)) == "cannot start while paused"
    assert str(TransitionRefused(State.ARMED, Trigger.START, "output_is_allowed")) == (
        "cannot start while armed: output is allowed does not hold"
    )


@pytest.mark.hazard("H-04")
@each(("state", "trigger"), EVERY_PAIR)
def test_what_may_happen_is_what_the_cell_says(state: State, trigger: Trigger) -> None:
    move = TABLE[state].get(trigger)
    asked = [fact(move)] if move and move.only_if else []

    assert standing_in(state).may(trigger) is (move is not None)
    assert not standing_in(state, asked).may(trigger) or (move is not None and not asked)


def test_there_is_no_back_door_into_a_state() -> None:
    subject = standing_in(State.IDLE)
    added = {name for name in dir(subject) if not name.startswith("_")} - {
        "fire",
        "may",
        "may_trigger",
        "state",
        "trigger",
    }

    assert added == set()
    for state in State:
        with pytest.raises(AttributeError):
            subject.trigger(f"to_{state.name}")
    assert subject.state is State.IDLE


# --- the manual's pages ---------------------------------------------------------------------------


def test_the_page_of_states_shows_every_cell() -> None:
    page = pages.states()

    edges = [line.strip().split(": ") for line in page.splitlines() if " --> " in line and ": " in line]
    drawn = {(edge, label) for edge, labels in edges for label in labels.split(" | ")}
    assert drawn == {
        (f"{state.name} --> {move.to.name}", f"{trigger} [{fact(move)}]" if move.only_if else str(trigger))
        for state, trigger, move in EVERY_CELL
    }
    assert "| identified | IDLE if unit is known |" in page
