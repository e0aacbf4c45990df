"""The two layers that hold for every unit: the family's ceilings, and the body site's.

The numbers stand in ``families.toml`` and ``sites.toml``. They are read once, when they are first asked for:
`protocols.tables`, which checks them, imports pydantic.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import TYPE_CHECKING, TypeAlias

from protocols.errors import shorten
from protocols.limits import Block, Bound, Family, Layer

if TYPE_CHECKING:
    from protocols.tables import Tables

Bounds: TypeAlias = tuple[Bound, ...]
Blocks: TypeAlias = tuple[Block, ...]


def family_layer(family: Family) -> Bounds:
    """What no unit of ``family`` may ever do.

    Raise `InstallationDamaged` when the tables cannot be relied on; so do the other two.
    """
    return _tables().families[family]


def site_layer(body_site: str, family: Family) -> tuple[Bounds, Blocks]:
    """What ``body_site`` bounds for ``family``, and the block if it is not to be used there at all.

    A site that is not in the table is blocked.
    """
    site = _tables().sites.get(body_site)
    if site is None:
        reason = f"{shorten(body_site)!r} is not a body site that is known here"
        return (), (Block(family, Layer.SITE, "sites.toml", reason),)
    return site.bounds[family], site.blocks[family]


def body_sites() -> Mapping[str, str]:
    """Every body site a protocol may name, with what people call it."""
    return {name: site.title for name, site in _tables().sites.items()}


@cache
def _tables() -> Tables:
    from protocols import tables

    return tables.load()
