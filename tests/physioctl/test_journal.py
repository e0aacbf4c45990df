"""The journal as it is kept: told for good or not at all, by several programs, on disks that fail."""

from __future__ import annotations

import os
import shutil
import sqlite3
import stat
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from device.clock import VirtualClock
from device.events import Event, OperatorActed, Progress
from physioctl.errors import JournalUnusable
from physioctl.record.journal import Journal
from physioctl.record.journal_reading import reading
from physioctl.record.journal_schema import BEFORE_THE_FIRST, body_hash, chained
from physioctl.record.verify import verify
from tests.processes import LIMIT_S, begin, finished

CLOCK = VirtualClock()


def progress(at_ms: int) -> Event:
    return Progress(
        at_ms=at_ms, step=1, remaining_ms=9, state="EMITTING", level_set=440,
        measured_level=438, delivered_ms=at_ms,
        energy_mj=at_ms, head_temp_ddeg_c=312, contact_pct=92, battery_pct=88,
    )  # fmt: skip


def told(path: Path, count: int, session: str = "s") -> None:
    with Journal.open(path, CLOCK) as journal:
        log = journal.begin(session)
        for number in range(count):
            log.record(progress(number))


def entries(path: Path) -> list[tuple[object, ...]]:
    with reading(path) as connection:
        return list(connection.execute("SELECT * FROM entries ORDER BY seq"))


def test_each_entry_carries_the_hash_of_the_one_before(tmp_path: Path) -> None:
    told(tmp_path / "j", 3)

    rows = entries(tmp_path / "j")

    assert [row[0] for row in rows] == [1, 2, 3]
    assert [row[6] for row in rows] == [BEFORE_THE_FIRST, rows[0][7], rows[1][7]]


def test_the_hash_is_the_one_worked_out_by_hand() -> None:
    # (printf '00112233445566778899aabbccddeeff' | xxd -r -p; printf '{"action":"pause"}') | sha256sum
    of_body = body_hash("00112233445566778899aabbccddeeff", '{"action":"pause"}')
    # printf '%s' '[1,"s","2026-01-01T00:00:00.000+00:00",0,"operator_acted","72f7…","000…"]' | sha256sum
    found = chained(1, "s", "2026-01-01T00:00:00.000+00:00", 0, "operator_acted", of_body, BEFORE_THE_FIRST)

    assert of_body == "72f7843c57ad1c5ec3a04d57ce83ddae54bf61b53f994327c20aaf7d209d76f8"
    assert found == "829ed39368b2383c8052c7e9aa81025d2235d01ac17e93ecaf1ab4bd8e02174e"


def test_an_entry_is_on_the_disk_before_record_returns(tmp_path: Path) -> None:
    journal = Journal.open(tmp_path / "j", CLOCK)

    journal.begin("s").record(OperatorActed(at_ms=0, action="pause"))

    with reading(tmp_path / "j") as connection:
        told = connection.execute("SELECT name, body FROM entries JOIN bodies USING (seq)").fetchall()
    assert told == [("operator_acted", '{"action":"pause","by":"operator"}')]
    journal.close()


def test_the_journal_is_the_users_alone(tmp_path: Path) -> None:
    path = tmp_path / "new" / "folder" / "j"
    before = os.umask(0)
    try:
        journal = Journal.open(path, CLOCK, new=True)
        journal.begin("s").record(progress(0))
        modes = {item.name: stat.S_IMODE(item.stat().st_mode) for item in path.parent.iterdir()}
    finally:
        os.umask(before)

    assert modes == {"j": 0o600, "j-wal": 0o600, "j-shm": 0o600}
    assert [stat.S_IMODE(folder.stat().st_mode) for folder in (path.parent, path.parent.parent)] == [
        0o700
    ] * 2
    journal.close()


def test_a_journal_that_others_may_read_is_taken_back(tmp_path: Path) -> None:
    told(tmp_path / "j", 1)
    (tmp_path / "j").chmod(0o644)

    told(tmp_path / "j", 1)

    assert stat.S_IMODE((tmp_path / "j").stat().st_mode) == 0o600


def test_the_disk_is_asked_to_hold_each_entry_before_it_counts(tmp_path: Path) -> None:
    with Journal.open(tmp_path / "j", CLOCK) as journal, journal.reading() as connection:
        pragmas = [
            connection.execute(f"PRAGMA {name}").fetchone()[0]
            for name in ("journal_mode", "synchronous", "user_version")
        ]

    assert pragmas == ["wal", 2, 3]


