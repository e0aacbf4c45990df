"""A million spoilt frames against each: decoder, simulated units, whole sessions; none may be acted on.

Beside the twins that `tests.storm_of_frames` holds them against, the process's memory is looked at: it may
not grow from the first tenth to the last.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from tests.storm_of_frames import controller_in_a_storm, decoder_in_a_storm, unit_in_a_storm

FLAT_KIB = 2048


def resident_kib() -> int:
    """Memory this process has in use now. Linux only."""
    status = Path("/proc/self/status").read_text()
    return int(status.split("VmRSS:")[1].split()[0])


def main(count: int | None, seed: int) -> int:
    """``count`` spoilt frames for each, a million by default."""
    share = count or 1_000_000
    judges: dict[str, Callable[[int], int]] = {
        "decoder": lambda part: decoder_in_a_storm(part, seed),
        "unit": lambda part: unit_in_a_storm(part, seed, "us111"),
        "session": lambda part: controller_in_a_storm(part, seed, "us111"),
    }
    grown = 0
    for name, judge in judges.items():
        judge(share // 10)
        before_kib, began_s = resident_kib(), time.monotonic()
        seen = judge(share)
        took_s, more_kib = time.monotonic() - began_s, resident_kib() - before_kib
        grown = max(grown, more_kib)
        what = {"decoder": "frames came whole", "unit": "changes of output", "session": "frames"}[name]
        print(f"{name:8} {share} spoilt frames in {took_s:.0f} s, {seen} {what}, memory {more_kib:+d} KiB")
    print("none was acted on that was not sent; nothing was raised")
    return 0 if grown <= FLAT_KIB else 1
