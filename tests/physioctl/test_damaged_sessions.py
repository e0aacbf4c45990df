"""A journal in which one row was changed: the session it belongs to is named, and the others can be read."""

from __future__ import annotations

import json
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from device.clock import VirtualClock
from device.events import Moment, NoteTaken, PainScored
from physioctl.cli import call
from physioctl.errors import JournalUnusable
from physioctl.events import Outcome, ScreeningRefused
from physioctl.record.history import listed, session, sessions
from physioctl.record.journal import Journal
from physioctl.record.report.course import course_in, course_report
from physioctl.record.report.session import Form
from physioctl.record.selection import Selection
from physioctl.record.verify import verify
from physioctl.runner import run_session
from protocols.errors import Refused
from tests.physioctl.test_admission import NOON, gun
from tests.physioctl.test_cli_record import ended, erased, progress, started, tell
from tests.physioctl.test_tampered import asked_for

Capture = pytest.CaptureFixture[str]
IDS = ("a", "b", "c")
ENTRY_COLUMNS = ("session", "utc", "at_ms", "name", "body_hash", "prev", "hash")
BODY_COLUMNS = ("salt", "body")
ROW_COLUMNS = ("session", "seq", "person", "body_site", "unit", "rest_of", "simulated", "ended", "settled")
STRUCK = "CASE typeof({0}) WHEN 'integer' THEN {0} + 1 ELSE 'x' || substr(coalesce({0}, ''), 2) END"


