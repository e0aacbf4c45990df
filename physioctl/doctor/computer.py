"""The computer that physioctl runs on: its versions, its terminal, its packages and how fast it is."""

from __future__ import annotations

import os
import platform
import shutil
import sys
from collections.abc import Iterator, Mapping, Sequence
from importlib.machinery import PathFinder
from pathlib import Path
from queue import SimpleQueue
from types import ModuleType

from device.clock import Clock
from device.control.host_delays import HOST_DELAY_MS
from device.unit import LEASE_MS
from physioctl import __version__
from physioctl.doctor.findings import Finding, found, information, ok
from physioctl.siblings import FOLDER, NAMES
from physioctl.terminal import FULL_SCREEN

WAIT_MS = 50  # this project's own figures: as long as the loop of a session waits, and for a second in all
WAITS = 20
PACKAGES = (*NAMES, "physioctl")


def versions() -> Finding:
    """Of physioctl, Python and the system."""
    return information(
        "versions",
        f"physioctl {__version__} in {FOLDER}; {platform.python_implementation()} "
        f"{platform.python_version()} at {sys.executable}; {platform.platform()}",
    )


def terminal(environment: Mapping[str, str] = os.environ) -> Finding:
    """What a session could use of the terminal."""
    at = [name for number, name in enumerate(("input", "output", "errors")) if _is_a_terminal(number)]
    columns, lines = shutil.get_terminal_size()
    large = columns >= FULL_SCREEN[0] and lines >= FULL_SCREEN[1]
    colour = "no colour (NO_COLOR)" if environment.get("NO_COLOR") else f"TERM={environment.get('TERM', '')}"
    return information(
        "terminal",
        f"a terminal at {', '.join(at) or 'none of input, output and errors'}; {columns} × {lines}, "
        f"{'enough' if large else 'too small'} for the full screen; {colour}",
    )


def _is_a_terminal(number: int) -> bool:
    try:
        return os.isatty(number)
    except OSError:
        return False


def packages(
    path: Sequence[str] | None = None, loaded: Mapping[str, ModuleType] | None = None
) -> Iterator[Finding]:
    """Whether physioctl and its siblings are its own, and what else has their names on Python's path."""
    loaded = sys.modules if loaded is None else loaded
    wrong = False
    for name in PACKAGES:
        where = _folder_of(loaded.get(name))
        if where is not None and where != Path(FOLDER, name):
            wrong = True
            yield found("packages.foreign", package=name, where=where, folder=FOLDER)
    for entry in dict.fromkeys(os.path.realpath(entry) for entry in (sys.path if path is None else path)):
        if names := [name for name in PACKAGES if entry != FOLDER and _would_be_found(name, entry)]:
            wrong = True
            yield found("packages.shadowed", packages=", ".join(names), where=entry)
    if not wrong:
        yield ok("packages", f"physioctl's packages are its own, from {FOLDER}")


def _folder_of(module: ModuleType | None) -> Path | None:
    file = getattr(module, "__file__", None)
    return Path(os.path.realpath(file)).parent if isinstance(file, str) else None


def _would_be_found(name: str, entry: str) -> bool:
    """Whether Python would find ``name`` in a folder of its path, as a package, a file or a bare folder."""
    return PathFinder.find_spec(name, [entry]) is not None


def speed(clock: Clock, waits: int = WAITS) -> Finding:
    """How late the computer comes back from short waits: a lease is renewed after such a wait."""
    inbox: SimpleQueue[None] = SimpleQueue()
    worst_ms = 0
    for _ in range(waits):
        due_ms = clock.now_ms() + WAIT_MS
        clock.wait(inbox, due_ms)
        worst_ms = max(worst_ms, clock.now_ms() - due_ms)
    if worst_ms >= HOST_DELAY_MS:
        return found(
            "machine.slow", wait_ms=WAIT_MS, worst_ms=worst_ms, bound_ms=HOST_DELAY_MS, lease_ms=LEASE_MS
        )
    return ok(
        "machine",
        f"a wait of {WAIT_MS} ms came back at most {worst_ms} ms late (bound {HOST_DELAY_MS} ms, lease "
        f"{LEASE_MS} ms)",
        worst_ms=worst_ms,
        bound_ms=HOST_DELAY_MS,
    )
