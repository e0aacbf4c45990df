"""What can go wrong, by whose fault it is, and what to do next.

Everything physioctl raises on purpose is a `PhysioctlError`: one line that says what, one line that
says what to do. Our own programming mistakes are assertions, and damage on the wire is a value.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


class PhysioctlError(Exception):
    """What happened, and what to do about it. Raised only through its kinds."""

    def __init__(self, what: str, to_do: str) -> None:
        super().__init__(what)
        self.what = what
        self.to_do = to_do

    def __str__(self) -> str:
        return f"{self.what}\n{self.to_do}"


@dataclass(frozen=True, slots=True)
class Mistake:
    """One mistake in a file a person wrote: where it stands, what it is, and how to mend it."""

    file: str
    line: int  # from 1; 0 when the file as a whole is meant
    column: int  # from 1
    field: str  # such as steps.2.emit.intensity; empty for the file as a whole
    what: str  # what was found and what was expected
    mend: str

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}:{self.column}" if self.line else self.file
        return f"{place}: {self.field + ': ' if self.field else ''}{self.what}"


MISTAKES_SAID_MAX = 50  # mistakes to print; the rest are most likely of the same kind


class ProtocolInvalid(PhysioctlError):
    """The author of a file has to mend it. Carries all of the file's mistakes at once."""

    def __init__(self, mistakes: Sequence[Mistake]) -> None:
        self.mistakes = tuple(mistakes)
        if len(self.mistakes) == 1:
            super().__init__(str(self.mistakes[0]), self.mistakes[0].mend)
        else:
            said = [f"{mistake}. {mistake.mend}" for mistake in self.mistakes[:MISTAKES_SAID_MAX]]
            more = len(self.mistakes) - len(said)
            super().__init__(
                "\n".join(said + [f"and {more} more"] * (more > 0)), "Mend these and check again."
            )


class Refused(PhysioctlError):
    """Nobody made a mistake, and it still may not be done: limits, screening or history say no."""


class InstallationDamaged(PhysioctlError):
    """The data that ships with physioctl cannot be relied on: whoever installed it has to mend that."""
