"""What the unit reported over the session, as FHIR's SampledData: one value for each second.

A unit is asked about once a second, never exactly. A sample is what it had last reported by then; ``E``
stands where it had reported nothing for two seconds. A record that is too long for a second has a longer
period, which is stated.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from physioctl.record.export.datatypes import Json, Unit, quantity

PERIOD_MS = 1000
HOLD_PERIODS = 2  # for so long a report is the latest that can be expected; this project's own
# 13.9 h at one a second, and below the 1 MB that FHIR allows a text; this project's own.
SAMPLES_MAX = 50_000

Points = Sequence[tuple[int, int]]  # time in ms, value


def period_ms(last_ms: int) -> int:
    """The period of a curve that ends at ``last_ms``: a second, or the whole seconds that it needs."""
    return PERIOD_MS * (last_ms // (PERIOD_MS * SAMPLES_MAX) + 1)


def end_ms(points: Points) -> int:
    """The time of the last sample."""
    period = period_ms(points[-1][0])
    return -(-points[-1][0] // period) * period


def sampled(points: Points, unit: Unit) -> Json:
    """The SampledData of ``points``, which are in order of their times. There is at least one."""
    return {
        "origin": quantity(0, unit),
        "period": period_ms(points[-1][0]),
        "dimensions": 1,
        "data": " ".join(_samples(points, unit)),
    }


def _samples(points: Points, unit: Unit) -> Iterator[str]:
    period, index = period_ms(points[-1][0]), -1
    for at_ms in range(0, end_ms(points) + 1, period):
        while index + 1 < len(points) and points[index + 1][0] <= at_ms:
            index += 1
        known = index >= 0 and at_ms - points[index][0] < HOLD_PERIODS * period
        yield str(unit.of(points[index][1])) if known else "E"
