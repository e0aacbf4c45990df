"""After the cable was pulled: find the unit again, and ask it what it did meanwhile. Nothing is resumed.

The cable may come back under another name. The unit is known by its model and serial number, and no other
unit is told anything but to say who it is. Ports that were there before, and were another's then, are not
asked at all.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from device.address import is_network, unit_port
from device.clock import Clock
from device.control.driver import Driver
from device.control.handshake import identify, perform_handshake
from device.dialects.base import Identity
from device.errors import OutputNotConfirmedOff, Stopped, UnitUnusable
from device.link import Inbox, Port
from device.link import ports as system_ports
from device.operator import SessionAction
from physioctl.events import SessionReconciled
from physioctl.ports import dialect_for, open_link
from physioctl.reconcile import reconcile
from physioctl.record.journal import Journal

WAIT_MS = 60_000
EVERY_MS = 1000
PATIENCE_MS = 1000  # with a port on which somebody may answer

Listed = Callable[[], Iterable[Port]]


def _there(listed: Listed) -> tuple[Port, ...]:
    """The ports there are; none where they cannot be listed: that is not worth a session, nor its end."""
    try:
        return tuple(listed())
    except Exception:  # noqa: BLE001 - the system's own listing may raise anything, with a device half gone
        return ()


@dataclass(frozen=True, slots=True)
class Socket:
    """Where a unit is plugged in, noted while it is."""

    port: str  # as it was named, with the unit's address behind it
    dialect: str
    usb_serial: str = ""  # of its adapter; empty where it has none
    others: frozenset[str] = frozenset()  # ports that were there as well, and are not this one

    @classmethod
    def noted(cls, port: str, dialect: str, listed: Listed = system_ports) -> Socket:
        """What is known of ``port`` now."""
        own = unit_port(port).port
        known = {each.name: each.usb_serial or "" for each in _there(listed)}
        return cls(port, dialect, known.get(own, ""), frozenset(known) - {own})

    def candidates(self, listed: Listed) -> Iterator[str]:
        """The names under which the unit may be back, the likeliest first."""
        yield self.port
        own, behind, address = self.port.rpartition("#")
        own = own if behind else address
        if "://" in own or is_network(own):
            return
        found = [each for each in _there(listed) if each.name != own]
        same = [each.name for each in found if self.usb_serial and each.usb_serial == self.usb_serial]
        new = [each.name for each in found if each.name not in self.others and each.name not in same]
        for name in (*same, *new):
            yield f"{name}#{address}" if behind else name


@dataclass(frozen=True, slots=True)
class Back:
    """The unit is back: on which port, and what it says of the sessions that broke off on it."""

    port: str
    found: tuple[SessionReconciled, ...]


def reconnect(
    socket: Socket,
    identity: Identity,
    journal: Journal,
    clock: Clock,
    inbox: Inbox,
    listed: Listed = system_ports,
) -> Back | None:
    """Wait for the unit of ``identity`` and settle what broke off on it; None when it does not come back.

    Raise `JournalUnusable` when the record cannot be kept. A person's stop ends the waiting.
    """
    give_up_ms = clock.now_ms() + WAIT_MS
    try:
        while (now_ms := clock.now_ms()) < give_up_ms:
            for port in socket.candidates(listed):
                if found := _try(port, socket.dialect, identity, journal, clock, inbox):
                    return Back(port, found)
            if clock.wait(inbox, now_ms + EVERY_MS) is SessionAction.STOP:
                return None
    except Stopped:
        return None
    return None


def _try(
    port: str, dialect: str, identity: Identity, journal: Journal, clock: Clock, inbox: Inbox
) -> tuple[SessionReconciled, ...]:
    """What the unit of ``identity`` says, if it is on ``port``; raise `Stopped` when a person has stopped."""
    spoken = dialect_for(port, dialect)
    try:
        link = open_link(port, inbox, line=spoken.promises.line)
    except UnitUnusable:
        return ()
    try:
        driver = Driver(link, clock, inbox, spoken)
        if not _is(driver, identity):
            return ()
        return reconcile(
            journal, driver, driver.run(perform_handshake(driver.controller, allow_generic=True))
        )
    except UnitUnusable:
        return ()
    finally:
        link.close()


def _is(driver: Driver, identity: Identity) -> bool:
    """Whether the unit of ``identity`` answers. What another one says of its output is not this session's."""
    try:
        here = driver.run(identify(driver.controller, PATIENCE_MS))
    except OutputNotConfirmedOff as error:
        raise Stopped("stopped by the operator while the unit was looked for", error.action) from error
    return (here.model, here.serial) == (identity.model, identity.serial)
