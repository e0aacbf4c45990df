"""The energy meter against output and time: what is certain, and what may have been."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest

from device.monitor.conditions import energy_differs
from device.monitor.metering import LONG_WINDOW, SLACK_MS, WINDOW, Metering, went_ms
from device.monitor.view import EnergyTrend, Start
from tests.device.parts import EMITTING, STATUS, VIEW

# 440 mW/cm² × 4 cm² × 50 % are 880 mW: 88 mJ in 100 ms, and 440 mJ in the slack of 500 ms.
START = Start(number=1, at_ms=0, for_ms=60_000, ramp_ms=0, level=440, duty_pct=50, base_ms=0)
OFF: dict[str, Any] = {"state": STATUS.state, "measured_level": 0}


def follow(*reports: dict[str, Any], start: Start | None = START, area_mm2: int | None = 400) -> EnergyTrend:
    """What is said after these reports, 100 ms apart by the unit's clock: what differs from emitting."""
    metering, trend = Metering(area_mm2), EnergyTrend()
    before = replace(EMITTING, **reports[0])
    for number, changes in enumerate(reports[1:], start=1):
        status = replace(EMITTING, **({"uptime_ms": 50_000 + 100 * number} | changes))
        trend = metering.follow(before, status, start)
        before = status
    return trend


def test_between_two_reports_of_output_the_energy_is_certain() -> None:
    assert follow({}, {"energy_mj": 1088}) == EnergyTrend(88, 88, 88, 440, 0)
    assert follow({}, {"energy_mj": 1090}, {"energy_mj": 1170}) == EnergyTrend(170, 176, 176, 440, 0)


def test_output_rises_on_a_straight_line_from_one_report_to_the_other() -> None:
    trend = follow({"measured_level": 0}, {"measured_level": 220, "energy_mj": 1022})

    assert trend == EnergyTrend(22, 22, 22, 440, 0)


@pytest.mark.parametrize(
    ("first", "then", "least_mj"),
    [(OFF, {"delivered_ms": 10_050}, 22), ({}, OFF | {"delivered_ms": 10_050}, 44)],
    ids=["begins", "ends"],
)
def test_where_output_begins_it_may_have_risen_and_where_it_ends_it_has_not_fallen(
    first: dict[str, Any], then: dict[str, Any], least_mj: int
) -> None:
    assert follow(first, then | {"energy_mj": 1044}) == EnergyTrend(44, least_mj, 44, 440, 0)


def test_where_it_was_lowered_between_two_reports_nobody_knows_when() -> None:
    lowered = {"level_set": 330, "measured_level": 330, "energy_mj": 1077}

    assert follow({}, lowered) == EnergyTrend(77, 66, 88, 440, 0)


def test_an_end_after_a_lower_that_was_not_answered_may_have_been_at_the_lower_level() -> None:
    ended = OFF | {"delivered_ms": 10_100, "energy_mj": 1070}

    assert follow({}, ended, start=replace(START, lowest_level=330)) == EnergyTrend(70, 66, 88, 440, 0)


@pytest.mark.parametrize(("counted_ms", "most_mj"), [(-5, 0), (300, 88)])
def test_no_count_makes_more_of_a_time_than_it_is_nor_less_than_nothing(
    counted_ms: int, most_mj: int
) -> None:
    assert follow({}, OFF | {"delivered_ms": 10_000 + counted_ms}) == EnergyTrend(0, most_mj, most_mj, 440, 0)


def test_a_step_between_two_looks_may_have_given_its_level_and_no_more() -> None:
    trend = follow(OFF, OFF | {"delivered_ms": 10_039, "energy_mj": 1034})

    assert trend == EnergyTrend(34, 0, 34, 440, 0)
    quarter_hour = {"uptime_ms": 950_000, "delivered_ms": 910_000}
    assert follow(OFF, OFF | quarter_hour).least_mj == 0


@pytest.mark.hazard("H-03")
@pytest.mark.parametrize("area_mm2", [400, None])
def test_what_is_metered_between_reports_of_a_unit_that_is_off_is_kept_apart(area_mm2: int | None) -> None:
    trend = follow(OFF, OFF | {"energy_mj": 1003}, OFF | {"energy_mj": 1005}, area_mm2=area_mm2)

    assert trend.while_off_mj == 5
    assert (trend.least_mj, trend.most_mj) == (0, 0)


def test_output_that_is_measured_while_off_is_metered_for_good_reason() -> None:
    stuck = OFF | {"measured_level": 440}

    trend = follow(stuck, stuck | {"energy_mj": 1176})

    assert (trend.metered_mj, trend.most_mj, trend.while_off_mj) == (176, 176, 0)


