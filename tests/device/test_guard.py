"""The guard: for each message that passes, what has to change for it to be refused, and why."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from device.control.guard import GuardContext, GuardRefused, permit
from device.control.machine import State
from device.dialects.base import (
    Arm,
    ClearFaults,
    GetCapabilities,
    GetStatus,
    HostLoss,
    Identify,
    Intent,
    LowerLevel,
    Permitted,
    Renew,
    SetOutput,
    Stop,
)
from protocols.limits import Bound, Family, Layer, Quantity
from protocols.plan import Emit, Percussion, Ultrasound, quantities
from tests.cases import each
from tests.device.parts import ALLOWED, ENERGY_MAX_MJ, HIGH, LOW, NONCE, SESSION, bound

UPTIME_MS = 50_000  # by the unit's clock
SET = SetOutput(NONCE, SESSION, LOW, for_ms=60_000, ramp_ms=3000, unit_uptime_ms=UPTIME_MS, lease_ms=500)
RENEW = Renew(NONCE, SESSION, UPTIME_MS, lease_ms=500)
ARM = Arm(
    NONCE, SESSION, level_max=500, delivered_max_ms=90_000, energy_max_mj=100_100, unit_uptime_ms=UPTIME_MS
)
CLEAR = ClearFaults(NONCE, UPTIME_MS)
LOWER = LowerLevel(NONCE, SESSION, level=400)
ANOTHER_OUTPUT = "the step of the protocol that is due gives another output"

CONTEXT = GuardContext(
    state=State.EMITTING,
    nonce=NONCE,
    session=SESSION,
    unit_uptime_ms=UPTIME_MS,
    delivered_ms=0,
    stop_asked=False,
    energy_mj=0,
    recorded=True,
    allowed=ALLOWED,
    level=440,
    level_cap=None,
    lease_min_ms=100,
    lease_max_ms=1000,
)
PASSING: list[tuple[Intent, State]] = [
    (SET, State.EMITTING),
    (RENEW, State.EMITTING),
    (RENEW, State.SUSPENDED),
    (LOWER, State.EMITTING),
    (LOWER, State.SUSPENDED),
    (ARM, State.ARMED),
    (CLEAR, State.FAULT),
]
LEASED: list[tuple[SetOutput | Renew, State]] = [(SET, State.EMITTING), (RENEW, State.EMITTING)]
OF_A_SESSION: list[tuple[SetOutput | Renew | LowerLevel | Arm, State]] = [
    *LEASED,
    (LOWER, State.EMITTING),
    (ARM, State.ARMED),
]


def broken(intent: Intent, **changes: Any) -> list[str]:
    """The rules that ``intent`` breaks when things stand as they do, but for ``changes``."""
    try:
        cleared = permit(intent, replace(CONTEXT, **changes))
    except GuardRefused as refused:
        return refused.what.removeprefix(f"the guard refused {type(intent).__name__}: ").split("; ")
    assert cleared == Permitted(intent)
    return []


def limited(*bounds: Bound, blocked: str = "") -> dict[str, Any]:
    """Things as they stand, with these limits and no others."""
    return {"allowed": replace(ALLOWED, bounds=bounds, blocked=blocked)}


# --- what passes ----------------------------------------------------------------------------------


@each("stop_asked", [False, True])
@each("intent", [Stop(), GetStatus(), Identify(), GetCapabilities()])
@each("state", State)
def test_looking_and_stopping_always_pass(intent: Intent, state: State, stop_asked: bool) -> None:
    assert broken(intent, state=state, stop_asked=stop_asked, allowed=None, recorded=False, nonce=0) == []


@pytest.mark.parametrize(("intent", "state"), PASSING)
def test_a_message_passes_where_it_belongs_and_nowhere_else(intent: Intent, state: State) -> None:
    states = {passing for wanted, passing in PASSING if wanted == intent}

    passed = {state for state in State if broken(intent, state=state) == []}

    assert passed == states


@pytest.mark.parametrize("unknown", [None, "stop", 7, Permitted(Stop())])
def test_what_there_is_no_rule_for_is_refused(unknown: object) -> None:
    assert broken(cast("Intent", unknown)) == ["no rule permits it"]


# --- circumstances --------------------------------------------------------------------------------


@pytest.mark.parametrize(("intent", "state"), OF_A_SESSION)
def test_each_circumstance_alone_holds_a_message_back(
    intent: SetOutput | Renew | LowerLevel | Arm, state: State
) -> None:
    nonce = ["it names a nonce that is not the unit's"]
    session = ["it names a session that is not ours"]

    assert broken(replace(intent, nonce=NONCE + 1), state=state) == nonce
    assert broken(replace(intent, nonce=NONCE - 1), state=state) == nonce
    assert broken(replace(intent, session=SESSION + 1), state=state) == session
    assert broken(replace(intent, session=SESSION - 1), state=state) == session
    assert broken(intent, state=state, stop_asked=True) == ["a stop is on its way"]
    assert broken(intent, state=state, recorded=False) == ["nothing records it"]
    assert broken(intent, state=State.PAUSED) == ["the controller is paused"]


@pytest.mark.parametrize(("intent", "state"), OF_A_SESSION)
def test_no_session_is_not_a_session(intent: SetOutput | Renew | LowerLevel | Arm, state: State) -> None:
    assert broken(replace(intent, session=0), state=state, session=0) == [
        "it names a session that is not ours"
    ]


@pytest.mark.parametrize(
    ("intent", "state"), [(SET, State.EMITTING), (LOWER, State.SUSPENDED), (ARM, State.ARMED)]
)
def test_there_is_no_output_where_nothing_is_admitted(intent: Intent, state: State) -> None:
    assert broken(intent, state=state, allowed=None) == ["nothing is admitted"]


def test_a_refusal_says_that_nothing_was_sent() -> None:
    with pytest.raises(GuardRefused) as refused:
        permit(SET, replace(CONTEXT, allowed=None))

    assert str(refused.value) == (
        "the guard refused SetOutput: nothing is admitted\n"
        "Nothing was sent. Report this with the journal: the program should not have tried."
    )


def test_every_broken_rule_is_named() -> None:
    wrong = replace(RENEW, nonce=1, session=1, unit_uptime_ms=0, lease_ms=0)

    assert broken(wrong, state=State.IDLE, stop_asked=True) == [
        "it names a nonce that is not the unit's",
        "it names a session that is not ours",
        "the controller is idle",
        "a stop is on its way",
        "it is not dated from the unit's latest report",
        "a lease of 0 ms is outside the unit's bounds, 100 to 1000 ms",
    ]


def test_faults_are_cleared_in_a_fault_of_this_unit() -> None:
    assert broken(CLEAR, state=State.IDLE) == ["the controller is idle: there is no fault to clear"]
    for nonce in (NONCE - 1, NONCE + 1):
        wrong = replace(CLEAR, nonce=nonce)
        assert broken(wrong, state=State.FAULT) == ["it names a nonce that is not the unit's"]
    for unit_uptime_ms in (UPTIME_MS - 1, UPTIME_MS + 1):
        late = replace(CLEAR, unit_uptime_ms=unit_uptime_ms)
        assert broken(late, state=State.FAULT) == ["it does not answer the unit's latest report"]


@pytest.mark.parametrize(("intent", "state"), LEASED)
@pytest.mark.parametrize(
    ("lease_ms", "passes"), [(99, False), (100, True), (101, True), (999, True), (1000, True), (1001, False)]
)
def test_a_lease_is_within_the_units_bounds(
    intent: SetOutput | Renew, state: State, lease_ms: int, passes: bool
) -> None:
    refused = [f"a lease of {lease_ms} ms is outside the unit's bounds, 100 to 1000 ms"]

    assert broken(replace(intent, lease_ms=lease_ms), state=state) == ([] if passes else refused)


@pytest.mark.hazard("H-05")
@pytest.mark.parametrize(("intent", "state"), LEASED)
@pytest.mark.parametrize("unit_uptime_ms", [UPTIME_MS - 1, UPTIME_MS + 1, 0])
def test_a_lease_runs_from_the_units_latest_report_and_no_other(
    intent: SetOutput | Renew, state: State, unit_uptime_ms: int
) -> None:
    refused = ["it is not dated from the unit's latest report"]

    assert broken(replace(intent, unit_uptime_ms=unit_uptime_ms), state=state) == refused


# --- units without leases -------------------------------------------------------------------------


NO_LEASE = "the unit knows no leases"
NO_END = "nothing but its own switch ends the unit's output"
UNLEASED = replace(SET, lease_ms=0)


@pytest.mark.hazard("H-05")
@pytest.mark.parametrize("host_loss", [HostLoss.OWN_TIMER, HostLoss.NONE])
def test_a_unit_without_leases_is_given_none(host_loss: HostLoss) -> None:
    wanted = replace(UNLEASED, for_ms=10_000)
    unit = {"host_loss": host_loss, "attended": True, "allowed": replace(ALLOWED, on_body=False)}

    assert broken(wanted, **unit) == []
    assert broken(replace(wanted, lease_ms=1), **unit) == [NO_LEASE]
    assert broken(RENEW, **unit) == [NO_LEASE]
    assert broken(replace(RENEW, lease_ms=0), **unit) == [NO_LEASE]


@pytest.mark.hazard("H-05")
@pytest.mark.parametrize("attended", [True, False])
@pytest.mark.parametrize(("for_ms", "passes"), [(9_999, True), (10_000, True), (10_001, False)])
def test_a_unit_that_only_its_timer_ends_is_asked_for_ten_seconds_at_most(
    for_ms: int, passes: bool, attended: bool
) -> None:
    said = broken(replace(UNLEASED, for_ms=for_ms), host_loss=HostLoss.OWN_TIMER, attended=attended)

    assert said == ([] if passes else [f"the unit's timer alone ends it, and {for_ms} ms are over 10000 ms"])


@pytest.mark.hazard("H-05")
@pytest.mark.parametrize(
    ("family", "on_body", "passes"),
    [
        (Family.ULTRASOUND, True, False),
        (Family.ULTRASOUND, False, True),
        (Family.PERCUSSION, True, True),
        (Family.PERCUSSION, False, True),
    ],
)
def test_a_unit_that_nothing_ends_gives_no_ultrasound_on_a_body_site(
    family: Family, on_body: bool, passes: bool
) -> None:
    allowed = replace(ALLOWED, family=family, on_body=on_body)

    said = broken(UNLEASED, host_loss=HostLoss.NONE, attended=True, allowed=allowed)

    assert said == ([] if passes else [f"{NO_END}: no ultrasound on a body site"])


@pytest.mark.hazard("H-05")
def test_a_unit_that_nothing_ends_gives_no_output_unless_somebody_is_known_to_be_there() -> None:
    anywhere = replace(ALLOWED, on_body=False)

    assert broken(UNLEASED, host_loss=HostLoss.NONE, allowed=anywhere) == [f"{NO_END}, and nobody is there"]
    assert broken(UNLEASED, host_loss=HostLoss.NONE, attended=True, allowed=None) == ["nothing is admitted"]


def test_a_unit_that_ends_its_output_as_no_rule_knows_gives_none() -> None:
    with pytest.raises(AssertionError):
        broken(UNLEASED, host_loss=cast("HostLoss", "somehow"), attended=True)


# --- output ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "setting",
    [
        replace(LOW, intensity_mw_cm2=441),
        replace(LOW, duty_pct=20),
        replace(LOW, carrier_khz=3000),
        replace(LOW, pulse_hz=0),
        Percussion(440),
    ],
)
def test_output_is_the_due_steps_own_to_the_last_value(setting: Ultrasound | Percussion) -> None:
    assert broken(replace(SET, setting=setting), **limited()) == [ANOTHER_OUTPUT]


@pytest.mark.hazard("H-04")
@pytest.mark.parametrize(
    ("delivered_ms", "output", "for_ms", "refused"),
    [
        (0, LOW, 60_000, []),
        (59_999, LOW, 1, []),
        (60_000, HIGH, 30_000, []),
        (89_999, HIGH, 1, []),
        (59_999, HIGH, 1, [ANOTHER_OUTPUT]),
        (60_000, LOW, 30_000, [ANOTHER_OUTPUT]),
        (0, LOW, 60_001, ["it would last 60001 ms, and 60000 ms are left of the step that is due"]),
        (59_999, LOW, 2, ["it would last 2 ms, and 1 ms are left of the step that is due"]),
        (60_000, HIGH, 30_001, ["it would last 30001 ms, and 30000 ms are left of the step that is due"]),
        (90_000, HIGH, 1, ["the protocol has given all of its time after 90000 ms"]),
    ],
)
def test_the_step_that_is_due_may_be_given_for_what_is_left_of_it(
    delivered_ms: int, output: Ultrasound, for_ms: int, refused: list[str]
) -> None:
    wanted = replace(SET, setting=output, for_ms=for_ms, ramp_ms=for_ms)

    assert broken(wanted, delivered_ms=delivered_ms) == refused


@pytest.mark.hazard("H-04")
def test_a_count_that_goes_back_makes_no_step_longer() -> None:
    refused = "it would last 60001 ms, and 60000 ms are left of the step that is due"

    assert broken(replace(SET, for_ms=60_001), delivered_ms=-1) == [refused]


def test_a_rest_goes_on_where_the_sessions_before_it_broke_off() -> None:
    rest = replace(ALLOWED, given_ms=59_000)

    assert broken(replace(SET, for_ms=1000, ramp_ms=1000), allowed=rest) == []
    assert broken(replace(SET, setting=HIGH, for_ms=30_000), allowed=rest, delivered_ms=1000) == []
    assert broken(
        replace(ARM, delivered_max_ms=31_001, energy_max_mj=1), state=State.ARMED, allowed=rest
    ) == ["31001 ms are more than the protocol's 31000 ms"]


def test_without_an_emission_nothing_is_allowed() -> None:
    guidance = replace(ALLOWED, emissions=())

    assert broken(SET, allowed=guidance)[0] == "the protocol has given all of its time after 0 ms"
    assert broken(ARM, state=State.ARMED, allowed=guidance)[:2] == [
        "a level of 500 is above the protocol's highest, 0",
        "90000 ms are more than the protocol's 0 ms",
    ]


@pytest.mark.parametrize(("ramp_ms", "passes"), [(2999, False), (3000, True), (3001, True)])
def test_output_rises_no_faster_than_the_protocol_says(ramp_ms: int, passes: bool) -> None:
    refused = [f"it would rise in {ramp_ms} ms, and the protocol says in 3000 ms"]

    assert broken(replace(SET, ramp_ms=ramp_ms)) == ([] if passes else refused)


def test_what_is_left_of_a_step_may_be_shorter_than_its_ramp() -> None:
    assert broken(replace(SET, for_ms=2000, ramp_ms=2000), delivered_ms=58_000) == []


@pytest.mark.parametrize(("quantity", "value"), quantities(LOW))
@pytest.mark.parametrize("step", [-1, 0, 1])
def test_every_value_of_an_output_is_held_against_its_bound(
    quantity: Quantity, value: int, step: int
) -> None:
    above, below = bound(quantity, at_most=value + step), bound(quantity, at_least=value + step)

    assert len(broken(SET, **limited(above))) == (1 if step < 0 else 0)
    assert len(broken(SET, **limited(below))) == (1 if step > 0 else 0)


def test_a_value_out_of_bounds_is_refused_with_the_bounds_own_words() -> None:
    assert broken(SET, **limited(bound(Quantity.INTENSITY_MW_CM2, at_most=439))) == [
        "intensity of 0.44 W/cm² is outside the operator's bound: intensity at most 0.439 W/cm² (a test)"
    ]


@pytest.mark.hazard("H-14")
@pytest.mark.parametrize(("intent", "state"), [(SET, State.EMITTING), (ARM, State.ARMED)])
def test_a_blocked_family_gives_nothing(intent: Intent, state: State) -> None:
    refused = ["ultrasound is blocked: not over the eye"]

    assert broken(intent, state=state, **limited(blocked="not over the eye")) == refused


# --- time -----------------------------------------------------------------------------------------


def test_an_emission_takes_time() -> None:
    assert broken(replace(SET, for_ms=1, ramp_ms=1)) == []
    assert broken(replace(SET, for_ms=0, ramp_ms=0)) == ["an emission has to take time"]
    assert broken(replace(SET, for_ms=-1, ramp_ms=-1)) == [
        "an emission has to take time",
        "a ramp is part of its emission",
    ]


@pytest.mark.parametrize(("ramp_ms", "passes"), [(-1, False), (0, True), (30_000, True), (30_001, False)])
def test_a_ramp_is_part_of_its_emission(ramp_ms: int, passes: bool) -> None:
    high = replace(SET, setting=HIGH, for_ms=30_000, ramp_ms=ramp_ms)

    said = broken(high, delivered_ms=60_000)

    assert ("a ramp is part of its emission" in said) is not passes
    assert passes is (said == [])


def within(quantity: Quantity, at_most: int) -> dict[str, Any]:
    """One bound, of the operator's."""
    return limited(bound(quantity, at_most=at_most))


