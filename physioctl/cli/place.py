"""Where a session is given and recorded: the port of its unit, and the journal."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from device.clock import SystemClock
from physioctl.cli import asking
from physioctl.cli.printing import aside
from physioctl.cli.streams import limit_waiting
from physioctl.record.journal import Journal
from physioctl.wall_clock import confirm, expect_sound


@dataclass(frozen=True, slots=True)
class Place:
    """The unit that gives a session, and the journal that records it."""

    port: str
    dialect: str
    journal: Path | None = None  # None: the usual one
    new: bool = False  # begin the journal
    continues: Path | None = None  # the journal that the new one is linked to
    trace: Path | None = None  # where the bytes are kept, both ways
    replace_trace: bool = False  # replace the trace that is there


@contextmanager
def opened(place: Place, clock: SystemClock) -> Iterator[Journal]:
    """The journal of ``place``. Whoever is there has been asked about a time of day that is in doubt.

    Raise `Refused` where they say that it is wrong.
    """
    with Journal.open(place.journal, clock, new=place.new, continues=place.continues) as record:
        if record.begun:  # told at once: whatever follows may be refused, and the name may be mistyped
            limit_waiting()  # for whoever reads what is said
            aside(f"A new journal was begun: {record.name}")
        if asking.can_ask():
            confirm(record, asking.clock_is_right)
            expect_sound(record)  # before anything else is asked
        yield record
