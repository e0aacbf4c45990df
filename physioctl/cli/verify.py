"""Whether the journal is whole."""

from __future__ import annotations

from pathlib import Path

import click

from physioctl.cli.exits import Exit
from physioctl.cli.printing import JSON, aside, json_line, say
from physioctl.cli.recorded import JOURNAL, the_journal
from physioctl.record import verify as the_verification
from physioctl.record.journal import default_path
from physioctl.record.journal_file import ELSEWHERE, bears_our_mark


@click.command()
@JOURNAL
@click.option("--head", metavar="HASH", help="Also say whether this head, noted earlier, is in the chain.")
@JSON
def verify(journal: Path | None, head: str | None, as_json: bool) -> int:
    """Check that the journal is whole: nothing changed, removed, exchanged or cut off.

    \b
    Example:
      physioctl verify --journal clinic.sqlite
    """
    path = journal or default_path()
    if journal is None and head is None and the_journal(None) is None:
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
