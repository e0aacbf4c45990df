"""What is erased from the journal, what is not, and what is left of it in the file."""

from __future__ import annotations

import random
import sqlite3
from contextlib import closing
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from device.clock import VirtualClock
from device.events import NoteTaken
from physioctl.cli.purge import Asked, How, purged
from physioctl.errors import JournalUnusable
from physioctl.events import Outcome
from physioctl.record.answers_kept import answers_kept
from physioctl.record.entries import BODY_MAX
from physioctl.record.history import sessions
from physioctl.record.journal import Journal
from physioctl.record.purge import SEQS_MAX, Reason, erase, erase_from, erased, select
from physioctl.record.verify import verify
from physioctl.rehearsal.rig import Rig
from physioctl.runner import Request, run_session
from tests.physioctl.test_answers_kept import given as one_given
from tests.physioctl.test_cli_record import NOON, ended, progress, said, started, tell
from tests.physioctl.test_two_programs import CHECK, InTheMidst
from tests.typist import Typist

MS = timedelta(milliseconds=1)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
COUNTS = 2 * DAY  # a session of a day may have begun a day before the window: not read from the code


def given_at(path: Path, id_: str, at: datetime, *, person: str = "p-017", **other: object) -> None:
    """One whole session."""
    tell(path, id_, started(id_, person=person, **other), progress(1000, 1000), ended(session=id_), at=at)


def many(path: Path, count: int) -> None:
    """Whole sessions of another person."""
    with Journal.open(path, VirtualClock(NOON)) as journal, journal.transaction():
        for id_ in (f"s-{number:03}" for number in range(count)):
            for event in (started(id_, person="p-018"), progress(1000, 1000), ended(session=id_)):
                journal.append(id_, event)


def erasable(
    path: Path, now: datetime, person: str | None = None, before: datetime | None = None
) -> list[str]:
    with Journal.open(path, VirtualClock(now)) as journal:
        found = select(journal, person=person, before=before or (None if person else now))
    return [each.id for each in found.erasable]


def kept(path: Path, now: datetime) -> dict[str, Reason]:
    with Journal.open(path, VirtualClock(now)) as journal:
        return {each.summary.id: each.reason for each in select(journal, before=now).kept}


def everything_in(path: Path) -> bytes:
    """The bytes of the journal, and of all that lies beside it."""
    return b"".join(file.read_bytes() for file in path.parent.iterdir())


# --- what is erased -------------------------------------------------------------------------------------


@pytest.mark.hazard("H-20")
def test_erased_sessions_leave_a_journal_that_verifies_and_history_says_that_they_were(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "j"
    given_at(path, "a-old", NOON)
    given_at(path, "b-other", NOON, person="p-018")
    before = verify(path)

    code, out, err = said(capsys, "history", "purge", "--journal", path, "--person", "P-017", "--yes")

    after = verify(path)
    assert (code, err) == (0, "")
    assert "1 session of p-017, begun at 2026-03-01" in out
    assert (before.entries, after.whole, after.entries) == (6, True, 7)
    assert [each.id for each in sessions(path)] == ["b-other"]
    assert [(each.id, each.began) for each in erased(path)] == [("a-old", NOON)]
    assert "1 session erased, begun at 2026-03-01" in said(capsys, "history", "--journal", path)[2]
    assert said(capsys, "show", "a-old", "--journal", path)[0] == 2
    assert said(capsys, "show", "b-other", "--journal", path)[0] == 0
    assert said(capsys, "verify", "--journal", path, "--head", before.head)[0] == 0


def test_a_day_is_a_bound_on_when_a_session_began(tmp_path: Path) -> None:
    for day in range(3):
        given_at(tmp_path / "j", f"day-{day}", NOON + day * DAY)

    assert erasable(tmp_path / "j", NOON + 9 * DAY, before=NOON + DAY) == ["day-0"]
    assert erasable(tmp_path / "j", NOON + 9 * DAY, "p-017", before=NOON + DAY + MS) == ["day-0", "day-1"]


def test_what_is_meant_has_to_be_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    given_at(tmp_path / "j", "s", NOON)

    code, _, err = said(capsys, "history", "purge", "--journal", tmp_path / "j", "--yes")

    assert code == 2
    assert "--before" in err


@pytest.mark.parametrize(("day", "code"), [("0001-01-01", 2), ("2026-02-30", 2), ("1970-01-01", 0)])
def test_a_day_that_no_clock_shows_is_a_usage_mistake(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], day: str, code: int
) -> None:
    given_at(tmp_path / "j", "s", NOON)

    found, _, err = said(capsys, "history", "purge", "--journal", tmp_path / "j", "--before", day, "--yes")

    assert (found, "to do:" in err) == (code, code == 2)
    assert erased(tmp_path / "j") == ()


