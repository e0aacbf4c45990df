"""What people want, from when the host could know of it: whether output may begin, or come back.

It knows when somebody acted, and what the session made of that. It will never know what they meant by a
toggle but from what they saw: a session that ran, or one that stood still.
"""

from __future__ import annotations

from collections import deque

from device.control.controller import Controller
from device.control.machine import State
from device.events import Acted, Event, StateChanged
from device.operator import Act
from physioctl.rehearsal.storm.host import MortalClock
from physioctl.rehearsal.storm.story import Story

_GOING_ON = frozenset(state.value for state in (State.ARMED, State.EMITTING, State.HELD, State.FINISHING))


class Will:
    """Whether anybody's word stands against output, and since when."""

    def __init__(self, story: Story, clock: MortalClock, controller: Controller) -> None:
        self.lets_start = True  # by what has been told so far, a start may be sent
        self._acts = deque(sorted(story.acts, key=lambda timed: timed[0]))
        self._clock = clock
        self._controller = controller
        self._state = ""  # as it was told; empty before the session
        self._against_ms: int | None = None  # since when somebody has wanted output off
        self._stopped = False
        self._resumes = 0  # acts that may have been one, and have not been told as one

    def look(self) -> None:
        """Take in what people have done, as soon as the host can hear of it."""
        now_ms = self._clock.now_ms()
        while self._acts and self._acts[0][0] <= now_ms and not self._clock.frozen:
            self._take_in(self._acts.popleft()[1])

    def hear(self, event: Event) -> None:
        """Hear what the session makes of it."""
        self.look()
        match event:
            case StateChanged():
                self._state = event.state
                self.lets_start = self.lets_start and event.state in _GOING_ON
            case Acted(act=Act.RESUME):
                # Who resumes before the pause has taken effect has not been heard.
                if self._controller.state is State.ARMED and self._resumes:
                    self._resumes -= 1
                    self.lets_start = True
                    self._go_on()
            case Acted():
                self.lets_start = False

    def against_for_ms(self) -> int:
        """For how long somebody has wanted output off, with nobody since who wanted it on."""
        return 0 if self._against_ms is None else self._clock.now_ms() - self._against_ms

    def _take_in(self, act: Act) -> None:
        greeting = not self._state  # nobody tells what becomes of an act before the session
        self._resumes += act in (Act.RESUME, Act.TOGGLE)
        if act is Act.STOP and not self._stopped:
            # Who has resumed in the same breath, before it, may be heard first.
            self._stopped, self._against_ms = True, self._clock.now_ms()
        elif act is Act.PAUSE or (act is Act.TOGGLE and self._state in _GOING_ON):
            self._halt()
        elif greeting and (act is Act.RESUME or self._against_ms is not None):
            self._go_on()
        elif greeting:
            self._halt()

    def _halt(self) -> None:
        if self._against_ms is None:
            self._against_ms = self._clock.now_ms()

    def _go_on(self) -> None:
        if not self._stopped:
            self._against_ms = None
