"""A unit: its layers of limits, the lease asked of it, and the ones that may not be driven."""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import replace
from typing import Any

import pytest

from device.control.handshake import perform_handshake
from device.dialects.base import HostLoss
from device.errors import WrongUnit
from device.models import MODELS, model
from device.unit import Unit, known_unit
from physioctl.rehearsal.rig import Rig
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
    assert refused.value.action == "Do not use it."


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
    [(500, 500, True), (510, 1000, False), (10, 300, True), (10, 290, False), (410, 400, False)],
)
def test_a_unit_whose_leases_are_too_long_or_too_short_is_not_driven(
    lowest_ms: int, highest_ms: int, driven: bool
) -> None:
    declared = replace(DECLARED, lease_min_ms=lowest_ms, lease_max_ms=highest_ms)
    refused = nullcontext() if driven else pytest.raises(WrongUnit, match=f"{lowest_ms} to {highest_ms} ms")

    with refused:
        assert known_unit(IDENTITY, declared).lease_ms <= 500


@pytest.mark.hazard("H-03")
@pytest.mark.parametrize(("declared_mm2", "planned_mm2"), [(320, 320), (400, 400)])
def test_energy_is_planned_by_the_smaller_area(declared_mm2: int, planned_mm2: int) -> None:
    assert known_unit(IDENTITY, replace(DECLARED, area_mm2=declared_mm2)).area_mm2 == planned_mm2


def test_a_massage_gun_has_no_area_to_plan_energy_by() -> None:
    assert known_unit(GUN, replace(DECLARED, area_mm2=None)).area_mm2 is None


@pytest.mark.hazard("H-03")
@pytest.mark.parametrize(
    ("declared_mm2", "usual_mm2", "planned_mm2"),
    [(500, 400, 400), (300, 400, 300), (None, 400, 400), (400, None, 400), (None, None, None)],
)
def test_an_area_that_only_one_of_unit_and_nameplate_names_is_planned_by(
    declared_mm2: int | None, usual_mm2: int | None, planned_mm2: int | None
) -> None:
    declared, usual = replace(DECLARED, area_mm2=declared_mm2), replace(MODEL, area_mm2=usual_mm2)

    assert Unit(IDENTITY, declared, usual).area_mm2 == planned_mm2


@pytest.mark.hazard("H-05")
@pytest.mark.parametrize(
    ("host_loss", "goes_on_ms"), [(HostLoss.OWN_TIMER, 10_500), (HostLoss.NONE, None), (HostLoss.LEASE, 500)]
)
def test_for_how_long_a_unit_goes_on_by_itself_follows_from_what_ends_its_output(
    host_loss: HostLoss, goes_on_ms: int | None
) -> None:
    assert Unit(IDENTITY, replace(DECLARED, host_loss=host_loss), MODEL).host_loss_ms == goes_on_ms


@pytest.mark.hazard("H-05")
@pytest.mark.parametrize("host_loss", [HostLoss.OWN_TIMER, HostLoss.NONE])
@pytest.mark.parametrize("lease_ms", [0, 65_535])
def test_a_unit_without_leases_is_asked_for_none_whatever_it_says_of_them(
    host_loss: HostLoss, lease_ms: int
) -> None:
    declared = replace(DECLARED, host_loss=host_loss, lease_min_ms=lease_ms, lease_max_ms=lease_ms)

    assert known_unit(IDENTITY, declared).lease_ms == 0
    with pytest.raises(WrongUnit, match="suspension_max_ms is 60001"):
        known_unit(IDENTITY, replace(declared, suspension_max_ms=60_001))


@pytest.mark.parametrize(("declared_ms", "bound_ms"), [(10_000, 10_000), (60_000, 60_000), (90_000, 60_000)])
def test_the_shorter_suspension_of_unit_and_nameplate_counts(declared_ms: int, bound_ms: int) -> None:
    assert (
        Unit(IDENTITY, replace(DECLARED, suspension_max_ms=declared_ms), MODEL).suspension_max_ms == bound_ms
    )


