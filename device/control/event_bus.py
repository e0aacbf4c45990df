"""Who is told: one witness, before the bytes leave, and any number of watchers, after."""

from __future__ import annotations

from device.events import Event, ObserverDropped, Watcher, Witness


class Audience:
    """Tells the witness, who may refuse, and then the watchers, who may not."""

    def __init__(self) -> None:
        self.witness: Witness | None = None
        self._watchers: list[Watcher] = []
        self._dropped: list[tuple[str, str]] = []  # names and errors that have not been told yet

    def add(self, watcher: Watcher) -> None:
        """Let ``watcher`` notice what happens, after it has."""
        self._watchers.append(watcher)

    def tell(self, event: Event) -> None:
        """Tell ``event`` to all. What the witness raises is passed on; a watcher that raises is dropped.

        That one was dropped is told to the others before the next event, so that the last event of a
        session remains the last.
        """
        dropped, self._dropped = self._dropped, []
        for observer, error in dropped:
            self._publish(ObserverDropped(at_ms=event.at_ms, observer=observer, error=error))
        self._publish(event)

    def _publish(self, event: Event) -> None:
        if self.witness is not None:
            self.witness.tell(event)
        for watcher in tuple(self._watchers):
            try:
                watcher.notice(event)
            except Exception as error:  # noqa: BLE001 - whatever a screen trips over, it may not delay a stop
                self._watchers.remove(watcher)
                name = getattr(watcher, "name", type(watcher).__name__)
                self._dropped.append((str(name), f"{type(error).__name__}: {error}"))
