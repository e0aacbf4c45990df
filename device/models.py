"""The models we know, as data: their nameplates become a layer of limits.

Every number of ours is assumed, and says so: no specification of these units was found. What a unit
declares of itself is one layer more and can only lower; a nameplate says between which values it may lie.
Another distribution, or a user, adds a model by its nameplate (`device.nameplate_files`); it has to stay
within the family's ceilings.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path

from device.added_models import check_added
from device.errors import NameplateInvalid, WrongUnit
from device.nameplate import SENSORS, Table, parse_toml
from device.nameplate_files import MODELS as MODELS
from device.nameplate_files import OURS, NameplateFile, added, generic, id_of, of_model, read_text
from protocols.families import definition
from protocols.limits import Bound, Family, InvalidBound, Layer, Quantity

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
    assumed: bool = True  # whether its numbers are, and not its maker's own
    distribution: str = OURS  # that brings the nameplate; empty for a file of the user's
    version: str = ""  # of that distribution; empty for ours
    content_hash: str = ""  # SHA-256 of the nameplate's text

    @property
    def is_generic(self) -> bool:
        """Whether it stands for units whose own model is not known."""
        return self.id == f"generic_{self.family}"

    @property
    def numbers_said(self) -> str:
        """What its numbers are, and who brings them where that is not this program."""
        said = "assumed" if self.assumed else "its nameplate's"
        if self.distribution == OURS:
            return said
        return f"{said}, from {f'{self.distribution} {self.version}' if self.distribution else 'a file here'}"

    @property
    def suspension_max_ms(self) -> int:
        """How long a unit of this model may wait for contact."""
        return next((range_.high for range_ in self.ranges if range_.what == "suspension_max_ms"), 0)


def ids() -> tuple[str, ...]:
    """The ids of every model there is, ours first; raise `NameplateInvalid` when they cannot be listed."""
    return MODELS + added()


@cache
def model(id_: str) -> Model:
    """The model called ``id_``; raise `WrongUnit` when there is none, or `NameplateInvalid`."""
    file = of_model(id_)
    read = _model_in(file)
    if not file.is_ours:
        check_added(file.where, read, [model(ours) for ours in MODELS])
    return read


@cache
def generic_model(family: Family) -> Model:
    """What a unit of ``family`` is driven by, within what it declares, where its own model is not known."""
    return _model_in(generic(family.value))


def model_named(name: str) -> Model:
    """The model whose nameplate says ``name``; raise `WrongUnit` when we know none, or `NameplateInvalid`."""
    for id_ in MODELS:
        if model(id_).name == name:
            return model(id_)
    id_ = id_of(name)
    if not id_ or id_ in MODELS:
        raise _not_known(name)
    try:
        found = model(id_)
    except WrongUnit:
        raise _not_known(name) from None
    if found.name != name:
        raise _not_known(name)
    return found


def read_model(path: Path) -> Model:
    """The model that the file at ``path`` describes; raise `NameplateInvalid` when it is wrong."""
    return _model_in(NameplateFile(path.stem, str(path), read_text(path)))


class UnknownModel(WrongUnit):
    """The unit is of a model that has no nameplate here."""


def _not_known(name: str) -> UnknownModel:
    known = ", ".join(model(id_).name for id_ in MODELS)
    return UnknownModel(
        f"the unit calls itself {name!r}, which no model here does",
        f"Use a unit of a known model ({known}), or add its nameplate. A unit with the native dialect can be "
        "driven at a terminal, where a person confirms a generic nameplate.",
    )


def _model_in(file: NameplateFile) -> Model:
    try:
        return _read(file, parse_toml(file.where, file.text))
    except InvalidBound as error:
        raise NameplateInvalid(f"{file.where}: {error}", "Correct the nameplate.") from None


def _read(file: NameplateFile, plate: Table) -> Model:
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
        assumed=plate.flag("assumed"),
        distribution=file.distribution,
        version=file.version,
        content_hash=file.content_hash,
    )
    for table in (plate, bounds, declared, *([head] if head else [])):
        table.expect_nothing_more()
    _agree(file, read)
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


def _agree(file: NameplateFile, read: Model) -> None:
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
        if range_.what == "area_mm2" and read.area_mm2 is not None and range_.high > read.area_mm2:
            wrong.append("a unit may declare a larger head than the nameplate's")
    if file.id != read.id:
        wrong.append(f"its id is {read.id!r}")
    if wrong:
        raise NameplateInvalid(f"{file.where}: {'; '.join(wrong)}", "Correct the nameplate.")
