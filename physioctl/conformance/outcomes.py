"""Clauses, what became of them, and how a clause says that a promise is not kept."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

from physioctl.conformance.effects import Script

if TYPE_CHECKING:
    from physioctl.conformance.host import Host


class Mark(Enum):
    """What became of a clause."""

    PASS = "pass"  # noqa: S105 - no password
    FAIL = "fail"
    NOT_SHOWN = "not shown"


@dataclass(frozen=True, slots=True)
class Clause:
    """One promise of docs/wire.md, and the function that examines it.

    ``says`` is a sentence of the page, word for word, under the heading ``section``; ``measures`` is what is
    done and measured. ``ends_run``: nothing further is tried on a unit that does not keep it.
    """

    id: str
    section: str
    says: str
    measures: str
    examine: Callable[[Host], Script[str]]  # gives back what was measured
    ends_run: bool = False


def clause(
    id_: str, section: str, says: str, measures: str, *, ends_run: bool = False
) -> Callable[[Callable[[Host], Script[str]]], Clause]:
    """Make the function below it the examination of a clause."""
    return lambda examine: Clause(id_, section, says, measures, examine, ends_run)


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
