"""A host that stalls or dies while virtual time goes on.

The controller itself is not changed: it waits and sends as always, and time passes, or an exception ends
it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from queue import SimpleQueue
from typing import TypeVar

from device.clock import VirtualClock
from device.events import Recorder
from device.link import Inbox
from physioctl.rehearsal.disk import SimulatedDisk
from physioctl.rehearsal.rig import CableLink
from simulator.cable import Cable

T = TypeVar("T")

_WAITS_AT_ONCE = 10_000  # without a millisecond passing


class HostDied(BaseException):
    """The host has died. Nothing that its program does from now on has an effect."""


class HostHung(BaseException):
    """The session has no end."""


@dataclass(frozen=True, slots=True, order=True)
class Freeze:
    """The host does nothing for a time, and then goes on as if nothing had been."""

    at_ms: int
    for_ms: int
    sending: bool = False  # just before the next message is sent, and not while the host waits


@dataclass(frozen=True, slots=True)
class SlowDisk:
    """Each commit of the journal takes its time, and from some moment on none comes back."""

    commit_ms: int
    stops_ms: int | None = None  # None: every commit comes back


class MortalClock(VirtualClock):
    """A virtual clock whose host stalls at given moments, dies at one, and may not go on for ever."""

    def __init__(
        self, freezes: Sequence[Freeze] = (), death_ms: int | None = None, end_ms: int = 86_400_000
    ) -> None:
        super().__init__(datetime(2026, 1, 1, tzinfo=UTC))
        self.death_ms = death_ms
        self.frozen = False
        self.froze_ms = 0  # when it last began to do nothing
        self.woke_ms = 0  # and when it went on
        self._freezes = sorted(freezes, reverse=True)
        self._end_ms = end_ms
        self._waits = (0, 0)  # at which moment, how often

    @property
    def dead(self) -> bool:
        """Whether the host has died."""
        return self.death_ms is not None and self._now_ms >= self.death_ms

    def wait(self, inbox: SimpleQueue[T], until_ms: int) -> T | None:
        """Wait as any host does, and stall or die when the moment has come."""
        while True:
            self._suffer(sending=False)
            self._expect_progress()
            news = super().wait(inbox, min(until_ms, self._next_blow_ms()))
            if news is not None or self._now_ms >= until_ms:
                return news

    def before_sending(self) -> None:
        """Stall or die here, if it is due just before sending."""
        if not self.dead:
            self._suffer(sending=True)

    def live_on(self, until_ms: int) -> None:
        """Let virtual time pass without the host."""
        super().wait(SimpleQueue[None](), until_ms)

    def _next_blow_ms(self) -> int:
        blows = [freeze.at_ms for freeze in self._freezes if not freeze.sending]
        return min([self._end_ms, *blows] if self.death_ms is None else [self.death_ms, self._end_ms, *blows])

    def _suffer(self, *, sending: bool) -> None:
        for freeze in [f for f in self._freezes if f.at_ms <= self._now_ms and f.sending is sending]:
            self._freezes.remove(freeze)
            self.frozen, self.froze_ms = True, self._now_ms
            self.live_on(self._now_ms + freeze.for_ms)
            self.frozen, self.woke_ms = False, self._now_ms
        if self.dead:
            raise HostDied
        if self._now_ms >= self._end_ms:
            raise HostHung

    def _expect_progress(self) -> None:
        at_ms, count = self._waits
        self._waits = (self._now_ms, count + 1 if at_ms == self._now_ms else 0)
        if count > _WAITS_AT_ONCE:
            raise HostHung


class MortalLink(CableLink):
    """The host's end of the cable, for a host that may stall or die."""

    def __init__(self, cable: Cable, clock: MortalClock, inbox: Inbox) -> None:
        super().__init__(cable, clock, inbox)
        self._host = clock

    def send(self, data: bytes) -> bool:
        """Send, unless the host has died before."""
        self._host.before_sending()
        return True if self._host.dead else super().send(data)


class MortalDisk(SimulatedDisk):
    """The disk of a mortal host: once that has died nothing is written, nor once the disk has stopped."""

    def __init__(self, recorder: Recorder, clock: MortalClock, inbox: Inbox, disk: SlowDisk) -> None:
        super().__init__(recorder, clock, inbox, disk.commit_ms)
        self._host = clock
        self._stops_ms = disk.stops_ms

    def next_ms(self) -> int | None:
        """When the commit that is under way will be done, if it ever will."""
        return None if self._stands_still else super().next_ms()

    def move_to(self, now_ms: int) -> None:
        """Finish the commit that is due, unless none is finished any more."""
        if not self._stands_still:
            super().move_to(now_ms)

    @property
    def _stands_still(self) -> bool:
        stopped = self._stops_ms is not None and self._host.now_ms() >= self._stops_ms
        return stopped or self._host.dead
