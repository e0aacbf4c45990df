"""The record read back: the sessions in the journal, and one of them with all its entries.

It only reads. A row that was changed is damage: `JournalUnusable`, with the entry's number.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from physioctl.errors import InvalidUsage
from physioctl.record.entries import Damaged, Entry, all_of
from physioctl.record.journal import Journal
from physioctl.record.journal_end import TABLE_DIFFERS
from physioctl.record.journal_reading import reading
from physioctl.record.selection import Selection, candidates, has_words
from physioctl.record.sessions_table import differs, unit_key
from physioctl.record.summary import STARTED, Summary, back, start_at, summary_of
from physioctl.wall_clock import damaged


@dataclass(frozen=True, slots=True)
class Session:
    """A session and all its entries, in order."""

    summary: Summary
    entries: tuple[Entry, ...]


@dataclass(frozen=True, slots=True)
class Listing:
    """Sessions that were chosen, the newest first, of all that the journal has."""

    summaries: tuple[Summary, ...]
    total: int
    more: bool  # whether older ones were left out


def sessions(
    where: Path | Journal, person: str | None = None, limit: int | None = None
) -> tuple[Summary, ...]:
    """Return the sessions in the journal, the newest first; of one person, if one is named."""
    return listed(where, Selection(person=person), limit).summaries


def listed(where: Path | Journal, chosen: Selection, limit: int | None = None) -> Listing:
    """Return the sessions in the journal that are ``chosen``; with a ``limit``, only that many.

    Raise `InvalidUsage` for a person's reference that is none.
    """
    with _record(where) as connection:
        (total,) = connection.execute("SELECT count(*) FROM sessions NOT INDEXED").fetchone()
        told = (summary_of(connection, start_at(connection, seq)) for seq in candidates(connection, chosen))
        found = (each for each in told if has_words(connection, chosen, each.id, each.words))
        summaries = tuple(islice(found, None if limit is None else min(limit, 2**62)))
        return Listing(summaries, total, more=next(found, None) is not None)


def session(where: Path | Journal, id_or_prefix: str | None = None) -> Session:
    """Return the one session whose id begins so, with its entries; by default the latest."""
    with _record(where) as connection:
        id_ = _latest(connection) if id_or_prefix is None else _only(connection, id_or_prefix)
        entries = tuple(all_of(connection, "WHERE session = ? ORDER BY entries.seq", (id_,)))
        start = next((entry for entry in entries if entry.name == STARTED), None)
        between = "SELECT count(*) FROM entries NOT INDEXED WHERE session = ? AND seq BETWEEN ? AND ?"
        if start is None or connection.execute(between, (id_, start.seq, entries[-1].seq)).fetchone() != (
            len(entries),
        ):
            raise Damaged(None, f"the index of the entries of session {id_} does not agree with them")
        if start.erased:
            raise InvalidUsage(f"session {id_} has been erased", "List the others with: physioctl history")
        return Session(summary_of(connection, start), entries)


def chain(where: Path | Journal, id_: str) -> tuple[Summary, ...]:
    """Return what gave the rest of session ``id_``, itself, and what it is the rest of, to the first."""
    with _record(where) as connection:
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
    with _record(where) as connection:
        rows = connection.execute(mine.format(kind), (unit_key(model, serial),)).fetchall()
        return tuple(summary_of(connection, start_at(connection, seq)) for (seq,) in rows)


@contextmanager
def _record(where: Path | Journal) -> Iterator[sqlite3.Connection]:
    try:
        with reading(where) as connection:
            if isinstance(where, Path) and differs(connection):  # an open journal has been asked already
                raise Damaged(None, TABLE_DIFFERS)
            yield connection
    except Damaged as damage:
        raise damaged(where.name if isinstance(where, Journal) else str(where), damage) from damage


def _latest(connection: sqlite3.Connection) -> str:
    (newest,) = connection.execute("SELECT max(seq) FROM sessions NOT INDEXED").fetchone()
    if newest is None:
        raise InvalidUsage("there is no session in the journal yet", "physioctl run begins one.")
    return start_at(connection, newest).session


def _only(connection: sqlite3.Connection, prefix: str) -> str:
    if not prefix:
        raise InvalidUsage("an empty id names no session", "List them with: physioctl history")
    starts = "SELECT session FROM entries WHERE name = 'session_started' AND substr(session, 1, ?) = ?"
    shown = ascii(prefix[:64])
    try:
        ids = [str(row[0]) for row in connection.execute(starts, (len(prefix), prefix))]
    except UnicodeEncodeError:
        ids = []
    if prefix in ids or len(ids) == 1:
        return prefix if prefix in ids else ids[0]
    if not ids:
        raise InvalidUsage(f"no session begins with {shown}", "List them with: physioctl history")
    raise InvalidUsage(
        f"{len(ids)} sessions begin with {shown}: {', '.join(sorted(ids)[:5])}", "Give more of the id."
    )
