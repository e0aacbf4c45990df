"""What the controller knows: the facts the machine asks for, and what the guard and the watch judge by."""

from __future__ import annotations

from dataclasses import replace

import pytest

from device.control.allowed import Allowed
from device.control.machine import State
from device.control.state import SessionState
from device.dialects.base import HostLoss, Renew, SetOutput, Status, UnitState
from device.events import OffConfirmation
from device.monitor.trends import Expected
from device.monitor.view import Grant, Start
from protocols.limits import Block, Family, Layer, Quantity
from protocols.plan import Emit, Percussion, Plan
from tests.device.parts import (
    ALLOWED,
    EMITTING,
    ENERGY_MAX_MJ,
    HIGH,
    LOW,
    NONCE,
    PLAN,
    SESSION,
    STATUS,
    UNIT,
    bound,
)

STEP = Emit(LOW, 60_000, 3000)
GUN = replace(UNIT, declared=replace(UNIT.declared, area_mm2=None), model=replace(UNIT.model, area_mm2=None))


def knowing(status: Status | None = STATUS, plan: Plan = PLAN, allowed: Allowed = ALLOWED) -> SessionState:
    """A session loaded on a known unit, which has reported."""
    known = SessionState(unit=UNIT)
    known.load(plan, SESSION, allowed)
    if status is not None:
        known.hear(status, 1000)
    return known


def test_to_begin_with_nothing_is_known_allowed_or_asked() -> None:
    known = SessionState()

    assert (known.unit, known.status, known.plan, known.step) == (None, None, None, None)
    assert (known.session, known.energy_ceiling_mj, known.step_end_ms) == (0, 0, 0)
    assert (known.level_cap, known.lowered_ms, known.due_step) == (None, 0, None)
    assert not known.start_seen
    assert not known.attended
    assert not known.step_is_guided()


def test_a_new_session_has_counted_nothing_yet() -> None:
    known = knowing()

    known.load(PLAN, SESSION + 1, ALLOWED)

    assert (known.delivered_ms, known.energy_mj) == (0, 0)


def test_counts_are_those_of_our_session_and_outlive_a_restart() -> None:
    known = knowing()

    known.hear(replace(STATUS, session=0, delivered_ms=0, energy_mj=0), 1100)

    assert (known.delivered_ms, known.energy_mj) == (10_000, 1_000)
    assert not known.is_ours(replace(STATUS, session=SESSION + 1))
    assert not SessionState().is_ours(replace(STATUS, session=0))


@pytest.mark.hazard("H-03")
@pytest.mark.parametrize(
    ("planned_mj", "bound_mj", "ceiling_mj"),
    [(100_000, None, 101_100), (100_000, 101_100, 101_100), (100_000, 100_001, 100_001), (0, None, 100)],
)
def test_the_energy_ceiling_is_the_plans_and_a_hundredth_and_never_above_a_bound(
    planned_mj: int, bound_mj: int | None, ceiling_mj: int
) -> None:
    bounds = [] if bound_mj is None else [bound(Quantity.ENERGY_MJ, at_most=bound_mj)]
    plan = replace(PLAN, energy_mj=planned_mj, limits=PLAN.limits.with_layer(bounds))

    assert knowing(plan=plan).energy_ceiling_mj == ceiling_mj


def test_without_a_planned_energy_the_ceiling_is_what_the_unit_can_count() -> None:
    gun = replace(ALLOWED, family=Family.PERCUSSION, area_mm2=None)

    assert knowing(plan=replace(PLAN, energy_mj=None), allowed=gun).energy_ceiling_mj == 0xFFFFFFFF


@pytest.mark.hazard("H-03")
def test_the_energy_ceiling_is_never_above_what_the_guard_lets_through() -> None:
    assert knowing(plan=replace(PLAN, energy_mj=None)).energy_ceiling_mj == ENERGY_MAX_MJ


def test_the_highest_level_is_the_plans() -> None:
    assert knowing().level_max == 500
    assert SessionState().level_max == 0
    assert knowing(plan=replace(PLAN, steps=())).level_max == 0


