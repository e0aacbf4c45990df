"""Whether a journal's newest entries are whole, which is looked at whenever one is opened to be written."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from physioctl.errors import JournalUnusable
from physioctl.record.entries import COLUMNS, Damaged, flaw
from physioctl.record.journal_file import continue_after
from physioctl.record.journal_schema import schema_expected, schema_of
from physioctl.record.sessions_table import differs

CHECKED_AT_OPEN = 1000  # of the newest entries: some milliseconds; all of them are for `verify`
TABLE_DIFFERS = "its table of sessions does not agree with the entries"


def expect_whole_end(connection: sqlite3.Connection, path: Path) -> None:
    """Raise `JournalUnusable` unless the newest entries are whole and lead to the head.

    All of a large journal takes seconds, which is for `verify`; whatever else a session reads is checked as
    it is read.
    """
    connection.execute("BEGIN")
    try:
        rows = connection.execute(f"{COLUMNS} ORDER BY entries.seq DESC LIMIT ?", (CHECKED_AT_OPEN,))
        what = _flaw_at_end(connection, rows.fetchall())
    finally:
        connection.execute("ROLLBACK")
    if what:
        raise JournalUnusable(f"the journal {path} is not whole: {what}", continue_after(path))


def _flaw_at_end(connection: sqlite3.Connection, newest: list[tuple[object, ...]]) -> str | None:
    if schema_of(connection) != schema_expected():
        return "its rules have been changed"
    heads = connection.execute("SELECT seq, hash FROM head").fetchall()
    last = (newest[0][0], newest[0][7]) if newest else (0, "0" * 64)
    if heads != [last]:
        return "its head does not agree with the last entry"
    for row, before in zip(newest, (*newest[1:], None), strict=False):
        if what := flaw(row):
            return str(Damaged(row[0], what))
        if before is not None and (row[0], row[6]) != (int(str(before[0])) + 1, before[7]):
            return str(Damaged(row[0], "it does not follow from the entry before it"))
    return TABLE_DIFFERS if differs(connection) else None
