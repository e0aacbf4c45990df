"""The journal: every event of every session, each entry carrying the hash of the one before.

It is a witness: told before bytes leave, and whoever cannot tell it gives no output. An entry is one
committed transaction on the disk. The journal can show that it was changed; it cannot prevent it, and
it never learns what an event means.
"""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from hashlib import sha256
from pathlib import Path
from types import TracebackType
from typing import TypeAlias

from device.clock import Clock
from device.events import Event
from physioctl.errors import JournalUnusable

FORMAT = 1
BUSY_S = 2.0  # how long another program may hold the journal
BEFORE_THE_FIRST = "0" * 64

# The rules stand in the file itself, so that no other program breaks them by accident. The head tells
# where the chain ends: without it, cutting off the last entries would leave a shorter, flawless chain.
_SCHEMA = """
CREATE TABLE entries (
    seq INTEGER PRIMARY KEY, session TEXT NOT NULL, utc TEXT NOT NULL, at_ms INTEGER NOT NULL,
    name TEXT NOT NULL, body TEXT NOT NULL, prev TEXT NOT NULL, hash TEXT NOT NULL
);
CREATE TABLE head (one INTEGER PRIMARY KEY CHECK (one = 1), seq INTEGER NOT NULL, hash TEXT NOT NULL);
CREATE INDEX entries_by_session ON entries (session, name, seq);
CREATE INDEX sessions_by_start ON entries (seq) WHERE name = 'session_started';
CREATE TRIGGER entries_follow_the_head BEFORE INSERT ON entries
    WHEN NEW.seq <> (SELECT seq + 1 FROM head) OR NEW.prev <> (SELECT hash FROM head)
    BEGIN SELECT RAISE(ABORT, 'an entry is added at the end'); END;
CREATE TRIGGER entries_move_the_head AFTER INSERT ON entries
    BEGIN UPDATE head SET seq = NEW.seq, hash = NEW.hash; END;
CREATE TRIGGER entries_never_change BEFORE UPDATE ON entries
    BEGIN SELECT RAISE(ABORT, 'an entry is never changed'); END;
CREATE TRIGGER entries_never_go BEFORE DELETE ON entries
    BEGIN SELECT RAISE(ABORT, 'an entry is never removed'); END;
CREATE TRIGGER head_never_goes BEFORE DELETE ON head
    BEGIN SELECT RAISE(ABORT, 'the head is never removed'); END;
INSERT INTO head VALUES (1, 0, '0000000000000000000000000000000000000000000000000000000000000000');
PRAGMA user_version = 1;
"""

Schema: TypeAlias = frozenset[tuple[str, str | None]]

canonical = json.JSONEncoder(sort_keys=True, separators=(",", ":"), allow_nan=False).encode


def chained(seq: int, session: str, utc: str, at_ms: int, name: str, body: str, prev: str) -> str:
    """The hash of an entry: SHA-256 over the canonical JSON array of everything else in it."""
    return sha256(canonical((seq, session, utc, at_ms, name, body, prev)).encode()).hexdigest()


def default_path() -> Path:
    """Where the journal is when nobody says otherwise: the user's data directory."""
    from platformdirs import user_data_path  # only a session on the default path pays for it

    return user_data_path("physioctl", appauthor=False) / "journal.sqlite"


