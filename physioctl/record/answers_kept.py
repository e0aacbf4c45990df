"""What was answered for a person before, read back from the journal, refused sessions included."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

from physioctl.person import reference
from physioctl.record.entries import Damaged, Entry, all_of
from physioctl.record.journal import Journal
from physioctl.record.refusals import refusals
from physioctl.screening import Answer, Answered
from physioctl.wall_clock import damaged

SESSIONS_MAX = 50  # of the newest that are looked at; what was answered before is asked anew
_SCREENED = (
    "WHERE name = 'screened' AND session IN (SELECT session FROM sessions NOT INDEXED "
    "WHERE person = ? AND simulated = ? ORDER BY seq DESC LIMIT ?) ORDER BY entries.seq"
)


def answers_kept(journal: Journal, person: str, *, simulated: bool) -> tuple[Answered, ...]:
    """Return the latest answer that was given for ``person`` to each question, whether or not it still holds.

    Answers that refused a session are among them. Sessions on simulated units count for nobody, and so do
    their answers: ``simulated`` tells which are meant. Raise `JournalUnusable` for an entry that is damaged.
    """
    latest: dict[str, Answered] = {}
    try:
        with journal.reading() as connection:
            rows = all_of(connection, _SCREENED, (reference(person), int(simulated), SESSIONS_MAX))
            rows += refusals(connection, person, simulated=simulated)
        for entry in sorted(rows, key=lambda entry: entry.seq):
            for each in _answers_in(entry):
                if each.code not in latest or each.date >= latest[each.code].date:
                    latest[each.code] = each
    except Damaged as damage:
        raise damaged(journal.name, damage) from damage
    return tuple(latest.values())


def _answers_in(entry: Entry) -> Iterator[Answered]:
    """The answers of one screening; none where the entry's body has been erased."""
    if entry.erased:
        return
    told = entry.body.get("answers")
    if not isinstance(told, dict):
        raise Damaged(entry.seq, "its answers are none")
    for code, each in told.items():
        try:
            if each["date"] is not None:
                yield Answered(
                    code, Answer(each["answer"]), str(each["question"]), date.fromisoformat(each["date"])
                )
        except (KeyError, TypeError, ValueError):
            raise Damaged(entry.seq, f"its answer to {code} cannot be read") from None
