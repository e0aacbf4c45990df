"""The sessions in the journal, and what may be done with them as a whole. Reading never makes a journal."""

from __future__ import annotations

from pathlib import Path

import click

from physioctl.cli.groups import DefaultGroup
from physioctl.cli.printing import json_line, say, table
from physioctl.cli.purge import erased_line, purge
from physioctl.cli.recorded import JOURNAL, JSON, began_at, site, the_journal
from physioctl.record import history as the_record
from physioctl.record.history import Summary
from physioctl.text import joules, minutes

_LIMIT_MAX = 1_000_000  # sessions; this project's own figure, far below what SQLite can count


@click.group(cls=DefaultGroup, default="list")
def history() -> None:
    """List the sessions in the journal, or erase what they hold of persons."""


history.add_command(purge)


@history.command("list")
@JOURNAL
@click.option("--person", metavar="REF", help="Only the sessions of this person.")
@click.option("--limit", metavar="N", type=click.IntRange(1, _LIMIT_MAX), help="Only the newest N.")
@JSON
def list_(journal: Path | None, person: str | None, limit: int | None, as_json: bool) -> None:
    """List the sessions in the journal, the newest first.

    \b
    Example:
      physioctl history --person P-017 --limit 5
    """
    if (path := the_journal(journal)) is None:
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
    if person is None and not as_json and (line := erased_line(path)):
        say(line)


def _row(summary: Summary) -> tuple[str, ...]:
    return (
        summary.id,
        began_at(summary),
        summary.protocol,
        summary.person or "–",
        site(summary),
        _unit(summary),
        summary.ending,
        f"{minutes(summary.delivered_ms)} of {minutes(summary.planned_ms)}",
        joules(summary.energy_mj),
    )


def _unit(summary: Summary) -> str:
    if not summary.model:
        return "none"
    return f"{summary.model} {summary.serial}{' (simulated)' if summary.simulated else ''}"