class Journal:
    """An open journal, to which sessions are told. Several programs may have one open at a time."""

    def __init__(self, connection: sqlite3.Connection, clock: Clock, name: str) -> None:
        self._connection = connection
        self._clock = clock
        self.name = name  # its path, as errors call it

    @classmethod
    def open(cls, path: Path | None, clock: Clock) -> Journal:
        """The journal at ``path`` (by default the user's own), made when there is none yet."""
        path = path or default_path()
        with plainly(str(path)):
            _make_private(path)
            connection = sqlite3.connect(path, timeout=BUSY_S, isolation_level=None)
            try:
                _prepare(connection, str(path))
            except BaseException:
                connection.close()
                raise
        return cls(connection, clock, str(path))

    @classmethod
    def in_memory(cls, clock: Clock) -> Journal:
        """A journal with every rule of one on the disk, gone when it is closed: for rehearsals."""
        connection = sqlite3.connect(":memory:", isolation_level=None)
        connection.executescript(_SCHEMA)
        return cls(connection, clock, "in memory")

    def begin(self, session: str) -> SessionLog:
        """The witness of one session. An id that is already in the journal is taken up again."""
        return SessionLog(self, session)

    def append(self, session: str, event: Event) -> None:
        """Add ``event`` for good, or raise `JournalUnusable` and leave the journal as it was."""
        body = event.as_json()
        name, at_ms = body.pop("event"), body.pop("at_ms")
        utc = self._clock.utc().isoformat(timespec="milliseconds")
        connection = self._connection
        try:
            # IMMEDIATE: another program may append too, so nobody may write between the head and the entry.
            connection.execute("BEGIN IMMEDIATE")
            last, prev = connection.execute("SELECT seq, hash FROM head").fetchone()
            entry = (last + 1, session, utc, at_ms, name, canonical(body), prev)
            connection.execute(
                "INSERT INTO entries VALUES (?, ?, ?, ?, ?, ?, ?, ?)", (*entry, chained(*entry))
            )
            connection.execute("COMMIT")
        except (sqlite3.Error, OSError) as error:
            raise _unusable(self.name, error) from error
        finally:
            # Whatever broke off the entry is the error to report; SQLite undoes the rest when it reopens.
            with suppress(sqlite3.Error):
                if connection.in_transaction:
                    connection.execute("ROLLBACK")

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """The journal's own connection, to read back what was told."""
        with plainly(self.name):
            yield self._connection

    def close(self) -> None:
        """Let go of the file. Every entry has long been on the disk."""
        self._connection.close()

    def __enter__(self) -> Journal:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class SessionLog:
    """The witness of one session: tells the journal, under the session's id."""

    def __init__(self, journal: Journal, session: str) -> None:
        self._journal = journal
        self.session = session

    def tell(self, event: Event) -> None:
        """Take ``event`` down for good, or raise `JournalUnusable`."""
        self._journal.append(self.session, event)


@contextmanager
def reading(where: Path | Journal) -> Iterator[sqlite3.Connection]:
    """A connection that can change nothing, seeing one moment of the journal throughout."""
    if isinstance(where, Journal):
        with where.reading() as connection:
            yield connection
        return
    name = str(where)
    if not where.is_file():
        there = "it is not a file" if where.exists() else "there is no such file"
        raise JournalUnusable(
            f"the journal {name} cannot be read: {there}", "Name another with --journal FILE."
        )
    with plainly(name):
        connection = _connect_read_only(where)
        try:
            connection.execute("BEGIN")
            yield connection
        finally:
            connection.close()


@contextmanager
def plainly(name: str) -> Iterator[None]:
    """Turn whatever SQLite or the operating system raises into `JournalUnusable`."""
    try:
        yield
    except (sqlite3.Error, OSError) as error:
        raise _unusable(name, error) from error


def schema_of(connection: sqlite3.Connection) -> Schema:
    """The tables, indexes and rules of a database, as it keeps them."""
    return frozenset(connection.execute("SELECT name, sql FROM sqlite_master"))


@cache
def schema_expected() -> Schema:
    """The tables, indexes and rules of a journal of this format."""
    connection = sqlite3.connect(":memory:")
    try:
        connection.executescript(_SCHEMA)
        return schema_of(connection)
    finally:
        connection.close()


def _make_private(path: Path) -> None:
    """Make the file, and the folders above it that are missing, the user's alone.

    SQLite gives the files it lays beside a database (-wal, -shm) the mode of the database itself.
    """
    for folder in reversed([folder for folder in path.parents if not folder.exists()]):
        folder.mkdir(mode=0o700, exist_ok=True)
    if path.exists() and not path.is_file():
        raise JournalUnusable(f"the journal {path} cannot be used: it is not a file", _ELSEWHERE)
    os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
    for beside in ("", "-wal", "-shm"):
        with suppress(FileNotFoundError):
            Path(f"{path}{beside}").chmod(0o600)


