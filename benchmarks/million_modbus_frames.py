"""A million spoilt Modbus frames against the dialect and a simulated unit; none may be believed or done."""

from __future__ import annotations

import time

from tests.storm_of_modbus_frames import dialect_in_a_storm, unit_in_a_storm


def main(count: int | None, seed: int) -> int:
    """``count`` spoilt frames for each, a million by default."""
    share = count or 1_000_000
    for name, judge in (("dialect", dialect_in_a_storm), ("unit", unit_in_a_storm)):
        began_s = time.monotonic()
        judge(share, seed)
        print(f"{name:8} {share} spoilt frames in {time.monotonic() - began_s:.0f} s")
    print("none was acted on that was not sent; nothing was raised")
    return 0
