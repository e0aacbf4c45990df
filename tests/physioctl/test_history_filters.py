"""Which sessions `history` lists, how many of how many, and the course of one person."""

from __future__ import annotations

import contextlib
import json
import sqlite3
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from device.clock import SystemClock, VirtualClock
from device.events import NOT_STARTED, Moment, NoteTaken, PainScored
from physioctl.cli import call
from physioctl.cli.days import begin_of, end_of
from physioctl.events import Outcome, ScreeningRefused
from physioctl.record.history import listed
from physioctl.record.journal import Journal
from physioctl.record.pain import Scores, with_pain
from physioctl.record.selection import Selection
from physioctl.screening import day_of
from tests.physioctl.test_cli_record import ended, progress, started, tell

Capture = pytest.CaptureFixture[str]
DAY = datetime(2026, 3, 1, 12, tzinfo=UTC)
THIGH: dict[str, Any] = {"body_site": "thigh", "side": "right", "protocol": "thigh-spasm-percussion"}
GUN: dict[str, Any] = {"model": "UltraGun PRO", "serial": "UG-7", "family": "percussion", "title": "Spasm"}


def pain(score: int, moment: Moment) -> PainScored:
    return PainScored(at_ms=1, score=score, moment=moment, by="operator")


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four sessions on four days: a completed one, an interrupted one, one of another person, an open one."""
    journal = tmp_path_factory.mktemp("record") / "j"
    noted = NoteTaken(at_ms=2, text="Haut leicht GERÖTET", by="operator")
    scored = (pain(7, Moment.BEFORE), pain(6, Moment.BEFORE), pain(9, Moment.DURING), pain(3, Moment.AFTER))
    told = {
        "a": (started("a"), *scored, ended(session="a")),
        "b": (started("b", **THIGH, **GUN), noted, ended(Outcome.INTERRUPTED, 4000, session="b")),
        "c": (started("c", person="p-018", title="completed long ago"), ended(Outcome.STOPPED, session="c")),
        "d": (started("d", serial="SIM-2"), pain(5, Moment.BEFORE), progress(1000, 900)),
    }
    for days, (id_, events) in enumerate(told.items()):
        tell(journal, id_, *events, at=DAY + timedelta(days=days))
    return journal


def found(path: Path, capsys: Capture, *arguments: str) -> str:
    """The ids of the sessions that are listed, in their order."""
    assert call(["history", *arguments, "--json", "--journal", str(path)]) == 0
    return "".join(json.loads(line)["session"] for line in capsys.readouterr().out.splitlines())


@pytest.mark.parametrize(
    ("arguments", "ids"),
    [
        ("", "dcba"),
        ("--person P-017", "dba"),
        ("--person p-017 --site Calf", "da"),
        ("--site thigh --side right", "b"),
        ("--side left", "dca"),
        ("--unit ultragun-pro", "b"),
        ("--unit ug-7", "b"),
        ("--unit us111", "dca"),
        ("--unit sim-1 --limit 1", "c"),
        ("--unit us", ""),  # no part of a name
        ("--on 2026-03-02", "b"),
        ("--since 2026-03-03", "dc"),
        ("--until 2026-03-02", "ba"),
        ("--since 2026-03-02 --until 2026-03-03", "cb"),
        ("--on today", ""),
        ("interrupted", "b"),
        ("open", "d"),
        ("completed", "ca"),  # an outcome, and a word of a title
        ("gerötet", "b"),  # a note's
        ("SPASM right p-017", "b"),
        ("calf p-018", "c"),
        ("tightness left ultrasound --limit 2", "dc"),
        ("planned", ""),  # the name of a field is none of its words
        ("100%", ""),
        ("--person p-018 interrupted", ""),
    ],
)
def test_sessions_are_chosen_by_what_they_are(path: Path, capsys: Capture, arguments: str, ids: str) -> None:
    assert found(path, capsys, *arguments.split()) == ids


@pytest.mark.parametrize(
    ("arguments", "last"),
    [
        ("", "4 sessions"),
        ("--limit 3", "3 of 4 sessions; older ones with a higher --limit"),
        ("--limit 4", "4 sessions"),
        ("--site calf", "3 of 4 sessions"),
        ("--site calf --limit 3", "3 of 4 sessions"),
        ("--site foot", "0 of 4 sessions"),
    ],
)
def test_the_last_line_says_how_many_of_how_many(
    path: Path, capsys: Capture, arguments: str, last: str
) -> None:
    call(["history", *arguments.split(), "--journal", str(path)])

    assert capsys.readouterr().err == f"{last}\n"


def test_a_person_has_a_course_with_dose_and_pain_before_and_after(path: Path, capsys: Capture) -> None:
    call(["history", "--person", "P-017", "--site", "calf", "--journal", str(path)])
    rows = [line.split("\t") for line in capsys.readouterr().out.splitlines()]
    call(["history", "--person", "P-017", "--site", "calf", "--journal", str(path), "--json"])
    told = [json.loads(line) for line in capsys.readouterr().out.splitlines()]

    assert [(row[0], *row[5:8]) for row in rows] == [("d", "2 J", "5", "–"), ("a", "980 J", "6", "3")]
    assert [(each["pain_before"], each["pain_after"]) for each in told] == [(5, None), (6, 3)]


def refusal(person: str = "p-017", *, simulated: bool = False) -> ScreeningRefused:
    pacemaker = {"answer": "yes", "question": "0" * 12, "title": "Pacemaker", "date": "2026-03-06"}
    fever = pacemaker | {"answer": "no", "title": "Fever"}
    answers = {"PACEMAKER": pacemaker, "FEVER": fever}
    return ScreeningRefused(
        at_ms=0, person=person, protocol="calf-cramp", simulated=simulated, answers=answers
    )


@pytest.fixture(scope="module")
def with_refusals(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A session, and after it three that were refused: of its person twice, and of another."""
    journal = tmp_path_factory.mktemp("refused") / "j"
    tell(journal, "a", started("a"), ended(session="a"), at=DAY)
    for days, event in enumerate((refusal(), refusal("p-018"), refusal(simulated=True)), 5):
        with Journal.open(journal, VirtualClock(DAY + timedelta(days=days))) as opened:
            opened.append("", event)
    return journal


