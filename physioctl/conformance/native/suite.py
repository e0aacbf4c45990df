"""The suite of the native dialect, in the order in which its clauses are examined.

What ends output comes before what has to be refused, and nothing of the rest is tried on a unit that does not
keep it. A lapse and the unit's own timer come before the first request that a unit could do wrongly.
"""

from __future__ import annotations

from physioctl.conformance.clauses import (
    dates,
    ending,
    leases,
    once,
    refusals,
    steps,
    values,
    with_a_person,
)
from physioctl.conformance.native import frames, noise, requests, stops
from physioctl.conformance.outcomes import Clause

CLAUSES: tuple[Clause, ...] = (
    *frames.CLAUSES,
    *ending.CLAUSES,
    *stops.CLAUSES,
    *requests.CLAUSES,
    *refusals.CLAUSES,
    *dates.CLAUSES,
    *values.CLAUSES,
    *once.CLAUSES,
    *leases.CLAUSES,
    *noise.CLAUSES,
    *steps.CLAUSES,
    *with_a_person.CLAUSES,
    *once.LAST,
    *with_a_person.LAST,
)
