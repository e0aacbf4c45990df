"""The journal's file: what may be one, what is touched, and what happens when it changes under a session."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import sqlite3
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from device.clock import VirtualClock
from device.events import Event, OffConfirmation, OperatorActed, Progress
from physioctl.cli import call
from physioctl.errors import InvalidUsage, JournalUnusable
from physioctl.record.codec import to_json
from physioctl.record.history import session
from physioctl.record.journal import Journal
from physioctl.record.journal_reading import reading
from physioctl.record.verify import verify, verify_head
from physioctl.rehearsal.rig import Rig
from physioctl.runner import Request, run_session
from protocols.library import find
from tests.support import SECOND_MS, Ledger

CLOCK = VirtualClock()
CHECK = find("unit-check")

# A journal as version 1 wrote it: bodies in the entries, and no application id.
FORMAT_1 = """
CREATE TABLE entries (
    seq INTEGER PRIMARY KEY, session TEXT NOT NULL, utc TEXT NOT NULL, at_ms INTEGER NOT NULL,
    name TEXT NOT NULL, body TEXT NOT NULL, prev TEXT NOT NULL, hash TEXT NOT NULL
);
CREATE TABLE head (one INTEGER PRIMARY KEY CHECK (one = 1), seq INTEGER NOT NULL, hash TEXT NOT NULL);
PRAGMA user_version = 1;
"""


def made(path: Path, entries: int = 3) -> Path:
    with Journal.open(path, CLOCK) as journal:
        for number in range(entries):
            journal.append("s", OperatorActed(at_ms=number, action="pause"))
    return path


def begun_after(left: Path) -> Path:
    """The path of a journal that was killed in its midst, and then moved away without what is beside it."""
    path = left.with_name("j")
    journal = Journal.open(path, CLOCK)
    journal.append("s", OperatorActed(at_ms=0, action="pause"))
    kept = {beside: Path(f"{path}{beside}").read_bytes() for beside in ("", "-wal", "-shm")}
    journal.close()
    path.unlink()
    left.write_bytes(kept.get(left.name.removeprefix("j"), b"hot"))
    return path


# --- what may be one ------------------------------------------------------------------------------------


@pytest.mark.hazard("H-15")
@pytest.mark.parametrize("name", [":memory:", "", "-", "file:j?mode=memory", "file::memory:"])
def test_a_name_that_keeps_nothing_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    with contextlib.chdir(tmp_path):
        code = call(["run", "unit-check", "--port", "sim://us111", "--journal", name])

    assert code == 9
    assert "to do:" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_a_path_that_the_system_refuses_is_no_journal() -> None:
    with pytest.raises(JournalUnusable):
        Journal.open(Path("j\0"), CLOCK)


@pytest.mark.parametrize("device", ["/dev/null", "/dev/zero", "/proc/self/status"])
def test_a_device_is_no_journal(device: str) -> None:
    with pytest.raises(JournalUnusable):
        Journal.open(Path(device), CLOCK)


def someone_elses(path: Path) -> None:
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE tunes (name TEXT)")
    connection.close()


NOT_OURS: dict[str, Callable[[Path], object]] = {
    "a text": lambda path: path.write_text("Dear diary, " * 500),
    "an empty file": lambda path: path.write_bytes(b""),
    "another program's database": someone_elses,
}


@pytest.mark.parametrize("linked", [False, True])
@pytest.mark.parametrize("kind", NOT_OURS)
def test_a_file_that_is_not_ours_keeps_its_mode_its_bytes_and_its_neighbours(
    tmp_path: Path, kind: str, linked: bool
) -> None:
    file, path = tmp_path / "file", tmp_path / ("link" if linked else "file")
    NOT_OURS[kind](file)
    file.chmod(0o644)
    if linked:
        path.symlink_to(file)
    before = (file.read_bytes(), file.stat().st_mtime_ns, sorted(tmp_path.iterdir()))

    with pytest.raises(JournalUnusable, match=r"not|empty"):
        Journal.open(path, CLOCK)

    assert stat.S_IMODE(file.stat().st_mode) == 0o644
    assert (file.read_bytes(), file.stat().st_mtime_ns, sorted(tmp_path.iterdir())) == before


def test_a_link_to_a_journal_is_that_journal(tmp_path: Path) -> None:
    made(tmp_path / "j")
    (tmp_path / "link").symlink_to(tmp_path / "j")

    made(tmp_path / "link")

    assert verify(tmp_path / "j").entries == 6


@pytest.mark.hazard("H-15")
@pytest.mark.parametrize("left", ["j-wal", "j-shm", "j-journal"])
def test_no_journal_is_begun_beside_what_an_earlier_one_left(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], left: str
) -> None:
    path = begun_after(tmp_path / left)
    before = {file: file.read_bytes() for file in tmp_path.iterdir()}

    code = call(["run", "unit-check", "--port", "sim://us111", "--journal", str(path)])

    what, action = capsys.readouterr().err.splitlines()
    assert code == 9
    assert left in what
    assert "--journal FILE" in action
    assert {file: file.read_bytes() for file in tmp_path.iterdir()} == before


def test_a_link_to_nothing_is_refused(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "elsewhere")

    with pytest.raises(JournalUnusable, match="a link to nothing"):
        Journal.open(tmp_path / "link", CLOCK)

    assert not (tmp_path / "elsewhere").exists()


def test_a_journal_of_format_1_is_left_behind_with_a_clear_word(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "old"
    connection = sqlite3.connect(path)
    connection.executescript(FORMAT_1)
    connection.close()
    before = path.read_bytes()

    codes = [
        call(["run", "unit-check", "--port", "sim://us111", "--journal", str(path)]),
        *(call([command, "--journal", str(path)]) for command in ("verify", "history", "show")),
    ]

    said = capsys.readouterr().err
    assert codes == [9, 9, 9, 9]
    assert said.count("is of format 1, written by an earlier version: it is kept as it is") == 4
    assert "Name a new one" in said
    assert path.read_bytes() == before


def test_a_journal_of_format_2_is_left_behind_with_a_clear_word(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "old"
    with Journal.open(path, VirtualClock()) as journal:
        name = journal.name
    connection = sqlite3.connect(name)
    connection.execute("PRAGMA user_version = 2")
    connection.close()
    before = path.read_bytes()

    codes = [call([command, "--journal", str(path)]) for command in ("verify", "history", "show")]

    assert codes == [9, 9, 9]
    assert capsys.readouterr().err.count("is of format 2, written by an earlier version") == 3
    assert path.read_bytes() == before


def test_folders_are_made_only_when_asked_for(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "no" / "such" / "j"
    command = ["run", "unit-check", "--port", "sim://us111", "--journal", str(path)]

    refused, said = call(command), capsys.readouterr().err

    assert refused == 9
    assert f"there is no journal at {path}" in said
    assert "--new" in said
    assert list(tmp_path.iterdir()) == []


def test_a_new_journal_is_begun_by_a_persons_word_and_linked_to_the_old(tmp_path: Path) -> None:
    old = made(tmp_path / "old")
    head = verify(old).head
    with sqlite3.connect(old) as connection:
        connection.execute("DROP TRIGGER bodies_never_change")
        connection.execute("UPDATE bodies SET body = '{}' WHERE seq = 3")
    connection.close()

    with pytest.raises(JournalUnusable, match="not whole") as refused:
        Journal.open(old, CLOCK)
    with Journal.open(tmp_path / "folder" / "new", CLOCK, new=True, continues=old):
        pass

    assert f"--new --continues {old}" in refused.value.action
    with reading(tmp_path / "folder" / "new") as connection:
        ((name, body),) = connection.execute("SELECT name, body FROM entries JOIN bodies USING (seq)")
    told = json.loads(body)
    assert name == "journal_begun"
    assert (told["continues_entries"], told["continues_whole"]) == (2, False)
    assert told["continues"] != head
    assert verify_head(old, told["continues"])[1] is not None


def a_text(path: Path) -> None:
    path.write_text("root:x:0:0\n" * 100)


def a_database_in_wal_mode(path: Path) -> None:
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("CREATE TABLE tunes (name TEXT)")
    connection.close()


def an_empty_file(path: Path) -> None:
    path.touch()


@pytest.mark.parametrize("foreign", [a_text, someone_elses, a_database_in_wal_mode, an_empty_file])
def test_what_is_no_journal_is_not_continued(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], foreign: Callable[[Path], None]
) -> None:
    (tmp_path / "theirs").mkdir()
    theirs, ours = tmp_path / "theirs" / "file", tmp_path / "j"
    foreign(theirs)

    with pytest.raises(InvalidUsage, match="is no journal"):
        Journal.open(ours, CLOCK, new=True, continues=theirs)
    code = call(["verify", "--journal", str(theirs)])

    said = capsys.readouterr().err
    assert not ours.exists()
    assert code == 9
    assert "--continues" not in said
    assert "to do:" in said


@pytest.mark.parametrize("command", ["history", "show", "verify"])
def test_a_reader_leaves_nothing_beside_another_programs_file(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], command: str
) -> None:
    theirs = tmp_path / "theirs"
    a_database_in_wal_mode(theirs)

    code = call([command, "--journal", str(theirs)])

    assert code == 9
    assert "to do:" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == [theirs]


def test_a_new_journal_is_not_begun_where_there_is_one(tmp_path: Path) -> None:
    made(tmp_path / "j")

    with pytest.raises(InvalidUsage, match="already"):
        Journal.open(tmp_path / "j", CLOCK, new=True)
    with pytest.raises(InvalidUsage, match="--continues is for a new journal"):
        Journal.open(tmp_path / "k", CLOCK, continues=tmp_path / "j")


# --- told before a session ------------------------------------------------------------------------------


def struck(statement: str) -> Callable[[Path], None]:
    def strike(path: Path) -> None:
        connection = sqlite3.connect(path, isolation_level=None)
        rules = [row[0] for row in connection.execute("SELECT sql FROM sqlite_master WHERE type = 'trigger'")]
        names = [
            row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'")
        ]
        for each in (*(f"DROP TRIGGER {name}" for name in names), statement, *rules):
            connection.execute(each)
        connection.close()

    return strike


def rule_removed(path: Path) -> None:
    with sqlite3.connect(path) as connection:
        connection.execute("DROP TRIGGER entries_never_go")
    connection.close()


BROKEN = {
    "a body changed": struck("UPDATE bodies SET body = '{}' WHERE seq = 2"),
    "an entry removed": struck("DELETE FROM entries WHERE seq = 2"),
    "the last entry removed": struck("DELETE FROM entries WHERE seq = 3"),
    "the head removed": struck("DELETE FROM head"),
    "the head another type": struck("UPDATE head SET seq = 'x'"),
    "a session more in its table": struck("INSERT INTO sessions VALUES ('t', 1, 'p', 'b', 'u', '', 0, 0, 0)"),
    "a rule less": rule_removed,
}


@pytest.mark.hazard("H-20")
@pytest.mark.parametrize("kind", BROKEN)
def test_a_journal_that_is_not_whole_is_told_before_a_session(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], kind: str
) -> None:
    path = made(tmp_path / "j")
    BROKEN[kind](path)

    code = call(["run", "unit-check", "--port", "sim://us111", "--journal", str(path)])

    out, err = capsys.readouterr()
    assert (code, out) == (9, "")
    assert "--new --continues" in err or "verify" in err
    assert not verify(path).whole


# --- changed under a session ----------------------------------------------------------------------------


class InTheMidst:
    """An observer that does something once, when the unit has delivered half of what is planned."""

    def __init__(self, action: Callable[[], object]) -> None:
        self._action: Callable[[], object] | None = action

    def on_event(self, event: Event) -> None:
        if self._action is not None and isinstance(event, Progress) and event.delivered_ms >= 5 * SECOND_MS:
            action, self._action = self._action, None
            action()


def removed(path: Path) -> None:
    path.unlink()


def replaced_by_another(path: Path) -> None:
    other = made(path.with_name("other"), 1)
    other.replace(path)


def replaced_by_a_copy(path: Path) -> None:
    shutil.copy(path, path.with_name("copy"))
    path.with_name("copy").replace(path)


def emptied(path: Path) -> None:
    os.truncate(path, 0)


def cut_short(path: Path) -> None:
    os.truncate(path, path.stat().st_size - 4096)


def overwritten(path: Path) -> None:
    with path.open("r+b") as file:
        file.write(bytes(path.stat().st_size))


def moved(path: Path) -> None:
    path.rename(path.with_name("moved"))


def its_folder_moved(path: Path) -> None:
    path.parent.rename(path.parent.with_name("elsewhere"))


def its_wal_removed(path: Path) -> None:
    Path(f"{path}-wal").unlink()


HAPPENS = [
    removed, replaced_by_another, replaced_by_a_copy, emptied, cut_short, overwritten, moved,
    its_folder_moved, its_wal_removed,
]  # fmt: skip


@pytest.mark.hazard("H-15")
@pytest.mark.parametrize("sessions", [1, 20])
def test_a_file_emptied_while_an_entry_is_written_is_found_out_by_the_next_one(
    tmp_path: Path, sessions: int
) -> None:
    with Journal.open(tmp_path / "j", CLOCK) as journal:
        for number in range(sessions):
            journal.begin(f"s{number}").record(OperatorActed(at_ms=0, action="pause"))
        log = journal.begin("s")
        with journal.transaction():
            log.record(OperatorActed(at_ms=1, action="pause"))
            emptied(tmp_path / "j")

        with pytest.raises(JournalUnusable):
            log.record(OperatorActed(at_ms=2, action="pause"))


@pytest.mark.hazard("H-15")
def test_everything_after_what_could_not_be_kept_is_beside_the_journal_once(tmp_path: Path) -> None:
    rig, ledger, path = Rig(), Ledger(), tmp_path / "j"

    with Journal.open(path, rig.clock) as journal, pytest.raises(JournalUnusable):
        run_session(Request(CHECK), rig.driver, journal, [InTheMidst(path.unlink), ledger])

    (unkept,) = tmp_path.glob("j.unkept-*.jsonl")
    lines = [json.loads(line) for line in unkept.read_text().splitlines()]
    first, *rest = [(line["event"], line["at_ms"]) for line in lines]
    shown = [(event.name, event.at_ms) for event in ledger.events]
    assert first not in shown  # nothing is shown that could not be recorded
    assert rest == shown[-len(rest) :]
    names = [name for name, _ in rest]
    assert {"stop_outcome", "state_changed", "session_ended"} <= set(names)
    assert names.count("session_ended") == 1


@pytest.mark.hazard("H-15")
@pytest.mark.parametrize("happens", HAPPENS)
def test_a_file_that_changes_under_a_session_ends_its_output(
    tmp_path: Path, happens: Callable[[Path], None]
) -> None:
    rig, ledger = Rig(), Ledger()
    (tmp_path / "folder").mkdir()
    path = tmp_path / "folder" / "j"

    with Journal.open(path, rig.clock) as journal, pytest.raises(JournalUnusable) as failed:
        run_session(Request(CHECK), rig.driver, journal, [InTheMidst(lambda: happens(path)), ledger])

    assert rig.unit.output == 0
    assert rig.controller.output_off() is OffConfirmation.CONFIRMED
    assert to_json(ledger.events[-1])["outcome"] == "failed"
    unkept = Path(failed.value.action.rsplit(" ", 1)[1].rstrip("."))
    told = [json.loads(line) for line in unkept.read_text().splitlines()]
    unkept.unlink()
    assert told[-1]["event"] == "session_ended"
    assert told[-1]["session"] == to_json(ledger.events[-1])["session"]
    assert told[-1]["delivered_ms"] == rig.unit.delivered_ms


def test_what_could_not_be_kept_is_beside_the_journal_and_the_users_alone(tmp_path: Path) -> None:
    rig, path = Rig(), tmp_path / "j"

    with Journal.open(path, rig.clock) as journal, pytest.raises(JournalUnusable) as failed:
        run_session(Request(CHECK), rig.driver, journal, [InTheMidst(path.unlink)])

    (unkept,) = tmp_path.glob("j.unkept-*.jsonl")
    assert str(unkept) in failed.value.action
    assert stat.S_IMODE(unkept.stat().st_mode) == 0o600


class AtTheEnd:
    """An observer that does something when the session's output is known to be off."""

    def __init__(self, action: Callable[[], object]) -> None:
        self._action = action

    def on_event(self, event: Event) -> None:
        if event.name == "stop_outcome":
            self._action()


@pytest.mark.hazard("H-15")
@pytest.mark.parametrize("happens", HAPPENS)
def test_no_session_ends_well_whose_entries_are_not_on_the_disk(
    tmp_path: Path, happens: Callable[[Path], None]
) -> None:
    rig = Rig()
    (tmp_path / "folder").mkdir()
    path = tmp_path / "folder" / "j"

    with Journal.open(path, rig.clock) as journal, pytest.raises(JournalUnusable):
        run_session(Request(CHECK), rig.driver, journal, [AtTheEnd(lambda: happens(path))])


def test_a_session_beside_a_reader_and_a_writer_is_kept(tmp_path: Path) -> None:
    rig, path = Rig(), tmp_path / "j"

    def beside() -> None:
        made(path, 5)
        session(path)

    with Journal.open(path, rig.clock) as journal:
        ended = run_session(Request(CHECK), rig.driver, journal, [InTheMidst(beside)])

    assert ended.outcome == "completed"
    assert verify(path).whole
