"""The record read back: the sessions in the journal, and one of them with all its entries.

It only reads. A row that was changed is damage: the session that it belongs to cannot be read, and the others
can. For `sessions`, `chain` and `unsettled`, by which it is decided what is admitted, any damage is
`JournalUnusable`, with the entry's number.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from physioctl.errors import InvalidUsage, JournalUnusable
from physioctl.record.entries import COLUMNS, Damaged, Entry, each_of, flaw, is_session, read_all
from physioctl.record.journal import Journal
from physioctl.record.journal_end import TABLE_DIFFERS
from physioctl.record.journal_file import continue_after
from physioctl.record.journal_reading import reading
from physioctl.record.selection import Selection, candidates, has_words
from physioctl.record.sessions_table import differs, unit_key, unlike
from physioctl.record.summary import STARTED, Summary, back, start_at, summary_of
from physioctl.wall_clock import damaged


@dataclass(frozen=True, slots=True)
class Session:
    """A session and all its entries, in order."""

    summary: Summary
    entries: tuple[Entry, ...]


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A session that is in the journal and cannot be read; or an entry of no session, likewise."""

    session: str | None  # None for an entry of no session, and where the id cannot be read either
    seq: int | None  # of the entry that was changed; None where that is not known
    why: str

    @classmethod
    def of(cls, damage: Damaged, session: str | None = None) -> Unreadable:
        """What ``damage`` means for ``session``, by default that of the damaged row."""
        return cls(session or damage.session, damage.seq, damage.why)

    def as_json(self) -> dict[str, Any]:
        """It as plain values."""
        return {"event": "damaged", "session": self.session, "seq": self.seq, "why": self.why}


@dataclass(frozen=True, slots=True)
class Listing:
    """Sessions that were chosen, the newest first, of all that the journal has."""

    summaries: tuple[Summary, ...]
    total: int
    more: bool  # whether older ones were left out
    unreadable: tuple[Unreadable, ...] = ()  # whatever was chosen: they may be among them


def sessions(
    where: Path | Journal, person: str | None = None, limit: int | None = None
) -> tuple[Summary, ...]:
    """Return the sessions in the journal, the newest first; of one person, if one is named.

    Raise `JournalUnusable` where one cannot be read.
    """
    found = listed(where, Selection(person=person), limit)
    for bad in found.unreadable:
        raise damaged(_name(where), Damaged(bad.seq, bad.why))
    return found.summaries


def listed(where: Path | Journal, chosen: Selection, limit: int | None = None) -> Listing:
    """Return the sessions in the journal that are ``chosen``; with a ``limit``, only that many.

    Raise `InvalidUsage` for a person's reference that is none.
    """
    with _record(where) as connection:
        but, unreadable = _unlike(where, connection)
        (total,) = connection.execute("SELECT count(*) FROM sessions NOT INDEXED").fetchone()
        found = _readable(connection, chosen, but, unreadable)
        summaries = tuple(islice(found, None if limit is None else min(limit, 2**62)))
        more = next(found, None) is not None
        return Listing(summaries, total, more, tuple(unreadable))


def _readable(
    connection: sqlite3.Connection, chosen: Selection, but: Collection[object], unreadable: list[Unreadable]
) -> Iterator[Summary]:
    """The sessions that are ``chosen``, the newest first; what cannot be read is added to ``unreadable``."""
    for id_, seq in candidates(connection, chosen, but=but):
        try:
            summary = summary_of(connection, start_at(connection, seq))
            if has_words(connection, chosen, summary.id, summary.words):
                yield summary
        except Damaged as damage:
            unreadable.append(Unreadable.of(damage, id_))


