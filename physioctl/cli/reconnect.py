"""After the cable was pulled: wait for it, and ask the unit what it did meanwhile. Nothing is resumed."""

from __future__ import annotations

from device.clock import Clock
from device.control.driver import Driver
from device.control.handshake import perform_handshake
from device.errors import UnitUnusable
from device.link import Inbox
from device.operator import SessionAction
from physioctl.events import SessionReconciled
from physioctl.ports import dialect_for, open_link
from physioctl.reconcile import reconcile
from physioctl.record.journal import Journal

WAIT_MS = 60_000
EVERY_MS = 1000


def reconnect(
    port: str, dialect: str, journal: Journal, clock: Clock, inbox: Inbox
) -> tuple[SessionReconciled, ...]:
    """What the unit says of the sessions that broke off; empty when it does not come back in time.

    Raise `JournalUnusable` when the record cannot be kept. A person's stop ends the waiting.
    """
    give_up_ms = clock.now_ms() + WAIT_MS
    while (now_ms := clock.now_ms()) < give_up_ms:
        found = _try(port, dialect, journal, clock, inbox)
        if found or clock.wait(inbox, now_ms + EVERY_MS) is SessionAction.STOP:
            return found
    return ()


def _try(
    port: str, dialect: str, journal: Journal, clock: Clock, inbox: Inbox
) -> tuple[SessionReconciled, ...]:
    spoken = dialect_for(port, dialect)
    try:
        link = open_link(port, inbox, line=spoken.promises.line)
    except UnitUnusable:
        return ()
    try:
        driver = Driver(link, clock, inbox, spoken)
        return reconcile(journal, driver, driver.run(perform_handshake(driver.controller)))
    except UnitUnusable:
        return ()
    finally:
        link.close()
