"""Recording and showing events: each goes to the recorder first, and to the observers afterwards.

An observer that raises is dropped, which is an event itself. It is published before the next event, so that
the session's last event remains the last.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

from device.events import Event, Observer, ObserverDropped, Recorder


class Publisher:
    """The recorder and the observers of one session."""

    def __init__(self) -> None:
        self.recorder: Recorder | None = None
        self.recorded = 0  # events handed to the recorder so far
        self.recorded_drops = 0  # those among them that tell of an observer that was dropped
        self._observers: list[Observer] = []
        self._dropped: list[ObserverDropped] = []  # not published yet

    def add_observer(self, observer: Observer) -> None:
        """Let ``observer`` be told of every event, after it has been handed to the recorder."""
        self._observers.append(observer)

    def publish(self, event: Event) -> None:
        """Record ``event`` and show it."""
        dropped, self._dropped = self._dropped, []
        for each in dropped:
            self.recorded_drops += self.recorder is not None
            self._record_and_show(replace(each, at_ms=event.at_ms))
        self._record_and_show(event)

    def show(self, event: Event) -> None:
        """Show ``event`` to the observers; it has been recorded."""
        for observer in tuple(self._observers):
            try:
                observer.on_event(event)
            except Exception as error:  # noqa: BLE001 - whatever a screen trips over, it may not delay a stop
                self._observers.remove(observer)
                what = str(error) if isinstance(error, ObserverFailed) else described(error)
                self._dropped.append(
                    ObserverDropped(at_ms=event.at_ms, observer=name_of(observer), error=what)
                )

    @contextmanager
    def unseen(self) -> Iterator[None]:
        """Show nothing within the block: what is published there is recorded alone."""
        shown, self._observers = self._observers, []
        try:
            yield
        finally:  # when it cannot be recorded, the observers still get the events of the session's end
            self._observers = shown

    def _record_and_show(self, event: Event) -> None:
        if self.recorder is not None:
            self.recorder.record(event)
            self.recorded += 1
        self.show(event)


class ObserverFailed(Exception):
    """What an observer in a thread of its own raised, as text."""


def name_of(observer: Observer) -> str:
    """Return the name of ``observer``, or of its class."""
    try:
        return str(getattr(observer, "name", type(observer).__name__))
    except Exception:  # noqa: BLE001 - whatever an observer does, it may not end the session
        return type(observer).__name__


def described(error: BaseException) -> str:
    """Return ``error`` as text: its class alone where it has no text that can be had."""
    try:
        return f"{type(error).__name__}: {error}"
    except Exception:  # noqa: BLE001 - the same
        return type(error).__name__
