"""What was done to a journal behind its back, and how it is told. Every attack really changes the file."""

from __future__ import annotations

import random
import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from device.clock import VirtualClock
from device.events import OperatorActed
from physioctl.errors import JournalUnusable
from physioctl.record.history import sessions
from physioctl.record.journal import Journal
from physioctl.record.journal_reading import reading
from physioctl.record.journal_schema import body_hash, chained
from physioctl.record.verify import Verification, verify

ENTRIES = 40


@pytest.fixture(scope="module")
def pristine(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("journal") / "j"
    with Journal.open(path, VirtualClock()) as journal:
        for number in range(ENTRIES):
            journal.begin("s").record(OperatorActed(at_ms=number, action=f"act {number} " + "words " * 40))
    return path


@pytest.fixture
def path(pristine: Path, tmp_path: Path) -> Path:
    return Path(shutil.copy(pristine, tmp_path / "j"))


RULES_OFF = [
    "DROP TRIGGER entries_follow_the_head", "DROP TRIGGER entries_move_the_head",
    "DROP TRIGGER entries_never_change", "DROP TRIGGER entries_never_go", "DROP TRIGGER head_never_goes",
    "DROP TRIGGER bodies_never_change", "DROP TRIGGER bodies_go_only_when_an_entry_says_so",
    "DROP TRIGGER bodies_belong_to_the_last_entry",
]  # fmt: skip


def sql(*statements: str) -> Callable[[Path], None]:
    """Change the file by SQL, its rules taken off before and put back after, as a careful hand would."""

    def change(path: Path) -> None:
        connection = sqlite3.connect(path, isolation_level=None)
        rules = [row[0] for row in connection.execute("SELECT sql FROM sqlite_master WHERE type = 'trigger'")]
        for statement in (*RULES_OFF, *statements, *rules):
            connection.execute(statement)
        connection.close()

    return change


def dropped(table: str) -> Callable[[Path], None]:
    """Take a whole table out of the file, and its rules with it."""

    def change(path: Path) -> None:
        connection = sqlite3.connect(path, isolation_level=None)
        connection.execute("DROP TRIGGER entries_never_go")
        connection.execute("DROP TRIGGER head_never_goes")
        connection.execute(f"DROP TABLE {table}")
        connection.close()

    return change


def forged(path: Path, seq: int) -> None:
    """Rewrite an entry with fresh hashes of its own, and leave the head and those after it as they were."""
    with reading(path) as connection:
        row = connection.execute("SELECT * FROM entries WHERE seq = ?", (seq,)).fetchone()
        (salt,) = connection.execute("SELECT salt FROM bodies WHERE seq = ?", (seq,)).fetchone()
    body = '{"action":"nothing"}'
    made = (*row[:5], body_hash(salt, body), row[6])
    sql(
        f"UPDATE bodies SET body = '{body}' WHERE seq = {seq}",
        f"UPDATE entries SET body_hash = '{made[5]}', hash = '{chained(*made)}' WHERE seq = {seq}",
    )(path)


def rewritten_last(path: Path) -> None:
    forged(path, ENTRIES)


def rewritten(path: Path) -> None:
    forged(path, 10)


def struck_index(path: Path) -> None:
    """One letter in the index by which sessions are found."""
    with reading(path) as connection:
        (page,) = connection.execute(
            "SELECT rootpage FROM sqlite_master WHERE name = 'entries_by_session'"
        ).fetchone()
    data = bytearray(path.read_bytes())
    data[data.index(b"operator_acted", (page - 1) * 4096)] ^= 1
    path.write_bytes(data)


def cut(path: Path) -> None:
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])


