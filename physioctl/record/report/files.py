"""A file written whole or not at all."""

from __future__ import annotations

import errno
import os
import secrets
import stat
import sys
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import IO

from physioctl.errors import InvalidUsage

_OPEN_FILES = Path("/proc/self/fd")


def expect_writable(path: Path, *, force: bool, option: str = "--output") -> None:
    """Raise `InvalidUsage` where ``path`` is taken, or is no name that a file can have.

    ``option`` is the one that names it.
    """
    try:
        mode = path.stat().st_mode
    except FileNotFoundError:
        return
    except (OSError, ValueError) as error:
        raise _unwritable(path, error, option) from None
    if not stat.S_ISREG(mode):
        raise InvalidUsage(f"{path} is no file", f"Name a file with {option}.")
    if not force:
        raise InvalidUsage(f"there is {path} already", f"Name another with {option}, or add --force.")


def write_whole(path: Path, text: str, *, force: bool = False, option: str = "--output") -> None:
    """Write ``text`` to ``path``, which the user alone may read. Raise `InvalidUsage`, and leave nothing.

    The file has its name once it is whole and on the disk. Where the system has files without a name (Linux,
    on most file systems), a program that is killed meanwhile leaves nothing either; elsewhere it leaves a
    hidden file beside it. ``force`` allows a file that is there to be replaced.
    """
    expect_writable(path, force=force, option=option)
    try:
        data, whole = text.encode(), path.resolve()
        file = _nameless_in(whole.parent)
        if file is None:
            _write_beside(whole, data)
            return
        with os.fdopen(file, "wb") as nameless:
            _keep(nameless, data)
            _give_name(nameless.fileno(), whole, force=force)
    except (OSError, ValueError) as error:
        raise _unwritable(path, error, option) from None


def _keep(file: IO[bytes], data: bytes) -> None:
    file.write(data)
    file.flush()
    os.fsync(file.fileno())


def _nameless_in(folder: Path) -> int | None:
    """A new file in ``folder`` that has no name yet; None where the system or its file system has none."""
    if sys.platform != "linux" or not _OPEN_FILES.exists():
        return None
    try:
        return os.open(folder, os.O_TMPFILE | os.O_WRONLY, 0o600)  # a report holds data of a person
    except OSError as error:
        if error.errno in (errno.EOPNOTSUPP, errno.EISDIR, errno.EINVAL):
            return None
        raise


def _give_name(file: int, whole: Path, *, force: bool) -> None:
    """Name an open file that has no name; with ``force``, in place of the file that is called so."""
    try:
        _link(file, whole)
    except FileExistsError:
        if not force:
            raise
        beside = whole.with_name(f".{whole.name[:32]}-{secrets.token_hex(4)}")
        _link(file, beside)
        _take_its_place(beside, whole)


def _link(file: int, name: Path) -> None:
    # With a descriptor of a folder, which a whole path makes no use of, Python follows what is in /proc.
    os.link(_OPEN_FILES / str(file), name, src_dir_fd=file)


def _write_beside(whole: Path, data: bytes) -> None:
    with (
        NamedTemporaryFile(  # of mode 0600
            dir=whole.parent, prefix=f".{whole.name[:32]}-", delete=False
        ) as file
    ):
        beside = Path(file.name)
        try:
            _keep(file, data)
        except BaseException:
            beside.unlink()
            raise
    _take_its_place(beside, whole)


def _take_its_place(beside: Path, whole: Path) -> None:
    try:
        beside.replace(whole)
    except BaseException:
        beside.unlink()
        raise


def _unwritable(path: Path, error: Exception, option: str) -> InvalidUsage:
    why = (error.strerror if isinstance(error, OSError) else None) or str(error)
    return InvalidUsage(
        f"cannot write {path}: {why}", f"See to that, or name another with {option}. Nothing was written."
    )
