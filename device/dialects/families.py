"""How a dialect carries each family: the fields of a start, and what a unit's capabilities bound."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, assert_never

from device.wire import messages as wire
from protocols.limits import Bound, Family, Layer, Quantity
from protocols.plan import Percussion, Setting, Ultrasound

if TYPE_CHECKING:  # a stop in the native dialect does without
    from device.wire import modbus_map

_SOURCE = "declared by the unit"


@dataclass(frozen=True, slots=True)
class SetFields:
    """The fields of a start that say what is given; those that a family has no use for keep these values."""

    level: int
    duty_pct: int = 100
    carrier_khz: int = 0
    pulse_hz: int = 0


def family_of(said: wire.Family) -> Family:
    """The family that the wire names."""
    match said:
        case wire.Family.ULTRASOUND:
            return Family.ULTRASOUND
        case wire.Family.PERCUSSION:
            return Family.PERCUSSION
    assert_never(said)


def fields_of(setting: Setting) -> SetFields:
    """What a start carries for ``setting``."""
    match setting:
        case Ultrasound():
            return SetFields(
                setting.intensity_mw_cm2, setting.duty_pct, setting.carrier_khz, setting.pulse_hz
            )
        case Percussion():
            return SetFields(setting.speed_per_min)
    assert_never(setting)


def declared_bounds(
    said: wire.Capabilities | modbus_map.Capabilities, family: Family, step_max_ms: int | None
) -> Iterator[Bound]:
    """What a unit of ``family`` bounds by its own word.

    ``step_max_ms`` is None where one step may be made of several requests. Raise `InvalidBound` when the unit
    contradicts itself.
    """
    if step_max_ms is not None:
        yield _range(Quantity.STEP_MS, step_max_ms)
    yield _range(Quantity.DELIVERED_MS, said.delivered_max_ms)
    match family:
        case Family.ULTRASOUND:
            yield _range(Quantity.INTENSITY_MW_CM2, said.level_max, said.level_min)
            yield _range(Quantity.SATA_MW_CM2, said.average_max)
            yield _list(Quantity.DUTY_PCT, *said.duties_pct)
            yield _list(Quantity.CARRIER_KHZ, *said.carriers_khz)
            yield _list(Quantity.PULSE_HZ, 0, *said.pulses_hz)  # 0: continuous
        case Family.PERCUSSION:
            yield _range(Quantity.SPEED_PER_MIN, said.level_max, said.level_min)
        case _:
            assert_never(family)


def _range(quantity: Quantity, at_most: int, at_least: int | None = None) -> Bound:
    return Bound(quantity, Layer.UNIT, _SOURCE, at_least, at_most)


def _list(quantity: Quantity, *values: int) -> Bound:
    return Bound(quantity, Layer.UNIT, _SOURCE, one_of=frozenset(values))
