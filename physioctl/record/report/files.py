"""A file written whole or not at all."""

from __future__ import annotations

import os
import stat
from contextlib import suppress
from pathlib import Path
from tempfile import NamedTemporaryFile

from physioctl.errors import InvalidUsage


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

    It is written beside the file first and takes its place once it is on the disk. ``force`` allows a file
    that is there to be replaced.
    """
    expect_writable(path, force=force, option=option)
    beside: Path | None = None
    try:
        whole = path.resolve()
        with (
            NamedTemporaryFile(  # of mode 0600: a report holds data of a person
                "w",
                encoding="utf-8",
                newline="",
                dir=whole.parent,
                prefix=f".{whole.name[:32]}-",
                delete=False,
            ) as file
        ):
            beside = Path(file.name)
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(whole)
    except (OSError, ValueError) as error:
        raise _unwritable(path, error, option) from None
    finally:
        if beside is not None:
            with suppress(OSError):  # it has taken its place
                beside.unlink()


def _unwritable(path: Path, error: Exception, option: str) -> InvalidUsage:
    why = (error.strerror if isinstance(error, OSError) else None) or str(error)
    return InvalidUsage(
        f"cannot write {path}: {why}", f"See to that, or name another with {option}. Nothing was written."
    )
