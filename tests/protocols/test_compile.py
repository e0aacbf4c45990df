"""A plan is inside every bound, or there is no plan and everything against it is named."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocols.compile import check, compile_plan, standing_limits
from protocols.errors import Refused
from protocols.library import parse
from protocols.limits import Block, Bound, Family, Layer, Limits, Quantity
from protocols.model import Protocol
from protocols.plan import Emit, Guide, Percussion, Plan, Rest, Ultrasound, energy_mj

HEAD = """\
format: 1
id: calf-test
title: A test
family: {family}
body_site: {site}
side: either
purpose: For tests.
evidence: {{grade: none, note: None.}}
{limits}
steps:
"""
PULSED = "  - emit: {intensity: 0.8 W/cm², duty: 50 %, carrier: 1 MHz, pulse: 100 Hz}\n    for: 5 min\n"
CONTINUOUS = "  - emit: {intensity: 0.44 W/cm², duty: 100 %, carrier: 1 MHz}\n    for: 2 s\n"
PERCUSSION = "  - emit: {speed: 1800 /min}\n    for: 60 s\n"
NO_LIMITS = Limits()


def protocol(steps: str, family: str = "ultrasound", site: str = "calf", limits: str = "") -> Protocol:
    """A protocol with these steps."""
    return parse((HEAD.format(family=family, site=site, limits=limits) + steps).encode(), "a.yaml")


def at_most(quantity: Quantity, value: int, layer: Layer = Layer.MODEL) -> Limits:
    """One bound from above."""
    return Limits([Bound(quantity, layer, "a test", at_most=value)])


def planned(
    which: Protocol, limits: Limits = NO_LIMITS, family: Family | None = None, area_mm2: int | None = 400
) -> Plan:
    """The plan for a unit of the protocol's own family."""
    family = family or which.family or Family.ULTRASOUND
    return compile_plan(which, model="a_model", family=family, area_mm2=area_mm2, limits=limits)


def refused(which: Protocol, limits: Limits = NO_LIMITS, **also: object) -> Refused:
    """The refusal that has to come."""
    with pytest.raises(Refused) as refusal:
        planned(which, limits, **also)  # type: ignore[arg-type]  # what `planned` takes by name
    return refusal.value


def test_repeats_are_written_out_and_ramps_have_their_family_s_default() -> None:
    steps = (
        "  - guide: Sit.\n    for: 30 s\n  - repeat: 2\n    steps:\n"
        + PULSED.replace("  - ", "      - ").replace("    for", "        for")
        + "      - rest: 10 s\n"
        + CONTINUOUS
    )

    plan = planned(protocol(steps))

    pulsed = Emit(Ultrasound(800, 50, 1000, 100), 300_000, 3_000)
    assert plan.steps == (
        Guide("Sit.", 30_000),
        pulsed,
        Rest(10_000),
        pulsed,
        Rest(10_000),
        Emit(Ultrasound(440, 100, 1000, 0), 2_000, 2_000),  # a ramp is never longer than its step
    )
    assert plan.delivered_ms == 602_000
    assert plan.energy_mj == sum(energy_mj(emit, 400) for emit in plan.emissions)


def test_percussion_plans_no_energy_and_ramps_for_a_second() -> None:
    plan = planned(protocol(PERCUSSION, "percussion"))

    assert plan.steps == (Emit(Percussion(1800), 60_000, 1_000),)
    assert plan.energy_mj is None


def test_a_plan_carries_every_layer_from_the_widest_to_the_narrowest() -> None:
    which = protocol(PULSED, limits="limits: {duration: 6 min}")

    plan = planned(which, at_most(Quantity.SATA_MW_CM2, 530))

    layers = [bound.layer for bound in plan.limits.bounds]
    assert layers == sorted(layers, key=list(Layer).index)
    assert set(layers) == {Layer.FAMILY, Layer.MODEL, Layer.SITE, Layer.PROTOCOL}


def test_giving_the_standing_limits_again_changes_nothing() -> None:
    which = protocol(PULSED)

    assert planned(which, standing_limits(which)).limits.bounds == planned(which).limits.bounds


