"""Whether a journal is whole: every hash worked out again, from the first entry to the head.

It says where a journal stops being one. It cannot say who changed it, or what stood there before.
"""

from __future__ import annotations

import sqlite3
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from physioctl.errors import JournalUnusable
from physioctl.journal import (
    BEFORE_THE_FIRST,
    FORMAT,
    Journal,
    chained,
    reading,
    schema_expected,
    schema_of,
)


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether a journal is whole; when it is not, the first entry that cannot be relied on."""

    whole: bool
    entries: int  # whole ones, counted from the first
    first_bad: int | None  # None when whole, or when the damage lies outside the entries
    why: str
    head: str  # the hash of the last whole entry: whoever notes it elsewhere can prove the journal by it

    def as_json(self) -> dict[str, Any]:
        """The verdict as plain values."""
        return {"event": "verified"} | asdict(self)


def verify(where: Path | Journal) -> Verdict:
    """Recompute the whole chain. Damage is a verdict; only a missing or unreadable file raises."""
    chain = _Chain()
    try:
        with reading(where) as connection:
            return chain.judge(connection)
    except JournalUnusable as error:
        cause = error.__cause__
        if isinstance(cause, sqlite3.DatabaseError) and _is_damage(cause):
            return chain.broken(f"from here on the file cannot be read: {_put(cause)}")
        raise


# SQLITE_ERROR is how SQLite puts a table that is gone; text that is not UTF-8 has no code at all.
_DAMAGE = ("SQLITE_CORRUPT", "SQLITE_NOTADB", "SQLITE_ERROR", "SQLITE_IOERR_SHORT_READ")
_NOT_TEXT = "SQLITE_ERROR: text that is not UTF-8"
_EVERY_ENTRY = "SELECT seq, session, utc, at_ms, name, body, prev, hash FROM entries ORDER BY seq"


def _is_damage(error: sqlite3.DatabaseError) -> bool:
    code: str = getattr(error, "sqlite_errorname", _NOT_TEXT)
    return code.startswith(_DAMAGE)


def _put(error: sqlite3.DatabaseError) -> str:
    """The cause in words that hold nothing of the damaged text itself."""
    return str(error) if hasattr(error, "sqlite_errorname") else "its text is not UTF-8"


class _Chain:
    """Walks the entries from the first, and remembers the last that was whole."""

    def __init__(self) -> None:
        self._seq = 0
        self._hash = BEFORE_THE_FIRST

    def broken(self, why: str) -> Verdict:
        """Not whole from the next entry on."""
        return Verdict(False, self._seq, self._seq + 1, why, self._hash)

    def judge(self, connection: sqlite3.Connection) -> Verdict:
        """Walk the entries, then hold them against the head and the file's own rules."""
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        if version > FORMAT:
            why = f"it is of format {version}; this program knows format {FORMAT}"
            return Verdict(False, 0, None, why, self._hash)
        for row in connection.execute(_EVERY_ENTRY):
            if flaw := self._flaw(row):
                return self.broken(flaw)
            self._seq, self._hash = row[0], row[-1]
        if flaw := self._headless(connection.execute("SELECT seq, hash FROM head").fetchall()):
            return self.broken(flaw)
        if schema_of(connection) != schema_expected() or version != FORMAT:
            return self._outside("the entries are whole, but the rules that keep them so have been changed")
        (found,) = connection.execute("PRAGMA integrity_check(1)").fetchone()
        if found != "ok":
            return self._outside(f"the entries are whole, but the file around them is damaged: {found}")
        return Verdict(True, self._seq, None, "every entry follows from the one before", self._hash)

    def _outside(self, why: str) -> Verdict:
        return Verdict(False, self._seq, None, why, self._hash)

    def _flaw(self, row: tuple[Any, ...]) -> str | None:
        if row[0] != self._seq + 1:
            return f"it is missing: entry {row[0]} stands in its place"
        if any(isinstance(value, bytes) for value in row) or chained(*row[:-1]) != row[-1]:
            return "its content does not agree with its hash"
        if row[-2] != self._hash:
            return "it does not follow from the entry before it"
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
