"""Limits: layers of bounds that can only lower, each remembering where it came from.

A bound admits a value or does not; nothing here ever changes a value. What may be emitted is what
every bound of every layer admits.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum, StrEnum

from protocols.quantity import show_in


class Family(StrEnum):
    """What kind of unit: it decides what a level is."""

    ULTRASOUND = "ultrasound"
    PERCUSSION = "percussion"


class Quantity(Enum):
    """What can be bounded. The value is the unit it is counted in, as people write it."""

    INTENSITY_MW_CM2 = "intensity", "mW/cm²"  # intensity during the pulse
    SATA_MW_CM2 = "temporal-average intensity", "mW/cm²"  # intensity × duty
    DUTY_PCT = "duty cycle", "%"
    CARRIER_KHZ = "carrier frequency", "kHz"
    PULSE_HZ = "pulse repetition", "Hz"  # 0 when continuous
    SPEED_PER_MIN = "speed", "/min"
    STEP_MS = "time of one emission", "ms"
    DELIVERED_MS = "delivered time of the session", "ms"
    ENERGY_MJ = "energy of the session", "mJ"

    @property
    def label(self) -> str:
        """What a person calls it."""
        return self.value[0]

    @property
    def unit(self) -> str:
        """The unit its whole numbers are counted in."""
        return self.value[1]

    @property
    def suffix(self) -> str:
        """What the name of a value in this unit ends in, such as ``mw_cm2`` or ``per_min``."""
        name = self.unit.lower()
        for written, spelt in (("/min", "per_min"), ("/", "_"), ("²", "2"), ("%", "pct"), ("µ", "u")):
            name = name.replace(written, spelt)
        return name

    def show(self, value: int) -> str:
        """``value`` as people read it: ``0.44 W/cm²``, ``5 min``."""
        return show_in(value, self.unit)


class Layer(StrEnum):
    """Who set a bound, from the widest to the narrowest."""

    FAMILY = "family"  # what no unit of the family may ever do
    MODEL = "model"  # the nameplate
    UNIT = "unit"  # what the unit itself declares
    SITE = "body site"
    PERSON = "person"  # age band, answers, what the site has had today
    PROTOCOL = "protocol"
    OPERATOR = "operator"


class InvalidBound(ValueError):
    """A bound or a block that is not valid: it is empty, contradicts itself or has no source."""


@dataclass(frozen=True, slots=True)
class Bound:
    """One layer's bound on one quantity. At least one of its three clauses is given.

    Raise `InvalidBound` when no clause is given, when no value satisfies all of them, when one is not a
    whole number, or when the source is empty.
    """

    quantity: Quantity
    layer: Layer
    source: str  # file and line, standard and clause, or the unit's own report
    at_least: int | None = None
    at_most: int | None = None
    one_of: frozenset[int] | None = None

    def __post_init__(self) -> None:
        if why := self._invalid():
            raise InvalidBound(f"{self.layer}'s bound on {self.quantity.name.lower()} {why}")

    def _invalid(self) -> str:
        if not self.source.strip():
            return "has no source"
        if self.one_of is not None and not isinstance(self.one_of, frozenset):
            return "lists its values as something other than a set"
        values = [value for value in (self.at_least, self.at_most, *(self.one_of or ())) if value is not None]
        if any(type(value) is not int for value in values):  # NaN would admit everything, and true is 1
            return "has a clause that is not a whole number"
        if not values:
            return "says nothing" if self.one_of is None else "is an empty list"
        if not any(map(self.admits, values)):  # where anything is admitted, one of the edges is
            return f"contradicts itself: no value satisfies {self}"
        return ""

    def admits(self, value: int) -> bool:
        """Whether ``value`` is within this bound. A bound that is met exactly admits."""
        if self.at_least is not None and value < self.at_least:
            return False
        if self.at_most is not None and value > self.at_most:
            return False
        return self.one_of is None or value in self.one_of

    def __str__(self) -> str:
        said = []
        if self.at_least is not None:
            said.append(f"at least {self.quantity.show(self.at_least)}")
        if self.at_most is not None:
            said.append(f"at most {self.quantity.show(self.at_most)}")
        if self.one_of is not None:
            said.append("one of " + ", ".join(map(self.quantity.show, sorted(self.one_of))))
        return f"{self.quantity.label} {' and '.join(said)}"


@dataclass(frozen=True, slots=True)
class Block:
    """A family may not be used at all, whatever the level."""

    family: Family
    layer: Layer
    source: str
    reason: str

    def __post_init__(self) -> None:
        for name, text in (("source", self.source), ("reason", self.reason)):
            if not text.strip():
                raise InvalidBound(f"the {self.layer}'s block of {self.family} has no {name}")


@dataclass(frozen=True, slots=True)
class Excess:
    """A value that a bound does not admit."""

    value: int
    bound: Bound

    def __str__(self) -> str:
        bound = self.bound
        return (
            f"{bound.quantity.label} of {bound.quantity.show(self.value)} is outside "
            f"the {bound.layer}'s bound: {bound} ({bound.source})"
        )


class Limits:
    """The intersection of every layer's bounds. Adding a layer can only lower."""

    __slots__ = ("_by_quantity", "blocks", "bounds")

    def __init__(self, bounds: Iterable[Bound] = (), blocks: Iterable[Block] = ()) -> None:
        self.bounds = tuple(dict.fromkeys(bounds))  # a bound said twice is one bound
        self.blocks = tuple(dict.fromkeys(blocks))
        self._by_quantity: dict[Quantity, tuple[Bound, ...]] = {
            quantity: tuple(bound for bound in self.bounds if bound.quantity is quantity)
            for quantity in Quantity
        }

    def with_layer(self, bounds: Iterable[Bound] = (), blocks: Iterable[Block] = ()) -> Limits:
        """These limits and more. There is no way to take one away."""
        return Limits((*self.bounds, *bounds), (*self.blocks, *blocks))

    def of(self, quantity: Quantity) -> tuple[Bound, ...]:
        """Every bound on ``quantity``, in the order the layers came."""
        return self._by_quantity[quantity]

    def excess(self, quantity: Quantity, value: int) -> Excess | None:
        """The first bound that does not admit ``value``, or None when all do."""
        for bound in self._by_quantity[quantity]:
            if not bound.admits(value):
                return Excess(value, bound)
        return None

    def blocked(self, family: Family) -> Block | None:
        """The first block on ``family``, if there is one."""
        return next((block for block in self.blocks if block.family is family), None)

    def binding(self, quantity: Quantity) -> Bound | None:
        """The bound with the lowest ``at_most``: the one that binds from above."""
        upper = [bound for bound in self._by_quantity[quantity] if bound.at_most is not None]
        return min(upper, key=lambda bound: bound.at_most or 0, default=None)

    def at_most(self, quantity: Quantity) -> int | None:
        """The highest value the upper bounds leave, or None when nothing bounds it from above."""
        bound = self.binding(quantity)
        return bound.at_most if bound else None