def session(where: Path | Journal, id_or_prefix: str | None = None) -> Session:
    """Return the one session whose id begins so, with its entries; by default the latest.

    Raise `JournalUnusable` where one of its entries was changed; those of others make no difference.
    """
    with _record(where) as connection:
        ids, unreadable = _unlike(where, connection)
        if id_or_prefix is None:
            id_ = _latest(connection, ids, unreadable)
        else:
            id_ = _only(connection, id_or_prefix)
        try:
            for bad in unreadable:
                if bad.session == id_:
                    raise Damaged(bad.seq, bad.why)
            return _with_entries(connection, id_)
        except Damaged as damage:
            raise JournalUnusable(
                f"session {id_} cannot be read, for the journal {_name(where)} is damaged: {damage}",
                continue_after(_name(where)),
            ) from damage


def _with_entries(connection: sqlite3.Connection, id_: str) -> Session:
    entries = tuple(read_all(connection, _own_rows(connection, id_)))
    start = next((entry for entry in entries if entry.name == STARTED), None)
    if start is None:
        raise Damaged(None, f"no entry begins session {id_}")
    if start.erased:
        raise InvalidUsage(f"session {id_} has been erased", "List the others with: physioctl history")
    return Session(summary_of(connection, start), entries)


def _own_rows(connection: sqlite3.Connection, id_: str) -> list[tuple[Any, ...]]:
    """The rows of a session, in order; raise `Damaged` where one of them may be missing.

    Every row from its first to the one after its last is looked at: one of its own in which the session's id
    was changed is found by no index.
    """
    of_it = "SELECT min(seq), max(seq) FROM entries WHERE session = ?"
    first, last = connection.execute(of_it, (id_,)).fetchone()
    if first is None:
        raise Damaged(None, f"session {id_} has no entry")
    own, known = list[tuple[Any, ...]](), {id_, ""}
    between = f"{COLUMNS} WHERE entries.seq BETWEEN ? AND ? ORDER BY entries.seq"
    rows = connection.execute(between, (first, last + 1))
    for due, row in enumerate(rows, first):
        if row[0] != due:
            raise Damaged(due, "it is missing")
        if row[1] == id_:
            own.append(row)
        elif row[1] in known or _has_begun(connection, row[1]):
            known.add(row[1])
        elif what := flaw(row):
            raise Damaged(due, what)
    # Another program may have added entries meanwhile: what has been read is compared, and no more.
    until = "SELECT count(*) FROM entries WHERE session = ? AND seq <= ?"
    if connection.execute(until, (id_, own[-1][0] if own else last)).fetchone() != (len(own),):
        raise Damaged(None, f"the index of the entries of session {id_} does not agree with them")
    return own


def _has_begun(connection: sqlite3.Connection, id_: object) -> bool:
    begun = """
    SELECT 1 FROM entries WHERE name = 'session_started' AND session = :id
    UNION SELECT 1 FROM sessions WHERE session = :id
    """
    return is_session(id_) and connection.execute(begun, {"id": id_}).fetchone() is not None


def chain(where: Path | Journal, id_: str) -> tuple[Summary, ...]:
    """Return what gave the rest of session ``id_``, itself, and what it is the rest of, to the first."""
    with _record(where, whole=True) as connection:
        rests = "SELECT seq FROM sessions NOT INDEXED WHERE rest_of = ?"
        links = [start_at(connection, seq) for (seq,) in connection.execute(rests, (id_,)).fetchall()]
        return tuple(summary_of(connection, link) for link in (*links, *back(connection, id_)))


def unsettled(
    where: Path | Journal, model: str, serial: str, *, simulated: bool | None = None
) -> tuple[Summary, ...]:
    """Return the sessions of a unit that were never ended, or ended without output confirmed off.

    One that was reconciled with the unit since is settled, unless it has entries of its own after that.
    ``simulated`` narrows it to sessions on simulated units, or to the others.
    """
    mine = "SELECT seq FROM sessions NOT INDEXED WHERE unit = ? AND settled = 0 AND simulated {} ORDER BY seq"
    kind = "IN (0, 1)" if simulated is None else f"= {simulated:d}"
    with _record(where, whole=True) as connection:
        rows = connection.execute(mine.format(kind), (unit_key(model, serial),)).fetchall()
        return tuple(summary_of(connection, start_at(connection, seq)) for (seq,) in rows)


