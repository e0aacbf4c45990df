"""Values as people read them, and text that no terminal can take for a command."""

from __future__ import annotations


def clean(text: str) -> str:
    """``text`` on one line, with whatever a terminal would obey written out."""
    return "".join(char if char.isprintable() else ascii(char)[1:-1] for char in text)


def minutes(ms: int) -> str:
    """A time as people read it off a clock, in whole seconds and never more than it was: ``9:58``."""
    whole = ms // 1000
    return f"{whole // 60}:{whole % 60:02d}"


def joules(mj: int) -> str:
    """An energy as people read it."""
    return f"{mj / 1000:.0f} J"
