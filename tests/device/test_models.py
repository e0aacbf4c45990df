"""The nameplates we know: each complete, each labelled as assumed."""

from __future__ import annotations

from pathlib import Path

import pytest

from device import models
from device.errors import WrongUnit
from device.models import MODELS, model, model_named
from protocols.ceilings import family_layer
from protocols.limits import Bound, Family, Layer, Limits, Quantity

FOLDER = Path(models.__file__).with_name("nameplates")


def test_every_nameplate_is_a_model_and_every_model_has_a_nameplate() -> None:
    assert sorted(path.stem for path in FOLDER.glob("*.toml")) == sorted(MODELS)
    assert [model(id_).id for id_ in MODELS] == list(MODELS)


@pytest.mark.parametrize("id_", MODELS)
def test_every_number_of_a_nameplate_is_labelled_as_assumed(id_: str) -> None:
    bounds = model(id_).bounds

    assert "ASSUMED" in (FOLDER / f"{id_}.toml").read_text(encoding="utf-8")
    assert {bound.source for bound in bounds} == {
        f"assumed profile of the {model(id_).name}; no specification of it was found"
    }
    assert {bound.layer for bound in bounds} == {Layer.MODEL}


def test_the_nameplates_say_what_they_are_read_to_say() -> None:
    gun, pro, us111 = (model(id_) for id_ in MODELS)
    source = us111.bounds[0].source

    assert [(m.name, m.family) for m in (us111, gun, pro)] == [
        ("US111", Family.ULTRASOUND),
        ("UltraGun", Family.PERCUSSION),
        ("UltraGun PRO", Family.PERCUSSION),
    ]
    assert Bound(Quantity.INTENSITY_MW_CM2, Layer.MODEL, source, 290, 1060) in us111.bounds
    assert Bound(Quantity.DUTY_PCT, Layer.MODEL, source, one_of=frozenset({20, 50, 100})) in us111.bounds
    assert (us111.area_mm2, us111.head_warn_ddeg_c, us111.head_trip_ddeg_c) == (400, 410, 430)
    assert us111.sensors == ("output", "head_temperature", "contact")
    times = [("suspension_max_ms", 0, 60_000), ("lease_min_ms", 10, 500), ("lease_max_ms", 300, 1000)]
    head = [("area_mm2", 320, 400), ("head_trip_ddeg_c", 380, 430)]
    assert [(range_.what, range_.low, range_.high) for range_ in us111.ranges] == times + head
    for gun_like in (gun, pro):
        assert gun_like.sensors == ("output", "battery")
        assert [(range_.what, range_.low, range_.high) for range_ in gun_like.ranges] == times
    for gun_like in (gun, pro):
        assert gun_like.area_mm2 is gun_like.head_warn_ddeg_c is gun_like.head_trip_ddeg_c is None


# Once more, by hand: every number of every nameplate.
GOLDEN = {
    "us111": {
        Quantity.INTENSITY_MW_CM2: (290, 1060, None),
        Quantity.SATA_MW_CM2: (None, 530, None),
        Quantity.DUTY_PCT: (None, None, {20, 50, 100}),
        Quantity.CARRIER_KHZ: (None, None, {1000}),
        Quantity.PULSE_HZ: (None, None, {0, 100}),
        Quantity.STEP_MS: (None, 900_000, None),
        Quantity.DELIVERED_MS: (None, 900_000, None),
    },
    "ultragun": {
        Quantity.SPEED_PER_MIN: (1800, 3000, None),
        Quantity.STEP_MS: (None, 300_000, None),
        Quantity.DELIVERED_MS: (None, 900_000, None),
    },
    "ultragun_pro": {
        Quantity.SPEED_PER_MIN: (1750, 2400, None),
        Quantity.STEP_MS: (None, 300_000, None),
        Quantity.DELIVERED_MS: (None, 900_000, None),
    },
}


@pytest.mark.hazard("H-04")
@pytest.mark.parametrize("id_", MODELS)
def test_every_bound_of_a_nameplate_is_the_one_written_here(id_: str) -> None:
    assert {
        bound.quantity: (bound.at_least, bound.at_most, bound.one_of) for bound in model(id_).bounds
    } == GOLDEN[id_]


@pytest.mark.parametrize("id_", MODELS)
def test_a_nameplate_bounds_everything_its_family_gives(id_: str) -> None:
    ultrasound = {
        Quantity.INTENSITY_MW_CM2,
        Quantity.SATA_MW_CM2,
        Quantity.DUTY_PCT,
        Quantity.CARRIER_KHZ,
        Quantity.PULSE_HZ,
    }
    levels = ultrasound if model(id_).family is Family.ULTRASOUND else {Quantity.SPEED_PER_MIN}

    assert {bound.quantity for bound in model(id_).bounds} == levels | {
        Quantity.STEP_MS,
        Quantity.DELIVERED_MS,
    }


@pytest.mark.parametrize("id_", MODELS)
def test_a_nameplate_stays_below_its_familys_ceilings(id_: str) -> None:
    family = Limits(family_layer(model(id_).family))
    nameplate = Limits(model(id_).bounds)

    for quantity in Quantity:
        highest = nameplate.at_most(quantity)
        assert highest is None or family.excess(quantity, highest) is None


@pytest.mark.parametrize("id_", MODELS)
def test_a_model_is_found_by_the_name_the_unit_says(id_: str) -> None:
    assert model_named(model(id_).name) is model(id_)


def test_a_model_nobody_knows_is_refused_with_those_there_are() -> None:
    with pytest.raises(WrongUnit) as no_id:
        model("../us111")
    with pytest.raises(WrongUnit) as no_name:
        model_named("us111")  # a nameplate's name, not our id

    assert str(no_id.value) == (
        "there is no model called '../us111'\nUse one of ultragun, ultragun_pro, us111."
    )
    assert str(no_name.value) == (
        "the unit calls itself 'us111', which no model here does\n"
        "Use a unit of a known model (UltraGun, UltraGun PRO, US111), or add its nameplate. A unit with the "
        "native dialect can be driven at a terminal, where a person confirms a generic nameplate."
    )
