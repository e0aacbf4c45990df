"""Erasing what the journal holds of sessions: their bodies and salts, and their rows. The chain stays.

A session is erased only when nothing depends on it any more: it does not count for the day, its rest can no
longer be given, and its unit has settled it. A session and its rests are judged as one. Nothing newer of a
person goes while something older stays: a no of then must not outlive a yes of later. Nothing is erased from
a journal that is not whole, or while another program has it open.

The bodies go in one transaction with the entry that says so. The file is then written anew, for SQLite leaves
copies of a row in the unused parts of its pages.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path

from device.clock import Clock
from physioctl.daily_limit import WINDOW
from physioctl.errors import InvalidUsage, JournalUnusable
from physioctl.events import BodiesErased, Outcome
from physioctl.person import reference
from physioctl.record.day import SPAN_MAX
from physioctl.record.entries import Damaged, all_of
from physioctl.record.history import sessions
from physioctl.record.journal import Journal
from physioctl.record.journal_file import continue_after, erase_beside
from physioctl.record.journal_reading import reading
from physioctl.record.summary import Summary
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
    OLDER_STAYS = "newer than one of the same person that stays"


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
    outside: tuple[int, ...] = ()  # entries of a person that belong to no session, and can be erased


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
    now = journal.clock.utc()
    of_person = tuple(reversed(sessions(journal, person)))
    held = dict[str, Reason]()
    stays = dict[str | None, int]()  # person → the first entry of their first session that stays
    try:
        with journal.reading() as connection:
            spans = _spans(connection, of_person)
            chains = _held(connection, of_person, spans, now)
            for each in of_person:
                if each.id in chains:
                    held[each.id] = chains[each.id]
                elif each.person is not None and each.person in stays:
                    held[each.id] = Reason.OLDER_STAYS
                if each.id in held or not _is_before(each.began, before):
                    stays.setdefault(each.person, spans[each.id].first_seq)
            outside = _outside(connection, None if person is None else reference(person), stays)
            found = tuple(seq for seq, at in outside if _is_before(at, before) and at <= now - _COUNTED)
    except Damaged as damage:
        raise damaged(journal.name, damage) from damage
    asked = [each for each in of_person if _is_before(each.began, before)]
    return Selection(
        tuple(each for each in asked if each.id not in held),
        tuple(Kept(each, held[each.id]) for each in asked if each.id in held),
        found,
    )


def erase(path: Path, clock: Clock, ids: Collection[str], outside: Collection[int] = ()) -> int:
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
        return erase_from(journal, ids, outside)


def erase_from(
    journal: Journal, ids: Collection[str], outside: Collection[int] = (), *, seqs_max: int = SEQS_MAX
) -> int:
    """Erase those of the sessions ``ids`` that can still be erased, and return how many that were.

    ``outside`` are entries that belong to no session, of which the same holds. ``journal`` was opened
    ``alone``. Without either the file is only written anew, as after an erasure that broke off. Raise
    `JournalUnusable` when the journal is not whole or cannot be written; what it says tells whether anything
    has been erased. ``seqs_max`` is how many bodies one entry names at the most.
    """
    count = _erase(journal, ids, outside, seqs_max) if ids or outside else 0
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
    """Return the sessions that have been erased, the newest first.

    Raise `JournalUnusable` where a body is missing and no entry says that it was erased, or one was changed.
    """
    try:
        with reading(where) as connection:
            return tuple(_erased(connection))
    except Damaged as damage:
        raise damaged(where.name if isinstance(where, Journal) else str(where), damage) from damage


# --- which ------------------------------------------------------------------------------------------------

_SPANS = """
SELECT session, min(utc), max(utc), min(seq), max(seq) FROM entries NOT INDEXED
WHERE session IN (SELECT value FROM json_each(?)) GROUP BY session
"""
_UNSETTLED = "SELECT session FROM sessions NOT INDEXED WHERE ended = 0 OR settled = 0"
_OUTSIDE = "WHERE session = '' AND json_extract(body, '$.person') IS NOT NULL ORDER BY entries.seq"
_COUNTED = WINDOW + SPAN_MAX  # `had_today` looks back no further


@dataclass(frozen=True, slots=True)
class _Span:
    """From when to when the entries of a session were made, by what they say, and their numbers."""

    earliest: datetime
    latest: datetime
    first_seq: int
    last_seq: int


def _is_before(moment: datetime, before: datetime | None) -> bool:
    return before is None or moment < before


def _spans(connection: sqlite3.Connection, chosen: Sequence[Summary]) -> Mapping[str, _Span]:
    ids = json.dumps([each.id for each in chosen])
    return {
        session: _Span(_moment(earliest), _moment(latest), first_seq, last_seq)
        for session, earliest, latest, first_seq, last_seq in connection.execute(_SPANS, (ids,))
    }


def _moment(utc: str) -> datetime:
    return datetime.fromisoformat(utc).astimezone(UTC)


def _outside(
    connection: sqlite3.Connection, person: str | None, stays: Mapping[str | None, int]
) -> Iterator[tuple[int, datetime]]:
    """The entries of a person that belong to no session, but for those that are newer than one that stays."""
    for entry in all_of(connection, _OUTSIDE):
        whose = entry.text("person")
        if person in (None, whose) and entry.seq < stays.get(whose, entry.seq + 1):
            yield entry.seq, entry.utc


def _held(
    connection: sqlite3.Connection, chosen: Sequence[Summary], spans: Mapping[str, _Span], now: datetime
) -> dict[str, Reason]:
    """The sessions that cannot be erased, and why: each with its rests, and with what it is the rest of."""
    first: dict[str, str] = {}  # of the chain of sessions and their rests
    for each in chosen:
        first[each.id] = first.get(each.rest_of or "", each.rest_of or each.id)
    open_ = {session for (session,) in connection.execute(_UNSETTLED)}
    confirmed = confirmations(connection)
    held: dict[str, Reason] = {}
    for each in chosen:
        if each.outcome is None or each.id in open_:
            held[first[each.id]] = Reason.UNSETTLED
        elif _counts(each, spans[each.id], confirmed, now):
            held.setdefault(first[each.id], Reason.COUNTS)
    return {id_: held[chain] for id_, chain in first.items() if chain in held}


def _counts(summary: Summary, span: _Span, confirmed: Sequence[Confirmation], now: datetime) -> bool:
    """Whether a session counts for the day, or its rest can be given.

    It counts for as long as `had_today` looks back. Where an entry of it may bear a wrong time, it counts for
    that long after each confirmation of the clock as well.
    """
    if summary.outcome is not Outcome.COMPLETED and span.latest > now - WINDOW:
        return True  # its rest goes by the times as they stand, those yet to come included
    ahead = span.latest > now
    if ahead and not any(each.seq > span.last_seq and each.utc <= now for each in confirmed):
        return True
    behind = any(each.seq < span.last_seq and each.before > span.earliest + BEHIND_MAX for each in confirmed)
    known = [] if ahead else [span.latest]
    if ahead or behind:
        known += [utc for each in confirmed for utc in (each.before, each.utc) if utc <= now]
    return max(known) > now - _COUNTED


# --- erasing ----------------------------------------------------------------------------------------------

_BODIES = """
SELECT seq FROM entries JOIN bodies USING (seq)
WHERE session IN (SELECT value FROM json_each(?)) OR seq IN (SELECT value FROM json_each(?)) ORDER BY seq
"""
_STARTS_ERASED = "WHERE name = 'session_started' AND body IS NULL ORDER BY entries.seq DESC"


def _erase(journal: Journal, ids: Collection[str], outside: Collection[int], seqs_max: int) -> int:
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
        others = json.dumps([seq for seq in everything.outside if seq in outside])
        seqs = [seq for (seq,) in connection.execute(_BODIES, (chosen, others))]
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
    for start in all_of(connection, _STARTS_ERASED):
        yield Erased(start.session, start.utc)
