"""The alarms' rules: each is broken exactly beyond its bound, and breaks nothing else with it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from device.dialects.base import UnitState
from device.events import Priority
from device.models import model
from device.monitor.alarms import BY_CODE, RULES, Effect, Rule
from device.monitor.contact import ContactTrend
from device.monitor.view import EnergyTrend, HostTime, View
from device.wire.messages import Fault
from tests.device.parts import DECLARED, EMITTING, MODEL, NONCE, SESSION, STATUS

# A session well under way: nothing wrong with it.
RUNNING = View(
    now_ms=100_000,
    status=EMITTING,
    before=EMITTING,
    since_before_ms=100,
    model=MODEL,
    declared=DECLARED,
    wanted_level=440,
    wanted_duty_pct=50,
    due_level=440,
    last_level=440,
    resting=False,
    armed=True,
    steady=True,
    nonce=NONCE,
    session=SESSION,
    lapses=3,
    delivered_max_ms=90_000,
    energy_max_mj=100_000,
    elapsed_ms=50_000,
    unit_elapsed_ms=50_000,
    uncounted_ms=0,
    step_apart_ms=0,
    counts_went_back=False,
    lease_max_ms=410,
    lease_min_ms=None,
    energy=EnergyTrend(1000, 1000, 1000, 440, 0),
    energy_long=EnergyTrend(17_600, 17_600, 17_600, 440, 0),
    host=HostTime(1000, 2000, 10_000, 20_000, 100, 200, 1000, 2000),
    contact=ContactTrend(1000, 1500),
    head_due_mk=0,
)
READY = replace(RUNNING, status=STATUS, before=STATUS, wanted_level=0, steady=False)
OFF = {"state": UnitState.READY, "measured_level": 0, "level_set": 0, "duty_set_pct": 0, "lease_left_ms": 0}
HOT = replace(MODEL, head_warn_ddeg_c=800)  # a head that may be hot before anyone is told


def broken(view: View, status: dict[str, Any] | None = None, **changes: Any) -> set[str]:
    """The rules broken by ``view``, with these changes to it and to its report."""
    changed = replace(view, status=replace(view.status, **(status or {})), **changes)
    return {
        rule.code
        for rule in RULES
        if (rule.breaks is not None and rule.breaks(changed))
        or set(rule.unit_faults) & set(changed.status.faults)
    }


def expect(code: str, breaks: bool) -> set[str]:
    return {code} if breaks else set()


# --- the table ------------------------------------------------------------------------------------

# Once more, by hand: code, how urgent, whether it latches, for how long it has to break, and what it does.
TABLE = """
OUTPUT_STUCK       high    latches  300  fail
RUNS_UNASKED       high    latches  0    fail
OUTPUT_HIGH        high    latches  300  fail
SET_DIFFERS        high    latches  0    fail
DUTY_DIFFERS       high    latches  0    fail
SET_WHILE_OFF      high    latches  0    fail
LEASE_DIFFERS      high    latches  0    fail
HEAD_OVERTEMP      high    latches  300  fail
CONTACT_IGNORED    high    latches  0    fail
OVER_DOSE          high    latches  0    fail
STEP_OVERRUN       high    latches  0    fail
ENERGY_DIFFERS     high    latches  0    fail
SESSION_DIFFERS    high    latches  0    fail
ANSWER_DIFFERS     medium  latches  0    fail
REFUSED            high    latches  0    fail
RESTARTED          medium  latches  0    fail
LAPSED             medium  latches  0    fail
HOST_DELAYED       medium  clears   0    pause
STOPPED_ELSEWHERE  medium  latches  0    fail
SUSPENDED_WITHOUT_CAUSE   medium  latches  0    fail
SENSOR_FAULT       medium  latches  0    fail
COMM_LOST          medium  latches  0    fail
POWER_MISMATCH     medium  clears   300  pause
CLOCK_OFF          medium  latches  0    fail
COUNT_OFF          medium  latches  0    fail
MOTOR_STALL        medium  latches  300  fail
MOTOR_HOT          medium  latches  0    fail
BATTERY_CRITICAL   medium  latches  0    fail
UNIT_FAULT         medium  latches  0    fail
SUSPENSION_OVERRUN       medium  clears   0    pause
HEAD_WARM          low     clears   0    note
CONTACT_LOST       low     clears   0    note
BATTERY_LOW        low     clears   0    note
"""


def test_the_rules_are_the_ones_written_here() -> None:
    written = []
    for line in TABLE.split("\n")[1:-1]:
        code, priority, latches, sustain_ms, effect = line.split()
        written.append((code, Priority(priority), latches == "latches", int(sustain_ms), effect))

    assert [
        (rule.code, rule.priority, rule.latches, rule.sustain_ms, rule.effect.name.lower()) for rule in RULES
    ] == written


def test_a_rule_is_found_by_its_code_and_only_these_are_raised_without_a_reading() -> None:
    assert {rule.code: rule for rule in RULES} == BY_CODE
    assert len(BY_CODE) == len(RULES)
    assert [rule.code for rule in RULES if rule.breaks is None] == [
        "ANSWER_DIFFERS",
        "HOST_DELAYED",
        "COMM_LOST",
        "MOTOR_HOT",
    ]


def test_what_ends_a_session_latches_and_what_does_not_clears_by_itself() -> None:
    assert all(rule.latches is (rule.effect is Effect.FAIL) for rule in RULES)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.code)
def test_a_person_is_told_what_and_what_to_do(rule: Rule) -> None:
    assert rule.what
    assert rule.what[0].islower()
    assert rule.action.endswith(".")


@pytest.mark.parametrize("view", [RUNNING, READY])
def test_a_sound_session_breaks_no_rule(view: View) -> None:
    assert broken(view) == set()
    assert broken(view, before=None, since_before_ms=0) == set()


# --- output ---------------------------------------------------------------------------------------


@pytest.mark.hazard("H-07")
@pytest.mark.parametrize(("output", "breaks"), [(0, False), (43, False), (44, False), (45, True)])
def test_output_above_a_tenth_of_the_last_level_while_it_is_meant_to_be_off_is_stuck(
    output: int, breaks: bool
) -> None:
    held = {
        "state": UnitState.READY,
        "measured_level": output,
        "level_set": 0,
        "duty_set_pct": 0,
        "lease_left_ms": 0,
    }

    assert broken(READY, {"measured_level": output}) == expect("OUTPUT_STUCK", breaks)
    assert broken(RUNNING, held) == expect("OUTPUT_STUCK", breaks)  # on for us, off for the unit


@pytest.mark.hazard("H-24")
@pytest.mark.parametrize(
    ("output", "code"), [(441, "POWER_MISMATCH"), (440, "POWER_MISMATCH"), (439, "MOTOR_STALL")]
)
def test_a_gun_that_hardly_turns_stands_still(output: int, code: str) -> None:
    gun = replace(RUNNING, model=model("ultragun"), wanted_level=2200, last_level=2200, wanted_duty_pct=100)
    seen = {"measured_level": output, "level_set": 2200, "duty_set_pct": 100}

    assert broken(gun, seen) == {code}
    assert broken(gun, seen, steady=False) == set()


def test_a_unit_that_emits_unasked_is_stuck() -> None:
    assert broken(RUNNING, wanted_level=0) == {"OUTPUT_STUCK"}


@pytest.mark.parametrize(("output", "breaks"), [(440, False), (527, False), (528, False), (529, True)])
def test_output_is_too_high_beyond_a_fifth_above_what_was_set(output: int, breaks: bool) -> None:
    assert broken(RUNNING, {"measured_level": output}) == expect("OUTPUT_HIGH", breaks)


@pytest.mark.hazard("H-04")
@pytest.mark.parametrize(("output", "breaks"), [(120, False), (121, True)])
def test_output_in_a_ramp_is_held_to_what_the_ramp_has_come_to(output: int, breaks: bool) -> None:
    ramp = replace(RUNNING, due_level=100, steady=False)

    assert broken(ramp, {"measured_level": output}) == expect("OUTPUT_HIGH", breaks)


def test_output_is_held_against_a_level_only_where_output_is_meant_to_be_on() -> None:
    assert broken(RUNNING, {"measured_level": 44}, wanted_level=0, due_level=0) == set()
    assert broken(RUNNING, {"measured_level": 45}, wanted_level=0, due_level=0) == {"OUTPUT_STUCK"}


@pytest.mark.parametrize(("output", "breaks"), [(440, False), (353, False), (352, False), (351, True)])
def test_steady_output_is_too_low_beyond_a_fifth_below_what_was_set(output: int, breaks: bool) -> None:
    assert broken(RUNNING, {"measured_level": output}) == expect("POWER_MISMATCH", breaks)
    assert broken(RUNNING, {"measured_level": output}, steady=False) == set()


@pytest.mark.hazard("H-26")
@pytest.mark.parametrize("level", [439, 441])
def test_the_unit_runs_at_the_level_that_was_set_and_no_other(level: int) -> None:
    assert broken(RUNNING, {"level_set": level}) == {"SET_DIFFERS"}
    assert broken(RUNNING, {"level_set": level, "state": UnitState.SUSPENDED, "measured_level": 0}) == {
        "SET_DIFFERS",
        "CONTACT_LOST",
    }


@pytest.mark.parametrize("level", [1, 440])
def test_any_wanted_level_counts_as_wanted(level: int) -> None:
    off_by_one = {"level_set": level + 1, "measured_level": level}

    too_high = {"level_set": level, "measured_level": 2 * level}

    assert broken(RUNNING, off_by_one, wanted_level=level, last_level=level) == {"SET_DIFFERS"}
    assert broken(RUNNING, too_high, wanted_level=level, due_level=level, last_level=level) == {"OUTPUT_HIGH"}


def test_output_that_is_off_is_not_held_against_the_level_set() -> None:
    assert broken(RUNNING, OFF) == set()


@pytest.mark.hazard("H-26")
@pytest.mark.parametrize("duty_pct", [0, 49, 51, 100])
@pytest.mark.parametrize("state", [UnitState.EMITTING, UnitState.SUSPENDED])
def test_the_unit_runs_at_the_duty_that_was_set_and_no_other(state: UnitState, duty_pct: int) -> None:
    seen = {"state": state, "measured_level": 440 if state is UnitState.EMITTING else 0}
    said = {"CONTACT_LOST"} if state is UnitState.SUSPENDED else set()

    assert broken(RUNNING, seen) == said
    assert broken(RUNNING, seen | {"duty_set_pct": duty_pct}) == said | {"DUTY_DIFFERS"}


@pytest.mark.parametrize("name", ["level_set", "duty_set_pct", "lease_left_ms"])
@pytest.mark.parametrize("state", [UnitState.IDLE, UnitState.READY, UnitState.FAULT])
def test_a_unit_that_runs_no_step_names_nothing_of_one(state: UnitState, name: str) -> None:
    off = {"state": state, "faults": ("SUPPLY",) if state is UnitState.FAULT else ()}

    assert "SET_WHILE_OFF" not in broken(READY, off)
    assert "SET_WHILE_OFF" in broken(READY, off | {name: 1})
    assert broken(RUNNING, {name: getattr(EMITTING, name)}) == set()


@pytest.mark.hazard("H-05")
@pytest.mark.parametrize(
    ("left_ms", "breaks"), [(0, True), (1, False), (430, False), (431, True), (65_535, True)]
)
def test_a_lease_runs_down_from_what_was_granted(left_ms: int, breaks: bool) -> None:
    assert broken(RUNNING, {"lease_left_ms": left_ms}) == expect("LEASE_DIFFERS", breaks)
    assert broken(RUNNING, {"lease_left_ms": left_ms}, lease_max_ms=None) == set()


@pytest.mark.hazard("H-05")
@pytest.mark.parametrize(("left_ms", "breaks"), [(389, True), (390, False), (410, False)])
def test_no_less_is_left_of_a_lease_than_was_granted_and_taken(left_ms: int, breaks: bool) -> None:
    assert broken(RUNNING, {"lease_left_ms": left_ms}, lease_min_ms=410) == expect("LEASE_DIFFERS", breaks)
    assert broken(READY, {"lease_left_ms": 0}, lease_min_ms=410) == set()


@pytest.mark.hazard("H-05")
def test_a_unit_that_goes_on_when_its_lease_is_over_is_noticed_whatever_it_says_is_left() -> None:
    assert broken(RUNNING, {"lease_left_ms": 1}, lease_max_ms=-20) == {"LEASE_DIFFERS"}
    assert broken(RUNNING, {"lease_left_ms": 1}, lease_max_ms=-19) == set()
    held = {"state": UnitState.SUSPENDED, "measured_level": 0, "lease_left_ms": 0}
    assert broken(RUNNING, held) == {"CONTACT_LOST", "LEASE_DIFFERS"}
    assert {rule.code for rule in RULES if rule.breaks_lease} == {"LEASE_DIFFERS"}


@pytest.mark.hazard("H-18")
@pytest.mark.parametrize("asked", ["GetStatus", "Stop", "Renew"])
def test_a_running_unit_that_refuses_a_look_a_stop_or_a_renewal_is_not_obeying(asked: str) -> None:
    refused = {"asked": asked, "refusal": "bad session"}

    assert broken(RUNNING, refused) == {"REFUSED"}
    assert broken(READY, refused) == expect("REFUSED", asked != "Renew")
    assert broken(RUNNING, refused | {"nonce": NONCE + 1}) == {"RESTARTED"}


@pytest.mark.parametrize(("left_ms", "breaks"), [(None, False), (20, False), (21, True), (410, True)])
def test_a_renewal_is_stale_only_where_its_lease_is_over(left_ms: int | None, breaks: bool) -> None:
    stale = {"asked": "Renew", "refusal": "stale", "lease_left_ms": 20}

    assert broken(RUNNING, stale, lease_max_ms=left_ms) == expect("REFUSED", breaks)


def test_a_unit_that_refuses_to_lower_a_running_step_is_not_obeying() -> None:
    refused = {"asked": "LowerLevel", "refusal": "bad state"}

    assert broken(RUNNING, refused) == {"REFUSED"}
    assert broken(READY, refused) == set()  # the step had ended


def test_another_request_may_be_refused() -> None:
    assert broken(RUNNING, {"asked": "SetOutput", "refusal": "over ceiling"}) == set()


@pytest.mark.parametrize("session", [0, SESSION - 1, SESSION + 1])
def test_a_unit_that_was_armed_names_its_session_until_it_restarts(session: int) -> None:
    assert broken(RUNNING, {"session": session}) == {"SESSION_DIFFERS"}
    assert broken(READY, {"session": session}) == {"SESSION_DIFFERS"}
    assert broken(RUNNING, {"session": session}, session=None) == set()
    assert broken(RUNNING, {"session": session, "nonce": NONCE + 1}) == {"RESTARTED"}


# --- the head -------------------------------------------------------------------------------------


@pytest.mark.hazard("H-01")
@pytest.mark.parametrize(("ddeg_c", "warm", "trips"), [(409, 0, 0), (410, 1, 0), (429, 1, 0), (430, 1, 1)])
def test_a_head_warns_before_it_trips(ddeg_c: int, warm: int, trips: int) -> None:
    at = {"head_temp_ddeg_c": ddeg_c}
    expected = expect("HEAD_WARM", bool(warm)) | expect("HEAD_OVERTEMP", bool(trips))

    assert broken(RUNNING, at, before=None) == expected
    assert broken(READY, at, before=None) == expected  # a head can be too warm with output off


@pytest.mark.parametrize(("of_model", "of_unit", "trip"), [(430, 420, 420), (420, 430, 420)])
def test_the_lower_of_two_trips_counts(of_model: int, of_unit: int, trip: int) -> None:
    trips = {
        "model": replace(HOT, head_trip_ddeg_c=of_model),
        "declared": replace(DECLARED, head_trip_ddeg_c=of_unit),
        "before": None,
    }

    assert broken(RUNNING, {"head_temp_ddeg_c": trip - 1}, **trips) == set()
    assert broken(RUNNING, {"head_temp_ddeg_c": trip}, **trips) == {"HEAD_OVERTEMP"}


def test_a_trip_that_only_one_names_counts_and_none_at_all_never_trips() -> None:
    no_model = replace(HOT, head_trip_ddeg_c=None, head_warn_ddeg_c=None)
    no_unit = replace(DECLARED, head_trip_ddeg_c=None)
    hot = {"head_temp_ddeg_c": 430}

    assert broken(RUNNING, hot, before=None, model=no_model) == {"HEAD_OVERTEMP"}
    assert broken(RUNNING, hot, before=None, model=HOT, declared=no_unit) == {"HEAD_OVERTEMP"}
    assert broken(RUNNING, hot, before=None, model=no_model, declared=no_unit) == set()


def test_a_head_that_is_not_measured_is_not_judged() -> None:
    blind = replace(DECLARED, measures_head_temp=False)

    assert broken(RUNNING, {"head_temp_ddeg_c": 900}, declared=blind, head_due_mk=9999) == set()


@pytest.mark.hazard("H-11")
@pytest.mark.parametrize(("ddeg_c", "breaks"), [(-201, True), (-200, False), (800, False), (801, True)])
def test_a_head_colder_or_hotter_than_can_be_is_a_bad_sensor(ddeg_c: int, breaks: bool) -> None:
    never = replace(MODEL, head_warn_ddeg_c=None, head_trip_ddeg_c=None)
    declared = replace(DECLARED, head_trip_ddeg_c=None)
    at = {"head_temp_ddeg_c": ddeg_c}

    assert broken(RUNNING, at, before=None, model=never, declared=declared) == expect("SENSOR_FAULT", breaks)


@pytest.mark.hazard("H-11")
@pytest.mark.parametrize("sign", [-1, 1])
@pytest.mark.parametrize(
    ("since_ms", "change", "breaks"),
    [
        (0, 7, False),
        (0, 8, True),
        (99, 7, False),
        (100, 7, False),
        (100, 8, True),
        (120, 8, False),
        (1000, 53, True),
    ],
)
def test_a_head_that_leaps_is_a_bad_sensor(sign: int, since_ms: int, change: int, breaks: bool) -> None:
    at = {"head_temp_ddeg_c": 300 + sign * change}

    assert broken(RUNNING, at, since_before_ms=since_ms) == expect("SENSOR_FAULT", breaks)


@pytest.mark.hazard("H-11")
@pytest.mark.parametrize(("due_mk", "breaks"), [(0, False), (299, False), (300, True), (5000, True)])
def test_a_head_that_must_have_warmed_and_reads_the_same_is_a_bad_sensor(due_mk: int, breaks: bool) -> None:
    assert broken(RUNNING, head_due_mk=due_mk) == expect("SENSOR_FAULT", breaks)


# --- dose, identity and time ----------------------------------------------------------------------


@pytest.mark.hazard("H-02")
@pytest.mark.hazard("H-03")
@pytest.mark.parametrize(
    ("given", "breaks"),
    [
        ({"delivered_ms": 90_000, "energy_mj": 100_000}, False),
        ({"delivered_ms": 90_001}, True),
        ({"energy_mj": 100_001}, True),
    ],
)
def test_more_time_or_energy_than_the_session_may_give_is_too_much(
    given: dict[str, int], breaks: bool
) -> None:
    assert broken(RUNNING, given) == expect("OVER_DOSE", breaks)


@pytest.mark.hazard("H-03")
@pytest.mark.parametrize(
    ("metered_mj", "breaks"), [(358, True), (359, False), (1000, False), (1641, False), (1642, True)]
)
def test_the_meter_agrees_with_output_and_time_within_a_fifth_and_its_slack(
    metered_mj: int, breaks: bool
) -> None:
    energy = EnergyTrend(metered_mj, 1000, 1000, 440, 0)

    assert broken(RUNNING, energy=energy) == expect("ENERGY_DIFFERS", breaks)
    assert broken(RUNNING, energy_long=energy) == expect("ENERGY_DIFFERS", breaks)


@pytest.mark.hazard("H-03")
def test_the_meter_is_held_from_below_to_what_is_certain_and_from_above_to_what_may_have_been() -> None:
    assert broken(RUNNING, energy=EnergyTrend(0, 550, 5000, 440, 0)) == set()
    assert broken(RUNNING, energy=EnergyTrend(0, 552, 5000, 440, 0)) == {"ENERGY_DIFFERS"}
    assert broken(RUNNING, energy=EnergyTrend(6400, 0, 5000, 440, 0)) == set()
    assert broken(RUNNING, energy=EnergyTrend(6442, 0, 5000, 440, 0)) == {"ENERGY_DIFFERS"}


@pytest.mark.hazard("H-03")
@pytest.mark.parametrize(("while_off_mj", "breaks"), [(1, False), (2, True)])
def test_no_energy_is_metered_while_output_is_off(while_off_mj: int, breaks: bool) -> None:
    assert broken(READY, energy=EnergyTrend(while_off_mj=while_off_mj)) == expect("ENERGY_DIFFERS", breaks)


@pytest.mark.hazard("H-02")
@pytest.mark.parametrize(
    ("counted", "breaks"),
    [
        (HostTime(output_ms=2000, output_max_ms=2000, session_ms=10_000, session_max_ms=10_000), False),
        (HostTime(output_ms=2001, output_max_ms=2000), True),
        (HostTime(session_ms=10_001, session_max_ms=10_000), True),
    ],
)
def test_output_that_goes_on_by_our_clock_is_an_overrun(counted: HostTime, breaks: bool) -> None:
    assert broken(RUNNING, host=counted) == expect("STEP_OVERRUN", breaks)
    assert broken(RUNNING, OFF, host=counted) == set()  # it has ended: that was heard late, and is no more


@pytest.mark.hazard("H-17")
@pytest.mark.parametrize(
    ("counted", "breaks"),
    [
        (
            HostTime(suspension_ms=200, suspension_max_ms=200, suspensions_ms=300, suspensions_max_ms=300),
            False,
        ),
        (
            HostTime(suspension_ms=201, suspension_max_ms=200, suspensions_ms=201, suspensions_max_ms=300),
            True,
        ),
        (
            HostTime(suspension_ms=100, suspension_max_ms=200, suspensions_ms=301, suspensions_max_ms=300),
            True,
        ),
    ],
)
def test_a_suspension_that_goes_on_by_our_clock_is_an_overrun(counted: HostTime, breaks: bool) -> None:
    held = {"state": UnitState.SUSPENDED, "measured_level": 0}

    assert broken(RUNNING, held, host=counted) == {"CONTACT_LOST"} | expect("SUSPENSION_OVERRUN", breaks)
    assert "SUSPENSION_OVERRUN" not in broken(RUNNING, host=counted)


@pytest.mark.hazard("H-01")
def test_output_goes_on_without_contact_for_a_second_in_sum_and_no_longer() -> None:
    ignored = ContactTrend(1001, 0)
    blind = replace(DECLARED, senses_contact=False)

    assert broken(RUNNING, contact=ignored) == {"CONTACT_IGNORED"}
    assert broken(RUNNING, contact=ignored, declared=blind) == set()
    assert broken(RUNNING, OFF, contact=ignored) == set()


def test_a_suspension_goes_on_with_contact_for_a_second_and_a_half_in_sum_and_no_longer() -> None:
    held = {"state": UnitState.SUSPENDED, "measured_level": 0}

    assert broken(RUNNING, held) == {"CONTACT_LOST"}
    assert broken(RUNNING, held, contact=ContactTrend(0, 1501)) == {"CONTACT_LOST", "SUSPENDED_WITHOUT_CAUSE"}
    assert broken(RUNNING, contact=ContactTrend(0, 1501)) == set()


@pytest.mark.hazard("H-10")
@pytest.mark.parametrize("nonce", [NONCE - 1, NONCE + 1])
def test_another_nonce_is_another_unit(nonce: int) -> None:
    assert broken(RUNNING, {"nonce": nonce}) == {"RESTARTED"}


@pytest.mark.parametrize("lapses", [2, 4])
def test_a_lapse_counted_or_shown_is_a_lapse(lapses: int) -> None:
    assert broken(RUNNING, {"lapses": lapses}) == {"LAPSED"}
    assert broken(RUNNING, OFF | {"state": UnitState.LAPSED}) == {"LAPSED"}


@pytest.mark.hazard("H-19")
def test_a_unit_that_is_idle_though_armed_was_stopped_by_someone_else() -> None:
    idle = OFF | {"state": UnitState.IDLE}

    assert broken(RUNNING, idle) == {"STOPPED_ELSEWHERE"}
    assert broken(RUNNING, idle, wanted_level=1, last_level=1) == {"STOPPED_ELSEWHERE"}
    assert broken(READY, idle) == {"STOPPED_ELSEWHERE"}
    assert broken(READY, idle, armed=False) == set()


def test_a_unit_without_contact_says_so() -> None:
    assert broken(RUNNING, {"state": UnitState.SUSPENDED, "measured_level": 0}) == {"CONTACT_LOST"}


def test_a_unit_that_cannot_sense_contact_has_none_to_lose() -> None:
    blind = replace(DECLARED, senses_contact=False)
    late = HostTime(suspension_ms=201, suspension_max_ms=200)

    held = broken(RUNNING, {"state": UnitState.SUSPENDED, "measured_level": 0}, declared=blind, host=late)

    assert held == {"SUSPENDED_WITHOUT_CAUSE"}


@pytest.mark.hazard("H-07")
@pytest.mark.parametrize("state", UnitState)
def test_a_step_that_runs_with_nobody_having_started_one_is_noticed(state: UnitState) -> None:
    runs = state in (UnitState.EMITTING, UnitState.SUSPENDED)

    assert ("RUNS_UNASKED" in broken(READY, {"state": state}, resting=True)) is runs
    assert "RUNS_UNASKED" not in broken(READY, {"state": state})


@pytest.mark.hazard("H-12")
@pytest.mark.parametrize("sign", [-1, 1])
@pytest.mark.parametrize(
    ("elapsed_ms", "apart_ms", "breaks"),
    [(0, 250, False), (0, 251, True), (50_000, 1250, False), (50_000, 1251, True)],
)
def test_clocks_that_drift_apart_are_off(sign: int, elapsed_ms: int, apart_ms: int, breaks: bool) -> None:
    unit_elapsed_ms = elapsed_ms + sign * apart_ms

    assert broken(RUNNING, elapsed_ms=elapsed_ms, unit_elapsed_ms=unit_elapsed_ms) == expect(
        "CLOCK_OFF", breaks
    )


@pytest.mark.hazard("H-02")
@pytest.mark.parametrize(
    ("uncounted_ms", "breaks"), [(0, False), (714, False), (715, True), (-686, False), (-687, True)]
)
def test_output_and_its_count_are_half_a_second_and_two_hundredths_apart_at_most(
    uncounted_ms: int, breaks: bool
) -> None:
    assert broken(RUNNING, uncounted_ms=uncounted_ms) == expect("COUNT_OFF", breaks)


@pytest.mark.hazard("H-02")
@pytest.mark.parametrize(
    ("delivered_ms", "uncounted_ms", "breaks"),
    [(0, 510, False), (0, 511, True), (4400, 600, False), (4400, 601, True)],
)
def test_output_that_is_not_counted_is_noticed(delivered_ms: int, uncounted_ms: int, breaks: bool) -> None:
    counted = {"delivered_ms": delivered_ms}

    assert broken(RUNNING, counted, uncounted_ms=uncounted_ms) == expect("COUNT_OFF", breaks)


@pytest.mark.hazard("H-02")
@pytest.mark.parametrize(("apart_ms", "breaks"), [(-21, True), (-20, False), (20, False), (21, True)])
def test_the_counts_of_step_and_session_go_together_while_a_step_runs(apart_ms: int, breaks: bool) -> None:
    assert broken(RUNNING, step_apart_ms=apart_ms) == expect("COUNT_OFF", breaks)
    assert broken(READY, step_apart_ms=apart_ms) == set()


def test_a_count_that_goes_back_is_no_count() -> None:
    assert broken(READY, counts_went_back=True) == {"COUNT_OFF"}


@pytest.mark.hazard("H-25")
@pytest.mark.parametrize(
    ("pct", "low", "critical"), [(21, 0, 0), (20, 1, 0), (9, 1, 0), (8, 1, 1), (0, 1, 1)]
)
def test_a_battery_is_low_before_it_is_critical(pct: int, low: int, critical: int) -> None:
    expected = expect("BATTERY_LOW", bool(low)) | expect("BATTERY_CRITICAL", bool(critical))
    blind = replace(DECLARED, knows_battery=False)

    assert broken(RUNNING, {"battery_pct": pct}) == expected
    assert broken(RUNNING, {"battery_pct": pct}, declared=blind) == set()


# --- what the unit says of itself -----------------------------------------------------------------

TOLD = {
    "HEAD_HOT": "HEAD_OVERTEMP",
    "SENSOR": "SENSOR_FAULT",
    "OUTPUT_STUCK": "OUTPUT_STUCK",
    "STALL": "MOTOR_STALL",
    "MOTOR_HOT": "MOTOR_HOT",
    "BATTERY_EMPTY": "BATTERY_CRITICAL",
    "SUPPLY": "UNIT_FAULT",
    "SELF_TEST": "UNIT_FAULT",
    "UNKNOWN_0100": "UNIT_FAULT",
}


@pytest.mark.parametrize(("fault", "code"), TOLD.items())
def test_every_fault_the_unit_finds_is_an_alarm(fault: str, code: str) -> None:
    assert broken(READY, {"faults": (fault,)}) == {code}
    assert BY_CODE[code].effect is Effect.FAIL


def test_every_fault_of_the_wire_is_told() -> None:
    assert {fault.name for fault in Fault} <= set(TOLD)


def test_a_unit_in_fault_that_names_none_has_a_fault_all_the_same() -> None:
    assert broken(READY, {"state": UnitState.FAULT}) == {"UNIT_FAULT"}
    assert broken(READY, {"state": UnitState.FAULT, "faults": ("STALL",)}) == {"MOTOR_STALL"}


def test_one_fault_does_not_hide_another() -> None:
    assert broken(READY, {"faults": ("STALL", "SUPPLY")}) == {"MOTOR_STALL", "UNIT_FAULT"}
