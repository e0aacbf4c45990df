"""Plans: a protocol compiled into a flat timeline of whole milliseconds.

A plan knows no unit's address, no clock and no person. Every step of it has been held against the
limits it carries; the guard holds every message against the same limits once more.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import ClassVar, TypeAlias, get_args

from protocols.families import Setting as Setting
from protocols.families.percussion import Percussion as Percussion
from protocols.families.ultrasound import Ultrasound as Ultrasound
from protocols.limits import Excess, Family, Limits, Quantity


@dataclass(frozen=True, slots=True)
class Emit:
    """Output for a delivered time; the ramp is part of it."""

    kind: ClassVar[str] = "emit"

    setting: Setting
    duration_ms: int
    ramp_ms: int
    say: str = ""  # what the therapist does meanwhile


# A kind of step without output is one class below, and its name in `Off`. ``kind`` is the key that tells such
# a step from others in a protocol file; ``keys`` has the key of each field, ``about`` what editors say of it.
# Every kind has a ``duration_ms`` and a ``say``; one that has a default may be left out of a file.


@dataclass(frozen=True, slots=True)
class Rest:
    """Nothing, for a time. Output is off."""

    kind: ClassVar[str] = "rest"
    keys: ClassVar[Mapping[str, str]] = {"duration_ms": "rest", "say": "say"}
    about: ClassVar[Mapping[str, str]] = {}

    duration_ms: int
    say: str = ""


@dataclass(frozen=True, slots=True)
class Guide:
    """An instruction to the person, with its time. Output is off."""

    kind: ClassVar[str] = "guide"
    keys: ClassVar[Mapping[str, str]] = {"say": "guide", "duration_ms": "for"}
    about: ClassVar[Mapping[str, str]] = {"say": "what the person does"}

    say: str
    duration_ms: int


Off: TypeAlias = Rest | Guide
OFF_STEPS: tuple[type[Off], ...] = get_args(Off)
Step: TypeAlias = Emit | Off


@dataclass(frozen=True)
class Plan:
    """A flat timeline for one model, with the limits it was held against."""

    protocol_id: str
    title: str
    content_hash: str  # SHA-256 of the protocol's canonical text
    family: Family
    body_site: str
    model: str  # model id, such as us111
    steps: tuple[Step, ...]
    limits: Limits
    energy_mj: int | None  # planned acoustic energy; None where the family plans none

    @cached_property
    def emissions(self) -> tuple[Emit, ...]:
        """The steps that give output, in order."""
        return tuple(step for step in self.steps if isinstance(step, Emit))

    @cached_property
    def delivered_ms(self) -> int:
        """Time with output on."""
        return sum(step.duration_ms for step in self.emissions)

    def excesses(self) -> tuple[Excess, ...]:
        """Every value of the plan that its limits do not admit: empty, unless something has gone wrong."""
        values = [pair for emission in self.emissions for pair in quantities(emission.setting)]
        values += [(Quantity.STEP_MS, emission.duration_ms) for emission in self.emissions]
        if self.emissions:
            values.append((Quantity.DELIVERED_MS, self.delivered_ms))
        if self.energy_mj is not None:
            values.append((Quantity.ENERGY_MJ, self.energy_mj))
        found = (self.limits.excess(quantity, value) for quantity, value in values)
        return tuple(excess for excess in found if excess)

    @cached_property
    def total_ms(self) -> int:
        """Time from the first step to the last, with nothing going wrong."""
        return sum(step.duration_ms for step in self.steps)


def rest_of(plan: Plan, delivered_ms: int, area_mm2: int | None) -> Plan:
    """What is left of ``plan`` once ``delivered_ms`` of its output has been given.

    Steps before the place where output broke off are left out; the step it broke off in is shortened.
    The limits are the same, so that the rest can never be more than the whole was allowed.
    """
    left: list[Step] = []
    for step in plan.steps:
        if isinstance(step, Emit) and delivered_ms >= step.duration_ms:
            delivered_ms -= step.duration_ms
            left.clear()
        elif isinstance(step, Emit) and delivered_ms:
            rest_ms = step.duration_ms - delivered_ms
            left = [replace(step, duration_ms=rest_ms, ramp_ms=min(step.ramp_ms, rest_ms))]
            delivered_ms = 0
        else:
            left.append(step)
    emissions = [step for step in left if isinstance(step, Emit)]
    energy = None if area_mm2 is None else sum(energy_mj(emission, area_mm2) for emission in emissions)
    return replace(plan, steps=tuple(left), energy_mj=energy)


def level(setting: Setting) -> int:
    """The one number a unit is set to, in the unit of its family's level."""
    return setting.level


def at_level(setting: Setting, to_level: int) -> Setting:
    """``setting`` at another level."""
    return setting.at_level(to_level)


def quantities(setting: Setting) -> tuple[tuple[Quantity, int], ...]:
    """Every value of ``setting`` that can be bounded."""
    return setting.quantities()


def energy_mj(emit: Emit, area_mm2: int) -> int:
    """Planned acoustic energy of one emission, mJ, rounded up; 0 for a family that plans none."""
    return emit.setting.energy_mj(emit.duration_ms, emit.ramp_ms, area_mm2)
