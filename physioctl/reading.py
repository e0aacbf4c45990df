"""The record for scripts: sessions, accounts, events, and rows for a data frame. Nothing is written here.

`physioctl.record` has the whole of it. ``journal`` is the user's own where none is named.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, is_dataclass
from pathlib import Path
from typing import Any

from device.clock import SystemClock
from device.events import Event
from physioctl.errors import JournalUnusable
from physioctl.record import account as accounts
from physioctl.record import history
from physioctl.record.account import Account
from physioctl.record.codec import to_json
from physioctl.record.journal import Journal, default_path
from physioctl.record.journal_begin import is_to_begin
from physioctl.record.journal_file import file_named, plainly
from physioctl.record.summary import Summary


def begin_journal(path: Path | str, *, continues: Path | None = None) -> Path:
    """Begin an empty journal at ``path``, with the folders it needs, and return where it is.

    ``continues`` is an older journal that it follows. Raise `InvalidUsage` when there is one already, and
    `JournalUnusable` when none can be made.
    """
    Journal.open(Path(path), SystemClock(), new=True, continues=continues).close()
    return Path(path)


def named_journal(path: Path | str | None) -> Path | None:
    """``path`` as it is; raise `JournalUnusable` where a journal that is named is not there."""
    if path is None:
        return None
    with plainly(str(path)):
        if is_to_begin(file_named(Path(path)), folders=True):
            raise JournalUnusable(
                f"there is no journal at {path}",
                "Check the name, or begin one: physioctl.begin_journal(path)",
            )
    return Path(path)


def sessions(journal: Path | str | None = None, *, person: str | None = None) -> tuple[Summary, ...]:
    """The sessions in the journal, the newest first; of one person, if one is named."""
    if journal is None and is_to_begin(file_named(default_path()), folders=True):
        return ()
    return history.sessions(_where(journal), person)


def account(session: Summary | str | None = None, journal: Path | str | None = None) -> Account:
    """All that the record says of one session: a summary's, one whose id begins so, or the latest."""
    return accounts.account(history.session(_where(journal), _id(session)))


def session_events(
    session: Summary | str | None = None, journal: Path | str | None = None
) -> tuple[Event, ...]:
    """The session's events as they were recorded. Raise `Damaged` for one that cannot be read."""
    entries = history.session(_where(journal), _id(session)).entries
    return tuple(entry.event() for entry in entries if not entry.erased)


def rows(values: Iterable[Any]) -> list[dict[str, Any]]:
    """Sessions, readings, events or rehearsals as dictionaries of plain values: the rows of a data frame."""
    return [_row(value) for value in values]


def _row(value: Any) -> dict[str, Any]:
    if isinstance(value, Event):
        return to_json(value)
    if hasattr(value, "as_json"):
        return dict(value.as_json())
    if is_dataclass(value) and not isinstance(value, type):
        return asdict(value)
    raise TypeError(f"{type(value).__name__} has no row")


def _where(journal: Path | str | None) -> Path:
    return named_journal(journal) or default_path()


def _id(session: Summary | str | None) -> str | None:
    return session.id if isinstance(session, Summary) else session
