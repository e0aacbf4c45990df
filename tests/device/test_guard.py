"""The guard: for each message that passes, what has to change for it to be refused, and why."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from device.dialect import (
    Arm,
    Cleared,
    ClearFaults,
    Declare,
    Identify,
    Intent,
    Look,
    Renew,
    SetOutput,
    Stop,
)
from device.guard import GuardRefused, Standing, clear
from device.machine import State
from protocols.limits import Block, Bound, Family, Layer, Limits, Quantity
from protocols.plan import Emit, Percussion, Ultrasound, quantities
from tests.device.parts import HIGH, LOW, NONCE, PLAN, SESSION, bound

HEARD_MS = 50_000  # by the unit's clock
SET = SetOutput(NONCE, SESSION, LOW, for_ms=60_000, ramp_ms=3000, heard_ms=HEARD_MS, lease_ms=500)
RENEW = Renew(NONCE, SESSION, HEARD_MS, lease_ms=500)
ARM = Arm(NONCE, SESSION, level_max=500, delivered_max_ms=90_000, energy_max_mj=100_100)
CLEAR = ClearFaults(NONCE, HEARD_MS)

STANDING = Standing(
    state=State.EMITTING,
    nonce=NONCE,
    session=SESSION,
    heard_ms=HEARD_MS,
    delivered_ms=0,
    stop_asked=False,
    plan=PLAN,
    energy_ceiling_mj=100_100,
    lease_min_ms=100,
    lease_max_ms=1000,
)
PASSING: list[tuple[Intent, State]] = [
    (SET, State.EMITTING),
    (RENEW, State.EMITTING),
    (RENEW, State.HELD),
    (ARM, State.ARMED),
    (CLEAR, State.FAULT),
]
LEASED: list[tuple[SetOutput | Renew, State]] = [(SET, State.EMITTING), (RENEW, State.EMITTING)]
OF_A_SESSION: list[tuple[SetOutput | Renew | Arm, State]] = [*LEASED, (ARM, State.ARMED)]


def broken(intent: Intent, **changes: Any) -> list[str]:
    """The rules that ``intent`` breaks when things stand as they do, but for ``changes``."""
    try:
        cleared = clear(intent, replace(STANDING, **changes))
    except GuardRefused as refused:
        return refused.what.removeprefix(f"the guard let no {type(intent).__name__} through: ").split("; ")
    assert cleared == Cleared(intent)
    return []


def limited(*bounds: Bound, blocks: tuple[Block, ...] = ()) -> dict[str, Any]:
    """Things as they stand, with a plan that never was within these limits."""
    return {"plan": replace(PLAN, limits=Limits(bounds, blocks))}


# --- what passes ----------------------------------------------------------------------------------


@pytest.mark.parametrize("stop_asked", [False, True])
@pytest.mark.parametrize("intent", [Stop(), Look(), Identify(), Declare()])
@pytest.mark.parametrize("state", State)
def test_looking_and_stopping_always_pass(intent: Intent, state: State, stop_asked: bool) -> None:
    assert broken(intent, state=state, stop_asked=stop_asked, plan=None, nonce=0, session=0) == []


@pytest.mark.parametrize(("intent", "state"), PASSING)
def test_a_message_passes_where_it_belongs_and_nowhere_else(intent: Intent, state: State) -> None:
    states = {passing for wanted, passing in PASSING if wanted == intent}

    passed = {state for state in State if broken(intent, state=state) == []}

    assert passed == states


@pytest.mark.parametrize("stranger", [None, "stop", 7, Cleared(Stop())])
def test_what_there_is_no_rule_for_is_refused(stranger: object) -> None:
    assert broken(cast("Intent", stranger)) == ["no rule lets it through"]


# --- circumstances --------------------------------------------------------------------------------


@pytest.mark.parametrize(("intent", "state"), OF_A_SESSION)
def test_each_circumstance_alone_holds_a_message_back(intent: SetOutput | Renew | Arm, state: State) -> None:
    nonce = ["it names a nonce that is not the unit's"]
    session = ["it names a session that is not ours"]

    assert broken(replace(intent, nonce=NONCE + 1), state=state) == nonce
    assert broken(replace(intent, nonce=NONCE - 1), state=state) == nonce
    assert broken(replace(intent, session=SESSION + 1), state=state) == session
    assert broken(replace(intent, session=SESSION - 1), state=state) == session
    assert broken(intent, state=state, stop_asked=True) == ["a stop is on its way"]
    assert broken(intent, state=State.PAUSED) == ["the controller is paused"]


@pytest.mark.parametrize(("intent", "state"), OF_A_SESSION)
def test_no_session_is_not_a_session(intent: SetOutput | Renew | Arm, state: State) -> None:
    assert broken(replace(intent, session=0), state=state, session=0) == [
        "it names a session that is not ours"
    ]


@pytest.mark.parametrize(("intent", "state"), [(SET, State.EMITTING), (ARM, State.ARMED)])
def test_there_is_no_output_without_a_plan(intent: Intent, state: State) -> None:
    assert broken(intent, state=state, plan=None) == ["there is no plan"]


def test_a_refusal_says_that_nothing_was_sent() -> None:
    with pytest.raises(GuardRefused) as refused:
        clear(SET, replace(STANDING, plan=None))

    assert str(refused.value) == (
        "the guard let no SetOutput through: there is no plan\n"
        "Nothing was sent. Report this with the journal: the program should not have tried."
    )


def test_every_broken_rule_is_named() -> None:
    wrong = replace(RENEW, nonce=1, session=1, heard_ms=0, lease_ms=0)

    assert broken(wrong, state=State.IDLE, stop_asked=True) == [
        "it names a nonce that is not the unit's",
        "it names a session that is not ours",
        "the controller is idle",
        "a stop is on its way",
        "its lease does not run from the unit's latest report",
        "a lease of 0 ms is outside the unit's bounds, 100 to 1000 ms",
    ]


def test_faults_are_cleared_in_a_fault_of_this_unit() -> None:
    assert broken(CLEAR, state=State.IDLE) == ["the controller is idle: there is no fault to clear"]
    for nonce in (NONCE - 1, NONCE + 1):
        wrong = replace(CLEAR, nonce=nonce)
        assert broken(wrong, state=State.FAULT) == ["it names a nonce that is not the unit's"]
    for heard_ms in (HEARD_MS - 1, HEARD_MS + 1):
        late = replace(CLEAR, heard_ms=heard_ms)
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
@pytest.mark.parametrize("heard_ms", [HEARD_MS - 1, HEARD_MS + 1, 0])
def test_a_lease_runs_from_the_units_latest_report_and_no_other(
    intent: SetOutput | Renew, state: State, heard_ms: int
) -> None:
    refused = ["its lease does not run from the unit's latest report"]

    assert broken(replace(intent, heard_ms=heard_ms), state=state) == refused


# --- output ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "output",
    [
        replace(LOW, intensity_mw_cm2=441),
        replace(LOW, duty_pct=20),
        replace(LOW, carrier_khz=3000),
        replace(LOW, pulse_hz=0),
        Percussion(440),
    ],
)
def test_output_is_a_steps_own_to_the_last_value(output: Ultrasound | Percussion) -> None:
    assert broken(replace(SET, output=output)) == ["no step of the plan gives this output"]


def test_any_step_of_the_plan_may_be_given() -> None:
    assert broken(replace(SET, output=HIGH)) == []


def test_a_plan_without_output_allows_none() -> None:
    plan = replace(PLAN, steps=())

    assert "no step of the plan gives this output" in broken(SET, plan=plan)
    assert broken(ARM, state=State.ARMED, plan=plan)[0] == "a level of 500 is above the plan's highest, 0"


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
def test_a_blocked_family_gives_nothing() -> None:
    ours = Block(Family.ULTRASOUND, Layer.SITE, "a test", "not over the eye")
    other = Block(Family.PERCUSSION, Layer.SITE, "a test", "not over the neck")

    assert broken(SET, **limited(blocks=(other, ours))) == ["ultrasound is blocked: not over the eye"]
    assert broken(SET, **limited(blocks=(other,))) == []


# --- time -----------------------------------------------------------------------------------------


def test_an_emission_takes_time() -> None:
    assert broken(replace(SET, for_ms=1, ramp_ms=0)) == []
    assert broken(replace(SET, for_ms=0, ramp_ms=0)) == ["an emission has to take time"]
    assert broken(replace(SET, for_ms=-1, ramp_ms=-1)) == [
        "an emission has to take time",
        "a ramp is part of its emission",
    ]


@pytest.mark.parametrize(("ramp_ms", "passes"), [(-1, False), (0, True), (60_000, True), (60_001, False)])
def test_a_ramp_is_part_of_its_emission(ramp_ms: int, passes: bool) -> None:
    refused = ["a ramp is part of its emission"]

    assert broken(replace(SET, ramp_ms=ramp_ms)) == ([] if passes else refused)


@pytest.mark.hazard("H-02")
@pytest.mark.parametrize(("delivered_ms", "passes"), [(29_999, True), (30_000, True), (30_001, False)])
def test_nothing_is_delivered_beyond_the_plan(delivered_ms: int, passes: bool) -> None:
    refused = ["it would deliver 90001 ms, and the plan is for 90000 ms"]

    assert broken(SET, delivered_ms=delivered_ms) == ([] if passes else refused)


@pytest.mark.parametrize(("step", "passes"), [(-1, False), (0, True), (1, True)])
def test_an_emission_and_the_session_are_within_their_times(step: int, passes: bool) -> None:
    of_step = limited(bound(Quantity.STEP_MS, at_most=60_000 + step))
    of_session = limited(bound(Quantity.DELIVERED_MS, at_most=80_000 + step))

    assert len(broken(SET, delivered_ms=20_000, **of_step)) == (0 if passes else 1)
    assert len(broken(SET, delivered_ms=20_000, **of_session)) == (0 if passes else 1)


# --- arming ---------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Ceiling:
    """One of the ceilings that arming hands over: the highest that passes, and what is said of one more."""

    at: Callable[[int], Arm]
    highest: int
    refused: str


CEILINGS = [
    Ceiling(
        lambda value: replace(ARM, level_max=value), 500, "a level of 501 is above the plan's highest, 500"
    ),
    Ceiling(
        lambda value: replace(ARM, delivered_max_ms=value),
        90_000,
        "90001 ms are more than the plan's 90000 ms",
    ),
    Ceiling(
        lambda value: replace(ARM, energy_max_mj=value),
        100_100,
        "100101 mJ are above the session's ceiling of 100100 mJ",
    ),
]


@pytest.mark.hazard("H-03")
@pytest.mark.hazard("H-04")
@pytest.mark.parametrize("ceiling", CEILINGS)
def test_a_unit_is_armed_for_no_more_than_the_plan(ceiling: Ceiling) -> None:
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
def test_no_output_outside_the_plans_limits_is_ever_cleared(
    output: Ultrasound, layers: list[Bound], for_ms: int, delivered_ms: int, planned: bool
) -> None:
    steps = (Emit(output, 90_000, 0),) if planned else PLAN.steps
    plan = replace(PLAN, steps=steps, limits=Limits(layers))
    wanted = replace(SET, output=output, for_ms=for_ms, ramp_ms=0)
    values = [
        *quantities(output),
        (Quantity.STEP_MS, for_ms),
        (Quantity.DELIVERED_MS, for_ms + delivered_ms),
    ]
    within = all(layer.admits(value) for layer in layers for q, value in values if q is layer.quantity)

    passed = broken(wanted, plan=plan, delivered_ms=delivered_ms) == []

    assert passed is (
        within
        and any(emission.output == output for emission in plan.emissions)
        and 0 < for_ms <= 90_000 - delivered_ms
    )
