"""The record read back: sessions as the journal tells them, and what a site has had today.

It reads, and cannot write. What it calls delivered is what the unit counted; a session that was never
ended is open, and counts with the last thing the unit said of it. Of an end, what was told last counts.
It never learns whether an open session still runs.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice
from pathlib import Path
from typing import Any

from device.events import Silence
from physioctl.errors import JournalUnusable, UsageMistake
from physioctl.events import Outcome
from physioctl.journal import Journal, reading
from protocols.limits import Family

A_DAY = timedelta(hours=24)


@dataclass(frozen=True, slots=True)
class Summary:
    """A session in one line of the record."""

    id: str
    began: datetime
    last: datetime  # when the last was heard of it
    protocol: str
    title: str
    content_hash: str
    family: Family | None
    body_site: str
    side: str
    person: str | None  # in its one form: see `reference`
    model: str
    serial: str
    nonce: int  # of the unit's boot in which the session ran
    lease_ms: int
    outcome: Outcome | None  # None while open: running, or crashed and never ended
    why: str
    silence: Silence | None
    delivered_ms: int
    planned_ms: int
    energy_mj: int
    planned_energy_mj: int | None
    rest_of: str | None  # the session whose rest this one gave

    @property
    def ending(self) -> str:
        """The outcome in a word; ``open`` when the session was never ended."""
        return self.outcome or "open"

    def as_json(self) -> dict[str, Any]:
        """The summary as plain values."""
        return {
            "event": "session",
            "session": self.id,
            "began": self.began.isoformat(timespec="milliseconds"),
            "last": self.last.isoformat(timespec="milliseconds"),
            "protocol": self.protocol,
            "title": self.title,
            "content_hash": self.content_hash,
            "family": self.family,
            "body_site": self.body_site,
            "side": self.side,
            "person": self.person,
            "model": self.model,
            "serial": self.serial,
            "outcome": self.ending,
            "why": self.why,
            "silence": self.silence,
            "delivered_ms": self.delivered_ms,
            "planned_ms": self.planned_ms,
            "energy_mj": self.energy_mj,
            "planned_energy_mj": self.planned_energy_mj,
        }


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry of the journal, as it was told."""

    session: str
    seq: int
    utc: datetime
    at_ms: int
    name: str
    body: Mapping[str, Any]
    hash: str

    def as_json(self) -> dict[str, Any]:
        """The entry as the event's own JSON line, with its place in the journal."""
        utc = self.utc.isoformat(timespec="milliseconds")
        return {"event": self.name, "at_ms": self.at_ms, **self.body, "seq": self.seq, "utc": utc}


@dataclass(frozen=True, slots=True)
class Session:
    """A session and everything that was told of it, in order."""

    summary: Summary
    entries: tuple[Entry, ...]


@dataclass(frozen=True, slots=True)
class Given:
    """What a site has had."""

    sessions: int
    delivered_ms: int


def reference(person: str | None) -> str | None:
    """A person's reference in its one form: P-1, p-1 and 'P-1 ' are one person."""
    return None if person is None else person.strip().casefold()


def sessions(
    where: Path | Journal, person: str | None = None, limit: int | None = None
) -> tuple[Summary, ...]:
    """The sessions in the journal, the newest first; of one person, if one is named."""
    with _record(where) as connection:
        starts = (start for start in _starts(connection) if person is None or _is_of(start.body, person))
        return tuple(_summary(connection, start) for start in islice(starts, limit))


def session(where: Path | Journal, id_or_prefix: str | None = None) -> Session:
    """The one session whose id begins so, with its entries; by default the latest."""
    with _record(where) as connection:
        id_ = _latest(connection) if id_or_prefix is None else _only(connection, id_or_prefix)
        entries = tuple(_entries(connection, id_))
        start = next(entry for entry in entries if entry.name == _STARTED)
        return Session(_summary(connection, start), entries)


def delivered_today(
    where: Path | Journal, person: str, body_site: str, side: str, family: Family, now: datetime
) -> Given:
    """What the person's site has had of a family within the 24 hours before ``now``.

    A session counts by when the last was heard of it, and a side that was not told counts as both,
    so that what is not known never makes room for more.
    """
    with _record(where) as connection:
        had = [
            summary
            for start in _starts(connection)
            if _concerns(start.body, person, body_site, side, family)
            and (summary := _summary(connection, start)).last > now - A_DAY
            and summary.delivered_ms
        ]
    return Given(len(had), sum(summary.delivered_ms for summary in had))


def chain(where: Path | Journal, id_: str) -> tuple[Summary, ...]:
    """What gave the rest of session ``id_``, then itself, and what it gave the rest of, back to the first."""
    with _record(where) as connection:
        starts = {start.session: start for start in _starts(connection)}
        after = [start for start in starts.values() if start.body.get("rest_of") == id_]
        links = [*after, *_back(starts, id_)]
        return tuple(_summary(connection, link) for link in links)


def unsettled(where: Path | Journal, model: str, serial: str) -> tuple[Summary, ...]:
    """Sessions of one unit that were never ended, or ended without proof of silence.

    One that was reconciled with the unit since is settled, unless it has told something itself after that.
    Two models may have a serial number in common: they are two units.
    """
    unit = (model, serial)
    with _record(where) as connection:
        mine = [start for start in _starts(connection) if (start.body["model"], start.body["serial"]) == unit]
        return tuple(_summary(connection, start) for start in mine if not _settled(connection, start.session))


_STARTED = "session_started"
_RUNNING = ("commanded", "progress")  # told by a session while it runs, and by nobody else
_SIDES = ("left", "right")


def _is_of(start: Mapping[str, Any], person: str) -> bool:
    return reference(start["person"]) == reference(person)