RULES = [
    "UPDATE entries SET name = 'operator_acted' WHERE seq = 2",
    "UPDATE bodies SET body = '{}' WHERE seq = 2",
    "DELETE FROM entries WHERE seq = 2",
    "DELETE FROM bodies WHERE seq = 2",
    "INSERT INTO bodies VALUES (9, '00', '{}')",
    "DELETE FROM head",
    "INSERT INTO entries VALUES (9, 's', 'u', 0, 'n', 'b', 'p', 'h')",
    "INSERT OR REPLACE INTO entries VALUES (2, 's', 'u', 0, 'n', 'b', 'p', 'h')",
    "INSERT INTO entries VALUES (4, 's', 'u', 0, 'n', 'b', 'not the hash before', 'h')",
]


@pytest.mark.parametrize("statement", RULES)
def test_the_file_itself_refuses_what_is_not_an_entry_at_the_end(tmp_path: Path, statement: str) -> None:
    told(tmp_path / "j", 3)
    before = entries(tmp_path / "j")

    with sqlite3.connect(tmp_path / "j") as connection, pytest.raises(sqlite3.IntegrityError):
        connection.execute(statement)
    connection.close()

    assert entries(tmp_path / "j") == before


def test_two_open_journals_make_one_chain(tmp_path: Path) -> None:
    with Journal.open(tmp_path / "j", CLOCK) as one, Journal.open(tmp_path / "j", CLOCK) as other:
        for number in range(20):
            (one if number % 3 else other).begin(f"s{number % 3}").record(progress(number))

    assert verify(tmp_path / "j").entries == 20
    assert verify(tmp_path / "j").whole


# SQLite serves those who wait in no order: one of them may wait for too long, says so, and asks again.
WRITER = """
import sys
from pathlib import Path
from device.clock import SystemClock
from device.events import OperatorActed
from physioctl.errors import JournalUnusable
from physioctl.record.journal import Journal

def insist(ask):
    while True:
        try:
            return ask()
        except JournalUnusable as error:
            if "another program has held it" not in error.what:
                raise

with insist(lambda: Journal.open(Path(sys.argv[1]), SystemClock())) as journal:
    for number in range(25):
        insist(lambda: journal.append(sys.argv[2], OperatorActed(at_ms=number, action="pause")))
"""


def test_programs_that_begin_at_once_make_one_chain(tmp_path: Path) -> None:
    programs = [begin(tmp_path, tmp_path / "j", f"p{number}", code=WRITER) for number in range(4)]

    said = [program.communicate(LIMIT_S) for program in programs]

    assert said == [("", "")] * 4
    assert [program.returncode for program in programs] == [0] * 4
    assert verify(tmp_path / "j").entries == 100
    assert verify(tmp_path / "j").whole


def test_a_journal_whose_newest_pages_are_being_moved_into_it_is_whole(tmp_path: Path) -> None:
    path, moving = tmp_path / "j", tmp_path / "moving"
    with Journal.open(path, CLOCK) as journal:
        log = journal.begin("s")
        with reading(path) as reader:
            reader.execute("SELECT * FROM entries").fetchall()  # what is written meanwhile stays in the -wal
            for number in range(10):
                log.record(OperatorActed(at_ms=number, action="pause " * 100))
            shutil.copy(path, moving)
            shutil.copy(f"{path}-wal", f"{moving}-wal")
        log.record(OperatorActed(at_ms=10, action="pause"))
    assert path.stat().st_size > moving.stat().st_size
    with path.open("rb") as whole, moving.open("r+b") as file:
        file.write(whole.read(4096))  # it says how many pages there are; the last are not there yet

    with Journal.open(moving, CLOCK) as journal:
        journal.append("s", OperatorActed(at_ms=10, action="pause"))

    assert verify(moving).entries == 11
    assert verify(moving).whole


def test_a_journal_held_by_another_program_is_not_waited_for_without_end(tmp_path: Path) -> None:
    with Journal.open(tmp_path / "j", CLOCK) as journal:
        other = sqlite3.connect(tmp_path / "j", isolation_level=None)
        other.execute("BEGIN IMMEDIATE")

        with pytest.raises(JournalUnusable, match="another program has held it for 2 s"):
            journal.begin("s").record(progress(0))
        other.execute("ROLLBACK")
        other.close()
        journal.begin("s").record(progress(1))

    assert verify(tmp_path / "j").entries == 1


