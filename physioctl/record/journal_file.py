"""The journal as a file: found, known to be ours before it is touched, and still the one opened.

What a path leads to is looked at read-only. Its mode is set, and SQLite opens it for writing, only once its
tables are known to be a journal's.
"""

from __future__ import annotations

import errno
import os
import sqlite3
import stat
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from physioctl.errors import JournalUnusable
from physioctl.record.journal_schema import (
    APPLICATION_ID,
    FORMAT,
    earlier_format,
    marks_of,
    schema_expected,
    schema_of,
)

BUSY_S = 2.0  # how long another program may hold the journal
_BESIDE = ("", "-wal", "-shm")  # the file, and what SQLite keeps beside it
_NO_FILES = ("", "-", ":memory:")


def default_path() -> Path:
    """Return where the journal is when nobody says otherwise: in the user's data directory."""
    from platformdirs import user_data_path  # only a session on the default path pays for it

    return user_data_path("physioctl", appauthor=False) / "journal.sqlite"


def file_named(path: Path) -> Path:
    """Return ``path`` as an absolute one; raise `JournalUnusable` where no file can keep anything."""
    text = str(path)
    if text in _NO_FILES or text.startswith("file:") or "\0" in text:
        raise JournalUnusable(
            f"{text!r} names no file in which a record is kept", "Name a file with --journal FILE."
        )
    return Path(os.path.abspath(text))  # noqa: PTH100 - Path.resolve would follow links, and hide them


def expect_ours(path: Path) -> None:
    """Raise `JournalUnusable` unless ``path`` leads to a journal of this format. Change nothing."""
    status = path.stat()
    if not stat.S_ISREG(status.st_mode):
        raise JournalUnusable(f"the journal {path} cannot be used: it is not a file", ELSEWHERE)
    if status.st_size == 0:
        raise JournalUnusable(f"the journal {path} cannot be used: the file is empty", ELSEWHERE)
    try:
        _expect_ours(connect_immutable(path), path)
    except sqlite3.DatabaseError as error:
        if getattr(error, "sqlite_errorname", "") != "SQLITE_CORRUPT":
            raise
        # Another program may be moving its -wal into it at this moment: SQLite sees the two as one.
        _expect_ours(connect_read_only(path), path)


def _expect_ours(connection: sqlite3.Connection, path: Path) -> None:
    try:
        expect_format(connection, str(path))
        if marks_of(connection)[0] != APPLICATION_ID:
            raise JournalUnusable(f"{path} is a database, and not a journal of physioctl's", ELSEWHERE)
        if schema_of(connection) != schema_expected():
            raise JournalUnusable(
                f"the journal {path} is not whole: its rules have been changed", continue_after(path)
            )
    finally:
        connection.close()


def expect_format(connection: sqlite3.Connection, name: str) -> None:
    """Raise `JournalUnusable` for a journal of a format that this program does not read."""
    application, version = marks_of(connection)
    if application == APPLICATION_ID and version > FORMAT:
        raise JournalUnusable(
            f"the journal {name} is of format {version}; this program knows format {FORMAT}",
            "Use the newer physioctl that wrote it, or name another with --journal FILE.",
        )
    earlier = earlier_format(connection)
    if earlier is not None:
        raise JournalUnusable(
            f"the journal {name} is of format {earlier}, written by an earlier version: it is kept as it is",
            "Name a new one with --journal FILE.",
        )


def keep_private(path: Path) -> None:
    """Take a journal of the user's own back from others who may read it. POSIX only."""
    if sys.platform == "win32":
        return
    for beside in _BESIDE:
        file = Path(f"{path}{beside}")
        with suppress(FileNotFoundError):
            status = file.stat()
            if status.st_mode & 0o077 and status.st_uid == os.geteuid():
                file.chmod(0o600)


def connect(path: Path, *, alone: bool = False) -> sqlite3.Connection:
    """Connect to a journal that is there, for writing.

    ``alone`` keeps every other program out for as long as the connection lasts. Where another has the journal
    open, it fails at once, without waiting: a lock that is waited for would keep a session from its record.
    """
    for needed in (path, path.parent):
        if not os.access(needed, os.W_OK):
            raise PermissionError(13, "Permission denied")
    connection = sqlite3.connect(
        uri_of(path, "mode=rw"),
        uri=True,
        timeout=0 if alone else BUSY_S,
        isolation_level=None,
        check_same_thread=False,
    )
    connection.text_factory = tolerant_text
    if alone:
        connection.execute("PRAGMA locking_mode = EXCLUSIVE")
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("PRAGMA wal_autocheckpoint = 0")  # `checkpoint` decides
    return connection


