"""A session that a screening or the limits refused, as a Procedure that was not done.

The record keeps a refusal where a person was named, that of a screening where one of the answers was yes. It
belongs to no session: it is found by the number of its entry.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from physioctl.errors import InvalidUsage
from physioctl.record.entries import Damaged, Entry, all_of
from physioctl.record.export.bundle import checked_test_data, collected
from physioctl.record.export.codes import NO_CODES, Codes
from physioctl.record.export.context import Maker
from physioctl.record.export.datatypes import Json, concept, instant
from physioctl.record.export.devices import SOFTWARE, software
from physioctl.record.export.procedure import PROCEDURE
from physioctl.record.export.trail import audit_event, recorded_by
from physioctl.record.journal import Journal
from physioctl.record.journal_reading import reading
from physioctl.record.refusals import BY_LIMITS, not_answered_no
from physioctl.wall_clock import damaged

_REFUSED = "WHERE session = '' AND name IN ('screening_refused', 'session_refused')"


@dataclass(frozen=True, slots=True)
class Refusal:
    """A session that was refused."""

    entry: Entry
    person: str | None
    protocol: str
    simulated: bool
    why: str  # by what, and what the limits said, or the questions that were not answered no


def refusal(where: Path | Journal, seq: int | None = None) -> Refusal:
    """The refusal in an entry of the journal, by default in the latest that holds one.

    Raise `InvalidUsage` when there is none, or it has been erased.
    """
    chosen, values = (f"{_REFUSED} AND entries.seq = ?", (seq,)) if seq is not None else (_REFUSED, ())
    try:
        with reading(where) as connection:
            found = all_of(connection, f"{chosen} ORDER BY entries.seq DESC LIMIT 1", values)
            if found and not found[0].erased:
                return _read(found[0])
    except Damaged as damage:
        raise damaged(where.name if isinstance(where, Journal) else str(where), damage) from damage
    if found:
        raise InvalidUsage(f"entry {found[0].seq} has been erased", "Name another by its number.")
    raise InvalidUsage(
        "there is no such refusal in the journal",
        "One is kept where a person was named, and a question was answered yes or the limits refused.",
    )


def refusal_bundle(refused: Refusal, codes: Codes = NO_CODES, *, test_data: bool = False) -> Json:
    """The Bundle of a session that was refused. Raise `InvalidUsage` as `bundle` does."""
    entry = refused.entry
    checked_test_data(f"the session refused in entry {entry.seq}", test_data, simulated=refused.simulated)
    maker = Maker(f"refused/{entry.hash}", codes, refused.person, test_data)
    why = refused.why
    procedure = maker.resource(
        "Procedure",
        PROCEDURE,
        status="not-done",
        statusReason=maker.concept("reason", "refused", why),
        code=concept(f"protocol {refused.protocol}"),
        subject=maker.subject,
    )
    at = instant(entry.utc)
    audit = audit_event(
        maker, "audit/refused", "refused", "session refused", at, maker.to("Device", SOFTWARE),
        requested=False, described=why,
    )  # fmt: skip
    sources = [(entry.hash, "SHA-256 of an entry of the journal", f"entry {entry.seq}")]
    made_from = recorded_by(maker, [procedure], at, sources, None)
    return collected(maker, [procedure, software(maker, None), audit, made_from])


def _read(entry: Entry) -> Refusal:
    if entry.name == BY_LIMITS:
        why = f"refused by the limits before anything was output: {entry.text('why')}"
    else:
        said = [f"{title}: {answer}" for title, answer in not_answered_no(entry)]
        told = "; ".join(said) or "no answer is recorded"
        why = f"refused by the screening before anything was output: {told}"
    return Refusal(
        entry,
        entry.text_or_none("person"),
        entry.text("protocol"),
        entry.flag("simulated"),
        why,
    )
