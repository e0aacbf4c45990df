"""Keeps a trace of a driver: every byte, and every input of the controller with its time.

The controller is sans-IO, so its inputs in their order, with the time of each, make it do the same again.
They are noted where the driver hands them over. Nothing here waits or changes what the driver does.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, Protocol, TypeVar

from device.clock import Clock
from device.control.admission import SessionLoad
from device.control.controller import Controller, Script
from device.control.driver import Driver, MakeController
from device.dialects.base import Dialect, SharedLine
from device.errors import LinkLost
from device.events import Written
from device.link import Inbox, Link
from device.link import News as DriverNews
from device.operator import ActedBy, Lower, OperatorAction
from physioctl import __version__
from physioctl.trace.lines import (
    FORMAT,
    Broke,
    ClockRead,
    ControllerInput,
    Exited,
    Header,
    KeptBound,
    Loaded,
    Lost,
    News,
    PersonAsked,
    Ran,
    Received,
    Sent,
    Stored,
    TraceLine,
    Unwritten,
    Wake,
)
from protocols.limits import Bound

PortKind = Literal["serial", "network", "simulated", "rehearsal"]

T = TypeVar("T")


class Keeper(Protocol):
    """What keeps the lines: `physioctl.trace.writing.TraceWriter`."""

    def add(self, line: Header | TraceLine) -> None:
        """Keep ``line``; wait for nothing."""

    def stop(self, why: str) -> None:
        """Keep nothing more."""


class Log:
    """Makes the lines of a trace. Their times never go back, whichever thread notes something."""

    def __init__(self, keeper: Keeper) -> None:
        self.now_ms = 0
        self._keeper = keeper
        self._unwritten = 0

    def begin(self, dialect: Dialect, port: PortKind, now_ms: int) -> None:
        """Note who speaks to whom."""
        address = dialect.address if isinstance(dialect, SharedLine) else None
        self.note(
            lambda ms: Header(
                ms=ms, format=FORMAT, physioctl=__version__, dialect=dialect.name, address=address, port=port
            ),
            now_ms,
        )

    def note(self, make: Callable[[int], Header | TraceLine], now_ms: int) -> None:
        """Note what ``make`` makes of its time. What cannot be noted ends the trace, and not the session."""
        self.now_ms = max(self.now_ms, now_ms)
        try:
            line = make(self.now_ms)
        except ValueError:
            self._keeper.stop("something happened that a trace has no line for")
        else:
            self._keeper.add(line)

    def input(self, by: ControllerInput, now_ms: int) -> None:
        """Note the time of an input of the controller, where it is a later one."""
        if now_ms > self.now_ms:
            self.note(lambda ms: ClockRead(ms=ms, by=by), now_ms)

    def unwritten(self, count: int, now_ms: int) -> None:
        """Note how many events are not in the journal, where that or the time has changed."""
        if count != self._unwritten or now_ms > self.now_ms:
            self._unwritten = count
            self.note(lambda ms: Unwritten(ms=ms, count=count), now_ms)


class TracedLink:
    """A link whose every sending is noted before the bytes leave."""

    def __init__(self, link: Link, log: Log) -> None:
        self.name = link.name
        self._link = link
        self._log = log

    @property
    def simulated(self) -> bool:
        """As the link itself says."""
        return self._link.simulated

    def send(self, data: bytes) -> bool:
        """Note ``data`` and send it; raise `LinkLost` as the link does."""
        self._log.note(lambda ms: Sent(ms=ms, bytes=data.hex()), self._log.now_ms)
        try:
            return self._link.send(data)
        except LinkLost:
            self._log.note(lambda ms: Lost(ms=ms, sending=True), self._log.now_ms)
            raise

    def close(self) -> None:
        """Let go of the port."""
        self._link.close()


class TracedController(Controller):
    """A controller whose inputs are noted, with their times."""

    def __init__(self, dialect: Dialect, now_ms: int, port: str, *, log: Log, kind: PortKind) -> None:
        super().__init__(dialect, now_ms, port)
        self._log = log
        log.begin(dialect, kind, now_ms)

    def poll(self, now_ms: int) -> None:
        """As `Controller`."""
        self._log.input("poll", now_ms)
        super().poll(now_ms)

    def receive(self, data: bytes, now_ms: int) -> None:
        """As `Controller`."""
        self._log.input("receive", now_ms)
        super().receive(data, now_ms)

    def sent(self, now_ms: int) -> None:
        """As `Controller`."""
        self._log.input("sent", now_ms)
        super().sent(now_ms)

    def lose_link(self, error: LinkLost, now_ms: int) -> None:
        """As `Controller`."""
        self._log.input("lose_link", now_ms)
        super().lose_link(error, now_ms)

    def operate(self, action: OperatorAction, now_ms: int) -> None:
        """As `Controller`."""
        self._log.input("operate", now_ms)
        super().operate(action, now_ms)

    def recorded(self, up_to: int, now_ms: int) -> None:
        """As `Controller`."""
        self._log.unwritten(max(0, self.outbox.handed_over - up_to), now_ms)
        super().recorded(up_to, now_ms)

    def load(self, load: SessionLoad) -> None:
        """As `Controller`."""
        self._log.note(
            lambda ms: Loaded(
                ms=ms,
                number=load.session,
                protocol=load.admission.content,
                content_hash=load.admission.content_hash,
                attended=load.attended,
                awaits_start=load.awaits_start,
                given_ms=load.admission.given_ms,
                given_mj=load.admission.given_mj,
                bounds=list(map(_kept, load.admission.bounds)),
            ),
            self._log.now_ms,
        )
        super().load(load)


class TracedDriver(Driver):
    """A driver that keeps a trace."""

    def __init__(
        self, link: Link, clock: Clock, inbox: Inbox, dialect: Dialect, *, keeper: Keeper, kind: PortKind
    ) -> None:
        self._log = log = Log(keeper)
        self._more = False
        super().__init__(
            TracedLink(link, log),
            clock,
            inbox,
            dialect,
            lambda spoken, now_ms, port: TracedController(spoken, now_ms, port, log=log, kind=kind),
        )

    def run(self, script: Script[T]) -> T:
        """As `Driver`."""
        name = getattr(script, "__name__", "")
        self._log.note(lambda ms: Ran(ms=ms, script=name), self.clock.now_ms())
        return super().run(script)

    def step(self, wake_ms: int) -> None:
        """As `Driver`."""
        try:
            super().step(wake_ms)
        except BaseException:  # of any kind: what the controller does then follows from it
            self._log.note(lambda ms: Broke(ms=ms), self.clock.now_ms())
            raise

    def stop_at_exit(self) -> None:
        """As `Driver`."""
        self._log.note(lambda ms: Exited(ms=ms), self.clock.now_ms())
        super().stop_at_exit()

    def _wait(self, until_ms: int) -> DriverNews | None:
        news = super()._wait(until_ms)
        if news is None:
            self._log.note(lambda ms: Wake(ms=ms), self.clock.now_ms())
        return news

    def _queued(self) -> DriverNews | None:
        news = super()._queued()
        self._more = news is not None
        return news

    def _take_in(self, news: DriverNews) -> None:
        more, self._more = self._more, False
        self._log.note(lambda ms: _line(news, ms, more), self.clock.now_ms())
        super()._take_in(news)


def traced(keeper: Keeper) -> Callable[[Link, Clock, Inbox, Dialect, MakeController], Driver]:
    """What makes the driver of a rehearsal that keeps a trace; its controller is that of the trace."""

    def make(link: Link, clock: Clock, inbox: Inbox, dialect: Dialect, _: MakeController) -> Driver:
        return TracedDriver(link, clock, inbox, dialect, keeper=keeper, kind="rehearsal")

    return make


def _line(news: DriverNews, ms: int, more: bool) -> News:
    """The line for ``news``. Of what is said of a person nothing but the time is kept."""
    match news:
        case bytes():
            return Received(ms=ms, more=more, bytes=news.hex())
        case LinkLost():
            return Lost(ms=ms, more=more)
        case Written():
            return Stored(ms=ms, more=more, took_ms=news.took_ms if news.error is None else None)
        case Lower():
            return PersonAsked(ms=ms, more=more, action="lower", to_level=news.to_level)
        case ActedBy():
            return PersonAsked.model_validate({"ms": ms, "more": more, "action": news.action.value})
    return PersonAsked.model_validate({"ms": ms, "more": more, "action": news.name.lower()})


def _kept(bound: Bound) -> KeptBound:
    return KeptBound.model_validate(
        {
            "quantity": bound.quantity.name.lower(),
            "layer": bound.layer.value,
            "at_least": bound.at_least,
            "at_most": bound.at_most,
            "one_of": None if bound.one_of is None else sorted(bound.one_of),
        }
    )
