"""The journal's writer: a disk that takes long delays no session, and what cannot be kept ends it."""

from __future__ import annotations

import sqlite3
import threading
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from queue import SimpleQueue

import pytest

from device.clock import SystemClock, VirtualClock
from device.events import Commanded, Event, OffConfirmation, OperatorActed, Written
from device.link import Inbox
from physioctl.errors import JournalUnusable
from physioctl.events import Outcome, SessionEnded
from physioctl.record.codec import to_json
from physioctl.record.history import session
from physioctl.record.journal import BUSY_S, Journal
from physioctl.record.verify import verify
from physioctl.record.writer import Writer, recording
from tests.physioctl.test_observers import run_in_real_time
from tests.processes import LIMIT_S
from tests.support import LEASE_MS, Ledger

HELD_MS = 1000  # longer than a lease, and not as long as a write may wait for another program


class HoldsTheJournal(Ledger):
    """An observer that keeps the journal to itself for a time, from the first output on."""

    def __init__(self, journal: Path, held_ms: int) -> None:
        super().__init__()
        self._journal = journal
        self._held_ms = held_ms
        self._since_ms: int | None = None
        self._connection: sqlite3.Connection | None = None
        self.held = False  # and let go again

    def on_event(self, event: Event) -> None:
        super().on_event(event)
        if self._since_ms is None and isinstance(event, Commanded) and event.intent == "SetOutput":
            self._connection = sqlite3.connect(self._journal, isolation_level=None)
            self._connection.execute("BEGIN IMMEDIATE")
            self._since_ms = event.at_ms
        elif self._connection and self._since_ms and event.at_ms - self._since_ms >= self._held_ms:
            self._connection.close()
            self._connection, self.held = None, True


@pytest.mark.hazard("H-05")
def test_a_journal_that_takes_longer_than_a_lease_delays_no_session(tmp_path: Path) -> None:
    assert LEASE_MS < HELD_MS < BUSY_S * 1000
    holding = HoldsTheJournal(tmp_path / "j", HELD_MS)

    ended = run_in_real_time(tmp_path, [holding], seconds=3)

    assert (ended.outcome, ended.delivered_ms) == (Outcome.COMPLETED, 3000)
    assert holding.held
    assert holding.named("alarm_raised") == []
    kept = session(tmp_path / "j").entries
    assert [entry.name for entry in kept] == [event.name for event in holding.events]
    assert verify(tmp_path / "j").whole


@pytest.mark.hazard("H-14")
def test_a_journal_that_cannot_be_written_ends_the_session(tmp_path: Path) -> None:
    holding = HoldsTheJournal(tmp_path / "j", 3_600_000)

    with pytest.raises(JournalUnusable, match="What it could not keep is in"):
        run_in_real_time(tmp_path, [holding], seconds=10)

    (ended,) = holding.named("session_ended")
    assert (to_json(ended)["outcome"], to_json(ended)["output_off"]) == ("failed", "confirmed")
    assert ended.at_ms - holding.events[0].at_ms < 5000


def test_what_is_handed_over_is_written_in_its_order_with_its_own_time_of_day(tmp_path: Path) -> None:
    clock, inbox = VirtualClock(), empty_inbox()
    began = clock.utc()
    with Journal.open(tmp_path / "j", clock) as journal:
        writer = Writer(journal.begin("s-1"), clock, inbox)
        for number in range(200):
            writer.record(OperatorActed(at_ms=number, action="pause"))
            clock.wait(SimpleQueue(), clock.now_ms() + 10)
        assert writer.end()

    entries = session_entries(tmp_path / "j")
    assert [at_ms for at_ms, _ in entries] == list(range(200))
    assert [utc for _, utc in entries] == [
        (began + timedelta(milliseconds=10 * number)).isoformat(timespec="milliseconds")
        for number in range(200)
    ]
    assert writer.written == 200


@pytest.mark.hazard("H-15")
@pytest.mark.parametrize("followed", [False, True])
def test_the_end_of_a_session_is_read_back_whatever_is_committed_with_it(
    tmp_path: Path, followed: bool
) -> None:
    clock = VirtualClock()
    with Journal.open(tmp_path / "j", clock) as journal:
        log = journal.begin("s-1")
        log.record(OperatorActed(at_ms=0, action="pause"))
        with closing(sqlite3.connect(tmp_path / "j", isolation_level=None)) as other:
            other.execute("DROP TRIGGER bodies_never_change")
            other.execute("UPDATE bodies SET body = '{}'")
        ended = [
            SessionEnded(
                at_ms=1, session="s-1", outcome=Outcome.STOPPED, why="", output_off=OffConfirmation.CONFIRMED,
                delivered_ms=0, planned_ms=1, energy_mj=0, planned_energy_mj=None, duration_ms=1,
            )
        ]  # fmt: skip
        after = [OperatorActed(at_ms=2, action="resume")] if followed else []

        with pytest.raises(JournalUnusable, match="does not hold"):
            log.record_all([(event, clock.utc()) for event in [*ended, *after]])


def test_what_could_not_be_kept_is_news_once_and_leaves_no_gap(tmp_path: Path) -> None:
    clock, inbox = SystemClock(), empty_inbox()
    with Journal.open(tmp_path / "j", clock) as journal:
        writer = Writer(journal.begin("s-1"), clock, inbox)
        with closing(sqlite3.connect(tmp_path / "j", isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            writer.record(OperatorActed(at_ms=1, action="pause"))
            news = inbox.get(timeout=LIMIT_S)
        writer.record(OperatorActed(at_ms=2, action="resume"))
        assert writer.end()

    assert isinstance(news, Written)
    assert isinstance(news.error, JournalUnusable)
    assert inbox.empty()
    assert session_entries(tmp_path / "j") == []
    (beside,) = tmp_path.glob("j.unkept-*")
    assert [line.count('"operator_acted"') for line in beside.read_text().splitlines()] == [1, 1]
    assert writer.written == 0


def test_each_event_is_written_when_it_comes_and_with_none_left_the_thread_ends() -> None:
    inbox = empty_inbox()
    with Journal.in_memory(VirtualClock()) as journal:
        writer = Writer(journal.begin("s-1"), VirtualClock(), inbox)
        (thread,) = [each for each in threading.enumerate() if each.name == "journal writer"]
        writer.record(OperatorActed(at_ms=1, action="pause"))
        news = inbox.get(timeout=LIMIT_S)
        ended = writer.end()  # nothing is waiting any more

    assert news == Written(took_ms=0)
    assert ended
    assert not thread.is_alive()
    assert thread.daemon  # a disk that hangs does not keep the program from ending


def test_in_virtual_time_the_log_itself_records() -> None:
    clock = VirtualClock()
    with Journal.in_memory(clock) as journal:
        log = journal.begin("s-1")
        with recording(log, clock, SimpleQueue()) as recorder:
            assert recorder is log


def session_entries(path: Path) -> list[tuple[int, str]]:
    """The time and the time of day of each entry in the journal."""
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute("SELECT at_ms, utc FROM entries ORDER BY seq").fetchall()


def empty_inbox() -> Inbox:
    return SimpleQueue()
