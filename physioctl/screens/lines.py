"""Lines for a person, for a log, or for a program that reads them aloud."""

from __future__ import annotations

from collections.abc import Callable

from device.events import Event, ObserverDropped, Progress
from physioctl.screens.wording import line
from physioctl.text import minutes

Say = Callable[[str], None]
PROGRESS_EVERY_MS = 30_000  # in a log; a bar moves with every report


class Plain:
    """One line for each thing worth saying, for a log or a pipe."""

    def __init__(self, say: Say) -> None:
        self._say = say
        self._next_ms = 0  # when the next progress is due

    def on_event(self, event: Event) -> None:
        """Print ``event`` if a person would want to read it."""
        if isinstance(event, Progress):
            if event.at_ms < self._next_ms:
                return
            self._next_ms = event.at_ms + PROGRESS_EVERY_MS
        said = line(event)
        if said:
            self._say(f"{minutes(event.at_ms)}  {said}")


class DropNotices:
    """A line for each observer that was dropped, where it is seen though that was the screen."""

    def __init__(self, say: Say) -> None:
        self._say = say

    def on_event(self, event: Event) -> None:
        """Say ``event`` if it is one."""
        if isinstance(event, ObserverDropped):
            self._say(line(event))
