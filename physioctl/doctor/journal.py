"""The journal: whether it is where it was, can be written, is whole, and agrees with the time of day.

It is opened for reading. For a moment the right to write is taken, to see whether somebody else has it.
"""

from __future__ import annotations

import os
import random
import shlex
import sqlite3
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from device.clock import Clock
from physioctl.at_once import TookTooLong
from physioctl.doctor import disk
from physioctl.doctor.access import account_name
from physioctl.doctor.bounded import bounded
from physioctl.doctor.findings import Finding, Mark, found, information, ok
from physioctl.doctor.holders import programs_with
from physioctl.errors import JournalUnusable
from physioctl.record.journal import Journal
from physioctl.record.journal_begin import is_to_begin
from physioctl.record.journal_file import (
    BUSY_S,
    OpenFile,
    connect_read_only,
    continue_after,
    default_path,
    expect_ours,
    file_named,
    plainly,
    uri_of,
)
from physioctl.record.journal_reading import reading
from physioctl.record.verify import Verification, verify
from physioctl.wall_clock import doubt

# This project's own figures. A journal of 10,000 sessions is verified in less.
VERIFY_MS = 30_000
LOOK_MS = 10_000  # for whatever else is asked of the file system


@dataclass(frozen=True, slots=True)
class Named:
    """Which journal is meant, and who says so."""

    path: Path | None  # None: the user's own
    who: str = ""  # such as "your settings name"


def journal(named: Named, clock: Clock, *, verify_ms: int = VERIFY_MS) -> Iterator[Finding]:
    """What is wrong with the journal, its file and its disk."""
    try:
        path = file_named(named.path or default_path())
        there = bounded("journal", partial(_place, path, named), LOOK_MS)
        if isinstance(there, Finding):
            yield there
            return
        if there:
            yield from bounded("journal", partial(_file, path, clock, verify_ms), LOOK_MS + verify_ms)
        else:
            yield information("journal", f"there is no journal at {path} yet; the first session makes it")
        yield bounded("account", partial(_whose, path), LOOK_MS)
        folder = bounded("folder", partial(_nearest, path.parent), LOOK_MS)
        yield bounded("room", partial(disk.room, path, folder), LOOK_MS)
        yield disk.kept_in_time(path, folder, clock)
    except JournalUnusable as error:
        yield found("journal.unusable", why=error.what, todo=error.action)
    except TookTooLong as error:
        yield found(
            "journal.unusable", why=f"the journal cannot be looked at: {error}", todo="See to its disk."
        )
    except OSError as error:
        yield found(
            "journal.unusable",
            why=f"the journal cannot be looked at: {error.strerror or error}",
            todo="See to its disk and its folder, or name another with --journal FILE.",
        )


def _place(path: Path, named: Named) -> Finding | bool:
    """Whether there is a journal at ``path``, or what is wrong with its place."""
    if named.path is not None and not os.path.lexists(path):
        if not path.parent.exists():
            return found(
                "journal.no_folder",
                who=named.who,
                journal=path,
                folder=path.parent,
                path=shlex.quote(str(path.parent)),
            )
        if is_to_begin(path, folders=False):
            return found("journal.missing", who=named.who, journal=path)
    with plainly(str(path)):
        return not is_to_begin(path, folders=named.path is None)


def _file(path: Path, clock: Clock, verify_ms: int) -> list[Finding]:
    """What is wrong with the file, as it stands."""
    with plainly(str(path)):
        expect_ours(path)
    findings = [*_writable(path), verified(path, verify_ms)]
    if all(finding.mark is Mark.OK for finding in findings):
        findings.append(_agrees_with_the_clock(path, clock))
    return findings


def _whose(path: Path) -> Finding:
    """The account whose journal it is, or will be. On Windows accounts have no numbers to name them by."""
    of = "of your account"
    if sys.platform != "win32":
        of = f"of the account {account_name(path.stat().st_uid if path.exists() else os.geteuid())}"
    return information(
        "account",
        f"this journal is {of}: another account here has one of its own, and its own day's limits",
    )


def _writable(path: Path) -> Iterator[Finding]:
    for needed in (path, path.parent):
        if not os.access(needed, os.W_OK):
            yield found("journal.not_writable", journal=path, why=f"{needed} may not be written")
            return
    try:
        _take_the_right_to_write(path)
    except sqlite3.Error as error:
        if not getattr(error, "sqlite_errorname", "").startswith("SQLITE_BUSY"):
            yield found("journal.not_writable", journal=path, why=error)
            return
        others = ", ".join(map(str, programs_with(str(path)))) or "it is not shown to you"
        yield found("journal.locked", journal=path, seconds=round(BUSY_S), who=others)
        return
    yield ok("journal", f"{path} can be written")


def _take_the_right_to_write(path: Path) -> None:
    """Begin a transaction, and change nothing.

    SQLite moves what waits in the -wal into the file when the last connection closes. That is for a session
    to do: so one that only reads is open before, and closed after it.
    """
    reader = connect_read_only(path)
    try:
        reader.execute("SELECT seq FROM head").fetchall()
        writer = sqlite3.connect(uri_of(path, "mode=rw"), uri=True, timeout=BUSY_S, isolation_level=None)
        try:
            writer.execute("BEGIN IMMEDIATE")
            writer.execute("ROLLBACK")
        finally:
            writer.close()
    finally:
        reader.close()


def verified(path: Path, limit_ms: int, check: Callable[[Path], Verification] = verify) -> Finding:
    """Whether every entry is whole, if ``check`` has found that out in ``limit_ms``."""
    try:
        result = bounded("verify", partial(check, path), limit_ms)
    except TookTooLong:
        return found(
            "journal.unverified", journal=path, seconds=limit_ms // 1000, path=shlex.quote(str(path))
        )
    if not result.whole:
        return found("journal.not_whole", journal=path, why=result.why, todo=continue_after(path))
    return ok("journal", f"{path} verifies: {result.entries} entries", entries=result.entries)


def _agrees_with_the_clock(path: Path, clock: Clock) -> Finding:
    with reading(path) as connection:
        why = doubt(Journal(connection, clock, random.SystemRandom(), OpenFile.now_at(path)))
    if why is not None:
        return found("clock.in_doubt", why=why)
    return ok("clock", "the time of day is not behind the journal's newest entry")


def _nearest(folder: Path) -> Path:
    """``folder``, or the nearest above it that is there."""
    return next(each for each in (folder, *folder.parents) if each.is_dir())
