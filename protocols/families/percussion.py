"""Percussion: a massage gun, set to a speed.

What it gives depends on the force that it is pressed with, so that no energy is planned.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar, Literal

from protocols.families import instructions
from protocols.families.base import FamilyDefinition, Key, Reading
from protocols.limits import Family, Quantity


@dataclass(frozen=True, slots=True)
class Percussion:
    """What a massage gun is to give."""

    family: ClassVar[Literal[Family.PERCUSSION]] = Family.PERCUSSION
    duty_pct: ClassVar[int] = 100  # nothing is pulsed
    is_thermal: ClassVar[bool] = False

    speed_per_min: int

    @property
    def level(self) -> int:
        """Percussions a minute."""
        return self.speed_per_min

    def at_level(self, level: int) -> Percussion:
        """The same at another speed."""
        return replace(self, speed_per_min=level)

    def quantities(self) -> tuple[tuple[Quantity, int], ...]:
        """Every value that can be bounded."""
        return ((Quantity.SPEED_PER_MIN, self.speed_per_min),)

    def energy_mj(self, for_ms: int, ramp_ms: int, area_mm2: int) -> int:  # noqa: ARG002 - as of every family
        """0: no energy is planned."""
        return 0

    def describe(self) -> str:
        """What a person reads."""
        return Quantity.SPEED_PER_MIN.show(self.speed_per_min)


_SPEED = Key("speed", Quantity.SPEED_PER_MIN)

PERCUSSION = FamilyDefinition(
    family=Family.PERCUSSION,
    setting=Percussion,
    unit_kind="massage gun",
    level=Quantity.SPEED_PER_MIN,
    keys=(_SPEED,),
    limits=(_SPEED,),
    usual_ramp_ms=1_000,
    ceilings=(Quantity.SPEED_PER_MIN,),
    nameplate=(Quantity.SPEED_PER_MIN,),
    at_site=(Quantity.SPEED_PER_MIN,),
    readings=(Reading.ENERGY, Reading.BATTERY),
    show_output=lambda output: f"{output} /min",
    before_start=instructions.PERCUSSION_BEFORE_START,
    before_check=instructions.PERCUSSION_BEFORE_CHECK,
    has_motor=True,
)
