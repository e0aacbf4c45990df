"""The sessions in the journal, and what may be done with them as a whole. Reading never makes a journal."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date
from pathlib import Path

import click

from physioctl.cli.choosing import BODY_SITE, Named
from physioctl.cli.days import Day, between
from physioctl.cli.exits import Exit
from physioctl.cli.groups import DefaultGroup
from physioctl.cli.printing import JSON, aside, json_line, say
from physioctl.cli.purge import erased_line, purge
from physioctl.cli.recorded import JOURNAL, began_at, tell_unreadable, the_journal
from physioctl.cli.recorded import site as site_of
from physioctl.cli.report_file import FORCE, OPEN, OUTPUT, Destination, course_of, expect_begun, write_report
from physioctl.cli.tables import Column, print_list
from physioctl.errors import InvalidUsage
from physioctl.record.entries import Entry
from physioctl.record.history import Listing, listed
from physioctl.record.pain import Scores, with_pain
from physioctl.record.refusals import BY_LIMITS, not_answered_no, refused
from physioctl.record.report.session import Form
from physioctl.record.selection import Selection
from physioctl.record.summary import Summary
from physioctl.screening import Answer
from physioctl.text import joules, minutes
from physioctl.wall_clock import local

_LIMIT_MAX = 1_000_000  # sessions; this project's own figure, far below what SQLite can count
_AT_A_TERMINAL = 500  # sessions, where nobody has said how many; this project's own figure
_SESSION = Column("session", 1)
_BEGAN = Column("began", 4)
_SITE = Column("site", 5, least=12)
_PROTOCOL = Column("protocol", 8, least=16)
_OUTCOME = Column("outcome", 2, least=9)
_DELIVERED = Column("delivered", 6)
_ENERGY = Column("energy", 7)
_LIST = (
    _SESSION, _BEGAN, Column("person", 3, least=8), _SITE, _PROTOCOL, _OUTCOME, _DELIVERED, _ENERGY,
    Column("unit", 9, least=10),
)  # fmt: skip
_COURSE = (
    Column("session", 5), Column("began", 1), _SITE, _PROTOCOL, Column("outcome", 6, least=9),
    Column("dose", 2), Column("pain", 3), Column("after", 3), Column("delivered", 4)
)  # fmt: skip


@click.group(cls=DefaultGroup, default="list")
def history() -> None:
    """List the sessions in the journal, or erase what they hold of persons."""


history.add_command(purge)


@history.command("list")
@click.argument("words", nargs=-1)
@JOURNAL
@click.option("--person", metavar="REF", help="Only of this person, with the pain before and after.")
@click.option("--site", type=BODY_SITE, metavar="SITE", help="Only on this body site.")
@click.option("--side", type=Named("side", ["left", "right"]), help="Only on this side of it.")
@click.option("--unit", metavar="UNIT", help="Only on this unit: a serial number or a model.")
@click.option("--on", type=Day(), metavar="DAY", help="Only of this day: today, yesterday or YYYY-MM-DD.")
@click.option("--since", type=Day(), metavar="DAY", help="Only of this day and later ones.")
@click.option("--until", type=Day(), metavar="DAY", help="Only of this day and earlier ones.")
@click.option(
    "--limit",
    metavar="N",
    type=click.IntRange(1, _LIMIT_MAX),
    help=f"Only the newest N.  [default: at a terminal {_AT_A_TERMINAL}]",
)
@JSON
@click.option("--report", is_flag=True, help="Write them as a page to file instead: needs --person.")
@OUTPUT
@FORCE
@OPEN
def list_(
    words: tuple[str, ...],
    journal: Path | None,
    person: str | None,
    site: str | None,
    side: str | None,
    unit: str | None,
    on: date | None,
    since: date | None,
    until: date | None,
    limit: int | None,
    as_json: bool,
    report: bool,
    output: str | None,
    force: bool,
    open_it: bool,
) -> Exit:
    """List the sessions in the journal, the newest first, or those of them that have WORDS.

    WORDS stand in the protocol's id or title, the site, the person, the unit, the outcome or a note.

    \b
    Examples:
      physioctl history --person P-017 --site calf
      physioctl history --since yesterday interrupted
      physioctl history --person P-017 --report --open
    """
    if on is not None and (since, until) != (None, None):
        raise InvalidUsage("--on is one day, and --since and --until are others", "Leave --on out, or those.")
    chosen = Selection(person, site, side, unit, *between(on or since, on or until), words)
    to = Destination(output, force, open_it)
    if report:
        return _report(expect_begun(journal), chosen, limit, to, as_json=as_json)
    if to != Destination():
        raise InvalidUsage("--output, --force and --open are of a report", "Add --report, or leave them out.")
    path = the_journal(journal)
    return Exit.DONE if path is None else _list(path, chosen, limit, as_json=as_json)


def _list(path: Path, chosen: Selection, limit: int | None, *, as_json: bool) -> Exit:
    """Print the sessions; of one person as a course, with the sessions that were refused.

    Those that cannot be read are named after the others, and in the exit code.
    """
    if limit is None and not as_json and sys.stdout.isatty():
        limit = _AT_A_TERMINAL
    found = listed(path, chosen, limit)
    if chosen.person is None:
        _print(found, None, (), as_json=as_json)
    else:
        found, scores = with_pain(path, found)
        refusals, unreadable = refused(path, chosen.person, chosen)
        found = replace(found, unreadable=(*found.unreadable, *unreadable))
        _print(found, scores, refusals, as_json=as_json)
    code = tell_unreadable(found.unreadable)
    if chosen.person is None and not as_json and (line := erased_line(path)):
        aside(line)
    return code


def _print(
    found: Listing, scores: Mapping[str, Scores] | None, refusals: Sequence[Entry], *, as_json: bool
) -> None:
    if as_json:
        for summary in found.summaries:
            json_line(summary.as_json() | _pain_json(summary, scores))
        for refusal in refusals:
            json_line(refusal.as_json())
        for bad in found.unreadable:
            json_line(bad.as_json())
        return
    if found.summaries and scores is None:
        print_list(_LIST, map(_row, found.summaries))
    elif found.summaries:
        print_list(_COURSE, (_course_row(summary, scores or {}) for summary in found.summaries))
    elif not found.unreadable:
        say("No session to list.")
    aside(_counted(found))
    for refusal in refusals:
        aside(_refused_line(refusal))


def _report(path: Path, chosen: Selection, limit: int | None, to: Destination, *, as_json: bool) -> Exit:
    """Write the course as a page."""
    person = chosen.person
    if person is None:
        raise InvalidUsage("a report of several sessions is of one person's", "Add --person REF.")
    if as_json:
        raise InvalidUsage("--json lists, and --report writes a page", "Leave one of the two out.")
    return write_report(to, Form.HTML, lambda: course_of(path, person, chosen, Form.HTML, limit))


def _counted(found: Listing) -> str:
    """How many of how many are listed."""
    count = len(found.summaries)
    of_all = "" if count == found.total else f" of {found.total}"
    sessions = "session" if found.total == 1 else "sessions"
    return f"{count}{of_all} {sessions}{'; older ones with a higher --limit' if found.more else ''}"


def _refused_line(refusal: Entry) -> str:
    """When and why a session was refused, and the number by which ``export --refused`` finds it."""
    if refusal.name == BY_LIMITS:
        why = f"By the limits: {refusal.text('why')}"
    else:
        yes = (title for title, answer in not_answered_no(refusal) if answer == Answer.YES)
        why = f"Answered yes: {', '.join(yes)}"
    simulated = " (simulated)" if refusal.flag("simulated") else ""
    what = f"{refusal.text('protocol')}{simulated} was refused. {why}"
    return f"{local(refusal.utc)}: {what} (entry {refusal.seq})"


def _row(summary: Summary) -> tuple[str, ...]:
    return (
        summary.id,
        began_at(summary),
        summary.person or "–",
        site_of(summary),
        summary.protocol,
        summary.ending_shown,
        _delivered(summary),
        joules(summary.energy_mj),
        _unit(summary),
    )


def _course_row(summary: Summary, scores: Mapping[str, Scores]) -> tuple[str, ...]:
    pain = scores.get(summary.id, Scores())
    return (
        summary.id,
        began_at(summary),
        site_of(summary),
        summary.protocol,
        summary.ending_shown,
        joules(summary.energy_mj),
        _score(pain.before),
        _score(pain.after),
        _delivered(summary),
    )


def _score(score: int | None) -> str:
    return "–" if score is None else str(score)


def _pain_json(summary: Summary, scores: Mapping[str, Scores] | None) -> dict[str, int | None]:
    if scores is None:
        return {}
    pain = scores.get(summary.id, Scores())
    return {"pain_before": pain.before, "pain_after": pain.after}


def _delivered(summary: Summary) -> str:
    return f"{minutes(summary.delivered_ms)} of {minutes(summary.planned_ms)}"


def _unit(summary: Summary) -> str:
    if not summary.model:
        return "none"
    return f"{summary.model} {summary.serial}{' (simulated)' if summary.simulated else ''}"
