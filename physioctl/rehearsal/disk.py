"""A disk in virtual time: it takes as long to write as a test wants, and the session goes on meanwhile.

It stands in for the thread that writes the journal in real time (`physioctl.record.writer`): events wait
while a commit is under way, and the next commit takes all that wait.
"""

from __future__ import annotations

from device.clock import VirtualClock
from device.events import Event, Recorder, Written
from device.link import Inbox


class SimulatedDisk:
    """A recorder whose every commit takes ``commit_ms``; what it commits is handed on to another recorder."""

    def __init__(self, recorder: Recorder, clock: VirtualClock, inbox: Inbox, commit_ms: int) -> None:
        self.written = 0
        self._recorder = recorder
        self._clock = clock
        self._inbox = inbox
        self._commit_ms = commit_ms
        self._waiting: list[Event] = []
        self._committing: list[Event] = []
        self._done_ms: int | None = None
        clock.add(self)

    def record(self, event: Event) -> None:
        """Let ``event`` wait for the next commit."""
        self._waiting.append(event)
        if self._done_ms is None:
            self._begin()

    def next_ms(self) -> int | None:
        """When the commit that is under way will be done."""
        return self._done_ms

    def move_to(self, now_ms: int) -> None:
        """Finish the commit that is due, and begin the next."""
        if self._done_ms is None or now_ms < self._done_ms:
            return
        for event in self._committing:
            self._recorder.record(event)
        self.written += len(self._committing)
        self._inbox.put(Written(took_ms=self._commit_ms))
        self._committing, self._done_ms = [], None
        if self._waiting:
            self._begin()

    def _begin(self) -> None:
        self._committing, self._waiting = self._waiting, []
        self._done_ms = self._clock.now_ms() + self._commit_ms
