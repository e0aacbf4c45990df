"""One session from the journal, entry by entry."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from itertools import chain
from pathlib import Path
from typing import Any

import click

from device.events import Event, name_of
from physioctl.cli.paging import paged
from physioctl.cli.printing import JSON, for_terminal, json_line
from physioctl.cli.recorded import JOURNAL, began_at, site
from physioctl.cli.tables import table_lines
from physioctl.errors import InvalidUsage
from physioctl.events import Screened, SessionPlanned, SessionStarted
from physioctl.record import history as the_record
from physioctl.record.entries import Damaged, Entry
from physioctl.record.history import Session
from physioctl.record.journal import default_path
from physioctl.text import clean, joules, minutes
from protocols.limits import Quantity


@click.command()
@click.argument("session", required=False)
@JOURNAL
@click.option("--all", "everything", is_flag=True, help="Also the reports of every second.")
@JSON
def show(session: str | None, journal: Path | None, everything: bool, as_json: bool) -> None:
    """Show one session: by the beginning of its id, or else the latest.

    \b
    Example:
      physioctl show
    """
    path = journal or default_path()
    if journal is None and not path.exists():
        raise InvalidUsage(
            "there is no session in the journal yet",
            "physioctl run begins one.",
        )
    found = the_record.session(path, session)
    if as_json:
        for entry in found.entries:
            json_line(entry.as_json())
        return
    facts = (for_terminal(clean(line), sys.stdout) for line in _facts(found))
    lines = (line for fact in facts for line in fact.split("\n"))
    paged(chain(lines, table_lines(("at", "what", "details"), _timeline(found, everything=everything))))


def _facts(found: Session) -> Iterator[str]:
    summary = found.summary
    yield f"{summary.title} ({summary.protocol}, {summary.content_hash[:12]})"
    yield f"session    {summary.id}, {began_at(summary)}"
    yield f"person     {summary.person or 'not named'}, {site(summary)}"
    if operator := found.entries[0].text_or_none("operator"):
        yield f"operator   {clean(operator)}"
    simulated = "; simulated: counts for nobody" if summary.simulated else ""
    if summary.model:
        yield f"unit       {summary.model}, serial number {summary.serial}{simulated}"
    else:
        yield f"unit       none: guidance alone{simulated}"
    if reckoned := _reckoned(found):
        yield f"reckoned   {', '.join(reckoned)}, by this computer: the unit does not report it"
    if summary.rest_of:
        yield f"rest of    {summary.rest_of}"
    delivered = f"{minutes(summary.delivered_ms)} of {minutes(summary.planned_ms)}"
    yield f"delivered  {delivered}, {joules(summary.energy_mj)}"
    if summary.outcome is None:
        yield "outcome    open: it was never ended. It still runs, or the computer stopped in its midst."
    else:
        yield f"outcome    {summary.outcome}: {summary.why or 'as planned'}; output off {summary.output_off}"


def _reckoned(found: Session) -> list[str]:
    """What the unit does not report of the session; nothing of an entry that has been erased."""
    start = next(entry for entry in found.entries if entry.name == name_of(SessionStarted))
    told = start.body.get("reckoned")
    return [clean(str(each)) for each in told] if isinstance(told, list) else []


def _timeline(session: Session, *, everything: bool) -> Iterator[tuple[str, str, str]]:
    start_ms = session.entries[0].at_ms
    for entry in session.entries:
        if everything or entry.name != "progress":
            yield minutes(entry.at_ms - start_ms), entry.name.replace("_", " "), _details(entry)


# The start and the end stand above the timeline already.
_ALREADY_SAID = frozenset({"session_started", "session_ended"})


def _details(entry: Entry) -> str:
    if entry.erased:
        return "erased"
    if entry.name == name_of(Screened) and isinstance(event := _event(entry), Screened):
        return ", ".join(_screened(event))
    if entry.name == name_of(SessionPlanned) and isinstance(event := _event(entry), SessionPlanned):
        return f"{len(event.steps)} steps, {len(event.limits)} limits"
    return "" if entry.name in _ALREADY_SAID else ", ".join(_said(entry.body))


def _event(entry: Entry) -> Event | None:
    """The event that was told; None where its body, which its hash vouches for, is of another form."""
    try:
        return entry.event()
    except Damaged:
        return None


def _screened(event: Screened) -> Iterator[str]:
    """What was answered and acknowledged; which text was answered, and when, stands in the JSON."""
    if event.age_band is not None:
        yield f"age band {clean(event.age_band)}"
    for code, reply in event.answers.items():
        answer = reply.get("answer") if isinstance(reply, Mapping) else reply
        yield f"{clean(code)} {clean(str(answer))}"
    for code, by in event.acknowledged.items():
        yield f"{clean(code)} acknowledged by {clean(str(by))}"


def _said(body: Mapping[str, Any]) -> Iterator[str]:
    """Each value as a person reads it; what is in other values stands behind the name of those."""
    for key, value in body.items():
        name = clean(key.replace("_", " "))
        if isinstance(value, Mapping):
            inside = ", ".join(_said(value))
            if inside:
                yield f"{name}: {inside}"
        elif isinstance(value, bool):
            yield f"{name} {'yes' if value else 'no'}"
        elif isinstance(value, int):
            yield clean(_quantity(key, value))
        elif isinstance(value, list):
            if value:
                yield f"{name} {clean(', '.join(map(str, value)))}"
        elif value not in (None, ""):
            yield f"{name} {clean(str(value))}"


_UNITS = {f"_{quantity.suffix}": f" {quantity.unit}" for quantity in Quantity}


def _quantity(key: str, value: int) -> str:
    if key.endswith("_ms"):
        return f"{key[:-3].replace('_', ' ')} {Quantity.STEP_MS.show(value)}"
    if key.endswith("_ddeg_c"):
        return f"{key[:-7].replace('_', ' ')} {value / 10:.1f} °C"
    suffix = next((suffix for suffix in _UNITS if key.endswith(suffix)), "")
    return f"{key.removesuffix(suffix).replace('_', ' ')} {value}{_UNITS.get(suffix, '')}"