@pytest.mark.parametrize(
    ("quantity", "value"),
    [
        (Quantity.INTENSITY_MW_CM2, 800),
        (Quantity.SATA_MW_CM2, 400),
        (Quantity.DUTY_PCT, 50),
        (Quantity.CARRIER_KHZ, 1000),
        (Quantity.PULSE_HZ, 100),
        (Quantity.STEP_MS, 300_000),
        (Quantity.DELIVERED_MS, 300_000),
        (Quantity.ENERGY_MJ, 477_600),
    ],
)
@pytest.mark.parametrize("layer", [Layer.MODEL, Layer.UNIT, Layer.PERSON, Layer.OPERATOR])
def test_every_quantity_is_held_to_the_last_whole_number(
    quantity: Quantity, value: int, layer: Layer
) -> None:
    which = protocol(PULSED)

    planned(which, at_most(quantity, value, layer))
    refusal = refused(which, at_most(quantity, value - 1, layer))

    assert f"outside the {layer}'s bound: {quantity.label} at most {quantity.show(value - 1)}" in refusal.what
    assert f"Lower the {quantity.label} to {quantity.show(value - 1)} or less" in refusal.action
    assert ("use a unit that allows it" in refusal.action) is (layer in (Layer.MODEL, Layer.UNIT))


def test_speed_is_held_to_the_last_whole_number() -> None:
    which = protocol(PERCUSSION, "percussion")

    planned(which, at_most(Quantity.SPEED_PER_MIN, 1_800))

    assert "1799 /min" in refused(which, at_most(Quantity.SPEED_PER_MIN, 1_799)).what


def test_every_excess_is_named_with_its_line_and_step() -> None:
    which = protocol("  - rest: 1 s\n" + PULSED + CONTINUOUS)
    limits = at_most(Quantity.INTENSITY_MW_CM2, 400).with_layer(at_most(Quantity.STEP_MS, 60_000).bounds)

    refusal = refused(which, limits)

    assert refusal.what.splitlines() == [
        "a.yaml:12: step 2: intensity of 0.8 W/cm² is outside the model's bound: "
        "intensity at most 0.4 W/cm² (a test)",
        "a.yaml:13: step 2: time of one emission of 5 min is outside the model's bound: "
        "time of one emission at most 1 min (a test)",
        "a.yaml:14: step 3: intensity of 0.44 W/cm² is outside the model's bound: "
        "intensity at most 0.4 W/cm² (a test)",
    ]
    assert refusal.action == (
        "Lower the intensity to 0.4 W/cm² or less, or use a unit that allows it. Correct the other 2 "
        "likewise."
    )


def test_the_bound_that_binds_is_the_one_that_is_named() -> None:
    limits = at_most(Quantity.SATA_MW_CM2, 390).with_layer(at_most(Quantity.SATA_MW_CM2, 200).bounds)

    assert "at most 0.2 W/cm²" in refused(protocol(PULSED), limits).what


def test_a_level_below_what_a_unit_can_give_is_refused_not_raised() -> None:
    limits = Limits([Bound(Quantity.INTENSITY_MW_CM2, Layer.MODEL, "a test", at_least=801)])

    assert "Raise the intensity to 0.801 W/cm² or more" in refused(protocol(PULSED), limits).action


def test_a_duty_the_unit_does_not_have_is_refused_with_those_it_has() -> None:
    limits = Limits([Bound(Quantity.DUTY_PCT, Layer.MODEL, "a test", one_of=frozenset({20, 100}))])

    refusal = refused(protocol(PULSED), limits)

    assert refusal.action == "Set the duty cycle to one of 20 %, 100 %, or use a unit that allows it."


def test_bounds_nothing_can_satisfy_are_said_to_be_so() -> None:
    limits = Limits(
        [
            Bound(Quantity.INTENSITY_MW_CM2, Layer.MODEL, "a test", at_least=290),
            Bound(Quantity.INTENSITY_MW_CM2, Layer.PERSON, "a test", at_most=200),
        ]
    )

    assert "No intensity satisfies every bound" in refused(protocol(PULSED), limits).action


