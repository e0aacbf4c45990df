"""What a suite is: a dialect's host and its clauses, and what no run of it can show."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from random import Random

from physioctl.conformance.host import Host
from physioctl.conformance.outcomes import Clause

CANNOT_SHOW = (
    "a unit that keeps its promises only while it is examined;",
    "what truly goes out: output is known by what the unit measures and reports of itself;",
    "output between two answers, some 10 ms apart;",
    "any level above the lowest, by more than 20, and any step longer than a few seconds;",
    "the energy of percussion, and contact on a unit that does not judge it at its lowest level;",
    "a Set in SUSPENDED, a Set without energy left, and how long SUSPENDED lasts;",
    "what happens when two of the unit's timers run out in the same millisecond.",
)


@dataclass(frozen=True, slots=True)
class Suite:
    """What is examined of a unit that speaks one dialect."""

    dialect: str
    major: int  # version of the dialect
    page: str  # as the certificate names it
    clauses: tuple[Clause, ...]
    host: Callable[[Random, int], Host]  # from chance, and for how long in ms a person is waited for
    cannot_show: tuple[str, ...] = CANNOT_SHOW
