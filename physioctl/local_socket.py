"""A socket that only programs of one user on one machine can reach, under a name made from a port's.

On POSIX it is a Unix socket in a folder of mode 0700, and both ends check whose process the other is where
the system tells (``SO_PEERCRED``: Linux). On Windows it is a named pipe whose random address stands in a file
in the user's own profile; that way has not been tried. Only bytes are exchanged, never pickled objects.
"""

from __future__ import annotations

import os
import re
import socket
import stat
import struct
import sys
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from hashlib import sha256
from multiprocessing.connection import Client, Connection, Listener
from pathlib import Path
from typing import Protocol

from device.address import LOOPBACK, Numbers, is_network, numbers_of

_BACKLOG = 16
_NAME_LENGTH = 16  # hexadecimal digits: the path of a Unix socket has little more than 100 bytes
_NAME = re.compile(f"[0-9a-f]{{{_NAME_LENGTH}}}")


class Door(Protocol):
    """The listening end of a socket, for other programs of the same user."""

    def accept(self) -> Connection | None:
        """The next one, waited for; None when it was somebody else's. Raise `OSError` when there is none."""

    def close(self) -> None:
        """Accept no more connections. A waiting `accept` raises `OSError`."""


@dataclass(frozen=True, slots=True)
class Name:
    """A name under which the holder of a port may listen."""

    text: str
    sure: bool = True  # whether who listens there holds this port, and not perhaps another one


def name_of(port: str) -> str | None:
    """The name for ``port``; None for one that cannot be held by another program, or is not there."""
    return next((name.text for name in names_of(port)), None)


def names_of(port: str) -> Iterator[Name]:
    """The names for ``port``, the likeliest first: several where a host has several addresses.

    Links to a device give one name. The device's own number tells apart two namespaces that share a folder.
    For a network address the names are made from numbers, whatever the scheme and the spelling; a host's
    name is looked up, which takes time.
    """
    scheme, is_address, _ = port.lower().partition("://")
    if scheme == "sim" and is_address:
        return
    if is_network(port):
        yield from _names_in_the_network(port)
        return
    if is_address or sys.platform == "win32":
        yield Name(_short(port.lower()))
        return
    try:
        found = os.stat(port)  # noqa: PTH116 - a port is a string, and need not be a path
    except (OSError, ValueError):
        return
    yield Name(_short(f"{os.path.realpath(port)} {found.st_dev} {found.st_ino}"))


def _names_in_the_network(port: str) -> Iterator[Name]:
    given = list(dict.fromkeys(numbers_of(port)))
    yield from (Name(_short(f"{each.host} {each.port}")) for each in given)
    # One server may answer at both loopback addresses, and two servers may share the number of a port.
    numbers = {each.port for each in given if each.host in LOOPBACK}
    others = {Numbers(host, number) for number in numbers for host in LOOPBACK} - set(given)
    yield from (Name(_short(f"{each.host} {each.port}"), sure=False) for each in others)


def _short(key: str) -> str:
    return sha256(key.encode("utf-8", "surrogateescape")).hexdigest()[:_NAME_LENGTH]


def open_door(name: str, folders: Iterable[Path] | None = None) -> Door | None:
    """Listen under ``name``, in place of whatever a dead process has left there; None where it cannot be.

    The first of ``folders`` that will do is used.
    """
    for folder in places() if folders is None else folders:
        with suppress(OSError):
            folder.mkdir(mode=0o700)
        if _is_private(folder):
            with suppress(OSError):
                return _UnixDoor(folder / name) if sys.platform != "win32" else _PipeDoor(folder / name)
    return None


def connections_to(name: str) -> Iterator[Connection]:
    """Connections to those who listen under ``name``: one, as a rule. Waits for as long as they let it."""
    for folder in places():
        if _is_private(folder) and (folder / name).exists():
            with suppress(OSError, EOFError):
                yield connected(folder / name)


def all_sockets(folders: Iterable[Path] | None = None) -> Iterator[Path]:
    """The sockets of everybody who listens, whatever the port, and of some who have died."""
    for folder in places() if folders is None else folders:
        if _is_private(folder):
            with suppress(OSError):
                yield from sorted(path for path in folder.iterdir() if _NAME.fullmatch(path.name))


