"""What is not erased from the journal: what still counts, is not settled, or is newer than what stays."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from device.clock import VirtualClock
from device.events import Event, OffConfirmation
from physioctl.cli.purge import Asked, How, purged
from physioctl.events import ClockConfirmed, Outcome
from physioctl.record.day import had_today
from physioctl.record.entries import all_of
from physioctl.record.history import chain, session, sessions
from physioctl.record.journal import Journal
from physioctl.record.journal_reading import reading
from physioctl.record.journal_schema import body_hash, canonical, chained
from physioctl.record.purge import Reason, erase, erased, select
from physioctl.record.verify import verify
from physioctl.wall_clock import boot_reference_ms, doubt
from protocols.errors import Refused
from protocols.limits import Family
from tests.physioctl.test_cli_record import MINUTE_MS, NOON, ended, progress, started, tell
from tests.physioctl.test_purge import COUNTS, DAY, HOUR, MS, erasable, given_at, kept
from tests.physioctl.test_wall_clock import SetClock


@pytest.mark.hazard("H-03")
def test_a_session_that_counts_for_the_day_is_not_erased(tmp_path: Path) -> None:
    given_at(tmp_path / "j", "s", NOON)

    assert erasable(tmp_path / "j", NOON + COUNTS - MS) == []
    assert kept(tmp_path / "j", NOON + COUNTS - MS) == {"s": Reason.COUNTS}
    assert erasable(tmp_path / "j", NOON + COUNTS) == ["s"]


@pytest.mark.hazard("H-03")
@pytest.mark.parametrize(
    "told",
    [[], [replace(ended(Outcome.INTERRUPTED), output_off=OffConfirmation.PRESUMED)]],
)
def test_a_session_that_its_unit_has_not_settled_is_never_erased(tmp_path: Path, told: list[Event]) -> None:
    tell(tmp_path / "j", "s", started("s"), progress(1000, 1000), *told)

    assert kept(tmp_path / "j", NOON + 900 * DAY) == {"s": Reason.UNSETTLED}
    assert erase(tmp_path / "j", VirtualClock(NOON + 900 * DAY), {"s"}) == 0
    assert session(tmp_path / "j", "s").summary.person == "p-017"


@pytest.mark.hazard("H-03")
def test_a_session_and_its_rests_go_together(tmp_path: Path) -> None:
    path = tmp_path / "j"
    tell(path, "first", started("first"), ended(Outcome.INTERRUPTED, 4 * MINUTE_MS))
    given_at(path, "rest", NOON + DAY, rest_of="first")
    given_at(path, "alone", NOON, person="p-018")

    now = NOON + DAY + COUNTS - MS
    assert erasable(path, now) == ["alone"]
    assert erasable(path, now + MS) == ["first", "rest", "alone"]


@pytest.mark.hazard("H-16")
def test_what_is_newer_of_a_person_stays_while_something_older_does(tmp_path: Path) -> None:
    path = tmp_path / "j"
    tell(path, "open", started("open"))
    given_at(path, "newer", NOON)
    given_at(path, "other", NOON, person="p-018")

    assert kept(path, NOON + 9 * DAY) == {"open": Reason.UNSETTLED, "newer": Reason.OLDER_STAYS}
    assert erasable(path, NOON + 9 * DAY) == ["other"]


def outside_at(path: Path, at: datetime, person: str) -> int:
    """An entry that names a person and belongs to no session; its number."""
    with Journal.open(path, VirtualClock(at)) as journal, journal.transaction() as connection:
        seq, prev = connection.execute("SELECT seq + 1, hash FROM head").fetchone()
        text, salt, utc = canonical({"person": person}), "ab" * 16, at.isoformat(timespec="milliseconds")
        entry = (seq, "", utc, 0, "screening_refused", body_hash(salt, text), prev)
        connection.execute("INSERT INTO entries VALUES (?, ?, ?, ?, ?, ?, ?, ?)", (*entry, chained(*entry)))
        connection.execute("INSERT INTO bodies VALUES (?, ?, ?)", (seq, salt, text))
    return int(seq)


@pytest.mark.hazard("H-16")
def test_what_names_a_person_outside_of_sessions_is_erased_as_sessions_are(tmp_path: Path) -> None:
    path = tmp_path / "j"
    first = outside_at(path, NOON, "p-017")
    outside_at(path, NOON, "p-018")
    tell(path, "open", started("open"))
    outside_at(path, NOON, "p-017")  # newer than a session that stays
    now = VirtualClock(NOON + 9 * DAY)

    with Journal.open(path, VirtualClock(NOON + COUNTS - MS)) as journal:
        assert select(journal, person="P-017").outside == ()
    with Journal.open(path, now) as journal:
        assert select(journal, person="P-017").outside == (first,)
        assert select(journal, person="P-017", before=NOON).outside == ()
    assert purged(path, now, Asked("P-017"), How.AT_ONCE, None) == 0

    assert verify(path).whole
    with reading(path) as connection:
        assert [entry.erased for entry in all_of(connection, "WHERE name = 'screening_refused'")] == [
            True,
            False,
            False,
        ]


@pytest.mark.hazard("H-03")
def test_a_session_made_while_the_clock_was_ahead_stays_while_its_rest_may_be_given(tmp_path: Path) -> None:
    path, confirmed = tmp_path / "j", ClockConfirmed(at_ms=0, doubt="Ahead.", boot_id=None, boot_utc_ms=None)
    ahead = NOON + 30 * DAY
    given_at(path, "whole", ahead)
    tell(path, "broken", started("broken"), ended(Outcome.INTERRUPTED, 4 * MINUTE_MS), at=ahead)
    with Journal.open(path, VirtualClock(NOON)) as journal:
        journal.append("", confirmed)

    assert kept(path, NOON + COUNTS - MS) == {}  # they began, as they say, later than that
    with Journal.open(path, VirtualClock(NOON + COUNTS - MS)) as journal:
        assert select(journal, person="p-017").erasable == ()
    assert erasable(path, NOON + COUNTS, "p-017") == ["whole"]
    assert erasable(path, ahead + COUNTS, "p-017") == ["whole", "broken"]


@pytest.mark.hazard("H-03")
def test_a_session_made_while_the_clock_was_behind_counts_from_when_it_was_confirmed(tmp_path: Path) -> None:
    path, confirmed = tmp_path / "j", ClockConfirmed(at_ms=0, doubt="Behind.", boot_id=None, boot_utc_ms=None)
    given_at(path, "before", NOON)
    with Journal.open(path, VirtualClock(NOON - 30 * DAY)) as journal:
        journal.append("", confirmed)  # wrongly
    given_at(path, "behind", NOON - 30 * DAY)
    with Journal.open(path, VirtualClock(NOON + HOUR)) as journal:
        journal.append("", confirmed)

    assert kept(path, NOON + HOUR + COUNTS - MS)["behind"] is Reason.COUNTS
    assert erasable(path, NOON + HOUR + COUNTS) == ["before", "behind"]


@pytest.mark.hazard("H-03")
def test_nothing_is_erased_while_the_clock_is_in_doubt(tmp_path: Path) -> None:
    given_at(tmp_path / "j", "old", NOON - 90 * DAY)
    given_at(tmp_path / "j", "new", NOON)

    with pytest.raises(Refused, match="time of day is in doubt"):
        erase(tmp_path / "j", VirtualClock(NOON - HOUR), {"old"})

    assert erased(tmp_path / "j") == ()


@pytest.mark.hazard("H-03")
def test_the_clock_is_held_against_the_boot_of_an_erased_session(tmp_path: Path) -> None:
    clock, path = SetClock(), tmp_path / "j"
    told = replace(started("s"), boot_id="one", boot_utc_ms=round((NOON - HOUR).timestamp() * 1000))
    with Journal.open(path, clock) as journal:
        journal.append("s", told)
        journal.append("s", ended())
    clock.passes(3 * DAY)

    assert erase(path, clock, {"s"}) == 1

    with Journal.open(path, clock) as journal:
        assert boot_reference_ms(journal) == told.boot_utc_ms
        assert doubt(journal) is None
        clock.at += HOUR
        assert "set forward by 60 min" in str(doubt(journal))


_TOLD = st.tuples(
    st.integers(0, 96),  # hours after noon at which it was begun
    st.sampled_from(["left", "right", "none"]),
    st.sampled_from(list(Outcome)),
    st.sampled_from(list(OffConfirmation)),
    st.integers(0, 10 * MINUTE_MS),
    st.booleans(),  # whether it gives the rest of the one before
)


@pytest.mark.hazard("H-03")
@settings(max_examples=25, deadline=None, derandomize=True)
@given(told=st.lists(_TOLD, max_size=6), asked_h=st.integers(96, 200))
def test_the_day_and_what_has_to_be_settled_are_the_same_after_an_erasure(
    tmp_path_factory: pytest.TempPathFactory,
    told: list[tuple[int, str, Outcome, OffConfirmation, int, bool]],
    asked_h: int,
) -> None:
    path, now = tmp_path_factory.mktemp("purge") / "j", NOON + asked_h * HOUR
    last: str | None = None
    for number, (hours, side, outcome, off, given_ms, rest) in enumerate(
        sorted(told, key=lambda each: each[0])
    ):
        id_, at = f"s-{number}", NOON + hours * HOUR
        begun = started(id_, side=side, rest_of=last if rest else None)
        tell(path, id_, begun, replace(ended(outcome, given_ms, id_), output_off=off), at=at)
        last = id_
    Journal.open(path, VirtualClock(now)).close()

    def known(after: timedelta) -> object:
        with reading(path) as connection:
            open_ = connection.execute("SELECT session FROM sessions WHERE settled = 0").fetchall()
            sides = ("left", "right", "none")
            day = [
                list(had_today(connection, "p-017", "calf", side, Family.ULTRASOUND, now + after))
                for side in sides
            ]
        near = [each.id for each in sessions(path) if now + after - each.last <= DAY]
        return open_, day, [chain(path, id_) for id_ in near]

    spans = [timedelta(0), 5 * HOUR, DAY, 3 * DAY]
    before = [known(span) for span in spans]

    gone = erase(path, VirtualClock(now), frozenset(f"s-{number}" for number in range(len(told))))

    assert [known(span) for span in spans] == before
    assert len(erased(path)) == gone
    assert verify(path).whole
