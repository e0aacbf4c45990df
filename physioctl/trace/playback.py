"""A trace in the place of what is around a driver: clock, inbox, link, and the controller's times."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from queue import Empty, SimpleQueue
from typing import TypeVar

from device.clock import BootTime
from device.control.admission import SessionLoad
from device.control.controller import Controller
from device.dialects.base import Dialect
from device.errors import LinkLost
from device.events import Event, Written
from device.link import News as DriverNews
from device.operator import Lower, Note, OperatorAction, Pain, SessionAction
from physioctl.trace.lines import (
    Broke,
    ClockRead,
    ControllerInput,
    Loaded,
    Lost,
    PersonAsked,
    Ran,
    Received,
    Sent,
    Stored,
    TraceLine,
    Unwritten,
    Wake,
)
from physioctl.trace.reading import Entry, Trace
from protocols.errors import PhysioctlError

T = TypeVar("T")

NAME = "the trace"


@dataclass(frozen=True, slots=True)
class Difference:
    """Where a replay leaves its trace. None for bytes that were not sent."""

    ms: int
    number: int | None  # of the line in the file; None behind the last one
    expected: bytes | None  # as the trace has it
    sent: bytes | None  # by the controller now
    why: str = ""  # where bytes do not say it


class Over(Exception):
    """There is nothing more in the trace for the controller."""


class _Broken(PhysioctlError):
    """The program raised an error when the trace was made."""


class Playback:
    """The lines of a trace, taken one after the other; its time is that of the line taken last."""

    def __init__(self, trace: Trace) -> None:
        self.now_ms = trace.header.ms
        self.unwritten = 0
        self.difference: Difference | None = None
        self.sent: list[tuple[int, bytes]] = []
        self._entries = trace.entries
        self._at = 0

    @property
    def next(self) -> TraceLine | None:
        """The line that is not taken yet; None behind the last one."""
        return self._entry.line if self._entry else None

    @property
    def _entry(self) -> Entry | None:
        return self._entries[self._at] if self._at < len(self._entries) else None

    def take(self) -> None:
        """Take the next line."""
        line = self._entries[self._at].line
        self._at += 1
        self.now_ms = line.ms
        if isinstance(line, Unwritten):
            self.unwritten = line.count

    def differs(self, expected: bytes | None, sent: bytes | None, why: str = "") -> Over:
        """Note the first difference; return what ends the replay."""
        if self.difference is None:
            number = self._entry.number if self._entry else None
            self.difference = Difference(self.now_ms, number, expected, sent, why)
        return Over()

    def skip_counts(self) -> None:
        """Take the lines that no step of the controller's has taken, and that bring it nothing."""
        while isinstance(self.next, ClockRead | Unwritten | Broke):
            self.take()

    def input_ms(self, by: ControllerInput) -> int:
        """The time of an input of the controller: a later one only where the trace has it for that input."""
        while isinstance(self.next, Unwritten | Broke):
            self.take()
        if isinstance(self.next, ClockRead) and self.next.by == by:
            self.take()
        return self.now_ms

    def waited(self) -> DriverNews | None:
        """What a wait has brought; None where nothing came. Raise what the program raised."""
        while isinstance(self.next, ClockRead | Unwritten):
            self.take()
        if isinstance(self.next, Broke):
            self.take()
            raise _Broken("the program raised an error", "See what it was.")
        line = self.next
        if isinstance(line, Wake):
            self.take()
            return None
        if isinstance(line, Received | PersonAsked | Lost | Stored):
            self.take()
            return _news(line)
        if isinstance(line, Sent):
            raise self.differs(bytes.fromhex(line.bytes), None)
        if isinstance(line, Ran):
            raise self.differs(None, None, "what ended here goes on")
        raise Over

    def queued(self) -> DriverNews | None:
        """What came together with the news before; None where nothing did."""
        line = self.next
        if isinstance(line, Received | PersonAsked | Lost | Stored) and line.more:
            self.take()
            return _news(line)
        return None

    @property
    def has_queued(self) -> bool:
        """Whether `queued` has something."""
        return isinstance(self.next, Received | PersonAsked | Lost | Stored) and self.next.more

    def send(self, data: bytes) -> None:
        """Hold ``data`` against what was sent; raise `LinkLost` where the port was gone."""
        if self.difference is not None:
            return
        self.skip_counts()
        line = self.next
        if line is None:  # the trace was cut off
            raise Over
        if not isinstance(line, Sent):
            raise self.differs(None, data)
        if (expected := bytes.fromhex(line.bytes)) != data:
            raise self.differs(expected, data)
        self.take()
        self.sent.append((self.now_ms, data))
        if isinstance(self.next, Lost) and self.next.sending:
            self.take()
            raise _gone()


