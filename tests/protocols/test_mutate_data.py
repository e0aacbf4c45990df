"""The mistakes that are made in tables, to see whether a test notices: each is one, and none is forgotten."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from tools.mutate_data import data_mutations, unmutated, written

ROOT = Path(__file__).resolve().parents[2]
FILES = [ROOT / "protocols/families.toml", ROOT / "device/nameplates/us111.toml"]
SMALL = """
[calf]
title = "the calf"
needs = ["contact", "battery"]
[calf.ultrasound]
action = "block"
at_most = 3
one_of = [20, 50]
[thigh.ultrasound]
action = "note"
blocked = true
"""


def made(where: str) -> dict[str, object]:
    """What is made of the value there, by the name of the mistake."""
    return {
        mutation.what: tomllib.loads(mutation.text)
        for mutation in data_mutations(SMALL)
        if mutation.where == where
    }


def test_a_number_is_one_lower_and_one_higher() -> None:
    assert {"3 → 2", "3 → 4", "misspelt", "dropped"} == set(made("calf.ultrasound.at_most"))


def test_a_code_becomes_every_other_one_that_the_file_uses_there() -> None:
    assert {"'block' → 'note'", "'block' → ''", "misspelt", "dropped"} == set(made("calf.ultrasound.action"))
    assert "'note' → 'block'" in made("thigh.ultrasound.action")


def test_a_list_loses_each_entry_and_takes_one_more() -> None:
    assert {"misspelt", "dropped", "['contact', 'battery'] → []"} == set(made("calf.needs"))
    assert {"'contact' → 'battery'", "'contact' → ''", "dropped"} == set(made("calf.needs.0"))
    assert {"20 → 19", "20 → 21", "dropped"} == set(made("calf.ultrasound.one_of.0"))
    assert "[20, 50] → [20, 50, 51]" in made("calf.ultrasound.one_of")


def test_a_table_is_misspelt_and_dropped_and_a_truth_turned_round() -> None:
    assert {"misspelt", "dropped"} == set(made("calf.ultrasound")) == set(made("thigh"))
    assert "True → False" in made("thigh.ultrasound.blocked")
    assert {"misspelt", "dropped", "'the calf' → ''"} == set(made("calf.title"))


def test_what_stands_in_several_tables_is_dropped_from_all_of_them_at_once() -> None:
    assert made("*.ultrasound") == {
        "dropped everywhere": {
            "calf": {"title": "the calf", "needs": ["contact", "battery"]},
            "thigh": {},
        }
    }
    assert made("*.at_most") == {}


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_every_mutation_of_a_table_is_another_table(path: Path) -> None:
    source = path.read_text(encoding="utf-8")
    sound = tomllib.loads(source)

    mutated = [tomllib.loads(mutation.text) for mutation in data_mutations(source)]

    assert tomllib.loads(written(sound)) == sound == tomllib.loads(unmutated(source).text)
    assert all(line in unmutated(source).text for line in source.splitlines() if line.startswith("#"))
    assert len(mutated) > 20
    assert all(data != sound for data in mutated)


def test_every_mistake_is_made_alone() -> None:
    mutations = list(data_mutations(SMALL))

    assert len({(mutation.where, mutation.what) for mutation in mutations}) == len(mutations)
    assert len({mutation.text for mutation in mutations}) == len(mutations)
