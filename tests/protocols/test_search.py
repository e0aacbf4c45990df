"""Finding a protocol by words: what hurts, and where."""

from __future__ import annotations

import tomllib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocols.ceilings import body_sites
from protocols.errors import InstallationDamaged
from protocols.library import bundled, find
from protocols.model import Protocol
from protocols.search import PATH, TEXT_MAX, Found, known_by, parse, search, synonyms, words_of
from tests.cases import each

TEXT = PATH.read_text(encoding="utf-8")


def known(protocol: Protocol) -> str:
    site = body_sites()[protocol.body_site]
    return known_by(protocol.id, protocol.title, protocol.body_site, site, protocol.family)


ALL = {id_: known(find(id_)) for id_ in bundled()}


def found(text: str) -> Found:
    return search(text, ALL)


def ids(text: str) -> list[str]:
    return list(found(text).ids)


@pytest.mark.parametrize(
    ("text", "first"),
    [
        ("night calf", ["night-calf-cramp-percussion", "night-calf-cramp-prevention"]),
        ("stiff hand", ["stiff-hand-diabetes-guidance"]),
        ("spasm knee", ["knee-spasm-percussion", "knee-spasm-ultrasound"]),
        ("My left leg hurts at night", ["night-calf-cramp-percussion", "night-calf-cramp-prevention"]),
        ("cramping FEET", ["foot-cramp-percussion", "foot-cramp-ultrasound"]),
        ("tight calves", ["calf-tightness-percussion", "calf-tightness-ultrasound"]),
        ("stiffness of the fingers", ["stiff-hand-diabetes-guidance"]),
        ("upper_arm", ["upper-arm-cramp-percussion", "upper-arm-cramp-ultrasound"]),
        ("sole", ["foot-cramp-percussion", "foot-cramp-ultrasound"]),
        ("gun thigh", ["knee-spasm-percussion", "thigh-spasm-percussion"]),
        ("weak", ["recurrent-cramp-referral"]),
        ("unit check", ["unit-check", "unit-check-percussion"]),
        ("carpal tunnel", ["carpal-tunnel-ultrasound"]),
    ],
)
def test_a_protocol_is_found_by_what_hurts_and_where(text: str, first: list[str]) -> None:
    assert ids(text) == first


@pytest.mark.parametrize("id_", bundled())
def test_every_protocol_is_found_by_its_own_id(id_: str) -> None:
    assert id_ in ids(id_)


def test_the_order_of_the_words_makes_no_difference() -> None:
    assert ids("calf night cramp") == ids("cramp night calf")


def test_a_word_as_it_was_typed_comes_before_one_that_stands_for_it() -> None:
    typed = ids("arm cramp")

    assert typed[0].startswith("upper-arm")  # "arm" is a word of its site
    assert "forearm-cramp-ultrasound" in typed  # "arm" only stands for it


def test_what_a_protocol_is_not_for_does_not_find_it() -> None:
    assert "swollen" in find("calf-tightness-ultrasound").purpose  # that it is not for a swollen leg

    assert found("swollen calf").unknown == ("swollen",)


def test_a_word_that_no_protocol_has_is_named_with_one_that_is_written_nearly_so() -> None:
    said = found("hand claf")

    assert (said.unknown, said.near) == (("claf",), "calf")
    assert {find(id_).body_site for id_ in said.ids} == {"hand"}


def test_words_that_no_one_protocol_has_together_are_told_apart_from_a_hit() -> None:
    assert found("knee night").apart
    assert not found("knee spasm").apart


@pytest.mark.parametrize("text", ["", "   ", "it hurts", "123 !?", "\x1b[2J", "‮"])
def test_words_that_say_nothing_find_nothing(text: str) -> None:
    assert found(text).ids == ()


@given(st.text(max_size=TEXT_MAX))
def test_whatever_is_typed_is_answered_with_protocols_that_have_as_many_words_as_any(text: str) -> None:
    said = found(text)

    assert len({len(match.words) for match in said.matches}) <= 1
    assert not {word for match in said.matches for word in match.words} & set(said.unknown)


def test_no_more_is_read_than_the_first_characters() -> None:
    assert ids("x " * TEXT_MAX + "calf") == []


def test_what_is_read_does_not_end_within_a_word() -> None:
    long = "x" * (TEXT_MAX - 2)

    assert found(f"{long} calf").unknown == (long,)
    assert found("x" * 2 * TEXT_MAX).unknown == ("x" * TEXT_MAX,)


# --- the table ------------------------------------------------------------------------------------------


def test_every_synonym_stands_for_words_of_protocols_that_ship() -> None:
    had = {word for text in ALL.values() for word in words_of(text)}

    assert {word: meant for word, meant in synonyms().stands_for.items() if not set(meant) <= had} == {}


@each("word", sorted(synonyms().stands_for))
def test_every_synonym_finds_a_protocol(word: str) -> None:
    assert ids(word)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("format = 1", "format = 2"),
        ("format = 1\n", ""),
        ("format = 1", "format = 1\nmore = 1"),
        ('toe = ["foot"]', "toe = []"),
        ('toe = ["foot"]', 'toe = "foot"'),
        ('toe = ["foot"]', 'toe = ["the foot"]'),
        ('toe = ["foot"]', 'Toe = ["foot"]'),
        ('toe = ["foot"]', 'toe = ["toe"]'),
        ('toe = ["foot"]', 'the = ["foot"]'),
        ('toe = ["foot"]', 'toe = ["the"]'),
        ('toe = ["foot"]', "toe = [1]"),
        ("[stands_for]", "[stand_for]"),
        ("[stands_for]", "stands_for = 1\n[more]"),
        ("[stands_for]", "[stands_for"),
    ],
)
def test_a_table_with_a_mistake_is_refused_as_a_whole(old: str, new: str) -> None:
    assert old in TEXT

    with pytest.raises(InstallationDamaged, match=r"synonyms\.toml"):
        parse(TEXT.replace(old, new, 1))


def test_the_table_is_in_order() -> None:
    table = tomllib.loads(TEXT)

    assert table["says_nothing"] == sorted(set(table["says_nothing"]))
