"""The journal: every event of every session, each entry carrying the hash of the one before.

It is the recorder: events are written before the bytes are sent, and without it there is no output. An
entry is on the disk when `append` returns. A change of the journal can be detected, not prevented. See
`journal_schema` for the format, `journal_file` for the file, `record` for what is read back.
"""

from __future__ import annotations

import json
import os
import random
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from types import TracebackType

from device.clock import Clock
from device.events import Event
from physioctl.errors import InvalidUsage, JournalUnusable
from physioctl.events import JournalBegun
from physioctl.record.entries import COLUMNS, flaw
from physioctl.record.journal_begin import begin_file
from physioctl.record.journal_end import expect_whole_end
from physioctl.record.journal_file import (
    BUSY_S,
    OpenFile,
    bears_our_mark,
    checkpoint,
    connect,
    connect_read_only,
    continue_after,
    default_path,
    expect_ours,
    file_named,
    keep_beside,
    keep_private,
    plainly,
    tolerant_text,
)
from physioctl.record.journal_schema import (
    SCHEMA,
    body_hash,
    canonical,
    chained,
)
from physioctl.record.sessions_table import derive

__all__ = ["BUSY_S", "Journal", "SessionLog", "default_path"]

# A commit costs one sync of the disk, a checkpoint two, and one more at the commit that follows. After a
# commit that took longer, what has to be written next does not wait for them. This project's own figure.
CHECKPOINT_WITHIN_MS = 200
_SALT_BYTES = 16


