"""The tables of limits as the guard reads them: family, body site and nameplate.

They are read a second time here on purpose. What compiles a plan reads the same files through
`protocols.ceilings`, `protocols.limits.Limits` and `device.models`; one mistake there must not open the guard
as well. So this module shares only the files (`device.nameplate_files` for those that are not ours) and the
names of the quantities with it: it parses the TOML itself, refuses every key that it does not know, and
refuses a table that lacks a bound which it has to have.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import device
import protocols
from device.control.families import judged
from device.errors import NameplateInvalid, WrongUnit
from device.nameplate_files import MODELS, id_of, of_model
from protocols.limits import Bound, Family, InvalidBound, Layer, Quantity

_PROTOCOLS = Path(str(protocols.__file__)).parent
_NAMEPLATES = Path(str(device.__file__)).parent / "nameplates"
_CLAUSES = {"at_least", "at_most", "one_of", "source"}


class TableUnreadable(ValueError):
    """A table of limits does not say what it has to say. Nothing may be given."""


class NoNameplate(TableUnreadable):
    """No nameplate is of the model that the unit says it is of."""


@cache
def family_ceilings(family: Family, folder: Path = _PROTOCOLS) -> tuple[Bound, ...]:
    """What no unit of ``family`` may ever do."""
    table = _read(folder / "families.toml")
    if set(table) != {member.value for member in Family}:
        raise TableUnreadable("families.toml names other families than there are")
    return _complete(_bounds(table[family.value], family, Layer.FAMILY, "families.toml"), family)


@cache
def site_ceilings(body_site: str, family: Family, folder: Path = _PROTOCOLS) -> tuple[tuple[Bound, ...], str]:
    """What ``body_site`` bounds for ``family``, and why it is blocked there; empty where it is not."""
    where = f"sites.toml, {body_site}"
    site = _table(_read(folder / "sites.toml").get(body_site), where)
    if set(site) - {member.value for member in Family} != {"title"}:
        raise TableUnreadable(f"{where}: a key that is not known, or no title")
    if family.value not in site:
        return (), "nothing is said of it there"
    said = _table(site[family.value], f"{where}: {family}")
    if "blocked" in said:
        if set(said) != {"blocked"} or not isinstance(said["blocked"], str) or not said["blocked"]:
            raise TableUnreadable(f"{where}: {family} is blocked, and something else is said beside it")
        return (), said["blocked"]
    bounds = _bounds(said, family, Layer.SITE, where)
    if not any(bound.quantity is Quantity.DELIVERED_MS and bound.at_most is not None for bound in bounds):
        raise TableUnreadable(f"{where}: {family} has no longest time")
    return bounds, ""


@cache
def nameplate_ceilings(model: str, family: Family, folder: Path = _NAMEPLATES) -> tuple[Bound, ...]:
    """The nameplate of the unit that calls itself ``model``; raise `NoNameplate` where there is none."""
    for path in sorted(folder.glob("*.toml")):
        plate = _read(path)
        if plate.get("name") == model:
            return _of_plate(plate, model, family, path.name)
    return _added_ceilings(model, family)


@cache
def generic_ceilings(family: Family, folder: Path = _NAMEPLATES) -> tuple[Bound, ...]:
    """The generic nameplate of ``family``: for a unit of a model that has none."""
    path = folder / "generic" / f"{family.value}.toml"
    return _of_plate(_read(path), f"generic {family.value}", family, path.name)


def _added_ceilings(model: str, family: Family) -> tuple[Bound, ...]:
    """The nameplate that another distribution or the user brings. The handshake has the same file.

    It is read a second time. None of its bounds may be above the family's ceilings.
    """
    id_ = id_of(model)
    if not id_ or id_ in MODELS:
        raise NoNameplate(f"there is no nameplate of a unit called {model!r}")
    try:
        file = of_model(id_)
    except NameplateInvalid as error:
        raise TableUnreadable(error.what) from error
    except WrongUnit as error:
        raise NoNameplate(f"there is no nameplate of a unit called {model!r}") from error
    plate = _parsed(file.text, file.where)
    if plate.get("name") != model:
        raise NoNameplate(f"there is no nameplate of a unit called {model!r}")
    bounds = _of_plate(plate, model, family, file.where)
    highest = {bound.quantity: bound.at_most for bound in family_ceilings(family)}
    for bound in bounds:
        most = highest.get(bound.quantity)
        values = (bound.at_most, *(bound.one_of or ()))
        if most is None or any(value is not None and value > most for value in values):
            raise TableUnreadable(f"{file.where}: {bound} is above the ceiling of {family}")
    return bounds


def _of_plate(plate: Mapping[str, Any], model: str, family: Family, where: str) -> tuple[Bound, ...]:
    if plate.get("name") != model or plate.get("family") != family.value:
        raise TableUnreadable(f"{where}: {model} is not of the family {family}")
    said = _table(plate.get("bounds"), f"{where}: bounds")
    return _complete(_bounds(said, family, Layer.MODEL, where), family)


def _bounds(said: Any, family: Family, layer: Layer, where: str) -> tuple[Bound, ...]:
    return tuple(_each(_table(said, where), family, layer, where))


def _each(said: Mapping[str, Any], family: Family, layer: Layer, where: str) -> Iterator[Bound]:
    names = {quantity.name.lower(): quantity for quantity in judged(family) | {Quantity.ENERGY_MJ}}
    for name, clauses in said.items():
        if name not in names:
            raise TableUnreadable(f"{where}: {name} is no quantity of {family}")
        told = _table(clauses, f"{where}: {name}")
        if set(told) - _CLAUSES:
            raise TableUnreadable(f"{where}: {name} has a key that is not known")
        one_of = told.get("one_of")
        low, high = _whole(told.get("at_least"), where), _whole(told.get("at_most"), where)
        choice = None if one_of is None else frozenset(_wholes(one_of, where))
        try:
            yield Bound(names[name], layer, where, at_least=low, at_most=high, one_of=choice)
        except InvalidBound as error:
            raise TableUnreadable(f"{where}: {error}") from error


def _complete(bounds: tuple[Bound, ...], family: Family) -> tuple[Bound, ...]:
    bounded = {b.quantity for b in bounds if b.at_most is not None or b.one_of is not None}
    if missing := judged(family) - bounded:
        raise TableUnreadable(f"nothing bounds {', '.join(sorted(q.label for q in missing))} from above")
    return bounds


def _wholes(said: Any, where: str) -> Iterator[int]:
    if not isinstance(said, list) or not said:
        raise TableUnreadable(f"{where}: one_of is no list of whole numbers")
    for value in said:
        if (whole := _whole(value, where)) is not None:
            yield whole


def _whole(said: Any, where: str) -> int | None:
    if said is None:
        return None
    if type(said) is not int or said < 0:  # a bool is an int, and no bound
        raise TableUnreadable(f"{where}: {said!r} is no whole number")
    return said


def _table(said: Any, where: str) -> Mapping[str, Any]:
    if not isinstance(said, dict) or not said:
        raise TableUnreadable(f"{where}: there is no such table, or nothing in it")
    return said


@cache
def _read(path: Path) -> Mapping[str, Any]:
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        raise TableUnreadable(f"{path.name} cannot be read: {error}") from error
    return _parsed(text, path.name)


def _parsed(text: str, where: str) -> Mapping[str, Any]:
    try:
        return tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        raise TableUnreadable(f"{where} cannot be read: {error}") from error