@pytest.mark.hazard("H-02")
@pytest.mark.parametrize(("step", "passes"), [(-1, False), (0, True), (1, True)])
def test_an_emission_and_the_session_are_within_their_times(step: int, passes: bool) -> None:
    wanted = replace(SET, for_ms=40_000)
    of_step, of_session = (
        within(Quantity.STEP_MS, 40_000 + step),
        within(Quantity.DELIVERED_MS, 60_000 + step),
    )

    assert len(broken(wanted, delivered_ms=20_000, **of_step)) == (0 if passes else 1)
    assert len(broken(wanted, delivered_ms=20_000, **of_session)) == (0 if passes else 1)


@pytest.mark.hazard("H-02")
@pytest.mark.parametrize(
    ("layer", "highest_ms"), [(Layer.OPERATOR, 60_000), (Layer.SITE, 60_000), (Layer.PERSON, 30_000)]
)
def test_a_session_and_its_rests_are_one_and_what_is_left_of_the_day_is_left_now(
    layer: Layer, highest_ms: int
) -> None:
    def times(at_most: int) -> list[str]:
        bounds = (Bound(Quantity.DELIVERED_MS, layer, "a test", at_most=at_most),)
        rest = replace(ALLOWED, bounds=bounds, given_ms=30_000)
        return broken(replace(SET, for_ms=20_000), delivered_ms=10_000, allowed=rest)

    assert times(highest_ms) == []
    assert len(times(highest_ms - 1)) == 1


