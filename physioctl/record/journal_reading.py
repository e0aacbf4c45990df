"""Reading a journal: by a connection that can change nothing, and that leaves nothing beside the file."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from physioctl.errors import JournalUnusable
from physioctl.record.journal import Journal
from physioctl.record.journal_file import (
    bears_our_mark,
    connect_immutable,
    connect_read_only,
    expect_format,
    plainly,
)


@contextmanager
def reading(where: Path | Journal) -> Iterator[sqlite3.Connection]:
    """Give a connection that can change nothing, seeing one moment of the journal throughout."""
    if isinstance(where, Journal):
        with where.reading() as connection:
            yield connection
        return
    name = str(where)
    with plainly(name):
        if not where.is_file():
            there = "it is not a file" if where.exists() else "there is no such file"
            raise JournalUnusable(
                f"the journal {name} cannot be read: {there}", "Name another with --journal FILE."
            )
        # Beside another program's file even a reader would leave a -shm.
        connection = connect_read_only(where) if bears_our_mark(where) else connect_immutable(where)
        try:
            connection.execute("BEGIN")
            expect_format(connection, name)
            yield connection
        finally:
            connection.close()
