"""The session as a Procedure."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from device.events import OffConfirmation
from physioctl.events import Outcome
from physioctl.record.account import Account
from physioctl.record.export.context import Context
from physioctl.record.export.datatypes import Json, annotation, concept, identified, identifier, listed
from physioctl.record.export.devices import UNIT

PROCEDURE = "procedure"  # its name

_REASONS = {
    Outcome.STOPPED: "stopped by the operator",
    Outcome.INTERRUPTED: "interrupted by a fault",
    Outcome.FAILED: "failed: the program could not go on",
}


def procedure(context: Context) -> Json:
    """The Procedure of a session."""
    account, summary = context.account, context.account.summary
    ended_ms = None if summary.outcome is None else account.lasted_ms
    status, reason = _status(context)
    return context.resource(
        "Procedure",
        PROCEDURE,
        identifier=listed([session_identifier(context, summary.id)]),
        partOf=listed([identified("Procedure", session_identifier(context, summary.rest_of))]),
        status=status,
        statusReason=reason,
        code=context.concept("procedure", summary.family or "guidance", summary.title),
        subject=context.subject,
        performedPeriod=context.period(0, ended_ms) if status != "not-done" else None,
        performer=[{"actor": context.practitioner(account.operator)}] if account.operator else None,
        bodySite=listed([_body_site(context)]),
        note=listed([annotation(said, at, by) for at, said, by in _notes(context)]),
        usedReference=[context.to("Device", UNIT)] if summary.family else None,
    )


def session_identifier(context: Context, session: str | None) -> Json | None:
    """A session's id, by which the record knows it."""
    return identifier(session, context.system("session"), "session")


def has_begun(account: Account) -> bool:
    """Whether a step began, or something may have been output. What cannot be read may have been either."""
    return bool(account.steps or account.unread or account.summary.at_most_ms)


def _status(context: Context) -> tuple[str, Json | None]:
    """The status, and why it is that. Whether a session without an end still runs is not known."""
    account = context.account
    outcome, why = account.summary.outcome, account.summary.why
    if outcome is None:
        return "unknown", concept(
            "the record holds no end: it still runs, or the program stopped in its midst"
        )
    if outcome is Outcome.COMPLETED:
        return "completed", None
    said = _REASONS[outcome] + (f": {why}" if why else "")
    if has_begun(account):
        return "stopped", context.concept("reason", outcome, said)
    return "not-done", context.concept("reason", outcome, f"{said}; it had not begun, and nothing was output")


def _body_site(context: Context) -> Json | None:
    summary = context.account.summary
    side = summary.side if summary.side in ("left", "right") else ""
    key = f"{side}_{summary.body_site}" if side else summary.body_site
    if context.codes.coding("body_site", key) is None:
        key = summary.body_site
    return context.concept("body_site", key, f"{side} {summary.body_site}".replace("_", " "))


def _notes(context: Context) -> Iterator[tuple[datetime | None, str, str | None]]:
    """Time, text and author of what was noted, of each alarm, and of what is not certain."""
    account = context.account
    told = [
        *(
            (note.at_ms, note.text, account.operator if note.by == "operator" else note.by)
            for note in account.notes
        ),
        *((alarm.began_ms, f"alarm {alarm.code}: {alarm.what}", None) for alarm in account.alarms),
    ]
    for at_ms, said, by in sorted(told, key=lambda each: each[0]):
        yield context.at(at_ms), said, by
    output_off = account.summary.output_off
    if output_off not in (None, OffConfirmation.CONFIRMED):
        yield None, f"At its end output off was {output_off}, not confirmed by the unit.", None
    if (later := account.reconciled) is not None:
        by = "the unit's own count" if later.counted else "what was last heard of the unit"
        doubt = f" In doubt: {later.doubt}." if later.doubt else ""
        yield (
            None,
            f"The session broke off. What was delivered is told by {by}, asked afterwards.{doubt}",
            None,
        )
    if account.unread:
        names = ", ".join(f"{each.seq} ({each.name}: {each.why})" for each in account.unread)
        yield None, f"Entries of the record are missing here: {names}.", None
