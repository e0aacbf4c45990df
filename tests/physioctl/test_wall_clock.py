"""The time of day: set back or forward, it is noticed, and only a person's word lets a session begin."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from device.clock import BootTime, SystemClock, VirtualClock
from device.events import Event, OperatorActed, Progress
from physioctl.errors import JournalUnusable
from physioctl.record.entries import all_of
from physioctl.record.history import session, sessions
from physioctl.record.journal import Journal
from physioctl.rehearsal.rig import Rig
from physioctl.runner import Request, run_session
from physioctl.wall_clock import BEHIND_MAX, LEAP_MAX, confirm, doubt
from protocols.errors import Refused
from tests.physioctl.test_admission import CALF, CHECK, calf, given, gun
from tests.support import CountedLink, screened

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
DAY = timedelta(days=1)
HOUR = timedelta(hours=1)


@dataclass
class SetClock(VirtualClock):
    """A clock whose time of day somebody sets, on a computer that has been on for a time."""

    at: datetime = NOON
    boot_id: str | None = "one"
    on_for: timedelta = HOUR

    def __post_init__(self) -> None:
        super().__init__()

    def utc(self) -> datetime:
        return self.at

    def boot(self) -> BootTime | None:
        if self.boot_id is None:
            return None
        return BootTime(self.boot_id, round(self.on_for.total_seconds() * 1000))

    def passes(self, time: timedelta) -> None:
        """Let time pass, as every clock shows it."""
        self.at += time
        self.on_for += time

    def restarts(self, boot_id: str = "another") -> None:
        """Switch the computer off and on."""
        self.boot_id, self.on_for = boot_id, timedelta(minutes=1)


def test_a_clock_that_nobody_set_is_not_in_doubt() -> None:
    clock = SetClock()
    with Journal.in_memory(clock) as journal:
        assert doubt(journal) is None
        for time in (timedelta(0), HOUR, 3 * DAY):
            clock.passes(time)
            assert doubt(journal) is None
            given(journal)
        clock.restarts()
        clock.at += HOUR  # off meanwhile
        given(journal)


@pytest.mark.hazard("H-03")
@pytest.mark.parametrize(
    ("behind", "refused"), [(timedelta(seconds=60), False), (timedelta(seconds=60, milliseconds=1), True)]
)
def test_a_clock_behind_the_newest_entry_is_in_doubt(behind: timedelta, refused: bool) -> None:
    clock = SetClock(boot_id=None)
    with Journal.in_memory(clock) as journal:
        journal.append("s", OperatorActed(at_ms=0, action="pause"))
        clock.at -= behind

        assert (doubt(journal) is not None) is refused


@pytest.mark.hazard("H-03")
@pytest.mark.parametrize("way", [1, -1])
@pytest.mark.parametrize(("beyond", "refused"), [(timedelta(0), False), (timedelta(milliseconds=1), True)])
def test_a_leap_between_boot_time_and_the_time_of_day_is_in_doubt(
    way: int, beyond: timedelta, refused: bool
) -> None:
    clock = SetClock()
    with Journal.in_memory(clock) as journal:
        given(journal)
        clock.passes(HOUR)
        clock.at += way * (timedelta(seconds=120) + beyond)

        assert (doubt(journal) is not None) is refused


@pytest.mark.hazard("H-03")
def test_many_small_leaps_are_one_that_is_noticed() -> None:
    clock = SetClock()
    with Journal.in_memory(clock) as journal:
        given(journal)
        clock.at += LEAP_MAX
        given(journal)
        clock.at += timedelta(seconds=1)

        with pytest.raises(Refused, match="was set forward by 2 min"):
            given(journal, calf(person="P-2", answers=screened(CALF, person="P-2")))


@pytest.mark.hazard("H-03")
def test_a_clock_set_forward_by_a_day_does_not_make_a_site_free() -> None:
    clock = SetClock()
    with Journal.in_memory(clock) as journal:
        given(journal)
        given(journal)
        clock.at += DAY + HOUR

        with pytest.raises(Refused, match="the time of day is in doubt"):
            given(journal)


@pytest.mark.hazard("H-03")
def test_a_clock_set_back_does_not_make_a_day_forgotten() -> None:
    clock = SetClock()
    with Journal.in_memory(clock) as journal:
        given(journal)
        given(journal)
        clock.restarts()
        clock.at -= 3 * DAY

        with pytest.raises(Refused, match="the time of day is in doubt"):
            given(journal)
        confirm(journal, lambda _: True)
        with pytest.raises(Refused, match="24 hours"):
            given(journal)


def goes_back(clock: SetClock) -> None:
    clock.at -= DAY + HOUR


def starts_in_2020(clock: SetClock) -> None:
    clock.restarts()
    clock.at = NOON.replace(year=2020)


def stays_on(_: SetClock) -> None:
    pass


def starts_anew(clock: SetClock) -> None:
    clock.restarts("the third")


@pytest.mark.hazard("H-03")
@pytest.mark.parametrize("wrong", [goes_back, starts_in_2020])
@pytest.mark.parametrize("meanwhile", [stays_on, starts_anew])
def test_a_wrong_time_that_was_confirmed_makes_no_session_older(
    wrong: Callable[[SetClock], None], meanwhile: Callable[[SetClock], None]
) -> None:
    clock = SetClock()
    with Journal.in_memory(clock) as journal:
        given(journal)
        clock.passes(timedelta(minutes=10))
        given(journal)
        right = clock.at
        wrong(clock)
        confirm(journal, lambda _: True)
        with pytest.raises(Refused, match="24 hours"):
            given(journal)
        given(journal, calf(side="right"))  # a session with a wrong time hides none before it
        meanwhile(clock)
        clock.at = right + timedelta(minutes=5)
        confirm(journal, lambda _: True)

        with pytest.raises(Refused, match="24 hours"):
            given(journal)
        given(journal, calf(side="right"))
        with pytest.raises(Refused, match="24 hours"):
            given(journal, calf(side="right"))
        clock.passes(DAY)
        assert given(journal).outcome == "completed"


@pytest.mark.hazard("H-03")
def test_a_session_some_seconds_ahead_of_the_clock_is_as_old_as_it_says() -> None:
    clock = SetClock()
    with Journal.in_memory(clock) as journal:
        journal.append("s", OperatorActed(at_ms=0, action="pause"))
        clock.at -= HOUR
        confirm(journal, lambda _: True)
        clock.passes(30 * DAY)
        given(journal)
        given(journal)
        clock.at -= BEHIND_MAX / 2

        with pytest.raises(Refused, match="24 hours"):
            given(journal)


def test_sessions_of_the_future_refuse_no_longer_than_a_day_after_the_clock_was_confirmed() -> None:
    clock = SetClock(at=NOON + 400 * DAY)  # wrong, and nobody has noticed
    with Journal.in_memory(clock) as journal:
        given(journal)
        given(journal)
        clock.restarts()
        clock.at = NOON
        confirm(journal, lambda _: True)

        with pytest.raises(Refused, match="24 hours"):
            given(journal)
        clock.passes(DAY)
        assert given(journal).outcome == "completed"


def test_nothing_is_confirmed_where_nobody_says_yes_and_a_yes_is_recorded() -> None:
    clock, asked = SetClock(), list[str]()

    def ask(what: str) -> bool:
        asked.append(what)
        return len(asked) == 2

    with Journal.in_memory(clock) as journal:
        given(journal)
        clock.at -= HOUR
        with pytest.raises(Refused, match="the time of day is in doubt") as refused:
            run_session(calf(confirm_clock=ask), gun().driver, journal)
        given(journal, calf(confirm_clock=ask))
        with journal.reading() as connection:
            (told,) = all_of(connection, "WHERE name = 'clock_confirmed'")

    assert "at a terminal" in refused.value.action
    assert len(asked) == 2
    assert told.body["doubt"] == asked[1]


def unit(clock: SetClock) -> Rig:
    return Rig(link=CountedLink, clock=VirtualClock(clock.at))


class BreaksOff:
    """An observer under which the journal is closed once the unit delivers."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal

    def on_event(self, event: Event) -> None:
        if isinstance(event, Progress):
            self._journal.close()