@pytest.mark.hazard("H-16")
@pytest.mark.parametrize(
    ("arguments", "days"),
    [
        ("", "86"),
        ("--site thigh", "86"),  # it holds for the person, wherever the session was to be
        ("--limit 1", "86"),
        ("--until 2026-03-06", "6"),
        ("--since 2026-03-07 pacemaker", "8"),
        ("refused calf", "86"),
        ("fever", ""),  # that was answered no
        ("--on 2026-03-01", ""),
    ],
)
def test_what_was_refused_to_a_person_is_listed_with_what_was_answered_yes(
    with_refusals: Path, capsys: Capture, arguments: str, days: str
) -> None:
    asked = ["history", "--person", "P-017", *arguments.split(), "--journal", str(with_refusals)]

    assert call(asked) == 0
    lines = [line for line in capsys.readouterr().err.splitlines() if "refused" in line]
    assert call([*asked, "--json"]) == 0
    told = [json.loads(line) for line in capsys.readouterr().out.splitlines()]

    assert "".join(line[9] for line in lines) == days
    assert all("calf-cramp" in line and "Answered yes: Pacemaker (entry " in line for line in lines)
    assert [" (simulated) " in line for line in lines] == [day == "8" for day in days]
    refused = [each for each in told if each["event"] == "screening_refused"]
    assert [each["utc"][9] for each in refused] == list(days)
    assert all(f"(entry {each['seq']})" in line for each, line in zip(refused, lines, strict=True))


def test_a_list_of_nobody_in_particular_names_no_refusal(with_refusals: Path, capsys: Capture) -> None:
    call(["history", "--journal", str(with_refusals)])

    assert "refused" not in "".join(capsys.readouterr())


def test_without_a_person_the_lines_of_json_are_as_they_were(path: Path, capsys: Capture) -> None:
    call(["history", "--json", "--limit", "1", "--journal", str(path)])

    assert not {"pain_before", "pain_after"} & set(json.loads(capsys.readouterr().out))


@pytest.mark.parametrize(
    "day",
    [
        "",
        "tomorrow",
        "20260301",
        "2026-3-1",
        "2026-02-30",
        "01.03.2026",
        "２０２６-03-01",
        "0001-01-01",
        "9999-12-31",
    ],
)
def test_a_day_that_is_none_is_refused_with_what_is_accepted(path: Path, capsys: Capture, day: str) -> None:
    code = call(["history", "--on", day, "--journal", str(path)])

    assert code == 2
    assert "Write today, yesterday, or year-month-day, such as 20" in capsys.readouterr().err


@pytest.mark.parametrize(
    "arguments",
    ["--on today --since today", "--on today --until today", "--since 2026-03-02 --until 2026-03-01"],
)
def test_days_that_cannot_all_be_meant_are_refused(path: Path, capsys: Capture, arguments: str) -> None:
    assert call(["history", *arguments.split(), "--journal", str(path)]) == 2
    assert "to do:" in capsys.readouterr().err


