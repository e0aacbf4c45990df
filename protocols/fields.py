"""The kinds of field a protocol file has: quantities, lines of text, names.

Each refuses with what was found and how to correct it, and each tells an editor its pattern.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Iterable
from decimal import Decimal
from typing import Annotated, Any, TypeAlias

from pydantic import AfterValidator, BeforeValidator, PlainSerializer, SerializationInfo, WithJsonSchema

from protocols import ceilings, quantity
from protocols.errors import invalid, shorten
from protocols.limits import Family, Limits, Quantity
from protocols.quantity import Dimension

TEXT_MAX = 400
NAME_MAX = 80
FOR_PEOPLE = "for people"  # the context of a dump whose quantities are as people write them: `5 min`


def _quantity(dimension: Dimension) -> tuple[BeforeValidator, PlainSerializer, WithJsonSchema]:
    def read(written: object) -> int:
        return quantity.parse(written, dimension)

    def write(value: int, info: SerializationInfo) -> str:
        as_people_write = info.context == FOR_PEOPLE
        return quantity.show(value, dimension) if as_people_write else quantity.write(value, dimension)

    schema = {
        "type": "string",
        "pattern": quantity.pattern(dimension),
        "patternErrorMessage": quantity.say_how(dimension),  # which some editors show in the pattern's place
        "examples": [*dimension.examples],
    }
    return BeforeValidator(read), PlainSerializer(write), WithJsonSchema(schema)


def _within(family: Family, bounded: Quantity) -> AfterValidator:
    """The first fence: what no unit of the family may ever do is a mistake in the file itself."""

    def check(value: int) -> int:
        if excess := Limits(ceilings.family_layer(family)).excess(bounded, value):
            raise invalid(str(excess), f"Stay within it: {excess.bound}.")
        return value

    return AfterValidator(check)


def of_quantity(bounded: Quantity, family: Family | None = None) -> Any:
    """The type of a field that holds ``bounded``, within the ceiling of ``family`` where one is given."""
    within = () if family is None else (_within(family, bounded),)
    return Annotated[(int, *_quantity(quantity.dimension_of(bounded.unit)), *within)]


Duration: TypeAlias = Annotated[int, *_quantity(quantity.DURATION)]


def _given(value: object) -> object:
    """A key that is there has a value: an empty limit would look like one and be none."""
    if value is None:
        raise invalid("is left empty", "Write a value, or take the key out.")
    return value


Given = BeforeValidator(_given)


def _whole(value: object) -> object:
    """A version is a whole number: in Python true, and 1.0, are 1 as well."""
    if isinstance(value, bool | float | Decimal):
        raise invalid(f"found {shorten(str(value).lower())}; expected a whole number", "Write `format: 1`.")
    return value


Version = BeforeValidator(_whole)


def near(word: str, known: Iterable[str]) -> str:
    """``Did you mean …?`` when something known is near ``word``, or what there is to choose from."""
    choice = sorted(known)
    close = difflib.get_close_matches(word, choice, n=1)
    return f"Did you mean {close[0]}?" if close else f"Choose from {', '.join(choice)}."


def _line(text: object) -> object:
    if not isinstance(text, str):
        return text
    line = " ".join(text.split())  # a folded block ends in a line break, and means none
    if not line:
        raise invalid("says nothing", "Write a line of text.")
    if len(line) > TEXT_MAX:
        raise invalid(f"is {len(line)} characters long; at most {TEXT_MAX} are read", "Say it shorter.")
    if not line.isprintable():
        # It is going to be printed on a terminal, which a control character could repaint.
        raise invalid("holds a control character", "Write plain text.")
    return line


def _text_schema() -> dict[str, Any]:
    """A line that says something, with its blanks counted as `_line` counts them.

    Of what no terminal is to be sent it names the control characters, and those that change the direction or
    join letters: what else is not printable depends on the version of Unicode.
    """
    shown = r"[^\s\x00-\x1f\x7f-\x9f\xad\u200b-\u200f\u202a-\u202e\u2060-\u2064\u2066-\u206f\ufeff]"
    return {
        "type": "string",
        "pattern": rf"^\s*(?={shown})({shown}|\s+(?={shown})){{1,{TEXT_MAX}}}\s*$",
        "patternErrorMessage": f"Write a line of plain text, at most {TEXT_MAX} characters.",
    }


def _matching(pattern: str, such_as: str) -> Callable[[str], str]:
    def check(name: str) -> str:
        if not re.fullmatch(pattern, name):
            raise invalid(f"found {shorten(name)!r}", f"Write a name such as {such_as}.")
        if len(name) > NAME_MAX:
            raise invalid(f"is {len(name)} characters long; at most {NAME_MAX} are read", "Make it shorter.")
        return name

    return check


def _name(pattern: str, such_as: str) -> tuple[Any, ...]:
    schema = {
        "type": "string",
        "pattern": f"^{pattern}$",
        "patternErrorMessage": f"Write a name such as {such_as}.",
        "maxLength": NAME_MAX,
        "examples": [such_as],
    }
    return AfterValidator(_matching(pattern, such_as)), WithJsonSchema(schema)


def _site(name: str) -> str:
    known = ceilings.body_sites()
    if name not in known:
        raise invalid(f"{shorten(name)!r} is not a body site we know", near(name, known))
    return name


Text: TypeAlias = Annotated[
    str,
    BeforeValidator(_line),
    WithJsonSchema(_text_schema()),
]
Id: TypeAlias = Annotated[str, *_name("[a-z][a-z0-9]*(-[a-z0-9]+)*", "calf-tightness-ultrasound")]
Code: TypeAlias = Annotated[str, *_name("[A-Z][A-Z0-9]*(_[A-Z0-9]+)*", "DVT_THROMBOPHLEBITIS")]
Site: TypeAlias = Annotated[
    str, AfterValidator(_site), WithJsonSchema({"type": "string", "enum": [*ceilings.body_sites()]})
]
