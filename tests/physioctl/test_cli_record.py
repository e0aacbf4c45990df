"""history, show and verify, as they are typed."""

from __future__ import annotations

import contextlib
import json
import sqlite3
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from device.clock import VirtualClock
from device.events import AlarmRaised, Event, OffConfirmation, Priority, Progress, StepEnded
from physioctl.cli import call
from physioctl.errors import InvalidUsage, JournalUnusable
from physioctl.events import BodiesErased, Outcome, Screened, SessionEnded, SessionStarted
from physioctl.record.codec import to_json
from physioctl.record.day import had_today
from physioctl.record.history import session, sessions
from physioctl.record.journal import Journal
from physioctl.record.journal_reading import reading
from physioctl.record.verify import verify
from protocols.limits import Family

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
MINUTE_MS = 60_000


def started(id_: str, **other: Any) -> SessionStarted:
    told: dict[str, Any] = {
        "at_ms": 0, "session": id_, "protocol": "calf-tightness-ultrasound", "title": "Calf tightness",
        "content_hash": "c0ffee" * 10, "family": "ultrasound", "body_site": "calf", "side": "left",
        "person": "p-017", "model": "us111", "serial": "SIM-1", "firmware": "1.0",
        "assumed": True, "physioctl": "0.1.0", "planned_ms": 10 * MINUTE_MS,
        "planned_energy_mj": 980_000, "total_ms": 14 * MINUTE_MS, "lease_ms": 600, "simulated": False,
        "nonce": 1, "utc_offset_min": 60, "boot_id": None, "boot_ms": None, "boot_utc_ms": None,
    }  # fmt: skip
    return SessionStarted(**(told | other))


def progress(at_ms: int, delivered_ms: int) -> Progress:
    return Progress(
        at_ms=at_ms, step=1, remaining_ms=9, state="EMITTING", level_set=440, measured_level=438,
        delivered_ms=delivered_ms, energy_mj=delivered_ms * 2, head_temp_ddeg_c=312,
        contact_pct=92, battery_pct=88,
    )  # fmt: skip


def ended(
    outcome: Outcome = Outcome.COMPLETED, delivered_ms: int = 10 * MINUTE_MS, session: str = "s"
) -> SessionEnded:
    return SessionEnded(
        at_ms=15 * MINUTE_MS, session=session, outcome=outcome, why="", output_off=OffConfirmation.CONFIRMED,
        delivered_ms=delivered_ms,
        planned_ms=10 * MINUTE_MS, energy_mj=980_000, planned_energy_mj=980_000, duration_ms=15 * MINUTE_MS,
    )  # fmt: skip


