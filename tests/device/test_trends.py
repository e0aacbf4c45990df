"""What a run of reports says: how long the head is still, when output is steady, how far the clocks are."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from device.dialects.base import UnitState
from device.monitor.contact import ContactTrend
from device.monitor.trends import Expected, ReportTrends
from device.monitor.view import EnergyTrend, Grant, HostTime, Start, View
from tests.device.parts import DECLARED, EMITTING, MODEL, NONCE, SESSION, STATUS, UNIT

START = Start(number=1, at_ms=0, for_ms=60_000, ramp_ms=3000, level=440, duty_pct=50, base_ms=10_000)
EXPECTED = Expected(
    wanted_level=440,
    last_level=441,
    resting=False,
    armed=True,
    delivered_max_ms=90_000,
    energy_max_mj=100_000,
    planned_ms=90_000,
    session=SESSION,
    start=START,
    grant=Grant(unit_uptime_ms=50_000, lease_ms=500),
)


def run(*seen: tuple[int, dict[str, Any]], expected: Expected = EXPECTED) -> View:
    """The view of the last of these reports: each a time and what differs from an emitting one."""
    trends = ReportTrends(UNIT)
    for now_ms, changes in seen:
        view = trends.see(replace(EMITTING, **changes), now_ms, expected)
    return view


def test_the_first_report_has_nothing_before_it() -> None:
    view = run((5000, {}))

    assert view == View(
        now_ms=5000,
        status=EMITTING,
        before=None,
        since_before_ms=0,
        model=MODEL,
        declared=DECLARED,
        wanted_level=440,
        wanted_duty_pct=50,
        due_level=440,
        last_level=441,
        resting=False,
        armed=True,
        steady=False,
        nonce=NONCE,
        session=SESSION,
        lapses=3,
        delivered_max_ms=90_000,
        energy_max_mj=100_000,
        elapsed_ms=0,
        unit_elapsed_ms=0,
        uncounted_ms=0,
        step_apart_ms=10_000,
        counts_went_back=False,
        lease_max_ms=500,
        lease_min_ms=None,
        energy=EnergyTrend(),
        energy_long=EnergyTrend(),
        host=HostTime(0, 61_700, 0, 92_400, 0, 61_700, 0, 185_100),
        contact=ContactTrend(0, 0),
        head_due_mk=0,
    )


def test_before_the_first_start_nothing_follows_from_one() -> None:
    view = run((5000, {}), (5100, {}), expected=replace(EXPECTED, start=None, grant=None, session=None))

    assert (view.wanted_duty_pct, view.step_apart_ms, view.lease_max_ms, view.session) == (0, 0, None, None)
    assert (view.energy, view.host) == (EnergyTrend(), HostTime())
    assert not run((0, {}), (60_000, {}), expected=replace(EXPECTED, start=None)).steady


def test_a_head_is_due_what_it_has_taken_up_less_what_it_has_lost_since() -> None:
    hours = {"uptime_ms": 1_050_000}  # 1000 s of 880 mW are 880 J, of which a watt second warms it by 6 mK

    assert run((0, {}), (1000, hours)).head_due_mk == 5280
    assert run((0, {}), (1000, hours), (91_000, hours)).head_due_mk == 2640


@pytest.mark.parametrize(
    ("uptime_ms", "left_ms"), [(50_000, 500), (50_090, 410), (50_600, -100), (99, -6196)]
)
def test_what_can_be_left_of_a_lease_runs_down_by_the_units_clock(uptime_ms: int, left_ms: int) -> None:
    unit_uptime_ms = 50_000 if uptime_ms > 99 else (1 << 32) - 6597
    grant = Grant(unit_uptime_ms, 500)

    assert run((0, {"uptime_ms": uptime_ms}), expected=replace(EXPECTED, grant=grant)).lease_max_ms == left_ms


@pytest.mark.parametrize(
    ("first", "left_ms"),
    [
        ({"asked": "Renew"}, 400),
        ({"asked": "SetOutput"}, 400),
        ({"asked": "GetStatus"}, None),
        ({"asked": "Renew", "refusal": "stale"}, None),
    ],
)
def test_a_lease_that_the_unit_has_taken_runs_down_as_well(
    first: dict[str, Any], left_ms: int | None
) -> None:
    later = {"asked": "GetStatus", "uptime_ms": 50_100}

    assert run((0, first), (100, later)).lease_min_ms == left_ms


def test_the_counts_of_step_and_session_are_compared_from_the_start_on() -> None:
    assert run((0, {"step_ms": 700, "delivered_ms": 10_500})).step_apart_ms == 200


@pytest.mark.parametrize(
    ("then", "back"),
    [
        ({}, False),
        ({"delivered_ms": 9_999}, True),
        ({"energy_mj": 999}, True),
        ({"energy_mj": 999, "nonce": 1}, False),
        ({"delivered_ms": 0, "session": SESSION + 1}, False),
    ],
)
def test_a_count_that_is_lower_than_it_was_went_back(then: dict[str, Any], back: bool) -> None:
    assert run((0, {}), (90, then)).counts_went_back is back


def test_clocks_and_lapses_are_counted_from_the_first_report_and_change_from_the_one_before() -> None:
    view = run(
        (5000, {"uptime_ms": 70_000, "lapses": 3}),
        (6000, {"uptime_ms": 71_000, "lapses": 4}),
        (6100, {"uptime_ms": 71_103, "lapses": 5, "nonce": 1, "delivered_ms": 12_000}),
    )

    assert (view.elapsed_ms, view.unit_elapsed_ms, view.lapses) == (1100, 1103, 3)
    assert (view.before, view.since_before_ms) == (replace(EMITTING, uptime_ms=71_000, lapses=4), 100)
    assert view.nonce == NONCE  # the unit's as it was identified, not as it says now
    assert view.status.delivered_ms == 12_000


def test_lapses_that_were_dealt_with_are_counted_from_there_and_the_clocks_are_not() -> None:
    trends = ReportTrends(UNIT)
    trends.accept_lapses(replace(EMITTING, lapses=9))  # nothing has been reported yet
    trends.see(EMITTING, 5000, EXPECTED)
    lapsed = replace(EMITTING, lapses=4, uptime_ms=EMITTING.uptime_ms + 100)
    before = trends.see(lapsed, 5100, EXPECTED)

    trends.accept_lapses(lapsed)
    after = trends.see(lapsed, 5200, EXPECTED)

    assert (before.lapses, after.lapses) == (3, 4)
    assert (after.elapsed_ms, after.unit_elapsed_ms) == (200, 100)


def test_how_long_contact_has_been_against_the_units_state_is_the_time_between_reports() -> None:
    suspended = {"state": UnitState.SUSPENDED, "contact_pct": 100}

    view = run((5000, suspended), (5090, suspended))

    assert view.contact.suspended_without_cause_ms == 90


# --- steady ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(("ramp_ms", "steady_ms"), [(3000, 4000), (0, 1000)])
def test_output_is_steady_a_second_after_its_ramp(ramp_ms: int, steady_ms: int) -> None:
    expected = replace(EXPECTED, start=replace(START, ramp_ms=ramp_ms))

    assert not run((500, {}), (500 + steady_ms - 1, {}), expected=expected).steady
    assert run((500, {}), (500 + steady_ms, {}), expected=expected).steady


@pytest.mark.parametrize("state", [state for state in UnitState if state is not UnitState.EMITTING])
def test_an_interruption_has_to_settle_anew(state: UnitState) -> None:
    away = {"state": state}

    assert not run((0, {}), (9000, away)).steady
    assert not run((0, {}), (9000, away), (9100, {}), (13_099, {})).steady
    assert run((0, {}), (9000, away), (9100, {}), (13_100, {})).steady


# --- counted --------------------------------------------------------------------------------------


def test_output_that_the_units_clock_sees_and_its_count_does_not_is_added_up() -> None:
    def at(ms: int, delivered_ms: int, **changes: Any) -> tuple[int, dict[str, Any]]:
        return ms, {"uptime_ms": 50_000 + ms, "delivered_ms": delivered_ms} | changes

    off: dict[str, Any] = {"state": STATUS.state}
    held: dict[str, Any] = {"state": UnitState.SUSPENDED}
    assert run(at(0, 0), at(90, 90), at(200, 200)).uncounted_ms == 0
    assert run(at(0, 0), at(90, 45), at(200, 100)).uncounted_ms == 100
    assert run(at(0, 0), at(90, 90), at(200, 300)).uncounted_ms == -100
    assert run(at(0, 0, **off), at(90, 0), at(200, 0, **off), at(900, 0)).uncounted_ms == 0
    assert run(at(0, 0), at(90, 0, nonce=1)).uncounted_ms == 0
    assert run(at(0, 0), at(90, 0, session=99)).uncounted_ms == 0
    # Where output comes and goes no more is counted than has passed, and nothing at all while it is off.
    assert run(at(0, 0, **off), at(90, 90)).uncounted_ms == 0
    assert run(at(0, 0, **off), at(90, 91)).uncounted_ms == -1
    assert run(at(0, 0, **held), at(90, 40, **held), at(180, 140, **held)).uncounted_ms == -10
    assert run(at(0, 0, **off), at(90, 40, **off), at(180, 41, **off)).uncounted_ms == -1


@pytest.mark.hazard("H-02")
@pytest.mark.parametrize(("numbers", "uncounted_ms"), [((1, 1), -150), ((1, 2), 0), ((None, 1), 0)])
def test_a_start_between_two_reports_of_no_output_may_have_been_given(
    numbers: tuple[int | None, int | None], uncounted_ms: int
) -> None:
    trends = ReportTrends(UNIT)
    reports: list[tuple[int, int, int | None]] = [
        (0, 0, numbers[0]),
        (100, 0, numbers[0]),
        (300, 150, numbers[1]),
    ]
    for now_ms, delivered_ms, number in reports:
        start = None if number is None else replace(START, number=number)
        status = replace(STATUS, uptime_ms=50_000 + now_ms, delivered_ms=delivered_ms)
        view = trends.see(status, now_ms, replace(EXPECTED, start=start))

    assert view.uncounted_ms == uncounted_ms


def test_a_units_clock_that_begins_anew_after_49_days_goes_on() -> None:
    before, after = {"uptime_ms": 0xFFFF_FFFF, "delivered_ms": 0}, {"uptime_ms": 99, "delivered_ms": 100}

    view = run((0, before), (100, after))

    assert (view.unit_elapsed_ms, view.uncounted_ms) == (100, 0)