DUTY = Quantity.DUTY_PCT


@pytest.mark.parametrize(
    ("bounds", "advice"),
    [
        ([(Quantity.PULSE_HZ, None, 0, None)], "Lower the pulse repetition to 0 Hz or less."),
        ([(DUTY, 40, 40, None)], "Lower the duty cycle to 40 % or less."),
        ([(DUTY, None, 50, None), (DUTY, None, None, {20})], "Set the duty cycle to one of 20 %."),
        ([(DUTY, 50, None, {60})], "Set the duty cycle to at least 50 % and one of 60 %."),
        (
            [(Quantity.INTENSITY_MW_CM2, None, 700, None), (DUTY, None, 40, None)],
            "Lower the intensity to 0.7 W/cm² or less. Correct the other 1 likewise.",
        ),
    ],
)
def test_the_advice_leads_inside_the_bounds(
    bounds: list[tuple[Quantity, int | None, int | None, set[int] | None]], advice: str
) -> None:
    limits = Limits(
        Bound(quantity, Layer.PERSON, "a test", low, high, frozenset(among) if among else None)
        for quantity, low, high, among in bounds
    )

    assert refused(protocol(PULSED), limits).action == advice


@pytest.mark.hazard("H-04")
def test_a_plan_is_held_against_its_limits_once_more_when_it_is_made() -> None:
    asked: list[int] = []
    refuses_at = 0

    class Inconsistent(Bound):
        """A bound with a mistake in it: of all the times it is asked, it refuses one."""

        def admits(self, value: int) -> bool:
            asked.append(value)
            return len(asked) != refuses_at

    limits = Limits([Inconsistent(Quantity.STEP_MS, Layer.MODEL, "a test", at_most=1)])
    asked.clear()
    planned(protocol(PULSED), limits)
    refuses_at = len(asked)
    asked.clear()

    assert "is outside its limits" in refused(protocol(PULSED), limits).what


def test_the_smallest_head_has_an_energy() -> None:
    assert planned(protocol(PULSED), area_mm2=1).energy_mj == 1_194


def test_a_protocols_own_limit_binds_its_own_steps() -> None:
    which = protocol(PULSED, limits="limits: {sata: 0.3 W/cm²}")

    with pytest.raises(Refused) as refusal:
        check(which)

    assert "the protocol's bound" in refusal.value.what
    assert "(a.yaml:9)" in refusal.value.what


@pytest.mark.hazard("H-14")
def test_a_protocol_of_the_other_family_is_refused() -> None:
    refusal = refused(protocol(PERCUSSION, "percussion"), family=Family.ULTRASOUND)

    assert refusal.what == "calf-test is a percussion protocol; a_model is an ultrasound unit"


@pytest.mark.hazard("H-14")
@pytest.mark.parametrize(
    ("steps", "family", "site"),
    [
        (PULSED, "ultrasound", "abdomen"),
        (PERCUSSION, "percussion", "hand"),
        (PERCUSSION, "percussion", "neck"),
    ],
)
def test_a_blocked_site_is_refused_with_its_reason(steps: str, family: str, site: str) -> None:
    which = protocol(steps, family, site)

    with pytest.raises(Refused) as refusal:
        check(which)

    assert f"{family} is blocked by the body site ({site})" in refusal.value.what
    assert refused(which).what == refusal.value.what


def test_a_block_from_the_person_is_refused_too() -> None:
    block = Block(Family.ULTRASOUND, Layer.PERSON, "answer 3", "a pacemaker")

    assert "a pacemaker" in refused(protocol(PULSED), Limits(blocks=[block])).what


@pytest.mark.parametrize("family", Family)
def test_guidance_compiles_for_any_unit_and_emits_nothing(family: Family) -> None:
    plan = planned(protocol("  - guide: Breathe.\n    for: 1 min\n", "none", "abdomen"), family=family)

    assert plan.emissions == ()
    assert plan.total_ms == 60_000