def tell(path: Path, id_: str, *events: Event, at: datetime = NOON) -> None:
    with Journal.open(path, VirtualClock(at)) as journal:
        log = journal.begin(id_)
        for event in events:
            log.record(event)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Three sessions: one whole, one of another person, and one that a crash left open."""
    journal = tmp_path / "j"
    tell(journal, "a-whole", started("a-whole"), progress(1000, 1000), ended())
    tell(journal, "b-other", started("b-other", person="p-018"), ended(Outcome.STOPPED, 4 * MINUTE_MS))
    tell(journal, "a-open", started("a-open"), progress(1000, 900), progress(2000, 1900))
    return journal


def said(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, str, str]:
    code = call([str(argument) for argument in arguments])
    return code, *capsys.readouterr()


def lines(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


def test_history_lists_the_newest_first(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = said(capsys, "history", "--journal", path)

    rows = [line.split() for line in out.splitlines() if "calf-tightness" in line]
    assert (code, err) == (0, "3 sessions\n")
    assert [row[0] for row in rows] == ["a-open", "b-other", "a-whole"]
    assert "open" in rows[0]
    assert "stopped" in rows[1]


def test_history_narrows_to_a_person_and_a_count(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = said(capsys, "history", "--journal", path, "--person", "P-017", "--limit", 1, "--json")

    (only,) = lines(out)
    assert code == 0
    assert (only["session"], only["outcome"], only["delivered_ms"]) == ("a-open", "open", 1900)


def test_history_of_somebody_unknown_is_a_friendly_line(
    path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert said(capsys, "history", "--journal", path, "--person", "P-404")[:2] == (0, "No session to list.\n")


@pytest.mark.parametrize("command", ["history", "show", "verify"])
def test_reading_never_makes_a_journal(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], command: str
) -> None:
    code, out, err = said(capsys, command, "--journal", tmp_path / "none")

    assert (code, out) == (9, "")
    assert str(tmp_path / "none") in err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", [":memory:", "-", "link", "text/x", "missing/j", "left", "n" * 300])
def test_no_first_session_is_announced_where_none_can_make_a_journal(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    (tmp_path / "link").symlink_to("nothing")
    (tmp_path / "text").touch()
    (tmp_path / "left-wal").touch()

    with contextlib.chdir(tmp_path):
        codes = [said(capsys, command, "--journal", name)[0] for command in ("history", "verify", "show")]
        code, out, err = said(capsys, "history", "--journal", name)

    assert codes == [9, 9, 9]
    assert (code, out) == (9, "")
    assert "to do:" in err
    assert "the first session makes it" not in err


def test_show_shows_the_latest_session(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = said(capsys, "show", "--journal", path)

    assert code == 0
    assert "session    a-open" in out
    assert "never ended" in out
    assert "delivered  0:01 of 10:00" in out
    assert "contact" not in out  # a report each second is shown only when asked for


def test_show_names_what_was_reckoned_and_nothing_where_the_unit_reported_it_all(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    journal = tmp_path / "j"
    tell(journal, "a", replace(started("a"), reckoned=("time", "energy")), ended())
    tell(journal, "b", started("b"), ended())

    _, reckoned, _ = said(capsys, "show", "a", "--journal", journal)
    _, reported, _ = said(capsys, "show", "b", "--journal", journal)

    assert "reckoned   time, energy, by this computer: the unit does not report it" in reckoned
    assert "reckoned" not in reported


def test_show_finds_a_session_by_the_beginning_of_its_id(
    path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, _ = said(capsys, "show", "a-w", "--journal", path, "--all")

    assert code == 0
    assert "outcome    completed" in out
    assert "head temp 31.2 °C" in out


def test_show_json_tells_the_session_as_it_was_told_live(
    path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _, out, _ = said(capsys, "show", "a-whole", "--journal", path, "--json")

    told = lines(out)
    assert [line["event"] for line in told] == ["session_started", "progress", "session_ended"]
    assert told[-1]["outcome"] == "completed"
    assert told[0] | to_json(started("a-whole")) == told[0]


@pytest.mark.parametrize(
    ("given", "what"),
    [
        ("a-", "2 sessions begin"),
        ("zz", "no session begins"),
        ("%", "no session"),
        ("", "an empty id names no session"),
    ],
)
def test_an_id_that_means_none_or_several_is_a_usage_mistake(
    path: Path, capsys: pytest.CaptureFixture[str], given: str, what: str
) -> None:
    code, out, err = said(capsys, "show", given, "--journal", path)

    assert (code, out) == (2, "")
    assert what in err
    assert "to do:" in err


def test_an_empty_id_does_not_name_the_only_session(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    tell(tmp_path / "j", "s", started("s"), ended(Outcome.STOPPED, 1))

    code, _, err = said(
        capsys, "run", "unit-check", "--port", "sim://us111", "--journal", tmp_path / "j", "--rest-of", ""
    )

    assert code == 2
    assert "an empty id names no session" in err


@pytest.mark.hazard("H-23")
def test_markup_and_escapes_from_a_file_or_a_unit_are_shown_and_not_obeyed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    title, serial = "[bold red]Calf[/] [link=file:///]x[/]", "SIM\x1b[2J\x07\n9"
    tell(
        tmp_path / "j",
        "s",
        started("s", title=title, serial=serial, person="[/]"),
        StepEnded(at_ms=1, step=1, delivered_ms=0),
    )

    _, shown, _ = said(capsys, "show", "--journal", tmp_path / "j")
    _, listed, _ = said(capsys, "history", "--journal", tmp_path / "j")

    assert title in shown
    assert "[/]" in listed
    assert not {"\x1b", "\x07"} & set(shown + listed)


def test_verify_says_whole_and_names_the_head(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = said(capsys, "verify", "--journal", path)

    assert (code, err) == (0, "")
    assert "whole. 8 entries" in out
    assert out.splitlines()[1].startswith("head: ")


def test_verify_names_the_first_bad_entry(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with sqlite3.connect(path) as connection:
        connection.execute("DROP TRIGGER bodies_never_change")
        connection.execute("UPDATE bodies SET body = replace(body, '98', '89') WHERE body LIKE '%outcome%'")
    connection.close()

    code, out, err = said(capsys, "verify", "--journal", path)
    json_code, json_out, _ = said(capsys, "verify", "--journal", path, "--json")

    assert (code, out) == (9, "")
    assert "first bad entry: 3: its content does not agree with its hash" in err
    assert "to do:" in err
    assert (json_code, lines(json_out)[0]["first_bad"]) == (9, 3)


@pytest.mark.parametrize("written", ["[]", "{}", '{"person": 17}'])
def test_an_entry_somebody_emptied_ends_history_with_what_to_do(
    path: Path, capsys: pytest.CaptureFixture[str], written: str
) -> None:
    with sqlite3.connect(path) as connection:
        connection.execute("DROP TRIGGER bodies_never_change")
        connection.execute("UPDATE bodies SET body = ?", (written,))
    connection.close()

    code, _, err = said(capsys, "history", "--journal", path, "--person", "P-017")

    assert code == 9
    assert "physioctl verify" in err


def test_the_program_itself_exits_with_the_code(path: Path) -> None:
    command = [
        sys.executable,
        "-c",
        "from physioctl.cli import main; main()",
        "verify",
        "--journal",
        str(path),
    ]

    whole = subprocess.run(command, capture_output=True, text=True, timeout=60)
    missing = subprocess.run([*command[:-1], f"{path}x"], capture_output=True, text=True, timeout=60)

    assert (whole.returncode, missing.returncode) == (0, 9)
    assert missing.stderr.count("\n") == 2


def had(path: Path, now: datetime, **other: str) -> list[tuple[str, int, bool]]:
    about = {"person": "p-017", "body_site": "calf", "side": "left"} | other
    with reading(path) as connection:
        found = had_today(connection, **about, family=Family.ULTRASOUND, now=now)
        return [(each.first, each.delivered_ms, each.is_open) for each in found]


def test_what_a_site_had_today_is_looked_up_however_many_others_there_are(path: Path) -> None:
    asked: list[int] = []
    for others in (0, 40):
        for number in range(others):
            tell(path, f"other-{number}", started(f"other-{number}", person=f"p-{100 + number}"))
        with reading(path) as connection:
            statements: list[str] = []
            connection.set_trace_callback(statements.append)
            found = list(had_today(connection, "p-017", "calf", "left", Family.ULTRASOUND, NOON))
            asked.append(len(statements))
        assert len(found) == 2

    assert asked[1] == asked[0] > 0


def test_what_a_site_had_today_counts_an_open_session_whole(path: Path) -> None:
    assert had(path, NOON) == [("a-open", 10 * MINUTE_MS, True), ("a-whole", 10 * MINUTE_MS, False)]


@pytest.mark.parametrize(
    ("now", "count"),
    [
        (NOON - timedelta(days=3), 2),  # a clock set back makes no room
        (NOON + timedelta(hours=24) - timedelta(milliseconds=1), 2),
        (NOON + timedelta(hours=24), 0),
        (NOON + timedelta(hours=24, milliseconds=1), 0),
    ],
)
def test_today_is_the_last_24_hours(path: Path, now: datetime, count: int) -> None:
    assert len(had(path, now)) == count


@pytest.mark.parametrize(
    ("other", "count"),
    [
        ({"side": "right"}, 0),
        ({"side": "none"}, 2),  # a side that is not told counts as both
        ({"body_site": "thigh"}, 0),
        ({"person": "p-018"}, 1),
        ({"person": "p-404"}, 0),
    ],
)
def test_today_is_of_one_person_and_one_site(path: Path, other: dict[str, str], count: int) -> None:
    assert len(had(path, NOON, **other)) == count


@pytest.mark.hazard("H-03")
@pytest.mark.parametrize("spelt", ["P-017", "p-017", "Ｐ-017"])
def test_a_person_is_one_person_however_the_reference_is_written(
    path: Path, capsys: pytest.CaptureFixture[str], spelt: str
) -> None:
    _, out, _ = said(capsys, "history", "--journal", path, "--person", spelt, "--json")

    assert [line["session"] for line in lines(out)] == ["a-open", "a-whole"]


@pytest.mark.parametrize("spelt", ["Mary Smith", "", "P-017 "])
def test_history_of_what_is_no_reference_is_a_usage_mistake(
    path: Path, capsys: pytest.CaptureFixture[str], spelt: str
) -> None:
    code, out, err = said(capsys, "history", "--journal", path, "--person", spelt)

    assert (code, out) == (2, "")
    assert "is not a person's reference" in err


def test_a_session_is_read_back_from_memory_as_from_the_disk() -> None:
    with Journal.in_memory(VirtualClock(NOON)) as journal:
        journal.begin("s").record(started("s"))
        journal.begin("s").record(ended())

        found = session(journal)

    assert found.summary.outcome is Outcome.COMPLETED
    assert [entry.name for entry in found.entries] == ["session_started", "session_ended"]


def test_a_journal_without_a_session_lists_none_and_shows_none(tmp_path: Path) -> None:
    Journal.open(tmp_path / "j", VirtualClock()).close()

    assert sessions(tmp_path / "j") == ()
    with pytest.raises(InvalidUsage, match="no session"):
        session(tmp_path / "j")


def test_sessions_of_a_file_that_is_no_journal_are_refused(tmp_path: Path) -> None:
    (tmp_path / "j").write_bytes(b"")

    with pytest.raises(JournalUnusable, match="not a journal"):
        sessions(tmp_path / "j")


# --- a head that was noted ------------------------------------------------------------------------------


@pytest.mark.hazard("H-20")
def test_a_noted_head_is_found_in_the_chain_with_its_entry(
    path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    noted = verify(path).head
    tell(path, "c-later", started("c-later"), ended(session="c-later"), at=NOON + timedelta(hours=1))

    code, out, _ = said(capsys, "verify", "--journal", path, "--head", f" {noted.upper()} ")
    _, as_json, _ = said(capsys, "verify", "--journal", path, "--head", noted, "--json")

    assert code == 0
    assert "the noted head is that of entry 8, made at 2026-03-01T12:00:00.000+00:00" in out
    assert lines(as_json)[1] == {"event": "head_found", "seq": 8, "utc": "2026-03-01T12:00:00.000+00:00"}


@pytest.mark.hazard("H-20")
def test_a_head_that_is_not_in_the_chain_is_exit_code_9(
    path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, err = said(capsys, "verify", "--journal", path, "--head", "ab" * 32)

    assert code == 9
    assert "whole" in out
    assert "the noted head is not in" in err


@pytest.mark.hazard("H-20")
def test_a_journal_written_anew_verifies_and_does_not_hold_the_head_that_was_noted(
    path: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    noted = verify(path).head
    another = tmp_path / "another"
    tell(another, "a-whole", started("a-whole"), progress(1000, 1000), ended(delivered_ms=MINUTE_MS))
    another.replace(path)

    assert verify(path).whole
    assert said(capsys, "verify", "--journal", path, "--head", noted)[0] == 9


@pytest.mark.parametrize("head", ["", "x", "ab" * 31, "z" * 64, "0x" + "ab" * 31])
def test_what_is_no_head_is_a_usage_mistake(
    path: Path, capsys: pytest.CaptureFixture[str], head: str
) -> None:
    assert said(capsys, "verify", "--journal", path, "--head", head)[0] == 2


def test_show_prints_what_is_in_other_values_behind_their_names(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    alarm = AlarmRaised(
        at_ms=1, code="OUTPUT_HIGH", priority=Priority.HIGH, what="too much", action="stop",
        status={"state": "emitting", "measured_level": 900, "faults": []},
    )  # fmt: skip
    answers = Screened(
        at_ms=0,
        answers={"PREGNANT": "no", "PACEMAKER": "no"},
        notes=("PREGNANT",),
        acknowledged={},
        age_band="adult",
    )
    tell(tmp_path / "j", "s", started("s"), answers, alarm, ended())

    _, out, _ = said(capsys, "show", "--journal", tmp_path / "j")

    printed = " ".join(out.split())
    assert "age band adult, PACEMAKER no, PREGNANT no" in printed
    assert "status: measured level 900, state emitting" in printed


# --- erased bodies --------------------------------------------------------------------------------------


def erased(path: Path, *seqs: int, said_so: bool = True) -> None:
    if said_so:
        tell(path, "", BodiesErased(at_ms=0, seqs=seqs))
    with sqlite3.connect(path) as connection:
        if not said_so:
            connection.execute("DROP TRIGGER bodies_go_only_when_an_entry_says_so")
        connection.executemany("DELETE FROM bodies WHERE seq = ?", [(seq,) for seq in seqs])
        connection.executemany("DELETE FROM sessions WHERE seq = ?", [(seq,) for seq in seqs])
    connection.close()


def test_a_body_that_an_entry_says_was_erased_leaves_the_chain_whole(
    path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    erased(path, 1, 2, 3)

    assert verify(path).whole
    assert [summary.id for summary in sessions(path)] == ["a-open", "b-other"]
    assert said(capsys, "show", "a-whole", "--journal", path)[0] == 2
    Journal.open(path, VirtualClock(NOON)).close()


@pytest.mark.hazard("H-20")
def test_a_body_that_is_missing_without_a_word_is_damage(path: Path) -> None:
    erased(path, 2, said_so=False)

    verification = verify(path)

    assert (verification.whole, verification.first_bad) == (False, 2)
    assert "no entry says that it was erased" in verification.why
