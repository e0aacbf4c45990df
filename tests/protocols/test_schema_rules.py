"""The JSON Schema of protocol files: what it refuses, and that it takes whatever is read.

It is judged by a validator that knows nothing of this project.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from protocols import schema
from protocols.library import bundled
from tests.cases import each
from tests.protocols.edits import STEPS, is_read, plain

VALIDATOR: Any = Draft202012Validator(schema.schema())
PERCUSSION = {"emit": {"speed": "1800 /min"}, "for": "1 min"}
QUESTION = {"code": "MY_OWN", "ask": "Is it so?"}
FLAG = {"code": "A_SIGN", "sign": "A sign.", "action": "refer_now"}
SOUND: Mapping[str, Any] = {
    "format": 1,
    "id": "calf-test",
    "title": "A test",
    "family": "ultrasound",
    "body_site": "calf",
    "side": "left",
    "purpose": "For tests.",
    "evidence": {"grade": "rct_positive", "note": "Read.", "sources": ["Author 2001"]},
    "limits": {"intensity": "0.5 W/cm²"},
    "steps": [{"emit": {"intensity": "0.3 W/cm²", "duty": "100 %", "carrier": "1 MHz"}, "for": "1 min"}],
}


def emitting(**emission: str) -> dict[str, Any]:
    return {"steps": [{"emit": SOUND["steps"][0]["emit"] | emission, "for": "1 min"}]}


def resting(written: object) -> dict[str, Any]:
    return {"steps": [*SOUND["steps"], {"rest": written}]}


def evidence(**said: object) -> dict[str, Any]:
    return {"evidence": {"grade": "rct_positive", "note": "Read."} | said}


INVALID: tuple[dict[str, Any], ...] = (
    # how parts agree
    emitting(duty="50 %"),
    emitting(duty=" 050.0 % "),
    emitting(pulse="100 Hz"),
    emitting(duty="100.0%", pulse="100 Hz"),
    {"family": "percussion"},
    {"family": "none"},
    {"family": "none", "limits": {}, "steps": [{"repeat": 2, "steps": [PERCUSSION]}]},
    {"steps": [*SOUND["steps"], PERCUSSION]},
    {"steps": [*SOUND["steps"], {"repeat": 2, "steps": [{"repeat": 2, "steps": [PERCUSSION]}]}]},
    {"steps": [{"rest": "10 s"}]},
    {"steps": [{"repeat": 2, "steps": [{"rest": "10 s"}]}]},
    {"limits": {"speed": "1800 /min"}},
    {"family": "percussion", "steps": [PERCUSSION], "limits": {"energy": "500 J"}},
    {"ages": ["child"]},
    {"ages": []},
    evidence(),
    evidence(sources=[]),
    evidence(grade="source_text"),
    # codes
    {"asks": ["MY_OWN"]},
    {"asks": ["PREG_ANY", "PREG_ANY"]},
    {"screening": [QUESTION | {"code": "PREG_ANY"}]},
    {"screening": [QUESTION, QUESTION]},
    {"red_flags": [FLAG | {"code": "PREG_ANY"}]},
    {"red_flags": [FLAG, FLAG]},
    # texts
    {"title": ""},
    {"title": " \n "},
    {"title": "x" * 401},
    {"title": "\x7f"},
    {"title": "a\u202eb"},
    {"title": "a\u200bb"},
    {"title": None},
    {"title": 5},
    {"steps": [*SOUND["steps"], {"guide": " ", "for": "1 s"}]},
    # quantities
    resting("0 s"),
    resting("0.0 min"),
    resting("5"),
    resting(5),
    resting("-5 s"),
    resting("5 kg"),
    resting("1,5 s"),
    resting("0.5 ms"),
    resting("0.0005 s"),
    resting("1" * 19 + " ms"),
    emitting(intensity="0.3001 W/cm²"),
    emitting(duty="99.5 %"),
    # names, kinds and counts
    {"id": "My Protocol"},
    {"body_site": "nowhere"},
    {"side": "both"},
    {"format": 2},
    {"format": True},
    {"limits": None},
    {"colour": "red"},
    {"steps": []},
    {"steps": [*SOUND["steps"], {"repeat": 51, "steps": [{"rest": "1 s"}]}]},
    {"steps": [*SOUND["steps"], {"repeat": 2, "steps": []}]},
    {"steps": [*SOUND["steps"], {"rest": "1 s", "guide": "Sit."}]},
    {"steps": [*SOUND["steps"], {"wait": "1 min"}]},
    {"family": "percussion", "limits": {}, "steps": [{"emit": {"speed": 1800}, "for": "1 min"}]},
    {"steps": [*SOUND["steps"], *[{"rest": "1 s"}] * 500]},
)


@each("change", INVALID)
def test_what_the_loader_refuses_by_itself_the_schema_refuses(change: dict[str, Any]) -> None:
    file = {**SOUND, **change}

    assert not is_read(file)
    assert not VALIDATOR.is_valid(file)


@each(
    "change",
    [
        {},
        {"title": "  A   title\n of two lines  "},
        {"title": "x " * 200},
        {"title": " " * 500 + "é–²"},
        emitting(intensity=".3  W / cm^2"),
        emitting(intensity="\u00a00.30000\u3000W/cm²"),
        emitting(duty="50.0%", pulse="100 Hz"),
        resting("0.5 min"),
        resting("0.0001 h"),
        resting("00.5s"),
        evidence(grade="none"),
        {"asks": ["PREG_ANY"], "screening": [QUESTION]},
        {"red_flags": [FLAG, {**FLAG, "code": "B", "sign": "B."}]},
        {"family": "percussion", "limits": {"speed": "1800 per min"}, "steps": [PERCUSSION]},
        {"family": "none", "steps": [{"guide": "Walk.", "for": "4 h"}]},
    ],
)  # fmt: skip
def test_what_is_written_in_an_unusual_way_is_taken_by_both(change: dict[str, Any]) -> None:
    file = {**SOUND, **change}

    assert is_read(file)
    assert VALIDATOR.is_valid(file)


@pytest.mark.parametrize("id_", bundled())
def test_a_bundled_file_is_taken(id_: str) -> None:
    assert VALIDATOR.is_valid(plain(id_))


def test_the_schema_is_a_schema_with_a_name_of_its_own() -> None:
    made = schema.schema()

    Draft202012Validator.check_schema(made)
    assert made["$id"] == f"urn:physioctl:{schema.PATH.name}"
    assert list(made)[:2] == ["$schema", "$id"]


def test_every_rule_of_the_steps_holds_in_repeats() -> None:
    """Each kind of step is taken at any depth where its family is the file's, and only there."""
    for step in STEPS:
        for family in ("ultrasound", "percussion", "none"):
            usual = {"ultrasound": SOUND["steps"], "percussion": [PERCUSSION], "none": [{"rest": "1 s"}]}[
                family
            ]
            nested = [*usual, {"repeat": 2, "steps": [{"repeat": 2, "steps": [step]}]}]
            file = {**SOUND, "family": family, "limits": {}, "steps": nested}

            assert VALIDATOR.is_valid(file) is is_read(file), (step, family)