def test_a_unit_that_says_it_emits_is_not_off_though_nothing_is_measured() -> None:
    nothing = {"measured_level": 0, "delivered_ms": 10_000}

    trend = follow(nothing, nothing | {"energy_mj": 1005})

    assert (trend.metered_mj, trend.while_off_mj) == (5, 0)


def test_a_meter_that_goes_back_while_off_has_metered_nothing() -> None:
    assert follow(OFF, OFF | {"energy_mj": 995}).while_off_mj == 0


def test_what_was_given_is_of_the_last_two_reports_and_only_where_it_is_certain() -> None:
    metering = Metering(400)
    at_first = metering.given
    metering.follow(EMITTING, replace(EMITTING, uptime_ms=50_100), START)
    given = metering.given
    ready = replace(EMITTING, **OFF)
    metering.follow(ready, ready, START)

    assert (at_first, given, metering.given) == (0, 880_000_000, 0)


def test_hours_are_reckoned_as_exactly_as_milliseconds() -> None:
    trend = follow({}, {"uptime_ms": 20_050_000})

    assert trend.least_mj == 17_600_000


def test_what_has_passed_by_a_units_clock_may_be_weeks() -> None:
    weeks_ms = (1 << 31) + 5

    assert went_ms(replace(EMITTING, uptime_ms=0), replace(EMITTING, uptime_ms=weeks_ms)) == weeks_ms


def test_of_a_massage_gun_no_energy_is_reckoned() -> None:
    assert follow({}, {"energy_mj": 9000}, area_mm2=None) == EnergyTrend()


def test_before_a_start_no_energy_is_reckoned() -> None:
    assert follow({}, {"energy_mj": 9000}, start=None) == EnergyTrend()


@pytest.mark.parametrize("other", [{"session": 99}, {"nonce": 1}])
def test_counts_that_do_not_belong_together_are_not_compared(other: dict[str, Any]) -> None:
    assert follow({}, {"energy_mj": 9000} | other) == EnergyTrend(0, 0, 0, 440, 0)


@pytest.mark.hazard("H-03")
def test_a_new_start_goes_on_counting_with_the_slack_of_the_highest_output() -> None:
    metering = Metering(400)
    metering.follow(EMITTING, replace(EMITTING, energy_mj=2000, uptime_ms=50_100), START)
    ready = replace(EMITTING, **OFF)

    higher = metering.follow(ready, ready, replace(START, number=2, level=500))
    lower = metering.follow(ready, ready, replace(START, number=3))

    assert higher == lower == EnergyTrend(1000, 88, 88, 500, 0)


@pytest.mark.hazard("H-03")
@pytest.mark.parametrize("share_pct", [77, 124])
def test_over_a_longer_time_the_meter_is_held_to_little_more_than_a_fifth(share_pct: int) -> None:
    metering = Metering(400, LONG_WINDOW)
    reports = [
        replace(EMITTING, uptime_ms=100 * number, energy_mj=88 * number * share_pct // 100)
        for number in range(400)
    ]
    trends = [metering.follow(before, status, START) for before, status in pairwise(reports)]

    assert any(energy_differs(replace(VIEW, energy_long=trend)) for trend in trends)


def test_a_meter_is_followed_over_four_slacks_and_over_forty_of_half_a_second() -> None:
    assert (SLACK_MS, WINDOW, LONG_WINDOW) == (500, 4, 40)


def test_what_was_metered_long_ago_counts_half() -> None:
    reports = [{"energy_mj": 1000 + 88 * number} for number in range(21)]

    before, after = follow(*reports[:-1]), follow(*reports)
    later = follow(*reports, {"energy_mj": 1000 + 88 * 21}, {"energy_mj": 1000 + 88 * 22})

    assert (before.metered_mj, after.metered_mj) == (1672, 1760)
    assert later == EnergyTrend(924 + 88, 924 + 88, 924 + 88, 440, 0)


@pytest.mark.hazard("H-03")
def test_a_meter_that_dies_is_found_as_soon_late_in_a_session_as_early() -> None:
    lively = [{"energy_mj": 1000 + 88 * number} for number in range(600)]
    dead = [{"energy_mj": lively[-1]["energy_mj"]}] * 20

    trend = follow(*lively, *dead)

    assert trend.metered_mj + trend.slack_mj < trend.least_mj * 8 // 10


def test_a_units_clock_that_begins_anew_goes_on() -> None:
    trend = follow({"uptime_ms": (1 << 32) - 60}, {"uptime_ms": 40, "energy_mj": 1088})

    assert trend.least_mj == 88
