"""The models we know, as data: their nameplates become a layer of limits.

Every number is assumed, and says so: no specification of these units was found. What a unit
declares of itself is one layer more and can only lower; a nameplate says between which values it may lie.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path

from device.errors import NameplateInvalid, WrongUnit
from device.nameplate import Table, read_toml
from protocols.families import definition
from protocols.limits import Bound, Family, InvalidBound, Layer, Quantity

_FOLDER = Path(__file__).with_name("nameplates")
MODELS = tuple(sorted(path.stem for path in _FOLDER.glob("*.toml")))
SENSORS = ("output", "head_temperature", "contact", "battery")
_TIMES = (Quantity.STEP_MS, Quantity.DELIVERED_MS)
_RANGES = ("suspension_max_ms", "lease_min_ms", "lease_max_ms")  # what any unit declares
_HEAD_RANGES = ("area_mm2", "head_trip_ddeg_c")  # and what one with a head does


@dataclass(frozen=True, slots=True)
class Range:
    """The values, both included, between which a unit's declaration of one thing has to lie."""

    what: str  # the field of `device.dialects.base.Capabilities`
    low: int
    high: int


@dataclass(frozen=True, slots=True)
class Model:
    """One kind of unit: its nameplate, what its head is made of, and what a unit of it has to declare."""

    id: str
    name: str  # as the unit says it
    family: Family
    bounds: tuple[Bound, ...]
    area_mm2: int | None  # effective radiating area (ERA); None without a head
    head_warn_ddeg_c: int | None  # tenths of a degree; None without a head that heats
    head_trip_ddeg_c: int | None
    sensors: tuple[str, ...] = ()  # a unit without one of them is not driven
    ranges: tuple[Range, ...] = ()

    @property
    def suspension_max_ms(self) -> int:
        """How long a unit of this model may wait for contact."""
        return next((range_.high for range_ in self.ranges if range_.what == "suspension_max_ms"), 0)


@cache
def model(id_: str) -> Model:
    """The model called ``id_``; raise `WrongUnit` when there is none, or `NameplateInvalid`."""
    if id_ not in MODELS:
        raise WrongUnit(f"there is no model called {id_!r}", f"Use one of {', '.join(MODELS)}.")
    return read_model(_FOLDER / f"{id_}.toml")


def model_named(name: str) -> Model:
    """The model whose nameplate says ``name``; raise `WrongUnit` when we know none."""
    for id_ in MODELS:
        if model(id_).name == name:
            return model(id_)
    known = ", ".join(model(id_).name for id_ in MODELS)
    raise WrongUnit(
        f"the unit calls itself {name!r}, which no model here does",
        f"Use a unit of a known model ({known}), or add its nameplate.",
    )


def read_model(path: Path) -> Model:
    """The model that the file at ``path`` describes; raise `NameplateInvalid` when it is wrong."""
    try:
        return _read(path, read_toml(path))
    except InvalidBound as error:
        raise NameplateInvalid(f"{path}: {error}", "Correct the nameplate.") from None


def _read(path: Path, plate: Table) -> Model:
    family = Family(plate.one_of("family", tuple(Family)))
    said = definition(family)
    source = plate.text("source")
    bounds, declared = plate.table("bounds"), plate.table("declared")
    head = plate.table("head") if said.has_head else None
    read = Model(
        id=plate.text("id"),
        name=plate.text("name"),
        family=family,
        bounds=tuple(
            _bound(bounds, quantity, source, listed=quantity in said.listed)
            for quantity in (*said.nameplate, *_TIMES)
        ),
        area_mm2=head.whole("area_mm2") if head else None,
        head_warn_ddeg_c=head.whole("warn_ddeg_c") if head else None,
        head_trip_ddeg_c=head.whole("trip_ddeg_c") if head else None,
        sensors=declared.names("sensors", SENSORS),
        ranges=tuple(
            Range(what, *declared.range(what))
            for what in (*_RANGES, *(_HEAD_RANGES if said.has_head else ()))
        ),
    )
    for table in (plate, bounds, declared, *([head] if head else [])):
        table.expect_nothing_more()
    _agree(path, read)
    return read


def _bound(bounds: Table, quantity: Quantity, source: str, *, listed: bool) -> Bound:
    clauses = bounds.table(quantity.name.lower())
    if listed:  # one of some, and not a range
        read = Bound(quantity, Layer.MODEL, source, one_of=frozenset(clauses.wholes("one_of")))
    else:
        low = clauses.whole("at_least") if clauses.has("at_least") else None
        read = Bound(quantity, Layer.MODEL, source, at_least=low, at_most=clauses.whole("at_most"))
    clauses.expect_nothing_more()
    return read


def _agree(path: Path, read: Model) -> None:
    """Raise `NameplateInvalid` when one number of a nameplate contradicts another."""
    wrong: list[str] = []
    trip, warn = read.head_trip_ddeg_c, read.head_warn_ddeg_c
    if trip is not None and warn is not None and warn >= trip:
        wrong.append("the head warns no earlier than it trips")
    for range_ in read.ranges:
        own = {"area_mm2": read.area_mm2, "head_trip_ddeg_c": trip}.get(range_.what)
        if own is not None and not range_.low <= own <= range_.high:
            wrong.append(f"{range_.what} of {own} is outside its own range")
        if range_.what == "head_trip_ddeg_c" and trip is not None and range_.high > trip:
            wrong.append("a unit may declare a higher trip than the nameplate's")
    if path.stem != read.id:
        wrong.append(f"its id is {read.id!r}")
    if wrong:
        raise NameplateInvalid(f"{path}: {'; '.join(wrong)}", "Correct the nameplate.")
