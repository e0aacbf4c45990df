"""Erasing what the journal holds of sessions: their bodies and salts, and their rows. The chain stays.

A session is erased only when nothing depends on it any more: it does not count for the day, its rest can no
longer be given, and its unit has settled it. A session and its rests are judged as one. Nothing is erased
from a journal that is not whole, or while another program has it open.

The bodies go in one transaction with the entry that says so. The file is then written anew, for SQLite leaves
copies of a row in the unused parts of its pages.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path

from device.clock import Clock
from physioctl.daily_limit import WINDOW
from physioctl.errors import InvalidUsage, JournalUnusable
from physioctl.events import BodiesErased, Outcome
from physioctl.record.entries import Damaged
from physioctl.record.history import SPAN_MAX, Summary, sessions
from physioctl.record.journal import Journal, reading
from physioctl.record.journal_file import continue_after, erase_beside
from physioctl.record.verify import verify
from physioctl.wall_clock import (
    BEHIND_MAX,
    Confirmation,
    boot_reference_ms,
    confirmations,
    damaged,
    expect_sound,
)

SEQS_MAX = 100_000  # numbers in one entry: far below the longest body; this project's own figure


class Reason(StrEnum):
    """Why a session is not erased."""

    UNSETTLED = "not ended, or not settled on its own unit"
    COUNTS = "still counting for the day, or its rest can still be given"


@dataclass(frozen=True, slots=True)
class Kept:
    """A session that was asked for and is not erased."""

    summary: Summary
    reason: Reason


@dataclass(frozen=True, slots=True)
class Selection:
    """The sessions that were asked for, the oldest first."""

    erasable: tuple[Summary, ...]
    kept: tuple[Kept, ...]


@dataclass(frozen=True, slots=True)
class Erased:
    """A session whose bodies have been erased: all that is still known of it."""

    id: str
    began: datetime


def select(journal: Journal, *, person: str | None = None, before: datetime | None = None) -> Selection:
    """Return which sessions of ``person`` that began ``before`` a time can be erased, and which cannot.

    Raise `InvalidUsage` when neither is named, `Refused` while the time of day is in doubt, and
    `JournalUnusable` for a damaged entry.
    """
    if person is None and before is None:
        raise InvalidUsage(
            "nothing says which sessions are meant",
            "Name a day with --before, a person with --person, or both.",
        )
    expect_sound(journal)
    of_person = tuple(reversed(sessions(journal, person)))
    try:
        with journal.reading() as connection:
            held = _held(connection, of_person, journal.clock.utc())
    except Damaged as damage:
        raise damaged(journal.name, damage) from damage
    asked = [each for each in of_person if before is None or each.began < before]
    return Selection(
        tuple(each for each in asked if each.id not in held),
        tuple(Kept(each, held[each.id]) for each in asked if each.id in held),
    )


def erase(path: Path, clock: Clock, ids: Collection[str]) -> int:
    """Open the journal at ``path`` for nobody else, and erase from it: see `erase_from`.

    Raise `JournalUnusable` when another program has it open.
    """
    try:
        journal = Journal.open(path, clock, alone=True)
    except JournalUnusable as error:
        if getattr(error.__cause__, "sqlite_errorname", "").startswith("SQLITE_BUSY"):
            raise JournalUnusable(
                f"another program has the journal {path} open: a session may be running",
                "Nothing was erased. Ask again once that program has ended.",
            ) from error
        raise
    with journal:
        return erase_from(journal, ids)


def erase_from(journal: Journal, ids: Collection[str], seqs_max: int = SEQS_MAX) -> int:
    """Erase those of the sessions ``ids`` that can still be erased, and return how many that were.

    ``journal`` was opened ``alone``. Without ``ids`` the file is only written anew, as after an erasure that
    broke off. Raise `JournalUnusable` when the journal is not whole or cannot be written; what it says tells
    whether the sessions have been erased. ``seqs_max`` is how many bodies one entry names at the most.
    """
    count = _erase(journal, ids, seqs_max) if ids else 0
    try:
        _write_anew(journal)
    except (JournalUnusable, OSError) as error:
        what = error.what if isinstance(error, JournalUnusable) else str(error)
        raise JournalUnusable(
            f"{count} sessions have been erased, but the file could not be written anew: {what}",
            "Parts of them may still be in it. See to that, and give the same command again.",
        ) from error
    return count


def erased(where: Path | Journal) -> tuple[Erased, ...]:
    """Return the sessions that have been erased, the newest first."""
    with reading(where) as connection:
        return tuple(_erased(connection))


# --- which ------------------------------------------------------------------------------------------------

_SPANS = """
SELECT session, min(utc), max(utc), max(seq) FROM entries NOT INDEXED
WHERE session IN (SELECT value FROM json_each(?)) GROUP BY session
"""
_UNSETTLED = "SELECT session FROM sessions NOT INDEXED WHERE ended = 0 OR settled = 0"


def _held(connection: sqlite3.Connection, chosen: Sequence[Summary], now: datetime) -> dict[str, Reason]:
    """The sessions that cannot be erased, and why: each with its rests, and with what it is the rest of."""
    first: dict[str, str] = {}  # of the chain of sessions and their rests
    for each in chosen:
        first[each.id] = first.get(each.rest_of or "", each.rest_of or each.id)
    open_ = {session for (session,) in connection.execute(_UNSETTLED)}
    spans = {row[0]: row[1:] for row in connection.execute(_SPANS, (json.dumps(list(first)),))}
    confirmed = confirmations(connection)
    held: dict[str, Reason] = {}
    for each in chosen:
        if each.outcome is None or each.id in open_:
            held[first[each.id]] = Reason.UNSETTLED
        elif _counts(each, spans[each.id], confirmed, now):
            held.setdefault(first[each.id], Reason.COUNTS)
    return {id_: held[chain] for id_, chain in first.items() if chain in held}


def _counts(
    summary: Summary, span: tuple[str, str, int], confirmed: Sequence[Confirmation], now: datetime
) -> bool:
    """Whether a session counts for the day, or its rest can be given.

    It counts for as long as `had_today` looks back. Where an entry of it may bear a wrong time, it counts for
    that long after each confirmation of the clock as well.
    """
    earliest, latest, last_seq = (*(datetime.fromisoformat(utc).astimezone(UTC) for utc in span[:2]), span[2])
    if summary.outcome is not Outcome.COMPLETED and latest > now - WINDOW:
        return True  # its rest goes by the times as they stand, those yet to come included
    doubtful = any(each.seq < last_seq and each.before > earliest + BEHIND_MAX for each in confirmed)
    if latest > now and not any(each.seq > last_seq and each.utc <= now for each in confirmed):
        return True
    known = [latest] if latest <= now else []
    if doubtful or latest > now:
        known += [utc for each in confirmed for utc in (each.before, each.utc) if utc <= now]
    return max(known) > now - WINDOW - SPAN_MAX


# --- erasing ----------------------------------------------------------------------------------------------

_BODIES = """
SELECT seq FROM entries JOIN bodies USING (seq)
WHERE session IN (SELECT value FROM json_each(?)) ORDER BY seq
"""
_STARTS_ERASED = """
SELECT session, utc FROM entries LEFT JOIN bodies USING (seq)
WHERE name = 'session_started' AND body IS NULL ORDER BY seq DESC
"""


def _erase(journal: Journal, ids: Collection[str], seqs_max: int) -> int:
    with journal.reading() as connection:
        connection.execute("PRAGMA secure_delete = ON")
        connection.execute("PRAGMA temp_store = MEMORY")  # of what is taken back when a statement fails
    with journal.transaction() as connection:
        verification = verify(journal)
        if not verification.whole:
            raise JournalUnusable(
                f"the journal {journal.name} is not whole, and nothing was erased: {verification.why}",
                continue_after(journal.name),
            )
        everything = select(journal, before=datetime.max.replace(tzinfo=UTC))
        chosen = json.dumps([each.id for each in everything.erasable if each.id in ids])
        seqs = [seq for (seq,) in connection.execute(_BODIES, (chosen,))]
        if not seqs:
            return 0
        boot, boot_utc_ms = journal.clock.boot(), boot_reference_ms(journal)
        for begin in range(0, len(seqs), seqs_max):
            told = BodiesErased(
                at_ms=journal.clock.now_ms(),
                seqs=tuple(seqs[begin : begin + seqs_max]),
                boot_id=boot.id if boot else None,
                boot_utc_ms=boot_utc_ms,
            )
            journal.append("", told)
        connection.executemany("DELETE FROM bodies WHERE seq = ?", ((seq,) for seq in seqs))
        rows = "DELETE FROM sessions WHERE session IN (SELECT value FROM json_each(?))"
        return connection.execute(rows, (chosen,)).rowcount


def _write_anew(journal: Journal) -> None:
    """Leave no copy of what was erased: in the file, in its -wal, and in what a session left beside it."""
    with journal.reading() as connection:
        connection.execute("PRAGMA temp_store = DEFAULT")  # a large journal does not fit into memory
        _into_the_file(connection)
        connection.execute("VACUUM")
        _into_the_file(connection)
        gone = list(_erased(connection))
    for each in gone:
        erase_beside(Path(journal.name), each.id)


def _into_the_file(connection: sqlite3.Connection) -> None:
    """Empty the -wal into the file proper: no other program has it open, so that none stands in the way."""
    (busy, _, _) = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    if busy:
        raise OSError("its -wal could not be emptied")


def _erased(connection: sqlite3.Connection) -> Iterator[Erased]:
    for session, utc in connection.execute(_STARTS_ERASED):
        yield Erased(session, datetime.fromisoformat(utc))
