"""The record read back: sessions in the journal, and what a site has had today.

It only reads. Delivered is what the unit counted; what its output may have given beyond that, after it was
last heard, counts as given (`Summary.at_most_ms`). A session without an end is open; of several ends the
latest counts. Whether an open session still runs is not known. A row that was changed is damage:
`JournalUnusable`, with the entry's number.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice
from pathlib import Path
from typing import Any

from device.control.output_off import LEASE_MARGIN_PCT
from device.dialects.base import HostLoss
from device.events import BACKLOG_MAX_MS, PROGRESS_MS, OffConfirmation
from physioctl.daily_limit import WINDOW, Had
from physioctl.errors import InvalidUsage
from physioctl.events import Outcome
from physioctl.record.entries import Damaged, Entry, all_of
from physioctl.record.journal import Journal
from physioctl.record.journal_end import TABLE_DIFFERS
from physioctl.record.journal_reading import reading
from physioctl.record.selection import OPEN, Selection, candidates, has_words
from physioctl.record.sessions_table import counted_starts, differs, unit_key
from physioctl.wall_clock import confirmations, counted_from, damaged
from protocols.limits import Family

SPAN_MAX = timedelta(hours=24)  # this project's own: a session that began longer before the window is over


@dataclass(frozen=True, slots=True)
class Summary:
    """A session in one line of the record."""

    id: str
    began: datetime
    last: datetime  # when its own latest entry was made
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
    host_loss: HostLoss
    outcome: Outcome | None  # None while open: running, or crashed and never ended
    why: str
    output_off: OffConfirmation | None
    delivered_ms: int
    planned_ms: int
    energy_mj: int
    planned_energy_mj: int | None
    rest_of: str | None  # the session whose rest this one gave
    # The most that it may have delivered: this counts for the day and for its rest.
    at_most_ms: int

    @property
    def ending(self) -> str:
        """The outcome in a word; ``open`` when the session was never ended."""
        return self.outcome or OPEN

    @property
    def words(self) -> tuple[str | None, ...]:
        """What a session is looked for by, beside its notes."""
        about = (self.protocol, self.title, self.body_site, self.side, self.person, self.family)
        return (*about, self.model, self.serial, self.ending)

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
            "output_off": self.output_off,
            "delivered_ms": self.delivered_ms,
            "planned_ms": self.planned_ms,
            "energy_mj": self.energy_mj,
            "planned_energy_mj": self.planned_energy_mj,
            "rest_of": self.rest_of,
        }


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
        told = (_summary(connection, _at(connection, seq)) for seq in candidates(connection, chosen))
        found = (each for each in told if has_words(connection, chosen, each.id, each.words))
        summaries = tuple(islice(found, None if limit is None else min(limit, 2**62)))
        return Listing(summaries, total, more=next(found, None) is not None)


def session(where: Path | Journal, id_or_prefix: str | None = None) -> Session:
    """Return the one session whose id begins so, with its entries; by default the latest."""
    with _record(where) as connection:
        id_ = _latest(connection) if id_or_prefix is None else _only(connection, id_or_prefix)
        entries = tuple(all_of(connection, "WHERE session = ? ORDER BY entries.seq", (id_,)))
        start = next((entry for entry in entries if entry.name == _STARTED), None)
        between = "SELECT count(*) FROM entries NOT INDEXED WHERE session = ? AND seq BETWEEN ? AND ?"
        if start is None or connection.execute(between, (id_, start.seq, entries[-1].seq)).fetchone() != (
            len(entries),
        ):
            raise Damaged(None, f"the index of the entries of session {id_} does not agree with them")
        if start.erased:
            raise InvalidUsage(f"session {id_} has been erased", "List the others with: physioctl history")
        return Session(_summary(connection, start), entries)


def had_today(
    connection: sqlite3.Connection, person: str, body_site: str, side: str, family: Family, now: datetime
) -> Iterator[Had]:
    """Give what the person's site has had of a family within 24 hours before ``now``, the newest first.

    A session counts by its own latest entry, and an unknown side counts as both, so that what is not known
    never allows more. Sessions on simulated units do not count.
    """
    confirmed, starts = confirmations(connection), list[Entry]()
    for seq in counted_starts(connection, person, body_site):
        start = _at(connection, seq)
        if counted_from(start, confirmed, now) <= now - WINDOW - SPAN_MAX:
            break
        if _concerns(start, side, family):
            starts.append(start)
    latest = _latest_of(connection, starts)
    for start in starts:
        last = latest[start.session]
        _expect_end_agrees(connection, start, last)
        heard = counted_from(_own_last(start, last), confirmed, now)
        if heard > now - WINDOW:
            yield _had(connection, _told(start, last), heard)


def chain(where: Path | Journal, id_: str) -> tuple[Summary, ...]:
    """Return what gave the rest of session ``id_``, itself, and what it is the rest of, to the first."""
    with _record(where) as connection:
        rests = "SELECT seq FROM sessions NOT INDEXED WHERE rest_of = ?"
        links = [_at(connection, seq) for (seq,) in connection.execute(rests, (id_,)).fetchall()]
        return tuple(_summary(connection, link) for link in (*links, *_back(connection, id_)))


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
        return tuple(_summary(connection, _at(connection, seq)) for (seq,) in rows)


_STARTED = "session_started"
_RUNNING = ("commanded", "progress")  # entries that only a running session makes
_STANDS = ("session_ended", "session_reconciled", "step_ended", *_RUNNING)
_SIDES = ("left", "right")
_LAST_OF_EACH = "WHERE entries.seq IN ({})".format(
    ", ".join(f"(SELECT max(seq) FROM entries WHERE session = ? AND name = '{name}')" for name in _STANDS)  # noqa: S608
)
# By the numbers of the entries, and by no index: what is admitted depends on it.
_SINCE = """
SELECT session, max(seq) FROM entries NOT INDEXED
WHERE seq > ? AND session IN (SELECT value FROM json_each(?)) AND name IN (SELECT value FROM json_each(?))
GROUP BY session, name
"""


def _concerns(start: Entry, side: str, family: Family) -> bool:
    told = start.text("side")
    return (told == side or not {told, side} <= set(_SIDES)) and start.text_or_none("family") == family


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
    return _at(connection, newest).session


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


def _back(connection: sqlite3.Connection, id_: str | None) -> Iterator[Entry]:
    """Session ``id_`` and what it gave the rest of, back to the first; each once, whatever the rows say."""
    seen: set[str] = set()
    while id_ is not None and id_ not in seen:
        seen.add(id_)
        row = connection.execute("SELECT seq FROM sessions NOT INDEXED WHERE session = ?", (id_,)).fetchone()
        if row is None:  # there is none, or its body has been erased
            return
        start = _at(connection, row[0])
        yield start
        id_ = start.text_or_none("rest_of")


def _at(connection: sqlite3.Connection, seq: object) -> Entry:
    found = all_of(connection, "WHERE entries.seq = ?", (seq,))
    if not found or found[0].name != _STARTED:
        raise Damaged(seq, "no session starts there")
    return found[0]


def _latest_of(connection: sqlite3.Connection, starts: Sequence[Entry]) -> Mapping[str, dict[str, Entry]]:
    """The latest entries of each of the sessions that began at ``starts``: see `_latest_entries`."""
    numbers: dict[str, list[int]] = {start.session: [] for start in starts}
    if starts:
        since = (min(start.seq for start in starts), json.dumps(list(numbers)), json.dumps(_STANDS))
        for id_, seq in connection.execute(_SINCE, since):
            numbers[id_].append(seq)
    return {id_: _entries(connection, of_it) for id_, of_it in numbers.items()}


def _had(connection: sqlite3.Connection, summary: Summary, heard: datetime) -> Had:
    if not (chain_ := list(_back(connection, summary.id))):
        raise Damaged(None, f"session {summary.id} is not in the table of sessions")
    first = chain_[-1]
    is_open = summary.outcome is None
    return Had(first.session, first.whole("planned_ms"), summary.at_most_ms, is_open, heard)


def _latest_entries(connection: sqlite3.Connection, id_: str) -> dict[str, Entry]:
    """The latest entry of each kind that determines the session's state."""
    return {entry.name: entry for entry in all_of(connection, _LAST_OF_EACH, (id_,) * len(_STANDS))}


