"""A journal in which anything may stand: every reader says that it is damaged, and none falls over it."""

from __future__ import annotations

import json
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from device.clock import BootTime, VirtualClock
from physioctl.cli import call
from physioctl.errors import JournalUnusable
from physioctl.record.entries import COLUMNS
from physioctl.record.history import session, sessions
from physioctl.record.journal import Journal
from physioctl.record.journal_reading import reading
from physioctl.record.journal_schema import body_hash, chained
from physioctl.record.verify import verify
from physioctl.rehearsal.rig import Rig
from physioctl.runner import Request, run_session
from protocols.errors import PhysioctlError, Refused
from tests.physioctl.test_admission import CALF, NO, NOON, gun

_STEP = CALF.steps[0].model_copy(update={"duration_ms": 1000})
SHORT = CALF.model_copy(update={"steps": (_STEP,)})
NUMBERS = ["1e400", "-1e400", "NaN", "Infinity", "9" * 400, "1.5", "true", "-1", str(2**63), "null"]
TEXTS = ["", "\x1b[2J", "\udc80", "x" * 5000, "0001-01-01T00:00:00.000+00:00", "banana", "[" * 100_000]


def asked_for() -> Request:
    return Request(SHORT, "left", "P-017", NO)


@pytest.fixture(scope="module")
def pristine(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two sessions of one person on a unit that counts, and one of a simulated unit."""
    path = tmp_path_factory.mktemp("journal") / "j"
    with Journal.open(path, VirtualClock(NOON)) as journal:
        first = run_session(asked_for(), gun().driver, journal)
        run_session(asked_for(), Rig("ultragun").driver, journal)
        assert first.outcome == "completed"
    return path


def rechained(connection: sqlite3.Connection) -> None:
    """Work out every hash anew, as somebody would who forges more than one value."""
    prev = "0" * 64
    for row in connection.execute(f"{COLUMNS} ORDER BY entries.seq").fetchall():
        seq, session_, utc, at_ms, name, _, _, _, salt, body = row
        try:
            of_body = body_hash(salt, body)
            hash_ = chained(seq, session_, utc, at_ms, name, of_body, prev)
        except (TypeError, ValueError, AttributeError):
            break
        values = (of_body, prev, hash_, seq)
        connection.execute("UPDATE entries SET body_hash = ?, prev = ?, hash = ? WHERE seq = ?", values)
        connection.execute("UPDATE head SET hash = ?", (hash_,))
        prev = hash_


def without_rules(path: Path, *changes: tuple[str, tuple[object, ...]]) -> None:
    """Change a journal behind its rules, and work its hashes out anew."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("PRAGMA synchronous = OFF")
        connection.execute("BEGIN")
        rules = connection.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'").fetchall()
        for name, _ in rules:
            connection.execute(f"DROP TRIGGER {name}")
        for statement, values in changes:
            connection.execute(statement, values)
        rechained(connection)
        for _, rule in rules:
            connection.execute(rule)
        connection.execute("COMMIT")


def every_reader(path: Path) -> Iterator[str]:
    """Run all that reads; what it says of a journal it cannot use."""

    def asked() -> None:
        with Journal.open(path, VirtualClock(NOON)) as journal:
            run_session(asked_for(), gun().driver, journal)

    def rest() -> None:
        with Journal.open(path, VirtualClock(NOON)) as journal:
            request = replace(asked_for(), rest_of=session(journal).summary.id)
            run_session(request, Rig("ultragun").driver, journal)

    yield "" if verify(path).whole else "not whole"
    for reader in (
        lambda: sessions(path),
        lambda: sessions(path, "P-017"),
        lambda: session(path),
        asked,
        rest,
    ):
        try:
            reader()
        except PhysioctlError as error:
            yield str(error)


COLUMNS_OF = {
    "entries": ("session", "utc", "at_ms", "name", "body_hash", "prev", "hash"),
    "bodies": ("salt", "body"),
    "head": ("seq", "hash"),
    "sessions": ("session", "seq", "person", "body_site", "unit", "rest_of", "simulated", "ended", "settled"),
    "protocols": ("content_hash", "seq"),
}
PLACES = [(table, column) for table, columns in COLUMNS_OF.items() for column in columns]
VALUES = (
    st.none() | st.integers(-(2**63), 2**63 - 1) | st.floats() | st.binary(max_size=20)
    | st.text(st.characters(exclude_categories=["Cs"]), max_size=20) | st.sampled_from(TEXTS[:2])
)  # fmt: skip


@pytest.mark.hazard("H-20")
@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(place=st.sampled_from(PLACES), value=VALUES, row=st.integers(0, 60))
@example(place=("entries", "utc"), value="0001-01-01T00:00:00.000+00:00", row=0)
@example(place=("entries", "at_ms"), value="soon", row=0)
@example(place=("bodies", "body"), value="[" * 100_000, row=0)
@example(place=("sessions", "seq"), value=2**62, row=0)
def test_whatever_stands_in_a_column_every_reader_ends_in_words(
    pristine: Path, tmp_path: Path, place: tuple[str, str], value: object, row: int
) -> None:
    table, column = place
    path = Path(shutil.copy(pristine, tmp_path / "j"))
    some_row = f"(SELECT rowid FROM {table} LIMIT 1 OFFSET ? % (SELECT count(*) FROM {table}))"
    try:
        without_rules(path, (f"UPDATE {table} SET {column} = ? WHERE rowid = {some_row}", (value, row)))
    except sqlite3.IntegrityError:
        return  # the table itself does not take it

    said = list(every_reader(path))

    assert all(said[1:])


def fields_of(path: Path, name: str) -> list[str]:
    with reading(path) as connection:
        (body,) = connection.execute(
            "SELECT body FROM entries JOIN bodies USING (seq) WHERE name = ? LIMIT 1", (name,)
        ).fetchone()
    return list(json.loads(body))


EVENTS = ("session_started", "session_ended", "progress", "step_ended", "commanded", "protocol_kept")


@pytest.mark.hazard("H-20")
@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    name=st.sampled_from(EVENTS),
    field=st.integers(0, 40),
    value=st.sampled_from([*NUMBERS, *map(json.dumps, TEXTS[:6]), "{}", "[[]]", '{"a": {"a": {}}}']),
)
def test_whatever_stands_in_a_body_every_reader_ends_in_words(
    pristine: Path, tmp_path: Path, name: str, field: int, value: str
) -> None:
    fields = fields_of(pristine, name)
    key = fields[field % len(fields)]
    path = Path(shutil.copy(pristine, tmp_path / "j"))
    with reading(path) as connection:
        rows = connection.execute(
            "SELECT seq, body FROM entries JOIN bodies USING (seq) WHERE name = ?", (name,)
        ).fetchall()
    forged = []
    for seq, body in rows:
        told = json.loads(body) | {key: "@"}
        forged.append(
            ("UPDATE bodies SET body = ? WHERE seq = ?", (json.dumps(told).replace('"@"', value), seq))
        )
    without_rules(path, *forged)

    assert all(list(every_reader(path))[1:])


