"""A person who can be asked, a line at a time; and questions that need one of some words."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Mapping
from typing import Protocol as Role
from typing import TypeVar

T = TypeVar("T")

COLUMNS = range(20, 121)  # of a terminal, whatever it says of itself; this project's own
YES_NO: Mapping[str, bool] = {"y": True, "yes": True, "n": False, "no": False}
_LABEL = re.compile(r"\s*(?:[-–]\s+|(?:\S.{0,15}?\s{2,}){0,2})")  # what stands before a column of text
_CHOICES = re.compile(r"\[[^\]]{0,30}\]: *$")  # what may be typed, at the end of a question
_QUANTITY = re.compile(  # what stands between a number and its unit
    r"(?<=\d) (?=(?:%|s|min|h|J|m?W/cm²|[kM]?Hz|°C|/min)(?:[\s,;:.)]|$))"
)
_JOINED = "\0"  # stands for a space at which no line is broken


class Terminal(Role):
    """A person who can be asked, a line at a time."""

    def say(self, text: str, *, end: str = "\n") -> None:
        """Show ``text``."""

    def line(self) -> str:
        """What is typed up to Enter. Raise an error that ends the program when nothing more can be typed."""


def chosen(terminal: Terminal, text: str, words: Mapping[str, T], shown: str = "") -> T:
    """What the word typed stands for; asked again until it is one of ``words``."""
    shown = shown or ", ".join(words)
    while True:
        terminal.say(f"{text} [{shown}]: ", end="")
        typed = terminal.line().casefold()
        if typed in words:
            return words[typed]
        terminal.say(f"Type one of: {shown}.")


def says_yes(terminal: Terminal, text: str) -> bool:
    """Whether the person says yes."""
    return chosen(terminal, text, YES_NO, "yes, no")


def wrapped(text: str, columns: int) -> str:
    """``text`` in lines of at most ``columns``, broken between words; under a label that it begins with.

    A word that is longer than a line is left whole, and so are the choices of a question, and a number with
    its unit. The spaces at the
    end are kept.
    """
    columns = max(COLUMNS[0], min(columns, COLUMNS[-1]))
    label = _LABEL.match(text)
    indent = label.end() if label else 0
    if indent > columns // 2:
        indent = len(text) - len(text.lstrip())
    body = text.rstrip(" ")
    if len(body) < len(text):  # something is typed behind it
        columns -= len(text) - len(body) + 1
    if choices := _CHOICES.search(body):
        body = body[: choices.start()] + choices[0].replace(" ", _JOINED)
    lines = textwrap.wrap(
        _QUANTITY.sub(_JOINED, body),
        columns,
        subsequent_indent=" " * indent,
        break_long_words=False,
        break_on_hyphens=False,
    )
    return "\n".join(lines or [body]).replace(_JOINED, " ") + text[len(body) :]
