"""The two layers that hold for every unit: the family's ceilings, and the body site's.

The numbers stand in ``families.toml`` and ``sites.toml``. It will never know a unit or a person.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any, TypeAlias

from protocols.limits import Block, Bound, Family, Layer, Quantity

Bounds: TypeAlias = tuple[Bound, ...]
Blocks: TypeAlias = tuple[Block, ...]


@cache
def family_layer(family: Family) -> Bounds:
    """What no unit of ``family`` may ever do."""
    return tuple(_bounds(_data("families")[family], Layer.FAMILY, "families.toml"))


@cache
def site_layer(body_site: str, family: Family) -> tuple[Bounds, Blocks]:
    """What ``body_site`` bounds for ``family``, and the block if it is not to be used there at all."""
    said = _data("sites")[body_site][family]
    if "blocked" in said:
        return (), (Block(family, Layer.SITE, f"sites.toml, {body_site}", said["blocked"]),)
    return tuple(_bounds(said, Layer.SITE, f"sites.toml, {body_site}")), ()


def body_sites() -> Mapping[str, str]:
    """Every body site a protocol may name, with what people call it."""
    return {name: site["title"] for name, site in _data("sites").items()}


def _bounds(said: Mapping[str, Any], layer: Layer, file: str) -> Iterator[Bound]:
    for name, clauses in said.items():
        yield Bound(
            quantity=Quantity[name.upper()],
            layer=layer,
            source=f"{file}: {clauses['source']}",
            at_least=clauses.get("at_least"),
            at_most=clauses.get("at_most"),
        )


@cache
def _data(name: str) -> dict[str, Any]:
    return tomllib.loads(Path(__file__).with_name(f"{name}.toml").read_text(encoding="utf-8"))
