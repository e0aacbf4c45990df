"""A line that is held and never answers: when it is noticed, and what waiting for it costs.

The unit's process stops answering (or hearing) at a known millisecond of its own; its log says when its
output ended. The processor time of the session's process is read from the system. Linux only.
"""

from __future__ import annotations

import os
import subprocess
import tempfile
import tty
from pathlib import Path
from threading import Event

from tests.processes import LEASE_MS, SLACK_MS, cpu_ms, now_ms, served_unit, session

DEAD_AT_MS = 6000  # by the unit's clock: long after every import, well inside the ten seconds of the session
CPU_PCT = 5
DIRECTIONS = {0: "the unit hears nothing", 1: "the host hears nothing"}


def after_a_good_start(direction: int) -> bool:
    """One session whose line dies half-way; whether all was within bounds."""
    with tempfile.TemporaryDirectory() as folder:
        fault = f"half_open@{DEAD_AT_MS}ms={direction}"
        with served_unit(Path(folder), "--fault", fault) as unit:
            with session(unit.port, Path(folder) / "journal.sqlite") as process:
                first = unit.next_change()
                assert first is not None
                dead_ms = unit.came_ms(first) - first.ms + DEAD_AT_MS
                Event().wait((dead_ms - now_ms()) / 1000)
                used_ms, from_ms = cpu_ms(process.pid), now_ms()
                last = (used_ms, from_ms)
                while process.poll() is None:
                    last = _measured(process, last)
                    Event().wait(0.02)
                process.communicate(timeout=30)
            output_off = unit.until_output_off()
            assert output_off is not None
            share = 100 * (last[0] - used_ms) / max(last[1] - from_ms, 1)
            late_ms = output_off.ms - DEAD_AT_MS
            print(
                f"{DIRECTIONS[direction]:22}: silent {late_ms} ms after ({output_off.why}), "
                f"exit {process.returncode}, "
                f"{share:.1f} % CPU in the {last[1] - from_ms:.0f} ms until the end"
            )
            return late_ms <= LEASE_MS + SLACK_MS and share < CPU_PCT


def from_the_start() -> bool:
    """A port that nobody answers on: what waiting for it costs."""
    master, slave = os.openpty()
    tty.setraw(slave)
    try:
        with (
            tempfile.TemporaryDirectory() as folder,
            session(os.ttyname(slave), Path(folder) / "journal.sqlite") as process,
        ):
            Event().wait(1.2)  # the imports are over
            first = last = (cpu_ms(process.pid), now_ms())
            while process.poll() is None:
                last = _measured(process, last)
                Event().wait(0.02)
            process.communicate(timeout=30)
    finally:
        os.close(master)
        os.close(slave)
    share = 100 * (last[0] - first[0]) / (last[1] - first[1])
    over_ms = last[1] - first[1]
    print(f"{'nobody ever answers':22}: exit {process.returncode}, {share:.1f} % CPU over {over_ms:.0f} ms")
    return share < CPU_PCT and process.returncode == 5


def _measured(process: subprocess.Popen[str], last: tuple[float, float]) -> tuple[float, float]:
    """Processor time and when it was read; the last one known, when the process has just ended."""
    used_ms = cpu_ms(process.pid)
    return (used_ms, now_ms()) if used_ms >= last[0] else last


def main(_count: int | None, _seed: int) -> int:
    """Once in each direction, and once with nobody there."""
    good = [after_a_good_start(direction) for direction in DIRECTIONS]
    return 0 if all([*good, from_the_start()]) else 1