def struck_page(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[4096 * 19 : 4096 * 19 + 200] = bytes(200)  # of the entries
    path.write_bytes(data)


SWAP = [
    f"UPDATE entries SET seq = {after} WHERE seq = {before}" for before, after in ((7, 99), (8, 7), (99, 8))
]
CHANGES: dict[str, tuple[Callable[[Path], object], int | None, str]] = {
    "a word changed": (sql("UPDATE bodies SET body = replace(body, '9', '8') WHERE seq = 10"), 10, "hash"),
    "a time changed": (sql("UPDATE entries SET at_ms = 5 WHERE seq = 1"), 1, "hash"),
    "a date changed": (sql("UPDATE entries SET utc = '2025-01-01' WHERE seq = 40"), 40, "hash"),
    "a name changed": (sql("UPDATE entries SET name = 'stop_outcome' WHERE seq = 3"), 3, "hash"),
    "a session changed": (sql("UPDATE entries SET session = 't' WHERE seq = 3"), 3, "hash"),
    "a hash changed": (sql("UPDATE entries SET hash = prev WHERE seq = 12"), 12, "hash"),
    "text made bytes": (sql("UPDATE bodies SET body = CAST(body AS BLOB) WHERE seq = 6"), 6, "hash"),
    "text made no text": (sql("UPDATE bodies SET body = CAST(x'ff' AS TEXT) WHERE seq = 6"), 6, "UTF-8"),
    "a row removed": (sql("DELETE FROM entries WHERE seq = 21"), 21, "missing"),
    "the first row removed": (sql("DELETE FROM entries WHERE seq = 1"), 1, "missing"),
    "two rows exchanged": (sql(*SWAP), 7, "hash"),
    "a row put before the first": (
        sql(
            "INSERT INTO entries "
            "SELECT 0, session, utc, at_ms, name, body_hash, prev, hash FROM entries LIMIT 1"
        ),
        1,
        "missing",
    ),
    "the last rows cut off": (sql("DELETE FROM entries WHERE seq > 35"), 36, "went on to entry 40"),
    "every row cut off": (sql("DELETE FROM entries"), 1, "went on to entry 40"),
    "the last row rewritten, hash and all": (rewritten_last, 41, "head does not agree"),
    "an entry rewritten, hash and all": (rewritten, 11, "does not follow from the entry before"),
    "an index struck": (struck_index, None, "the file around them is damaged"),
    "an older format": (sql("PRAGMA user_version = 0"), None, "rules"),
    "the head moved back": (
        sql("UPDATE head SET seq = 35, hash = (SELECT hash FROM entries WHERE seq = 35)"),
        41,
        "head does not agree",
    ),
    "the head removed": (sql("DELETE FROM head"), 41, "head is missing"),
    "the head's table removed": (dropped("head"), 41, "no such table: head"),
    "the entries' table removed": (dropped("entries"), 1, "no such table: entries"),
    "the file cut in half": (cut, 1, "cannot be read"),
    "a page struck": (struck_page, None, "cannot be read"),
    "not a database": (lambda path: path.write_text("Dear diary, " * 500), 1, "not a database"),
    "an empty file": (lambda path: path.write_bytes(b""), 1, "no such table"),
    "a rule taken off": (sql("CREATE TRIGGER more BEFORE INSERT ON head BEGIN SELECT 1; END"), None, "rules"),
}


@pytest.mark.hazard("H-20")
@pytest.mark.parametrize("change", CHANGES)
def test_a_change_is_told_with_the_first_bad_entry(path: Path, change: str) -> None:
    make, first_bad, why = CHANGES[change]
    make(path)

    verification = verify(path)

    assert not verification.whole
    assert why in verification.why
    if first_bad is not None:
        assert verification.first_bad == first_bad
        assert verification.entries == first_bad - 1


@pytest.mark.parametrize("reader", [verify, sessions, lambda path: Journal.open(path, VirtualClock())])
def test_a_newer_format_is_refused_by_every_reader(path: Path, reader: Callable[[Path], object]) -> None:
    sql("PRAGMA user_version = 4")(path)

    with pytest.raises(JournalUnusable, match="is of format 4; this program knows format 3"):
        reader(path)


def test_a_journal_nobody_touched_is_whole(path: Path) -> None:
    with reading(path) as connection:
        (head,) = connection.execute("SELECT hash FROM head").fetchone()

    assert verify(path) == Verification(True, ENTRIES, None, "every entry follows from the one before", head)


def test_a_struck_page_still_tells_what_came_before_it(path: Path) -> None:
    struck_page(path)

    verification = verify(path)

    assert verification.first_bad is not None
    assert 1 < verification.first_bad < ENTRIES


def entries(path: Path) -> list[tuple[object, ...]]:
    with reading(path) as connection:
        return list(connection.execute("SELECT * FROM entries LEFT JOIN bodies USING (seq) ORDER BY seq"))


@pytest.mark.hazard("H-20")
def test_no_struck_bit_changes_an_entry_unnoticed(pristine: Path, tmp_path: Path) -> None:
    whole, before = pristine.read_bytes(), entries(pristine)
    seeded = random.Random(1)
    noticed = 0
    for number in range(400):
        data = bytearray(whole)
        data[seeded.randrange(len(data))] ^= 1 << seeded.randrange(8)
        struck = tmp_path / str(number)
        struck.write_bytes(data)

        verification = verify(struck)

        noticed += not verification.whole
        assert not verification.whole or entries(struck) == before
        assert listed(struck) is not None or not verification.whole
    assert noticed > 100  # the rest fell where no entry is


def listed(path: Path) -> object:
    """What `history` makes of the file; None when it says that it cannot be used."""
    try:
        return sessions(path)
    except JournalUnusable:
        return None


def test_a_bit_struck_in_a_journal_whose_program_was_killed_takes_nothing_away_unnoticed(
    tmp_path: Path,
) -> None:
    journal = Journal.open(tmp_path / "j", VirtualClock())
    for number in range(ENTRIES):
        journal.begin("s").record(OperatorActed(at_ms=number, action="pause"))
    left = {beside: (tmp_path / f"j{beside}").read_bytes() for beside in ("", "-wal")}
    journal.close()
    seeded = random.Random(2)
    for number in range(100):
        killed = tmp_path / f"killed{number}"
        wal = bytearray(left["-wal"])
        wal[seeded.randrange(len(wal))] ^= 1 << seeded.randrange(8)
        killed.write_bytes(left[""])
        Path(f"{killed}-wal").write_bytes(wal)

        verification = verify(killed)

        assert not verification.whole or verification.entries == ENTRIES


@pytest.mark.parametrize("kind", ["missing", "folder"])
def test_only_a_file_that_cannot_be_read_at_all_raises(tmp_path: Path, kind: str) -> None:
    target = {"missing": tmp_path / "nowhere", "folder": tmp_path}[kind]

    with pytest.raises(JournalUnusable):
        verify(target)

    assert not (tmp_path / "nowhere").exists()


FIELDS = st.tuples(
    st.integers(1, 2**40), st.text(), st.text(), st.integers(0, 2**40), st.text(), st.text(), st.text()
)


@given(FIELDS, FIELDS)
def test_entries_that_differ_anywhere_have_hashes_that_differ(
    one: tuple[int, str, str, int, str, str, str], other: tuple[int, str, str, int, str, str, str]
) -> None:
    assert (chained(*one) == chained(*other)) == (one == other)