@pytest.mark.parametrize(
    "command", [["verify"], ["history"], ["show"], ["show", "--all"], ["show", "--json"]]
)
@pytest.mark.parametrize("value", ["1e400", "9" * 400, "[" * 2000 + "]" * 2000, "NaN", '"\\ud800"'])
def test_a_tampered_value_gives_no_traceback_at_the_command_line(
    pristine: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], command: list[str], value: str
) -> None:
    path = Path(shutil.copy(pristine, tmp_path / "j"))
    body = f'{{"delivered_ms": {value}, "step": 1}}'
    statement = (
        "UPDATE bodies SET body = ? WHERE seq = (SELECT max(seq) FROM entries WHERE name = 'step_ended')"
    )
    without_rules(path, (statement, (body,)))

    code = call([*command, "--journal", str(path)])

    assert code == 9 or command == ["verify"]
    assert "Traceback" not in capsys.readouterr().err


def test_an_event_of_an_unknown_name_is_shown_and_no_damage(
    pristine: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = Path(shutil.copy(pristine, tmp_path / "j"))
    without_rules(path, ("UPDATE entries SET name = 'of_a_later_version' WHERE name = 'screened'", ()))

    assert verify(path).whole
    assert call(["show", "--journal", str(path)]) == 0
    assert "of a later version" in capsys.readouterr().out


@pytest.fixture(scope="module")
def full_day(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two sessions of one person: the site is full."""
    path = tmp_path_factory.mktemp("full") / "j"
    with Journal.open(path, VirtualClock(NOON)) as journal:
        for _ in range(2):
            run_session(asked_for(), gun().driver, journal)
    return path


@pytest.mark.hazard("H-03")
@pytest.mark.hazard("H-20")
@pytest.mark.parametrize(
    "change",
    [
        "UPDATE sessions SET simulated = 1", "UPDATE sessions SET person = 'x'",
        "UPDATE sessions SET body_site = 'thigh'", "UPDATE sessions SET session = session || 'x'",
        "UPDATE sessions SET seq = -seq", "UPDATE sessions SET seq = (SELECT min(seq) FROM sessions)",
        "UPDATE sessions SET rest_of = 'q'", "UPDATE sessions SET unit = 'q'",
        "UPDATE sessions SET unit = '[1, 2]'", "DELETE FROM sessions",
        "UPDATE sessions SET seq = 'abc' WHERE seq > 5",
    ],
)  # fmt: skip
def test_a_table_of_sessions_that_differs_from_the_entries_is_believed_by_nobody(
    full_day: Path, tmp_path: Path, change: str
) -> None:
    path = Path(shutil.copy(full_day, tmp_path / "j"))
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute(change)

    for reader in (lambda: Journal.open(path, VirtualClock(NOON)), lambda: sessions(path, "P-017")):
        with pytest.raises(JournalUnusable, match="table of sessions does not agree"):
            reader()


@pytest.mark.hazard("H-20")
@pytest.mark.parametrize("hashes", ["as they were", "worked out anew"])
def test_an_end_of_a_session_that_bears_another_name_is_damage(
    pristine: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], hashes: str
) -> None:
    path = Path(shutil.copy(pristine, tmp_path / "j"))
    with reading(path) as connection:
        ended, started = (
            connection.execute(f"SELECT {which}(seq) FROM entries WHERE name = ?", (name,)).fetchone()[0]
            for which, name in (("min", "session_ended"), ("min", "session_started"))
        )
    renamed = "UPDATE entries SET name = 'session_ending' WHERE seq = ?"
    if hashes == "worked out anew":
        without_rules(path, (renamed, (ended,)))
    else:
        with closing(sqlite3.connect(path, isolation_level=None)) as connection:
            (rule,) = connection.execute(
                "SELECT sql FROM sqlite_master WHERE name = 'entries_never_change'"
            ).fetchone()
            connection.execute("DROP TRIGGER entries_never_change")
            connection.execute(renamed, (ended,))
            connection.execute(rule)

    code = call(["history", "--journal", str(path)])

    damaged = started if hashes == "worked out anew" else ended
    assert code == 9
    assert f"entry {damaged}: " in capsys.readouterr().err


def index_pages(path: Path) -> dict[str, int]:
    with closing(sqlite3.connect(path)) as connection:
        rows = connection.execute("SELECT name, rootpage FROM sqlite_master WHERE type = 'index'")
        return dict(rows.fetchall())


def had(path: Path) -> int:
    with Journal.open(path, VirtualClock(NOON)) as journal, pytest.raises(Refused, match="24 hours"):
        run_session(asked_for(), gun().driver, journal)
    return 2


@pytest.mark.hazard("H-03")
@pytest.mark.hazard("H-20")
def test_a_struck_bit_in_an_index_makes_no_session_forgotten(full_day: Path, tmp_path: Path) -> None:
    content, pages = full_day.read_bytes(), index_pages(full_day)
    path, size = tmp_path / "j", 4096
    for name, page in pages.items():
        start = (page - 1) * size
        used = [at for at in range(start, start + size) if content[at]]
        for at in (*used[:12], *used[-40::5]):
            struck = bytearray(content)
            struck[at] ^= 1 << at % 8
            for old in tmp_path.iterdir():
                old.unlink()
            path.write_bytes(struck)
            readers: tuple[Callable[[], int], ...] = (
                lambda: len(sessions(path)),
                lambda: len(sessions(path, "P-017")),
                lambda: len(session(path).entries) and 2,
                lambda: had(path),
            )
            for reader in readers:
                try:
                    found = reader()
                except JournalUnusable:
                    continue
                assert found == 2, (name, at - start)


@pytest.mark.hazard("H-20")
@pytest.mark.parametrize(
    ("key", "value"), [("boot_utc_ms", 2**53), ("rest_of", "\ud800"), ("title", "\ud800")]
)
def test_a_value_that_cannot_be_meant_is_damage(
    full_day: Path, tmp_path: Path, key: str, value: object
) -> None:
    path = Path(shutil.copy(full_day, tmp_path / "j"))
    started = "SELECT seq, body FROM entries JOIN bodies USING (seq) WHERE name = 'session_started'"
    with reading(path) as connection:
        bodies = connection.execute(started).fetchall()
    forged = [
        (json.dumps(json.loads(body) | {"boot_id": "one", "boot_utc_ms": None, key: value}), seq)
        for seq, body in bodies
    ]
    without_rules(path, *(("UPDATE bodies SET body = ? WHERE seq = ?", each) for each in forged))

    with pytest.raises(JournalUnusable), Journal.open(path, BootedClock(NOON)) as journal:
        run_session(asked_for(), gun().driver, journal)


class BootedClock(VirtualClock):
    """A clock of a computer that was started an hour ago."""

    def boot(self) -> BootTime | None:
        return BootTime("one", 3_600_000)


def test_damage_is_named_with_its_entry(pristine: Path, tmp_path: Path) -> None:
    ended = "SELECT max(seq) FROM entries WHERE name = 'session_ended'"
    path = Path(shutil.copy(pristine, tmp_path / "j"))
    body = json.dumps({"session": "x"})
    without_rules(path, (f"UPDATE bodies SET body = ? WHERE seq = ({ended})", (body,)))

    with pytest.raises(JournalUnusable, match=r"entry \d+: its .* is not a"):
        sessions(path)