# --- energy ---------------------------------------------------------------------------------------


# 60 s of 440 mW/cm² at 50 % over 4 cm² are 52 800 mJ, and half of the ramp of 3 s is 1320 mJ less.
@pytest.mark.hazard("H-03")
@pytest.mark.parametrize(("counted_mj", "passes"), [(0, True), (520, True), (521, False)])
def test_what_is_counted_and_what_is_started_are_within_a_bound_on_energy(
    counted_mj: int, passes: bool
) -> None:
    refused = [f"{counted_mj} mJ and 51480 mJ more are above the bound on energy, 52000 mJ"]

    said = broken(SET, energy_mj=counted_mj, **within(Quantity.ENERGY_MJ, 52_000))

    assert said == ([] if passes else refused)


@pytest.mark.hazard("H-03")
@pytest.mark.parametrize(("counted_mj", "passes"), [(ENERGY_MAX_MJ, True), (ENERGY_MAX_MJ + 1, False)])
def test_nothing_is_started_once_the_sessions_energy_has_been_given(counted_mj: int, passes: bool) -> None:
    refused = ["112695 mJ have been given, and the session's ceiling is 112694 mJ"]

    assert broken(SET, energy_mj=counted_mj) == ([] if passes else refused)


@pytest.mark.hazard("H-03")
def test_the_rest_of_a_session_has_what_is_left_of_its_energy() -> None:
    bounds = (bound(Quantity.ENERGY_MJ, at_most=90_000),)
    rest = replace(ALLOWED, bounds=bounds, given_ms=60_000, given_mj=51_480)

    assert rest.energy_max_mj == 90_000 - 51_480
    assert replace(rest, bounds=()).energy_max_mj == 60_000 + 600 + 100
    assert replace(rest, bounds=(), given_ms=30_000).energy_max_mj == (25_080 + 60_000) * 101 // 100 + 100


