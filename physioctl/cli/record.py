"""The record on the command line: history, show and verify. They read, and never make a journal."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import click

from device.events import Event, name_of
from physioctl.cli.exits import Exit
from physioctl.cli.options import journal_option
from physioctl.cli.printing import aside, json_line, say, table
from physioctl.errors import InvalidUsage
from physioctl.events import Screened
from physioctl.record import history as the_record
from physioctl.record import verify as the_verification
from physioctl.record.entries import Damaged, Entry
from physioctl.record.history import Session, Summary
from physioctl.record.journal import default_path
from physioctl.record.journal_begin import is_to_begin
from physioctl.record.journal_file import ELSEWHERE, bears_our_mark, file_named, plainly
from physioctl.text import clean, joules, minutes
from protocols.limits import Quantity

_JOURNAL = journal_option("The journal.")
_LIMIT_MAX = 1_000_000  # sessions; this project's own figure, far below what SQLite can count
_JSON = click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")


@click.command()
@_JOURNAL
@click.option("--person", metavar="REF", help="Only the sessions of this person.")
@click.option("--limit", metavar="N", type=click.IntRange(1, _LIMIT_MAX), help="Only the newest N.")
@_JSON
def history(journal: Path | None, person: str | None, limit: int | None, as_json: bool) -> None:
    """List the sessions in the journal, the newest first.

    \b
    Example:
      physioctl history --person P-017 --limit 5
    """
    if (path := _there(journal)) is None:
        return
    found = the_record.sessions(path, person=person, limit=limit)
    if as_json:
        for summary in found:
            json_line(summary.as_json())
    elif found:
        table(
            ("session", "began", "protocol", "person", "site", "unit", "outcome", "delivered", "energy"),
            map(_row, found),
        )
    else:
        say("No session to list.")


@click.command()
@click.argument("session", required=False)
@_JOURNAL
@click.option("--all", "everything", is_flag=True, help="Also the reports of every second.")
@_JSON
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
    for line in _facts(found.summary):
        say(line)
    table(("at", "what", "details"), _timeline(found, everything=everything))


@click.command()
@_JOURNAL
@click.option("--head", metavar="HASH", help="Also say whether this head, noted earlier, is in the chain.")
@_JSON
def verify(journal: Path | None, head: str | None, as_json: bool) -> int:
    """Check that the journal is whole: nothing changed, removed, exchanged or cut off.

    \b
    Example:
      physioctl verify --journal clinic.sqlite
    """
    path = journal or default_path()
    if journal is None and head is None and _there(None) is None:
        return Exit.DONE
    verification, noted = (
        the_verification.verify_head(path, head)
        if head is not None
        else (the_verification.verify(path), None)
    )
    if as_json:
        json_line(verification.as_json())
        if noted is not None:
            json_line(noted.as_json())
    elif verification.whole:
        say(f"{path}: whole. {verification.entries} entries; {verification.why}.")
        say(f"head: {verification.head}")
    if noted is not None and not as_json:
        say(f"the noted head is that of entry {noted.seq}{f', made at {noted.utc}' if noted.utc else ''}")
    if verification.whole and head is not None and noted is None:
        aside(f"error: the noted head is not in {path}: this is not the journal that it was noted from")
        aside("  to do: Look for the journal it was noted from. Keep this one as it is.")
        return Exit.JOURNAL_UNUSABLE
    if verification.whole:
        return Exit.DONE
    bad = "" if verification.first_bad is None else f"first bad entry: {verification.first_bad}: "
    aside(f"error: {path} is not whole: {bad}{verification.why}")
    if not (verification.entries or bears_our_mark(path)):
        aside(f"  to do: Nothing in it is a journal's. {ELSEWHERE}")
        return Exit.JOURNAL_UNUSABLE
    new = f"run … --journal NEW --new --continues {path}"
    aside(f"  to do: Keep this file as it is, and begin a new one: {new}. Whole: {verification.entries}.")
    return Exit.JOURNAL_UNUSABLE


def _there(journal: Path | None) -> Path | None:
    path = journal or default_path()
    with plainly(str(path)):
        if not is_to_begin(file_named(path), folders=journal is None):
            return path
    aside(f"There is no journal at {path} yet; the first session makes it.")
    return None


def _row(summary: Summary) -> tuple[str, ...]:
    return (
        summary.id,
        _when(summary),
        summary.protocol,
        summary.person or "–",
        _site(summary),
        _unit(summary),
        summary.ending,
        f"{minutes(summary.delivered_ms)} of {minutes(summary.planned_ms)}",
        joules(summary.energy_mj),
    )


def _unit(summary: Summary) -> str:
    if not summary.model:
        return "none"
    return f"{summary.model} {summary.serial}{' (simulated)' if summary.simulated else ''}"


def _facts(summary: Summary) -> Iterator[str]:
    yield f"{summary.title} ({summary.protocol}, {summary.content_hash[:12]})"
    yield f"session    {summary.id}, {_when(summary)}"
    yield f"person     {summary.person or 'not named'}, {_site(summary)}"
    simulated = "; simulated: counts for nobody" if summary.simulated else ""
    if summary.model:
        yield f"unit       {summary.model}, serial number {summary.serial}{simulated}"
    else:
        yield f"unit       none: guidance alone{simulated}"
    if summary.rest_of:
        yield f"rest of    {summary.rest_of}"
    delivered = f"{minutes(summary.delivered_ms)} of {minutes(summary.planned_ms)}"
    yield f"delivered  {delivered}, {joules(summary.energy_mj)}"
    if summary.outcome is None:
        yield "outcome    open: it was never ended. It still runs, or the computer stopped in its midst."
    else:
        yield f"outcome    {summary.outcome}: {summary.why or 'as planned'}; output off {summary.output_off}"


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


def _when(summary: Summary) -> str:
    return f"{summary.began.astimezone():%Y-%m-%d %H:%M}"


def _site(summary: Summary) -> str:
    side = f"{summary.side} " if summary.side in ("left", "right") else ""
    return side + summary.body_site.replace("_", " ")
