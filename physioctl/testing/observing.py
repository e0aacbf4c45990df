"""The observers of a test's session: one that keeps every event, and the test's own with their failures."""

from __future__ import annotations

from collections.abc import Callable

from device.events import Event, Observer, ObserverDropped
from device.publisher import described, name_of


class Kept:
    """Keeps every event, and calls ``look`` after each."""

    def __init__(self, look: Callable[[], None]) -> None:
        self.events: list[Event] = []
        self._look = look

    def on_event(self, event: Event) -> None:
        """Keep ``event``."""
        self.events.append(event)
        self._look()

    @property
    def dropped(self) -> list[str]:
        """The observers that were dropped, and why."""
        return [
            f"{event.observer}: {event.error}" for event in self.events if isinstance(event, ObserverDropped)
        ]


class Watched:
    """An observer whose failure is kept: one at the last event is followed by none that would tell of it."""

    def __init__(self, observer: Observer) -> None:
        self.name = name_of(observer)
        self.failure: str | None = None
        self._observer = observer

    def on_event(self, event: Event) -> None:
        """Hand ``event`` on; raise what the observer raises."""
        try:
            self._observer.on_event(event)
        except Exception as error:
            self.failure = f"{self.name}: {described(error)}"
            raise
