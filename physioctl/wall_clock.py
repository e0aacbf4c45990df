"""Whether the computer's time of day can be relied on: what a site had in a day is counted by it.

It is held against the journal's newest entry, and within one boot against the time since that boot. A clock
that was set forward before the present boot, and never set back, cannot be noticed. Both bounds are this
project's own.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from device.clock import BootTime
from physioctl.errors import JournalUnusable
from physioctl.events import ClockConfirmed
from physioctl.record.entries import Damaged, Entry, all_of
from physioctl.record.journal import Journal
from physioctl.record.journal_file import continue_after
from protocols.errors import Refused

BEHIND_MAX = timedelta(seconds=60)  # behind the newest entry
LEAP_MAX = timedelta(seconds=120)  # of the time of day against the time since boot, within one boot
_BOOT_MAX_MS = round(datetime(9000, 1, 1, tzinfo=UTC).timestamp() * 1000)  # later than that no entry is made


def doubt(journal: Journal) -> str | None:
    """Return what is wrong with the time of day, or None. Raise `JournalUnusable` for a damaged entry."""
    now, boot = journal.clock.utc(), journal.clock.boot()
    try:
        with journal.reading() as connection:
            newest = next(iter(all_of(connection, "ORDER BY entries.seq DESC LIMIT 1")), None)
            reference = _reference(connection)
        since = None if reference is None else _boot_reference(reference)
    except Damaged as damage:
        raise damaged(journal.name, damage) from damage
    if newest is not None and newest.utc - now > BEHIND_MAX:
        return (
            f"the clock says {local(now)}, and the newest entry in the journal was made at "
            f"{local(newest.utc)}"
        )
    if boot is None or since is None or since[0] != boot.id:
        return None
    leap = now - (since[1] + timedelta(milliseconds=boot.ms))
    if leap > LEAP_MAX:
        way = "forward"
    elif leap < -LEAP_MAX:
        way = "back"
    else:
        return None
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
        boot_utc_ms=_boot_utc_ms(journal, boot) if boot else None,
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

    Each session and each erasure carries it on, so that many small leaps add up to one that is noticed.
    """
    boot = journal.clock.boot()
    if boot is None:
        return None
    with journal.reading() as connection:
        reference = _reference(connection)
    if reference is not None and reference.text_or_none("boot_id") == boot.id:
        return reference.whole_or_none("boot_utc_ms")
    return _boot_utc_ms(journal, boot)


@dataclass(frozen=True, slots=True)
class Confirmation:
    """A person's confirmation of the time of day ``utc``, after an entry made at ``before``."""

    seq: int
    utc: datetime
    before: datetime


def confirmations(connection: sqlite3.Connection) -> list[Confirmation]:
    """Return when persons have confirmed the time of day."""
    told = all_of(connection, "WHERE name = 'clock_confirmed' ORDER BY entries.seq")
    previous = "WHERE entries.seq IN (SELECT seq - 1 FROM entries WHERE name = 'clock_confirmed')"
    before = {entry.seq + 1: entry.utc for entry in all_of(connection, previous)}
    return [Confirmation(each.seq, each.utc, before.get(each.seq, each.utc)) for each in told]


def counted_from(entry: Entry, confirmed: Sequence[Confirmation], now: datetime) -> datetime:
    """Return when ``entry`` counts as made, at ``now``: never earlier than it may have been.

    Of the times in a journal those after ``now`` were wrong, and of the others a later entry was made no
    earlier than the one before it. An entry at a wrong time counts as made when the clock was last confirmed
    after it, by which it had been made. A confirmation may itself have been wrong: it never makes an entry
    older whose own time can be right.
    """
    earlier = [each.before for each in confirmed if each.seq < entry.seq and each.before <= now]
    if entry.utc <= now and not any(before > entry.utc + BEHIND_MAX for before in earlier):
        return entry.utc
    later = [each.utc for each in confirmed if each.seq > entry.seq and each.utc <= now]
    return max([*earlier, *later]) if later else max([entry.utc, *earlier])


def last_elsewhere(connection: sqlite3.Connection, now: datetime) -> datetime | None:
    """Return when a session may last have been given in the journal that this one continues, or None.

    It is by that journal's last entry if it was whole, and otherwise until this one was begun. A time after
    ``now`` is wrong, as in `counted_from`.
    """
    begun = next(iter(all_of(connection, "WHERE entries.seq = 1")), None)
    if begun is None or begun.name != "journal_begun":
        return None
    whole = begun.flag("continues_whole")
    if whole and begun.whole("continues_entries") == 0:
        return None
    last = None if begun.body.get("continues_utc") is None else begun.moment("continues_utc")
    known = [last] if last is not None and last <= now else []
    if whole and known:
        return last
    return max([*known, counted_from(begun, confirmations(connection), now)])


def local(moment: datetime) -> str:
    """Return a moment as a person reads it, in local time."""
    return f"{moment.astimezone():%Y-%m-%d %H:%M}"


def damaged(name: str, damage: Damaged) -> JournalUnusable:
    """Return what a damaged entry means for whoever reads the journal called ``name``."""
    return JournalUnusable(f"the journal {name} is damaged: {damage}", continue_after(name))


_REFERENCES = ("session_started", "clock_confirmed", "bodies_erased")  # the entries that name the boot


def _reference(connection: sqlite3.Connection) -> Entry | None:
    newest = [
        seq
        for name in _REFERENCES
        for (seq,) in connection.execute(f"SELECT max(seq) FROM entries WHERE name = '{name}'")  # noqa: S608
        if seq is not None
    ]
    if not newest:
        return None
    found = next(iter(all_of(connection, "WHERE entries.seq = ?", (max(newest),))), None)
    if found is None or found.name not in _REFERENCES:
        raise Damaged(max(newest), "no session starts there, and no clock was confirmed")
    return None if found.erased else found


def _boot_utc_ms(journal: Journal, boot: BootTime) -> int:
    return max(0, round(journal.clock.utc().timestamp() * 1000) - boot.ms)


def _boot_reference(entry: Entry) -> tuple[str, datetime] | None:
    """Return the boot that ``entry`` was made in, and when that was by the clock then, if it says so."""
    boot_id, utc_ms = entry.text_or_none("boot_id"), entry.whole_or_none("boot_utc_ms")
    if boot_id is None or utc_ms is None:
        return None
    if utc_ms > _BOOT_MAX_MS:
        raise Damaged(entry.seq, "its boot_utc_ms is no time")
    return boot_id, datetime.fromtimestamp(utc_ms / 1000, UTC)


def _span(span: timedelta) -> str:
    minutes = round(span.total_seconds() / 60)
    return f"{minutes} min" if minutes < 120 else f"{minutes // 60} h {minutes % 60} min"
