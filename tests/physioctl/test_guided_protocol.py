"""Choosing a protocol by words, of what the unit can run."""

from __future__ import annotations

from pathlib import Path

import click
import pytest
from hypothesis import given
from hypothesis import strategies as st

from physioctl.guided.protocol import choose_protocol
from protocols.limits import Family
from tests.typist import Typist

US, GUN = Family.ULTRASOUND, Family.PERCUSSION
MARKUP = "[bold red]x[/]"


def chosen(*lines: str, family: Family | None = US, words: str = "") -> tuple[str, Typist]:
    typist = Typist(lines)
    return choose_protocol(typist, family, words).id, typist


def test_words_and_a_number_choose() -> None:
    id_, typist = chosen("spasm knee", "1")

    assert id_ == "knee-spasm-ultrasound"
    assert typist.screen.startswith("What hurts, and where")


def test_words_of_the_command_line_need_no_question() -> None:
    id_, typist = chosen("1", words="night calf", family=GUN)

    assert id_ == "night-calf-cramp-percussion"
    assert "What hurts" not in typist.screen


@pytest.mark.hazard("H-14")
def test_what_the_unit_cannot_run_is_named_and_not_offered() -> None:
    id_, typist = chosen("tight calf", "2", "1")

    assert id_ == "calf-tightness-ultrasound"
    assert (
        "  -  Calf tightness that has lasted: percussion, then stretch (needs another unit" in typist.screen
    )
    assert "  2  " not in typist.screen


def test_where_only_another_unit_has_it_that_is_said_and_it_is_asked_anew() -> None:
    id_, typist = chosen("carpal", "calf night", "1", family=GUN)

    assert id_ == "night-calf-cramp-percussion"
    assert "(needs another unit: ultrasound)" in typist.screen
    assert typist.screen.count("What hurts") == 2


@pytest.mark.hazard("H-14")
def test_without_a_unit_guidance_alone_is_offered() -> None:
    id_, typist = chosen("night calf", "unit-check", "1", family=None)

    assert id_ == "night-calf-cramp-prevention"
    assert "(needs another unit: percussion)" in typist.screen
    assert "unit-check is for another unit (ultrasound)." in typist.screen


@pytest.mark.parametrize("asked", ["?", "?1", "? 1"])
def test_a_question_mark_shows_the_protocol(asked: str) -> None:
    id_, typist = chosen("tight calf", asked, "1")

    assert id_ == "calf-tightness-ultrasound"
    assert "Not during a cramp, and not for a fresh strain" in typist.screen
    assert "Red flags:" in typist.screen


@pytest.mark.parametrize("asked", ["?9", "?x", "?0", "?" + "9" * 10_000])
def test_a_question_mark_with_a_number_of_nothing_shows_nothing(asked: str) -> None:
    id_, typist = chosen("tight calf", asked, "1")

    assert id_ == "calf-tightness-ultrasound"
    assert "Write a ? and a number" in typist.screen


def test_a_question_mark_alone_lists_everything() -> None:
    _, typist = chosen("?", "shoulder", "1")

    for said in ("Hand cramp: low ultrasound", "Cramp with weakness", "more that need another unit"):
        assert said in typist.screen


def test_other_words_search_again() -> None:
    id_, _ = chosen("tight calf", "shoulder", "1")

    assert id_ == "shoulder-spasm-ultrasound"


@pytest.mark.parametrize("words", ["", "   ", "it hurts", "claf", MARKUP, "‮", "x" * 10_000, "0", "99", "²"])
def test_words_that_find_nothing_are_asked_for_again(words: str) -> None:
    id_, typist = chosen(words, "shoulder", "1")

    assert id_ == "shoulder-spasm-ultrasound"
    assert len(typist.screen) < 2000


def test_an_id_names_its_protocol() -> None:
    assert chosen("unit-check")[0] == "unit-check"


def test_a_file_names_its_protocol(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(
        "format: 1\nid: mine\ntitle: Mine\nfamily: none\nbody_site: none\nside: none\npurpose: For a test.\n"
        "evidence: {grade: none, note: Nothing.}\nsteps:\n  - {guide: Rest., for: 1 s}\n",
        encoding="utf-8",
    )

    assert chosen(str(path))[0] == "mine"


@pytest.mark.parametrize("named", ["calf-tightness-percussion", "/no/such.yaml", "../x.yml"])
def test_a_protocol_that_cannot_be_run_is_named_and_asked_for_again(named: str) -> None:
    id_, typist = chosen(named, "unit-check")

    assert id_ == "unit-check"
    assert "is for another unit (percussion)" in typist.screen or named in typist.screen


@given(st.lists(st.text(max_size=60), max_size=6))
def test_whatever_is_typed_ends_in_a_protocol_for_this_unit_or_in_a_closed_terminal(lines: list[str]) -> None:
    try:
        protocol = choose_protocol(Typist(lines), US)
    except click.Abort:
        return

    assert protocol.family in (None, US)
