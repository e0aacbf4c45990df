"""The errors that physioctl raises, each with what happened and what to do.

Everything physioctl raises on purpose is a `PhysioctlError`: one line that says what, one line that
says what to do. Our own programming mistakes are assertions, and damage on the wire is a value.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


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
    """One problem in a file that a person wrote: its place, what it is, and how to correct it."""

    file: str
    line: int  # from 1; 0 when the file as a whole is meant
    column: int  # from 1
    field: str  # such as steps.2.emit.intensity; empty for the file as a whole
    what: str  # what was found and what was expected
    action: str

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}:{self.column}" if self.line else self.file
        return f"{place}: {self.field + ': ' if self.field else ''}{self.what}"


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
    """Limits, screening or history do not allow the request."""


class InstallationDamaged(PhysioctlError):
    """The data that ships with physioctl is damaged: it has to be installed again."""
