"""Who is told: one witness, before the bytes leave, and any number of watchers, after."""

from __future__ import annotations

from device.events import Event, Watcher, Witness


class Audience:
    """Tells the witness, who may refuse, and then the watchers, who may not."""

    def __init__(self) -> None:
        self.witness: Witness | None = None
        self._watchers: list[Watcher] = []

    def add(self, watcher: Watcher) -> None:
        """Let ``watcher`` notice what happens, after it has."""
        self._watchers.append(watcher)

    def tell(self, event: Event) -> None:
        """Tell ``event`` to all. What the witness raises is passed on; a watcher that raises is dropped."""
        if self.witness is not None:
            self.witness.tell(event)
        for watcher in tuple(self._watchers):
            try:
                watcher.notice(event)
            except Exception:  # noqa: BLE001 - whatever a screen trips over, it may not delay a stop
                self._watchers.remove(watcher)
