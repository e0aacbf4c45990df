"""Runs a script of the suite over a link, in real or virtual time."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from device.clock import Clock
from device.errors import LinkLost, Stopped
from device.link import Inbox, Link
from physioctl.conformance.effects import Arrived, Script, Send, Wait

T = TypeVar("T")


class Interrupted(Stopped):
    """A person, a signal or another program has asked to stop."""

    def __init__(self) -> None:
        super().__init__("stopped before the unit was examined", "Start it again.")


class Performer:
    """Does what scripts ask for, on one link."""

    def __init__(self, link: Link, clock: Clock, inbox: Inbox, tell: Callable[[str], None]) -> None:
        self._link = link
        self._clock = clock
        self._inbox = inbox
        self._tell = tell

    def perform(self, script: Script[T], *, to_the_end: bool = False) -> T:
        """Run ``script`` and return what it returns.

        Raise `LinkLost`, and `Interrupted` when a stop is asked for, unless it is to be run ``to_the_end``.
        """
        try:
            effect = next(script)
            while True:
                if isinstance(effect, Send):
                    self._send(effect.data)
                    arrived = Arrived(self._clock.now_ms())
                elif isinstance(effect, Wait):
                    arrived = self._wait(effect.within_ms, to_the_end)
                else:
                    self._tell(effect.text)
                    arrived = Arrived(self._clock.now_ms())
                effect = script.send(arrived)
        except StopIteration as done:
            result: T = done.value
            return result

    def _send(self, data: bytes) -> None:
        if not self._link.send(data):  # the line took a part of it: a unit throws that away
            self._link.send(b"\0")

    def _wait(self, within_ms: int, to_the_end: bool) -> Arrived:
        until_ms = self._clock.now_ms() + within_ms
        while True:
            news = self._clock.wait(self._inbox, until_ms)
            if isinstance(news, LinkLost):
                raise news
            if news is None or isinstance(news, bytes):
                return Arrived(self._clock.now_ms(), news or b"")
            if not to_the_end:
                raise Interrupted
