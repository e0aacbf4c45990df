"""A protocol's content: its canonical text, the hash of that, and where it came from."""

from __future__ import annotations

import hashlib
import json
import pickle
import warnings
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given

from protocols import library
from protocols.compile import check, compile_plan
from protocols.errors import ProtocolInvalid
from protocols.library import as_read, bundled, find, parse
from protocols.limits import Family, Limits
from protocols.model import Protocol
from protocols.steps import LEVELS, OFF_MODELS, EmitStep
from tests.protocol_files import as_bytes, files

CALF = "calf-tightness-ultrasound"
FOLDER = Path(library.__file__).with_name("library")


@pytest.mark.hazard("H-21")
@given(files())
def test_a_canonical_text_is_read_back_to_an_equal_protocol(file: dict[str, Any]) -> None:
    protocol = parse(as_bytes(file))

    again = parse(protocol.canonical_text().encode())

    assert again == protocol
    assert again.canonical_text() == protocol.canonical_text()
    assert again.content_hash == protocol.content_hash
    assert hash(again) == hash(protocol)


@pytest.mark.hazard("H-21")
@pytest.mark.parametrize("id_", bundled())
def test_a_bundled_protocol_is_read_back_from_its_canonical_text(id_: str) -> None:
    protocol = find(id_)

    again = parse(protocol.canonical_text().encode())

    assert again == protocol
    assert protocol.content_hash == hashlib.sha256(protocol.canonical_text().encode()).hexdigest()


def test_a_canonical_text_is_json_with_sorted_keys_and_units() -> None:
    text = find("unit-check").canonical_text()

    said = json.loads(text)
    assert text == json.dumps(said, ensure_ascii=False, sort_keys=True)
    assert said["limits"] == {"duration": "10000 ms", "intensity": "290 mW/cm²"}
    assert said["steps"][-1]["for"] == "10000 ms"
    assert "screening" not in said


@pytest.mark.hazard("H-21")
def test_what_changes_nothing_that_is_done_keeps_the_hash() -> None:
    data = (FOLDER / f"{CALF}.yaml").read_text(encoding="utf-8")
    reordered = data.replace("side: either\n", "").replace("format: 1\n", "side: either\nformat: 1\n")
    rewritten = data.replace("0.44 W/cm²", "440 mW/cm2").replace("for: 2 min", "for: 120 s")

    hashes = {parse(text.encode()).content_hash for text in (data, "# Mine\n" + data, reordered, rewritten)}

    assert reordered != data != rewritten
    assert hashes == {find(CALF).content_hash}


CHANGES: list[tuple[str, str]] = [
    ("id: calf", "id: calves"),
    ("over twice the head's", "over three times the head's"),
    ("sata: 0.5", "sata: 0.499"),
    ("Is one calf", "Is the calf"),
    ("action: refer_now", "action: refer_soon"),
    ("0.44 W/cm²", "0.441 W/cm²"),
    ("for: 8 min", "for: 480001 ms"),
    ("repeat: 3", "repeat: 4"),
    ("rest: 10 s", "rest: 11 s"),
    ("body_site: calf", "body_site: thigh"),
]


@pytest.mark.hazard("H-21")
@pytest.mark.parametrize(("was", "becomes"), CHANGES)
def test_what_changes_anything_that_is_said_or_done_changes_the_hash(was: str, becomes: str) -> None:
    data = (FOLDER / f"{CALF}.yaml").read_text(encoding="utf-8")
    assert was in data

    assert parse(data.replace(was, becomes, 1).encode()).content_hash != find(CALF).content_hash


@pytest.mark.hazard("H-21")
def test_a_copy_changed_in_python_has_the_hash_of_what_it_is() -> None:
    original = find(CALF)
    assert original.origin.bundled

    changed = original.model_copy(update={"title": "Another"})

    said = json.loads(original.canonical_text()) | {"title": "Another"}
    assert changed.content_hash == parse(as_bytes(said)).content_hash != original.content_hash
    assert not changed.origin.bundled
    assert changed.origin.file == f"{CALF}.yaml, changed in Python"
    assert [bound.source for bound in changed.own_bounds()] == [changed.origin.file] * 2
    assert original.model_copy().origin is original.origin


