"""Quantities: from what a person writes (``0.5 W/cm²``) to the whole number inside (500 mW/cm²), and back.

Exact in both directions. Limits are not checked here.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from unicodedata import decimal

from protocols.errors import invalid, shorten


@dataclass(frozen=True)
class Dimension:
    """One kind of quantity, and every way its units may be written."""

    name: str
    whole: str  # the unit its whole numbers are counted in
    factors: Mapping[str, Decimal]  # a unit as people write it -> how many whole units it is
    shown: tuple[str, ...]  # for people: the first in which the value is whole, or else the last
    examples: tuple[str, ...]

    @property
    def usual(self) -> str:
        """The unit to suggest to someone who wrote none."""
        return self.shown[-1]


def _per(**factors: str) -> dict[str, Decimal]:
    return {unit: Decimal(factor) for unit, factor in factors.items()}


INTENSITY = Dimension(
    "an intensity",
    "mW/cm²",
    {f"{watt}/cm{square}": Decimal(n) for watt, n in (("W", 1000), ("mW", 1)) for square in ("²", "2", "^2")},
    ("W/cm²",),
    ("0.44 W/cm²", "440 mW/cm2"),
)
DURATION = Dimension(
    "a time",
    "ms",
    _per(h="3600000", min="60000", s="1000", ms="1"),
    ("min", "s"),
    ("5 min", "90 s"),
)
PERCENT = Dimension("a percentage", "%", {"%": Decimal(1)}, ("%",), ("20 %", "100 %"))
CARRIER = Dimension("a carrier frequency", "kHz", _per(MHz="1000", kHz="1"), ("MHz",), ("1 MHz", "3 MHz"))
PULSE = Dimension("a pulse repetition", "Hz", _per(Hz="1"), ("Hz",), ("100 Hz",))
SPEED = Dimension(
    "a speed", "/min", {"/min": Decimal(1), "per min": Decimal(1)}, ("/min",), ("2100 /min", "1800 per min")
)
ENERGY = Dimension("an energy", "mJ", _per(kJ="1000000", J="1000", mJ="1"), ("kJ", "J"), ("500 J", "1.2 kJ"))

DIMENSIONS = (INTENSITY, DURATION, PERCENT, CARRIER, PULSE, SPEED, ENERGY)
_BY_WHOLE = {dimension.whole: dimension for dimension in DIMENSIONS}

_DIGITS_MAX = 18  # far beyond any dose, and well within what Decimal carries exactly
_WRITTEN = re.compile(r"(?P<number>[0-9]+(?:\.[0-9]+)?|\.[0-9]+)\s*(?P<unit>[^0-9.,+\-\s].*)?")
_MARKS = {
    ",": "a comma",
    "·": "a raised dot",
    "٫": "an Arabic decimal mark",
    "٬": "an Arabic thousands mark",
    "'": "an apostrophe",
    "’": "an apostrophe",
    " ": "a space",
}
_NUMBER_LIKE = re.compile(rf"[\d.{''.join(_MARKS)}]*\d")
_NUMBER_GOES_ON = re.compile(rf"[\d{''.join(_MARKS)}]+\d")
_PLAIN = re.compile(r"[0-9]+(?:\.[0-9]+)?")
_DECIMAL = re.compile(r"(\d+)[,·٫](\d+)")
_GROUPED = re.compile(r"(\d{1,3}(?:\.\d{3})+),(\d+)|(\d{1,3}(?:,\d{3})+)\.(\d+)")
_NOT_FINITE = re.compile(r"[+-]?\.?(nan|inf(inity)?)\b.*", re.IGNORECASE)


def parse(written: object, dimension: Dimension) -> int:
    """The whole number that ``written`` stands for, or `InvalidValue`."""
    if isinstance(written, bool) or not isinstance(written, int | Decimal | str):
        raise invalid(f"{_kind(written)} is not {dimension.name}", _write(dimension))
    text = " ".join(str(written).split())
    if _NOT_FINITE.fullmatch(text):
        raise invalid(f"{shorten(text)} is not a finite number", _write(dimension))
    if text.startswith("-"):
        raise invalid(f"{shorten(text)} is negative; {dimension.name} is above zero", _write(dimension))
    if (match := _WRITTEN.fullmatch(text)) and not _NUMBER_GOES_ON.match(match["unit"] or ""):
        return _whole(Decimal(_bounded(match["number"], dimension)), match["unit"] or "", text, dimension)
    if (number := _NUMBER_LIKE.match(text)) and (mark := _foreign_mark(number[0].strip())):
        raise invalid(f"{shorten(text)} has {mark} in its number", _with_a_point(number, text, dimension))
    raise invalid(f"{shorten(text)!r} is not {dimension.name}", _write(dimension))


def show(value: int, dimension: Dimension) -> str:
    """``value`` as people read it, exactly: ``0.44 W/cm²``, ``5 min``, ``90 s``."""
    for unit in dimension.shown:
        if value % dimension.factors[unit] == 0:
            break
    return f"{(value / dimension.factors[unit]).normalize():f} {unit}"


def write(value: int, dimension: Dimension) -> str:
    """``value`` as `parse` reads it back, in whole units: ``440 mW/cm²``, ``300000 ms``."""
    return f"{value} {dimension.whole}"


def show_in(value: int, whole: str) -> str:
    """``value``, counted in the unit ``whole`` (such as ``mW/cm²`` or ``ms``), as people read it."""
    return show(value, dimension_of(whole))


def dimension_of(whole: str) -> Dimension:
    """The dimension whose whole numbers are counted in the unit ``whole``."""
    return _BY_WHOLE[whole]


def pattern(dimension: Dimension) -> str:
    """A regular expression (ECMA 262) that refuses most of what `parse` refuses, and nothing that it takes.

    Whether a value in h or min is a whole number of milliseconds is not looked at, nor the highest value.
    """
    blank = r"\s*"  # also between the letters of a unit
    by_decimals: dict[str, list[str]] = {}
    for unit, factor in dimension.factors.items():
        by_decimals.setdefault(_decimals(factor), []).append(blank.join(map(re.escape, _packed(unit))))
    written = "|".join(f"{number}{blank}({'|'.join(units)})" for number, units in by_decimals.items())
    return rf"^{blank}(?=[0-9.]*[1-9])(?![0-9.]{{{_DIGITS_MAX + 1}}})({written}){blank}$"


def say_how(dimension: Dimension) -> str:
    """What to write, for an editor to show where the pattern does not fit."""
    return f"{_write(dimension)} Zero is not off."


def _decimals(factor: Decimal) -> str:
    """The pattern of a number that is whole once multiplied by ``factor``, where that is a power of ten."""
    most = len(f"{factor:f}") - 1
    if factor != Decimal(10) ** most:
        return r"([0-9]+(\.[0-9]+)?|\.[0-9]+)"
    after = rf"[0-9]{{1,{most}}}0*" if most else "0+"
    return rf"([0-9]+(\.{after})?|\.{after})"


def _whole(number: Decimal, unit: str, text: str, dimension: Dimension) -> int:
    if not unit:
        raise invalid(
            f"{shorten(text)} is a number without a unit", f"Write it as {shorten(text)} {dimension.usual}."
        )
    factor = {_packed(known): factor for known, factor in dimension.factors.items()}.get(_packed(unit))
    if factor is None:
        raise invalid(
            f"{shorten(unit)!r} is not a unit of {_bare(dimension)}; {_choice(dimension)} belongs here",
            _write(dimension),
        )
    whole = number * factor
    if whole == 0:
        raise invalid(f"{shorten(text)} is zero; {dimension.name} is above zero", _ZERO)
    if whole != whole.to_integral_value():
        raise invalid(
            f"{shorten(text)} is finer than 1 {dimension.whole}, the smallest step there is",
            f"Round it to a whole number of {dimension.whole}.",
        )
    if whole >= 10**_DIGITS_MAX:
        raise invalid(f"{shorten(text)} is more than any number here may be", _write(dimension))
    return int(whole)


def _foreign_mark(number: str) -> str:
    """What stands in ``number`` that no number has here; empty where nothing does."""
    if any(char.isdecimal() and not char.isascii() for char in number):
        return "digits other than 0 to 9"
    return next((name for mark, name in _MARKS.items() if mark in number), "")


def _with_a_point(number: re.Match[str], text: str, dimension: Dimension) -> str:
    """What to write instead: the value itself where it can mean one thing only."""
    digits = "".join(str(decimal(char)) if char.isdecimal() else char for char in number[0])
    whole, fraction = _decimal_parts(digits)
    meant = f"{whole}.{fraction}" if fraction else digits
    unit = text[number.end() :].strip() or dimension.usual
    plain = _PLAIN.fullmatch(meant) is not None and len(meant) <= _DIGITS_MAX
    if not plain or _packed(unit) not in map(_packed, dimension.factors):
        return f"Write decimals with a point and nothing between thousands, such as {dimension.examples[0]}."
    return f"Write {meant} {unit}{', with a point' if fraction else ''}."


def _decimal_parts(digits: str) -> tuple[str, str]:
    """What stands before and behind the decimal mark; nothing where it may be a mark of thousands."""
    if found := _GROUPED.fullmatch(digits):
        whole, fraction = filter(None, found.groups())
        return re.sub("[.,]", "", whole), fraction
    found = _DECIMAL.fullmatch(digits)
    if found is None or (len(found[2]) == 3 and found[1] != "0"):
        return "", ""
    return found[1], found[2]


_ZERO = "Leave it out. Where the output is to be off, use a `rest` step."


def _bounded(number: str, dimension: Dimension) -> str:
    if len(number) > _DIGITS_MAX:
        raise invalid(f"{shorten(number)} has more than {_DIGITS_MAX} digits", _write(dimension))
    return number


def _packed(unit: str) -> str:
    return "".join(unit.split())


def _kind(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return {type(None): "nothing", dict: "a mapping", tuple: "a list"}.get(type(value), type(value).__name__)


def _bare(dimension: Dimension) -> str:
    return dimension.name.split(" ", 1)[1]


def _choice(dimension: Dimension) -> str:
    units = [unit for unit in dimension.factors if not unit.endswith(("cm2", "cm^2", "per min"))]
    return " or ".join(filter(None, [", ".join(units[:-1]), units[-1]]))


def _write(dimension: Dimension) -> str:
    return f"Write {dimension.name} such as {dimension.examples[0]}."
