"""What is said at the terminal: nothing of it moves the cursor, and lines are broken between words."""

from __future__ import annotations

import pytest

from physioctl.cli.asking import Console

Capture = pytest.CaptureFixture[str]


@pytest.mark.hazard("H-23")
@pytest.mark.parametrize("hostile", ["\x1b[2J", "\r\x07", "‮", "\x9b31m", "\x00"])
def test_nothing_that_is_said_moves_the_cursor(capsys: Capture, hostile: str) -> None:
    Console().say(f"a title {hostile} of somebody else's")

    said = capsys.readouterr().err  # standard output is no terminal here
    assert said.removesuffix("\n").isprintable()
    assert said.startswith("a title \\")


def test_markup_is_text(capsys: Capture) -> None:
    Console().say("[bold red]x[/] {0} %s")

    assert capsys.readouterr().err == "[bold red]x[/] {0} %s\n"


@pytest.mark.parametrize(("columns", "lines"), [("40", 3), ("80", 2), ("x", 2), ("0", 2)])
def test_lines_are_as_wide_as_the_terminal_says(
    capsys: Capture, monkeypatch: pytest.MonkeyPatch, columns: str, lines: int
) -> None:
    monkeypatch.setenv("COLUMNS", columns)

    Console().say("word " * 20 + ": ", end="")

    said = capsys.readouterr().err
    assert said.split() == ["word"] * 20 + [":"]
    assert len(said.split("\n")) == lines
    assert said.endswith(": ")
