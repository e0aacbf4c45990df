"""The JSON Schema of protocol files takes whatever is read, as a validator of its own judges it."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from protocols import schema
from protocols.library import bundled
from protocols.quantity import DIMENSIONS, Dimension, parse, pattern
from tests.protocols.edits import edited, is_read, plain

VALIDATOR: Any = Draft202012Validator(schema.schema())


@settings(max_examples=200, deadline=None)
@given(id_=st.sampled_from(bundled()), data=st.data())
def test_the_schema_refuses_no_file_that_is_read(id_: str, data: st.DataObject) -> None:
    file = data.draw(edited(plain(id_)))

    if is_read(file):
        assert VALIDATOR.is_valid(file)


@settings(max_examples=300, deadline=None)
@given(
    dimension=st.sampled_from(DIMENSIONS),
    number=st.from_regex(r"[0-9]{0,4}(\.[0-9]{0,4}0{0,4})?", fullmatch=True),
    data=st.data(),
)
def test_the_pattern_refuses_no_quantity_that_is_read(
    dimension: Dimension, number: str, data: st.DataObject
) -> None:
    unit = data.draw(st.sampled_from([*dimension.factors, "kg", ""]))
    blank = data.draw(st.sampled_from(["", " ", "\u00a0", "\n "]))
    written = f"{blank}{number}{blank}{blank.join(unit)}{blank}"

    taken = Draft202012Validator({"pattern": pattern(dimension)}).is_valid(written)

    try:
        parse(written, dimension)
    except ValueError:
        return
    assert taken
