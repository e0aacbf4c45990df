"""A journal that was named and is not there: begun only where somebody says so.

A name that was mistyped would leave the record of the day behind, and with it what each body site has had.
"""

from __future__ import annotations

from pathlib import Path

from physioctl.cli import asking
from physioctl.cli.recorded import not_there
from physioctl.guided.terminal import says_yes
from physioctl.record.journal import default_path
from physioctl.record.journal_begin import is_to_begin
from physioctl.record.journal_file import file_named, plainly


def is_new(journal: Path | None, *, new: bool) -> bool:
    """Whether a session is to begin its journal, because ``new`` says so or somebody at the terminal does.

    The usual journal, None, is begun by its first session without being asked about. Raise `JournalUnusable`
    for another one that is not there, where nobody says that it is to be begun.
    """
    if journal is None or new:
        return new
    with plainly(str(journal)):
        path = file_named(journal)
        if not is_to_begin(path, folders=True):
            return False
    if asking.can_ask() and says_yes(asking.Console(), _question(path)):
        return True
    raise not_there(path)


def is_begun_by_a_session(journal: Path | None) -> bool:
    """Whether there is no journal yet, so that the session makes it: the usual one, or one that was named."""
    path = journal or default_path()
    with plainly(str(path)):
        return is_to_begin(file_named(path), folders=True)


def _question(path: Path) -> str:
    folder = "" if path.parent.exists() else f", and no folder {path.parent}"
    return (
        f"There is no journal at {path}{folder}. In a new one nothing counts that a body site has had before."
        " Begin one there?"
    )
