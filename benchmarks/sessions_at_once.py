"""Runs sessions at once in one program, each on a unit of its own, and counts those whose lease ran out.

The units are simulated in the same process, so that they take a part of the computer too.
"""

from __future__ import annotations

import tempfile
from contextlib import ExitStack
from pathlib import Path

import physioctl
from device.clock import SystemClock
from physioctl.record.journal import Journal
from physioctl.record.verify import verify

COUNT = 32
LIMIT_S = 120


def main(count: int | None, seed: int) -> int:
    """Return 1 where a session did not complete, was told late, or the record is not whole."""
    count = COUNT if count is None else count
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        journal = physioctl.begin_journal(Path(folder) / "journal.sqlite")
        units = [
            stack.enter_context(
                physioctl.connect(f"sim://us111?seed={seed + number}", dialect="native", journal=journal)
            )
            for number in range(count)
        ]
        sessions = [unit.start("unit-check", answers=None) for unit in units]
        completed = [session.result(LIMIT_S).outcome for session in sessions].count("completed")
        late = sum(event.name == "host_delayed" for session in sessions for event in session.events())
        with Journal.open(journal, SystemClock()) as kept:
            whole = verify(kept).whole
    print(f"{completed} of {count} completed, {late} times late, record {'whole' if whole else 'NOT whole'}")
    return int(completed < count or late > 0 or not whole)
