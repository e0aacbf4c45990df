"""A new journal: an empty file of the format, made beside its place and put there whole."""

from __future__ import annotations

import os
import secrets
import sqlite3
from pathlib import Path

from physioctl.errors import JournalUnusable
from physioctl.record.journal_file import ELSEWHERE, uri_of
from physioctl.record.journal_schema import SCHEMA

_LEFT = ("-wal", "-shm", "-journal")  # the files that SQLite uses beside a file of the name


def is_to_begin(path: Path, *, folders: bool) -> bool:
    """Whether there is nothing at ``path``, so that the first session begins a journal there.

    Raise `JournalUnusable` where none can be. ``folders`` says that missing folders are made as well.
    """
    if path.is_symlink() and not path.exists():
        raise JournalUnusable(f"the journal {path} cannot be used: it is a link to nothing", ELSEWHERE)
    if path.exists():
        return False
    if left := [file for beside in _LEFT if os.path.lexists(file := Path(f"{path}{beside}"))]:
        if path.exists():  # another program has begun it meanwhile, and these are its own
            return False
        raise _left_behind(path, left)
    if path.parent.exists() and not path.parent.is_dir():
        raise JournalUnusable(
            f"the journal {path} cannot be used: {path.parent} is not a folder",
            "Name another with --journal FILE.",
        )
    if not path.parent.exists() and not folders:
        raise JournalUnusable(
            f"the journal {path} cannot be made: there is no folder {path.parent}",
            "Make the folder, or begin the journal and its folders with: run --journal FILE --new",
        )
    return True


def begin_file(path: Path, *, folders: bool) -> bool:
    """Make an empty journal at ``path`` if there is nothing there, and say whether it was made.

    It is made beside and moved into place, so that there is never half a journal: so one sync at its end is
    enough. ``folders`` lets the folders that are missing be made as well.
    """
    if not is_to_begin(path, folders=folders):
        return False
    if not path.parent.exists():
        for folder in reversed([folder for folder in path.parents if not folder.exists()]):
            folder.mkdir(mode=0o700, exist_ok=True)
    made = path.with_name(f".{path.name}.{secrets.token_hex(4)}.new")
    os.close(os.open(made, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))
    try:
        connection = sqlite3.connect(uri_of(made, "mode=rw"), uri=True, isolation_level=None)
        try:
            connection.execute("PRAGMA synchronous = OFF")
            connection.executescript(f"BEGIN;{SCHEMA}COMMIT;")
            connection.execute("PRAGMA journal_mode = WAL")
        finally:
            connection.close()
        _sync(made)
        return _put_in_place(made, path)
    finally:
        made.unlink(missing_ok=True)


def _sync(path: Path) -> None:
    file = os.open(path, os.O_RDWR)
    try:
        os.fsync(file)
    finally:
        os.close(file)


def _put_in_place(made: Path, path: Path) -> bool:
    """Give the file ``made`` its name; False when another program has begun a journal there meanwhile."""
    try:
        os.link(made, path)
    except FileExistsError:
        return False
    except OSError:  # a file system without links: nothing keeps two programs apart there but this look
        if path.exists():
            return False
        made.rename(path)
    return True


def _left_behind(path: Path, left: list[Path]) -> JournalUnusable:
    """SQLite would take these for the new file's own, and write the earlier one's entries into it."""
    return JournalUnusable(
        f"the journal {path} cannot be begun: of an earlier file of that name there is still "
        f"{' and '.join(file.name for file in left)}",
        "They may hold its last entries. Put that file back beside them, or move them to where it is now; "
        "or name another with --journal FILE.",
    )
