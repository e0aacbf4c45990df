"""A simulated unit and its cable in real time: they catch up with the clock whenever someone looks."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from device.clock import Clock


class Far(Protocol):
    """What is at the other end: a cable with its unit, or what stands in for one."""

    on_arrival: Callable[[bytes], None]

    @property
    def pulled(self) -> bool:
        """Whether the cable is out."""

    def move_to(self, now_ms: int) -> None:
        """Let happen what is due by ``now_ms``."""

    def send(self, data: bytes, now_ms: int) -> None:
        """Take ``data`` from the host."""

    def next_ms(self) -> int:
        """When something is due by itself."""


class Live:
    """The host's end of a cable, in the milliseconds of ``clock`` since the unit was switched on."""

    def __init__(self, cable: Far, clock: Clock) -> None:
        self.arrived = bytearray()
        self._cable = cable
        self._clock = clock
        self._start_ms = clock.now_ms()
        cable.on_arrival = self.arrived.extend

    @property
    def pulled(self) -> bool:
        """Whether the cable is out."""
        return self._cable.pulled

    def advance(self) -> None:
        """Let happen what is due by now."""
        self._cable.move_to(self._now_ms())

    def send(self, data: bytes) -> None:
        """Send ``data`` to the unit."""
        now_ms = self._now_ms()
        self._cable.move_to(now_ms)
        self._cable.send(data, now_ms)

    def take(self, size: int | None = None) -> bytes:
        """Take what has arrived, or the first ``size`` bytes of it."""
        taken = bytes(self.arrived[:size])
        del self.arrived[:size]
        return taken

    def wait_s(self, at_most_s: float) -> float:
        """Seconds until something is due by itself, and no more than ``at_most_s``."""
        return min(max(self._cable.next_ms() - self._now_ms(), 1) / 1000, at_most_s)

    def _now_ms(self) -> int:
        return self._clock.now_ms() - self._start_ms
