"""References to persons: one person has one reference, and what is no reference is refused with why."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from physioctl.errors import InvalidUsage
from physioctl.person import reference


@pytest.mark.hazard("H-03")
@pytest.mark.parametrize("spelt", ["P-017", "p-017", "Ｐ-017", "P-０１７", "P－017"])
def test_one_person_has_one_reference(spelt: str) -> None:
    assert reference(spelt) == "p-017"


REFUSED = {
    "Mary Smith": "space", "": "empty", " ": "space", " P-017": "space", "P-017\n": "space",
    "P\u200b-017": "ZERO WIDTH SPACE", "P\u2010017": "HYPHEN",
    "P\u2011017": "HYPHEN", "P\u2013017": "EN DASH",
    "-017": "begin", ".": "begin", "P-017\0": "control character", "\udc80": "U\\+DC80", "ß": "SHARP S",
    "x" * 33: "longer than 32", "Ρ-017": "GREEK", "P/017": "SOLIDUS", "é": "ACUTE",
}  # fmt: skip


@pytest.mark.hazard("H-03")
@pytest.mark.parametrize("text", REFUSED)
def test_what_is_no_reference_is_refused_with_why(text: str) -> None:
    with pytest.raises(InvalidUsage, match=REFUSED[text]) as refused:
        reference(text)

    assert "never a name" in refused.value.action


@given(st.text() | st.text("Pp-017._ \u200b\u2010\uff10K\u212a"))
def test_a_reference_is_always_in_its_one_form(text: str) -> None:
    try:
        found = reference(text)
    except InvalidUsage:
        return
    assert re.fullmatch(r"[a-z0-9][a-z0-9._-]{0,31}", found)
    assert reference(found) == reference(text.upper()) == found
