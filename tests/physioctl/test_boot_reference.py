"""The time since the computer was started: as the record carries it on, and what it shows of a clock."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from device.events import OperatorActed
from physioctl.errors import JournalUnusable
from physioctl.events import ClockConfirmed
from physioctl.record.entries import all_of
from physioctl.record.journal import Journal
from physioctl.wall_clock import boot_reference_ms, confirm, confirmations, doubt
from tests.physioctl.test_two_programs import started
from tests.physioctl.test_wall_clock import HOUR, NOON, SetClock

NOON_MS = round(NOON.timestamp() * 1000)
SECOND = timedelta(seconds=1)
MINUTE = timedelta(minutes=1)


def session_at(journal: Journal, boot_id: str | None, boot_utc_ms: int | None) -> None:
    journal.append("s-1", replace(started(), boot_id=boot_id, boot_ms=None, boot_utc_ms=boot_utc_ms))


def test_without_a_record_of_this_boot_it_was_when_the_clock_says() -> None:
    clock = SetClock(on_for=HOUR)
    with Journal.in_memory(clock) as journal:
        nothing_recorded = boot_reference_ms(journal)
        session_at(journal, "an earlier one", 5)
        an_earlier_boot = boot_reference_ms(journal)
        clock.boot_id = None
        unknown = boot_reference_ms(journal)

    assert nothing_recorded == an_earlier_boot == NOON_MS - 3_600_000
    assert unknown is None


def test_within_a_boot_it_stays_what_was_recorded_first() -> None:
    with Journal.in_memory(SetClock()) as journal:
        session_at(journal, "one", NOON_MS - 1)

        assert boot_reference_ms(journal) == NOON_MS - 1


@pytest.mark.parametrize("confirmed_last", [True, False])
def test_the_newest_of_sessions_and_confirmations_counts(confirmed_last: bool) -> None:
    confirmed = ClockConfirmed(at_ms=0, doubt="For a test.", boot_id="one", boot_utc_ms=NOON_MS - 2)
    with Journal.in_memory(SetClock()) as journal:
        if not confirmed_last:
            journal.append("", confirmed)
        session_at(journal, "one", NOON_MS - 1)
        if confirmed_last:
            journal.append("", confirmed)

        assert boot_reference_ms(journal) == NOON_MS - (2 if confirmed_last else 1)


def test_a_boot_before_1970_by_a_wrong_clock_was_in_1970() -> None:
    with Journal.in_memory(SetClock(at=datetime(1970, 1, 1, 0, 0, 1, tzinfo=UTC), on_for=HOUR)) as journal:
        assert boot_reference_ms(journal) == 0


@pytest.mark.hazard("H-03")
@pytest.mark.parametrize(
    ("leap", "said"),
    [
        (121 * SECOND, "set forward by 2 min"),
        (-121 * SECOND, "set back by 2 min"),
        (119 * MINUTE, "set forward by 119 min"),
        (120 * MINUTE, "set forward by 2 h 0 min"),
        (-185 * MINUTE, "set back by 3 h 5 min"),
    ],
)
def test_the_doubt_says_by_how_much_the_clock_was_set_and_which_way(leap: timedelta, said: str) -> None:
    clock = SetClock(on_for=HOUR)
    with Journal.in_memory(clock) as journal:
        session_at(journal, "one", NOON_MS - 3_600_000)
        clock.at += HOUR + leap
        clock.on_for += HOUR
        if leap < timedelta(0):  # the entry itself is not to be ahead of the clock
            clock.at += 10 * HOUR
            clock.on_for += 10 * HOUR

        what = doubt(journal)

    assert what is not None
    assert said in what


@pytest.mark.parametrize("recorded", [("another", NOON_MS), (None, NOON_MS), ("one", None)])
def test_what_says_nothing_of_this_boot_puts_nothing_in_doubt(
    recorded: tuple[str | None, int | None],
) -> None:
    clock = SetClock()
    with Journal.in_memory(clock) as journal:
        session_at(journal, *recorded)
        clock.at += 5 * HOUR

        assert doubt(journal) is None


@pytest.mark.parametrize("boot_id", ["one", None])
def test_a_confirmation_holds_the_boot_and_when_it_was(boot_id: str | None) -> None:
    clock = SetClock(boot_id=boot_id, on_for=HOUR)
    with Journal.in_memory(clock) as journal:
        session_at(journal, None, None)
        clock.at -= HOUR
        confirm(journal, lambda _: True)
        with journal.reading() as connection:
            (told,) = all_of(connection, "WHERE name = 'clock_confirmed'")
            (confirmation,) = confirmations(connection)

    assert told.body["boot_id"] == boot_id
    assert told.body["boot_utc_ms"] == (None if boot_id is None else NOON_MS - 7_200_000)
    assert (confirmation.seq, confirmation.utc, confirmation.before) == (told.seq, NOON - HOUR, NOON)


def test_a_confirmation_that_comes_first_is_after_itself() -> None:
    with Journal.in_memory(SetClock()) as journal:
        journal.append("", ClockConfirmed(at_ms=0, doubt="For a test.", boot_id=None, boot_utc_ms=None))
        with journal.reading() as connection:
            (confirmation,) = confirmations(connection)

    assert confirmation.before == confirmation.utc == NOON


YEAR_9000_MS = 221_845_392_000_000


@pytest.mark.parametrize(("boot_utc_ms", "damaged"), [(YEAR_9000_MS, False), (YEAR_9000_MS + 1, True)])
def test_a_boot_after_the_year_9000_is_damage(boot_utc_ms: int, damaged: bool) -> None:
    with Journal.in_memory(SetClock()) as journal:
        session_at(journal, "one", boot_utc_ms)

        if damaged:
            with pytest.raises(JournalUnusable, match="its boot_utc_ms is no time"):
                doubt(journal)
        else:
            assert doubt(journal) is not None


@pytest.mark.hazard("H-20")
@pytest.mark.parametrize("points_to", [2, 9])  # another event, and nothing
def test_an_index_that_points_to_no_start_of_a_session_is_damage(tmp_path: Path, points_to: int) -> None:
    path = tmp_path / "j"
    with Journal.open(path, SetClock()) as journal:
        for number in range(2):
            journal.append("", OperatorActed(at_ms=number, action="pause"))
        session_at(journal, "one", NOON_MS)
    with closing(sqlite3.connect(path)) as connection:
        (page,) = connection.execute("SELECT rootpage FROM sqlite_master WHERE name = 'starts'").fetchone()
    content = bytearray(path.read_bytes())
    content[page * 4096 - 2 : page * 4096] = bytes((points_to, points_to))  # the one entry of the index: 3
    path.write_bytes(content)

    with (
        Journal.open(path, SetClock()) as journal,
        pytest.raises(JournalUnusable, match=f"entry {points_to}: no session starts there"),
    ):
        doubt(journal)