@pytest.mark.hazard("H-03")
def test_the_energy_of_what_is_left_is_exact_to_the_millisecond() -> None:
    longest = Ultrasound(intensity_mw_cm2=3000, duty_pct=100, carrier_khz=1000, pulse_hz=0)

    assert replace(ALLOWED, bounds=(), given_ms=89_999).energy_max_mj == 2 + 100
    assert replace(ALLOWED, bounds=(), given_ms=90_000).energy_max_mj == 100
    assert ALLOWED.energy_mj(longest, 1_800_000, 0) == 21_600_000
    assert ALLOWED.energy_mj(longest, 1, 1) == 6
    assert ALLOWED.energy_mj(longest, 1, 60_000) == 6  # no more than all of it can be its ramp


@pytest.mark.hazard("H-04")
@pytest.mark.parametrize(("highest", "passes"), [(1999, False), (2000, True), (2001, True)])
def test_a_speed_is_held_against_its_bound(highest: int, passes: bool) -> None:
    gun = replace(
        ALLOWED,
        family=Family.PERCUSSION,
        area_mm2=None,
        emissions=(Emit(Percussion(2000), 60_000, 0),),
        bounds=(bound(Quantity.SPEED_PER_MIN, at_most=highest), bound(Quantity.STEP_MS, at_most=60_000)),
    )

    assert (broken(replace(SET, setting=Percussion(2000)), allowed=gun) == []) is passes


