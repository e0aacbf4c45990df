"""Lines for a person, for a log, or for a program that reads them aloud."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from device.control.machine import State
from device.events import Event, Observer, ObserverDropped, PainAsked, Progress, StartAwaited, StepStarted
from physioctl.screens.wording import line
from physioctl.text import minutes

Say = Callable[[str], None]
LAST_S = 5  # of a guided step, that are counted one by one
PROGRESS_EVERY_MS = 30_000  # in a log; a bar moves with every report


class Plain:
    """One line for each thing worth saying, for a log or a pipe."""

    def __init__(self, say: Say) -> None:
        self._say = say
        self._next_ms = 0  # when the next progress is due
        self._guided = False  # the step that runs is an instruction with a time
        self._shown_s = 0  # of its time left, last

    def on_event(self, event: Event) -> None:
        """Print ``event`` if a person would want to read it."""
        if isinstance(event, StepStarted):
            self._guided, self._shown_s = event.kind == "guide", 0
        if isinstance(event, Progress):
            if self._guided and event.step_remaining_ms is not None:
                self._count_down(event.at_ms, round(event.step_remaining_ms / 1000))
            if event.at_ms < self._next_ms or event.state == State.AWAITING_START.value:
                return
            self._next_ms = event.at_ms + PROGRESS_EVERY_MS
        said = "" if isinstance(event, StartAwaited | PainAsked) else line(event)  # Prompts says those
        if said:
            self._say(f"{minutes(event.at_ms)}  {said}")

    def _count_down(self, at_ms: int, left_s: int) -> None:
        """Say how long a guided step still lasts: every ten seconds, and each of the last five."""
        if left_s and left_s != self._shown_s and (left_s % 10 == 0 or left_s <= LAST_S):
            self._shown_s = left_s
            self._say(f"{minutes(at_ms // 1000 * 1000)}  this step: {minutes(left_s * 1000)} left")


class InTurn:
    """Several observers as one, so that their lines come in their order."""

    def __init__(self, observers: Sequence[Observer]) -> None:
        self._observers = observers

    def on_event(self, event: Event) -> None:
        """Tell each of them of ``event``."""
        for observer in self._observers:
            observer.on_event(event)


class DropNotices:
    """A line for each observer that was dropped, where it is seen though that was the screen."""

    def __init__(self, say: Say) -> None:
        self._say = say

    def on_event(self, event: Event) -> None:
        """Say ``event`` if it is one."""
        if isinstance(event, ObserverDropped):
            self._say(line(event))
