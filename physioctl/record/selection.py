"""Which sessions of the journal are meant: of whom, where, on which unit, when, and with what words.

What a session has in columns is looked up there. Words are looked for in what began it, its notes and its
ends; whether it is open is known only of a session that has been read: see `has_words`.
"""

from __future__ import annotations

import json
import sqlite3
import unicodedata
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from device.events import NOT_STARTED
from physioctl.person import reference
from physioctl.record.entries import all_of

OPEN = "open"  # what is said of a session that was never ended
_TOLD = ("protocol", "title", "body_site", "side", "person", "model", "serial", "family")


@dataclass(frozen=True, slots=True)
class Selection:
    """What a session has to be to be listed; what is None or empty does not matter.

    ``unit`` is a model or a serial number; case, spaces, - and _ make no difference to it. A session began
    at ``since`` or later and before ``until``. Each of ``words`` stands somewhere in it.
    """

    person: str | None = None
    body_site: str | None = None
    side: str | None = None
    unit: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    words: tuple[str, ...] = ()

    def has_words(self, texts: Sequence[str]) -> bool:
        """Whether each of the words stands in one of ``texts``. Case makes no difference."""
        said = "\n".join(map(_plain, texts))
        return all(_plain(word) in said for word in self.words)


def has_words(
    connection: sqlite3.Connection, chosen: Selection, session: str, said: Iterable[str | None]
) -> bool:
    """Whether the words are in ``said`` or in a note of the session; raise `Damaged` for a changed note."""
    if not chosen.words:
        return True
    notes = all_of(connection, "WHERE session = ? AND name = 'note_taken'", (session,))
    noted = (note.text("text") for note in notes if not note.erased)
    return chosen.has_words([text for text in (*said, *noted) if text])


def candidates(
    connection: sqlite3.Connection, chosen: Selection, *, but: Collection[object] = ()
) -> Iterator[tuple[str, int]]:
    """Give the sessions which may be chosen, the newest first, each with the number of its first entry.

    ``but`` are ids of sessions that are left out: what stands there of them cannot be relied on. Raise
    `InvalidUsage` for a person's reference that is none. That they have the words is likely, and left for
    `has_words` to decide.
    """
    clauses, values = list[str](), list[object]()

    def needs(clause: str, value: object) -> None:
        clauses.append(clause)
        values.append(value)

    if chosen.person is not None:
        needs("row.person = ?", reference(chosen.person))
    if chosen.body_site is not None:
        needs("row.body_site = ?", chosen.body_site)
    if chosen.unit is not None:
        needs("row.unit IN (SELECT value FROM json_each(?))", json.dumps(_units(connection, chosen.unit)))
    if chosen.since is not None:
        needs("entries.utc >= ?", _utc(chosen.since))
    if chosen.until is not None:
        needs("entries.utc < ?", _utc(chosen.until))
    where = f"WHERE {' AND '.join(clauses)}" if clauses else ""
    said = _SAID_SINCE if chosen.words else "NULL"
    found = connection.execute(f"{_ROWS.format(said)} {where} ORDER BY row.seq DESC", values)
    return ((session, seq) for session, seq, *told in found if session not in but and _may_be(chosen, *told))


_ROWS = (
    "SELECT row.session, row.seq, body, ended, {} FROM sessions AS row NOT INDEXED "
    "JOIN entries NOT INDEXED ON entries.seq = row.seq JOIN bodies ON bodies.seq = row.seq"
)
_SAID_SINCE = (
    "(SELECT group_concat(said.body) FROM entries AS entry JOIN bodies AS said ON said.seq = entry.seq "
    "WHERE entry.session = row.session AND entry.name IN ('note_taken', 'session_ended'))"
)


def _may_be(chosen: Selection, body: str, ended: int, said_since: str | None) -> bool:
    """Whether a session may have the side and the words by what stands there; one that cannot be read may."""
    if chosen.side is None and not chosen.words:
        return True
    try:
        told = json.loads(body)
        if chosen.side is not None and told.get("side") != chosen.side:
            return False
        texts = [told[key] for key in _TOLD if told.get(key) is not None]
        since = json.loads(f"[{said_since or ''}]")
        texts += [each.get("text", each.get("outcome")) for each in since]
        texts += ["not started" for each in since if each.get("why") == NOT_STARTED]
    except (ValueError, AttributeError, RecursionError):
        return True
    return chosen.has_words([str(text) for text in texts] + ([] if ended else [OPEN]))


def _units(connection: sqlite3.Connection, named: str) -> list[str]:
    """The units of the journal whose model or serial number is ``named``."""
    units = [str(unit) for (unit,) in connection.execute("SELECT DISTINCT unit FROM sessions NOT INDEXED")]
    return [unit for unit in units if _packed(named) in map(_packed, _names_in(unit))]


def _names_in(unit: str) -> list[str]:
    """The model and the serial number in a column of the table; none where it has been changed."""
    try:
        told = json.loads(unit)
    except (ValueError, RecursionError):
        return []
    return [str(each) for each in told] if isinstance(told, list) else []


def _plain(text: str) -> str:
    return unicodedata.normalize("NFKC", text).casefold().replace("_", " ")


def _packed(text: str) -> str:
    return "".join(char for char in _plain(text) if char not in " -")


def _utc(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="milliseconds")
