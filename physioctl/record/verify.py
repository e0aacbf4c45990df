"""Whether a journal is whole: every hash worked out again, from the first entry to the head.

It says where a journal stops being one. It cannot say who changed it, or what stood there before.
"""

from __future__ import annotations

import re
import sqlite3
from dataclasses import asdict, dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

from physioctl.errors import InvalidUsage, JournalUnusable
from physioctl.record.entries import COLUMNS, Damaged, content, erased_by, flaw
from physioctl.record.journal import Journal
from physioctl.record.journal_reading import reading
from physioctl.record.journal_schema import (
    APPLICATION_ID,
    BEFORE_THE_FIRST,
    FORMAT,
    SCHEMA,
    marks_of,
    schema_expected,
    schema_of,
)
from physioctl.record.sessions_table import DERIVED_FROM, derive, needs_body


@dataclass(frozen=True, slots=True)
class Verification:
    """Whether a journal is whole; when it is not, the first entry that cannot be relied on."""

    whole: bool
    entries: int  # whole ones, counted from the first
    first_bad: int | None  # None when whole, or when the damage lies outside the entries
    why: str
    head: str  # the hash of the last whole entry: noted elsewhere, it identifies the journal later

    def as_json(self) -> dict[str, Any]:
        """The result as plain values."""
        return {"event": "verified"} | asdict(self)


@dataclass(frozen=True, slots=True)
class NotedHead:
    """A head that was noted earlier, found in the chain."""

    seq: int
    utc: str  # of the entry; empty for the head of a journal without an entry

    def as_json(self) -> dict[str, Any]:
        """The place as plain values."""
        return {"event": "head_found"} | asdict(self)


def verify(where: Path | Journal) -> Verification:
    """Recompute the whole chain. Damage is a result; only a missing or unreadable file raises."""
    return _judged(where, _Chain())


def verify_head(where: Path | Journal, head: str) -> tuple[Verification, NotedHead | None]:
    """Recompute the chain, and say whether ``head``, noted earlier, is the hash of one of its whole entries.

    Raise `InvalidUsage` when ``head`` is no hash.
    """
    noted = head.strip().lower()
    if not re.fullmatch("[0-9a-f]{64}", noted):
        raise InvalidUsage(
            "a head is 64 digits of 0-9 and a-f", "Give the head as `physioctl verify` printed it."
        )
    chain = _Chain(noted)
    return _judged(where, chain), chain.found


def _judged(where: Path | Journal, chain: _Chain) -> Verification:
    try:
        with reading(where) as connection:
            return chain.judge(connection)
    except JournalUnusable as error:
        cause = error.__cause__
        if isinstance(cause, UnicodeDecodeError):
            return chain.broken("from here on the file cannot be read: its rules are no text")
        if isinstance(cause, sqlite3.DatabaseError) and _is_damage(cause):
            return chain.broken(f"from here on the file cannot be read: {cause}")
        raise


_DAMAGE = ("SQLITE_CORRUPT", "SQLITE_NOTADB", "SQLITE_ERROR", "SQLITE_IOERR_SHORT_READ")


def _is_damage(error: sqlite3.DatabaseError) -> bool:
    """SQLITE_ERROR is how SQLite puts a table that is gone."""
    return getattr(error, "sqlite_errorname", "").startswith(_DAMAGE)


class _Chain:
    """Walks the entries from the first, and remembers the last that was whole."""

    def __init__(self, noted: str | None = None) -> None:
        self._seq = 0
        self._hash = BEFORE_THE_FIRST
        self._noted = noted
        self._without_body: set[int] = set()
        self.found = NotedHead(0, "") if noted == BEFORE_THE_FIRST else None

    def broken(self, why: str) -> Verification:
        """Not whole from the next entry on."""
        return Verification(False, self._seq, self._seq + 1, why, self._hash)

    def judge(self, connection: sqlite3.Connection) -> Verification:
        """Walk the entries, then hold them against the head, the derived tables and the file's own rules."""
        derived = sqlite3.connect(":memory:", isolation_level=None)
        try:
            derived.executescript(SCHEMA)
            if why := self._walk(connection, derived):
                return self.broken(why)
            tables = self._derived_differ(connection, derived)
        finally:
            derived.close()
        if why := self._headless(connection.execute("SELECT seq, hash FROM head").fetchall()):
            return self.broken(why)
        if self._without_body:
            missing = min(self._without_body)
            why = f"the body of entry {missing} is missing, and no entry says that it was erased"
            return Verification(False, missing - 1, missing, why, self._hash)
        if schema_of(connection) != schema_expected() or marks_of(connection) != (APPLICATION_ID, FORMAT):
            return self._outside("the entries are whole, but the rules that keep them so have been changed")
        if tables:
            return self._outside(f"the entries are whole, but the table of {tables} does not agree with them")
        (found,) = connection.execute("PRAGMA integrity_check(1)").fetchone()
        if found != "ok":
            return self._outside(f"the entries are whole, but the file around them is damaged: {found}")
        return Verification(True, self._seq, None, "every entry follows from the one before", self._hash)

    def _walk(self, connection: sqlite3.Connection, derived: sqlite3.Connection) -> str | None:
        for row in connection.execute(f"{COLUMNS} ORDER BY entries.seq"):
            if why := self._flaw(row):
                return why
            try:
                self._take(row, derived)
            except Damaged as damage:
                return damage.why
            self._seq, self._hash = row[0], row[7]
            if self._hash == self._noted:
                self.found = NotedHead(row[0], row[2])
        return None

    def _flaw(self, row: tuple[Any, ...]) -> str | None:
        if row[0] != self._seq + 1:
            return "it is missing"
        if what := flaw(row):
            return what
        return None if row[6] == self._hash else "it does not follow from the entry before it"

    def _take(self, row: tuple[Any, ...], derived: sqlite3.Connection) -> None:
        """Read an entry as its readers do, and derive from it what the file's own tables should hold."""
        entry = content(row, erased=True)
        if entry.erased:
            self._without_body.add(entry.seq)
        elif entry.name == "bodies_erased":
            self._without_body -= erased_by(entry)
        if entry.name == "protocol_kept" and not entry.erased:
            text = entry.text("text").encode("utf-8", "surrogatepass")
            if sha256(text).hexdigest() != entry.text("content_hash"):
                raise Damaged(entry.seq, "its text does not agree with the hash beside it")
        if entry.name not in DERIVED_FROM or (entry.erased and needs_body(entry.name)):
            return
        try:
            derive(derived, entry.seq, entry.session, entry.name, entry.body)
        except (KeyError, TypeError, ValueError, sqlite3.Error):
            raise Damaged(entry.seq, "it does not say what an entry of its name says") from None

    def _derived_differ(self, connection: sqlite3.Connection, derived: sqlite3.Connection) -> str | None:
        """The name of the first table that is not what the entries make it."""
        for table in ("sessions", "protocols"):
            everything = f"SELECT * FROM {table} ORDER BY 1"  # noqa: S608 - names of our own
            if connection.execute(everything).fetchall() != derived.execute(everything).fetchall():
                return table
        return None

    def _headless(self, heads: list[tuple[Any, ...]]) -> str | None:
        if len(heads) != 1:
            return "the head is missing, so that nobody can tell whether entries were cut off here"
        ((seq, hash_),) = heads
        if (seq, hash_) == (self._seq, self._hash):
            return None
        if isinstance(seq, int) and seq > self._seq:
            return f"it is missing: the journal went on to entry {seq}, and the rest has been cut off"
        return "the head does not agree with the last entry"

    def _outside(self, why: str) -> Verification:
        return Verification(False, self._seq, None, why, self._hash)