def test_percussion_plans_no_energy_and_is_held_to_what_is_counted() -> None:
    gun = replace(
        ALLOWED, family=Family.PERCUSSION, area_mm2=None, emissions=(Emit(Percussion(2000), 60_000, 0),)
    )
    bounded = replace(gun, bounds=(bound(Quantity.ENERGY_MJ, at_most=5000),))
    wanted = replace(SET, setting=Percussion(2000))

    assert gun.energy_max_mj == 0xFFFFFFFF
    assert gun.level_max == 2000
    assert broken(wanted, allowed=bounded, energy_mj=5000) == []
    assert broken(wanted, allowed=bounded, energy_mj=5001) == [
        "5001 mJ have been given, and the session's ceiling is 5000 mJ",
        "5001 mJ and 0 mJ more are above the bound on energy, 5000 mJ",
    ]


# --- arming ---------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Ceiling:
    """One of the ceilings that arming hands over: the highest that passes, and what is said of one more."""

    at: Callable[[int], Arm]
    highest: int
    refused: str


CEILINGS = [
    Ceiling(
        lambda value: replace(ARM, level_max=value),
        500,
        "a level of 501 is above the protocol's highest, 500",
    ),
    Ceiling(
        lambda value: replace(ARM, delivered_max_ms=value),
        90_000,
        "90001 ms are more than the protocol's 90000 ms",
    ),
    Ceiling(
        lambda value: replace(ARM, energy_max_mj=value),
        ENERGY_MAX_MJ,
        "112695 mJ are above the session's ceiling of 112694 mJ",
    ),
]