@pytest.mark.hazard("H-04")
@pytest.mark.parametrize("area_mm2", [None, 0, -1])
@pytest.mark.parametrize("limits", ["", "limits: {energy: 1 kJ}"])
def test_energy_that_cannot_be_counted_is_refused(area_mm2: int | None, limits: str) -> None:
    which = protocol(PULSED, limits=limits)

    check(which)

    assert "radiating area is not known" in refused(which, area_mm2=area_mm2).what


def test_a_family_s_energy_is_held_to_the_last_millijoule() -> None:
    steps = "  - emit: {intensity: 3 W/cm², duty: 100 %, carrier: 1 MHz}\n    for: 15 min\n    ramp: 2 ms\n"
    area_mm2 = 2000  # 3 W/cm² × 20 cm² × 900 s, less half the ramp: 54 kJ and 60 mJ less

    plan = planned(protocol(steps), area_mm2=area_mm2)

    assert plan.energy_mj == 53_999_940
    assert "energy of the session at most 54 kJ" in refused(protocol(steps), area_mm2=area_mm2 + 1).what


@pytest.mark.parametrize("family", Family)
def test_guidance_gives_nothing_and_keeps_every_limit(family: Family) -> None:
    limits = "limits: {energy: 5000 kJ, speed: 1 /min, duration: 1 ms}"
    which = protocol("  - guide: Breathe.\n    for: 1 min\n", "none", limits=limits)

    check(which)

    assert planned(which, family=family).emissions == ()


@pytest.mark.parametrize("layer", [Layer.UNIT, Layer.PERSON, Layer.OPERATOR])
def test_a_bound_on_the_energy_of_percussion_is_refused_for_it_cannot_be_judged(layer: Layer) -> None:
    refusal = refused(protocol(PERCUSSION, "percussion"), at_most(Quantity.ENERGY_MJ, 1_000, layer))

    assert (
        refusal.what
        == f"the energy of calf-test is bounded ({layer}: a test), and percussion plans no energy"
    )


def test_guidance_has_no_energy_to_count() -> None:
    which = protocol("  - guide: Breathe.\n    for: 1 min\n", "none", limits="limits: {energy: 1 kJ}")

    assert planned(which, area_mm2=None).emissions == ()


quantities = st.sampled_from(
    [Quantity.INTENSITY_MW_CM2, Quantity.SATA_MW_CM2, Quantity.STEP_MS, Quantity.DUTY_PCT]
)
some_bounds = st.lists(
    st.builds(Bound, quantities, st.just(Layer.MODEL), st.just("a test"), st.none(), st.integers(1, 2_000)),
    max_size=4,
)
emissions = st.lists(
    st.tuples(st.integers(1, 3_000), st.integers(1, 100), st.integers(1, 600_000)), min_size=1, max_size=4
)


@pytest.mark.hazard("H-04")
@given(emissions, some_bounds)
def test_no_plan_ever_holds_an_emission_outside_any_bound(
    levels: list[tuple[int, int, int]], bounds: list[Bound]
) -> None:
    steps = "".join(
        f"  - emit: {{intensity: {level} mW/cm2, duty: {duty} %, carrier: 1 MHz"
        + ("" if duty == 100 else ", pulse: 100 Hz")
        + f"}}\n    for: {time} ms\n"
        for level, duty, time in levels
    )
    try:
        plan = planned(protocol(steps), Limits(bounds))
    except Refused:
        return

    for emit in plan.emissions:
        output = emit.setting
        assert isinstance(output, Ultrasound)
        assert emit.ramp_ms <= emit.duration_ms
        for bound in plan.limits.bounds:
            value = {
                Quantity.INTENSITY_MW_CM2: output.intensity_mw_cm2,
                Quantity.SATA_MW_CM2: output.sata_mw_cm2,
                Quantity.DUTY_PCT: output.duty_pct,
                Quantity.STEP_MS: emit.duration_ms,
                Quantity.DELIVERED_MS: plan.delivered_ms,
            }.get(bound.quantity)
            assert value is None or bound.admits(value)
