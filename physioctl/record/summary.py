"""A session in one line of the record, made of its first entry and the latest of each kind that matters.

Delivered is what the unit counted; what its output may have given beyond that, after it was last heard,
counts as given (`Summary.at_most_ms`). A session without an end is open; of several ends the latest counts.
Whether an open session still runs is not known. A row that was changed is `Damaged`.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from device.control.output_off import LEASE_MARGIN_PCT
from device.dialects.base import HostLoss
from device.events import BACKLOG_MAX_MS, NOT_STARTED, PROGRESS_MS, OffConfirmation
from physioctl.events import Outcome
from physioctl.record.entries import Damaged, Entry, all_of
from physioctl.record.selection import OPEN
from protocols.limits import Family

STARTED = "session_started"
RUNNING = ("commanded", "progress")  # entries that only a running session makes
STANDS = ("session_ended", "session_reconciled", "step_ended", *RUNNING)
_LAST_OF_EACH = "WHERE entries.seq IN ({})".format(
    ", ".join(f"(SELECT max(seq) FROM entries WHERE session = ? AND name = '{name}')" for name in STANDS)  # noqa: S608
)


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
    def ending_shown(self) -> str:
        """The same for a person: what nobody has started was not broken off by a fault."""
        return "not started" if self.why == NOT_STARTED else self.ending

    @property
    def words(self) -> tuple[str | None, ...]:
        """What a session is looked for by, beside its notes."""
        about = (self.protocol, self.title, self.body_site, self.side, self.person, self.family)
        return (*about, self.model, self.serial, self.ending, self.ending_shown)

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


def start_at(connection: sqlite3.Connection, seq: object) -> Entry:
    """The entry of this number, which began a session; raise `Damaged` where none did."""
    found = all_of(connection, "WHERE entries.seq = ?", (seq,))
    if not found or found[0].name != STARTED:
        raise Damaged(seq, "no session starts there")
    return found[0]


def back(connection: sqlite3.Connection, id_: str | None) -> Iterator[Entry]:
    """Session ``id_`` and what it gave the rest of, back to the first; each once, whatever the rows say."""
    seen: set[str] = set()
    while id_ is not None and id_ not in seen:
        seen.add(id_)
        row = connection.execute("SELECT seq FROM sessions NOT INDEXED WHERE session = ?", (id_,)).fetchone()
        if row is None:  # there is none, or its body has been erased
            return
        start = start_at(connection, row[0])
        yield start
        id_ = start.text_or_none("rest_of")


def latest_entries(connection: sqlite3.Connection, id_: str) -> dict[str, Entry]:
    """The latest entry of each kind that determines the session's state."""
    return {entry.name: entry for entry in all_of(connection, _LAST_OF_EACH, (id_,) * len(STANDS))}


def entries_of(connection: sqlite3.Connection, numbers: Collection[int]) -> dict[str, Entry]:
    """The entries of these numbers by their names, no two of which are the same."""
    places = ", ".join("?" * len(numbers))
    return {
        entry.name: entry for entry in all_of(connection, f"WHERE entries.seq IN ({places})", tuple(numbers))
    }


def own_last(start: Entry, last: Mapping[str, Entry]) -> Entry:
    """The session's own latest entry, without a later reconciliation."""
    own = [start, *(last[name] for name in ("step_ended", *RUNNING) if name in last)]
    if "session_ended" in last and "session_reconciled" not in last:
        own.append(last["session_ended"])
    return max(own, key=lambda entry: entry.seq)


def _end(last: Mapping[str, Entry]) -> tuple[Entry | None, OffConfirmation | None]:
    """The end that counts, and what is known of output off since; neither while the session is open.

    Another program may have reconciled a session that was still running: the session's own entries after
    that count.
    """
    end, reconciled = last.get("session_ended"), last.get("session_reconciled")
    if end is None or any(last[name].seq > end.seq for name in RUNNING if name in last):
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


def summary_of(connection: sqlite3.Connection, start: Entry) -> Summary:
    """The summary of the session that began at ``start``; raise `Damaged` for an entry that it is made of."""
    last = latest_entries(connection, start.session)
    expect_end_agrees(connection, start, last)
    return told(start, last)


def expect_end_agrees(connection: sqlite3.Connection, start: Entry, last: Mapping[str, Entry]) -> None:
    """Raise `Damaged` when the entries hold no end of a session that has one by the table, or the reverse.

    An entry that bears another name is not found among the latest: it is among all of the session's.
    """
    ended = _end(last)[0] is not None
    row = "SELECT 1 FROM sessions WHERE session = ? AND seq = ? AND ended = ?"
    if connection.execute(row, (start.session, start.seq, ended)).fetchone() is None:
        all_of(connection, "WHERE session = ? ORDER BY entries.seq", (start.session,))
        raise Damaged(start.seq, "whether its session has ended does not agree with the table of sessions")


def told(start: Entry, last: Mapping[str, Entry]) -> Summary:
    """``start``'s session as last heard of; without an end it is open, and stands where it was left."""
    end, output_off = _end(last)
    counted = [last[name] for name in STANDS if name in last and name != "commanded"]
    metered = [entry for entry in counted if entry.name != "step_ended"]
    family = start.text_or_none("family")
    delivered_ms = max((entry.whole("delivered_ms") for entry in counted), default=0)
    return Summary(
        id=start.session,
        began=start.utc,
        last=own_last(start, last).utc,
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