def _concerns(start: Mapping[str, Any], person: str, body_site: str, side: str, family: Family) -> bool:
    same_side = start["side"] == side or not {start["side"], side} <= set(_SIDES)
    same_use = (start["body_site"], start["family"]) == (body_site, family)
    return same_side and same_use and _is_of(start, person)


@contextmanager
def _record(where: Path | Journal) -> Iterator[sqlite3.Connection]:
    try:
        with reading(where) as connection:
            yield connection
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        # What a session told of itself always has these fields; only a changed entry lacks them.
        name = where.name if isinstance(where, Journal) else where
        raise JournalUnusable(
            f"the journal {name} holds an entry that cannot be read",
            "See `physioctl verify` for where it is.",
        ) from error


def _latest(connection: sqlite3.Connection) -> str:
    starts = "SELECT session FROM entries WHERE name = 'session_started' ORDER BY seq DESC LIMIT 1"
    row = connection.execute(starts).fetchone()
    if row is None:
        raise UsageMistake("there is no session in the journal yet", "Run one: physioctl demo shows how.")
    return str(row[0])


def _only(connection: sqlite3.Connection, prefix: str) -> str:
    starts = (
        "SELECT DISTINCT session FROM entries WHERE name = 'session_started' AND substr(session, 1, ?) = ?"
    )
    ids = [str(row[0]) for row in connection.execute(starts, (len(prefix), prefix))]
    if prefix in ids or len(ids) == 1:
        return prefix if prefix in ids else ids[0]
    if not ids:
        raise UsageMistake(f"no session begins with {prefix!r}", "List them with: physioctl history")
    raise UsageMistake(
        f"{len(ids)} sessions begin with {prefix!r}: {', '.join(sorted(ids)[:5])}", "Give more of the id."
    )


def _back(starts: Mapping[str, Entry], id_: str | None) -> Iterator[Entry]:
    while id_ is not None and id_ in starts:
        yield starts[id_]
        id_ = starts[id_].body.get("rest_of")


def _settled(connection: sqlite3.Connection, id_: str) -> bool:
    last = _last_words(connection, id_)
    end, silence = _end(last)
    return silence is Silence.PROVEN or (end is not None and _reconciled_since(end, last) is not None)


def _last_words(connection: sqlite3.Connection, id_: str) -> dict[str, Entry]:
    """The last entry of each kind that says where the session stands."""
    names = ("session_ended", "session_reconciled", "step_ended", *_RUNNING)
    return {name: entry for name in names if (entry := _last(connection, id_, name))}


def _end(last: Mapping[str, Entry]) -> tuple[Entry | None, Silence | None]:
    """The end that stands, and what is known of the output since; neither while the session is open.

    Another program may have taken a running session for one that broke off: whatever the session has
    told of itself after that counts.
    """
    end = last.get("session_ended")
    if end is None or any(last[name].seq > end.seq for name in _RUNNING if name in last):
        return None, None
    return end, Silence((_reconciled_since(end, last) or end).body["silence"])


def _reconciled_since(end: Entry, last: Mapping[str, Entry]) -> Entry | None:
    reconciled = last.get("session_reconciled")
    return reconciled if reconciled and reconciled.seq > end.seq else None


_COLUMNS = "SELECT session, seq, utc, at_ms, name, body, hash FROM entries"


def _starts(connection: sqlite3.Connection) -> Iterator[Entry]:
    """How each session began, the newest first."""
    rows = connection.execute(f"{_COLUMNS} WHERE name = 'session_started' ORDER BY seq DESC")
    return map(_entry, rows.fetchall())


def _entries(connection: sqlite3.Connection, id_: str) -> Iterator[Entry]:
    return map(_entry, connection.execute(f"{_COLUMNS} WHERE session = ? ORDER BY seq", (id_,)))


def _last(connection: sqlite3.Connection, id_: str, name: str) -> Entry | None:
    one = f"{_COLUMNS} WHERE session = ? AND name = ? ORDER BY seq DESC LIMIT 1"
    row = connection.execute(one, (id_, name)).fetchone()
    return _entry(row) if row else None


def _entry(row: tuple[Any, ...]) -> Entry:
    session, seq, utc, at_ms, name, body, hash_ = row
    told = json.loads(body)
    if not isinstance(told, dict):
        raise TypeError("an entry's body is an object")
    return Entry(session, seq, datetime.fromisoformat(utc), at_ms, name, told, hash_)


def _summary(connection: sqlite3.Connection, start: Entry) -> Summary:
    """``start``'s session as last heard of; without an end it is open, and stands where it was left."""
    last = _last_words(connection, start.session)
    end, silence = _end(last)
    heard = [start, *last.values()]
    told, closing = start.body, end.body if end else {}
    return Summary(
        id=start.session,
        began=start.utc,
        last=max(entry.utc for entry in heard),
        protocol=told["protocol"],
        title=told["title"],
        content_hash=told["content_hash"],
        family=Family(told["family"]) if told["family"] else None,
        body_site=told["body_site"],
        side=told["side"],
        person=reference(told["person"]),
        model=told["model"],
        serial=told["serial"],
        nonce=told["nonce"],
        lease_ms=told["lease_ms"],
        outcome=Outcome(closing["outcome"]) if end else None,
        why=closing.get("why", ""),
        silence=silence,
        delivered_ms=max(entry.body.get("delivered_ms", 0) for entry in heard),
        planned_ms=told["planned_ms"],
        energy_mj=max(entry.body.get("energy_mj", 0) for entry in heard),
        planned_energy_mj=told["planned_energy_mj"],
        rest_of=told.get("rest_of"),
    )
