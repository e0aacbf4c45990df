"""What a family of units is, to everything that makes, shows or explains a plan.

One module beside this one holds each family: a frozen dataclass for the setting of one emission, and one
`FamilyDefinition`. Every setting has the same members, and mypy reports a family that lacks one:

- ``family`` and ``level``: the one number a unit is set to, in the unit of the definition's ``level``;
- ``at_level(level)``: the same setting at another level;
- ``duty_pct``: the share of the time for which output is on, 100 where nothing is pulsed;
- ``quantities()``: every value of it that can be bounded;
- ``energy_mj(for_ms, ramp_ms, area_mm2)``: planned acoustic energy, mJ, rounded up; 0 where none is planned;
- ``is_thermal``: whether it is meant to heat;
- ``describe()``: what a person reads, such as ``2100 /min``.

What judges a plan (the guard, the simulated unit, the storms' judge) has its own account of each family.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Any

from protocols.errors import Problem
from protocols.limits import Family, Quantity

if TYPE_CHECKING:
    from protocols.families import Setting


class Reading(Enum):
    """What a screen shows of a running session beside the output."""

    ENERGY = "energy"
    HEAD_TEMPERATURE = "head temperature"
    CONTACT = "contact"
    BATTERY = "battery"


@dataclass(frozen=True, slots=True)
class Key:
    """One key of an emission, or of a protocol's own limits, as an author writes it."""

    name: str
    quantity: Quantity
    about: str = ""  # for editors
    needed: bool = True

    @property
    def field(self) -> str:
        """The same in Python, with its unit: the field of a setting."""
        return self.quantity.name.lower()


def no_disagreements(said: Mapping[str, Any]) -> Iterator[Problem]:  # noqa: ARG001 - of every family
    """Find nothing: the keys of an emission do not depend on one another."""
    return iter(())


@dataclass(frozen=True, slots=True)
class FamilyDefinition:
    """Everything about a family that does not depend on a protocol or a unit."""

    family: Family
    setting: Callable[..., Setting]  # the dataclass of one emission, made of the fields of `keys`
    unit_kind: str  # what a unit of the family is called
    level: Quantity  # that a unit is set to
    keys: tuple[Key, ...]  # of an emission in a protocol file
    limits: tuple[Key, ...]  # that a protocol may set itself, but for the times, which every family has
    usual_ramp_ms: int  # where a protocol names none
    ceilings: tuple[Quantity, ...]  # that families.toml has to bound, but for the times
    nameplate: tuple[Quantity, ...]  # that a nameplate has to bound, but for the times
    at_site: tuple[Quantity, ...]  # that a body site may bound, but for the times
    readings: tuple[Reading, ...]
    show_output: Callable[[int], str]  # a measured output, as a screen shows it
    before_start: str  # what has to be so before the first output, told to whoever starts it
    before_check: str  # the same where a unit is checked, on nobody
    with_lower_end: frozenset[Quantity] = frozenset()  # of the ceilings: bounded from below too
    listed: frozenset[Quantity] = frozenset()  # of the nameplate: one of some values, and not a range
    has_head: bool = False  # with a radiating area (ERA) by which energy is planned, and a temperature
    has_motor: bool = False  # that can stall
    may_heat: bool = False  # whether any setting is thermal: screening asks more of it
    needs_end: bool = False  # on a body site, something other than the host has to end its output
    disagreements: Callable[[Mapping[str, Any]], Iterator[Problem]] = no_disagreements
    schema: tuple[Mapping[str, Any], ...] = ()  # JSON Schema of an emission: the disagreements, for editors