def _entries(connection: sqlite3.Connection, numbers: Collection[int]) -> dict[str, Entry]:
    places = ", ".join("?" * len(numbers))
    return {
        entry.name: entry for entry in all_of(connection, f"WHERE entries.seq IN ({places})", tuple(numbers))
    }


def _own_last(start: Entry, last: Mapping[str, Entry]) -> Entry:
    """The session's own latest entry, without a later reconciliation."""
    own = [start, *(last[name] for name in ("step_ended", *_RUNNING) if name in last)]
    if "session_ended" in last and "session_reconciled" not in last:
        own.append(last["session_ended"])
    return max(own, key=lambda entry: entry.seq)


def _end(last: Mapping[str, Entry]) -> tuple[Entry | None, OffConfirmation | None]:
    """The end that counts, and what is known of output off since; neither while the session is open.

    Another program may have reconciled a session that was still running: the session's own entries after
    that count.
    """
    end, reconciled = last.get("session_ended"), last.get("session_reconciled")
    if end is None or any(last[name].seq > end.seq for name in _RUNNING if name in last):
        return None, None
    if reconciled and reconciled.seq > end.seq:
        return end, reconciled.one_of("output_off", OffConfirmation)
    return end, end.one_of("output_off", OffConfirmation)


def _at_most_ms(start: Entry, last: Mapping[str, Entry], delivered_ms: int) -> int:
    """The most that a session may have delivered, of which ``delivered_ms`` were last heard.

    It is what was heard where its unit has counted it to its end. Else its output may have gone on until its
    lease or its timer ended it; where nothing bounds it, and while it is open, all of it may have been given.
    Of a session that another program has ended, what was last heard may not have been on the disk yet.
    """
    whole_ms = max(delivered_ms, start.whole("planned_ms"))
    end, output_off = _end(last)
    if end is None:
        return whole_ms
    reconciled, unwritten_ms = last.get("session_reconciled"), 0
    if reconciled is not None and reconciled.seq > end.seq:
        counted, unwritten_ms = reconciled.flag("counted"), BACKLOG_MAX_MS
    else:
        counted = output_off is OffConfirmation.CONFIRMED
    if counted:
        return delivered_ms
    bound_ms = start.whole("lease_ms")
    if output_off is OffConfirmation.UNKNOWN or bound_ms == 0:
        return whole_ms
    unheard_ms = bound_ms * (100 + LEASE_MARGIN_PCT) // 100 + PROGRESS_MS + unwritten_ms
    return min(whole_ms, delivered_ms + unheard_ms)


