"""FHIR's data types as plain values, ready for JSON, by hl7.org/fhir/R4B/datatypes.html.

Nothing that is empty is written: FHIR allows no empty text, list or object. Whatever a text holds that is
no printable character is written out, as ``\\u202e``: a reader is never given a control character.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from enum import Enum
from typing import Any, TypeAlias

from physioctl.record.entries import WHOLE_MAX
from physioctl.text import clean
from protocols.limits import Quantity

Json: TypeAlias = dict[str, Any]

UCUM = "http://unitsofmeasure.org"  # what FHIR calls the system of these units
TEXT_MAX = 1_000_000  # characters; FHIR allows a text 1024 × 1024
_EMPTY: tuple[object, ...] = (None, "", [], {})


class Unit(Enum):
    """A unit of measurement: as people write it, its UCUM code, and how many of ours make one."""

    SECOND = "s", "s", 1000
    JOULE = "J", "J", 1000
    JOULE_PER_CM2 = "J/cm²", "J/cm2", 1000
    WATT_PER_CM2 = "W/cm²", "W/cm2", 1000
    PER_MINUTE = "/min", "/min", 1
    DEGREE_CELSIUS = "°C", "Cel", 10
    PERCENT = "%", "%", 1
    KILOHERTZ = "kHz", "kHz", 1
    HERTZ = "Hz", "Hz", 1

    def of(self, value: int) -> int | float:
        """``value``, counted in our whole numbers, in this unit. JSON shows it without an exponent.

        Of a value that no unit gives, and that a float does not hold, what follows the point is left out.
        """
        _, _, ours = self.value
        return value // ours if value % ours == 0 or abs(value) > WHOLE_MAX else value / ours


_UNITS = {
    "mW/cm²": Unit.WATT_PER_CM2,
    "%": Unit.PERCENT,
    "kHz": Unit.KILOHERTZ,
    "Hz": Unit.HERTZ,
    "/min": Unit.PER_MINUTE,
    "ms": Unit.SECOND,
    "mJ": Unit.JOULE,
}


def unit_of(quantity: Quantity) -> Unit:
    """The unit in which a value of ``quantity`` is exported."""
    return _UNITS[quantity.unit]


def element(**fields: Any) -> Json:
    """An object of what is not empty in ``fields``."""
    return {name: value for name, value in fields.items() if value not in _EMPTY}


def text(said: str | None) -> str | None:
    """``said`` on one line of printable characters; None when nothing is left. What is cut off is said."""
    if said is None:
        return None
    line = clean(said).strip()
    if len(line) > TEXT_MAX:
        cut = f" … ({len(line)} characters in the record)"
        line = line[: TEXT_MAX - len(cut)] + cut
    return line or None


def instant(at: datetime) -> str:
    """A time with its zone, to the millisecond."""
    return at.isoformat(timespec="milliseconds")


def quantity(value: int, unit: Unit) -> Json:
    """A Quantity: ``value``, counted in our whole numbers, with its UCUM unit."""
    shown, code, _ = unit.value
    return {"value": unit.of(value), "unit": shown, "system": UCUM, "code": code}


def concept(said: str | None, coding: Json | None = None) -> Json | None:
    """A CodeableConcept: a text, and a code where one is known."""
    return element(coding=[coding] if coding else None, text=text(said)) or None


def annotation(said: str | None, at: datetime | None = None, by: str | None = None) -> Json | None:
    """An Annotation; None when nothing is said."""
    if (line := text(said)) is None:
        return None
    return element(authorString=text(by), time=instant(at) if at else None, text=line)


def listed(items: Sequence[Json | None]) -> list[Json]:
    """``items`` without what is empty."""
    return [item for item in items if item]


def identifier(value: str | None, system: str | None, kind: str = "") -> Json | None:
    """An Identifier: ``value`` in a system that the clinic has named, if it has."""
    if (line := text(value)) is None:
        return None
    return element(type=concept(kind), system=system, value=line)


def identified(kind: str, who: Json | None, shown: str = "") -> Json:
    """A Reference to a resource that is not in the bundle: by its identifier, or by words alone."""
    return element(type=kind if who else None, identifier=who, display=text(shown))