def test_nothing_is_entered_under_a_clock_in_doubt(tmp_path: Path) -> None:
    clock = SetClock()
    journal = Journal.open(tmp_path / "j", clock)
    with pytest.raises(JournalUnusable):
        run_session(
            Request(CHECK),
            Rig(link=CountedLink, clock=VirtualClock(clock.at)).driver,
            journal,
            [BreaksOff(journal)],
        )
    clock.passes(timedelta(minutes=5))
    with Journal.open(tmp_path / "j", clock) as journal:
        clock.at += 3 * DAY  # wrong, and nobody confirms it
        with pytest.raises(Refused, match="the time of day is in doubt"):
            run_session(Request(CHECK), unit(clock).driver, journal)
        assert session(journal).summary.outcome is None
        clock.at -= 3 * DAY  # right again
        run_session(Request(CHECK), unit(clock).driver, journal)
        assert [each.ending for each in sessions(journal)] == ["completed", "interrupted"]


def test_a_sound_clock_is_confirmed_by_nobody() -> None:
    with Journal.in_memory(SetClock()) as journal:
        given(journal, calf(confirm_clock=lambda _: pytest.fail("nobody is asked")))


def test_the_opening_entry_holds_the_time_since_boot_and_the_offset_of_local_time(tmp_path: Path) -> None:
    with Journal.open(tmp_path / "j", SystemClock()) as journal:
        given(journal)
        with journal.reading() as connection:
            (told,) = all_of(connection, "WHERE name = 'session_started'")

    boot = SystemClock().boot()
    offset = datetime.now(UTC).astimezone().utcoffset()
    assert boot is not None
    assert offset is not None
    assert told.body["utc_offset_min"] == offset.total_seconds() / 60
    assert told.body["boot_id"] == boot.id
    assert 0 <= boot.ms - told.body["boot_ms"] < 600_000
