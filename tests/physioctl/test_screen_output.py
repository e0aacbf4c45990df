"""What of a drawing process's output reaches the terminal: what draws, and nothing that a terminal obeys."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from physioctl.screens.tui.output_filter import OutputFilter

DRAWS = re.compile(r"(?:[^\x00-\x1f\x7f-\x9f]|[\r\n]|\x1b\[[0-9;]*[ABCDHJKm])*", re.DOTALL)
PARTS = st.sampled_from(
    [
        *(
            "a",
            "█",
            "\r",
            "\n",
            "\t",
            "\x07",
            "\x08",
            "\x0e",
            "\x18",
            "\x1b",
            "\x9b",
            "\x1b[",
            "\x1b]",
            "\x1bP",
        ),
        *("?1049l", "31m", "0c", "52;c;", "\x1b\\", "12", ";", "H", "?2004h", "\x1b[?1000h", "\x1b[>13u"),
        *("\x1b[2J", "\x1b[1;1H", "\x1bc", "\x1b[6n", "\x1b[?25h", "\x1b[!p"),
    ]
)


def passed(*data: str, no_color: bool = False) -> str:
    through = OutputFilter(no_color=no_color)
    return b"".join(through.passed(each.encode()) for each in data).decode()


@pytest.mark.parametrize(
    "sequence",
    [
        "\x1b[?1003h",  # mouse reports
        "\x1b[>13u",  # another keyboard protocol: the stop's keys would arrive as other bytes
        "\x1b[?2004h",
        "\x1b[?1049h",
        "\x1b[?1049l",
        "\x1b[?25l",
        "\x1b[6n",  # a question whose answer would stand among the keys
        "\x1b[?2026$p",
        "\x1b[c",
        "\x1b]52;c;cm0gLXJm\x07",  # the clipboard
        "\x1b]0;title\x1b\\",
        "\x1bP+q544e\x1b\\",
        "\x1bc",
        "\x07",
        "\x0e",
        f"\x1b[{'9' * 5000}m",
    ],
)
def test_what_does_more_than_draw_is_left_out(sequence: str) -> None:
    assert passed(f"a{sequence}b") == "ab"


def test_the_controls_of_eight_bits_are_left_out_as_well() -> None:
    assert passed("a\x9b6n\x90\x84b") == "a6nb"


def test_text_looks_and_places_pass() -> None:
    drawing = "\x1b[1;1H\x1b[1;38;2;0;0;0;48;5;3m█ 0:59\x1b[0m\x1b[K\r\n\x1b[2J"

    assert passed(drawing) == drawing


def test_what_is_cut_in_two_is_put_together_again() -> None:
    drawing = "\x1b[12;40H█\x1b[1m\x1b[?1003h\x1b]0;title\x1b\\ok"
    through = OutputFilter()

    one_by_one = b"".join(through.passed(bytes([byte])) for byte in drawing.encode())

    assert one_by_one.decode() == "\x1b[12;40H█\x1b[1mok"


def test_without_colors_the_rest_of_a_look_stays() -> None:
    drawing = "\x1b[1;38;2;1;2;3;7;48;5;9;94;4;39mx\x1b[31my\x1b[mz\x1b[0m"

    assert passed(drawing, no_color=True) == "\x1b[1;7;4mxy\x1b[mz\x1b[0m"


@given(st.lists(PARTS), st.integers(1, 7))
def test_nothing_else_passes_however_it_comes(parts: list[str], size: int) -> None:
    data = "".join(parts)

    assert DRAWS.fullmatch(passed(*(data[at : at + size] for at in range(0, len(data), size))))
