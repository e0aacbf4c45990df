"""The errors that physioctl raises, each with what happened and what to do.

Everything physioctl raises on purpose is a `PhysioctlError`: one line that says what, one line that
says what to do. Our own programming mistakes are assertions, and damage on the wire is a value.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

Where: TypeAlias = tuple[str | int, ...]  # the keys and indices on the way to a value


class PhysioctlError(Exception):
    """What happened, and what to do about it. Raised only through its kinds."""

    def __init__(self, what: str, action: str) -> None:
        super().__init__(what)
        self.what = what
        self.action = action

    def __str__(self) -> str:
        return f"{self.what}\n{self.action}"


@dataclass(frozen=True, slots=True)
class Problem:
    """One problem in a file that a person wrote: what it is, how to correct it, and its place.

    Whoever finds it may not know the file, or the way to the value: both are added by who does.
    """

    what: str  # what was found and what was expected
    action: str
    where: Where = ()  # empty for the file as a whole
    file: str = ""
    line: int = 0  # from 1; 0 when the file as a whole is meant
    column: int = 0  # from 1

    @property
    def field(self) -> str:
        """``where`` as it is shown, such as ``steps.2.emit.intensity``."""
        return ".".join(printable(shorten(str(part))) for part in self.where)

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}:{self.column}" if self.line else self.file
        return f"{place}: {self.field + ': ' if self.field else ''}{self.what}"


class InvalidValue(ValueError):
    """A value that is not valid. Each problem's ``where`` leads on from that value."""

    def __init__(self, *problems: Problem) -> None:
        super().__init__("; ".join(problem.what for problem in problems))
        self.problems = problems


def invalid(what: str, action: str) -> InvalidValue:
    """The error for a value with one problem, of the value as a whole."""
    return InvalidValue(Problem(what, action))


def shorten(text: str, most: int = 40) -> str:
    """``text`` on one line, cut to ``most`` characters."""
    line = " ".join(text.split())
    return line if len(line) <= most else line[: most - 1] + "…"


def printable(said: Path | str) -> str:
    """A file's name, or what a file says, with whatever a terminal would obey written out."""
    name = str(said).encode("utf-8", "backslashreplace").decode()
    return "".join(char if char.isprintable() else ascii(char)[1:-1] for char in name)


PROBLEMS_SHOWN_MAX = 50  # mistakes to print; the rest are most likely of the same kind


class ProtocolInvalid(PhysioctlError):
    """A file that its author has to correct, with all of its problems."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(problems)
        if len(self.problems) == 1:
            super().__init__(str(self.problems[0]), self.problems[0].action)
        else:
            said = [f"{problem}. {problem.action}" for problem in self.problems[:PROBLEMS_SHOWN_MAX]]
            more = len(self.problems) - len(said)
            super().__init__(
                "\n".join(said + [f"and {more} more"] * (more > 0)), "Correct these and check again."
            )


class Refused(PhysioctlError):
    """Limits, screening or history do not allow the request.

    Where it is a protocol file that asks for too much, ``problems`` has the places.
    """

    def __init__(self, what: str, action: str, problems: Sequence[Problem] = ()) -> None:
        super().__init__(what, action)
        self.problems = tuple(problems)


class InstallationDamaged(PhysioctlError):
    """The data that ships with physioctl is damaged: it has to be installed again."""