def checkpoint(connection: sqlite3.Connection) -> None:
    """Copy what waits in the -wal into the file proper, as far as no other program reads it.

    SQLite drops what waits in a -wal without any error when a bit of it is damaged, the head with it. A
    failure is no loss: the entries stay in the -wal, and the next commit reports what is wrong.
    """
    with suppress(sqlite3.Error):
        connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()


def connect_immutable(path: Path) -> sqlite3.Connection:
    """Connect to a file as it stands: SQLite takes no lock, and lays nothing beside it.

    The tables and the mark of a journal are in the file itself from its first moment, so that what waits in
    a -wal makes no difference to them.
    """
    connection = sqlite3.connect(uri_of(path, "mode=ro&immutable=1"), uri=True, isolation_level=None)
    connection.text_factory = tolerant_text
    return connection


def bears_our_mark(path: Path) -> bool:
    """Whether a file says that it is a journal of ours, or is too damaged to say. Leave nothing beside it.

    SQLite reads the mark: another descriptor of this process, once closed, would let go of SQLite's locks.
    """
    connection = connect_immutable(path)
    try:
        return marks_of(connection)[0] == APPLICATION_ID
    except sqlite3.DatabaseError as error:
        return (
            getattr(error, "sqlite_errorname", "") == "SQLITE_CORRUPT"
        )  # as when its -wal holds the rest of it
    finally:
        connection.close()


def connect_read_only(path: Path) -> sqlite3.Connection:
    """Connect to a journal to read it, also in a folder where nothing may be written."""
    connection = sqlite3.connect(uri_of(path, "mode=ro"), uri=True, timeout=BUSY_S, isolation_level=None)
    try:
        connection.execute("PRAGMA schema_version")
    except sqlite3.OperationalError:
        connection.close()
        if Path(f"{path}-wal").exists():
            raise
        # A copy in a folder nobody may write to: SQLite cannot lay its -shm there, and nobody writes.
        return connect_immutable(path)
    except sqlite3.DatabaseError:
        connection.close()
        raise
    connection.text_factory = tolerant_text
    return connection


def tolerant_text(data: bytes) -> str:
    """Decode a column's text. What is not UTF-8 becomes lone surrogates, which no sound entry holds."""
    return data.decode("utf-8", "surrogateescape")


@dataclass(slots=True)
class OpenFile:
    """The file that was opened, by the numbers the system knows it by. Its path has to lead to it."""

    path: Path
    _numbers: dict[str, tuple[int, int]] = field(default_factory=dict)
    _size: int = 0

    @classmethod
    def now_at(cls, path: Path) -> OpenFile:
        """The file that ``path`` leads to now, with what SQLite keeps beside it."""
        found = cls(path)
        for beside in _BESIDE:
            with suppress(FileNotFoundError):
                status = Path(f"{path}{beside}").stat()
                found._numbers[beside] = (status.st_dev, status.st_ino)
        found._size = path.stat().st_size
        return found

    def expect_same(self, before: os.stat_result) -> None:
        """Raise `JournalUnusable` when the path led to another file before it was opened."""
        if self._numbers.get("") != (before.st_dev, before.st_ino):
            raise self._changed(f"{self.path.name} has been replaced")

    def expect_unchanged(self) -> None:
        """Raise `JournalUnusable` when the path leads elsewhere now, or the file has been cut short."""
        for beside, numbers in self._numbers.items():
            try:
                status = Path(f"{self.path}{beside}").stat()
            except (FileNotFoundError, NotADirectoryError):
                raise self._changed(f"{self.path.name}{beside} has been removed or moved") from None
            if (status.st_dev, status.st_ino) != numbers:
                raise self._changed(f"{self.path.name}{beside} has been replaced")
            if not beside:
                if status.st_size < self._size:
                    raise self._changed(f"{self.path.name} has been cut short")
                self._size = status.st_size

    def _changed(self, what: str) -> JournalUnusable:
        return JournalUnusable(
            f"the journal {self.path} cannot be used: {what} while it was open",
            "Find out who did that, and keep what is left. Begin a new journal with --journal FILE --new.",
        )


