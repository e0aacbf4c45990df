"""``physioctl report``: a session, or a person's sessions, as a page to file or as data."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import click

from physioctl.cli.choosing import BODY_SITE
from physioctl.cli.days import Day, between
from physioctl.cli.exits import Exit
from physioctl.cli.recorded import JOURNAL
from physioctl.cli.report_file import (
    FORCE,
    OPEN,
    OUTPUT,
    Destination,
    course_of,
    expect_begun,
    write_report,
)
from physioctl.errors import InvalidUsage
from physioctl.record import history as the_record
from physioctl.record.report.session import Form, Made
from physioctl.record.selection import Selection


@click.command()
@click.argument("session", required=False)
@JOURNAL
@click.option("--person", metavar="REF", help="All the sessions of this person, instead of one.")
@click.option("--site", type=BODY_SITE, metavar="SITE", help="With --person: only those on this body site.")
@click.option("--since", type=Day(), metavar="DAY", help="With --person: only of this day and later ones.")
@click.option("--until", type=Day(), metavar="DAY", help="With --person: only of this day and earlier ones.")
@click.option(
    "--format",
    "form",
    type=click.Choice([form.value for form in Form]),
    default=Form.HTML.value,
    help="A page; or data: the readings over time (csv), or all of it (json).  [default: html]",
)
@OUTPUT
@FORCE
@OPEN
def report(
    session: str | None,
    journal: Path | None,
    person: str | None,
    site: str | None,
    since: date | None,
    until: date | None,
    form: str,
    output: str | None,
    force: bool,
    open_it: bool,
) -> Exit:
    """Write the report of a session: by the beginning of its id, or else of the latest.

    It is one page that needs no network, to be printed, filed or read on a phone. With --person it is of all
    the sessions of a person, as that of history --report: what was delivered, and pain before and after.

    \b
    Examples:
      physioctl report --open
      physioctl report 20261122 --format csv --output -
      physioctl report --person P-017 --site calf
    """
    if person is None and (site or since or until):
        raise InvalidUsage(
            "--site, --since and --until choose among a person's sessions", "Add --person REF."
        )
    if person is not None and session is not None:
        raise InvalidUsage("a report is of one session, or of a person's", "Leave one of the two out.")
    path, wanted = expect_begun(journal), Form(form)

    def make() -> tuple[str, Made]:
        if person is None:
            return _of_session(path, session, wanted)
        return course_of(path, person, Selection(person, site, None, None, *between(since, until)), wanted)

    return write_report(Destination(output, force, open_it), wanted, make)


def _of_session(path: Path, session: str | None, form: Form) -> tuple[str, Made]:
    from physioctl.record.account import account
    from physioctl.record.report.session import session_report

    found = account(the_record.session(path, session))
    return found.summary.id, session_report(found, form)