def test_a_step_ends_after_what_has_been_delivered_and_its_time() -> None:
    known = knowing()

    known.begin(STEP, 5000)

    assert (known.step_end_ms, known.start_seen) == (15_000, False)


@pytest.mark.hazard("H-07")
@pytest.mark.parametrize("nonce", [NONCE - 1, NONCE + 1])
def test_a_report_under_another_nonce_is_not_the_units(nonce: int) -> None:
    known = knowing()

    known.hear(replace(EMITTING, nonce=nonce, delivered_ms=99_000), 1100)

    assert not known.is_from_the_unit(replace(STATUS, nonce=nonce))
    assert (known.status, known.delivered_ms, known.start_seen) == (STATUS, 10_000, False)


def test_before_a_unit_is_known_any_report_is_taken() -> None:
    known = SessionState()

    known.hear(replace(STATUS, nonce=NONCE + 1), 1000)

    assert known.status == replace(STATUS, nonce=NONCE + 1)


@pytest.mark.parametrize("state", UnitState)
def test_a_start_is_confirmed_once_the_unit_is_seen_to_carry_it_out(state: UnitState) -> None:
    known = knowing()
    known.begin(STEP, 5000)

    known.hear(replace(STATUS, state=state), 1100)
    start_seen = known.start_seen
    known.hear(STATUS, 1200)

    assert start_seen is known.start_seen is (state in (UnitState.EMITTING, UnitState.SUSPENDED))


# 10 ms of 500 mW/cm² over 4 cm² are 20 mJ; the ceiling is 101 100 mJ.
@pytest.mark.parametrize(("spent_mj", "enough"), [(101_079, True), (101_080, True), (101_081, False)])
def test_a_moment_of_output_has_to_fit_under_the_energy_ceiling(spent_mj: int, enough: bool) -> None:
    known = knowing(replace(STATUS, energy_mj=spent_mj))

    assert known.has_energy_for(Emit(HIGH, 1, 0), 1) is enough


# What is left of the step is 1 s of 440 mW/cm² at 50 % over 4 cm²: 880 mJ, and 440 mJ of them in the ramp.
@pytest.mark.hazard("H-03")
@pytest.mark.parametrize(("bound_mj", "enough"), [(1439, False), (1440, True)])
def test_all_that_is_left_of_a_step_has_to_fit_under_a_bound_on_energy(bound_mj: int, enough: bool) -> None:
    bounds = (bound(Quantity.ENERGY_MJ, at_most=bound_mj),)
    known = knowing(allowed=replace(ALLOWED, bounds=bounds))

    assert known.has_energy_for(STEP, 1000) is enough


def test_without_a_radiating_area_there_is_no_energy_to_hold_a_moment_against() -> None:
    known = knowing(replace(STATUS, energy_mj=1_000_000))

    known.unit = None

    assert known.has_energy_for(STEP, 60_000)


# 10 s have given 1 000 mJ, and 10 ms of it are 1 mJ.
@pytest.mark.hazard("H-03")
@pytest.mark.parametrize(("ceiling_mj", "enough"), [(1000, False), (1001, True), (999, False)])
def test_a_moment_of_a_massage_gun_is_reckoned_from_what_it_has_given(ceiling_mj: int, enough: bool) -> None:
    known = knowing()
    known.unit = GUN
    known.energy_ceiling_mj = ceiling_mj

    assert known.has_energy_for(STEP, 60_000) is enough
    assert knowing(None).has_energy_for(STEP, 60_000)


@pytest.mark.hazard("H-03")
@pytest.mark.parametrize(("given_ms", "needs_mj"), [(100, 10), (1, 1000)])
def test_a_moment_of_a_massage_gun_is_ten_milliseconds_of_it(given_ms: int, needs_mj: int) -> None:
    known = knowing(replace(STATUS, delivered_ms=given_ms, energy_mj=100))
    known.unit = GUN

    for ceiling_mj, enough in ((100 + needs_mj, True), (99 + needs_mj, False)):
        known.energy_ceiling_mj = ceiling_mj
        assert known.has_energy_for(STEP, 60_000) is enough


