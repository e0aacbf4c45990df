"""What a protocol gives, as the guard reads it from the protocol's canonical text.

It reads the text itself, and neither the protocol's model nor the compiled plan: a mistake in either must not
change what the guard takes for allowed.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from device.control.families import OWN_LIMITS, read_setting
from protocols import quantity
from protocols.errors import shorten
from protocols.limits import Bound, Family, Layer
from protocols.plan import OFF_STEPS, Emit

STEPS_MAX = 1000  # emissions of one session, repeats written out; this project's own
_KINDS = ("emit", "repeat", *(step.kind for step in OFF_STEPS))  # every other kind is refused


class ContentUnreadable(ValueError):
    """The protocol's content does not say what it gives. Nothing may be given."""


@dataclass(frozen=True, slots=True)
class Content:
    """The part of a protocol that says what goes out, and where."""

    family: Family | None  # None: guidance only
    body_site: str
    emissions: tuple[Emit, ...]  # in order, repeats written out; a ramp that is not named is 0
    bounds: tuple[Bound, ...]  # the protocol's own


@lru_cache(maxsize=64)
def read_content(content: str, content_hash: str) -> Content:
    """What ``content`` gives; raise `ContentUnreadable` unless it is whole and of that SHA-256."""
    if hashlib.sha256(content.encode()).hexdigest() != content_hash:
        raise ContentUnreadable("the protocol's content is not of the hash that was recorded")
    try:
        said = json.loads(content)
        family = None if said["family"] == "none" else Family(said["family"])
        bounds = tuple(_bound(key, value) for key, value in said.get("limits", {}).items())
        return Content(family, str(said["body_site"]), tuple(_emissions(said["steps"], family)), bounds)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        what = shorten(str(error), 200)
        raise ContentUnreadable(f"the protocol's content cannot be read: {what}") from error


def _bound(key: str, value: object) -> Bound:
    bounded, dimension = OWN_LIMITS[key]
    return Bound(bounded, Layer.PROTOCOL, "the protocol", at_most=quantity.parse(value, dimension))


def _emissions(steps: Any, family: Family | None) -> Iterator[Emit]:
    for count, emission in enumerate(_walked(steps, family)):
        if count >= STEPS_MAX:
            raise ContentUnreadable(f"there are more than {STEPS_MAX} emissions")
        yield emission


def _walked(steps: Any, family: Family | None) -> Iterator[Emit]:
    for step in steps:
        (kind,) = (kind for kind in _KINDS if kind in step)
        if kind == "repeat":
            times = step["repeat"]
            if type(times) is not int or not 1 <= times <= STEPS_MAX:  # a bool is an int, and no number
                raise ContentUnreadable(f"{times!r} is no number of repeats")
            inner = tuple(_emissions(step["steps"], family))
            for _ in range(times):
                yield from inner
        elif kind == "emit":
            if family is None:
                raise ContentUnreadable("it emits, and is of no family")
            yield Emit(
                read_setting(step["emit"], family),
                quantity.parse(step["for"], quantity.DURATION),
                quantity.parse(step["ramp"], quantity.DURATION) if "ramp" in step else 0,
            )
