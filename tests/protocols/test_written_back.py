"""A protocol made or changed in Python, and written back: nothing is lost, and its hash is its content's."""

from __future__ import annotations

import pickle

import pytest
from pydantic import ValidationError

from protocols.library import as_read, bundled, find, parse
from protocols.model import Protocol

CALF = "calf-tightness-ultrasound"
ODD = ("no", "1e3", "0o17", "- a: b # c", "'quoted'", "[x", "2026-11-22", "~", "@you", "é·W/cm²", "x" * 400)


def test_every_bundled_protocol_comes_back_from_each_of_its_forms() -> None:
    for id_ in bundled():
        protocol = find(id_)

        forms = [
            Protocol.model_validate(protocol.model_dump()),
            Protocol.model_validate(protocol.model_dump(mode="json")),
            Protocol.model_validate_json(protocol.model_dump_json()),
            Protocol(**protocol.model_dump()),
            parse(protocol.to_yaml().encode()),
            pickle.loads(pickle.dumps(protocol)),
            as_read(protocol),
        ]

        assert forms == [protocol] * len(forms), id_
        assert {form.content_hash for form in forms} == {protocol.content_hash}


def test_odd_texts_are_written_so_that_they_are_read_back() -> None:
    for text in ODD:
        protocol = find(CALF).model_copy(update={"title": text})

        assert parse(protocol.to_yaml().encode()) == protocol, text


def test_a_file_is_written_as_people_write_it() -> None:
    text = find(CALF).to_yaml()

    assert "sata: 0.5 W/cm²" in text
    assert "duration: 10 min" in text
    assert " ms\n" not in text


def test_a_changed_copy_has_the_hash_of_its_own_content() -> None:
    changed = find(CALF).model_copy(update={"title": "Another"})

    assert changed.content_hash != find(CALF).content_hash
    assert parse(changed.to_yaml().encode()).content_hash == changed.content_hash


def test_a_protocol_made_in_python_is_held_to_what_a_file_is() -> None:
    said = find("unit-check").model_dump()
    (first, *rest) = said["steps"]

    for wrong in ({"for": 60_000}, {"for": "5"}, {"duration_ms": 60_000}, {"say": ""}):
        with pytest.raises(ValidationError):
            Protocol(**said | {"steps": [{**first, **wrong}, *rest]})
    assert Protocol(**said | {"steps": [*said["steps"]]}) == find("unit-check")
