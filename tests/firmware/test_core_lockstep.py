"""The core in C and the simulated unit's firmware, asked the same at the same times: see `lockstep`."""

from __future__ import annotations

from collections import Counter

import pytest

from tests.firmware import lockstep

UNITS = 40  # of 500 requests each


@pytest.mark.hazard("H-09")
def test_twenty_thousand_requests_are_answered_alike_in_c_and_by_the_simulated_unit() -> None:
    core = lockstep.library()
    results: Counter[int] = Counter()
    states: Counter[int] = Counter()

    for seed in range(UNITS):
        for status in lockstep.life(seed, core):
            results[status[1]] += 1
            states[status[2]] += 1

    assert set(results) == set(range(13))  # every result there is, and every state
    assert set(states) == set(range(6))
    assert results[0] > 5000
