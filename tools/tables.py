"""What ``families.toml`` and ``sites.toml`` make: `protocols.shipped_limits`, as Python.

A table in which anything is misspelt, missing, empty or contradictory is refused as a whole with
`TableInvalid`, naming file, table and key: a limit must not be lost to a typing mistake. The guard does not
use what is made here: it reads both files itself, each time.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, TypeAlias, TypeVar

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    RootModel,
    ValidationError,
    create_model,
    model_validator,
)

from protocols.families import definition
from protocols.limits import Block, Bound, Family, InvalidBound, Layer, Limits, Quantity
from tools.literals import literal

FOLDER = Path(__file__).resolve().parents[1] / "protocols"
FAMILIES = "families.toml"
SITES = "sites.toml"


class TableInvalid(ValueError):
    """A table cannot be relied on. Each line of its text is one thing that is wrong."""


@dataclass(frozen=True, slots=True)
class Site:
    """A body site: for each family its bounds, or the block."""

    title: str
    bounds: Mapping[Family, tuple[Bound, ...]]
    blocks: Mapping[Family, tuple[Block, ...]]


@dataclass(frozen=True, slots=True)
class Tables:
    """Both tables."""

    families: Mapping[Family, tuple[Bound, ...]]
    sites: Mapping[str, Site]


def files() -> dict[str, str]:
    """Every generated file: its path from the project's root, and its text."""
    return {"protocols/shipped_limits.py": _HEAD + "".join(f"{line}\n" for line in _python(shipped()))}


def shipped() -> Tables:
    """The tables that ship."""
    return read(*((FOLDER / name).read_text(encoding="utf-8") for name in (FAMILIES, SITES)))


def read(families: str, sites: str) -> Tables:
    """The tables in these texts; raise `TableInvalid` with everything that is wrong with one."""
    said = _checked(_Families, families, FAMILIES)
    ceilings = {family: _bounds(getattr(said, family), Layer.FAMILY, FAMILIES, family) for family in Family}
    named = _checked(_Sites, sites, SITES).root
    made = {name: _site(name, site) for name, site in named.items()}
    if looser := [line for name, site in made.items() for line in _looser(name, site, ceilings)]:
        raise TableInvalid("\n".join(looser))
    return Tables(ceilings, made)


# --- what a table may say -----------------------------------------------------------------------------


def _said(text: str) -> str:
    if not text.strip():
        raise ValueError("is empty")
    return text


_Text: TypeAlias = Annotated[str, AfterValidator(_said)]
_Whole: TypeAlias = Annotated[int, Field(ge=1)]


class _Strict(BaseModel):
    # Built when it is first used: what is part of another is then not built by itself.
    model_config = ConfigDict(strict=True, frozen=True, extra="forbid", defer_build=True)


class _Highest(_Strict):
    """A bound from above."""

    at_most: _Whole
    source: _Text


class _Range(_Highest):
    """A bound from both sides."""

    at_least: _Whole


_TIMES = (Quantity.STEP_MS, Quantity.DELIVERED_MS)


def _family_model(family: Family) -> type[_Strict]:
    """What families.toml has to say of ``family``."""
    said = definition(family)
    bounds: dict[str, Any] = {
        quantity.name.lower(): (_Range if quantity in said.with_lower_end else _Highest, ...)
        for quantity in (*said.ceilings, *_TIMES)
    }
    return create_model(f"_{family.title()}Family", __base__=_Strict, **bounds)


_families: dict[str, Any] = {family.value: (_family_model(family), ...) for family in Family}
_Families = create_model("_Families", __base__=_Strict, **_families)


class _AtSite(_Strict):
    """What a site says of one family: that it is blocked, or how much of it there may be."""

    blocked: _Text | None = None
    step_ms: _Highest | None = None
    delivered_ms: _Highest | None = None

    @model_validator(mode="after")
    def _blocks_or_bounds(self) -> _AtSite:
        bounded = self.model_fields_set - {"blocked"}
        if self.blocked is not None and bounded:
            raise ValueError("is blocked and has bounds")
        if self.blocked is None and not bounded:
            raise ValueError("says neither `blocked` nor a bound on delivered_ms")
        if self.blocked is None and self.delivered_ms is None:
            raise ValueError("has no bound on delivered_ms")
        return self


def _at_site_model(family: Family) -> type[_AtSite]:
    """What sites.toml may say of ``family`` at a site."""
    bounds: dict[str, Any] = {
        quantity.name.lower(): (_Highest | None, None) for quantity in definition(family).at_site
    }
    return create_model(f"_{family.title()}AtSite", __base__=_AtSite, **bounds)


