"""When a session may last have been given in the journal that another one continues."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from device.clock import VirtualClock
from device.events import OperatorActed
from physioctl.events import JournalBegun
from physioctl.record.journal import Journal
from physioctl.wall_clock import last_elsewhere

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)  # when the journal is begun
HOUR = timedelta(hours=1)
MS = timedelta(milliseconds=1)


def last(*, whole: bool, entries: int, utc: datetime | None, now: datetime = NOON + HOUR) -> datetime | None:
    begun = JournalBegun(
        at_ms=0, continues="0" * 64, continues_entries=entries, continues_whole=whole,
        continues_file="0" * 64,
        continues_utc=None if utc is None else utc.isoformat(timespec="milliseconds"),
    )  # fmt: skip
    with Journal.in_memory(VirtualClock(NOON)) as journal:
        journal.append("", begun)
        with journal.reading() as connection:
            return last_elsewhere(connection, now)


def test_a_journal_that_continues_none_has_nothing_elsewhere() -> None:
    with Journal.in_memory(VirtualClock(NOON)) as journal:
        with journal.reading() as connection:
            empty = last_elsewhere(connection, NOON)
        journal.append("s-1", OperatorActed(at_ms=0, action="pause"))
        with journal.reading() as connection:
            assert empty is last_elsewhere(connection, NOON) is None


@pytest.mark.hazard("H-03")
def test_a_whole_journal_had_its_last_session_by_its_last_entry() -> None:
    assert last(whole=True, entries=0, utc=None) is None
    assert last(whole=True, entries=1, utc=NOON - 5 * HOUR) == NOON - 5 * HOUR
    assert last(whole=True, entries=1, utc=NOON + HOUR) == NOON + HOUR


@pytest.mark.hazard("H-03")
@pytest.mark.parametrize("utc", [None, NOON + HOUR + MS])
def test_where_that_time_is_not_known_or_wrong_it_may_have_been_when_this_one_was_begun(
    utc: datetime | None,
) -> None:
    assert last(whole=True, entries=1, utc=utc) == NOON


@pytest.mark.hazard("H-03")
@pytest.mark.parametrize("entries", [0, 1])
def test_a_journal_that_is_not_whole_may_have_had_a_session_until_this_one_was_begun(entries: int) -> None:
    assert last(whole=False, entries=entries, utc=None) == NOON
    assert last(whole=False, entries=entries, utc=NOON - 5 * HOUR) == NOON
    assert last(whole=False, entries=entries, utc=NOON + HOUR) == NOON + HOUR