def _summary(connection: sqlite3.Connection, start: Entry) -> Summary:
    last = _latest_entries(connection, start.session)
    _expect_end_agrees(connection, start, last)
    return _told(start, last)


def _expect_end_agrees(connection: sqlite3.Connection, start: Entry, last: Mapping[str, Entry]) -> None:
    """Raise `Damaged` when the entries hold no end of a session that has one by the table, or the reverse.

    An entry that bears another name is not found among the latest: it is among all of the session's.
    """
    ended = _end(last)[0] is not None
    row = "SELECT 1 FROM sessions WHERE session = ? AND seq = ? AND ended = ?"
    if connection.execute(row, (start.session, start.seq, ended)).fetchone() is None:
        all_of(connection, "WHERE session = ? ORDER BY entries.seq", (start.session,))
        raise Damaged(start.seq, "whether its session has ended does not agree with the table of sessions")


def _told(start: Entry, last: Mapping[str, Entry]) -> Summary:
    """``start``'s session as last heard of; without an end it is open, and stands where it was left."""
    end, output_off = _end(last)
    counted = [last[name] for name in _STANDS if name in last and name != "commanded"]
    metered = [entry for entry in counted if entry.name != "step_ended"]
    family = start.text_or_none("family")
    delivered_ms = max((entry.whole("delivered_ms") for entry in counted), default=0)
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
        host_loss=start.one_of("host_loss", HostLoss),
        outcome=end.one_of("outcome", Outcome) if end else None,
        why=end.text("why") if end else "",
        output_off=output_off,
        delivered_ms=delivered_ms,
        planned_ms=start.whole("planned_ms"),
        energy_mj=max((entry.whole("energy_mj") for entry in metered), default=0),
        planned_energy_mj=start.whole_or_none("planned_energy_mj"),
        rest_of=start.text_or_none("rest_of"),
        at_most_ms=_at_most_ms(start, last, delivered_ms),
    )
