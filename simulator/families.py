"""What differs from one family of simulated units to another, by the unit's own account."""

from __future__ import annotations

from random import Random
from typing import assert_never

from device.wire.messages import Family, Set
from simulator.nameplate import Nameplate
from simulator.physics import Body, Percussion, Ultrasound

_PERCUSSION_LOSS = 0.3  # as the unit's meter reckons it


def body(plate: Nameplate, rng: Random) -> Body:
    """The world on the far side of the output of a unit with this nameplate."""
    match plate.family:
        case Family.ULTRASOUND:
            return Ultrasound(plate, rng)
        case Family.PERCUSSION:
            return Percussion(plate, rng)
    assert_never(plate.family)


def gives(plate: Nameplate, asked: Set) -> bool:
    """Whether the unit has a setting such as ``asked``, whatever its level."""
    match plate.family:
        case Family.ULTRASOUND:
            pulses = (0,) if asked.duty_pct == 100 else plate.pulses_hz
            pulsed = asked.duty_pct in plate.duties_pct and asked.pulse_hz in pulses
            return pulsed and asked.carrier_khz in plate.carriers_khz
        case Family.PERCUSSION:
            return (asked.duty_pct, asked.carrier_khz, asked.pulse_hz) == (100, 0, 0)
    assert_never(plate.family)


def metered_mw_per_level(plate: Nameplate, duty_pct: int, load_n: float) -> float:
    """Power for each unit of level, as the unit's meter reckons it."""
    match plate.family:
        case Family.ULTRASOUND:
            # Output that nobody asked for is counted as continuous: too much rather than too little.
            return plate.area_mm2 / 100 * (duty_pct or 100) / 100
        case Family.PERCUSSION:
            return load_n * plate.amplitude_mm * _PERCUSSION_LOSS / 60  # duty is always 100
    assert_never(plate.family)


def output_key(family: Family) -> str:
    """The key of an output in the log, with its unit."""
    match family:
        case Family.ULTRASOUND:
            return "output_mw_cm2"
        case Family.PERCUSSION:
            return "output_per_min"
    assert_never(family)
