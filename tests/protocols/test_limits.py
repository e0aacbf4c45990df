"""Limits can only lower, and a bound admits what it says to the last whole number."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocols.ceilings import body_sites, family_layer, site_layer
from protocols.limits import Block, Bound, Family, InvalidBound, Layer, Limits, Quantity

INTENSITY = Quantity.INTENSITY_MW_CM2

values = st.integers(0, 5_000)


# Bounds that some value satisfies: what is below and what is above meet at 2500.
low, high = st.integers(0, 2_500), st.integers(2_500, 5_000)
lists = st.frozensets(high, min_size=1, max_size=4)
bounds = st.one_of(
    *(
        st.builds(Bound, st.sampled_from(Quantity), st.sampled_from(Layer), st.just("a test"), **clauses)
        for clauses in (
            {"at_least": values},
            {"at_most": values},
            {"one_of": lists},
            {"at_least": low, "at_most": high},
            {"at_least": low, "one_of": lists},
        )
    )
)
layers = st.lists(bounds, max_size=8)


def bound(at_least: int | None = None, at_most: int | None = None, one_of: set[int] | None = None) -> Bound:
    """A bound on intensity."""
    return Bound(INTENSITY, Layer.MODEL, "a test", at_least, at_most, frozenset(one_of) if one_of else None)


@pytest.mark.parametrize("edge", [0, 1, 290, 3_000])
@pytest.mark.parametrize("step", [-1, 0, 1])
def test_a_bound_is_exact_at_its_edge(edge: int, step: int) -> None:
    value = edge + step

    assert bound(at_most=edge).admits(value) is (step <= 0)
    assert bound(at_least=edge).admits(value) is (step >= 0)
    assert bound(one_of={edge}).admits(value) is (step == 0)


@given(bounds, values)
def test_every_clause_of_a_bound_has_to_hold(bound: Bound, value: int) -> None:
    holds = (
        (bound.at_least is None or bound.at_least <= value)
        and (bound.at_most is None or value <= bound.at_most)
        and (bound.one_of is None or value in bound.one_of)
    )

    assert bound.admits(value) is holds


@pytest.mark.hazard("H-04")
@pytest.mark.parametrize(
    ("clauses", "why"),
    [
        ({}, "says nothing"),
        ({"one_of": frozenset()}, "empty list"),
        ({"at_least": 2, "at_most": 1}, "no value satisfies"),
        ({"at_least": 3, "one_of": frozenset({1, 2})}, "no value satisfies"),
        ({"at_most": 0, "one_of": frozenset({1, 2})}, "no value satisfies"),
        ({"at_most": float("nan")}, "whole number"),
        ({"at_most": 1.5}, "whole number"),
        ({"at_least": True}, "whole number"),
        ({"one_of": frozenset({1, 2.5})}, "whole number"),
        ({"one_of": [1, 2]}, "a set"),
        ({"at_most": 1, "source": ""}, "no source"),
        ({"at_most": 1, "source": " \n"}, "no source"),
    ],
)
def test_a_bound_that_bounds_nothing_or_everything_cannot_be_made(clauses: dict[str, Any], why: str) -> None:
    said: dict[str, Any] = {"quantity": INTENSITY, "layer": Layer.MODEL, "source": "a test"}

    with pytest.raises(InvalidBound, match=why):
        Bound(**(said | clauses))


def test_clauses_that_leave_one_value_are_no_contradiction() -> None:
    assert bound(at_least=1, at_most=1).admits(1)
    assert bound(at_least=0, at_most=1, one_of={1, 7}).admits(1)
    assert bound(at_least=7, one_of={1, 7}).admits(7)
    assert bound(at_most=0).admits(0)


@pytest.mark.parametrize("text", ["", " \n"])
def test_a_block_gives_a_reason_and_a_source(text: str) -> None:
    with pytest.raises(InvalidBound, match="no reason"):
        Block(Family.PERCUSSION, Layer.SITE, "a test", text)
    with pytest.raises(InvalidBound, match="no source"):
        Block(Family.PERCUSSION, Layer.SITE, text, "bones")


@pytest.mark.hazard("H-04")
@given(layers, layers, st.sampled_from(Quantity), values)
def test_a_layer_more_never_admits_what_was_refused(
    first: list[Bound], second: list[Bound], quantity: Quantity, value: int
) -> None:
    wide = Limits(first)
    narrow = wide.with_layer(second)

    if narrow.excess(quantity, value) is None:
        assert wide.excess(quantity, value) is None


@given(layers, layers, st.sampled_from(Quantity))
def test_a_layer_more_never_raises_the_highest_value(
    first: list[Bound], second: list[Bound], quantity: Quantity
) -> None:
    wide, narrow = Limits(first), Limits(first).with_layer(second)

    before, after = wide.at_most(quantity), narrow.at_most(quantity)

    assert before is None or (after is not None and after <= before)


@given(layers)
def test_every_bound_is_kept_and_said_once(said: list[Bound]) -> None:
    limits = Limits(said).with_layer(said)

    assert set(limits.bounds) == set(said)
    assert len(limits.bounds) == len(set(said))


def test_a_block_stays_whatever_is_added() -> None:
    block = Block(Family.PERCUSSION, Layer.SITE, "a test", "bones")

    limits = Limits(blocks=[block]).with_layer([bound(at_most=1)])

    assert limits.blocked(Family.PERCUSSION) == block
    assert limits.blocked(Family.ULTRASOUND) is None


def test_an_excess_says_value_bound_layer_and_source_in_peoples_units() -> None:
    limits = Limits([bound(at_least=290, at_most=530)])

    excess = limits.excess(INTENSITY, 531)

    assert str(excess) == (
        "intensity of 0.531 W/cm² is outside the model's bound: "
        "intensity at least 0.29 W/cm² and at most 0.53 W/cm² (a test)"
    )


@pytest.mark.parametrize("family", Family)
@pytest.mark.parametrize("site", sorted(body_sites()))
def test_every_site_bounds_or_blocks_every_family(site: str, family: Family) -> None:
    bounds, blocks = site_layer(site, family)

    delivered = Limits(bounds).at_most(Quantity.DELIVERED_MS)
    assert bool(bounds) is not bool(blocks)
    assert blocks or (delivered is not None and delivered <= 900_000)
    assert all(bound.layer is Layer.SITE and bound.source for bound in bounds)


@pytest.mark.hazard("H-14")
@pytest.mark.parametrize("site", ["abdomen", "chest", "neck", "head", "groin", "none"])
@pytest.mark.parametrize("family", Family)
def test_some_sites_are_blocked_for_every_unit(site: str, family: Family) -> None:
    assert site_layer(site, family)[1]


@pytest.mark.hazard("H-14")
@pytest.mark.parametrize("site", ["hand", "wrist", "knee", "shoulder"])
def test_percussion_never_meets_bone(site: str) -> None:
    assert site_layer(site, Family.PERCUSSION)[1]


def test_percussion_has_five_minutes_a_site_and_ultrasound_three_watts() -> None:
    ultrasound, percussion = Limits(family_layer(Family.ULTRASOUND)), Limits(family_layer(Family.PERCUSSION))

    assert ultrasound.at_most(INTENSITY) == 3_000
    assert percussion.at_most(Quantity.SPEED_PER_MIN) == 3_300
    assert Limits(site_layer("calf", Family.PERCUSSION)[0]).at_most(Quantity.DELIVERED_MS) == 300_000