class Journal:
    """An open journal. Several programs may have one open at a time.

    Several threads may use it one after another, not at once.
    """

    def __init__(
        self, connection: sqlite3.Connection, clock: Clock, rng: random.Random, file: OpenFile | None = None
    ) -> None:
        self._connection = connection
        self._rng = rng
        self._file = file
        # Number and hash of the entry last appended here; and of the last that has been kept.
        self._appended: tuple[int, str] | None = None
        self._last: tuple[int, str] | None = None
        self.clock = clock
        self.name = str(file.path) if file else "in memory"  # as errors call it
        self.begun = False  # whether opening made the file
        self.left_open = False  # a write has not returned

    @classmethod
    def open(
        cls,
        path: Path | None,
        clock: Clock,
        *,
        new: bool = False,
        continues: Path | None = None,
        alone: bool = False,
    ) -> Journal:
        """Open the journal at ``path``, by default the user's own. One that is not there is begun.

        ``new`` asks for one to be begun, with the folders it needs; ``continues`` names an older journal, no
        longer whole perhaps, whose head becomes the first entry of the new one; ``alone`` keeps every other
        program out until it is closed. Raise `JournalUnusable`, and touch nothing, when the file is no
        journal, is not the user's to write, its newest entries are not whole, or another program has open
        what is to be opened ``alone``; raise `InvalidUsage` when ``new`` names a file that is there.
        """
        name = str(path or default_path())
        with plainly(name):
            where = file_named(path or default_path())
            if continues is not None and not new:
                raise InvalidUsage(
                    "--continues is for a new journal", "Add --new, and name it with --journal."
                )
            head = None if continues is None else _head_of(continues)
            begun = begin_file(where, folders=new or path is None)
            if new and not begun:
                raise InvalidUsage(
                    f"there is a journal at {where} already", "Leave --new out, or name another."
                )
            expect_ours(where)
            keep_private(where)
            before = where.stat()
            connection = connect(where, alone=alone)
            try:
                expect_whole_end(connection, where)
                file = OpenFile.now_at(where)
                file.expect_same(before)
            except BaseException:  # Ctrl-C as well: an open file would keep others from the journal
                connection.close()
                raise
        journal = cls(connection, clock, random.SystemRandom(), file)
        journal.begun = begun
        if head is not None:
            journal.append("", head)
        return journal

    @classmethod
    def in_memory(cls, clock: Clock, seed: int = 0) -> Journal:
        """Make a journal with every rule of one on the disk, gone when it is closed: for rehearsals.

        Its ids and salts come from ``seed``, so that the same session is the same every time.
        """
        connection = sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False)
        connection.text_factory = tolerant_text
        connection.executescript(SCHEMA)
        return cls(connection, clock, random.Random(f"{seed}/journal"))  # noqa: S311 - of a rehearsal

    # --- writing ------------------------------------------------------------------------------------

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """Lock the journal for writing; keep everything that is appended within, or nothing of it.

        Within another transaction it is a part of that one. Raise `JournalUnusable` when the path leads to
        another file by now, or the entries cannot be kept.
        """
        connection = self._connection
        with plainly(self.name):
            if connection.in_transaction:
                yield connection
                return
            self._expect_last_kept()
            try:
                # IMMEDIATE: another program may append too, and not between the head and the entry.
                connection.execute("BEGIN IMMEDIATE")
                yield connection
                began_ms = self.clock.now_ms()
                connection.execute("COMMIT")
                commit_ms = self.clock.now_ms() - began_ms
                self._last = self._appended
            finally:
                self._appended = self._last
                # Whatever broke it off is the error to report; SQLite undoes the rest when it reopens.
                with suppress(sqlite3.Error):
                    if connection.in_transaction:
                        connection.execute("ROLLBACK")
            if self._file is not None and commit_ms <= CHECKPOINT_WITHIN_MS:
                checkpoint(connection)

    def append(self, session: str, event: Event, utc: datetime | None = None) -> None:
        """Add ``event`` for good, or raise `JournalUnusable` and leave the journal as it was.

        ``utc`` is when it happened: by default now.
        """
        from physioctl.record.codec import to_json  # pydantic is slow to import, and a reader needs none

        body = to_json(event)
        name, at_ms = body.pop("event"), body.pop("at_ms")
        when = (utc or self.clock.utc()).isoformat(timespec="milliseconds")
        text, salt = canonical(body), self._rng.randbytes(_SALT_BYTES).hex()
        with self.transaction() as connection:
            last, prev = self._head(connection)
            entry = (last + 1, session, when, at_ms, name, body_hash(salt, text), prev)
            hash_ = chained(*entry)
            connection.execute("INSERT INTO entries VALUES (?, ?, ?, ?, ?, ?, ?, ?)", (*entry, hash_))
            connection.execute("INSERT INTO bodies VALUES (?, ?, ?)", (last + 1, salt, text))
            derive(connection, last + 1, session, name, body)
            self._appended = (last + 1, hash_)

    def expect_no_transaction(self) -> None:
        """Raise `InvalidUsage` within a transaction: nothing is on the disk before its end."""
        with plainly(self.name):
            if self._connection.in_transaction:
                raise InvalidUsage(
                    "a session cannot be recorded within a transaction of its journal",
                    "Run the session first, or after it.",
                )

    def begin(self, session: str) -> SessionLog:
        """Return the recorder of the session with this id. Raise `InvalidUsage` within a transaction."""
        self.expect_no_transaction()
        return SessionLog(self, session)

    def new_session_id(self) -> str:
        """Return an id that no session in the journal has: when, and six digits by chance.

        It is taken only once its session has started, in the same transaction.
        """
        while True:
            id_ = f"{self.clock.utc():%Y%m%d-%H%M%S}-{self._rng.getrandbits(24):06x}"
            taken = self._connection.execute("SELECT 1 FROM entries WHERE session = ? LIMIT 1", (id_,))
            if taken.fetchone() is None:
                return id_

    def _head(self, connection: sqlite3.Connection) -> tuple[int, str]:
        seq, hash_ = connection.execute("SELECT seq, hash FROM head").fetchone() or (None, None)
        if not isinstance(seq, int) or not isinstance(hash_, str):
            raise JournalUnusable(f"the journal {self.name} has lost its head", continue_after(self.name))
        return seq, hash_

    # --- reading ------------------------------------------------------------------------------------

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """Return the journal's own connection, for reading entries back."""
        with plainly(self.name):
            yield self._connection

    def _expect_last_kept(self) -> None:
        """Raise `JournalUnusable` when the path leads elsewhere, or not to the entry last appended here.

        A file that was emptied and has grown again is as long as before: so that entry is read through the
        path, by a connection of its own.
        """
        if self._file is None:
            return
        self._file.expect_unchanged()
        if self._last is None:
            return
        other = connect_read_only(self._file.path)
        try:
            kept = other.execute("SELECT seq, hash FROM entries WHERE seq = ?", self._last[:1]).fetchone()
        finally:
            other.close()
        if kept != self._last:
            raise self._lost("the entry made last")

    def _lost(self, what: str) -> JournalUnusable:
        return JournalUnusable(f"the journal {self.name} does not hold {what}", continue_after(self.name))

    def expect_kept(self, session: str) -> None:
        """Raise `JournalUnusable` unless what was told of ``session`` is in the file at the path.

        It is read back through the path, by a connection of its own: what SQLite holds in memory need not
        be on the disk.
        """
        if self._file is None or self._connection.in_transaction:
            return
        mine = "WHERE session = ? ORDER BY entries.seq"
        with plainly(self.name):
            self._file.expect_unchanged()
            told = self._connection.execute(f"{COLUMNS} {mine}", (session,)).fetchall()
            other = connect_read_only(self._file.path)
            try:
                kept = other.execute(f"{COLUMNS} {mine}", (session,)).fetchall()
            finally:
                other.close()
        if kept != told or not kept or any(map(flaw, kept)):
            raise self._lost(f"what was told of session {session}")

    def keep_beside(self, session: str, event: Event) -> Path | None:
        """Write ``event`` beside the journal, which cannot take it; None where that cannot be done either."""
        from physioctl.record.codec import to_json

        if self._file is None:
            return None
        line = {"format": 1, "session": session, "utc": self.clock.utc().isoformat()} | to_json(event)
        return keep_beside(self._file.path, session, json.dumps(line))

    def close(self) -> None:
        """Close the file. Every entry is on the disk, and in the file proper if no other program reads it."""
        if not self.left_open:
            checkpoint(self._connection)
            self._connection.close()

    def __enter__(self) -> Journal:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class SessionLog:
    """The recorder of one session: appends to the journal, under the session's id."""

    def __init__(self, journal: Journal, session: str) -> None:
        self._journal = journal
        self.session = session
        self.broken = False  # whether something could not be kept
        self.written = 0

    def record(self, event: Event) -> None:
        """Append ``event``, or raise `JournalUnusable` with where it was written instead."""
        self.record_all([(event, self._journal.clock.utc())])

    def record_all(self, events: Sequence[tuple[Event, datetime]]) -> None:
        """Append ``events``, each with its time of day, in one transaction.

        The session's end counts once all of the session has been read back from the disk. Once something
        could not be kept, nothing that came after it is: the record has no gaps.
        """
        try:
            if self.broken:
                raise JournalUnusable(
                    f"the journal {self._journal.name} has missed an event", "See to the disk."
                )
            with self._journal.transaction():
                for event, utc in events:
                    self._journal.append(self.session, event, utc)
            if any(event.name == "session_ended" for event, _ in events):
                self._journal.expect_kept(self.session)
        except JournalUnusable as error:
            self.broken = True
            kept = [self.keep_beside(event) for event, _ in events][-1]
            instead = f" What it could not keep is in {kept}." if kept else ""
            raise JournalUnusable(
                f"{error.what} (session {self.session})", f"{error.action}{instead}"
            ) from error
        self.written += len(events)

    def leave_open(self) -> None:
        """Never close the journal: a write has not returned, and closing would wait for it.

        Another write would not return either.
        """
        self.broken = True
        self._journal.left_open = True

    def keep_beside(self, event: Event) -> Path | None:
        """Write ``event`` beside the journal, which cannot take it."""
        return self._journal.keep_beside(self.session, event)


def _head_of(path: Path) -> JournalBegun:
    """Return the first entry of a journal that continues the one at ``path``, which need not be whole.

    Raise `InvalidUsage` when nothing of it is a journal's: neither its mark nor an entry.
    """
    from physioctl.record.journal_reading import reading
    from physioctl.record.verify import verify

    verification = verify(path)
    if not (verification.entries or bears_our_mark(path)):
        raise InvalidUsage(
            f"{path} is no journal, and cannot be continued", "Name the journal, or leave it out."
        )
    last = None
    if verification.whole and verification.entries:
        with reading(path) as connection:
            (last,) = connection.execute(
                "SELECT utc FROM entries WHERE seq = ?", (verification.entries,)
            ).fetchone()
    return JournalBegun(
        at_ms=0,
        continues=verification.head,
        continues_entries=verification.entries,
        continues_whole=verification.whole,
        continues_file=sha256(os.fsencode(path.absolute())).hexdigest(),
        continues_utc=last,
    )


def utc_offset_min(moment: datetime) -> int:
    """Return how far local time is ahead of UTC at ``moment``, in minutes."""
    offset = moment.astimezone().utcoffset()
    return 0 if offset is None else round(offset.total_seconds() / 60)
