"""What a user has said once for every command: the usual port, its dialect, the journal, texts, who treats.

It stands in ``config.toml`` in the user's configuration folder, and every key may be left out::

    port = "/dev/ttyUSB0"
    dialect = "native"
    journal = "/home/clinic/journal.sqlite"
    texts = "/home/clinic/de.toml"
    operator = "T-2"

What is typed goes before the environment, and that before the file. A file with a mistake in it is refused
as a whole: a usual port that was misspelt must not lead to another one.
"""

from __future__ import annotations

import os
import stat
import tomllib
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path

from device.dialects.registry import names
from physioctl.errors import InvalidUsage
from physioctl.person import reference
from physioctl.text import clean

PORT_VARIABLE = "PHYSIOCTL_PORT"
OPERATOR_VARIABLE = "PHYSIOCTL_OPERATOR"
_KEYS = ("port", "dialect", "journal", "texts", "operator")
_SIZE_MAX = 65_536  # bytes; this project's own figure


@dataclass(frozen=True, slots=True)
class Settings:
    """The settings; None where the file does not say."""

    port: str | None = None
    dialect: str | None = None
    journal: Path | None = None
    texts: Path | None = None  # see `physioctl.translation`
    operator: str | None = None  # the reference of who treats, in its one form


def settings_path() -> Path:
    """Where the file is, whether there is one or not."""
    from platformdirs import user_config_path  # only a command that was not told everything pays for it

    return user_config_path("physioctl", appauthor=False) / "config.toml"


def settings(path: Path | None = None) -> Settings:
    """The settings in the file at ``path``, by default the user's own; empty ones where there is none.

    Raise `InvalidUsage`, which names the file, for anything in it that is not understood.
    """
    path = settings_path() if path is None else path
    try:
        data = _data(path)
    except (FileNotFoundError, NotADirectoryError):
        return Settings()
    except OSError as error:
        raise _wrong(path, f"cannot be read: {error.strerror}") from None
    if len(data) > _SIZE_MAX:
        raise _wrong(path, f"is larger than {_SIZE_MAX} bytes")
    try:
        said = tomllib.loads(data.decode("utf-8"))
    except ValueError as error:  # no text, no TOML, or a number with too many digits
        raise _wrong(path, str(error)) from None
    except RecursionError:
        raise _wrong(path, "holds lists in lists, too deep to be read") from None
    return _read(path, said)


def _data(path: Path) -> bytes:
    """What the file begins with. This never waits, as for the other end of a pipe."""
    with open(path, "rb", opener=_open_at_once) as file:  # pathlib takes no opener
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            raise _wrong(path, "is a device or a pipe, not a file")
        return file.read(_SIZE_MAX + 1)


def _open_at_once(path: str, flags: int) -> int:
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_NOCTTY", 0))  # not on Windows


def _read(path: Path, said: dict[str, object]) -> Settings:
    for key, value in said.items():
        if key not in _KEYS:
            near = get_close_matches(key, _KEYS, n=1)
            hint = f"Did you mean {near[0]}?" if near else f"Choose from {', '.join(_KEYS)}."
            raise _wrong(path, f"{clean(key)!r} is no setting", hint)
        if not isinstance(value, str) or not value or not value.isprintable():
            raise _wrong(path, f"{key}: expected a text in quotes, and not an empty one")
    port, dialect, journal, texts, operator = (said.get(key) for key in _KEYS)
    if dialect is not None and dialect not in names():
        raise _wrong(path, f"dialect: no dialect is called {dialect!r}", f"Choose from {', '.join(names())}.")
    return Settings(
        None if port is None else str(port),
        None if dialect is None else str(dialect),
        None if journal is None else _file(path, "journal", str(journal)),
        None if texts is None else _file(path, "texts", str(texts)),
        None if operator is None else _operator(path, str(operator)),
    )


def _operator(path: Path, written: str) -> str:
    try:
        return reference(written)
    except InvalidUsage as error:
        raise _wrong(path, f"operator: {error.what}", error.action) from None


def _file(path: Path, key: str, written: str) -> Path:
    try:
        named = Path(written).expanduser()
    except RuntimeError:  # there is no such user, or no home
        raise _wrong(path, f"{key}: {written!r} leads to no folder", "Write the whole path.") from None
    if not named.is_absolute():
        raise _wrong(path, f"{key}: {written!r} is not a whole path", "Begin it with / or ~/, or a drive.")
    return named


def _wrong(path: Path, what: str, action: str = "Correct it, or take the file away.") -> InvalidUsage:
    return InvalidUsage(f"{path}: {what}", action)