def test_the_answers_of_erased_sessions_are_gone(tmp_path: Path) -> None:
    path, clock = tmp_path / "j", VirtualClock()
    with Journal.open(path, clock) as journal:
        one_given(journal)
        had = answers_kept(journal, "P-017", simulated=False)
        ids = frozenset(each.id for each in sessions(journal))

    erase(path, VirtualClock(clock.utc() + 9 * DAY), ids)

    with Journal.open(path, clock) as journal:
        assert had
        assert answers_kept(journal, "P-017", simulated=False) == ()


def test_nothing_of_a_person_is_left_in_the_file(tmp_path: Path) -> None:
    path, rng = tmp_path / "j", random.Random(7)
    note = "A long note, as a thumb on the keys would make it. " * 9
    with Journal.open(path, VirtualClock(NOON)) as journal:
        for number in range(150):
            person, id_ = f"person-{rng.randrange(9)}", f"s-{rng.getrandbits(24):06x}-{number}"
            journal.append(id_, started(id_, person=person))
            for _ in range(rng.randrange(9)):
                text = f"{person} {note[: rng.randrange(len(note))]}"
                journal.append(id_, NoteTaken(at_ms=0, text=text, by="t-1"))
            journal.append(id_, ended(session=id_))
    for number in range(9):  # one after the other, so that pages are merged and used again
        person = f"person-{number}"
        assert person.encode() in everything_in(path)

        assert erase(path, VirtualClock(NOON + 9 * DAY), frozenset(erasable(path, NOON + 9 * DAY, person)))

        assert person.encode() not in everything_in(path)
    assert verify(path).whole


def test_what_the_journal_could_not_keep_of_an_erased_session_goes_with_it(tmp_path: Path) -> None:
    path = tmp_path / "j"
    given_at(path, "s", NOON)
    with Journal.open(path, VirtualClock(NOON)) as journal:
        beside = [
            journal.keep_beside(id_, NoteTaken(at_ms=0, text="Of p-017.", by="t-1")) for id_ in ("s", "other")
        ]

    erase(path, VirtualClock(NOON + 9 * DAY), {"s"})

    assert [each is not None and each.exists() for each in beside] == [False, True]


def test_more_bodies_than_one_entry_names_are_named_by_several(tmp_path: Path) -> None:
    path = tmp_path / "j"
    for number in range(3):
        given_at(path, f"s-{number}", NOON)

    with Journal.open(path, VirtualClock(NOON + 9 * DAY), alone=True) as journal:
        assert erase_from(journal, {"s-0", "s-1", "s-2"}, seqs_max=4) == 3

    assert verify(path).whole
    assert verify(path).entries == 9 + 3
    assert SEQS_MAX * len("10000000,") < BODY_MAX


# --- what is asked ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(("typed", "code", "gone"), [("yes", 0, 1), ("no", 6, 0)])
def test_what_will_be_erased_is_named_and_a_person_asked(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], typed: str, code: int, gone: int
) -> None:
    given_at(tmp_path / "j", "old", NOON)
    given_at(tmp_path / "j", "new", NOON + 8 * DAY)
    now = VirtualClock(NOON + 9 * DAY)
    terminal = Typist([typed])

    assert purged(tmp_path / "j", now, Asked("P-017"), How.CONFIRMED, terminal) == code

    out = capsys.readouterr().out
    assert "Not erased: 1 session still counting for the day" in out
    assert "These are: new." in out
    assert "To be erased from" in out
    assert "1 session of p-017, begun at 2026-03-01" in out
    assert "By this computer's clock it is 2026-03-10" in out
    assert "Erase them?" in terminal.screen
    assert len(erased(tmp_path / "j")) == gone


