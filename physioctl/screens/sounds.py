"""The terminal's bell, at what a person has to notice who is not looking at the screen."""

from __future__ import annotations

from collections.abc import Callable

from device.control.machine import State
from device.events import AlarmRaised, Event, OutputSoon, StateChanged, StepStarted


class Bell:
    """Rings at each step, at contact lost, at alarms, and before output begins, in a thread of its own."""

    def __init__(self, ring: Callable[[], None]) -> None:
        self._ring = ring

    def on_event(self, event: Event) -> None:
        """Ring if ``event`` is one of those."""
        match event:
            case StepStarted() | AlarmRaised() | OutputSoon():
                self._ring()
            case StateChanged(state=State.SUSPENDED.value):
                self._ring()
