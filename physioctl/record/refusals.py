"""Screenings that refused a session, in the journal: what was answered yes is not forgotten with the session.

Such an entry belongs to no session, counts for no day, and is read by `answers_kept`.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

from physioctl.errors import JournalUnusable
from physioctl.events import ScreeningRefused
from physioctl.person import reference
from physioctl.record.entries import Entry, all_of
from physioctl.record.journal import Journal
from physioctl.screening import Answer, AnswersRefuse, Judgement, told
from physioctl.wall_clock import doubt
from protocols.model import Protocol

_REFUSED = "WHERE session = '' AND name = 'screening_refused' ORDER BY entries.seq"


@contextmanager
def refusals_kept(
    journal: Journal, protocol: Protocol, person: str | None, *, simulated: bool
) -> Iterator[None]:
    """Record the answers of ``person`` where they refuse a session of ``protocol``, and raise it on.

    Only a refusal with a yes among the answers is recorded, of a person who is named, and while the time of
    day is not in doubt. A journal that cannot take it changes nothing of what is refused.
    """
    try:
        yield
    except AnswersRefuse as refused:
        found = refused.found
        if person is None or not _holds_a_yes(found):
            raise
        event = ScreeningRefused(
            at_ms=journal.clock.now_ms(),
            person=reference(person),
            protocol=protocol.id,
            simulated=simulated,
            answers=told((*found.replies, *found.elsewhere)),
        )
        try:
            with journal.transaction():
                if doubt(journal) is None:
                    journal.append("", event)
        except JournalUnusable as error:
            what = f"{refused.what}\nThese answers are not in the journal: {error.what}"
            raise AnswersRefuse(what, refused.action, found) from error
        raise


def refusals(connection: sqlite3.Connection, person: str, *, simulated: bool) -> Iterator[Entry]:
    """Yield what was recorded of refusals for ``person``, the oldest first, but for what has been erased.

    Raise `Damaged` for an entry that is not as it was written.
    """
    for entry in all_of(connection, _REFUSED):
        if entry.erased or entry.text("person") != reference(person):
            continue
        if entry.flag("simulated") is simulated:
            yield entry


def _holds_a_yes(found: Judgement) -> bool:
    replies = (*found.refusing, *found.replies, *found.elsewhere)
    return any(reply.answer is Answer.YES for reply in replies)
