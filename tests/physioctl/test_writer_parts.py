"""The journal's writer by itself: what it says of a disk that is slow, full or hanging."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from datetime import datetime
from queue import SimpleQueue

import pytest

from device.clock import SystemClock, VirtualClock
from device.events import Event, OperatorActed, Written
from device.link import Inbox
from physioctl.errors import JournalUnusable
from physioctl.record.journal import Journal, SessionLog
from physioctl.record.writer import PersistentRecorder, Writer, recording
from tests.processes import LIMIT_S
from tests.support import Ledger

PAUSED = OperatorActed(at_ms=1, action="pause")
RESUMED = OperatorActed(at_ms=2, action="resume")
FULL = JournalUnusable("the disk is full", "Make room.")


class FullDisk(SessionLog):
    """A log that can keep nothing."""

    def record_all(self, events: Sequence[tuple[Event, datetime]]) -> None:
        raise FULL


class Slow(SessionLog):
    """A log whose writes take 25 ms."""

    def record_all(self, events: Sequence[tuple[Event, datetime]]) -> None:
        clock = self._journal.clock
        assert isinstance(clock, VirtualClock)
        clock.wait(SimpleQueue(), clock.now_ms() + 25)
        super().record_all(events)


class Hanging(SessionLog):
    """A log whose writes do not return before they are let go."""

    def __init__(self, journal: Journal, session: str) -> None:
        super().__init__(journal, session)
        self.go = threading.Event()

    def record_all(self, events: Sequence[tuple[Event, datetime]]) -> None:
        self.go.wait(LIMIT_S)


def test_that_nothing_can_be_kept_is_said_once() -> None:
    inbox: Inbox = SimpleQueue()
    with Journal.in_memory(VirtualClock()) as journal:
        writer = Writer(FullDisk(journal, "s-1"), VirtualClock(), inbox)
        writer.record(PAUSED)
        first = inbox.get(timeout=LIMIT_S)
        writer.record(RESUMED)

        assert writer.end()

    assert first == Written(FULL)
    assert inbox.empty()


def test_how_long_a_write_took_is_said_with_it() -> None:
    inbox: Inbox = SimpleQueue()
    clock = VirtualClock()
    clock.wait(SimpleQueue(), 1000)
    with Journal.in_memory(clock) as journal:
        writer = Writer(Slow(journal, "s-1"), clock, inbox)
        writer.record(PAUSED)

        assert inbox.get(timeout=LIMIT_S) == Written(took_ms=25)
        assert writer.end()


def test_a_recorder_that_has_failed_still_gets_what_is_told_afterwards() -> None:
    ledger = Ledger()
    with Journal.in_memory(VirtualClock()) as journal:
        log = journal.begin("s-1")
        recorder = PersistentRecorder(ledger, log)
        recorder.record(PAUSED)
        recorder.on_event(PAUSED)
        recorder.on_event(RESUMED)  # the driver records it
        before = list(ledger.events)
        log.broken = True
        recorder.on_event(PAUSED)  # it has had that
        recorder.on_event(RESUMED)
        recorder.on_event(RESUMED)

    assert before == [PAUSED]
    assert ledger.events == [PAUSED, RESUMED]
    assert recorder.written == 2


def test_a_recorder_that_fails_again_disturbs_nobody() -> None:
    with Journal.in_memory(VirtualClock()) as journal:
        log = FullDisk(journal, "s-1")
        log.broken = True
        recorder = PersistentRecorder(log, log)

        recorder.on_event(PAUSED)
        with pytest.raises(JournalUnusable):
            recorder.record(RESUMED)


@pytest.mark.parametrize("kind", [SessionLog, Hanging])
def test_a_journal_whose_write_does_not_return_is_never_closed(kind: type[SessionLog]) -> None:
    journal = Journal.in_memory(VirtualClock())
    log = kind(journal, "s-1")

    with recording(log, SystemClock(), SimpleQueue()) as recorder:
        recorder.record(PAUSED)

    hangs = kind is Hanging
    assert isinstance(recorder, Writer)
    assert (log.broken, journal.left_open) == (hangs, hangs)
    if isinstance(log, Hanging):
        log.go.set()
    assert recorder.end()
    journal.left_open = False
    journal.close()