@pytest.mark.parametrize("declared_mw_cm2", [290, 900, 1060])
def test_what_a_unit_declares_of_itself_can_only_lower(declared_mw_cm2: int) -> None:
    own = Bound(Quantity.INTENSITY_MW_CM2, Layer.UNIT, "declared", at_most=declared_mw_cm2)
    unit = known_unit(IDENTITY, replace(DECLARED, bounds=(own,)))
    limits = Limits(unit.bounds)

    assert unit.bounds == (*model("us111").bounds, own)
    assert limits.excess(Quantity.INTENSITY_MW_CM2, declared_mw_cm2) is None
    assert limits.excess(Quantity.INTENSITY_MW_CM2, declared_mw_cm2 + 1) is not None


def declares(quantity: Quantity, at_most: int | None = None, one_of: frozenset[int] | None = None) -> Any:
    """A declaration of one bound."""
    return {"bounds": (Bound(quantity, Layer.UNIT, "declared", at_most=at_most, one_of=one_of),)}


@pytest.mark.hazard("H-13")
@pytest.mark.parametrize(
    ("declared", "differs"),
    [
        ({"measures_output": False}, "it declares no output sensor"),
        ({"measures_head_temp": False}, "it declares no head temperature sensor"),
        ({"senses_contact": False}, "it declares no contact sensor"),
        ({"area_mm2": 319}, "area_mm2 is 319, and not 320 to 400"),
        ({"area_mm2": 401}, "area_mm2 is 401, and not 320 to 400"),
        ({"area_mm2": 65_535}, "area_mm2 is 65535, and not 320 to 400"),
        ({"head_trip_ddeg_c": 431}, "head_trip_ddeg_c is 431, and not 380 to 430"),
        ({"head_trip_ddeg_c": 0}, "head_trip_ddeg_c is 0, and not 380 to 430"),
        ({"head_trip_ddeg_c": None}, "head_trip_ddeg_c is None, and not 380 to 430"),
        ({"suspension_max_ms": 60_001}, "suspension_max_ms is 60001, and not 0 to 60000"),
        ({"lease_max_ms": 1010}, "lease_max_ms is 1010, and not 300 to 1000"),
        (
            declares(Quantity.INTENSITY_MW_CM2, at_most=1061),
            "intensity at most 1.061 W/cm², and at most 1.06 W/cm² is allowed",
        ),
        (
            declares(Quantity.SATA_MW_CM2, at_most=531),
            "temporal-average intensity at most 0.531 W/cm², and at most 0.53 W/cm² is allowed",
        ),
        (
            declares(Quantity.STEP_MS, at_most=900_001),
            "time of one emission at most 900.001 s, and at most 15 min is allowed",
        ),
        (
            declares(Quantity.DUTY_PCT, one_of=frozenset((10, 20, 75))),
            "duty cycle of 10 %, which is not allowed; duty cycle of 75 %, which is not allowed",
        ),
        (
            declares(Quantity.CARRIER_KHZ, one_of=frozenset((1000, 3000))),
            "carrier frequency of 3 MHz, which is not allowed",
        ),
    ],
)
def test_a_unit_whose_word_about_itself_lies_outside_its_nameplate_is_not_driven(
    declared: dict[str, Any], differs: str
) -> None:
    with pytest.raises(WrongUnit) as refused:
        known_unit(IDENTITY, replace(DECLARED, **declared))

    assert refused.value.what == f"the unit does not fit the nameplate of the US111: {differs}"


@pytest.mark.hazard("H-13")
def test_everything_that_differs_is_said_at_once() -> None:
    nothing = replace(DECLARED, measures_head_temp=False, senses_contact=False, head_trip_ddeg_c=None)

    with pytest.raises(
        WrongUnit, match="no head temperature sensor; it declares no contact sensor; head_trip"
    ):
        known_unit(IDENTITY, nothing)


@pytest.mark.hazard("H-13")
@pytest.mark.parametrize("sensor", ["measures_output", "knows_battery"])
def test_a_massage_gun_has_to_measure_its_output_and_its_battery(sensor: str) -> None:
    gun = replace(DECLARED, area_mm2=None, measures_head_temp=False, senses_contact=False)

    assert known_unit(GUN, gun).model is model("ultragun")
    with pytest.raises(WrongUnit, match="declares no"):
        known_unit(GUN, replace(gun, **{sensor: False}))  # type: ignore[arg-type]  # by name


@pytest.mark.parametrize("id_", MODELS)
def test_the_simulated_units_fit_their_nameplates(id_: str) -> None:
    rig = Rig(id_)

    assert rig.driver.run(perform_handshake(rig.controller)).model is model(id_)
