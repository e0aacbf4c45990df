"""Who did what in a session as AuditEvents, and where the export comes from as a Provenance."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from physioctl.events import Outcome
from physioctl.record.export.context import Context, Maker
from physioctl.record.export.datatypes import Json, element, identifier, instant, listed, text
from physioctl.record.export.devices import SOFTWARE
from physioctl.record.export.procedure import PROCEDURE

# AuditEvent.outcome: 0 success, 4 minor, 8 serious, 12 major failure
_OUTCOMES = {Outcome.COMPLETED: "0", Outcome.STOPPED: "0", Outcome.INTERRUPTED: "8", Outcome.FAILED: "12"}
_REFUSED = "4"


def audit_events(context: Context) -> Iterator[Json]:
    """That the session was begun, each thing that the operator did or asked for, and how it ended."""
    account = context.account
    yield audit_event(context, "audit/begin", "begin", "session begun", context.when(0), context.by(None))
    replies = account.screening.replies if account.screening else ()
    weighed = [reply for reply in replies if reply.acknowledged_by is not None]
    for number, reply in enumerate(weighed, 1):
        yield audit_event(
            context, f"audit/acknowledge/{number}", "acknowledge", "contraindication acknowledged",
            context.when(0), context.by(reply.acknowledged_by), described=reply.title or reply.code,
        )  # fmt: skip
    for number, act in enumerate(account.actions, 1):
        yield audit_event(
            context, f"audit/action/{number}", act.action, act.action, context.when(act.at_ms),
            context.by(act.by),
            outcome=_REFUSED if act.refused else "0",
            described=f"refused: {act.refused}" if act.refused else "",
        )  # fmt: skip
    if (outcome := account.summary.outcome) is not None:
        yield audit_event(
            context, "audit/end", "end", f"session {outcome}", context.when(account.lasted_ms),
            context.to("Device", SOFTWARE), requested=False,
            outcome=_OUTCOMES[outcome], described=account.summary.why,
        )  # fmt: skip


def audit_event(
    maker: Maker,
    name: str,
    key: str,
    said: str,
    at: str,
    who: Json,
    *,
    requested: bool = True,
    outcome: str = "0",
    described: str = "",
) -> Json:
    """One AuditEvent, about the Procedure."""
    return maker.resource(
        "AuditEvent",
        name,
        type=maker.coding("audit", "type", "session of a therapy unit"),
        subtype=listed([maker.coding("audit", key, said)]),
        action="E",  # execute
        recorded=at,
        outcome=outcome,
        outcomeDesc=text(described),
        agent=[{"who": who, "requestor": requested}],
        source={"observer": maker.to("Device", SOFTWARE)},
        entity=[{"what": maker.to("Procedure", PROCEDURE)}],
    )


def provenance(context: Context, made: Sequence[Json]) -> Json:
    """Where ``made`` comes from: the last entry of the session in the journal, and the protocol."""
    account, summary = context.account, context.account.summary
    sources = [
        (
            account.last_hash,
            "SHA-256 of an entry of the journal",
            f"entry {account.last_seq}, the session's last",
        ),
        (summary.content_hash, "SHA-256 of the protocol", f"protocol {summary.protocol}"),
    ]
    return recorded_by(context, made, instant(summary.last), sources, account.operator)


def recorded_by(
    maker: Maker,
    made: Sequence[Json],
    at: str,
    sources: Sequence[tuple[str, str, str]],
    operator: str | None,
) -> Json:
    """A Provenance of ``made``; each source is a hash, what it is the hash of, and words about it."""
    return maker.resource(
        "Provenance",
        "provenance",
        target=[{"reference": f"urn:uuid:{each['id']}", "type": each["resourceType"]} for each in made],
        recorded=at,
        activity={"text": "recorded as it happened"},
        agent=listed(
            [
                {"type": {"text": "recorded by"}, "who": maker.to("Device", SOFTWARE)},
                {"type": {"text": "treated by"}, "who": maker.practitioner(operator)} if operator else None,
            ]
        ),
        entity=[
            element(role="source", what=element(identifier=identifier(hash_, None, kind), display=text(said)))
            for hash_, kind, said in sources
        ],
    )
