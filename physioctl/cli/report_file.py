"""A report as a file: the options that say where it goes, and its writing."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import click

from physioctl.cli.browser import browser
from physioctl.cli.exits import Exit
from physioctl.cli.printing import aside
from physioctl.cli.recorded import print_file, tell_unreadable
from physioctl.errors import InvalidUsage, JournalUnusable
from physioctl.record.journal import default_path
from physioctl.record.report.files import expect_writable, write_whole
from physioctl.record.report.session import Form, Made
from physioctl.record.selection import Selection

_STDOUT = "-"

OUTPUT = click.option(
    "--output",
    metavar="FILE",
    help="Write the report here; - is standard output.  [default: named for what it is of, in this folder]",
)
FORCE = click.option("--force", is_flag=True, help="Replace a file that is there.")
OPEN = click.option("--open", "open_it", is_flag=True, help="Open the page in the browser.")


@dataclass(frozen=True, slots=True)
class Destination:
    """Where a report goes, as `OUTPUT`, `FORCE` and `OPEN` say."""

    output: str | None = None
    force: bool = False
    open_it: bool = False


def expect_begun(journal: Path | None) -> Path:
    """Where the journal is; raise `InvalidUsage` where the first session is still to make the usual one."""
    path = journal or default_path()
    if journal is None and not path.exists():
        raise InvalidUsage("there is no session in the journal yet", "physioctl run begins one.")
    return path


def write_report(to: Destination, form: Form, make: Callable[[], tuple[str, Made]]) -> Exit:
    """Write what ``make`` gives, a report and the name of its file, and say where it is.

    Return the exit code, which says whether sessions may be missing in it for they cannot be read.

    Raise `InvalidUsage`, before the report is made, where it could not be written or opened.
    """
    if to.open_it and (to.output == _STDOUT or form is not Form.HTML):
        raise InvalidUsage("only a page in a file can be opened", "Leave --open out.")
    opener = browser() if to.open_it else None
    if to.output not in (None, _STDOUT):
        expect_writable(Path(to.output or ""), force=to.force)
    with _nothing_collected():
        name, made = make()
    if not made.pictured:
        aside("The picture is left out: pip install 'physioctl[report]' installs what draws it.")
    if to.output == _STDOUT:
        # Whatever standard output is encoded in, a page is read as UTF-8.
        print_file(
            made.text.encode("ascii", "xmlcharrefreplace").decode() if form is Form.HTML else made.text
        )
        return tell_unreadable(made.unreadable)
    file = Path(to.output or f"{name}.{form}")
    write_whole(file, made.text, force=to.force)
    aside(f"The report is in {file.absolute()}")
    if opener is not None and not opener.open(file.absolute().as_uri()):
        raise InvalidUsage("the browser did not open the page", f"Open it yourself: {file.absolute()}")
    return tell_unreadable(made.unreadable)


def course_of(
    path: Path, person: str, chosen: Selection, form: Form, limit: int | None = None
) -> tuple[str, Made]:
    """The report of the sessions of ``person`` that are ``chosen``, and the name of its file.

    Raise `InvalidUsage` where there is none of them, and `JournalUnusable` where that is not known.
    """
    from physioctl.person import reference
    from physioctl.record.report.course import course_in, course_report

    course = course_in(path, chosen, limit)
    whose = reference(person)
    if not course.visits and course.unreadable:
        raise JournalUnusable(
            f"no session of {whose} can be read in {path}, and {len(course.unreadable)} of somebody cannot",
            f"Which these are: physioctl history --journal {path}",
        )
    if not course.visits:
        raise InvalidUsage(
            f"there is no such session of {whose}", f"List them with: physioctl history --person {whose}"
        )
    return whose, course_report(person, chosen, course, form)


@contextmanager
def _nothing_collected() -> Iterator[None]:
    """What is imported and made here lives to the end: looking for what does not would take a fifth of it."""
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
