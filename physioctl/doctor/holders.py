"""Which programs hold a device or a file, by ``/proc``. Linux only: elsewhere none is found.

What other users' programs have open is shown to the administrator alone; locks are shown to everybody.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from physioctl.text import clean

_PROC = Path("/proc")
_PTYS = range(136, 144)  # major numbers of the devices under /dev/pts
_LOCK_FIELDS = 8


@dataclass(frozen=True, slots=True, order=True)
class Program:
    """A program that runs."""

    pid: int
    name: str

    def __str__(self) -> str:
        return f"{self.name or 'a program'} (pid {self.pid})"


def programs_with(path: str) -> tuple[Program, ...]:
    """The other programs that have the device or file at ``path`` open, or locked.

    A program at the other end of a pseudo-terminal, which it may keep open itself, does not hold it.
    """
    status, real = os.stat(path), os.path.realpath(path)  # noqa: PTH116 - a port is a string
    pids = {pid for pid in _pids() if _has_open(pid, status, real)} | set(_lockers(status))
    return tuple(sorted(Program(pid, _name_of(pid)) for pid in pids - {os.getpid()}))


def _pids() -> Iterator[int]:
    with suppress(OSError):
        for entry in _PROC.iterdir():
            if entry.name.isdecimal():
                yield int(entry.name)


def _has_open(pid: int, status: os.stat_result, real: str) -> bool:
    opened = False
    with suppress(OSError):
        for link in Path(_PROC, str(pid), "fd").iterdir():
            with suppress(OSError):
                target = str(link.readlink())
                if _is_other_end(link, target, status):
                    return False
                if not stat.S_ISCHR(status.st_mode):
                    opened = opened or target == real
                elif target.startswith("/dev/"):  # a folder on the network may not answer
                    opened = opened or _is_same_device(link.stat(), status)
    return opened


def _is_same_device(found: os.stat_result, status: os.stat_result) -> bool:
    if found.st_rdev != status.st_rdev or not stat.S_ISCHR(found.st_mode):
        return False
    return found.st_dev == status.st_dev or os.major(status.st_rdev) not in _PTYS


def _is_other_end(link: Path, target: str, status: os.stat_result) -> bool:
    """Whether ``link`` is the far end of the pseudo-terminal of ``status``."""
    if not target.endswith("ptmx") or os.major(status.st_rdev) not in _PTYS:
        return False
    number = (os.major(status.st_rdev) - _PTYS.start) * 256 + os.minor(status.st_rdev)
    about = Path(link.parent.parent, "fdinfo", link.name).read_text(encoding="ascii")
    return f"tty-index:\t{number}\n" in about


def _lockers(status: os.stat_result) -> Iterator[int]:
    place = f"{os.major(status.st_dev):02x}:{os.minor(status.st_dev):02x}:{status.st_ino}"
    with suppress(OSError, ValueError):
        for line in Path(_PROC, "locks").read_text(encoding="ascii").splitlines():
            fields = line.split()
            if len(fields) >= _LOCK_FIELDS and fields[5] == place and int(fields[4]) > 0:
                yield int(fields[4])


def _name_of(pid: int) -> str:
    """What the program is called; of an interpreter also what it runs, without the arguments of that."""
    name = _text(pid, "comm").strip()
    arguments = _text(pid, "cmdline").split("\0")[1:]
    if not name.startswith("python"):
        return clean(name)
    while arguments and arguments[0].startswith("-") and arguments[0] != "-c":
        arguments.pop(0)
    if not arguments or arguments[0] == "-c":
        return clean(name)
    return clean(f"{name} {Path(arguments[0]).name}")


def _text(pid: int, file: str) -> str:
    with suppress(OSError):
        return Path(_PROC, str(pid), file).read_text(encoding="utf-8", errors="replace")
    return ""