@pytest.mark.hazard("H-03")
@pytest.mark.hazard("H-04")
@pytest.mark.parametrize("ceiling", CEILINGS)
def test_a_unit_is_armed_for_no_more_than_the_protocol_gives(ceiling: Ceiling) -> None:
    for value in (0, ceiling.highest - 1, ceiling.highest):
        assert broken(ceiling.at(value), state=State.ARMED) == []
    assert broken(ceiling.at(ceiling.highest + 1), state=State.ARMED) == [ceiling.refused]


# --- the whole space ------------------------------------------------------------------------------


outputs = st.builds(
    Ultrasound,
    intensity_mw_cm2=st.integers(0, 3000),
    duty_pct=st.integers(1, 100),
    carrier_khz=st.sampled_from([0, 1000, 3000]),
    pulse_hz=st.sampled_from([0, 16, 100]),
)
bounds = st.builds(bound, st.sampled_from(Quantity), at_least=st.integers(0, 3000)) | st.builds(
    bound, st.sampled_from(Quantity), at_most=st.integers(0, 200_000)
)


@pytest.mark.hazard("H-04")
@given(outputs, st.lists(bounds, max_size=6), st.integers(0, 100_000), st.integers(0, 100_000), st.booleans())
def test_no_output_outside_any_bound_is_ever_cleared(
    output: Ultrasound, layers: list[Bound], for_ms: int, delivered_ms: int, given_by_it: bool
) -> None:
    emissions = (Emit(output, 90_000, 0),) if given_by_it else ALLOWED.emissions
    allowed = replace(ALLOWED, emissions=emissions, bounds=tuple(layers), area_mm2=None)
    wanted = replace(SET, setting=output, for_ms=for_ms, ramp_ms=for_ms)
    values = [
        *quantities(output),
        (Quantity.STEP_MS, for_ms),
        (Quantity.DELIVERED_MS, for_ms + delivered_ms),
    ]
    kept = all(layer.admits(value) for layer in layers for q, value in values if q is layer.quantity)

    passed = broken(wanted, allowed=allowed, delivered_ms=delivered_ms) == []

    due = next((step for step, end_ms in ends(emissions) if delivered_ms < end_ms), None)
    end_ms = next((end_ms for _, end_ms in ends(emissions) if delivered_ms < end_ms), 0)
    assert passed is (
        kept and due is not None and due.setting == output and 0 < for_ms <= end_ms - delivered_ms
    )


