"""The writer: writes a session's events to the disk, in a thread of its own.

A slow disk must not delay a renewal or a stop. The loop queues events and goes on; each commit writes all
queued events, in order. What is on the disk, and a failure, is put into the loop's inbox. The controller
starts no output whose permission is not on the disk, and ends output when the disk falls too far behind. In
virtual time the loop writes by itself: everything is the same every time.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime

from device.clock import Clock, VirtualClock
from device.events import Event, Recorder, Written
from device.link import Inbox
from physioctl.errors import JournalUnusable
from physioctl.record.journal import SessionLog

DRAIN_S = 2.0  # at the end, for what is still to be written; this project's own figure


class Writer:
    """A recorder that never waits for the disk."""

    def __init__(self, log: SessionLog, clock: Clock, inbox: Inbox) -> None:
        self._log = log
        self._clock = clock
        self._inbox = inbox
        self._waiting: list[tuple[Event, datetime]] = []
        self._ending = False
        self._changed = threading.Condition()
        self._thread = threading.Thread(target=self._run, name="journal writer", daemon=True)
        self._thread.start()

    @property
    def written(self) -> int:
        """How many events are on the disk."""
        return self._log.written

    def record(self, event: Event) -> None:
        """Queue ``event``, with its time of day."""
        with self._changed:
            self._waiting.append((event, self._clock.utc()))
            self._changed.notify()

    def end(self) -> bool:
        """Write what waits, for no longer than `DRAIN_S`; return whether the thread has ended."""
        with self._changed:
            self._ending = True
            self._changed.notify()
        self._thread.join(DRAIN_S)
        return not self._thread.is_alive()

    def _run(self) -> None:
        failed = False
        while batch := self._next():
            began_ms = self._clock.now_ms()
            try:
                self._log.record_all(batch)
            except Exception as error:  # noqa: BLE001 - whatever it is, the loop has to hear of it
                if not failed:
                    self._inbox.put(Written(error))
                failed = True
            else:
                self._inbox.put(Written(took_ms=self._clock.now_ms() - began_ms))

    def _next(self) -> list[tuple[Event, datetime]]:
        with self._changed:
            self._changed.wait_for(lambda: self._waiting or self._ending)
            batch, self._waiting = self._waiting, []
            return batch


class PersistentRecorder:
    """A recorder that still writes, as an observer, the events after the driver has given up recording.

    The driver passes nothing more to a recorder that has failed. The events that follow, on output off and
    on the session's end, are written beside the journal with the event that could not be kept.
    """

    def __init__(self, recorder: Recorder, log: SessionLog) -> None:
        self._recorder = recorder
        self._log = log
        self._last: Event | None = None  # queued last

    @property
    def written(self) -> int:
        """How many events are on the disk."""
        return self._recorder.written

    def record(self, event: Event) -> None:
        """Hand ``event`` over."""
        self._last = event
        self._recorder.record(event)

    def on_event(self, event: Event) -> None:
        """Write ``event`` beside the journal if the recorder has failed and has not got it."""
        if self._log.broken and event is not self._last:
            with suppress(JournalUnusable):
                self.record(event)


@contextmanager
def recording(log: SessionLog, clock: Clock, inbox: Inbox) -> Iterator[Recorder]:
    """Give the recorder of a session: in virtual time its log itself, else a `Writer` in front of it."""
    if isinstance(clock, VirtualClock):
        yield log
        return
    writer = Writer(log, clock, inbox)
    try:
        yield writer
    finally:
        if not writer.end():
            log.leave_open()
