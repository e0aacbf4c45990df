"""A unit: its layers of limits, the lease asked of it, and the ones that may not be driven."""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import replace

import pytest

from device.errors import WrongUnit
from device.models import model
from device.unit import Unit, known_unit
from protocols.limits import Bound, Family, Layer, Limits, Quantity
from tests.device.parts import DECLARED, IDENTITY, MODEL

GUN = replace(IDENTITY, family=Family.PERCUSSION, model="UltraGun")


def test_a_unit_that_fits_its_model_is_known() -> None:
    assert known_unit(IDENTITY, DECLARED) == Unit(IDENTITY, DECLARED, model("us111"))
    assert known_unit(GUN, replace(DECLARED, area_mm2=None)).model == model("ultragun")


@pytest.mark.hazard("H-13")
def test_a_unit_of_another_version_may_be_stopped_and_not_driven() -> None:
    with pytest.raises(WrongUnit) as refused:
        known_unit(replace(IDENTITY, driveable=False, version="2.0"), DECLARED)

    assert str(refused.value) == (
        "the unit speaks version 2.0 of the dialect, which this program does not\n"
        "It can be stopped from here, not driven. Use a physioctl that knows its version."
    )


@pytest.mark.hazard("H-13")
def test_a_unit_of_a_model_nobody_knows_is_not_driven() -> None:
    with pytest.raises(WrongUnit, match="calls itself 'US999', which no model here does"):
        known_unit(replace(IDENTITY, model="US999"), DECLARED)


@pytest.mark.hazard("H-13")
@pytest.mark.parametrize(
    ("identity", "area_mm2"),
    [
        (replace(IDENTITY, family=Family.PERCUSSION), 400),  # a gun under an ultrasound unit's name
        (replace(GUN, family=Family.ULTRASOUND), None),
        (IDENTITY, None),  # an ultrasound unit without a head
        (GUN, 400),
    ],
)
def test_a_unit_that_contradicts_itself_is_not_driven(identity: object, area_mm2: int | None) -> None:
    assert isinstance(identity, type(IDENTITY))

    with pytest.raises(WrongUnit) as refused:
        known_unit(identity, replace(DECLARED, area_mm2=area_mm2))

    assert refused.value.what == (
        f"the unit calls itself {identity.model} and a {identity.family} unit, which do not go together"
    )
    assert refused.value.to_do == "Do not use it."


@pytest.mark.parametrize(
    ("lowest_ms", "highest_ms", "asked_ms"),
    [
        (100, 1000, 500),
        (10, 2560, 500),
        (500, 500, 500),
        (100, 490, 490),
        (100, 499, 490),  # written in tens of milliseconds
        (100, 300, 300),
    ],
)
def test_the_lease_asked_is_ours_or_the_longest_the_unit_allows(
    lowest_ms: int, highest_ms: int, asked_ms: int
) -> None:
    declared = replace(DECLARED, lease_min_ms=lowest_ms, lease_max_ms=highest_ms)

    assert Unit(IDENTITY, declared, MODEL).lease_ms == asked_ms


@pytest.mark.hazard("H-05")
@pytest.mark.parametrize(
    ("lowest_ms", "highest_ms", "driven"),
    [(500, 500, True), (510, 2560, False), (10, 300, True), (10, 290, False), (410, 400, False)],
)
def test_a_unit_whose_leases_are_too_long_or_too_short_is_not_driven(
    lowest_ms: int, highest_ms: int, driven: bool
) -> None:
    declared = replace(DECLARED, lease_min_ms=lowest_ms, lease_max_ms=highest_ms)
    refused = nullcontext() if driven else pytest.raises(WrongUnit, match=f"{lowest_ms} to {highest_ms} ms")

    with refused:
        assert known_unit(IDENTITY, declared).lease_ms <= 500


def test_the_area_is_the_units_own_word() -> None:
    assert Unit(IDENTITY, replace(DECLARED, area_mm2=390), MODEL).area_mm2 == 390


@pytest.mark.parametrize(("declared_mw_cm2", "admitted_mw_cm2"), [(900, 900), (1060, 1060), (3000, 1060)])
def test_what_a_unit_declares_of_itself_can_only_lower(declared_mw_cm2: int, admitted_mw_cm2: int) -> None:
    own = Bound(Quantity.INTENSITY_MW_CM2, Layer.UNIT, "declared", at_most=declared_mw_cm2)
    unit = known_unit(IDENTITY, replace(DECLARED, bounds=(own,)))
    limits = Limits(unit.bounds)

    assert unit.bounds == (*model("us111").bounds, own)
    assert limits.excess(Quantity.INTENSITY_MW_CM2, admitted_mw_cm2) is None
    assert limits.excess(Quantity.INTENSITY_MW_CM2, admitted_mw_cm2 + 1) is not None