def ends(emissions: tuple[Emit, ...]) -> list[tuple[Emit, int]]:
    """Each emission, and the delivered time at which it is over."""
    return [
        (step, sum(s.duration_ms for s in emissions[: index + 1])) for index, step in enumerate(emissions)
    ]


# --- a lower level --------------------------------------------------------------------------------


@pytest.mark.parametrize("level", [1, 289, 290, 439, 440, 441, 500])
def test_a_level_is_lowered_to_the_lowest_and_never_raised(level: int) -> None:
    lowest = limited(
        bound(Quantity.INTENSITY_MW_CM2, at_least=100), bound(Quantity.INTENSITY_MW_CM2, 290, 1060)
    )

    found = broken(replace(LOWER, level=level), **lowest)

    low = [f"a level of {level} is below the lowest, 290"]
    high = [f"a level of {level} would raise the output, which is set to 440"]
    assert found == (low if level < 290 else high if level > 440 else [])


@pytest.mark.parametrize("cap", [300, 439, 440, 441])
def test_what_somebody_has_lowered_a_session_to_caps_every_step(cap: int) -> None:
    lowered = replace(SET, setting=replace(LOW, intensity_mw_cm2=cap))

    assert broken(SET, level_cap=cap) == ([ANOTHER_OUTPUT] if cap < 440 else [])
    assert (broken(lowered, level_cap=cap) == []) is (cap <= 440)
    assert ANOTHER_OUTPUT in broken(replace(SET, setting=HIGH), level_cap=cap)


@pytest.mark.parametrize("cap", [300, 499, 500, 501])
def test_what_somebody_has_lowered_a_session_to_caps_its_ceiling(cap: int) -> None:
    above = [f"a level of 500 is above {cap}, to which somebody has lowered it"]

    assert broken(ARM, state=State.ARMED, level_cap=cap) == (above if cap < 500 else [])
    assert broken(replace(ARM, level_max=cap), state=State.ARMED, level_cap=cap) == (
        [] if cap <= 500 else ["a level of 501 is above the protocol's highest, 500"]
    )


@pytest.mark.parametrize("apart_ms", [-1, 1])
def test_an_arm_is_dated_by_the_latest_report(apart_ms: int) -> None:
    dated = replace(ARM, unit_uptime_ms=UPTIME_MS + apart_ms)

    assert broken(dated, state=State.ARMED) == ["it is not dated by the unit's latest report"]
