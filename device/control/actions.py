"""What a person asks of a session: to start, pause, resume, skip or stop it, to lower it, to note something.

Each action is carried out and recorded, or refused, which is recorded too. A stop is never refused.
"""

from __future__ import annotations

from operator import attrgetter
from typing import TYPE_CHECKING

from device.control.machine import State, Trigger
from device.control.schedule import RUNNING
from device.dialects.base import GetStatus, LowerLevel
from device.events import (
    ActionRefused,
    LevelLowered,
    LowerRefused,
    Moment,
    NoteTaken,
    OperatorActed,
    PainAsked,
    PainScored,
)
from device.operator import NOT_NOW, ActedBy, Lower, Note, OperatorAction, Pain, SessionAction, objection
from protocols.families import definition
from protocols.plan import level

if TYPE_CHECKING:
    from device.control.controller import Controller

LOWER = "lower"  # what `may` calls it
HELD_MS = 1000  # a key that comes again within this time is held down; this project's own figure
_TRIGGERS = {
    SessionAction.START: Trigger.BEGIN,
    SessionAction.PAUSE: Trigger.PAUSE,
    SessionAction.RESUME: Trigger.RESUME,
    SessionAction.SKIP: Trigger.SKIP,
    SessionAction.STOP: Trigger.STOP,
}


class OperatorActions:
    """What a person asks of the session of one controller."""

    def __init__(self, controller: Controller) -> None:
        self.latest: SessionAction | None = None  # what a person last asked for; nothing overrides a stop
        self.question: Moment | None = None  # of which a pain score is waited for
        self._lower_refused: tuple[Lower, str, int] | None = None  # the latest, why, and when
        self._controller = controller

    @property
    def halted(self) -> bool:
        """Whether a person has asked to stop."""
        return self.latest is SessionAction.STOP

    @property
    def moment(self) -> Moment:
        """Where the session stands, for what a person says of it."""
        state = self._controller.state
        if state is State.AWAITING_START:
            return Moment.BEFORE
        return Moment.DURING if state in RUNNING else Moment.AFTER

    @property
    def may(self) -> tuple[str, ...]:
        """What a person may do now, but for notes and pain scores."""
        controller = self._controller
        lowers = controller.state in RUNNING and controller.known.can_be_lowered
        actions = (action.value for action, trigger in _TRIGGERS.items() if controller.can_fire(trigger))
        return (*actions, *((LOWER,) if lowers else ()))

    def ask_pain(self, for_ms: int) -> None:
        """Ask for a pain score, which is waited for ``for_ms``."""
        self.question = self.moment
        self._controller.publish(
            PainAsked(at_ms=self._controller.now_ms, moment=self.question, for_ms=for_ms)
        )

    def operate(self, action: OperatorAction) -> None:
        """A person has asked for ``action``."""
        match action:
            case Lower():
                self._lower(action)
            case Note() | Pain():
                self._take_down(action)
            case SessionAction():
                self._operate(action)
            case ActedBy():
                self._operate(action.action, action.by)

    # --- a note, a pain score --------------------------------------------------------------------------

    def _take_down(self, action: Note | Pain) -> None:
        at_ms, publish = self._controller.now_ms, self._controller.publish
        why = objection(action) if self._controller.used else "there is no session yet"
        if why:
            self._refuse(action.name, why)
        elif isinstance(action, Note):
            publish(NoteTaken(at_ms=at_ms, text=action.text, by=action.by))
        else:
            self.question = None
            publish(PainScored(at_ms=at_ms, score=action.score, moment=self.moment, by=action.by))

    def _refuse(self, action: str, why: str) -> None:
        self._controller.publish(ActionRefused(at_ms=self._controller.now_ms, action=action, why=why))

    # --- start, pause, resume, skip, stop --------------------------------------------------------------

    def _operate(self, action: SessionAction, by: str = "operator") -> None:
        controller = self._controller
        if action is SessionAction.PAUSE and controller.state in (State.PAUSING, State.PAUSED):
            return  # a key that is held down asks for the same pause again
        if action in NOT_NOW and not self._can(action):
            self._refuse(action, NOT_NOW[action])
            return
        self.latest = SessionAction.STOP if self.halted else action
        match action:
            case SessionAction.START:
                controller.begin()
            case SessionAction.PAUSE:
                controller.pause()
            case SessionAction.RESUME:
                controller.resume()
            case SessionAction.SKIP:
                self._skip()
            case SessionAction.STOP:
                self.question = None
                controller.stop()
        controller.publish(OperatorActed(at_ms=controller.now_ms, action=action, by=by))

    def _can(self, action: SessionAction) -> bool:
        declines = action is SessionAction.SKIP and self.question is not None
        # A session that has not been loaded begins paused where that is asked for, and that is taken back.
        ahead = action in (SessionAction.PAUSE, SessionAction.RESUME) and not self._controller.used
        return declines or ahead or self._controller.can_fire(_TRIGGERS[action])

    def _skip(self) -> None:
        if self.question is None:
            self._controller.skip()
        self.question = None

    # --- a lower level -------------------------------------------------------------------------------

    def _lower(self, action: Lower) -> None:
        """Cap the session, and lower the running step. It is recorded first, and never taken back."""
        controller, known = self._controller, self._controller.known
        step, allowed = known.due_step, known.allowed
        if step is None or allowed is None or controller.state not in RUNNING:
            self._refuse_lower(action, "no output is left to lower in a session that goes on")
            return
        quantity = definition(controller.known.driven_unit.model.family).level
        before, lowest, to_level = level(step.setting), allowed.level_min, action.to_level
        if to_level is None:
            to_level = max(before - allowed.level_at(known.delivered_ms) // 10, lowest)
        if before <= lowest or to_level < lowest:
            self._refuse_lower(action, f"the lowest level is {quantity.show(lowest)}: pause or stop")
        elif to_level >= before:
            self._refuse_lower(action, f"the level is {quantity.show(before)} already")
        else:
            known.lower(to_level, controller.now_ms)
            controller.publish(
                LevelLowered(
                    at_ms=controller.now_ms,
                    by=action.by,
                    before=before,
                    after=to_level,
                    quantity=quantity.name.lower(),
                    may=self.may,
                )
            )
            self._ask_to_lower()

    def _refuse_lower(self, action: Lower, why: str) -> None:
        """Say why nothing is lowered; of a key that is held down, once."""
        now_ms, before = self._controller.now_ms, self._lower_refused
        self._lower_refused = action, why, now_ms
        if before is None or before[:2] != (action, why) or now_ms - before[2] > HELD_MS:
            self._controller.publish(
                LowerRefused(at_ms=now_ms, by=action.by, to_level=action.to_level, why=why)
            )

    def _ask_to_lower(self) -> None:
        """Ask the unit at once, unless it has yet to answer the same question."""
        controller, known = self._controller, self._controller.known
        if controller.withdraw(attrgetter("starts_output")):
            # A start at the higher level never leaves. It is made anew after this report.
            controller.say(GetStatus())
            return
        to_level, pending = known.level_to_lower_to, controller.requests.pending
        runs = controller.state in (State.EMITTING, State.SUSPENDED)  # in FINISHING a stop is on its way
        if not runs or to_level is None:
            return
        if pending is None or not isinstance(pending.intent, LowerLevel):
            controller.say(LowerLevel(controller.known.driven_unit.identity.nonce, known.session, to_level))
