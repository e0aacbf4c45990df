"""What a person's body site has had within 24 hours, by the record: the day's limits are reckoned from it.

A row that cannot be read is `Damaged`, and no session is given then: what is not known never allows more.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta

from physioctl.daily_limit import WINDOW, Had
from physioctl.record.entries import Damaged, Entry
from physioctl.record.sessions_table import counted_starts
from physioctl.record.summary import (
    STANDS,
    Summary,
    back,
    entries_of,
    expect_end_agrees,
    own_last,
    start_at,
    told,
)
from physioctl.wall_clock import confirmations, counted_from
from protocols.limits import Family

SPAN_MAX = timedelta(hours=24)  # this project's own: a session that began longer before the window is over
_SIDES = ("left", "right")
# By the numbers of the entries, and by no index: what is admitted depends on it.
_SINCE = """
SELECT session, max(seq) FROM entries NOT INDEXED
WHERE seq > ? AND session IN (SELECT value FROM json_each(?)) AND name IN (SELECT value FROM json_each(?))
GROUP BY session, name
"""


def had_today(
    connection: sqlite3.Connection, person: str, body_site: str, side: str, family: Family, now: datetime
) -> Iterator[Had]:
    """Give what the person's site has had of a family within 24 hours before ``now``, the newest first.

    A session counts by its own latest entry, and an unknown side counts as both, so that what is not known
    never allows more. Sessions on simulated units do not count.
    """
    confirmed, starts = confirmations(connection), list[Entry]()
    for seq in counted_starts(connection, person, body_site):
        start = start_at(connection, seq)
        if counted_from(start, confirmed, now) <= now - WINDOW - SPAN_MAX:
            break
        if _concerns(start, side, family):
            starts.append(start)
    latest = _latest_of(connection, starts)
    for start in starts:
        last = latest[start.session]
        expect_end_agrees(connection, start, last)
        heard = counted_from(own_last(start, last), confirmed, now)
        if heard > now - WINDOW:
            yield _had(connection, told(start, last), heard)


def _concerns(start: Entry, side: str, family: Family) -> bool:
    told = start.text("side")
    return (told == side or not {told, side} <= set(_SIDES)) and start.text_or_none("family") == family


def _latest_of(connection: sqlite3.Connection, starts: Sequence[Entry]) -> Mapping[str, dict[str, Entry]]:
    """The latest entries of each of the sessions that began at ``starts``: see `latest_entries`."""
    numbers: dict[str, list[int]] = {start.session: [] for start in starts}
    if starts:
        since = (min(start.seq for start in starts), json.dumps(list(numbers)), json.dumps(STANDS))
        for id_, seq in connection.execute(_SINCE, since):
            numbers[id_].append(seq)
    return {id_: entries_of(connection, of_it) for id_, of_it in numbers.items()}


def _had(connection: sqlite3.Connection, summary: Summary, heard: datetime) -> Had:
    if not (chain_ := list(back(connection, summary.id))):
        raise Damaged(None, f"session {summary.id} is not in the table of sessions")
    first = chain_[-1]
    is_open = summary.outcome is None
    return Had(first.session, first.whole("planned_ms"), summary.at_most_ms, is_open, heard)
