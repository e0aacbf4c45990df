"""Stops sessions from another program, and sees what both say: off, confirmed, exit codes 0 and 6.

The sessions run one after the other in one process, on the pty of a unit in another. Each is stopped by
``physioctl stop`` in a process of its own, at a random moment within half a second of its first output.
"""

from __future__ import annotations

import tempfile
from collections import Counter
from functools import partial
from pathlib import Path
from random import Random
from threading import Event

from tests.processes import Exited, ServedUnit, finished, next_exit, now_ms, served_unit, sessions, waited_for

AS_MEANT = (0, Exited(6, "stopped", "confirmed"))


def main(count: int | None, seed: int) -> int:
    """``count`` sessions."""
    rng = Random(seed)
    told: Counter[tuple[int, Exited]] = Counter()
    took_ms = []
    wanted = count or 500
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder)
        with served_unit(path) as unit, sessions(wanted, path, unit.port) as process:
            for number in range(wanted):
                assert waited_for(partial(_has_changed, unit, 2 * number + 1))
                Event().wait(rng.random() / 2)
                began_ms = now_ms()
                stop = finished(path, "stop", "--port", unit.port)
                took_ms.append(now_ms() - began_ms)
                told[stop.returncode, next_exit(process)] += 1
            assert waited_for(partial(_has_changed, unit, 2 * wanted))
            changes = [line.why for line in unit.rest()]
    took_ms.sort()
    print(
        f"{wanted} stops: median {took_ms[wanted // 2]:.0f} ms, worst {took_ms[-1]:.0f} ms, process included"
    )
    for (code, ended), times in told.most_common():
        print(f"  {times}: stop exits {code}; {ended}")
    off = changes == ["set", "stop"] * wanted
    print(f"  the unit's own log: {'every output was ended by a stop' if off else changes}")
    return 0 if set(told) == {AS_MEANT} and off else 1


def _has_changed(unit: ServedUnit, times: int) -> bool:
    """Whether output has gone on or off so many times."""
    return len(unit.rest()) >= times
