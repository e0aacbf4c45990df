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
    us111, gun, pro = (model(id_) for id_ in MODELS)
    source = us111.bounds[0].source

    assert [(m.name, m.family) for m in (us111, gun, pro)] == [
        ("US111", Family.ULTRASOUND),
        ("UltraGun", Family.PERCUSSION),
        ("UltraGun PRO", Family.PERCUSSION),
    ]
    assert Bound(Quantity.INTENSITY_MW_CM2, Layer.MODEL, source, 290, 1060) in us111.bounds
    assert Bound(Quantity.DUTY_PCT, Layer.MODEL, source, one_of=frozenset({20, 50, 100})) in us111.bounds
    assert (us111.area_mm2, us111.head_warn_ddeg_c, us111.head_trip_ddeg_c) == (400, 410, 430)
    for gun_like in (gun, pro):
        assert gun_like.area_mm2 is gun_like.head_warn_ddeg_c is gun_like.head_trip_ddeg_c is None


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
        "there is no model called '../us111'\nUse one of us111, ultragun, ultragun_pro."
    )
    assert str(no_name.value) == (
        "the unit calls itself 'us111', which no model here does\n"
        "Use a unit of a known model (US111, UltraGun, UltraGun PRO), or add its nameplate."
    )
