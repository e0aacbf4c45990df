"""Events as JSON, and back: one codec for the journal, the JSON lines and whoever reads them.

An event's name comes first, under ``event``; its fields follow as plain values.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import fields
from typing import Annotated, Any, Union

from pydantic import Discriminator, Tag, TypeAdapter, ValidationError

from device import events as of_units
from device.events import Event, name_of
from physioctl import events as of_sessions

EVENTS: tuple[type[Event], ...] = (
    of_units.UnitIdentified,
    of_units.Commanded,
    of_units.OutputPermitted,
    of_units.HostDelayed,
    of_units.StateChanged,
    of_units.StepStarted,
    of_units.StepEnded,
    of_units.Progress,
    of_units.StatusChanged,
    of_units.AlarmRaised,
    of_units.AlarmEnded,
    of_units.OperatorActed,
    of_units.ActionRefused,
    of_units.StartAwaited,
    of_units.OutputSoon,
    of_units.NoteTaken,
    of_units.PainAsked,
    of_units.PainScored,
    of_units.LevelLowered,
    of_units.LowerRefused,
    of_units.StopOutcome,
    of_units.ObserverDropped,
    of_units.EventsSkipped,
    of_sessions.SessionStarted,
    of_sessions.SessionPlanned,
    of_sessions.UnitLimitations,
    of_sessions.SleepNotPrevented,
    of_sessions.ProtocolKept,
    of_sessions.JournalBegun,
    of_sessions.ClockConfirmed,
    of_sessions.BodiesErased,
    of_sessions.SessionReconciled,
    of_sessions.Screened,
    of_sessions.ScreeningRefused,
    of_sessions.SessionRefused,
    of_sessions.SessionEnded,
)


class NotAnEvent(ValueError):
    """What was read is no event that is known here, or lacks something, or has something more."""


def to_json(event: Event) -> dict[str, Any]:
    """``event`` as plain values, its name first."""
    return {"event": event.name, **_ADAPTER.dump_python(event, mode="json", warnings="none")}


def from_json(said: Mapping[str, Any]) -> Event:
    """The event that `to_json` wrote as ``said``; raise `NotAnEvent` when it wrote no such thing."""
    try:
        # As JSON text: an enum or a tuple is told as what JSON has for it, and nothing else is let pass.
        event = _ADAPTER.validate_json(json.dumps(said), strict=True)
    except ValidationError as error:
        details = error.errors(include_url=False)
        lines = (f"{'.'.join(map(str, detail['loc'][1:])) or 'event'}: {detail['msg']}" for detail in details)
        raise NotAnEvent("; ".join(lines)) from None
    if unknown := set(said) - {"event", *(field.name for field in fields(event))}:
        raise NotAnEvent(f"{event.name} has no {', '.join(sorted(unknown))}")
    return event


def _name(found: Any) -> str | None:
    name = found.name if isinstance(found, Event) else found.get("event")
    return name if isinstance(name, str) else None


_tagged: Any = Annotated[
    Union[tuple(Annotated[kind, Tag(name_of(kind))] for kind in EVENTS)],  # noqa: UP007 - made of a tuple
    Discriminator(_name),
]
_ADAPTER: TypeAdapter[Event] = TypeAdapter(_tagged)
