"""What a nameplate that is not ours has to keep to, beyond what any nameplate has.

Its numbers may be higher than those of our models, up to the ceilings of its family; what protects a person
(sensors, leases, the wait for contact, the head's temperatures) may not be weaker than with any of ours.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from device.errors import NameplateInvalid
from device.nameplate import SENSORS
from device.nameplate_files import id_of
from protocols.limits import Limits

if TYPE_CHECKING:
    from device.models import Model, Range

AREA_MIN_MM2, AREA_MAX_MM2 = 10, 1000  # the family's ceiling on energy is for a head of up to 10 cm²
_NAME_MAX = 16  # bytes of a model's name on the native wire


def check_added(where: str, read: Model, ours: Sequence[Model]) -> None:
    """Raise `NameplateInvalid` for a nameplate at ``where`` that may not stand beside ``ours``."""
    alike = [each for each in ours if each.family is read.family]
    if wrong := [*_in_its_name(read, ours), *_above_the_family(read), *_unprotected(read, alike)]:
        raise NameplateInvalid(f"{where}: {'; '.join(wrong)}", "Correct the nameplate.")


def _in_its_name(read: Model, ours: Sequence[Model]) -> Iterator[str]:
    if not read.name.isascii() or len(read.name) > _NAME_MAX:
        yield f"its name is not of 1 to {_NAME_MAX} ASCII characters, and no unit could say it"
    if id_of(read.name) != read.id:
        yield f"the id of the name {read.name!r} is {id_of(read.name)!r}, and not {read.id!r}"
    if read.name.lower() in [each.name.lower() for each in ours]:
        yield f"the name {read.name!r} is taken by a model of this program"


def _above_the_family(read: Model) -> Iterator[str]:
    from protocols.ceilings import family_layer  # a stop needs no table

    ceilings = Limits(family_layer(read.family))
    for bound in read.bounds:
        values = (bound.at_least, bound.at_most, *sorted(bound.one_of or ()))
        for value in values:
            if value is not None and (excess := ceilings.excess(bound.quantity, value)):
                yield str(excess)


def _unprotected(read: Model, alike: Sequence[Model]) -> Iterator[str]:
    if not alike:
        yield f"no model of this program is of the family {read.family}, so nobody can say what it needs"
        return
    needed = frozenset(SENSORS).intersection(*(each.sensors for each in alike))
    for sensor in SENSORS:
        if sensor in needed and sensor not in read.sensors:
            yield f"it needs no {sensor.replace('_', ' ')} sensor, and a unit of its family has to have one"
    for range_ in read.ranges:
        low, high = _widest(range_, alike)
        if range_.low < low or range_.high > high:
            yield f"{range_.what} may be {range_.low} to {range_.high}, and {low} to {high} is allowed"
    for what, warmest in (("warn", "head_warn_ddeg_c"), ("trip", "head_trip_ddeg_c")):
        own = getattr(read, warmest)
        if own is not None and own > (most := max(getattr(each, warmest) for each in alike)):
            yield f"its head may {what} at {own}, and at most {most} is allowed (tenths of a degree)"


def _widest(range_: Range, alike: Sequence[Model]) -> tuple[int, int]:
    if range_.what == "area_mm2":
        return AREA_MIN_MM2, AREA_MAX_MM2
    same = [each for model in alike for each in model.ranges if each.what == range_.what]
    return min(each.low for each in same), max(each.high for each in same)