class PlaybackInbox(SimpleQueue[DriverNews]):
    """An inbox that holds what the trace has."""

    def __init__(self, playback: Playback) -> None:
        self._playback = playback

    def empty(self) -> bool:
        """Whether nothing came together with the news before."""
        return not self._playback.has_queued

    def get_nowait(self) -> DriverNews:
        """What came together with the news before; raise `Empty` where nothing did."""
        news = self._playback.queued()
        if news is None:
            raise Empty
        return news


class PlaybackClock:
    """The trace's time."""

    def __init__(self, playback: Playback) -> None:
        self._playback = playback

    def now_ms(self) -> int:
        """The time of the line that was taken last."""
        return self._playback.now_ms

    def utc(self) -> datetime:
        """A made-up day: no byte depends on it."""
        return datetime(2026, 1, 1, tzinfo=UTC)

    def boot(self) -> BootTime | None:
        """Not known."""
        return None

    def wait(self, inbox: SimpleQueue[T], until_ms: int) -> T | None:
        """What the trace has next."""
        return self._playback.waited()  # type: ignore[return-value]  # the one inbox there is


class PlaybackLink:
    """A link whose unit is the trace."""

    name = NAME
    simulated = True

    def __init__(self, playback: Playback) -> None:
        self._playback = playback

    def send(self, data: bytes) -> bool:
        """Hold ``data`` against the trace."""
        self._playback.send(data)
        return True

    def close(self) -> None:
        """Nothing is held."""


class NoRecord:
    """Takes every event and keeps none: what was in the journal when is in the trace."""

    written = 0

    def record(self, event: Event) -> None:
        """Keep nothing."""


class ReplayedController(Controller):
    """A controller whose inputs have the times of the trace."""

    def __init__(self, dialect: Dialect, now_ms: int, port: str, *, playback: Playback) -> None:
        self._playback = playback
        super().__init__(dialect, now_ms, port)

    def poll(self, now_ms: int) -> None:
        """As `Controller`."""
        super().poll(self._playback.input_ms("poll"))

    def receive(self, data: bytes, now_ms: int) -> None:
        """As `Controller`."""
        super().receive(data, self._playback.input_ms("receive"))

    def sent(self, now_ms: int) -> None:
        """As `Controller`."""
        super().sent(self._playback.input_ms("sent"))

    def lose_link(self, error: LinkLost, now_ms: int) -> None:
        """As `Controller`."""
        super().lose_link(error, self._playback.input_ms("lose_link"))

    def operate(self, action: OperatorAction, now_ms: int) -> None:
        """As `Controller`."""
        super().operate(action, self._playback.input_ms("operate"))

    def load(self, load: SessionLoad) -> None:
        """As `Controller`."""
        self._playback.skip_counts()
        if isinstance(self._playback.next, Loaded):
            self._playback.take()
        super().load(load)

    def recorded(self, up_to: int, now_ms: int) -> None:
        """As `Controller`, with what the trace says was in the journal."""
        if isinstance(self._playback.next, Unwritten):
            self._playback.take()
        super().recorded(self.outbox.handed_over - self._playback.unwritten, self._playback.now_ms)


def _news(line: Received | PersonAsked | Lost | Stored) -> DriverNews:
    """What the driver was given. The texts that a trace does not keep are replaced."""
    match line:
        case Received():
            return bytes.fromhex(line.bytes)
        case Lost():
            return _gone()
        case Stored():
            if line.took_ms is None:
                return Written(error=_JournalFailed("the journal could not be written", "See to the disk."))
            return Written(took_ms=line.took_ms)
    others: dict[str, Callable[[], OperatorAction]] = {
        "lower": lambda: Lower(line.to_level),
        "note": lambda: Note("-"),
        "pain": lambda: Pain(0),
    }
    return others[line.action]() if line.action in others else SessionAction(line.action)


class _JournalFailed(PhysioctlError):
    """The journal failed in the session of the trace."""


def _gone() -> LinkLost:
    return LinkLost("the port is gone", "Plug the cable in again and look at the unit.")
