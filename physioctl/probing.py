"""Who answers on a port, and in which dialect."""

from __future__ import annotations

from dataclasses import dataclass
from queue import SimpleQueue

from device.address import AddressUnusable
from device.clock import SystemClock
from device.control.driver import Driver
from device.control.handshake import identify
from device.dialects.base import Identity
from device.dialects.registry import NAMES, UnknownDialect
from device.errors import NoAnswer
from device.link import Inbox
from physioctl.ports import dialect_for, dialects_of, held
from protocols.errors import PhysioctlError

PATIENCE_MS = 1000  # for an answer in one dialect; this project's own figure


@dataclass(frozen=True, slots=True)
class Answering:
    """A unit that has said who it is."""

    port: str
    dialect: str
    identity: Identity


def who_answers(port: str, dialect: str | None = None) -> Answering:
    """Return who answers on ``port``, in the first dialect in which somebody does, or in the one named.

    Raise `UnitUnusable` where nobody does, as it was in the first dialect, or where the port cannot be used;
    `UnknownDialect` and `AddressUnusable` where no dialect was left to ask in.
    """
    nobody: NoAnswer | None = None
    unusable: PhysioctlError | None = None
    for each in dialects_of(port, dialect):
        try:
            return Answering(port, each, _identity(port, each))
        except NoAnswer as error:
            nobody = nobody or error
        except (UnknownDialect, AddressUnusable) as error:  # another may do
            unusable = unusable or error
    why = nobody or unusable
    assert why is not None  # each of ours has answered, could not be made, or was not answered
    raise why


def _identity(port: str, dialect: str) -> Identity:
    spoken = dialect_for(port, dialect)
    inbox: Inbox = SimpleQueue()
    with held(port, inbox, line=spoken.promises.line) as (link, stops):
        driver = Driver(link, SystemClock(), inbox, spoken)
        driver.add_observer(stops)
        try:
            return driver.run(identify(driver.controller, PATIENCE_MS))
        except PhysioctlError:
            raise
        except Exception as error:
            if dialect in NAMES:
                raise
            raise UnknownDialect(  # whatever another distribution's dialect raises
                f"the dialect {dialect!r} broke off: {error}", "Tell whoever made it."
            ) from error
