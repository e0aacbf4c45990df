"""Observers off the loop: each screen or script hears of a session in a thread of its own.

A terminal that stands still, a pipe that nobody reads and a script that computes for seconds must not delay a
renewal, a stop or the end of the program. So the loop only puts events into a bounded queue. When it is full,
events are left out and counted, and the count stands where they are missing; when it stays full, the observer
is dropped, and hears no more than how the session ended. In virtual time nothing of this happens: there
observers are called by the loop itself, and everything is the same every time.

The figures are this project's own.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Protocol

from device.clock import Clock, VirtualClock
from device.events import Event, EventsSkipped, Observer
from device.publisher import ObserverFailed, described, name_of
from physioctl.events import SessionEnded

QUEUE_MAX = 1000  # events: about a quarter of an hour of a session
FULL_MAX_MS = 10_000  # a queue that is full for longer has nobody at its other end
DRAIN_MS = 1000  # at the end, for what is still in the queues
LAST_MS = 2000  # after that, for how the session ended alone


class ObserverStalled(Exception):
    """An observer has taken nothing for so long that it is told of nothing more."""


class OffLoop:
    """An observer that hands events to another one, in a thread of its own, and never waits for it."""

    def __init__(self, observer: Observer, *, queue_max: int = QUEUE_MAX) -> None:
        self.name = name_of(observer)
        self._observer = observer
        self._queue_max = queue_max
        self._queue: deque[Event] = deque()
        self._newest: Event | None = None  # the last one that was put into the queue
        self._skipped = 0  # events left out since then
        self._full_since_ms: int | None = None
        self._busy = False
        self._ending = False
        self._error: Exception | None = None
        self._changed = threading.Condition()
        self._thread = threading.Thread(target=self._run, name=f"observer {self.name}", daemon=True)
        self._thread.start()

    def on_event(self, event: Event) -> None:
        """Put ``event`` into the queue. Raise what the observer raised, or `ObserverStalled`."""
        with self._changed:
            if self._error is not None:
                raise self._error
            if len(self._queue) < self._queue_max:
                self._full_since_ms = None
                self._put(event)
                return
            if self._full_since_ms is None:
                self._full_since_ms = event.at_ms
            full_for_ms = event.at_ms - self._full_since_ms
        if full_for_ms > FULL_MAX_MS:
            raise ObserverStalled(f"its queue has been full for {full_for_ms} ms")

    def after(self, event: Event) -> None:
        """Count ``event`` if it was left out; if it is the end of the session, let it in all the same."""
        with self._changed:
            if self._error is not None or self._newest is event:
                return
            if isinstance(event, SessionEnded):
                self._put(event)
            else:
                self._skipped += 1

    def wait_until_idle(self, for_ms: int) -> bool:
        """Whether everything in the queue has been taken, after waiting for it."""
        with self._changed:
            return self._changed.wait_for(self._is_idle, max(0, for_ms) / 1000)

    def skip_to_the_last(self) -> None:
        """Leave out everything in the queue but the last event."""
        with self._changed:
            if len(self._queue) > 1:
                last = self._queue.pop()
                self._skipped = sum(
                    each.count if isinstance(each, EventsSkipped) else 1 for each in self._queue
                )
                self._queue.clear()
                self._put(last)

    def end(self) -> None:
        """Let the thread end once it has nothing to do. One that hangs is left behind: it is a daemon."""
        with self._changed:
            self._ending = True
            idle = self._is_idle()
            self._changed.notify_all()
        if idle:
            self._thread.join()

    def _put(self, event: Event) -> None:
        if self._skipped:
            self._queue.append(EventsSkipped(at_ms=event.at_ms, count=self._skipped))
            self._skipped = 0
        self._queue.append(event)
        self._newest = event
        self._changed.notify_all()

    def _is_idle(self) -> bool:
        return not self._queue and not self._busy

    def _run(self) -> None:
        while (event := self._next()) is not None:
            try:
                self._observer.on_event(event)
            except BaseException as error:  # noqa: BLE001 - it is told as an event, and the thread ends
                failed = ObserverFailed(described(error))  # in this thread: an error's own text may take long
                with self._changed:
                    self._error = failed
                    self._queue.clear()
                    self._busy = False
                    self._changed.notify_all()
                return

    def _next(self) -> Event | None:
        with self._changed:
            self._busy = False
            self._changed.notify_all()
            self._changed.wait_for(lambda: self._queue or self._ending)
            if not self._queue:
                return None
            self._busy = True
            return self._queue.popleft()


class _Afterwards:
    """Sees that every observer hears how the session ended, and that what one missed is counted."""

    def __init__(self, observers: Sequence[OffLoop]) -> None:
        self._observers = observers

    def on_event(self, event: Event) -> None:
        for observer in self._observers:
            observer.after(event)


class Observable(Protocol):
    """What observers are added to: a driver, or a session without one."""

    clock: Clock

    def add_observer(self, observer: Observer) -> None:
        """Let ``observer`` be told of every event."""


@contextmanager
def observed(driver: Observable, observers: Sequence[Observer]) -> Iterator[None]:
    """Add ``observers`` to ``driver``: in virtual time they are called by the loop, else in threads of their
    own.

    When the block is left they have had every event, or `DRAIN_MS` and `LAST_MS` for it.
    """
    if isinstance(driver.clock, VirtualClock):
        for observer in observers:
            driver.add_observer(observer)
        yield
        return
    threads = [OffLoop(observer) for observer in observers]
    joining: list[Observer] = [*threads, _Afterwards(threads)]
    for observer in joining:
        driver.add_observer(observer)
    try:
        yield
    finally:
        _finish(threads, driver.clock)


def _finish(observers: Sequence[OffLoop], clock: Clock) -> None:
    until_ms = clock.now_ms() + DRAIN_MS
    late = [each for each in observers if not each.wait_until_idle(until_ms - clock.now_ms())]
    for observer in late:
        observer.skip_to_the_last()
    until_ms = clock.now_ms() + LAST_MS
    for observer in late:
        observer.wait_until_idle(until_ms - clock.now_ms())
    for observer in observers:
        observer.end()