@pytest.fixture
def berlin(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A computer in Berlin, where 2026-03-29 has 23 hours."""
    monkeypatch.setenv("TZ", "Europe/Berlin")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.mark.usefixtures("berlin")
def test_a_day_is_a_local_one_from_midnight_to_midnight(tmp_path: Path, capsys: Capture) -> None:
    day = datetime.fromisoformat("2026-03-29").date()
    begin, end = begin_of(day), end_of(day)
    just = timedelta(milliseconds=1)
    moments = {"a": begin - just, "b": begin, "c": end - just, "d": end}
    for id_, moment in moments.items():
        tell(tmp_path / "j", id_, started(id_), ended(session=id_), at=moment.astimezone(UTC))

    assert end - begin == timedelta(hours=23)
    assert found(tmp_path / "j", capsys, "--on", "2026-03-29") == "cb"


def test_today_and_yesterday_are_days_of_this_computer(tmp_path: Path, capsys: Capture) -> None:
    today = begin_of(day_of(SystemClock()))
    tell(tmp_path / "j", "y", started("y"), at=(today - timedelta(hours=1)).astimezone(UTC))
    tell(tmp_path / "j", "t", started("t"), at=(today + timedelta(minutes=1)).astimezone(UTC))

    assert found(tmp_path / "j", capsys, "--on", "yesterday") == "y"
    assert found(tmp_path / "j", capsys, "--since", "Today") == "t"


# --- what is damaged, and what is hostile -----------------------------------------------------------------


def changed(path: Path, name: str, session: str) -> None:
    """Write over what an entry of a session says."""
    with contextlib.closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("DROP TRIGGER IF EXISTS bodies_never_change")
        connection.execute(
            "UPDATE bodies SET body = replace(body, '\"by\"', '\"bye\"') WHERE seq IN "
            "(SELECT seq FROM entries WHERE name = ? AND session = ?)",
            (name, session),
        )


@pytest.mark.hazard("H-20")
def test_a_changed_note_or_score_of_what_is_listed_is_damage_and_exit_code_9(
    tmp_path: Path, capsys: Capture
) -> None:
    journal = tmp_path / "j"
    note = NoteTaken(at_ms=1, text="red", by="operator")
    tell(journal, "a", started("a"), note, ended(session="a"))
    tell(journal, "b", started("b", person="p-2"), pain(4, Moment.BEFORE), ended(session="b"))
    changed(journal, "note_taken", "a")
    changed(journal, "pain_scored", "b")

    for arguments, seq in (("red",), 2), (("--person", "p-2"), 5):
        code = call(["history", *arguments, "--journal", str(journal)])
        out, err = capsys.readouterr()
        assert (code, out) == (9, "")
        assert f"cannot be read: entry {seq}: " in err
        assert "physioctl verify" in err


@pytest.mark.parametrize("word", ["%", "__", "'", '"', "*", "\x1b[2J", "‮", "x" * 10_000, "\\", "a\nb"])
def test_a_word_is_text_and_nothing_else(path: Path, capsys: Capture, word: str) -> None:
    code = call(["history", "--journal", str(path), "--", word])

    out, err = capsys.readouterr()
    assert code == 0
    assert (out, err.splitlines()[0]) == ("No session to list.\n", "0 of 4 sessions")


def test_a_session_that_nobody_started_reads_as_that_and_is_interrupted_to_programs(
    tmp_path: Path, capsys: Capture
) -> None:
    end = replace(ended(Outcome.INTERRUPTED, 0, session="a"), why=NOT_STARTED)
    tell(tmp_path / "j", "a", started("a"), end)

    assert call(["history", "not", "started", "--journal", str(tmp_path / "j")]) == 0
    assert "\tnot started\t" in capsys.readouterr().out
    assert found(tmp_path / "j", capsys, "interrupted") == "a"
    assert listed(tmp_path / "j", Selection()).summaries[0].as_json()["outcome"] == "interrupted"


def test_of_several_scores_of_one_moment_the_latest_counts(path: Path) -> None:
    _, scores = with_pain(path, listed(path, Selection()))

    assert scores == {"a": Scores(6, 3), "d": Scores(5, None)}


def test_what_is_listed_is_all_that_is_read_of_a_long_journal(tmp_path: Path) -> None:
    """The work goes with what is listed, and not with all that there is."""
    from physioctl.record.journal import Journal

    asked: list[int] = []
    for count in (5, 60):
        with Journal.in_memory(SystemClock()) as journal:
            for number in range(count):
                log = journal.begin(f"s-{number}")
                log.record(started(f"s-{number}", person=f"p-{number % 5}"))
                log.record(ended(session=f"s-{number}"))
            with journal.reading() as connection:
                statements: list[str] = []
                connection.set_trace_callback(statements.append)
                listing = listed(journal, Selection(person="p-1", words=("calf",)), 1)
                connection.set_trace_callback(None)
        assert len(listing.summaries) == 1
        asked.append(len(statements))

    assert asked[1] <= asked[0] + 10  # the next one, which says that there are more