def keep_beside(path: Path, stamp: str, line: str) -> Path | None:
    """Add a line that the journal at ``path`` could not keep to a file beside it; None if there is no way to.

    Where nothing can be written beside it, the system's folder for temporary files takes it.
    """
    text = f"{line}\n".encode()
    for beside in (True, False):
        try:  # on a full disk there is no folder for temporary files either
            kept = _unkept(path, stamp, beside=beside)
            file = os.open(kept, os.O_WRONLY | os.O_CREAT | os.O_APPEND | getattr(os, "O_NOFOLLOW", 0), 0o600)
            try:
                if os.write(file, text) == len(text):
                    return kept
            finally:
                os.close(file)
        except OSError:
            continue
    return None


def erase_beside(path: Path, stamp: str) -> None:
    """Remove what `keep_beside` has written for ``stamp``; raise `OSError` where that cannot be done."""
    for beside in (True, False):
        _unkept(path, stamp, beside=beside).unlink(missing_ok=True)


def _unkept(path: Path, stamp: str, *, beside: bool) -> Path:
    folder = path.parent if beside else Path(tempfile.gettempdir())
    return folder / f"{path.name}.unkept-{stamp}.jsonl"


@contextmanager
def plainly(name: str) -> Iterator[None]:
    """Turn whatever SQLite or the operating system raises into `JournalUnusable`."""
    try:
        yield
    except (sqlite3.Error, OSError, UnicodeDecodeError) as error:  # SQLite may repeat bytes of a torn schema
        raise unusable(name, error) from error


def uri_of(path: Path, options: str) -> str:
    """Return what SQLite opens ``path`` by."""
    return f"{Path(os.path.abspath(path)).as_uri()}?{options}"  # noqa: PTH100 - links are SQLite's to follow


ELSEWHERE = "Name another with --journal FILE; this one was left as it is."


def continue_after(path: Path | str) -> str:
    """Return what to do about a journal that is no longer whole."""
    return (
        f"See physioctl verify. Keep this file, and begin a new one: --journal NEW --new --continues {path}"
    )


_TROUBLES = {
    "SQLITE_FULL": (
        "the disk is full",
        "Free some space, or name a journal on another disk with --journal FILE.",
    ),
    "SQLITE_IOERR": (
        "the disk cannot be written or read",
        "See to the disk and its free space, or name a journal on another with --journal FILE.",
    ),
    "SQLITE_READONLY": (
        "it may not be written",
        "Get the right to write there, or name another with --journal FILE.",
    ),
    "SQLITE_CANTOPEN": (
        "it cannot be opened",
        "See that the folder may be written, or name another with --journal FILE.",
    ),
    "SQLITE_BUSY": (
        f"another program has held it for {BUSY_S:.0f} s",
        "Close that program, and start again.",
    ),
    "SQLITE_NOTADB": ("it is not a journal", ELSEWHERE),
    "SQLITE_ERROR": ("it is not a journal", ELSEWHERE),  # a database without our tables
    "SQLITE_CORRUPT": (
        "it is damaged",
        "Keep the file, see `physioctl verify`, and name a new one with --journal FILE.",
    ),
}


def _no_file_can_be_opened() -> bool:
    try:
        os.close(os.open(os.devnull, os.O_RDONLY))
    except OSError as error:
        return error.errno in (errno.EMFILE, errno.ENFILE)
    return False


def unusable(name: str, error: sqlite3.Error | OSError | UnicodeDecodeError) -> JournalUnusable:
    """Return what ``error`` means for the journal called ``name``."""
    if isinstance(error, OSError):
        why, action = (
            error.strerror or str(error),
            "See that it may be written, or name another with --journal FILE.",
        )
        return JournalUnusable(f"the journal {name} cannot be used: {why}", action)
    if _no_file_can_be_opened():  # SQLite says no more than that it cannot open the journal
        return JournalUnusable(
            f"the journal {name} cannot be used: too many files are open",
            "Raise the limit, such as: ulimit -n 256",
        )
    code = (
        "SQLITE_CORRUPT" if isinstance(error, UnicodeDecodeError) else getattr(error, "sqlite_errorname", "")
    )
    why, action = next(
        (trouble for kind, trouble in _TROUBLES.items() if code.startswith(kind)),
        (str(error), "See `physioctl verify`, or name another with --journal FILE."),
    )
    return JournalUnusable(f"the journal {name} cannot be used: {why}", action)