FULL = """
import resource, signal, sys
from pathlib import Path
from device.clock import SystemClock
from device.events import OperatorActed
from physioctl.errors import JournalUnusable
from physioctl.record.journal import Journal

journal = Journal.open(Path(sys.argv[1]), SystemClock())
log = journal.begin("s")
log.record(OperatorActed(at_ms=0, action="pause"))
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (Path(sys.argv[1]).stat().st_size,) * 2)
told = 1
try:
    while True:
        log.record(OperatorActed(at_ms=told, action="pause " * 100))
        told += 1
except JournalUnusable as error:
    print(told, error.what, error.action, sep="\\n")
"""


@pytest.mark.skipif(sys.platform == "win32", reason="no RLIMIT_FSIZE")
def test_a_disk_that_takes_no_more_ends_in_journal_unusable_and_leaves_what_was_told(tmp_path: Path) -> None:
    done = finished(tmp_path, tmp_path / "j", code=FULL)

    told_before, what, action = done.stdout.splitlines()
    assert "disk" in what
    assert "space" in action
    assert verify(tmp_path / "j").whole
    assert verify(tmp_path / "j").entries == int(told_before)


READ_ONLY = """
import os, sys
from pathlib import Path
from device.clock import SystemClock
from physioctl.errors import JournalUnusable
from physioctl.record.journal import Journal
from physioctl.record.verify import verify

path = Path(sys.argv[1])
if os.geteuid() == 0:
    os.setuid(65534)
print(verify(path).entries)
for target in (path, path.with_name("new")):
    try:
        Journal.open(target, SystemClock())
    except JournalUnusable as error:
        print(error.what)
"""


@pytest.fixture
def public_folder() -> Iterator[Path]:
    """A folder that another user can reach, which pytest's own are not."""
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o755)
        yield Path(name)


@pytest.mark.skipif(sys.platform == "win32", reason="no modes")
def test_a_folder_that_may_not_be_written_is_read_and_not_written(public_folder: Path) -> None:
    path = public_folder / "j"
    told(path, 2)
    path.chmod(0o444)
    public_folder.chmod(0o555)

    done = finished(public_folder, path, code=READ_ONLY)

    public_folder.chmod(0o755)
    assert done.stdout.splitlines() == [
        "2",
        f"the journal {path} cannot be used: Permission denied",
        f"the journal {path.with_name('new')} cannot be used: Permission denied",
    ]


def someone_elses(path: Path) -> None:
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE tunes (name TEXT)")
    connection.close()


def newer(path: Path) -> None:
    told(path, 1)
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA user_version = 4")
    connection.close()


UNUSABLE: dict[str, tuple[Callable[[Path], object], str]] = {
    "a text": (lambda path: path.write_text("Dear diary, " * 500), "it is not a journal"),
    "a folder": (lambda path: path.mkdir(), "it is not a file"),
    "another program's database": (someone_elses, "not a journal of physioctl's"),
    "a newer format": (newer, "is of format 4; this program knows format 3"),
}


@pytest.mark.parametrize("kind", UNUSABLE)
def test_a_file_that_is_no_journal_is_refused_and_left_as_it_was(tmp_path: Path, kind: str) -> None:
    make, what = UNUSABLE[kind]
    make(tmp_path / "j")
    before = (tmp_path / "j").read_bytes() if (tmp_path / "j").is_file() else None

    with pytest.raises(JournalUnusable, match=what) as caught:
        Journal.open(tmp_path / "j", CLOCK)

    assert "--journal" in caught.value.action
    assert before is None or (tmp_path / "j").read_bytes() == before


def test_a_journal_below_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")

    with pytest.raises(JournalUnusable, match="cannot be used"):
        Journal.open(tmp_path / "file" / "j", CLOCK)


def test_a_rehearsals_journal_is_verified_like_any_other() -> None:
    with Journal.in_memory(CLOCK) as journal:
        for number in range(5):
            journal.begin("s").record(progress(number))

        verification = verify(journal)

    assert verification.whole
    assert verification.entries == 5


def test_what_python_holds_and_no_file_can_is_still_told(tmp_path: Path) -> None:
    with Journal.open(tmp_path / "j", CLOCK) as journal:
        journal.begin("s").record(OperatorActed(at_ms=0, action="a lone surrogate \udc80, a NUL \0 and ²"))

    assert verify(tmp_path / "j").whole
