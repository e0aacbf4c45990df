"""Erase what the journal holds of sessions that no longer count."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import Enum, auto
from pathlib import Path
from typing import TYPE_CHECKING

import click

from device.clock import Clock, SystemClock
from physioctl.cli.exits import Exit
from physioctl.cli.printing import aside, say
from physioctl.cli.recorded import JOURNAL, the_journal
from physioctl.errors import InvalidUsage
from physioctl.record.summary import Summary
from physioctl.wall_clock import local

if TYPE_CHECKING:
    from physioctl.guided.terminal import Terminal

_PERSONS_MAX = 10  # references that are named; this project's own figure
_IDS_MAX = 5  # sessions that are named; this project's own figure
_STAYS = (
    "Their answers, notes, pain scores, levels and reports go for good, and so does whom they were of. What "
    "stays is when each of their entries was made and what kind it was, and their ids, which hold a date."
)


@click.command()
@JOURNAL
@click.option(
    "--before",
    metavar="DAY",
    type=click.DateTime(["%Y-%m-%d"]),
    help="Sessions that began before this day, such as 2026-01-31, in local time.",
)
@click.option("--person", metavar="REF", help="Only the sessions of this person.")
@click.option("--dry-run", is_flag=True, help="Say what would be erased, and erase nothing.")
@click.option("--yes", is_flag=True, help="Erase without asking.")
def purge(journal: Path | None, before: datetime | None, person: str | None, dry_run: bool, yes: bool) -> int:
    """Erase the bodies of sessions that no longer count. The journal still verifies.

    \b
    Examples:
      physioctl history purge --before 2016-01-01
      physioctl history purge --person P-017
    """
    if (path := the_journal(journal)) is None:
        return Exit.DONE
    from physioctl.cli.asking import Console, can_ask

    asked = Asked(person, None if before is None else _local_midnight(before))
    how = How.TOLD if dry_run else How.AT_ONCE if yes else How.CONFIRMED
    return purged(path, SystemClock(), asked, how, Console() if can_ask() else None)


def _local_midnight(day: datetime) -> datetime:
    try:
        return day.astimezone()
    except (ValueError, OverflowError, OSError):  # before the first day of the calendar, as UTC has it
        raise InvalidUsage(f"{day:%Y-%m-%d} is no day that a clock shows", "Name one since 1970.") from None


class How(Enum):
    """What is done with the sessions that can be erased."""

    TOLD = auto()  # they are named, and stay
    CONFIRMED = auto()  # a person is asked first
    AT_ONCE = auto()


@dataclass(frozen=True, slots=True)
class Asked:
    """Which sessions are meant."""

    person: str | None = None
    before: datetime | None = None


def purged(path: Path, clock: Clock, asked: Asked, how: How, terminal: Terminal | None) -> int:
    """Say what can be erased, and erase it as ``how`` says. Return the exit code.

    ``terminal`` is where a person can be asked; None where there is none. Raise `InvalidUsage` then.
    """
    from physioctl.guided.terminal import says_yes
    from physioctl.record.journal import Journal
    from physioctl.record.purge import erase, erased, select

    with Journal.open(path, clock) as opened:
        found = select(opened, person=asked.person, before=asked.before)
    now = local(clock.utc())
    for line in _kept(Counter(each.reason for each in found.kept), [each.summary for each in found.kept]):
        say(line)
    if not (found.erasable or found.outside):
        say(f"Nothing to erase in {path}. By this computer's clock it is {now}.")
        if how is not How.TOLD and erased(path):
            erase(path, clock, ())  # in case that an earlier erasure broke off after it was recorded
        return Exit.DONE
    what = " and ".join(filter(None, (_sessions(found.erasable), _outside(len(found.outside)))))
    say(f"To be erased from {path}: {what}. By this computer's clock it is {now}.")
    if how is How.TOLD:
        return Exit.DONE
    say(_STAYS)
    if how is How.CONFIRMED:
        if terminal is None:
            raise InvalidUsage("nobody can be asked here whether to erase them", "Add --yes.")
        if not says_yes(terminal, "Erase them? This cannot be taken back."):
            aside("Nothing was erased.")
            return Exit.STOPPED
    count = erase(path, clock, frozenset(each.id for each in found.erasable), frozenset(found.outside))
    say(f"{_number(count)} erased.")
    if count < len(found.erasable):
        say(f"{_number(len(found.erasable) - count)} more began to count again meanwhile, and stay.")
    return Exit.DONE


def erased_line(path: Path) -> str:
    """What is still known of the sessions that have been erased; empty where there are none."""
    from physioctl.record.purge import erased

    gone = erased(path)
    if not gone:
        return ""
    return f"{_number(len(gone))} erased, begun {_span([each.began for each in gone])}."


def _kept(reasons: Counter[str], kept: Sequence[Summary]) -> Iterator[str]:
    for reason, count in reasons.items():
        yield f"Not erased: {_number(count)} {reason}."
    if kept:
        more = f" and {len(kept) - _IDS_MAX} more" if len(kept) > _IDS_MAX else ""
        yield f"These are: {', '.join(each.id for each in kept[:_IDS_MAX])}{more}."


def _outside(count: int) -> str:
    many = "entry of no session that names" if count == 1 else "entries of no session that name"
    return f"{count} {many} a person" if count else ""


def _sessions(found: Sequence[Summary]) -> str:
    if not found:
        return ""
    persons = sorted({each.person for each in found if each.person is not None})
    named = ", ".join(persons[:_PERSONS_MAX])
    more = f" and {len(persons) - _PERSONS_MAX} more" if len(persons) > _PERSONS_MAX else ""
    of = f"of {named}{more}" if persons else "of nobody named"
    return f"{_number(len(found))} {of}, begun {_span([each.began for each in found])}"


def _span(began: Sequence[datetime]) -> str:
    first, last = local(min(began)), local(max(began))
    return f"at {first}" if first == last else f"from {first} to {last}"


def _number(count: int) -> str:
    return f"{count} session{'' if count == 1 else 's'}"