@contextmanager
def _record(where: Path | Journal, *, whole: bool = False) -> Iterator[sqlite3.Connection]:
    """The journal, to be read; ``whole`` raises where its table of sessions does not agree with it."""
    try:
        with reading(where) as connection:
            if whole and isinstance(where, Path) and differs(connection):
                raise Damaged(None, TABLE_DIFFERS)  # an open journal has been asked already
            yield connection
    except Damaged as damage:
        raise damaged(_name(where), damage) from damage


def _name(where: Path | Journal) -> str:
    return where.name if isinstance(where, Journal) else str(where)


def _unlike(
    where: Path | Journal, connection: sqlite3.Connection
) -> tuple[Collection[object], list[Unreadable]]:
    """The ids of sessions whose rows in the table do not agree with the entries, and what is said of them.

    An open journal has been asked already, and none is opened where there is one.
    """
    if isinstance(where, Journal) or not differs(connection):
        return frozenset(), []
    ids = frozenset(unlike(connection))
    told = [_why(connection, id_) for id_ in ids]
    return ids, sorted(told, key=lambda each: -(each.seq or 0)) or [Unreadable(None, None, TABLE_DIFFERS)]


def _why(connection: sqlite3.Connection, id_: object) -> Unreadable:
    """Why nothing can be said of a session: its first entry was changed, or else its row in the table."""
    if not is_session(id_):
        return Unreadable(None, None, TABLE_DIFFERS)
    (first,) = connection.execute(
        "SELECT min(seq) FROM entries NOT INDEXED WHERE session = ?", (id_,)
    ).fetchone()
    either = "WHERE entries.seq = ? OR entries.seq IN (SELECT seq FROM sessions WHERE session = ?)"
    for each in each_of(connection, either, (first, id_)):
        if isinstance(each, Damaged):
            return Unreadable.of(each, str(id_))
    return Unreadable(str(id_), first, "the table of sessions does not agree with what began here")


def _latest(
    connection: sqlite3.Connection, but: Collection[object], unreadable: Collection[Unreadable]
) -> str:
    """The session that began last. Raise `Damaged` where that may be one whose id cannot be read."""
    rows = connection.execute("SELECT session, seq FROM sessions NOT INDEXED ORDER BY seq DESC")
    newest, began = next(((str(id_), seq) for id_, seq in rows if id_ not in but), ("", 0))
    for bad in unreadable:
        if bad.seq is None or bad.seq > began:
            if bad.session is None:
                raise Damaged(bad.seq, bad.why)
            return bad.session
    if not newest:
        raise InvalidUsage("there is no session in the journal yet", "physioctl run begins one.")
    return newest


_STARTING_WITH = """
SELECT session FROM entries WHERE name = 'session_started' AND substr(session, 1, :length) = :prefix
UNION SELECT session FROM sessions NOT INDEXED WHERE substr(session, 1, :length) = :prefix
"""


def _only(connection: sqlite3.Connection, prefix: str) -> str:
    if not prefix:
        raise InvalidUsage("an empty id names no session", "List them with: physioctl history")
    shown = ascii(prefix[:64])
    try:
        begun = connection.execute(_STARTING_WITH, {"length": len(prefix), "prefix": prefix})
        ids = [str(row[0]) for row in begun]
    except UnicodeEncodeError:
        ids = []
    if prefix in ids or len(ids) == 1:
        return prefix if prefix in ids else ids[0]
    if not ids:
        raise InvalidUsage(f"no session begins with {shown}", "List them with: physioctl history")
    raise InvalidUsage(
        f"{len(ids)} sessions begin with {shown}: {', '.join(sorted(ids)[:5])}", "Give more of the id."
    )
