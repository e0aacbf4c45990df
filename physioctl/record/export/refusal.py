"""A screening that refused a session, as a Procedure that was not done.

The record keeps such a screening where a person was named and one of the answers was yes. It belongs to no
session: it is found by the number of its entry.
"""

from __future__ import annotations

from collections.abc import Mapping
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
from physioctl.record.journal import Journal, reading
from physioctl.wall_clock import damaged

_REFUSED = "WHERE session = '' AND name = 'screening_refused'"


def refusal(where: Path | Journal, seq: int | None = None) -> Entry:
    """The entry of a refused screening, by its number; by default the latest.

    Raise `InvalidUsage` when there is none.
    """
    chosen, values = (f"{_REFUSED} AND entries.seq = ?", (seq,)) if seq is not None else (_REFUSED, ())
    try:
        with reading(where) as connection:
            found = all_of(connection, f"{chosen} ORDER BY entries.seq DESC LIMIT 1", values)
    except Damaged as damage:
        raise damaged(where.name if isinstance(where, Journal) else str(where), damage) from damage
    if not found:
        raise InvalidUsage(
            "there is no such refusal in the journal",
            "A refusal is kept where a person was named and a question was answered yes.",
        )
    if found[0].erased:
        raise InvalidUsage(f"entry {found[0].seq} has been erased", "Name another, or leave the number out.")
    return found[0]


def refusal_bundle(entry: Entry, codes: Codes = NO_CODES, *, test_data: bool = False) -> Json:
    """The Bundle of a refused screening. Raise `InvalidUsage` as `bundle` does, and `Damaged`."""
    protocol, at = entry.text("protocol"), instant(entry.utc)
    checked_test_data(f"the refusal in entry {entry.seq}", test_data, simulated=entry.flag("simulated"))
    maker = Maker(f"refused/{entry.hash}", codes, entry.text_or_none("person"), test_data)
    why = f"refused by the screening before anything was output: {_answers(entry)}"
    procedure = maker.resource(
        "Procedure",
        PROCEDURE,
        status="not-done",
        statusReason=maker.concept("reason", "refused", why),
        code=concept(f"protocol {protocol}"),
        subject=maker.subject,
    )
    audit = audit_event(
        maker, "audit/refused", "refused", "session refused", at, maker.to("Device", SOFTWARE),
        requested=False, described=why,
    )  # fmt: skip
    sources = [(entry.hash, "SHA-256 of an entry of the journal", f"entry {entry.seq}")]
    made_from = recorded_by(maker, [procedure], at, sources, None)
    return collected(maker, [procedure, software(maker, None), audit, made_from])


def _answers(entry: Entry) -> str:
    """What was not answered no: the title of each question, or its code, and the answer."""
    answers = entry.body.get("answers")
    if not isinstance(answers, Mapping):
        raise Damaged(entry.seq, "its answers are none")
    said = []
    for code, reply in answers.items():
        told = reply if isinstance(reply, Mapping) else {"answer": reply}
        if told.get("answer") != "no":
            said.append(f"{told.get('title') or code}: {told.get('answer')}")
    return "; ".join(said) or "no answer is recorded"