def test_a_massage_gun_that_has_given_nothing_may_begin() -> None:
    known = knowing(replace(STATUS, delivered_ms=0, energy_mj=0))
    known.unit = GUN

    assert known.has_energy_for(STEP, 60_000)


def test_what_the_guard_judges_by_is_what_is_known() -> None:
    known = knowing()

    guard_context = known.guard_context(State.ARMED, recorded=True)

    assert (guard_context.state, guard_context.nonce, guard_context.session) == (State.ARMED, NONCE, SESSION)
    assert (guard_context.unit_uptime_ms, guard_context.delivered_ms, guard_context.energy_mj) == (
        50_000,
        10_000,
        1_000,
    )
    assert (guard_context.allowed, guard_context.stop_asked, guard_context.recorded) == (ALLOWED, False, True)
    assert (guard_context.lease_min_ms, guard_context.lease_max_ms) == (100, 1000)


def test_with_nothing_known_the_guard_is_given_nothing_to_allow() -> None:
    known = SessionState()
    known.output_off.ask(0, reachable=True)

    guard_context = known.guard_context(State.OFFLINE, recorded=False)

    assert (guard_context.nonce, guard_context.session, guard_context.allowed, guard_context.stop_asked) == (
        0,
        0,
        None,
        True,
    )
    assert (guard_context.unit_uptime_ms, guard_context.energy_mj, guard_context.recorded) == (0, 0, False)
    assert (guard_context.lease_min_ms, guard_context.lease_max_ms) == (0, 0)
    assert (guard_context.level, guard_context.level_cap) == (0, None)
    assert (guard_context.host_loss, guard_context.attended) == (HostLoss.NONE, False)


@pytest.mark.parametrize(
    ("live", "start_seen", "wanted"), [(True, True, 440), (False, True, 0), (True, False, 0)]
)
def test_output_is_expected_only_of_a_confirmed_start_that_still_stands(
    live: bool, start_seen: bool, wanted: int
) -> None:
    known = knowing()
    known.begin(STEP, 5000)
    known.start_seen = start_seen

    assert known.expected(STATUS, PLAN, live=live) == Expected(
        wanted, 440, False, True, 15_020, 101_188, 90_000, SESSION, None, None
    )


@pytest.mark.hazard("H-02")
@pytest.mark.parametrize(
    ("for_ms", "most_ms"), [(5000, 15_020), (79_979, 89_999), (79_980, 90_000), (80_000, 90_000)]
)
def test_no_more_may_be_delivered_than_up_to_the_end_of_the_step_last_started_and_a_tick(
    for_ms: int, most_ms: int
) -> None:
    known = knowing()
    known.begin(STEP, for_ms)

    assert known.expected(STATUS, PLAN, live=True).delivered_max_ms == most_ms
    assert known.expected(STATUS, PLAN, live=False).delivered_max_ms == most_ms


@pytest.mark.hazard("H-03")
def test_a_status_period_of_full_output_may_be_given_above_the_energy_ceiling() -> None:
    known = knowing()
    known.begin(Emit(HIGH, 5000, 0), 5000)

    assert known.expected(STATUS, PLAN, live=True).energy_max_mj == 101_100 + 200


def test_before_the_first_step_no_output_is_expected() -> None:
    assert knowing().expected(STATUS, PLAN, live=True) == Expected(
        0, 1, False, True, 90_000, 101_100, 90_000, SESSION, None, None
    )


def test_a_unit_has_to_name_our_session_once_it_has_and_not_before() -> None:
    strange = replace(STATUS, session=99)

    assert knowing(strange).expected(strange, PLAN, live=False).session is None
    assert knowing(None).expected(strange, PLAN, live=False).session is None
    assert knowing().expected(strange, PLAN, live=False).session == SESSION