def test_a_protocol_made_in_python_has_the_hash_of_what_it_is() -> None:
    said = json.loads(find(CALF).canonical_text())

    made = Protocol.model_validate_json(json.dumps(said))

    assert made == find(CALF)
    assert made.content_hash == find(CALF).content_hash
    assert (made.origin.file, made.origin.bundled) == ("<memory>", False)


def test_only_what_is_found_by_a_bundled_id_is_bundled(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_bytes((FOLDER / f"{CALF}.yaml").read_bytes())

    assert find(CALF).origin.bundled
    assert not find(path).origin.bundled
    assert find(path) == find(CALF)


def test_a_protocol_is_dumped_without_a_warning() -> None:
    protocol = find(CALF)

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert protocol.model_dump()["steps"][1]["for"] == "120000 ms"
        assert json.loads(protocol.model_dump_json())["steps"][1]["for"] == "120000 ms"


def test_a_protocol_survives_being_pickled() -> None:
    protocol = find(CALF)

    again = pickle.loads(pickle.dumps(protocol))

    assert again == protocol
    assert again.origin == protocol.origin
    assert [bound.source for bound in again.own_bounds()] == [f"{CALF}.yaml:17"] * 2


# --- what was made past the model's checks --------------------------------------------------------------

SOUND = find("unit-check")
EMIT = next(step for step in SOUND.steps if isinstance(step, EmitStep))
GUN_LEVEL = LEVELS[Family.PERCUSSION].model_construct(speed_per_min=1800)  # type: ignore[call-arg]
PAST_THE_CHECKS: list[dict[str, Any]] = [
    {"body_site": "elbow"},
    {"title": "\x1b[2J"},
    {"title": 5},
    {"title": "two\nlines"},
    {"format": True},
    {"family": "laser"},
    {"steps": ()},
    {"steps": (OFF_MODELS["rest"].model_construct(duration_ms=-5, say=""),)},
    {"steps": (EMIT.model_copy(update={"duration_ms": 10_000.0}),)},
    {"steps": (EMIT.model_copy(update={"duration_ms": float("nan")}),)},
    {"steps": (EMIT.model_copy(update={"ramp_ms": 70_000}),)},
    {"steps": (EMIT.model_copy(update={"ramp_ms": 10_001}),)},
    {"steps": (EMIT.model_copy(update={"emit": GUN_LEVEL}),)},
    {"steps": (EMIT.model_copy(update={"duration_ms": True}),)},
    {"steps": "emit"},
    {"evidence": SOUND.evidence.model_copy(update={"grade": "rct_positive", "sources": ()})},
    {"limits": SOUND.limits.model_copy(update={"speed": 1800})},
    {"limits": None},
]


@pytest.mark.hazard("H-04")
@pytest.mark.parametrize("update", PAST_THE_CHECKS, ids=repr)
def test_what_no_file_could_hold_is_never_planned(update: dict[str, Any]) -> None:
    changed = SOUND.model_copy(update=update)

    with pytest.raises(ProtocolInvalid) as checked:
        check(changed)
    with pytest.raises(ProtocolInvalid):
        compile_plan(changed, model="us111", family=Family.ULTRASOUND, area_mm2=400, limits=Limits())

    assert checked.value.problems[0].file == "unit-check.yaml, changed in Python"
    assert checked.value.action


def test_what_cannot_be_written_at_all_is_never_planned() -> None:
    with pytest.raises(ProtocolInvalid, match="holds what no protocol file can"):
        check(SOUND.model_copy(update={"steps": (object(),)}))


def test_what_a_file_could_hold_is_planned_however_it_was_made() -> None:
    longer = EMIT.model_copy(update={"duration_ms": 9_000})
    changed = SOUND.model_copy(update={"steps": (longer,)})

    plan = compile_plan(changed, model="us111", family=Family.ULTRASOUND, area_mm2=400, limits=Limits())

    assert plan.delivered_ms == 9_000
    assert plan.content_hash == changed.content_hash == as_read(changed).content_hash
