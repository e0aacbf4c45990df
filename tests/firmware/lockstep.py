"""The core in C and the simulated unit's firmware, on one clock: the same requests at the same times.

The two share nothing but the page: where they differ, one of them or the page is wrong.
``python -m tests.firmware.lockstep --requests 1000000`` asks for as long as it is told.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from random import Random

from device.wire.frame import Decoder, Frame, encode
from simulator.nameplate import nameplate
from tests.firmware.c_unit import CUnit, built
from tests.simulator import page_unit as page
from tests.simulator.bare_firmware import SENSED_EVERY_MS, BareFirmware
from tests.simulator.test_lockstep import MEASURED_LEVEL, MEASURED_MJ, PLATE, Asker

REQUESTS = 500  # of one unit's life
SETTLED_MS = 400  # after a change of contact nothing is due any more
SUPPLY = 0x40
JUDGED_FROM = 200  # mW/cm²
WAITS_MS = (0, 0, 1, 7, 30, 30, 80, 90, 90, 200, 450, 1200)


class EveryMs(BareFirmware):
    """Senses in each millisecond of a step in which contact is lost or has just changed, as the core does."""

    unsettled_until_ms = -1
    runs = False  # whether a step did when it was asked last

    @property
    def rises(self) -> bool:
        """Whether output is on its way up to where contact is judged."""
        return 0 < self._measure(self.now_ms) < JUDGED_FROM

    def read(self, *, contact_pct: int | None = None, supply_low: bool | None = None) -> None:
        super().read(contact_pct=contact_pct, supply_low=supply_low)
        if contact_pct is not None:
            self.unsettled_until_ms = self.now_ms + SETTLED_MS if contact_pct >= 50 else 1 << 62

    def hear(self, data: bytes) -> bytes:
        """The answer; contact is looked at once more in this millisecond, as in the core's next pass."""
        said = super().hear(data)
        self._firmware.sense(self.now_ms, self.readings)
        return said

    def move_to(self, to_ms: int) -> None:
        while self.runs and self.now_ms < min(to_ms, self.unsettled_until_ms):
            super().move_to(self.now_ms + 1)
            if self.now_ms % SENSED_EVERY_MS:
                self._firmware.sense(self.now_ms, self.readings)
        super().move_to(to_ms)


def library(*variables: str) -> Path:
    """The core with the nameplate that both are given here."""
    return built(
        "test-board", "test/us111_short.so", "UNIT=us111_short", "EXTRA=-I../tests/firmware", *variables
    )


def life(seed: int, core: Path, requests: int = REQUESTS) -> Iterator[tuple[int, ...]]:
    """Ask both for as long as one unit runs: the statuses; raise AssertionError where they differ."""
    rng = Random(seed)
    nonce = rng.randrange(1, 2**32)
    plate = replace(nameplate("us111"), suspension_max_ms=PLATE["suspension_max_ms"])
    simulated, unit = EveryMs(nonce, "SIM-0001", plate), CUnit(nonce, library=core)
    asker, supply_low, now_ms = Asker(seed, nonce), False, 0
    for number in range(requests):
        now_ms += rng.choice(WAITS_MS)
        where = f"unit {seed}, request {number} at {now_ms} ms"
        simulated.move_to(now_ms)
        unit.move_to(now_ms)
        contact_pct = rng.choice((92, 92, 92, 50, 49, 0)) if rng.random() < 0.1 else None
        # When a line from a fraction of a level comes to where contact is judged is the unit's own.
        if simulated.rises:
            contact_pct = 92
        supply = rng.random() < 0.5 if rng.random() < 0.01 or supply_low else None
        if contact_pct is not None or supply is not None:
            supply_low = supply_low if supply is None else supply
            simulated.read(contact_pct=contact_pct, supply_low=supply_low)
            unit.read(contact_pct=contact_pct, causes=SUPPLY * supply_low)
        type_, seq, body = asker.next()
        where += f": type {type_}, seq {seq}, {body.hex(' ')}"
        request = encode(Frame(type_, seq, body))
        said, expected = Decoder().feed(unit.hear(request)), Decoder().feed(simulated.hear(request))
        unit.one_more_pass()
        assert len(said) == len(expected) <= 1, where
        for ours, theirs in zip(said, expected, strict=True):
            assert isinstance(ours, Frame), where
            assert isinstance(theirs, Frame), where
            assert (ours.type, ours.seq, len(ours.body)) == (theirs.type, seq, len(theirs.body)), where
            if ours.type != page.STATUS:
                assert ours.body == theirs.body, where
                continue
            status = page.STATUS_LAYOUT.unpack(ours.body)
            differs = _differs(status, page.STATUS_LAYOUT.unpack(theirs.body))
            assert differs == {}, f"{where}: {differs}"
            asker.uptime_ms, asker.state = now_ms, status[2]
            simulated.runs = status[2] in (page.EMITTING, page.SUSPENDED)
            yield status
    off_at = {change.ms for change in simulated.changes if change.output == 0}
    assert {change.ms for change in unit.changes() if change.level == 0} <= off_at, f"unit {seed}"


def _differs(said: tuple[int, ...], expected: tuple[int, ...]) -> dict[int, tuple[int, int]]:
    """The fields, by their place, that differ by more than the last digit of what is measured.

    A line that begins on the way begins from a whole level in the core, which another begins from in turn: a
    level more, and up to 1/200 of the energy.
    """
    slack = {page.ENERGY: MEASURED_MJ + expected[page.ENERGY] // 200, page.OUTPUT: MEASURED_LEVEL + 1}
    pairs = enumerate(zip(said, expected, strict=True))
    return {place: (a, b) for place, (a, b) in pairs if abs(a - b) > slack.get(place, 0)}


def main() -> int:
    """Ask as many as is said, and tell how many were answered alike."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--requests", type=int, default=1_000_000)
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args()
    core, results = library(), Counter[int]()
    for seed in range(asked.seed, asked.seed + asked.requests // REQUESTS):
        results.update(status[1] for status in life(seed, core))
    sys.stdout.write(
        f"{asked.requests} requests were answered alike; results: {dict(sorted(results.items()))}\n"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
