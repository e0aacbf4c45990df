"""What the commands that read the record share: its options, and how a session is named."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from errno import EPIPE
from pathlib import Path

import click

from physioctl.cli.exits import Exit
from physioctl.cli.options import journal_option
from physioctl.cli.printing import aside, own_name
from physioctl.cli.streams import Output
from physioctl.errors import JournalUnusable
from physioctl.record.history import Unreadable
from physioctl.record.journal import default_path
from physioctl.record.journal_begin import is_to_begin
from physioctl.record.journal_file import file_named, plainly
from physioctl.record.summary import Summary

JOURNAL = journal_option("The journal.")


def the_journal(journal: Path | None) -> Path | None:
    """Where the journal is; None, and a line that says so, where the first session is still to make it.

    Raise `JournalUnusable` where one that was named is not there.
    """
    path = journal or default_path()
    with plainly(str(path)):
        if not is_to_begin(file_named(path), folders=True):
            return path
    if journal is not None:
        raise not_there(path)
    aside(f"There is no journal at {path} yet; the first session makes it.")
    return None


def not_there(path: Path) -> JournalUnusable:
    """What is said of a journal that was named and is not there."""
    return JournalUnusable(
        f"there is no journal at {path}",
        f"Check the name. To begin one there, with the folders it needs: {own_name()} run … "
        f"--journal {path} --new",
    )


def print_file(text: str) -> None:
    """Print ``text``, for which standard output is the file: where it cannot be kept, the exit code says so.

    Why is said as for any output. A reader that has had enough has been given what it wanted.
    """
    click.echo(text, nl=False)
    sys.stdout.flush()
    error = sys.stdout.error if isinstance(sys.stdout, Output) else None
    if isinstance(error, OSError) and error.errno != EPIPE:
        raise click.exceptions.Exit(Exit.USAGE)


def tell_unreadable(unreadable: Sequence[Unreadable]) -> Exit:
    """Say which sessions cannot be read, and what to do; return the exit code that says so too."""
    for each in unreadable:
        what = "an entry of no session" if each.session is None else f"session {each.session}"
        at = "" if each.seq is None else f"entry {each.seq}: "
        aside(f"error: {what} cannot be read: {at}{each.why}")
    if not unreadable:
        return Exit.DONE
    aside("  to do: Keep the journal as it is. How much of it is whole, and how to go on: physioctl verify")
    return Exit.JOURNAL_UNUSABLE


def began_at(summary: Summary) -> str:
    """When the session began, in local time."""
    return f"{summary.began.astimezone():%Y-%m-%d %H:%M}"


def site(summary: Summary) -> str:
    """The body site, and which side of it."""
    side = f"{summary.side} " if summary.side in ("left", "right") else ""
    return side + summary.body_site.replace("_", " ")
