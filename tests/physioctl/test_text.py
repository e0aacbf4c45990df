"""Values and lines as people read them."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from physioctl.text import minutes, wrapped


def test_a_time_has_one_form_whatever_is_left_of_a_second() -> None:
    times = {0: "0:00", 999: "0:00", 1000: "0:01", 59_999: "0:59", 789_000: "13:09", 789_300: "13:09"}

    assert {ms: minutes(ms) for ms in times} == times


@given(st.text(alphabet="ab- ", max_size=200), st.integers(min_value=0, max_value=120))
def test_a_line_is_broken_between_words_and_loses_none(line: str, width: int) -> None:
    shown = wrapped(line, width)

    assert shown.split() == line.split()
    for part in shown.split("\n"):
        assert len(part) <= max(width, 20, 2 + max(map(len, line.split()), default=0) + _indent(line))


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip(" ")) + len(line) - len(line.rstrip(" "))


def test_what_follows_is_indented_and_the_space_before_what_is_typed_stays() -> None:
    asked = "  - Is one calf swollen, warm, red or tender? [yes, no]: "

    assert wrapped(asked, 30) == ("  - Is one calf swollen,\n    warm, red or tender?\n    [yes, no]: ")
    assert wrapped("short", 80) == "short"
    assert wrapped("", 80) == ""
