"""When an entry of the journal counts as made, whatever the clock said, and which boot it was made in."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from physioctl.record.entries import Entry
from physioctl.wall_clock import Confirmation, counted_from

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
SECOND = timedelta(seconds=1)
HOUR = timedelta(hours=1)
MS = timedelta(milliseconds=1)


def counted(utc: datetime, *confirmed: Confirmation) -> datetime:
    """When entry 10, made at ``utc``, counts as made."""
    entry = Entry("s-1", 10, utc, 0, "progress", {}, "0" * 64)
    return counted_from(entry, confirmed, NOW)


def earlier(before: datetime) -> Confirmation:
    """Before the entry a person confirmed the clock, after an entry of ``before``."""
    return Confirmation(9, before - 9 * HOUR, before)


def later(utc: datetime) -> Confirmation:
    """After the entry a person confirmed that it was ``utc``."""
    return Confirmation(11, utc, utc + 9 * HOUR)


def test_an_entry_counts_as_made_when_it_says() -> None:
    assert counted(NOW - 3 * HOUR) == NOW - 3 * HOUR
    assert counted(NOW) == counted(NOW, later(NOW - HOUR)) == NOW
    assert counted(NOW - 3 * HOUR, earlier(NOW - 4 * HOUR), later(NOW - 2 * HOUR)) == NOW - 3 * HOUR


@pytest.mark.hazard("H-03")
def test_an_entry_of_the_future_counts_as_made_when_the_clock_was_last_confirmed_after_it() -> None:
    future = NOW + MS

    assert counted(future) == future
    assert counted(future, later(NOW - 2 * HOUR), later(NOW - 3 * HOUR)) == NOW - 2 * HOUR
    assert counted(future, later(NOW)) == NOW
    assert counted(future, later(NOW + MS)) == future  # that was wrong as well
    assert counted(future, earlier(NOW - HOUR), later(NOW - 2 * HOUR)) == NOW - HOUR


@pytest.mark.hazard("H-03")
@pytest.mark.parametrize(("behind", "right"), [(60 * SECOND, True), (60 * SECOND + MS, False)])
def test_an_entry_made_with_the_clock_behind_counts_no_earlier_than_the_entry_before_it(
    behind: timedelta, right: bool
) -> None:
    utc = NOW - 5 * HOUR

    assert counted(utc, earlier(utc + behind)) == (utc if right else utc + behind)
    assert counted(utc, earlier(utc + behind), later(NOW - HOUR)) == (utc if right else NOW - HOUR)


@pytest.mark.hazard("H-03")
def test_of_the_times_in_a_journal_those_after_now_were_wrong() -> None:
    assert counted(NOW - 5 * HOUR, earlier(NOW)) == NOW
    assert counted(NOW - 5 * HOUR, earlier(NOW + MS)) == NOW - 5 * HOUR


def test_a_confirmation_is_neither_earlier_nor_later_than_its_own_entry() -> None:
    own = Confirmation(10, NOW - HOUR, NOW - 2 * HOUR)

    assert counted(NOW - 5 * HOUR, own) == NOW - 5 * HOUR
    assert counted(NOW + HOUR, own) == NOW + HOUR