def test_where_nobody_can_be_asked_nothing_is_erased(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    given_at(tmp_path / "j", "old", NOON)
    asked = ("history", "purge", "--person", "p-017", "--journal", tmp_path / "j")

    refused, _, err = said(capsys, *asked)
    told, out, _ = said(capsys, *asked, "--dry-run")

    assert (refused, told) == (2, 0)
    assert "Add --yes" in err
    assert "1 session of p-017" in out
    assert erased(tmp_path / "j") == ()


# --- a journal in use, a journal that is damaged, a disk that is full ------------------------------------


@pytest.mark.hazard("H-15")
def test_nothing_is_erased_while_a_session_runs_and_the_session_goes_on(tmp_path: Path) -> None:
    path, rig, refusals = tmp_path / "j", Rig(), list[str]()
    given_at(path, "old", rig.clock.utc() - 9 * DAY)

    def purge_meanwhile() -> None:
        with pytest.raises(JournalUnusable, match="another program has the journal") as refused:
            erase(path, VirtualClock(rig.clock.utc()), {"old"})
        refusals.append(refused.value.action)

    with Journal.open(path, rig.clock) as journal:
        result = run_session(Request(CHECK), rig.driver, journal, [InTheMidst(purge_meanwhile)])

    assert result.outcome is Outcome.COMPLETED
    assert len(refusals) == 1
    assert "Nothing was erased" in refusals[0]
    assert erased(path) == ()
    assert verify(path).whole


def test_a_journal_that_is_being_erased_from_is_opened_by_nobody_else(tmp_path: Path) -> None:
    path = tmp_path / "j"
    given_at(path, "old", NOON)

    with Journal.open(path, VirtualClock(NOON), alone=True), pytest.raises(JournalUnusable):
        Journal.open(path, VirtualClock(NOON), alone=True)
    with Journal.open(path, VirtualClock(NOON)) as one, Journal.open(path, VirtualClock(NOON)) as other:
        assert len(sessions(one)) == len(sessions(other)) == 1


def test_nothing_is_erased_from_a_journal_that_is_not_whole(tmp_path: Path) -> None:
    path = tmp_path / "j"
    many(path, 400)  # more entries than are looked at when it is opened
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("DROP TRIGGER bodies_never_change")
        connection.execute("UPDATE bodies SET body = replace(body, '312', '313') WHERE seq = 2")
        connection.execute(
            "CREATE TRIGGER bodies_never_change BEFORE UPDATE ON bodies\n"
            "    BEGIN SELECT RAISE(ABORT, 'a body is never changed'); END"
        )
        connection.commit()

    with pytest.raises(JournalUnusable, match="not whole, and nothing was erased"):
        erase(path, VirtualClock(NOON + 9 * DAY), {"s-300"})

    assert erased(path) == ()


@pytest.mark.parametrize(
    "change",
    [
        "DELETE FROM bodies WHERE seq = 4",
        "UPDATE bodies SET body = '{}' WHERE seq = 4",
        "DELETE FROM entries WHERE seq = 1",
        "UPDATE entries SET session = '' WHERE seq = 1",
        "DELETE FROM head",
        "INSERT INTO bodies VALUES (1, '00', '{}')",
    ],
)
def test_after_an_erasure_the_file_itself_still_forbids_every_change(tmp_path: Path, change: str) -> None:
    path = tmp_path / "j"
    given_at(path, "old", NOON)
    given_at(path, "other", NOON, person="p-018")
    erase(path, VirtualClock(NOON + 9 * DAY), {"old"})
    given_at(path, "next", NOON + 9 * DAY)

    with closing(sqlite3.connect(path)) as connection, pytest.raises(sqlite3.IntegrityError):
        connection.execute(change)
