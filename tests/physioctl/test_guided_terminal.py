"""Text at a terminal: broken between words, under the label that it begins with."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from physioctl.guided.terminal import COLUMNS, chosen, says_yes, wrapped
from physioctl.questions import questions_of
from protocols.library import bundled, find
from tests.cases import each
from tests.typist import Typist

words = st.text(st.characters(codec="ascii", categories=["L", "N", "P"]), min_size=1, max_size=12)


@given(st.lists(words, min_size=1, max_size=40), st.integers(40, 120))
def test_no_word_is_broken_and_no_line_is_too_long(said: list[str], columns: int) -> None:
    shown = wrapped(" ".join(said), columns)

    assert shown.split() == said
    assert max(map(len, shown.split("\n"))) <= columns


@each("quantity", ["0.29 W/cm²", "100 %", "3 s", "1 MHz", "2100 /min", "10 min"])
def test_a_number_and_its_unit_stand_on_one_line(quantity: str) -> None:
    for before in range(1, 60):
        shown = wrapped(f"{'x' * before} {quantity} and what follows", 40)

        assert quantity in shown


@each("columns", [40, 60, 80, 120])
@each("id_", bundled())
def test_every_question_fits_a_terminal_of_any_width(id_: str, columns: int) -> None:
    for question in questions_of(find(id_)):
        asked = f"28 of 28  {question.ask} [yes, no, b, w]: "

        shown = wrapped(asked, columns)

        assert shown.split() == asked.split()
        assert max(map(len, shown.split("\n"))) <= columns
        assert shown.endswith("[yes, no, b, w]: ")


@pytest.mark.parametrize(
    ("text", "indent"),
    [("  for        ", 13), ("  -  ", 5), ("  - ", 4), ("   1:00   2:00  ", 16), ("3 of 28  ", 9), ("", 0)],
)
def test_lines_stand_under_the_label_they_begin_with(text: str, indent: int) -> None:
    first, *more = wrapped(text + "word " * 40, 40).split("\n")

    assert first.startswith(f"{text}word")
    assert more
    assert {len(line) - len(line.lstrip()) for line in more} == {indent}


def test_a_label_as_wide_as_half_the_terminal_has_nothing_under_it() -> None:
    assert wrapped("  a label  " + "word " * 5, 20).split("\n")[1].startswith("  word")


@pytest.mark.parametrize("columns", [-1, 0, 5])
def test_a_terminal_that_says_it_has_no_width_is_taken_for_a_narrow_one(columns: int) -> None:
    assert wrapped("a b " * 20, columns) == wrapped("a b " * 20, COLUMNS[0])


def test_a_word_that_is_none_of_those_is_asked_again() -> None:
    typist = Typist(["", "x" * 10_000, "‮y", "RIGHT"])

    assert chosen(typist, "Which?", {"left": 1, "right": 2}) == 2
    assert typist.screen.count("Which? [left, right]: ") == 4
    assert len(typist.screen) < 1000


@pytest.mark.parametrize(("typed", "meant"), [("y", True), ("Yes", True), ("n", False), ("NO", False)])
def test_yes_and_no_may_be_a_letter(typed: str, meant: bool) -> None:
    assert says_yes(Typist([typed]), "Is it?") is meant