def places() -> Iterator[Path]:
    """The folders where sockets may be: who listens takes the first that will do, who asks tries them all.

    The environment of the two may differ. So what it names comes last, for a system where no other place
    will do.
    """
    if sys.platform == "win32":
        import platformdirs

        yield Path(platformdirs.user_data_dir("physioctl", appauthor=False))
        return
    own = f"physioctl-{os.geteuid()}"
    yield Path("/run/user", str(os.geteuid()), "physioctl")
    yield Path("/tmp", own)  # noqa: S108 - a folder of our own, which is looked at before it is used
    for variable, folder in (("XDG_RUNTIME_DIR", "physioctl"), ("TMPDIR", own)):
        place = os.environ.get(variable)
        if place and Path(place).is_absolute():
            yield Path(place, folder)


def _is_private(folder: Path) -> bool:
    """Whether it is a folder, and not a link to one, that nobody but this user can enter."""
    try:
        found = folder.lstat()
    except (OSError, ValueError):
        return False
    if sys.platform == "win32":
        return stat.S_ISDIR(found.st_mode)
    mine = found.st_uid == os.geteuid()
    return stat.S_ISDIR(found.st_mode) and mine and not stat.S_IMODE(found.st_mode) & 0o077


class _UnixDoor:
    def __init__(self, path: Path) -> None:
        self._path = path
        new = path.with_name(f"{path.name}.{os.getpid()}")  # one door a process has under each name
        self._socket = socket.socket(socket.AF_UNIX)
        try:
            new.unlink(missing_ok=True)
            self._socket.bind(os.fspath(new))
            self._socket.listen(_BACKLOG)
            self._inode = new.stat().st_ino
            new.rename(path)  # at once, so that there is always one to connect to
        except OSError:
            self._socket.close()
            new.unlink(missing_ok=True)
            raise

    def accept(self) -> Connection | None:
        peer, _ = self._socket.accept()
        return _of_the_same_user(peer)

    def close(self) -> None:
        with suppress(OSError):
            if self._path.stat().st_ino == self._inode:  # else another program has come since
                self._path.unlink()
        with suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)  # ends `accept` on Linux; close does so elsewhere
        self._socket.close()


class _PipeDoor:
    """Untried."""

    def __init__(self, path: Path) -> None:
        self._path = path
        address = rf"\\.\pipe\physioctl-{os.urandom(16).hex()}"
        self._listener = Listener(address)
        path.write_text(address, encoding="ascii")

    def accept(self) -> Connection | None:
        return self._listener.accept()

    def close(self) -> None:
        self._path.unlink(missing_ok=True)
        self._listener.close()


def connected(path: Path) -> Connection:
    """A connection to whoever listens at ``path``. Raise `OSError` when nobody does, or another user."""
    if sys.platform == "win32":
        return Client(path.read_text(encoding="ascii"))
    ours = socket.socket(socket.AF_UNIX)
    try:
        ours.connect(os.fspath(path))
        connection = _of_the_same_user(ours)
    except OSError:
        ours.close()
        raise
    if connection is None:
        raise PermissionError(f"{path} is served by another user")
    return connection


def _of_the_same_user(peer: socket.socket) -> Connection | None:
    """A connection to ``peer``; None when that is another user's."""
    if sys.platform == "linux":
        size = struct.calcsize("3i")
        _, user, _ = struct.unpack("3i", peer.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, size))
        if user != os.geteuid():
            peer.close()
            return None
    return Connection(peer.detach())


def limit_reading(connection: Connection, seconds: float) -> None:
    """Let a read from ``connection`` fail with `OSError` when nothing comes for ``seconds``. POSIX only."""
    if sys.platform == "win32":
        return
    whole = int(seconds)
    limit = struct.pack("@ll", whole, int((seconds - whole) * 1_000_000))
    with socket.socket(fileno=os.dup(connection.fileno())) as same:
        same.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, limit)
        same.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, limit)
