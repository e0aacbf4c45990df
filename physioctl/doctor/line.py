"""What is at the other end of a port: asked in each dialect, and at other speeds and parities.

All that is ever sent is a request for the identity and, to a unit that has answered it at its dialect's own
speed, for its capabilities and its status.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from queue import SimpleQueue
from typing import TypeAlias, TypeVar

from device.clock import SystemClock
from device.control.controller import Controller, Script
from device.control.driver import Driver
from device.control.handshake import Inspected, inspect, listen, look_for
from device.dialects.base import Dialect, Identity, Line
from device.dialects.registry import NAMES
from device.errors import NoAnswer
from device.link import Inbox, SerialLink
from physioctl.holder import StopService
from physioctl.ports import held
from protocols.errors import PhysioctlError

T = TypeVar("T")
_MakeScript: TypeAlias = Callable[[Controller], Script[T]]

SAMPLE = 12  # bytes of what was heard, which are shown
FLOOD_BYTES = 200  # unasked, while it is listened: a line of 9600 baud that never rests carries more
SPEEDS = (115_200, 9600, 19_200, 38_400, 57_600, 230_400)
PARITIES = ("N", "E")


@dataclass(frozen=True, slots=True)
class Patience:
    """How long each part may take, in ms. This project's own figures."""

    listen_ms: int = 300  # before anything is sent
    first_ms: int = 2000  # opening the port restarts some units
    next_ms: int = 700  # in each further dialect
    speed_ms: int = 200  # in each dialect at each other speed and parity
    unit_ms: int = 1000  # for each further answer of a unit that has said who it is


PATIENCE = Patience()


@dataclass(frozen=True, slots=True)
class Answered:
    """Who has answered, in which dialect, and how the port was set then."""

    identity: Identity
    dialect: Dialect
    line: Line


class Overhearing(Controller):
    """A controller that keeps the first bytes it is given, for a person to see."""

    sample = b""

    def receive(self, data: bytes, now_ms: int) -> None:
        """Keep what is needed of ``data``, and take it in."""
        self.sample += data[: SAMPLE - len(self.sample)]
        super().receive(data, now_ms)


class Probe:
    """An open port, on which one dialect after another is tried."""

    def __init__(self, name: str, link: SerialLink, stops: StopService, inbox: Inbox) -> None:
        self.unasked_bytes = 0
        self.heard_bytes = 0
        self.sample = b""
        self.settings: set[tuple[int, str]] = set()  # speeds and parities at which somebody was asked
        self._name = name
        self._link = link
        self._stops = stops
        self._inbox = inbox

    @property
    def floods(self) -> bool:
        """Whether so much came unasked that it never ends."""
        return self.unasked_bytes >= FLOOD_BYTES

    def listen(self, dialect: Dialect, for_ms: int) -> None:
        """Count what comes while nothing is sent."""
        self.unasked_bytes = self._run(dialect, lambda controller: listen(controller, for_ms))

    def usual(self, dialects: Sequence[Dialect], patience: Patience) -> Answered | None:
        """Who answers in one of ``dialects``, the port being set as the dialect wants it."""
        within_ms = patience.first_ms
        for dialect in dialects:
            line = dialect.promises.line
            if not self._link.set_line(line):  # a pseudo-terminal knows no parity
                line = replace(line, parity="N")
                self._link.set_line(line)
            identity = self._identity(dialect, line, within_ms)
            if identity is not None:
                return Answered(identity, dialect, line)
            within_ms = patience.next_ms
        return None

    def unusual(self, dialects: Sequence[Dialect], within_ms: int) -> Answered | None:
        """Who answers in one of ``dialects`` at another speed or parity than its own."""
        for line in (Line(baud, parity) for baud in SPEEDS for parity in PARITIES):
            if not self._link.set_line(line):
                continue
            for dialect in dialects:
                own = dialect.promises.line
                if (own.baud, own.parity) == (line.baud, line.parity):
                    continue
                identity = self._identity(dialect, line, within_ms)
                if identity is not None:
                    return Answered(identity, dialect, line)
        return None

    def inspect(self, dialect: Dialect, within_ms: int) -> Inspected | None:
        """What the unit that has answered in ``dialect`` says of itself; None where it does not say all."""
        return self._answer(dialect, lambda controller: inspect(controller, within_ms))

    def _identity(self, dialect: Dialect, line: Line, within_ms: int) -> Identity | None:
        self.settings.add((line.baud, line.parity))
        return self._answer(dialect, lambda controller: look_for(controller, within_ms))

    def _answer(self, dialect: Dialect, script: _MakeScript[T]) -> T | None:
        try:
            return self._run(dialect, script)
        except NoAnswer:
            return None
        except PhysioctlError:
            raise
        except Exception:  # whatever another distribution's dialect raises: the next one is asked
            if dialect.name in NAMES:
                raise
            return None

    def _run(self, dialect: Dialect, script: _MakeScript[T]) -> T:
        controllers: list[Overhearing] = []

        def make(spoken: Dialect, now_ms: int, _link: str) -> Controller:
            controllers.append(Overhearing(spoken, now_ms, self._name))
            return controllers[-1]

        driver = Driver(self._link, SystemClock(), self._inbox, dialect, make)
        driver.add_observer(self._stops)
        try:
            return driver.run(script(driver.controller))
        finally:
            self.heard_bytes += driver.controller.heard_bytes
            self.sample = (self.sample + controllers[0].sample)[:SAMPLE]


@contextmanager
def probing(name: str, first: Dialect) -> Iterator[Probe]:
    """The port called ``name``, opened once for all that is asked. Raise `PortUnusable`."""
    inbox: Inbox = SimpleQueue()
    with held(name, inbox, line=first.promises.line) as (link, stops):
        yield Probe(name, link, stops, inbox)


def shown(data: bytes) -> str:
    """Bytes for a person: as text where they are text."""
    if data and all(0x20 <= byte < 0x7F or byte in b"\r\n\t" for byte in data):
        return repr(data.decode("ascii"))
    return data.hex(" ")


def setting(line: Line) -> str:
    """A speed and parity as people write it."""
    return f"{line.baud} baud, 8{line.parity}{line.stop_bits}"
