"""The controller's states, and the only ways between them.

Every change of state is a cell of ``TABLE``: a state, a trigger, and where it leads. A pair that is
not in the table is refused. Nothing outside this file may set a state, and this file knows nothing
about serial ports, clocks or files.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum, StrEnum
from typing import Any, Protocol

from transitions import Machine, MachineError

# It warns of each method that it does not add to the model: that is what is asked of it here.
logging.getLogger("transitions.core").setLevel(logging.ERROR)


class State(Enum):
    """Where a controller stands. Output is meant to be on in ``EMITTING`` only."""

    OFFLINE = "offline"  # nothing is known about the unit
    IDLE = "idle"  # the unit answers, its output is off; nothing is loaded
    ARMED = "armed"  # a plan is loaded and within limits; output is off between steps
    EMITTING = "emitting"  # a step gives output, under a lease
    HELD = "held"  # contact is lost: the unit holds output and timer, and may go on by itself
    FINISHING = "finishing"  # the host has ended a step, and output is not confirmed off yet
    PAUSING = "pausing"  # a pause was asked, and output is not confirmed off yet
    PAUSED = "paused"  # output is off; only a person's act goes on
    SILENCING = "silencing"  # a stop was asked, and silence is not proven yet
    UNCERTAIN = "uncertain"  # a start was asked and not answered: output may be on
    FAULT = "fault"  # output off, latched; cleared on purpose once the cause has gone


class Trigger(StrEnum):
    """What can happen to a controller, from either side of the cable."""

    GREET = "greet"  # a unit has said who it is
    ARM = "arm"  # take up a plan
    START = "start"  # begin a step's output
    LIFT = "lift"  # the unit reports contact lost
    TOUCH = "touch"  # the unit reports contact back, and output with it
    END_STEP = "end_step"  # a step is over on a unit that has no timer: the host stops it
    FINISH = "finish"  # a step has ended, and the unit says that its output is off
    PAUSE = "pause"  # a person, or a rule of the watch, wants output off for now
    RESUME = "resume"  # a person wants to go on
    STOP = "stop"  # end the session
    SILENT = "silent"  # silence proven
    DOUBT = "doubt"  # an answer that matters is missing
    FAIL = "fail"  # the watch, the guard or the link says: no further
    CLEAR = "clear"  # a person clears a fault


class Facts(Protocol):
    """The questions a cell may ask before it lets a trigger through."""

    def unit_is_known(self) -> bool:
        """It has said who it is, in a version and of a model we may drive."""

    def plan_is_within_limits(self) -> bool:
        """Every step and total of the plan, against the limits as they stand now."""

    def output_is_allowed(self) -> bool:
        """A person has asked for it, the lease is ours, and the next step is within limits."""

    def level_is_as_before(self) -> bool:
        """The unit came back no higher than it went."""

    def silence_is_proven(self) -> bool:
        """The unit itself has reported that its output is off."""

    def cause_has_gone(self) -> bool:
        """What latched the fault is no longer so, and silence is proven."""


@dataclass(frozen=True, slots=True)
class Move:
    """One cell: where the trigger leads, and what must be true first."""

    to: State
    only_if: Callable[[Any], bool] | None = None


# STOP and FAIL stand in every row: neither may ever be refused.
TABLE: Mapping[State, Mapping[Trigger, Move]] = {
    State.OFFLINE: {
        Trigger.GREET: Move(State.IDLE, only_if=Facts.unit_is_known),
        Trigger.STOP: Move(State.SILENCING),  # a crashed host may have left output on
        Trigger.FAIL: Move(State.FAULT),
    },
    State.IDLE: {
        Trigger.ARM: Move(State.ARMED, only_if=Facts.plan_is_within_limits),
        Trigger.STOP: Move(State.SILENCING),
        Trigger.FAIL: Move(State.FAULT),
    },
    State.ARMED: {
        Trigger.START: Move(State.EMITTING, only_if=Facts.output_is_allowed),
        Trigger.PAUSE: Move(State.PAUSED),  # output is off already
        Trigger.STOP: Move(State.SILENCING),
        Trigger.DOUBT: Move(State.UNCERTAIN),
        Trigger.FAIL: Move(State.FAULT),
    },
    State.EMITTING: {
        Trigger.FINISH: Move(State.ARMED, only_if=Facts.silence_is_proven),
        Trigger.END_STEP: Move(State.FINISHING),
        Trigger.LIFT: Move(State.HELD),
        Trigger.PAUSE: Move(State.PAUSING),
        Trigger.STOP: Move(State.SILENCING),
        Trigger.DOUBT: Move(State.UNCERTAIN),
        Trigger.FAIL: Move(State.FAULT),
    },
    State.HELD: {
        Trigger.TOUCH: Move(State.EMITTING, only_if=Facts.level_is_as_before),
        Trigger.FINISH: Move(State.ARMED, only_if=Facts.silence_is_proven),
        Trigger.PAUSE: Move(State.PAUSING),
        Trigger.STOP: Move(State.SILENCING),
        Trigger.DOUBT: Move(State.UNCERTAIN),
        Trigger.FAIL: Move(State.FAULT),
    },
    State.FINISHING: {
        Trigger.FINISH: Move(State.ARMED, only_if=Facts.silence_is_proven),
        Trigger.PAUSE: Move(State.PAUSING),
        Trigger.STOP: Move(State.SILENCING),
        Trigger.DOUBT: Move(State.UNCERTAIN),
        Trigger.FAIL: Move(State.FAULT),
    },
    State.PAUSING: {
        Trigger.SILENT: Move(State.PAUSED, only_if=Facts.silence_is_proven),
        Trigger.STOP: Move(State.SILENCING),
        Trigger.DOUBT: Move(State.UNCERTAIN),
        Trigger.FAIL: Move(State.FAULT),
    },
    State.PAUSED: {
        # The unit may have warmed up, or been swapped, while it waited.
        Trigger.RESUME: Move(State.ARMED, only_if=Facts.plan_is_within_limits),
        Trigger.STOP: Move(State.SILENCING),
        Trigger.DOUBT: Move(State.UNCERTAIN),
        Trigger.FAIL: Move(State.FAULT),
    },
    State.SILENCING: {
        Trigger.SILENT: Move(State.IDLE, only_if=Facts.silence_is_proven),
        Trigger.STOP: Move(State.SILENCING),
        Trigger.DOUBT: Move(State.UNCERTAIN),
        Trigger.FAIL: Move(State.FAULT),
    },
    State.UNCERTAIN: {
        Trigger.SILENT: Move(State.IDLE, only_if=Facts.silence_is_proven),
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
    """The table as ``transitions`` takes it, with ``facts`` to ask."""
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


class NoWay(Exception):
    """The table has no way through for this trigger, here and now."""

    def __init__(self, state: State, trigger: Trigger, unmet: str = "") -> None:
        self.state, self.trigger, self.unmet = state, trigger, unmet
        because = f": {unmet.replace('_', ' ')} does not hold" if unmet else ""
        super().__init__(f"cannot {trigger} while {state.value}{because}")


class Stateful:
    """Carries a state, and moves it by the table alone."""

    state: State  # written by ``transitions``; read by everyone else

    def __init__(self, facts: Facts) -> None:
        self._machine = Machine(
            self,
            states=list(State),
            initial=State.OFFLINE,
            transitions=rows(facts),
            auto_transitions=False,  # no to_EMITTING(): the table is the only way in
            ignore_invalid_triggers=False,  # a refusal is an answer, never silence
            model_override=True,  # add no methods to this class behind its back
            queued=False,  # a queued trigger returns True before it has run
        )

    def trigger(self, name: str) -> bool:
        """Stand in until ``transitions`` puts its own here."""
        raise NotImplementedError

    def may_trigger(self, name: str) -> bool:
        """Stand in until ``transitions`` puts its own here."""
        raise NotImplementedError

    def may(self, trigger: Trigger) -> bool:
        """Whether ``trigger`` would be let through here and now."""
        return self.may_trigger(trigger)

    def fire(self, trigger: Trigger) -> State:
        """Apply ``trigger`` and return the new state, or raise `NoWay` and change nothing."""
        move = TABLE[self.state].get(trigger)
        try:
            moved = self.trigger(trigger)
        except MachineError:
            raise NoWay(self.state, trigger) from None
        if not moved:
            assert move is not None
            assert move.only_if is not None
            raise NoWay(self.state, trigger, unmet=move.only_if.__name__)
        return self.state
