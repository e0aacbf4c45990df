"""The rig: a clock, a cable, a simulated unit, and the controller of a real session.

The only module that uses both sides. The controller is complete: what runs here is what runs on a serial
port, on virtual time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from heapq import heappop, heappush
from queue import SimpleQueue
from typing import TypeAlias

from device.clock import Clock, VirtualClock
from device.control.controller import Controller
from device.control.driver import Driver, MakeController
from device.dialects.base import Dialect
from device.dialects.native import Native
from device.dialects.registry import make
from device.errors import LinkLost
from device.link import Inbox, Link
from device.operator import OperatorAction
from simulator.cable import Cable
from simulator.dialects import Maker, maker
from simulator.faults import Fault
from simulator.unit import SimulatedUnit

MakeDriver: TypeAlias = Callable[[Link, Clock, Inbox, Dialect, MakeController], Driver]


class CableLink:
    """The host's end of a simulated cable."""

    simulated = True

    def __init__(self, cable: Cable, clock: VirtualClock, inbox: Inbox) -> None:
        self.name = f"a simulated {cable.unit.plate.name}"
        self._cable = cable
        self._clock = clock
        self._inbox = inbox
        cable.on_arrival = inbox.put
        cable.on_pulled = self._pulled

    def send(self, data: bytes) -> bool:
        """Send ``data`` down the cable."""
        if self._cable.pulled:
            raise self._gone()
        self._cable.send(data, self._clock.now_ms())
        return True

    def close(self) -> None:
        """Nothing is held."""

    def _pulled(self) -> None:
        self._inbox.put(self._gone())

    def _gone(self) -> LinkLost:
        return LinkLost(
            f"{self.name} is gone: the cable is out", "Plug the cable in again and look at the unit."
        )


class Person:
    """A person who acts at given times."""

    def __init__(self, inbox: Inbox, actions: Iterable[tuple[int, OperatorAction]] = ()) -> None:
        self._inbox = inbox
        self._actions: list[tuple[int, int, OperatorAction]] = []
        self._count = 0  # of what happens at one time, what was willed first comes first
        for at_ms, action in actions:
            self.schedule(action, at_ms)

    def schedule(self, action: OperatorAction, at_ms: int) -> None:
        """Schedule ``action`` at ``at_ms``."""
        self._count += 1
        heappush(self._actions, (at_ms, self._count, action))

    def next_ms(self) -> int | None:
        """When the next action is due."""
        return self._actions[0][0] if self._actions else None

    def move_to(self, now_ms: int) -> None:
        """Do what has fallen due."""
        while self._actions and self._actions[0][0] <= now_ms:
            self._inbox.put(heappop(self._actions)[2])


class Rig:
    """A controller, a cable, a unit, a person and the time they share.

    A test may pass another part instead of the usual one.
    The unit's serial number follows from its model and the seed where no other is given. A unit that speaks
    another dialect comes with it: see `speaking`.
    """

    def __init__(
        self,
        model: str = "us111",
        *,
        seed: int = 0,
        faults: Sequence[Fault] = (),
        actions: Iterable[tuple[int, OperatorAction]] = (),
        clock: VirtualClock | None = None,
        serial: str | None = None,
        link: Callable[[Cable, VirtualClock, Inbox], Link] = CableLink,
        unit: Maker = SimulatedUnit,
        controller: MakeController = Controller,
        driver: MakeDriver = Driver,
        dialect: Callable[[], Dialect] = Native,
    ) -> None:
        self.clock = VirtualClock() if clock is None else clock
        self.unit = unit(model, seed=seed, faults=faults, serial=serial)
        self.cable = Cable(self.unit, seed=seed, faults=faults)
        self.inbox: Inbox = SimpleQueue()
        self.person = Person(self.inbox, actions)
        self.clock.add(self.cable)
        self.clock.add(self.person)
        self.driver = driver(
            link(self.cable, self.clock, self.inbox), self.clock, self.inbox, dialect(), controller
        )
        self.controller = self.driver.controller

    def inject(self, fault: Fault) -> None:
        """Let ``fault`` happen as well; raise `ValueError` for one that cannot, or that begins before now."""
        self.unit.inject(fault)
        self.cable.inject(fault)

    @property
    def units(self) -> list[SimulatedUnit]:
        """The unit, and those that are on its cable at some time instead of it."""
        return [self.unit, *self.cable.others]

    def wait(self, for_ms: int) -> None:
        """Let time pass with nobody driving."""
        elsewhere: SimpleQueue[None] = SimpleQueue()
        self.clock.wait(elsewhere, self.clock.now_ms() + for_ms)


@dataclass(frozen=True, slots=True)
class Speaking:
    """What makes a simulated unit that speaks a dialect, and the dialect to speak with it."""

    unit: Maker
    dialect: Callable[[], Dialect]


def speaking(dialect: str, host_loss: str | None = None) -> Speaking:
    """The parts of a rig for ``dialect``; raise `ValueError` for a unit that is not simulated.

    ``host_loss`` says what ends the unit's output when the host is lost: see `simulator.dialects`.
    """
    return Speaking(maker(dialect, host_loss), lambda: make(dialect))
