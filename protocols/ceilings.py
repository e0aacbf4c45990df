"""The two layers that hold for every unit: the family's ceilings, and the body site's.

The numbers stand in ``families.toml`` and ``sites.toml``; `protocols.shipped_limits` is made from them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeAlias

from protocols.errors import shorten
from protocols.limits import Block, Bound, Family, Layer
from protocols.shipped_limits import FAMILY_BOUNDS, SITE_BLOCKS, SITE_BOUNDS, SITE_TITLES

Bounds: TypeAlias = tuple[Bound, ...]
Blocks: TypeAlias = tuple[Block, ...]


def family_layer(family: Family) -> Bounds:
    """What no unit of ``family`` may ever do."""
    return FAMILY_BOUNDS[family]


def site_layer(body_site: str, family: Family) -> tuple[Bounds, Blocks]:
    """What ``body_site`` bounds for ``family``, and the block if it is not to be used there at all.

    A site that is not in the table is blocked.
    """
    if body_site not in SITE_TITLES:
        reason = f"{shorten(body_site)!r} is not a body site that is known here"
        return (), (Block(family, Layer.SITE, "sites.toml", reason),)
    return SITE_BOUNDS[body_site][family], SITE_BLOCKS[body_site][family]


def body_sites() -> Mapping[str, str]:
    """Every body site a protocol may name, with what people call it."""
    return SITE_TITLES
