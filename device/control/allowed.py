"""What may be given in one session: the guard's own account of every layer of limits.

It is built from what is on the cable (family, nameplate, the unit's own declaration), from the tables, from
the protocol's content, and from the bounds of the person and the operator in the admission. The plan has no
part in it: the plan's compiler and the guard are two fences, and each has to hold where the other fails.
Bounds are compared here with plain integers, and not through `protocols.limits.Bound.admits` or `Limits`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from device.control.admission import Admission
from device.control.ceilings import (
    NoNameplate,
    TableUnreadable,
    family_ceilings,
    generic_ceilings,
    nameplate_ceilings,
    site_ceilings,
)
from device.control.content import ContentUnreadable, read_content
from device.control.families import energy_of, level_of, level_quantity, values_of
from device.dialects.base import Capabilities, Identity
from device.errors import GuardRefused
from protocols.limits import Bound, Family, Layer, Quantity
from protocols.plan import Emit, Setting

BENCH = "bench"  # the one body site that is nobody's body
_COUNTER_MAX = 0xFFFFFFFF  # the widest count of energy that a unit can be given


@dataclass(frozen=True, slots=True)
class Allowed:
    """What the guard permits in one session."""

    family: Family
    emissions: tuple[Emit, ...]  # of the protocol, in order
    bounds: tuple[Bound, ...]  # of every layer
    on_body: bool = True  # the protocol gives output on a body site, and not on the bench
    blocked: str = ""  # why nothing may be given at all; empty where something may
    area_mm2: int | None = None  # effective radiating area (ERA); None for a family without a head
    given_ms: int = 0  # of the protocol, by the sessions whose rest this is
    given_mj: int = 0

    @property
    def level_max(self) -> int:
        """The highest level of the protocol: in the unit of its family."""
        return max((level_of(emission.setting) for emission in self.emissions), default=0)

    @property
    def level_min(self) -> int:
        """The lowest level that every layer lets through; 1 where none has a lowest."""
        named = (b.at_least for b in self.bounds if b.quantity is level_quantity(self.family))
        return max((least for least in named if least is not None), default=1)

    def level_at(self, delivered_ms: int) -> int:
        """The level of the emission that is due, as the protocol has it; 0 when all is given."""
        due = self.step_at(delivered_ms)
        return 0 if due is None else level_of(due[0].setting)

    @property
    def delivered_max_ms(self) -> int:
        """What is left of the protocol's time with output on."""
        return sum(emission.duration_ms for emission in self.emissions) - self.given_ms

    @property
    def energy_max_mj(self) -> int:
        """The most that a unit may be armed for, in mJ.

        A hundredth and 100 mJ (this project's own) above the energy of what is left, because the unit meters
        what it gives; never above a bound on energy. A family without a head plans no energy.
        """
        bound_mj = self.energy_bound_mj
        if self.area_mm2 is None:
            return bound_mj
        planned_mj = sum(
            self.energy_mj(step.setting, ms, step.ramp_ms) for step, ms in self._left(self.given_ms)
        )
        return min(planned_mj + planned_mj // 100 + 100, bound_mj)

    @property
    def energy_bound_mj(self) -> int:
        """The lowest bound that any layer sets on energy, less what has been given before."""
        named = (b.at_most for b in self.bounds if b.quantity is Quantity.ENERGY_MJ)
        return min((most - self.given_mj for most in named if most is not None), default=_COUNTER_MAX)

    def energy_mj(self, setting: Setting, for_ms: int, ramp_ms: int) -> int:
        """Acoustic energy of an emission that rises straight from nothing in ``ramp_ms``; mJ, rounded up."""
        return 0 if self.area_mm2 is None else energy_of(setting, for_ms, ramp_ms, self.area_mm2)

    def has_energy_for(self, setting: Setting, for_ms: int, ramp_ms: int, counted_mj: int) -> bool:
        """Whether the bounds on energy leave room for an emission, after what the unit has counted."""
        return counted_mj + self.energy_mj(setting, for_ms, ramp_ms) <= self.energy_bound_mj

    def step_at(self, delivered_ms: int) -> tuple[Emit, int] | None:
        """The emission that is due once this session has delivered so much, and what is left of it, in ms."""
        return next(self._left(self.given_ms + delivered_ms), None)

    def excesses(self, setting: Setting, for_ms: int, delivered_ms: int) -> Iterator[str]:
        """Every bound that an emission does not keep, after ``delivered_ms`` of this session."""
        values = values_of(setting)
        values[Quantity.STEP_MS] = for_ms
        for bound in self.bounds:
            if bound.quantity is Quantity.DELIVERED_MS:
                # What the day leaves a person is what is left now; every other layer bounds the whole.
                before_ms = 0 if bound.layer is Layer.PERSON else self.given_ms
                value = before_ms + delivered_ms + for_ms
            elif bound.quantity in values:
                value = values[bound.quantity]
            else:
                continue
            if is_outside(bound, value):
                shown = f"{bound.quantity.label} of {bound.quantity.show(value)}"
                yield f"{shown} is outside the {bound.layer}'s bound: {bound} ({bound.source})"

    def _left(self, given_ms: int) -> Iterator[tuple[Emit, int]]:
        """The emissions that are not over once ``given_ms`` have been given, and how long each still is."""
        end_ms = 0
        for emission in self.emissions:
            end_ms += emission.duration_ms
            if given_ms < end_ms:
                yield emission, min(end_ms - given_ms, emission.duration_ms)


def allow(identity: Identity, declared: Capabilities, admission: Admission) -> Allowed:
    """What the unit that calls itself so may give to whom ``admission`` admits.

    Raise `GuardRefused` when that cannot be said.
    """
    family = identity.family
    try:
        content = read_content(admission.content, admission.content_hash)
        if content.family not in (None, family):
            raise ContentUnreadable(f"the protocol is for {content.family}, and the unit is of {family}")
        site_bounds, blocked = site_ceilings(content.body_site, family) if content.emissions else ((), "")
        bounds = (
            *family_ceilings(family),
            *_nameplate(identity.model, family, generic=admission.generic),
            *declared.bounds,
            *site_bounds,
            *admission.bounds,
            *content.bounds,
        )
    except (TableUnreadable, ContentUnreadable) as error:
        raise GuardRefused(
            f"what may be given cannot be told: {error}",
            "Nothing was sent. Report this with the journal and the protocol.",
        ) from error
    reasons = (block.reason for block in admission.blocks if block.family is family)
    return Allowed(
        family=family,
        emissions=content.emissions,
        bounds=bounds,
        on_body=content.body_site != BENCH,
        blocked=blocked or next(reasons, ""),
        area_mm2=declared.area_mm2,
        given_ms=admission.given_ms,
        given_mj=admission.given_mj,
    )


def _nameplate(model: str, family: Family, *, generic: bool) -> tuple[Bound, ...]:
    """The nameplate's bounds; those of the generic one only for a model that has none."""
    try:
        return nameplate_ceilings(model, family)
    except NoNameplate:
        if not generic:
            raise
        return generic_ceilings(family)


def is_outside(bound: Bound, value: int) -> bool:
    """Whether ``value`` breaks any of the bound's clauses. A bound that is met exactly is kept."""
    return (
        (bound.at_least is not None and value < bound.at_least)
        or (bound.at_most is not None and value > bound.at_most)
        or (bound.one_of is not None and value not in bound.one_of)
    )
