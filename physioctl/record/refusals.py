"""Screenings that refused a session, in the journal: what was answered yes is not forgotten with the session.

Such an entry belongs to no session, counts for no day, and is read by `answers_kept`, lists and exports.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from physioctl.errors import JournalUnusable
from physioctl.events import ScreeningRefused
from physioctl.person import reference
from physioctl.record.entries import Damaged, Entry, all_of
from physioctl.record.journal import Journal
from physioctl.record.journal_reading import reading
from physioctl.record.selection import Selection
from physioctl.screening import Answer, AnswersRefuse, Judgement, told
from physioctl.wall_clock import damaged, doubt
from protocols.model import Protocol

REFUSED = "refused"  # what is said of such a screening
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


def refused(where: Path | Journal, person: str, chosen: Selection) -> tuple[Entry, ...]:
    """Return the refusals for ``person`` within the days and with the words of ``chosen``, the newest first.

    They hold for the person: a body site, a side and a unit do not narrow them. Raise `JournalUnusable` for
    an entry that was changed.
    """
    try:
        with reading(where) as connection:
            found = [
                entry
                for simulated in (False, True)
                for entry in refusals(connection, person, simulated=simulated)
                if (chosen.since is None or chosen.since <= entry.utc)
                and (chosen.until is None or entry.utc < chosen.until)
                and chosen.has_words([REFUSED, entry.text("protocol"), *dict(not_answered_no(entry))])
            ]
    except Damaged as damage:
        raise damaged(where.name if isinstance(where, Journal) else str(where), damage) from damage
    return tuple(sorted(found, key=lambda entry: entry.seq, reverse=True))


def not_answered_no(entry: Entry) -> Iterator[tuple[str, str]]:
    """Yield the title of each question of a refusal that was not answered no, and its answer.

    A question without a title has its code. Raise `Damaged` for an entry that holds no answers.
    """
    answers = entry.body.get("answers")
    if not isinstance(answers, Mapping):
        raise Damaged(entry.seq, "its answers are none")
    for code, reply in answers.items():
        told = reply if isinstance(reply, Mapping) else {"answer": reply}
        if told.get("answer") != Answer.NO:
            yield str(told.get("title") or code), str(told.get("answer"))


def _holds_a_yes(found: Judgement) -> bool:
    replies = (*found.refusing, *found.replies, *found.elsewhere)
    return any(reply.answer is Answer.YES for reply in replies)
