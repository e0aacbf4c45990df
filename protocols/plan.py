"""Plans: a protocol compiled into a flat timeline of whole milliseconds.

A plan knows no unit's address, no clock and no person. Every step of it has been held against the
limits it carries; the guard holds every message against the same limits once more.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import TypeAlias

from protocols.limits import Excess, Family, Limits, Quantity


@dataclass(frozen=True, slots=True)
class Ultrasound:
    """What an ultrasound head is to give."""

    intensity_mw_cm2: int  # effective intensity during the pulse
    duty_pct: int  # 100 is continuous
    carrier_khz: int
    pulse_hz: int  # 0 when continuous

    @property
    def sata_mw_cm2(self) -> int:
        """Temporal-average intensity, rounded up: a limit on it errs to the lower output."""
        return -(-self.intensity_mw_cm2 * self.duty_pct // 100)


@dataclass(frozen=True, slots=True)
class Percussion:
    """What a massage gun is to give."""

    speed_per_min: int


Output: TypeAlias = Ultrasound | Percussion


@dataclass(frozen=True, slots=True)
class Emit:
    """Output for a delivered time; the ramp is part of it."""

    output: Output
    duration_ms: int
    ramp_ms: int
    say: str = ""  # what the therapist does meanwhile


@dataclass(frozen=True, slots=True)
class Rest:
    """Nothing, for a time. Output is off."""

    duration_ms: int
    say: str = ""


@dataclass(frozen=True, slots=True)
class Guide:
    """An instruction to the person, with its time. Output is off."""

    say: str
    duration_ms: int


Step: TypeAlias = Emit | Rest | Guide


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
    energy_mj: int | None  # planned acoustic energy; None for percussion, which plans no energy

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
        values = [pair for emission in self.emissions for pair in quantities(emission.output)]
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


def level(output: Output) -> int:
    """The one number a unit is set to: mW/cm² during the pulse, or percussions a minute."""
    return output.intensity_mw_cm2 if isinstance(output, Ultrasound) else output.speed_per_min


def at_level(output: Output, to_level: int) -> Output:
    """``output`` at another level; the rest of it as it is."""
    if isinstance(output, Ultrasound):
        return replace(output, intensity_mw_cm2=to_level)
    return Percussion(to_level)


def quantities(output: Output) -> tuple[tuple[Quantity, int], ...]:
    """Every value of ``output`` that can be bounded."""
    if isinstance(output, Percussion):
        return ((Quantity.SPEED_PER_MIN, output.speed_per_min),)
    return (
        (Quantity.INTENSITY_MW_CM2, output.intensity_mw_cm2),
        (Quantity.SATA_MW_CM2, output.sata_mw_cm2),
        (Quantity.DUTY_PCT, output.duty_pct),
        (Quantity.CARRIER_KHZ, output.carrier_khz),
        (Quantity.PULSE_HZ, output.pulse_hz),
    )


def energy_mj(emit: Emit, area_mm2: int) -> int:
    """Planned acoustic energy of one emission, mJ, rounded up.

    Intensity × effective radiating area × duty × time, with the ramp counted as half: it rises
    straight from nothing. Percussion plans no energy.
    """
    if isinstance(emit.output, Percussion):
        return 0
    # mW/cm² × mm² = 10 µW; × % = 0.1 µW; × ms = 0.1 nJ; half milliseconds make it 0.05 nJ.
    twentieths_nj = (
        emit.output.intensity_mw_cm2 * area_mm2 * emit.output.duty_pct * (2 * emit.duration_ms - emit.ramp_ms)
    )
    return -(-twentieths_nj // 20_000_000)
