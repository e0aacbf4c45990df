"""The record read back: sessions as the journal tells them, and what a site has had today.

It reads, and cannot write. What it calls delivered is what the unit counted; a session that was never
ended is open, and counts with the last thing the unit said of it. Of an end, what was told last counts.
It never learns whether an open session still runs. A row that is not as it was written is damage:
`JournalUnusable`, with the entry's number.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from device.events import Silence
from physioctl.daily_limit import WINDOW, Had
from physioctl.errors import UsageMistake
from physioctl.events import Outcome
from physioctl.person import reference
from physioctl.record.entries import Damaged, Entry, all_of
from physioctl.record.journal import Journal, reading
from physioctl.record.sessions_table import unit_key
from physioctl.wall_clock import confirmations, counted_from, damaged
from protocols.limits import Family

SPAN_MAX = timedelta(hours=24)  # this project's own: a session that began longer before the window is over


@dataclass(frozen=True, slots=True)
class Summary:
    """A session in one line of the record."""

    id: str
    began: datetime
    last: datetime  # when it last told something itself
    protocol: str
    title: str
    content_hash: str
    family: Family | None
    body_site: str
    side: str
    person: str | None  # in its one form: see `reference`
    simulated: bool  # on a unit made in the same process: it counts for nobody
    model: str
    serial: str
    nonce: int
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
            "simulated": self.simulated,
            "model": self.model,
            "serial": self.serial,
            "outcome": self.ending,
            "why": self.why,
            "silence": self.silence,
            "delivered_ms": self.delivered_ms,
            "planned_ms": self.planned_ms,
            "energy_mj": self.energy_mj,
            "planned_energy_mj": self.planned_energy_mj,
            "rest_of": self.rest_of,
        }


@dataclass(frozen=True, slots=True)
class Session:
    """A session and everything that was told of it, in order."""

    summary: Summary
    entries: tuple[Entry, ...]


def sessions(
    where: Path | Journal, person: str | None = None, limit: int | None = None
) -> tuple[Summary, ...]:
    """Return the sessions in the journal, the newest first; of one person, if one is named."""
    chosen = "SELECT seq FROM entries WHERE name = 'session_started'"
    values: tuple[object, ...] = ()
    if person is not None:
        chosen, values = "SELECT seq FROM sessions WHERE person = ?", (reference(person),)
    newest = f"{chosen} ORDER BY seq DESC LIMIT ?"
    at_most = -1 if limit is None else min(limit, 2**62)
    with _record(where) as connection:
        rows = connection.execute(newest, (*values, at_most)).fetchall()
        starts = (start for (seq,) in rows for start in _at(connection, seq) if not start.erased)
        return tuple(_summary(connection, start) for start in starts)


def session(where: Path | Journal, id_or_prefix: str | None = None) -> Session:
    """Return the one session whose id begins so, with its entries; by default the latest."""
    with _record(where) as connection:
        id_ = _latest(connection) if id_or_prefix is None else _only(connection, id_or_prefix)
        entries = tuple(all_of(connection, "WHERE session = ? ORDER BY entries.seq", (id_,)))
        start = next(entry for entry in entries if entry.name == _STARTED)
        if start.erased:
            raise UsageMistake(f"session {id_} has been erased", "List the others with: physioctl history")
        return Session(_summary(connection, start), entries)


def had_today(
    connection: sqlite3.Connection, person: str, body_site: str, side: str, family: Family, now: datetime
) -> Iterator[Had]:
    """Give what the person's site has had of a family within 24 hours before ``now``, the newest first.

    A session counts by when it last told something, and a side that was not told counts as both, so that
    what is not known never makes room for more. Sessions on simulated units do not count.
    """
    confirmed = confirmations(connection)
    mine = "SELECT seq FROM sessions WHERE person = ? AND body_site = ? AND simulated = 0 ORDER BY seq DESC"
    for (seq,) in connection.execute(mine, (person, body_site)).fetchall():
        for start in _at(connection, seq):
            if counted_from(start, confirmed) <= now - WINDOW - SPAN_MAX:
                return
            if start.text_or_none("person") != person:
                raise Damaged(seq, "the table of sessions names another person")
            if not _concerns(start, side, family):
                continue
            summary, last = _summary(connection, start), _last_told(connection, start)
            heard = counted_from(last, confirmed)
            if heard > now - WINDOW:
                yield _had(connection, summary, heard)


def chain(where: Path | Journal, id_: str) -> tuple[Summary, ...]:
    """Return what gave the rest of session ``id_``, itself, and what it is the rest of, to the first."""
    with _record(where) as connection:
        after = connection.execute("SELECT seq FROM sessions WHERE rest_of = ?", (id_,)).fetchall()
        links = [start for (seq,) in after for start in _at(connection, seq)]
        return tuple(_summary(connection, link) for link in (*links, *_back(connection, id_)))


def unsettled(
    where: Path | Journal, model: str, serial: str, *, simulated: bool | None = None
) -> tuple[Summary, ...]:
    """Return the sessions of a unit that were never ended, or ended without output confirmed off.

    One that was reconciled with the unit since is settled, unless it has told something itself after that.
    ``simulated`` narrows it to sessions on simulated units, or to the others.
    """
    mine = "SELECT seq FROM sessions WHERE unit = ? AND simulated IN (?, ?) AND settled = 0 ORDER BY seq"
    either = (0, 1) if simulated is None else (int(simulated),) * 2
    with _record(where) as connection:
        rows = connection.execute(mine, (unit_key(model, serial), *either)).fetchall()
        return tuple(_summary(connection, start) for (seq,) in rows for start in _at(connection, seq))


_STARTED = "session_started"
_RUNNING = ("commanded", "progress")  # told by a session while it runs, and by nobody else
_STANDS = ("session_ended", "session_reconciled", "step_ended", *_RUNNING)
_SIDES = ("left", "right")
_LAST_OF_EACH = "WHERE entries.seq IN ({})".format(
    ", ".join(f"(SELECT max(seq) FROM entries WHERE session = ? AND name = '{name}')" for name in _STANDS)  # noqa: S608
)


def _concerns(start: Entry, side: str, family: Family) -> bool:
    told = start.text("side")
    return (told == side or not {told, side} <= set(_SIDES)) and start.text_or_none("family") == family


@contextmanager
def _record(where: Path | Journal) -> Iterator[sqlite3.Connection]:
    try:
        with reading(where) as connection:
            yield connection
    except Damaged as damage:
        raise damaged(where.name if isinstance(where, Journal) else str(where), damage) from damage


def _latest(connection: sqlite3.Connection) -> str:
    newest = all_of(connection, "WHERE name = 'session_started' ORDER BY entries.seq DESC LIMIT 1")
    if not newest:
        raise UsageMistake("there is no session in the journal yet", "Run one: physioctl demo shows how.")
    return newest[0].session


def _only(connection: sqlite3.Connection, prefix: str) -> str:
    starts = "SELECT session FROM entries WHERE name = 'session_started' AND substr(session, 1, ?) = ?"
    shown = ascii(prefix[:64])
    try:
        ids = [str(row[0]) for row in connection.execute(starts, (len(prefix), prefix))]
    except UnicodeEncodeError:
        ids = []
    if prefix in ids or len(ids) == 1:
        return prefix if prefix in ids else ids[0]
    if not ids:
        raise UsageMistake(f"no session begins with {shown}", "List them with: physioctl history")
    raise UsageMistake(
        f"{len(ids)} sessions begin with {shown}: {', '.join(sorted(ids)[:5])}", "Give more of the id."
    )


def _back(connection: sqlite3.Connection, id_: str | None) -> Iterator[Entry]:
    """Session ``id_`` and what it gave the rest of, back to the first; each once, whatever the rows say."""
    seen: set[str] = set()
    while id_ is not None and id_ not in seen:
        seen.add(id_)
        found = all_of(connection, "WHERE session = ? AND name = 'session_started'", (id_,))
        if not found or found[0].erased:
            return
        yield found[0]
        id_ = found[0].text_or_none("rest_of")


def _at(connection: sqlite3.Connection, seq: object) -> list[Entry]:
    found = all_of(connection, "WHERE entries.seq = ?", (seq,))
    if not found or found[0].name != _STARTED:
        raise Damaged(seq, "no session starts there")
    return found


def _had(connection: sqlite3.Connection, summary: Summary, heard: datetime) -> Had:
    *_, first = _back(connection, summary.id)
    is_open = summary.outcome is None
    delivered_ms = max(summary.delivered_ms, summary.planned_ms) if is_open else summary.delivered_ms
    return Had(first.session, first.whole("planned_ms"), delivered_ms, is_open, heard)


def _last_words(connection: sqlite3.Connection, id_: str) -> dict[str, Entry]:
    """The last entry of each kind that says where the session stands."""
    return {entry.name: entry for entry in all_of(connection, _LAST_OF_EACH, (id_,) * len(_STANDS))}


def _last_told(connection: sqlite3.Connection, start: Entry) -> Entry:
    """The last entry that the session itself told: what was reconciled later is another's word."""
    return _own_last(start, _last_words(connection, start.session))