def _prepare(connection: sqlite3.Connection, name: str) -> None:
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if version > FORMAT:
        raise JournalUnusable(
            f"the journal {name} is of format {version}; this program knows format {FORMAT}",
            "Use the newer physioctl that wrote it, or name another with --journal FILE.",
        )
    # Somebody else's database is left exactly as it was: it is looked at before anything is set.
    if schema_of(connection) not in (frozenset(), schema_expected()):
        raise JournalUnusable(f"{name} is a database, and not a journal of physioctl's", _ELSEWHERE)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    # Each entry goes into the file proper at once: what waits in the -wal is dropped in silence by
    # SQLite when a bit of it is struck, the head with it, and nobody could tell.
    connection.execute("PRAGMA wal_autocheckpoint = 1")
    connection.execute("BEGIN IMMEDIATE")
    if schema_of(connection):  # another program may have made it since we looked
        connection.execute("ROLLBACK")
    else:
        for statement in _statements(_SCHEMA):
            connection.execute(statement)
        connection.execute("COMMIT")


def _statements(script: str) -> Iterator[str]:
    """The statements of ``script``. `executescript` would commit a transaction that is under way."""
    held = ""
    for line in script.splitlines(keepends=True):
        held += line
        if sqlite3.complete_statement(held):
            yield held.strip()
            held = ""


def _connect_read_only(path: Path) -> sqlite3.Connection:
    uri = path.resolve().as_uri()
    connection = sqlite3.connect(f"{uri}?mode=ro", uri=True, timeout=BUSY_S, isolation_level=None)
    try:
        connection.execute("PRAGMA schema_version")
    except sqlite3.OperationalError:
        connection.close()
        if Path(f"{path}-wal").exists():
            raise
        # A copy in a folder nobody may write to: SQLite cannot lay its -shm there, and nobody writes.
        connection = sqlite3.connect(f"{uri}?immutable=1", uri=True, isolation_level=None)
    except sqlite3.DatabaseError:
        connection.close()
        raise
    return connection


_ELSEWHERE = "Name another with --journal FILE; this one was left as it is."
_TROUBLES = {
    "SQLITE_FULL": (
        "the disk is full",
        "Free some space, or name a journal on another disk with --journal FILE.",
    ),
    "SQLITE_IOERR": (
        "the disk cannot be written or read",
        "See to the disk and its free space, or name a journal on another with --journal FILE.",
    ),
    "SQLITE_READONLY": (
        "it may not be written",
        "Get the right to write there, or name another with --journal FILE.",
    ),
    "SQLITE_CANTOPEN": (
        "it cannot be opened",
        "See that the folder may be written, or name another with --journal FILE.",
    ),
    "SQLITE_BUSY": (
        f"another program has held it for {BUSY_S:.0f} s",
        "Close that program, and start again.",
    ),
    "SQLITE_NOTADB": ("it is not a journal", _ELSEWHERE),
    "SQLITE_ERROR": ("it is not a journal", _ELSEWHERE),  # a database without our tables
    "SQLITE_CORRUPT": (
        "it is damaged",
        "Keep the file, see `physioctl verify`, and name a new one with --journal FILE.",
    ),
}


def _unusable(name: str, error: sqlite3.Error | OSError) -> JournalUnusable:
    if isinstance(error, OSError):
        why, to_do = (
            error.strerror or str(error),
            "See that it may be written, or name another with --journal FILE.",
        )
        return JournalUnusable(f"the journal {name} cannot be used: {why}", to_do)
    code = getattr(error, "sqlite_errorname", "")
    why, to_do = next(
        (trouble for kind, trouble in _TROUBLES.items() if code.startswith(kind)),
        (str(error), "See `physioctl verify`, or name another with --journal FILE."),
    )
    return JournalUnusable(f"the journal {name} cannot be used: {why}", to_do)
