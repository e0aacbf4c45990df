"""Every clause of the native dialect, in the order in which they are examined.

What ends output comes before what has to be refused, and nothing of the rest is tried on a unit that does not
keep it. A lapse and the unit's own timer come before the first request that a unit could do wrongly.
"""

from __future__ import annotations

from physioctl.conformance.clauses import (
    ending,
    frames,
    leases,
    once,
    refusals,
    steps,
    with_a_person,
)
from physioctl.conformance.outcomes import Clause

CLAUSES: tuple[Clause, ...] = (
    *frames.CLAUSES,
    *ending.CLAUSES,
    *refusals.CLAUSES,
    *once.CLAUSES,
    *leases.CLAUSES,
    *steps.CLAUSES,
    *with_a_person.CLAUSES,
    *once.LAST,
    *with_a_person.LAST,
)

CANNOT_SHOW = (
    "a unit that keeps its promises only while it is examined;",
    "what truly goes out: output is known by what the unit measures and reports of itself;",
    "output between two answers, some 10 ms apart;",
    "any level above the lowest, by more than 20, and any step longer than a few seconds;",
    "the energy of percussion, and contact on a unit that does not judge it at its lowest level;",
    "a Set in SUSPENDED, a Set without energy left, and how long SUSPENDED lasts;",
    "what happens when two of the unit's timers run out in the same millisecond.",
)
