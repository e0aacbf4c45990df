"""What the guard holds of each family, by its own account.

It shares with `protocols.families` the names of the quantities and the type of a setting, and nothing that is
worked out: a mistake there must not open the guard as well.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, assert_never

from protocols import quantity
from protocols.limits import Family, Quantity
from protocols.plan import Percussion, Setting, Ultrasound
from protocols.quantity import Dimension

_TIMES = frozenset((Quantity.STEP_MS, Quantity.DELIVERED_MS))
OWN_LIMITS: Mapping[str, tuple[Quantity, Dimension]] = {  # that a protocol may set itself, by its key there
    "intensity": (Quantity.INTENSITY_MW_CM2, quantity.INTENSITY),
    "sata": (Quantity.SATA_MW_CM2, quantity.INTENSITY),
    "speed": (Quantity.SPEED_PER_MIN, quantity.SPEED),
    "step": (Quantity.STEP_MS, quantity.DURATION),
    "duration": (Quantity.DELIVERED_MS, quantity.DURATION),
    "energy": (Quantity.ENERGY_MJ, quantity.ENERGY),
}


def judged(family: Family) -> frozenset[Quantity]:
    """What has to be bounded from above for ``family``."""
    match family:
        case Family.ULTRASOUND:
            return _TIMES | {
                Quantity.INTENSITY_MW_CM2,
                Quantity.SATA_MW_CM2,
                Quantity.DUTY_PCT,
                Quantity.CARRIER_KHZ,
                Quantity.PULSE_HZ,
            }
        case Family.PERCUSSION:
            return _TIMES | {Quantity.SPEED_PER_MIN}
    assert_never(family)


def read_setting(said: Mapping[str, Any], family: Family) -> Setting:
    """What an emission in a protocol's content gives; raise ValueError when it is none of ``family``."""
    match family:
        case Family.ULTRASOUND if set(said) - {"pulse"} == {"intensity", "duty", "carrier"}:
            return Ultrasound(
                intensity_mw_cm2=quantity.parse(said["intensity"], quantity.INTENSITY),
                duty_pct=quantity.parse(said["duty"], quantity.PERCENT),
                carrier_khz=quantity.parse(said["carrier"], quantity.CARRIER),
                pulse_hz=quantity.parse(said["pulse"], quantity.PULSE) if "pulse" in said else 0,
            )
        case Family.PERCUSSION if set(said) == {"speed"}:
            return Percussion(quantity.parse(said["speed"], quantity.SPEED))
        case Family.ULTRASOUND | Family.PERCUSSION:
            raise ValueError(f"an emission of {', '.join(sorted(said))} is none of the family {family}")
    assert_never(family)


def level_of(setting: Setting) -> int:
    """The level that ``setting`` sets a unit to."""
    match setting:
        case Ultrasound():
            return setting.intensity_mw_cm2
        case Percussion():
            return setting.speed_per_min
    assert_never(setting)


def level_quantity(family: Family) -> Quantity:
    """The quantity that a level of ``family`` is."""
    match family:
        case Family.ULTRASOUND:
            return Quantity.INTENSITY_MW_CM2
        case Family.PERCUSSION:
            return Quantity.SPEED_PER_MIN
    assert_never(family)


def at_level(setting: Setting, level: int) -> Setting:
    """``setting`` at another level."""
    match setting:
        case Ultrasound():
            return replace(setting, intensity_mw_cm2=level)
        case Percussion():
            return replace(setting, speed_per_min=level)
    assert_never(setting)


def values_of(setting: Setting) -> dict[Quantity, int]:
    """Every value of ``setting`` that a bound may be set on."""
    match setting:
        case Ultrasound():
            return {
                Quantity.INTENSITY_MW_CM2: setting.intensity_mw_cm2,
                Quantity.SATA_MW_CM2: -(-setting.intensity_mw_cm2 * setting.duty_pct // 100),  # rounded up
                Quantity.DUTY_PCT: setting.duty_pct,
                Quantity.CARRIER_KHZ: setting.carrier_khz,
                Quantity.PULSE_HZ: setting.pulse_hz,
            }
        case Percussion():
            return {Quantity.SPEED_PER_MIN: setting.speed_per_min}
    assert_never(setting)


def energy_of(setting: Setting, for_ms: int, ramp_ms: int, area_mm2: int) -> int:
    """Acoustic energy of an emission that rises straight from nothing in ``ramp_ms``; mJ, rounded up.

    Intensity × effective radiating area × duty × time; 0 for percussion, which plans no energy.
    """
    match setting:
        case Ultrasound():
            # mW/cm² × mm² × % × ms are 10^-7 mJ; half a ramp is counted, so that the time is doubled.
            halves = setting.intensity_mw_cm2 * area_mm2 * setting.duty_pct
            return -(-halves * (2 * for_ms - min(ramp_ms, for_ms)) // 20_000_000)
        case Percussion():
            return 0
    assert_never(setting)


def needs_end(family: Family) -> bool:
    """Whether something other than the host has to end the output of a unit of ``family`` on a body site."""
    match family:
        case Family.ULTRASOUND:
            return True
        case Family.PERCUSSION:
            return False
    assert_never(family)


def capped(setting: Setting, cap: int | None) -> Setting:
    """``setting``, at no higher level than ``cap``; None where nobody has lowered it."""
    return setting if cap is None else at_level(setting, min(cap, level_of(setting)))
