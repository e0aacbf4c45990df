"""What the operator has asked for, from when the host could know of it: whether output may start or resume.

It follows the operator's actions and the session's events.
"""

from __future__ import annotations

from collections import deque

from device.control.controller import Controller
from device.control.machine import State
from device.events import Event, OperatorActed, StartAwaited, StateChanged
from device.operator import SessionAction
from physioctl.rehearsal.storm.host import MortalClock
from physioctl.rehearsal.storm.scenario import Scenario

_GOING_ON = frozenset(
    state.value for state in (State.ARMED, State.EMITTING, State.SUSPENDED, State.FINISHING)
)


class OperatorIntent:
    """Whether the operator has asked for output off, and since when."""

    def __init__(self, scenario: Scenario, clock: MortalClock, controller: Controller) -> None:
        self.lets_start = not scenario.awaits_start  # by the events so far, a start may be sent
        self._awaited_ms: int | None = None  # since when a person's start has been waited for
        self._started_ms: int | None = None  # when somebody last asked for one
        self._awaits_start = scenario.awaits_start
        self._actions = deque(sorted(scenario.actions, key=lambda timed: timed[0]))
        self._clock = clock
        self._controller = controller
        self._state = ""  # by the latest event; empty before the session
        self._against_ms: int | None = None  # since when the operator has asked for output off
        self._stopped = False
        self._resumes = 0  # actions that may have been one, without an event so far

    def look(self) -> None:
        """Process the actions that the host can have received by now."""
        now_ms = self._clock.now_ms()
        while self._actions and self._actions[0][0] <= now_ms and not self._clock.frozen:
            self._take_in(self._actions.popleft()[1])

    def hear(self, event: Event) -> None:
        """Process an event of the session."""
        self.look()
        match event:
            case StateChanged():
                self._state = event.state
                self.lets_start = self.lets_start and event.state in _GOING_ON
            case OperatorActed(action=SessionAction.RESUME):
                # A resume before the pause has taken effect does nothing.
                if self._controller.state is State.ARMED and self._resumes:
                    self._resumes -= 1
                    self.lets_start = True
                    self._go_on()
            case OperatorActed(action=SessionAction.START):
                self.lets_start = self.started and not self._stopped
            case OperatorActed(action=SessionAction.PAUSE | SessionAction.STOP):
                self.lets_start = False
            case StartAwaited():
                self._awaited_ms = self._clock.now_ms()

    @property
    def started(self) -> bool:
        """Whether a person has started the session since that was waited for, or nobody had to."""
        if not self._awaits_start:
            return True
        if self._awaited_ms is None or self._started_ms is None:
            return False
        return self._started_ms >= self._awaited_ms

    def against_for_ms(self) -> int:
        """How long ago the operator asked for output off without resuming since, in ms; 0 for never."""
        return 0 if self._against_ms is None else self._clock.now_ms() - self._against_ms

    def _take_in(self, action: SessionAction) -> None:
        before_session = not self._state  # before the session there are no events of actions
        self._resumes += action is SessionAction.RESUME
        if action is SessionAction.STOP and not self._stopped:
            # A resume at the same moment, before the stop, may be processed first.
            self._stopped, self._against_ms = True, self._clock.now_ms()
        elif action is SessionAction.PAUSE:
            self._halt()
        elif action is SessionAction.START:
            self._started_ms = self._clock.now_ms()
            if self.started:
                self._go_on()
        elif before_session and action is SessionAction.RESUME:
            self._go_on()

    def _halt(self) -> None:
        if self._against_ms is None:
            self._against_ms = self._clock.now_ms()

    def _go_on(self) -> None:
        if not self._stopped:
            self._against_ms = None
