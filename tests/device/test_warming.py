"""What shows that a sensor is stuck, and what does not: heads that settle, and hardly warmed ones."""

from __future__ import annotations

from dataclasses import replace
from math import exp

import pytest

from device.monitor.conditions import HEAD_DUE_MK
from device.monitor.warming import Warming
from tests.device.parts import EMITTING

PERIOD_MS = 90


def due_mk(readings: list[int], power_mw: int) -> list[int]:
    """What a head of ``power_mw`` is due at each of these readings, one status period apart."""
    warming = Warming()
    given = power_mw * PERIOD_MS * 10_000  # mW × ms = µJ, in tenths of a nanojoule
    return [
        warming.follow(replace(EMITTING, head_temp_ddeg_c=reading), PERIOD_MS, given) for reading in readings
    ]


def head(seconds: int, power_w: float, *, k_per_w: float, settles_s: float) -> list[int]:
    """The readings of a true head without any noise, from the moment at which its output begins."""
    return [
        round(250 + 10 * power_w * k_per_w * (1 - exp(-at_ms / 1000 / settles_s)))
        for at_ms in range(0, seconds * 1000, PERIOD_MS)
    ]


@pytest.mark.hazard("H-11")
@pytest.mark.parametrize(("power_mw", "within_s"), [(2120, 30), (1760, 35), (1160, 55), (580, 120)])
def test_a_head_that_never_changes_is_due_within_minutes(power_mw: int, within_s: int) -> None:
    still = due_mk([300] * (within_s * 1000 // PERIOD_MS), power_mw)

    assert still[-1] >= HEAD_DUE_MK


@pytest.mark.hazard("H-11")
def test_a_sensor_that_sticks_while_the_head_is_warming_is_found() -> None:
    readings = head(10, 2.12, k_per_w=4.3, settles_s=350)

    due = due_mk(readings + [readings[-1]] * 700, 2120)

    assert due[-1] >= HEAD_DUE_MK


@pytest.mark.hazard("H-11")
@pytest.mark.parametrize(("stuck_s", "found_s"), [(60, 60), (120, 80), (180, 120)])
def test_a_sensor_that_sticks_in_the_first_minutes_is_found_while_the_head_still_warms(
    stuck_s: int, found_s: int
) -> None:
    readings = head(stuck_s, 1.76, k_per_w=4.3, settles_s=350)

    due = due_mk(readings + [readings[-1]] * (found_s * 1000 // PERIOD_MS), 1760)

    assert max(due[: len(readings)]) < HEAD_DUE_MK <= due[-1]


@pytest.mark.parametrize("power_mw", [100, 232])
def test_a_head_that_is_hardly_warmed_may_read_the_same_for_ever(power_mw: int) -> None:
    assert max(due_mk([300] * 20_000, power_mw)) < HEAD_DUE_MK


@pytest.mark.parametrize("settles_s", [90, 120, 350, 900])
@pytest.mark.parametrize("power_w", [0.232, 0.88, 1.76, 2.12])
def test_a_head_without_noise_that_warms_and_settles_is_never_due(power_w: float, settles_s: float) -> None:
    readings = head(900, power_w, k_per_w=4.3, settles_s=settles_s)

    assert max(due_mk(readings, round(power_w * 1000))) < HEAD_DUE_MK


def test_a_head_that_gives_nothing_is_due_nothing() -> None:
    warming = Warming()
    for _ in range(1000):
        warming.follow(EMITTING, PERIOD_MS, 2120 * PERIOD_MS * 10_000)

    cooled = [warming.follow(replace(EMITTING, head_temp_ddeg_c=301), PERIOD_MS, 0)]
    cooled += [warming.follow(replace(EMITTING, head_temp_ddeg_c=301), PERIOD_MS, 0) for _ in range(2000)]

    assert cooled[0] == max(cooled) == 0


def test_a_report_that_comes_after_hours_leaves_a_head_as_cool_as_it_was() -> None:
    warming = Warming()
    warming.follow(EMITTING, PERIOD_MS, 100_000_000_000)

    assert warming.follow(EMITTING, 9_000_000, 0) == -60


def test_a_head_takes_up_a_share_of_what_it_gives_and_loses_half_in_half_its_time() -> None:
    warming = Warming()
    warming.follow(EMITTING, PERIOD_MS, 0)

    warmed_mk = warming.follow(EMITTING, 0, 10**17)
    cooled_mk = warming.follow(EMITTING, 90_000, 0)

    assert (warmed_mk, cooled_mk) == (60_000_000, 30_000_000)