class _OneSite(_Strict):
    """A site: its title, and for each family what it says of it, or nothing."""

    title: _Text


_at_site: dict[str, Any] = {family.value: (_at_site_model(family) | None, None) for family in Family}
_Site = create_model("_Site", __base__=_OneSite, **_at_site)


class _Sites(RootModel[dict[str, _Site]]):
    @model_validator(mode="after")
    def _some(self) -> _Sites:
        if not self.root:
            raise ValueError("names no site")
        return self


# --- from what it says to plain values ------------------------------------------------------------------


_Model = TypeVar("_Model", bound=BaseModel)


def _checked(model: type[_Model], text: str, file: str) -> _Model:
    try:
        return model.model_validate(tomllib.loads(text))
    except tomllib.TOMLDecodeError as error:
        raise TableInvalid(f"{file}: is not TOML: {error}") from None
    except ValidationError as error:
        lines = [f"{file}: {_line(detail)}" for detail in error.errors(include_url=False)]
        raise TableInvalid("\n".join(lines)) from None


_WHAT = {"missing": "is missing", "extra_forbidden": "there is no such key"}


def _line(detail: Any) -> str:
    place = ".".join(map(str, detail["loc"]))
    what = _WHAT.get(detail["type"]) or str(detail.get("ctx", {}).get("error", "")) or detail["msg"]
    return f"{place}: {what}" if place else what


def _bounds(said: BaseModel, layer: Layer, file: str, table: str) -> tuple[Bound, ...]:
    return tuple(_bound(name, clauses, layer, file, table) for name, clauses in _clauses(said))


def _clauses(said: BaseModel) -> Iterator[tuple[str, _Highest]]:
    for name in type(said).model_fields:
        if isinstance(clauses := getattr(said, name), _Highest):
            yield name, clauses


def _bound(name: str, clauses: _Highest, layer: Layer, file: str, table: str) -> Bound:
    at_least = clauses.at_least if isinstance(clauses, _Range) else None
    source = f"{file}, {table}: {clauses.source}" if layer is Layer.SITE else f"{file}: {clauses.source}"
    try:
        return Bound(Quantity[name.upper()], layer, source, at_least, clauses.at_most)
    except InvalidBound as error:
        raise TableInvalid(f"{file}: {table}.{name}: {error}") from None


def _site(name: str, said: _OneSite) -> Site:
    bounds: dict[Family, tuple[Bound, ...]] = {}
    blocks: dict[Family, tuple[Block, ...]] = {}
    for family in Family:
        at_site: _AtSite | None = getattr(said, family)
        reason = f"nothing is said of {family} at this site" if at_site is None else at_site.blocked
        block = () if reason is None else (Block(family, Layer.SITE, f"{SITES}, {name}", reason),)
        blocks[family] = block
        bounds[family] = () if at_site is None else _bounds(at_site, Layer.SITE, SITES, name)
    return Site(said.title, bounds, blocks)


def _looser(name: str, site: Site, ceilings: Mapping[Family, tuple[Bound, ...]]) -> Iterator[str]:
    """Every bound of a site that its family's does not cover: a layer can only lower."""
    for family, bounds in site.bounds.items():
        limits = Limits(ceilings[family])
        for bound in bounds:
            if bound.at_most is not None and (excess := limits.excess(bound.quantity, bound.at_most)):
                key = f"{name}.{family}.{bound.quantity.name.lower()}"
                yield f"{SITES}: {key}: is looser than the family's bound: {excess.bound}"


# --- from plain values to Python --------------------------------------------------------------------------


_HEAD = '''"""The bounds of each family and each body site.

Made from families.toml and sites.toml by `python -m tools.generate`: do not edit.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from protocols.limits import Block, Bound, Family, Layer, Quantity

'''


def _python(tables: Tables) -> Iterator[str]:
    yield f"FAMILY_BOUNDS: Mapping[Family, tuple[Bound, ...]] = {literal(tables.families)}"
    titles = {name: site.title for name, site in tables.sites.items()}
    yield f"SITE_TITLES: Mapping[str, str] = {literal(titles)}"
    bounds = {name: site.bounds for name, site in tables.sites.items()}
    yield f"SITE_BOUNDS: Mapping[str, Mapping[Family, tuple[Bound, ...]]] = {literal(bounds)}"
    blocks = {name: site.blocks for name, site in tables.sites.items()}
    yield f"SITE_BLOCKS: Mapping[str, Mapping[Family, tuple[Block, ...]]] = {literal(blocks)}"
