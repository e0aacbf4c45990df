"""Clocks. Only this module may import ``time``.

Everything that a loop waits for (bytes, a lost link, an operator action) arrives in one inbox, so that one
call waits for the next deadline and for input. `queue.SimpleQueue` may be put
to from any thread and from a signal handler.
"""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from hashlib import sha256
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Protocol, TypeVar

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class BootTime:
    """How long the computer has been on, time asleep included."""

    id: str  # of this boot: another after each restart
    ms: int


class Clock(Protocol):
    """Whole milliseconds that never run backwards."""

    def now_ms(self) -> int:
        """Milliseconds since an arbitrary start."""

    def utc(self) -> datetime:
        """The time of day, for the record and the day's limit."""

    def boot(self) -> BootTime | None:
        """The time since boot, which no setting of the time of day changes; None where it is not known."""

    def wait(self, inbox: SimpleQueue[T], until_ms: int) -> T | None:
        """The next item of ``inbox``, or None once ``until_ms`` has come."""


class SystemClock:
    """The system's monotonic clock, counted from when this object was made."""

    def __init__(self) -> None:
        self._start_ns = time.monotonic_ns()

    def now_ms(self) -> int:
        """Monotonic milliseconds."""
        return (time.monotonic_ns() - self._start_ns) // 1_000_000

    def utc(self) -> datetime:
        """The computer's own time of day."""
        return datetime.now(UTC)

    def boot(self) -> BootTime | None:
        """The time since boot, by the system's own clock for it."""
        return _boot_time()

    def wait(self, inbox: SimpleQueue[T], until_ms: int) -> T | None:
        """Sleep until news or ``until_ms``."""
        try:
            return inbox.get(timeout=max(0, until_ms - self.now_ms()) / 1000)
        except Empty:
            return None


class Actor(Protocol):
    """What acts in virtual time: a cable, a simulated unit, a scripted person."""

    def next_ms(self) -> int | None:
        """When it next does something by itself; None when it does not."""

    def move_to(self, now_ms: int) -> None:
        """Move on to ``now_ms``, and do what is due."""


class VirtualClock:
    """A clock that jumps from deadline to deadline, and moves its actors along.

    One thread, no waiting: an hour of treatment is a loop, and the same every time.
    """

    def __init__(self, start: datetime = datetime(2026, 1, 1, tzinfo=UTC)) -> None:
        self._start = start
        self._now_ms = 0
        self._world: list[Actor] = []

    def add(self, actor: Actor) -> None:
        """Add ``actor``. Actors are moved in the order in which they were added."""
        self._world.append(actor)

    def now_ms(self) -> int:
        """Milliseconds since this clock was made."""
        return self._now_ms

    def utc(self) -> datetime:
        """A made-up day, the same every time."""
        return self._start + timedelta(milliseconds=self._now_ms)

    def boot(self) -> BootTime | None:
        """A boot of its own for each start, the same every time."""
        return BootTime(f"virtual-{self._start.isoformat()}", self._now_ms)

    def wait(self, inbox: SimpleQueue[T], until_ms: int) -> T | None:
        """Jump from one actor's deadline to the next until there is news, or it is ``until_ms``."""
        while inbox.empty():
            due_ms = self._next_due_ms(until_ms)
            if due_ms > until_ms or self._now_ms >= until_ms:
                self._jump(until_ms)
                return None if inbox.empty() else inbox.get_nowait()
            self._jump(due_ms)
        return inbox.get_nowait()

    def _next_due_ms(self, until_ms: int) -> int:
        """The first deadline of any actor, or a moment after ``until_ms`` when that is later."""
        due_ms = until_ms + 1
        for actor in self._world:
            at_ms = actor.next_ms()
            if at_ms is not None and at_ms < due_ms:
                due_ms = at_ms
        return due_ms

    def _jump(self, to_ms: int) -> None:
        if to_ms > self._now_ms:
            self._now_ms = to_ms
        for actor in self._world:
            actor.move_to(self._now_ms)


@cache
def _boot_id() -> str | None:
    """A name for this boot. It is hashed: the record has no use for the system's own."""
    try:
        text = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii")
    except (OSError, ValueError):
        return None
    return sha256(text.strip().encode()).hexdigest()[:16]


if sys.platform == "linux":

    def _boot_time() -> BootTime | None:
        """CLOCK_BOOTTIME, which goes on in sleep."""
        if (boot_id := _boot_id()) is None:
            return None
        return BootTime(boot_id, time.clock_gettime_ns(time.CLOCK_BOOTTIME) // 1_000_000)

else:

    def _boot_time() -> BootTime | None:
        """Not known: macOS and Windows name no boot that a program can read without help. Untried."""
        return None
