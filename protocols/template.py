"""A protocol file to begin with: valid once the places that are marked in it are filled in.

Nothing that an author has to decide is decided here: who copies it and fills in nothing has a file that is
refused in every marked line.
"""

from __future__ import annotations

from collections.abc import Iterator

from protocols import quantity, schema
from protocols.families import definition
from protocols.families.base import Key
from protocols.limits import Family
from protocols.model import FORMAT, NO_FAMILY

MARK = "# fill in: "


def template(id_: str, family: Family | None) -> str:
    """The text of the file for the protocol ``id_``. Its first line names the schema that is installed."""
    return "\n".join([*_head(id_, family), *_steps(family)]) + "\n"


def _head(id_: str, family: Family | None) -> Iterator[str]:
    yield f"# yaml-language-server: $schema={schema.PATH.as_uri()}"
    yield f"format: {FORMAT}"
    yield f"id: {id_}"
    yield f"title:  {MARK}what it is, in a line"
    yield f"family: {family or NO_FAMILY}"
    yield f"body_site:  {MARK}one of those in sites.toml, such as calf"
    yield f"side:  {MARK}either, left, right or none"
    yield f"purpose:  {MARK}for whom and when; and for whom not"
    yield "evidence:"
    yield f"  grade:  {MARK}how far anything published supports it; expert_opinion and none need no sources"
    yield f"  note:  {MARK}what is known and what is not, in a sentence"
    yield "  sources: []  # publications, as author and year"
    if family is not None:
        yield "limits:  # its own, which can only lower"
        yield f"  duration:  {MARK}delivered time of the session, such as 5 min"
        yield from _keys("  ", definition(family).limits[:1])
    yield "# screening:  # questions that it adds; a yes refuses the session"
    yield "#   - {code: A_CODE_OF_YOUR_OWN, ask: Is it so?}"
    yield "red_flags:"
    yield f"  - sign:  {MARK}what sends the person to someone else"
    yield f"    code:  {MARK}a code of your own, such as SUDDEN_WEAKNESS"
    yield f"    action:  {MARK}refer_now or refer_soon"


def _steps(family: Family | None) -> Iterator[str]:
    yield "steps:"
    yield f"  - guide:  {MARK}what the person does"
    yield f"    for:  {MARK}its time, such as 30 s"
    if family is None:
        return
    said = definition(family)
    yield "  - emit:"
    yield from _keys("      ", said.keys)
    yield f"    for:  {MARK}delivered time, such as 3 min"
    yield f"    say:  {MARK}what the therapist does meanwhile"


def _keys(indent: str, keys: tuple[Key, ...]) -> Iterator[str]:
    for key in keys:
        such_as = f"such as {quantity.dimension_of(key.quantity.unit).examples[0]}"
        such_as += f"; {key.about}" if key.about else ""
        yield f"{indent}{key.name}:  {MARK}{such_as}" if key.needed else f"{indent}# {key.name}:  # {such_as}"
