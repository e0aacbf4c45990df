"""Values as people read them, and text that no terminal can take for a command."""

from __future__ import annotations

import textwrap

_WIDTH_MIN = 20  # columns; a terminal that says less is not believed


def clean(text: str) -> str:
    """``text`` on one line, with whatever a terminal would obey written out."""
    return "".join(char if char.isprintable() else ascii(char)[1:-1] for char in text)


def minutes(ms: int) -> str:
    """A time as people read it off a clock, in whole seconds and never more than it was: ``9:58``."""
    whole = ms // 1000
    return f"{whole // 60}:{whole % 60:02d}"


def wrapped(line: str, width: int) -> str:
    """``line`` broken between words, so that none is longer than ``width`` columns if a word is not.

    What follows the first line is indented as that is, and a little more. Spaces at the end stay.
    """
    indent = line[: len(line) - len(line.lstrip(" "))]
    end = line[len(line.rstrip(" ")) :]
    lines = textwrap.wrap(
        line.strip(" "),
        max(width - len(end), _WIDTH_MIN),
        initial_indent=indent,
        subsequent_indent=f"{indent}  ",
        break_long_words=False,
        break_on_hyphens=False,
    )
    return "\n".join(lines) + end if lines else line


def joules(mj: int) -> str:
    """An energy as people read it."""
    return f"{mj / 1000:.0f} J"
