"""Whether the computer's time of day can be relied on: what a site had in a day is counted by it.

It is held against the journal's newest entry, and within one boot against the time since that boot. A clock
that was set forward before the boot at hand, and never set back, cannot be noticed. Both bounds are this
project's own.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from physioctl.errors import JournalUnusable
from physioctl.events import ClockConfirmed
from physioctl.record.entries import Damaged, Entry, all_of
from physioctl.record.journal import Journal
from physioctl.record.journal_file import continue_after
from protocols.errors import Refused

BEHIND_MAX = timedelta(seconds=60)  # behind the newest entry
LEAP_MAX = timedelta(seconds=120)  # of the time of day against the time since boot, within one boot


def doubt(journal: Journal) -> str | None:
    """Return what is wrong with the time of day, or None. Raise `JournalUnusable` for a damaged entry."""
    now, boot = journal.clock.utc(), journal.clock.boot()
    try:
        with journal.reading() as connection:
            newest = all_of(connection, "ORDER BY entries.seq DESC LIMIT 1")
            reference = _reference(connection)
    except Damaged as damage:
        raise damaged(journal.name, damage) from damage
    if newest and newest[0].utc - now > BEHIND_MAX:
        return (
            f"the clock says {local(now)}, and the newest entry in the journal was made at "
            f"{local(newest[0].utc)}"
        )
    since = None if reference is None else reference.whole_or_none("boot_utc_ms")
    if boot is None or reference is None or since is None or reference.text_or_none("boot_id") != boot.id:
        return None
    leap = now - _from_ms(since + boot.ms)
    if abs(leap) <= LEAP_MAX:
        return None
    way = "forward" if leap > timedelta(0) else "back"
    return (
        f"the clock says {local(now)}; it was set {way} by {_span(abs(leap))} since the computer was started"
    )


def confirm(journal: Journal, ask: Callable[[str], bool]) -> None:
    """If the time of day is in doubt, ask a person whether it is right, and record that they said so."""
    what = doubt(journal)
    if what is None or not ask(what):
        return
    boot = journal.clock.boot()
    told = ClockConfirmed(
        at_ms=journal.clock.now_ms(),
        doubt=what,
        boot_id=boot.id if boot else None,
        boot_utc_ms=_boot_utc_ms(journal) if boot else None,
    )
    journal.append("", told)


def expect_sound(journal: Journal) -> None:
    """Raise `Refused` while the time of day is in doubt."""
    if what := doubt(journal):
        raise Refused(
            f"the time of day is in doubt: {what}",
            "Set the computer's clock. If it is right, start at a terminal, where you can confirm it.",
        )


def boot_reference_ms(journal: Journal) -> int | None:
    """Return when this boot was, in ms of UTC, by the first session since it or since a confirmation.

    Each session carries it on, so that many small leaps add up to one that is noticed.
    """
    boot = journal.clock.boot()
    if boot is None:
        return None
    with journal.reading() as connection:
        reference = _reference(connection)
    if reference is not None and reference.text_or_none("boot_id") == boot.id:
        return reference.whole_or_none("boot_utc_ms")
    return _boot_utc_ms(journal)


def confirmations(connection: sqlite3.Connection) -> list[Entry]:
    """Return the entries by which persons have confirmed the time of day."""
    return all_of(connection, "WHERE name = 'clock_confirmed' ORDER BY entries.seq")


def counted_from(entry: Entry, confirmed: list[Entry]) -> datetime:
    """Return when ``entry`` counts as made: no later than the clock was confirmed after it."""
    return min([entry.utc, *(each.utc for each in confirmed if each.seq > entry.seq)])


def local(moment: datetime) -> str:
    """Return a moment as a person reads it, in local time."""
    return f"{moment.astimezone():%Y-%m-%d %H:%M}"


def damaged(name: str, damage: Damaged) -> JournalUnusable:
    """Return what a damaged entry means for whoever reads the journal called ``name``."""
    return JournalUnusable(f"the journal {name} is damaged: {damage}", continue_after(name))


def _reference(connection: sqlite3.Connection) -> Entry | None:
    newest = [
        seq
        for name in ("session_started", "clock_confirmed")
        for (seq,) in connection.execute(f"SELECT max(seq) FROM entries WHERE name = '{name}'")  # noqa: S608
        if seq is not None
    ]
    found = all_of(connection, "WHERE entries.seq = ?", (max(newest),)) if newest else []
    return found[0] if found and not found[0].erased else None


def _boot_utc_ms(journal: Journal) -> int:
    boot = journal.clock.boot()
    since_ms = boot.ms if boot else 0
    return max(0, round(journal.clock.utc().timestamp() * 1000) - since_ms)


def _from_ms(utc_ms: int) -> datetime:
    return datetime.fromtimestamp(utc_ms / 1000, UTC)


def _span(span: timedelta) -> str:
    minutes = round(span.total_seconds() / 60)
    return f"{minutes} min" if minutes < 120 else f"{minutes // 60} h {minutes % 60} min"
