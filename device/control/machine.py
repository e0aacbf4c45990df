"""The controller's states and the transitions between them.

Every transition is an entry of ``TABLE``: a state, a trigger, and the state that follows. A pair that is
not in the table is refused. No other module may set a state. This module uses no serial port, clock or
file.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum, StrEnum
from typing import Any, Protocol

from transitions import Machine, MachineError

# It logs a warning for each method that it does not add to the model, as ``model_override`` asks.
logging.getLogger("transitions.core").setLevel(logging.ERROR)


class State(Enum):
    """The states of a controller. Output is meant to be on in ``EMITTING`` only."""

    OFFLINE = "offline"  # nothing is known about the unit
    IDLE = "idle"  # the unit answers, its output is off; nothing is loaded
    AWAITING_START = "awaiting_start"  # a plan is loaded; only a person's start lets it begin
    ARMED = "armed"  # a plan is loaded and within limits; output is off between steps
    EMITTING = "emitting"  # a step gives output, under a lease
    # Contact is lost: output is off, the unit's timer stands still, and the unit may resume by itself.
    SUSPENDED = "suspended"
    FINISHING = "finishing"  # the host has ended a step, and output is not confirmed off yet
    PAUSING = "pausing"  # a pause was requested; output is not confirmed off yet
    PAUSED = "paused"  # output is off; only an operator's action resumes
    STOPPING = "stopping"  # a stop was requested; output is not confirmed off yet
    UNCERTAIN = "uncertain"  # a start was requested and not answered: output may be on
    FAULT = "fault"  # output is off; latched until a person clears it, once the cause has gone


class Trigger(StrEnum):
    """What moves a controller from one state to another."""

    IDENTIFIED = "identified"  # a unit has identified itself
    ARM = "arm"  # load a plan
    AWAIT = "await"  # load a plan that a person has to start
    BEGIN = "begin"  # a person starts the session
    START = "start"  # begin a step's output
    LIFT = "lift"  # the unit reports contact lost
    TOUCH = "touch"  # the unit reports contact back, and output with it
    END_STEP = "end_step"  # a step is over on a unit that has no timer: the host stops it
    FINISH = "finish"  # a step has ended, and the unit says that its output is off
    PAUSE = "pause"  # a person, or a rule of the watch, asks for output off
    RESUME = "resume"  # a person wants to go on
    SKIP = "skip"  # a person ends a guided step before its time
    STOP = "stop"  # end the session
    OUTPUT_OFF = "output_off"  # output is confirmed off
    DOUBT = "doubt"  # a required answer is missing
    FAIL = "fail"  # the watch, the guard or the link ends the session
    CLEAR = "clear"  # a person clears a fault


class Facts(Protocol):
    """The conditions that a transition may have."""

    def unit_is_known(self) -> bool:
        """The unit has identified itself, with a version and a model that may be driven."""

    def plan_is_within_limits(self) -> bool:
        """Every step and total of the plan is within the present limits."""

    def output_is_allowed(self) -> bool:
        """No stop was requested, the unit is armed for this session, and the plan is within limits."""

    def step_is_guided(self) -> bool:
        """The step that runs is an instruction with a time: it gives no output."""

    def level_is_as_before(self) -> bool:
        """After contact is back, the level is no higher than before."""

    def output_off_is_confirmed(self) -> bool:
        """The unit itself has reported that its output is off."""

    def cause_has_gone(self) -> bool:
        """The cause of the fault has gone, and output is confirmed off."""


@dataclass(frozen=True, slots=True)
class Move:
    """One transition: the state that follows, and the condition for it."""

    to: State
    only_if: Callable[[Any], bool] | None = None


# STOP and FAIL are in every row: neither is ever refused.
TABLE: Mapping[State, Mapping[Trigger, Move]] = {
    State.OFFLINE: {
        Trigger.IDENTIFIED: Move(State.IDLE, only_if=Facts.unit_is_known),
        Trigger.STOP: Move(State.STOPPING),  # a crashed host may have left output on
        Trigger.FAIL: Move(State.FAULT),
    },
    State.IDLE: {
        Trigger.ARM: Move(State.ARMED, only_if=Facts.plan_is_within_limits),
        Trigger.AWAIT: Move(State.AWAITING_START, only_if=Facts.plan_is_within_limits),
        Trigger.STOP: Move(State.STOPPING),
        Trigger.FAIL: Move(State.FAULT),
    },
    State.AWAITING_START: {
        # While it was awaited the unit may have warmed up, or have been exchanged.
        Trigger.BEGIN: Move(State.ARMED, only_if=Facts.plan_is_within_limits),
        Trigger.STOP: Move(State.STOPPING),
        Trigger.DOUBT: Move(State.UNCERTAIN),
        Trigger.FAIL: Move(State.FAULT),
    },
    State.ARMED: {
        Trigger.START: Move(State.EMITTING, only_if=Facts.output_is_allowed),
        Trigger.PAUSE: Move(State.PAUSED),  # output is off already
        Trigger.SKIP: Move(State.ARMED, only_if=Facts.step_is_guided),
        Trigger.STOP: Move(State.STOPPING),
        Trigger.DOUBT: Move(State.UNCERTAIN),
        Trigger.FAIL: Move(State.FAULT),
    },
    State.EMITTING: {
        Trigger.FINISH: Move(State.ARMED, only_if=Facts.output_off_is_confirmed),
        Trigger.END_STEP: Move(State.FINISHING),
        Trigger.LIFT: Move(State.SUSPENDED),
        Trigger.PAUSE: Move(State.PAUSING),
        Trigger.STOP: Move(State.STOPPING),
        Trigger.DOUBT: Move(State.UNCERTAIN),
        Trigger.FAIL: Move(State.FAULT),
    },
    State.SUSPENDED: {
        Trigger.TOUCH: Move(State.EMITTING, only_if=Facts.level_is_as_before),
        Trigger.FINISH: Move(State.ARMED, only_if=Facts.output_off_is_confirmed),
        Trigger.PAUSE: Move(State.PAUSING),
        Trigger.STOP: Move(State.STOPPING),
        Trigger.DOUBT: Move(State.UNCERTAIN),
        Trigger.FAIL: Move(State.FAULT),
    },
    State.FINISHING: {
        Trigger.FINISH: Move(State.ARMED, only_if=Facts.output_off_is_confirmed),
        Trigger.PAUSE: Move(State.PAUSING),
        Trigger.STOP: Move(State.STOPPING),
        Trigger.DOUBT: Move(State.UNCERTAIN),
        Trigger.FAIL: Move(State.FAULT),
    },
    State.PAUSING: {
        Trigger.OUTPUT_OFF: Move(State.PAUSED, only_if=Facts.output_off_is_confirmed),
        Trigger.STOP: Move(State.STOPPING),
        Trigger.DOUBT: Move(State.UNCERTAIN),
        Trigger.FAIL: Move(State.FAULT),
    },
    State.PAUSED: {
        # During the pause the unit may have warmed up, or have been exchanged.
        Trigger.RESUME: Move(State.ARMED, only_if=Facts.plan_is_within_limits),
        Trigger.STOP: Move(State.STOPPING),
        Trigger.DOUBT: Move(State.UNCERTAIN),
        Trigger.FAIL: Move(State.FAULT),
    },
    State.STOPPING: {
        Trigger.OUTPUT_OFF: Move(State.IDLE, only_if=Facts.output_off_is_confirmed),
        Trigger.STOP: Move(State.STOPPING),
        Trigger.DOUBT: Move(State.UNCERTAIN),
        Trigger.FAIL: Move(State.FAULT),
    },
    State.UNCERTAIN: {
        Trigger.OUTPUT_OFF: Move(State.IDLE, only_if=Facts.output_off_is_confirmed),
        Trigger.STOP: Move(State.UNCERTAIN),
        Trigger.DOUBT: Move(State.UNCERTAIN),
        Trigger.FAIL: Move(State.FAULT),
    },
    State.FAULT: {
        Trigger.CLEAR: Move(State.OFFLINE, only_if=Facts.cause_has_gone),
        Trigger.STOP: Move(State.FAULT),
        Trigger.DOUBT: Move(State.FAULT),
        Trigger.FAIL: Move(State.FAULT),
    },
}


def rows(facts: Facts) -> list[dict[str, Any]]:
    """Return the table in the form of ``transitions``, with the conditions of ``facts``."""
    return [
        {
            "trigger": trigger,
            "source": source,
            "dest": move.to,
            "conditions": getattr(facts, move.only_if.__name__) if move.only_if else None,
        }
        for source, cells in TABLE.items()
        for trigger, move in cells.items()
    ]


class TransitionRefused(Exception):
    """The table has no transition for this trigger in this state, or its condition is not met."""

    def __init__(self, state: State, trigger: Trigger, unmet: str = "") -> None:
        self.state, self.trigger, self.unmet = state, trigger, unmet
        because = f": {unmet.replace('_', ' ')} does not hold" if unmet else ""
        super().__init__(f"cannot {trigger} while {state.value}{because}")


class StateMachine:
    """A state, changed by the transitions of ``TABLE`` only."""

    state: State  # written by ``transitions``; read by everyone else

    def __init__(self, facts: Facts) -> None:
        self._machine = Machine(
            self,
            states=list(State),
            initial=State.OFFLINE,
            transitions=rows(facts),
            auto_transitions=False,  # no to_EMITTING() past the table
            ignore_invalid_triggers=False,  # an invalid trigger raises an error
            model_override=True,  # add no methods to this class but those it names
            queued=False,  # a queued trigger returns True before it has run
        )

    def trigger(self, name: str) -> bool:
        """Replaced by ``transitions``."""
        raise NotImplementedError

    def may_trigger(self, name: str) -> bool:
        """Replaced by ``transitions``."""
        raise NotImplementedError

    def may(self, trigger: Trigger) -> bool:
        """Return whether ``trigger`` is possible now."""
        return self.may_trigger(trigger)

    def fire(self, trigger: Trigger) -> State:
        """Apply ``trigger`` and return the new state, or raise `TransitionRefused` and change nothing."""
        move = TABLE[self.state].get(trigger)
        try:
            moved = self.trigger(trigger)
        except MachineError:
            raise TransitionRefused(self.state, trigger) from None
        if not moved:
            assert move is not None
            assert move.only_if is not None
            raise TransitionRefused(self.state, trigger, unmet=move.only_if.__name__)
        return self.state
