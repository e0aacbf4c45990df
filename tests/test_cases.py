"""A test of many cases fails with all that fail."""

from __future__ import annotations

from itertools import product
from pathlib import Path

import pytest

from tests.cases import each


def test_every_case_that_fails_is_told_with_what_it_raised() -> None:
    @each("number", range(1, 5))
    def is_odd(number: int) -> None:
        assert number % 2, "even"

    with pytest.raises(BaseExceptionGroup, match="2 of 4 cases fail") as failed:
        is_odd()

    assert [str(error).split("\n")[0] for error in failed.value.exceptions] == ["even", "even"]
    assert [error.__notes__ for error in failed.value.exceptions] == [
        ["with {'number': 2}"],
        ["with {'number': 4}"],
    ]


def test_what_should_have_been_raised_is_missed_in_every_case() -> None:
    @each("text", ["one", "1", "two"])
    def is_no_number(text: str) -> None:
        with pytest.raises(ValueError):
            int(text)

    with pytest.raises(BaseExceptionGroup, match="1 of 3 cases fail"):
        is_no_number()


@each(("one", "other"), product((1, 2), (3, 4)))
def test_fixtures_and_several_arguments_are_handed_in(tmp_path: Path, one: int, other: int) -> None:
    assert tmp_path.is_dir()
    assert one < other


def test_a_test_without_a_case_cannot_be_made() -> None:
    with pytest.raises(ValueError, match="no case"):
        each("case", [])
