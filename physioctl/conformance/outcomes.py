"""Clauses, what became of them, and how a clause says that a promise is not kept."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import Any, TypeAlias

from physioctl.conformance.effects import Script


class Mark(Enum):
    """What became of a clause."""

    PASS = "pass"  # noqa: S105 - no password
    FAIL = "fail"
    NOT_SHOWN = "not shown"
    NOT_APPLICABLE = "not applicable"


class Part(Enum):
    """What a clause needs a unit to have declared, and what is said of a unit that has not."""

    LEASE = "the unit declares no lease"
    TIMER = "the unit declares no timer of its own"
    TIMER_ALONE = "the unit is none whose timer stands in the place of a lease"
    LEASELESS = "the unit declares a lease"
    UPTIME = "the unit declares no clock that it tells"
    TIMES = "the unit declares no count of its time"
    ENERGY = "the unit declares no count of its energy"
    SESSION = "the unit declares no session that it names"
    CEILINGS = "the unit declares no ceilings that it holds"
    MISSING_REPORTS = "the unit declares every report"


Examine: TypeAlias = Callable[[Any], Script[str]]  # of its suite's host; gives back what was measured


@dataclass(frozen=True, slots=True)
class Clause:
    """One promise of a dialect's page, and the function that examines it.

    ``says`` is a sentence of ``page``, word for word, under the heading ``section``; ``measures`` is what is
    done and measured. A unit that has not declared all of ``needs`` has not made the promise. ``ends_run``:
    nothing further is tried on a unit that does not keep it.
    """

    id: str
    section: str
    says: str
    measures: str
    examine: Examine
    ends_run: bool = False
    needs: tuple[Part, ...] = ()
    page: str = "wire"


def clause(
    id_: str,
    section: str,
    says: str,
    measures: str,
    *,
    ends_run: bool = False,
    needs: tuple[Part, ...] = (),
    page: str = "wire",
) -> Callable[[Examine], Clause]:
    """Make the function below it the examination of a clause."""
    return lambda examine: Clause(id_, section, says, measures, examine, ends_run, needs, page)


@dataclass(frozen=True, slots=True)
class Outcome:
    """A clause, what became of it, and what was measured."""

    clause: Clause
    mark: Mark
    measured: str


class PromiseBroken(Exception):
    """The unit has done or said other than the page says."""


class NotRefused(PromiseBroken):
    """The unit has done what it has to refuse: the run ends here."""


class NotShown(Exception):
    """The clause could not be examined on this unit or in this run."""


def expect(so: bool, otherwise: str) -> None:
    """Raise `PromiseBroken`, which says ``otherwise``, where it is not so."""
    if not so:
        raise PromiseBroken(otherwise)
