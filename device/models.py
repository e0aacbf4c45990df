"""The models we know, as data: their nameplates become a layer of limits.

Every number is assumed, and says so: no specification of these units was found. What a unit
declares of itself is one layer more and can only lower.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from device.errors import WrongUnit
from protocols.limits import Bound, Family, Layer, Quantity

_FOLDER = Path(__file__).with_name("nameplates")
MODELS = ("us111", "ultragun", "ultragun_pro")


@dataclass(frozen=True, slots=True)
class Model:
    """One kind of unit: its nameplate, and what its head is made of."""

    id: str
    name: str  # as the unit says it
    family: Family
    bounds: tuple[Bound, ...]
    area_mm2: int | None  # effective radiating area (ERA); None for percussion
    head_warn_ddeg_c: int | None  # tenths of a degree; None without a head that heats
    head_trip_ddeg_c: int | None


@cache
def model(id_: str) -> Model:
    """The model called ``id_``; raise `WrongUnit` when there is none."""
    if id_ not in MODELS:
        raise WrongUnit(f"there is no model called {id_!r}", f"Use one of {', '.join(MODELS)}.")
    path = _FOLDER / f"{id_}.toml"
    data = tomllib.loads(path.read_text(encoding="utf-8"))
    head = data.get("head", {})
    return Model(
        id=data["id"],
        name=data["name"],
        family=Family(data["family"]),
        bounds=tuple(_bound(name, clauses, data["source"]) for name, clauses in data["bounds"].items()),
        area_mm2=head.get("area_mm2"),
        head_warn_ddeg_c=head.get("warn_ddeg_c"),
        head_trip_ddeg_c=head.get("trip_ddeg_c"),
    )


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


def _bound(name: str, clauses: Mapping[str, Any], source: str) -> Bound:
    one_of = clauses.get("one_of")
    return Bound(
        quantity=Quantity[name.upper()],
        layer=Layer.MODEL,
        source=source,
        at_least=clauses.get("at_least"),
        at_most=clauses.get("at_most"),
        one_of=None if one_of is None else frozenset(one_of),
    )