@pytest.fixture(scope="module")
def journal(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three sessions of two persons, the answers that refused a fourth, and one that has been erased."""
    path = tmp_path_factory.mktemp("journal") / "j"
    tell(path, "gone", started("gone"), ended())
    tell(path, "", ScreeningRefused(at_ms=0, person="p-017", protocol="calf", simulated=False, answers={}))
    for id_, person in zip(IDS, ("p-017", "p-018", "p-017"), strict=True):
        tell(
            path,
            id_,
            started(id_, person=person),
            PainScored(at_ms=1, score=5, moment=Moment.BEFORE, by="operator"),
            progress(1000, 900),
            progress(2000, 1900),
            NoteTaken(at_ms=3, text="warm", by="operator"),
            ended(Outcome.STOPPED, session=id_),
        )
    erased(path, 1, 2)
    assert verify(path).whole
    return path


def struck(journal: Path, to: Path, table: str, column: str, seq: int) -> Path:
    """A copy of ``journal`` with one value of it changed behind its rules."""
    path = Path(shutil.copy(journal, to))
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("PRAGMA synchronous = OFF")
        rules = connection.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'").fetchall()
        for name, _ in rules:
            connection.execute(f"DROP TRIGGER {name}")
        changed = connection.execute(
            f"UPDATE {table} SET {column} = {STRUCK.format(column)} WHERE seq = ?", (seq,)
        )
        assert changed.rowcount == 1
        for _, rule in rules:
            connection.execute(rule)
    return path


def every_place(journal: Path) -> Iterator[tuple[str, str, int, str]]:
    """Each value of the tables that a session is read from: table, column, row, and whose it is."""
    with closing(sqlite3.connect(journal)) as connection:
        entries = connection.execute("SELECT seq, session FROM entries").fetchall()
        bodies = connection.execute("SELECT seq, session FROM entries JOIN bodies USING (seq)").fetchall()
        rows = connection.execute("SELECT seq, session FROM sessions").fetchall()
    for table, columns, numbers in (
        ("entries", ENTRY_COLUMNS, entries), ("bodies", BODY_COLUMNS, bodies), ("sessions", ROW_COLUMNS, rows)
    ):  # fmt: skip
        for seq, id_ in numbers:
            # An entry of no session that names one afterwards may be anybody's: its neighbour is not read.
            yield from ((table, column, seq, id_) for column in columns if id_ or column != "session")


def what_is_wrong_with_each(path: Path, seq: int, whose: str, table: str) -> Iterator[str]:
    """What is wrong about reading each session where one value was changed; nothing where all is right."""
    for id_ in IDS:
        try:
            session(path, id_)
        except JournalUnusable as error:
            if id_ != whose:
                yield f"{id_} cannot be read: {error}"
            elif table != "sessions" and f"entry {seq}: " not in str(error):
                yield f"the entry is not named: {error}"
        else:
            if id_ == whose and table != "sessions":
                yield f"{id_} can be read"


def what_is_wrong_in_lists(path: Path, whose: str, capsys: Capture) -> Iterator[str]:
    """What is wrong about the lists and the course; nothing where all is right."""
    if verify(path).whole:
        yield "it verifies"
    code = call(["history", "--json", "--journal", str(path)])
    told = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    listed_ = {each["session"] for each in told if each["event"] == "session"}
    named = {each["session"] for each in told if each["event"] == "damaged"}
    if missing := set(IDS) - {whose} - listed_:
        yield f"{missing} are not listed"
    if whose in IDS and whose not in listed_ | named:
        yield f"{whose} is neither listed nor named: {named}"
    if code != (9 if named else 0):
        yield f"exit code {code}"
    course = course_in(path, Selection(person="P-017"))
    in_course = {visit.account.summary.id for visit in course.visits}
    if missing := {"a", "c"} - {whose} - in_course:
        yield f"{missing} are not in the course"
    if whose in ("a", "c") and whose not in in_course | {each.session for each in course.unreadable}:
        yield f"{whose} is missing in the course without a word"


@pytest.mark.hazard("H-20")
def test_one_changed_value_anywhere_leaves_every_other_session_readable(
    journal: Path, tmp_path: Path, capsys: Capture
) -> None:
    wrong = []
    for table, column, seq, whose in every_place(journal):
        path = struck(journal, tmp_path / "j", table, column, seq)
        found = (
            *what_is_wrong_with_each(path, seq, whose, table),
            *what_is_wrong_in_lists(path, whose, capsys),
        )
        wrong += [f"{table}.{column} of {seq} ({whose}): {each}" for each in found]

    assert not wrong, "\n".join(wrong)


@pytest.mark.hazard("H-20")
def test_a_session_whose_beginning_was_changed_is_named_with_what_to_do(
    journal: Path, tmp_path: Path, capsys: Capture
) -> None:
    start = session(journal, "b").entries[0].seq
    path = struck(journal, tmp_path / "j", "bodies", "body", start)

    code = call(["history", "--person", "P-017", "--journal", str(path)])
    out, err = capsys.readouterr()

    assert code == 9
    assert [line.split("\t")[0] for line in out.splitlines()] == ["c", "a"]
    assert f"error: session b cannot be read: entry {start}: its content does not agree with its hash" in err
    assert "to do: Keep the journal as it is." in err
    assert "physioctl verify" in err

    for command in (["report", "b"], ["show", "b"], ["export", "b", "--fhir", "r4b"]):
        code = call([*command, "--journal", str(path)])
        out, err = capsys.readouterr()
        assert (code, out) == (9, ""), command
        assert f"session b cannot be read, for the journal {path} is damaged: entry {start}: " in err


@pytest.mark.hazard("H-20")
def test_a_course_says_that_a_session_could_not_be_read(
    journal: Path, tmp_path: Path, capsys: Capture
) -> None:
    start = session(journal, "a").entries[0].seq
    path = struck(journal, tmp_path / "j", "bodies", "body", start)
    page = tmp_path / "course.html"

    code = call(["report", "--person", "P-017", "--output", str(page), "--journal", str(path)])

    assert code == 9
    assert f"error: session a cannot be read: entry {start}: " in capsys.readouterr().err
    assert "1 session of the journal cannot be read, and may be missing here." in page.read_text("utf-8")
    assert f"<bdi>a</bdi>: entry {start}: <bdi>its content does not agree" in page.read_text("utf-8")
    course = course_in(path, Selection(person="P-017"))
    in_csv = course_report("P-017", Selection(), course, Form.CSV).text.splitlines()
    assert in_csv[2].split(",")[:8] == ["a", "", "", "", "", "", "", "unreadable"]
    in_json = json.loads(course_report("P-017", Selection(), course, Form.JSON).text)
    assert in_json["unreadable"][0]["seq"] == start


@pytest.mark.hazard("H-20")
def test_where_no_session_of_a_person_can_be_read_there_is_no_course(
    journal: Path, tmp_path: Path, capsys: Capture
) -> None:
    path = struck(journal, tmp_path / "j", "bodies", "body", session(journal, "b").entries[0].seq)

    code = call(["report", "--person", "P-018", "--journal", str(path)])

    assert code == 9
    assert "no session of p-018 can be read" in capsys.readouterr().err


@pytest.mark.hazard("H-20")
def test_the_latest_session_is_no_older_one_in_place_of_one_that_cannot_be_read(
    journal: Path, tmp_path: Path
) -> None:
    path = struck(journal, tmp_path / "j", "bodies", "body", session(journal, "c").entries[0].seq)

    with pytest.raises(JournalUnusable, match="session c cannot be read"):
        session(path)


@pytest.mark.hazard("H-03")
@pytest.mark.hazard("H-20")
def test_a_site_whose_sessions_cannot_be_read_is_given_no_output(tmp_path: Path) -> None:
    full = tmp_path / "full"
    with Journal.open(full, VirtualClock(NOON)) as opened:
        for _ in range(2):
            run_session(asked_for(), gun().driver, opened)
    starts = [session(full, each.id).entries[0].seq for each in sessions(full)]
    places = [place for place in every_place(full) if place[2] in starts]
    given = []
    for table, column, seq, _ in places:
        path = struck(full, tmp_path / "j", table, column, seq)
        try:
            with Journal.open(path, VirtualClock(NOON)) as opened:
                run_session(asked_for(), gun().driver, opened)
        except (JournalUnusable, Refused):
            continue
        given.append((table, column, seq))

    assert len(places) == 2 * (len(ENTRY_COLUMNS) + len(BODY_COLUMNS) + len(ROW_COLUMNS))
    assert given == []


@pytest.mark.hazard("H-20")
def test_what_decides_of_an_admission_believes_no_list_with_a_gap(journal: Path, tmp_path: Path) -> None:
    path = struck(journal, tmp_path / "j", "bodies", "body", session(journal, "b").entries[0].seq)

    assert [each.id for each in listed(path, Selection()).summaries] == ["c", "a"]
    with pytest.raises(JournalUnusable, match="is damaged: entry"):
        sessions(path)


@pytest.mark.hazard("H-20")
def test_one_changed_report_of_a_long_session_takes_only_that_session(journal: Path, tmp_path: Path) -> None:
    long = Path(shutil.copy(journal, tmp_path / "long"))
    reports = [progress(1000 * second, 900 * second) for second in range(1500)]
    with Journal.open(long, VirtualClock(NOON)) as opened, opened.transaction():
        for event in (started("d"), *reports, ended(session="d")):
            opened.append("d", event)
    middle = session(long, "d").entries[200].seq
    path = struck(long, tmp_path / "j", "bodies", "body", middle)

    assert [each.id for each in sessions(path)] == ["d", "c", "b", "a"]
    assert [session(path, id_).summary.id for id_ in IDS] == list(IDS)
    with pytest.raises(JournalUnusable, match=f"session d cannot be read.* entry {middle}: "):
        session(path)
    assert verify(path).first_bad == middle


@pytest.mark.hazard("H-20")
def test_a_session_whose_erasure_cannot_be_told_is_not_called_erased(
    journal: Path, tmp_path: Path, capsys: Capture
) -> None:
    path = struck(journal, tmp_path / "j", "entries", "utc", 1)

    code = call(["history", "--journal", str(path)])
    out, err = capsys.readouterr()

    assert (code, [line.split("\t")[0] for line in out.splitlines()]) == (9, ["c", "b", "a"])
    assert "damaged: entry 1: its content does not agree with its hash" in err


def test_a_session_that_goes_on_while_it_is_read_is_no_damage(tmp_path: Path) -> None:
    clock = VirtualClock(NOON)
    with (
        Journal.open(tmp_path / "j", clock, new=True) as reader,
        Journal.open(tmp_path / "j", clock) as writer,
    ):
        writer.append("s", started("s"))

        def goes_on(statement: str) -> None:
            if "BETWEEN" in statement:  # the last entry has been looked for, and is none any more
                writer.append("s", progress(1000, 900))

        with reader.reading() as connection:
            connection.set_trace_callback(goes_on)
        assert [entry.name for entry in session(reader, "s").entries] == ["session_started", "progress"]
