"""``physioctl report``: a session, or a person's sessions, as a page to file or as data."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

import click

from physioctl.cli.browser import browser
from physioctl.cli.printing import aside
from physioctl.cli.recorded import JOURNAL, print_file
from physioctl.errors import InvalidUsage
from physioctl.record import history as the_record
from physioctl.record.journal import default_path
from physioctl.record.report.files import expect_writable, write_whole
from physioctl.record.report.session import Form, Made

_DAY = click.DateTime(["%Y-%m-%d"])
_STDOUT = "-"


@click.command()
@click.argument("session", required=False)
@JOURNAL
@click.option("--person", metavar="REF", help="All the sessions of this person, instead of one.")
@click.option("--site", metavar="SITE", help="With --person: only those on this body site.")
@click.option("--since", type=_DAY, metavar="DAY", help="With --person: only from this day on (2026-11-22).")
@click.option("--until", type=_DAY, metavar="DAY", help="With --person: only up to this day.")
@click.option(
    "--format",
    "form",
    type=click.Choice([form.value for form in Form]),
    default=Form.HTML.value,
    help="A page; or data: the readings over time (csv), or all of it (json).  [default: html]",
)
@click.option(
    "--output",
    metavar="FILE",
    help="Write it here; - is standard output.  [default: the session's id, in this folder]",
)
@click.option("--force", is_flag=True, help="Replace a file that is there.")
@click.option("--open", "open_it", is_flag=True, help="Open the page in the browser.")
def report(
    session: str | None,
    journal: Path | None,
    person: str | None,
    site: str | None,
    since: datetime | None,
    until: datetime | None,
    form: str,
    output: str | None,
    force: bool,
    open_it: bool,
) -> None:
    """Write the report of a session: by the beginning of its id, or else of the latest.

    It is one page that needs no network, to be printed, filed or read on a phone. With --person it is of all
    the sessions of a person: what was delivered, and pain before and after.

    \b
    Examples:
      physioctl report --open
      physioctl report 20261122 --format csv --output -
      physioctl report --person P-017 --site calf
    """
    path = journal or default_path()
    if person is None and (site or since or until):
        raise InvalidUsage(
            "--site, --since and --until choose among a person's sessions", "Add --person REF."
        )
    if person is not None and session is not None:
        raise InvalidUsage("a report is of one session, or of a person's", "Leave one of the two out.")
    opener = browser() if open_it else None
    if open_it and (output == _STDOUT or form != Form.HTML):
        raise InvalidUsage("only a page in a file can be opened", "Leave --open out.")
    if journal is None and not path.exists():
        raise InvalidUsage("there is no session in the journal yet", "physioctl run begins one.")
    if output not in (None, _STDOUT):
        expect_writable(Path(output or ""), force=force)
    with _nothing_collected():
        if person is None:
            name, made = _of_session(path, session, Form(form))
        else:
            name, made = _of_person(path, person, site, since, until, Form(form))
    if not made.pictured:
        aside("The picture is left out: pip install 'physioctl[report]' installs what draws it.")
    if output == _STDOUT:
        # Whatever standard output is encoded in, a page is read as UTF-8.
        print_file(
            made.text.encode("ascii", "xmlcharrefreplace").decode() if form == Form.HTML else made.text
        )
        return
    to = Path(output or f"{name}.{form}")
    write_whole(to, made.text, force=force)
    aside(f"The report is in {to.absolute()}")
    if opener is not None and not opener.open(to.absolute().as_uri()):
        raise InvalidUsage("the browser did not open the page", f"Open it yourself: {to.absolute()}")


@contextmanager
def _nothing_collected() -> Iterator[None]:
    """What is imported and made here lives to the end: looking for what does not would take a fifth of it."""
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def _of_session(path: Path, session: str | None, form: Form) -> tuple[str, Made]:
    from physioctl.record.account import account
    from physioctl.record.report.session import session_report

    found = account(the_record.session(path, session))
    return found.summary.id, session_report(found, form)


def _of_person(
    path: Path, person: str, site: str | None, since: datetime | None, until: datetime | None, form: Form
) -> tuple[str, Made]:
    from physioctl.person import reference
    from physioctl.record.report.course import Asked, course_report, visits

    asked = Asked(
        reference(person),
        None if site is None else site.strip().casefold().replace(" ", "_").replace("-", "_"),
        None if since is None else since.date(),
        None if until is None else until.date(),
    )
    course = visits(path, asked)
    if not course:
        raise InvalidUsage(
            f"there is no such session of {asked.person}",
            f"List them with: physioctl history --person {asked.person}",
        )
    return asked.person, course_report(asked, course, form)
