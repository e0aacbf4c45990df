"""The disk that a journal is on: how much room it has, and how fast it keeps what is written."""

from __future__ import annotations

import errno
import os
import shutil
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path

from device.clock import Clock
from device.events import BACKLOG_MAX_MS
from device.unit import LEASE_MS
from physioctl.at_once import TookTooLong
from physioctl.doctor.bounded import bounded
from physioctl.doctor.findings import Finding, found, ok

# This project's own figures.
SYNCS = 10
ENTRY = bytes(4096)  # a page of the journal
LIMIT_MS = 10_000  # for all of the syncs
ROOM_MIB = 64  # a session of eight hours writes some MiB, and SQLite as much again beside it
_MIB = 1024 * 1024


def room(journal: Path, folder: Path, bound_mib: int = ROOM_MIB) -> Finding:
    """Whether the disk of ``folder`` has room for a day of sessions.

    Raise `OSError` where that cannot be told.
    """
    free_mib = shutil.disk_usage(folder).free // _MIB
    if free_mib < bound_mib:
        return found("journal.no_room", journal=journal, free_mib=free_mib, bound_mib=bound_mib)
    return ok(
        "room", f"the journal's disk has {free_mib} MiB left (bound {bound_mib} MiB)", free_mib=free_mib
    )


def kept_in_time(
    journal: Path,
    folder: Path,
    clock: Clock,
    sync: Callable[[int], None] = os.fsync,
    limit_ms: int = LIMIT_MS,
) -> Finding:
    """What `speed` finds, or why it finds nothing in ``limit_ms``."""
    try:
        return bounded("disk", partial(speed, folder, clock, sync), limit_ms)
    except TookTooLong:
        return found("disk.stuck", seconds=limit_ms // 1000, bound_s=BACKLOG_MAX_MS // 1000)
    except OSError as error:
        if error.errno == errno.ENOSPC:
            return found("journal.no_room", journal=journal, free_mib=0, bound_mib=ROOM_MIB)
        return found("journal.not_writable", journal=journal, why=error.strerror or error)


def speed(folder: Path, clock: Clock, sync: Callable[[int], None] = os.fsync) -> Finding:
    """How long the disk of ``folder`` takes to keep an entry, by writing to a file that has no name.

    Raise `OSError` where nothing can be written.
    """
    worst_ms = 0
    give_up_ms = clock.now_ms() + LIMIT_MS
    with tempfile.TemporaryFile(dir=folder, prefix=".physioctl-doctor-", buffering=0) as file:
        for _ in range(SYNCS):
            before_ms = clock.now_ms()
            file.write(ENTRY)
            sync(file.fileno())
            worst_ms = max(worst_ms, clock.now_ms() - before_ms)
            if clock.now_ms() >= give_up_ms:
                break
    if worst_ms >= LEASE_MS:
        return found("disk.slow", worst_ms=worst_ms, bound_ms=LEASE_MS)
    return ok(
        "disk",
        f"the journal's disk took up to {worst_ms} ms to keep an entry (bound {LEASE_MS} ms; a session ends "
        f"after {BACKLOG_MAX_MS} ms)",
        worst_ms=worst_ms,
        bound_ms=LEASE_MS,
    )