def _own_last(start: Entry, last: Mapping[str, Entry]) -> Entry:
    own = [start, *(last[name] for name in ("step_ended", *_RUNNING) if name in last)]
    if "session_ended" in last and "session_reconciled" not in last:
        own.append(last["session_ended"])
    return max(own, key=lambda entry: entry.seq)


def _end(last: Mapping[str, Entry]) -> tuple[Entry | None, Silence | None]:
    """The end that stands, and what is known of the output since; neither while the session is open.

    Another program may have taken a running session for one that broke off: whatever the session has
    told of itself after that counts.
    """
    end, reconciled = last.get("session_ended"), last.get("session_reconciled")
    if end is None or any(last[name].seq > end.seq for name in _RUNNING if name in last):
        return None, None
    if reconciled and reconciled.seq > end.seq:
        return end, reconciled.one_of("silence", Silence)
    return end, end.one_of("silence", Silence)


def _summary(connection: sqlite3.Connection, start: Entry) -> Summary:
    """``start``'s session as last heard of; without an end it is open, and stands where it was left."""
    last = _last_words(connection, start.session)
    end, silence = _end(last)
    counted = [last[name] for name in _STANDS if name in last and name != "commanded"]
    metered = [entry for entry in counted if entry.name != "step_ended"]
    family = start.text_or_none("family")
    return Summary(
        id=start.session,
        began=start.utc,
        last=_own_last(start, last).utc,
        protocol=start.text("protocol"),
        title=start.text("title"),
        content_hash=start.text("content_hash"),
        family=None if family is None else start.one_of("family", Family),
        body_site=start.text("body_site"),
        side=start.text("side"),
        person=start.text_or_none("person"),
        simulated=start.flag("simulated"),
        model=start.text("model"),
        serial=start.text("serial"),
        nonce=start.whole("nonce"),
        lease_ms=start.whole("lease_ms"),
        outcome=end.one_of("outcome", Outcome) if end else None,
        why=end.text("why") if end else "",
        silence=silence,
        delivered_ms=max((entry.whole("delivered_ms") for entry in counted), default=0),
        planned_ms=start.whole("planned_ms"),
        energy_mj=max((entry.whole("energy_mj") for entry in metered), default=0),
        planned_energy_mj=start.whole_or_none("planned_energy_mj"),
        rest_of=start.text_or_none("rest_of"),
    )
