"""Refused sessions in the journal: what was answered yes, and what limits did not allow, is not forgotten.

Such an entry belongs to no session and counts for no day. It is read by lists and exports; that of a
screening by `answers_kept` too.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from device.events import Event, name_of
from physioctl.errors import JournalUnusable
from physioctl.events import ScreeningRefused, SessionRefused
from physioctl.person import reference
from physioctl.record.entries import Damaged, Entry, all_of, each_of
from physioctl.record.history import Unreadable
from physioctl.record.journal import Journal
from physioctl.record.journal_reading import reading
from physioctl.record.selection import Selection
from physioctl.screening import Answer, AnswersRefuse, told
from physioctl.wall_clock import doubt
from protocols.errors import Refused
from protocols.model import Protocol

REFUSED = "refused"  # what is said of such a screening
BY_LIMITS = name_of(SessionRefused)
_SCREENINGS = "WHERE session = '' AND name = 'screening_refused' ORDER BY entries.seq"
_ALL = "WHERE session = '' AND name IN ('screening_refused', 'session_refused') ORDER BY entries.seq"


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
        if person is None or not is_kept(refused, person):
            raise
        found = refused.found
        event = ScreeningRefused(
            at_ms=journal.clock.now_ms(),
            person=reference(person),
            protocol=protocol.id,
            simulated=simulated,
            answers=told((*found.replies, *found.elsewhere)),
        )
        try:
            _keep(journal, event)
        except JournalUnusable as error:
            what = f"{refused.what}\nThese answers are not in the journal: {error.what}"
            raise AnswersRefuse(what, refused.action, found) from error
        raise


@contextmanager
def limits_kept(
    journal: Journal, protocol: Protocol, person: str | None, side: str, *, simulated: bool
) -> Iterator[None]:
    """Record that a session of ``protocol`` for ``person`` is refused before it begins, and raise it on.

    As in `refusals_kept`, only of a person who is named, and while the time of day is not in doubt.
    """
    try:
        yield
    except Refused as refused:
        if person is None:
            raise
        event = SessionRefused(
            at_ms=journal.clock.now_ms(),
            person=reference(person),
            protocol=protocol.id,
            body_site=protocol.body_site,
            side=side,
            simulated=simulated,
            why=refused.what,
        )
        try:
            _keep(journal, event)
        except JournalUnusable as error:
            what = f"{refused.what}\nThis refusal is not in the journal: {error.what}"
            raise Refused(what, refused.action) from error
        raise


def _keep(journal: Journal, event: Event) -> None:
    """Record ``event`` of no session, unless the time of day is in doubt."""
    with journal.transaction():
        if doubt(journal) is None:
            journal.append("", event)


def refusals(connection: sqlite3.Connection, person: str, *, simulated: bool) -> Iterator[Entry]:
    """Yield the screenings that refused ``person`` a session, the oldest first, but for what has been erased.

    Raise `Damaged` for an entry that is not as it was written.
    """
    for entry in all_of(connection, _SCREENINGS):
        if entry.erased or entry.text("person") != reference(person):
            continue
        if entry.flag("simulated") is simulated:
            yield entry


def refused(
    where: Path | Journal, person: str, chosen: Selection
) -> tuple[tuple[Entry, ...], tuple[Unreadable, ...]]:
    """Return the refusals for ``person`` within the days and with the words of ``chosen``, the newest first.

    They hold for the person: a body site, a side and a unit do not narrow them. The second are those that
    cannot be read, whoever they are of.
    """
    found, unreadable = list[Entry](), list[Unreadable]()
    with reading(where) as connection:
        for each in reversed(each_of(connection, _ALL)):
            try:
                if isinstance(each, Damaged):
                    raise each
                if not each.erased and each.text("person") == reference(person) and _is_chosen(each, chosen):
                    found.append(each)
            except Damaged as damage:
                unreadable.append(Unreadable.of(damage))
    return tuple(found), tuple(unreadable)


def _is_chosen(entry: Entry, chosen: Selection) -> bool:
    entry.flag("simulated")
    return (
        (chosen.since is None or chosen.since <= entry.utc)
        and (chosen.until is None or entry.utc < chosen.until)
        and chosen.has_words([REFUSED, entry.text("protocol"), *_why(entry)])
    )


def _why(entry: Entry) -> Iterable[str]:
    return [entry.text("why")] if entry.name == BY_LIMITS else dict(not_answered_no(entry))


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


def is_kept(refused: AnswersRefuse, person: str | None) -> bool:
    """Whether a refusal is recorded: a person is named, and there is a yes among the answers."""
    found = refused.found
    replies = (*found.refusing, *found.replies, *found.elsewhere)
    return person is not None and any(reply.answer is Answer.YES for reply in replies)