def test_what_leaves_to_allow_output_is_what_the_next_reports_are_judged_by() -> None:
    known = knowing()
    start = SetOutput(NONCE, SESSION, LOW, 5000, 3000, unit_uptime_ms=50_000, lease_ms=500)

    known.allow(start, 1000, 1010)
    known.allow(Renew(NONCE, SESSION, unit_uptime_ms=50_090, lease_ms=400), 1090, 1100)

    expected = known.expected(STATUS, PLAN, live=True)
    assert expected.start == Start(1, 1010, 5000, 3000, 440, 50, 10_000)
    assert expected.grant == Grant(50_090, 400)
    assert known.output_off.known(1090 + 440, reachable=False) is OffConfirmation.PRESUMED
    assert known.output_off.known(1090 + 439, reachable=False) is None
    known.allow(replace(start, setting=Percussion(2200)), 2000, 2010)
    assert known.start is not None
    assert (known.start.number, known.start.level, known.start.duty_pct) == (2, 2200, 100)


def test_counts_of_another_session_are_held_against_nothing() -> None:
    strange = replace(STATUS, session=99, delivered_ms=1_000_000, energy_mj=2_000_000)

    expected = knowing().expected(strange, PLAN, live=True)

    assert (expected.delivered_max_ms, expected.energy_max_mj) == (1_000_000, 2_000_000)


# --- facts ----------------------------------------------------------------------------------------


def test_a_unit_is_known_once_it_has_made_itself_known() -> None:
    assert knowing().unit_is_known()
    assert not SessionState().unit_is_known()


@pytest.mark.hazard("H-04")
def test_a_plan_outside_its_limits_or_blocked_is_not_within_them() -> None:
    too_high = replace(PLAN, limits=PLAN.limits.with_layer([bound(Quantity.INTENSITY_MW_CM2, at_most=499)]))
    block = Block(Family.ULTRASOUND, Layer.SITE, "a test", "a test")
    blocked = replace(PLAN, limits=PLAN.limits.with_layer(blocks=[block]))

    assert knowing().plan_is_within_limits()
    assert not knowing(plan=too_high).plan_is_within_limits()
    assert not knowing(plan=blocked).plan_is_within_limits()
    assert knowing(plan=replace(blocked, steps=())).plan_is_within_limits()  # guidance emits nothing
    assert not SessionState().plan_is_within_limits()


@pytest.mark.parametrize(
    ("changes", "allowed"),
    [
        ({}, True),
        ({"state": UnitState.IDLE}, False),
        ({"state": UnitState.EMITTING}, False),
        ({"session": SESSION + 1}, False),
        ({"faults": ("STALL",)}, False),
    ],
)
def test_output_is_allowed_of_a_sound_unit_that_is_armed_for_us(
    changes: dict[str, object], allowed: bool
) -> None:
    assert knowing(replace(STATUS, **changes)).output_is_allowed() is allowed  # type: ignore[arg-type]  # by name


def test_output_is_not_allowed_unheard_out_of_limits_or_under_a_stop() -> None:
    stopped = knowing()
    stopped.output_off.ask(1100, reachable=True)
    too_high = replace(PLAN, limits=PLAN.limits.with_layer([bound(Quantity.INTENSITY_MW_CM2, at_most=499)]))

    assert not stopped.output_is_allowed()
    assert not knowing(None).output_is_allowed()
    assert not knowing(plan=too_high).output_is_allowed()


@pytest.mark.hazard("H-26")
@pytest.mark.parametrize(("level_set", "as_before"), [(439, True), (440, True), (441, False)])
def test_a_unit_may_come_back_no_higher_than_it_was_set(level_set: int, as_before: bool) -> None:
    known = knowing(replace(EMITTING, level_set=level_set))
    before_any_step = known.level_is_as_before()
    known.begin(STEP, 5000)

    assert known.level_is_as_before() is as_before
    assert not before_any_step
    assert not SessionState(step=STEP).level_is_as_before()


@pytest.mark.parametrize("status", [STATUS, EMITTING])
def test_output_off_is_confirmed_by_the_units_latest_report(status: Status) -> None:
    assert knowing(status).output_off_is_confirmed() is status.output_is_off


@pytest.mark.parametrize(
    ("status", "gone"),
    [(STATUS, True), (EMITTING, False), (replace(STATUS, faults=("STALL",)), False), (None, False)],
)
def test_a_faults_cause_has_gone_when_the_unit_is_off_and_reports_none(
    status: Status | None, gone: bool
) -> None:
    assert knowing(status).cause_has_gone() is gone
