"""Which units answer, and on which ports."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from queue import SimpleQueue

from device.address import AddressUnusable
from device.clock import SystemClock
from device.control.driver import Driver
from device.control.handshake import look_for
from device.dialects.base import Identity
from device.dialects.registry import NAMES, UnknownDialect
from device.errors import NoAnswer, UnitUnusable
from device.link import Inbox, Port
from device.link import ports as system_ports
from physioctl.at_once import at_once
from physioctl.errors import PortNotChosen
from physioctl.ports import dialect_for, dialects_of, held
from protocols.errors import PhysioctlError

PATIENCE_MS = 1000  # with each dialect
LIMIT_MS = 10_000  # for all ports, which are asked at once; both are this project's own figures


@dataclass(frozen=True, slots=True)
class Found:
    """A port, and the unit that answers on it, or why none does."""

    port: str
    identity: Identity | None
    dialect: str = ""  # in which it answers
    why: str = ""
    action: str = ""

    def __str__(self) -> str:
        if self.identity is None:
            return self.why if self.port in self.why else f"{self.port}  {self.why}"
        unit = f"{self.identity.model} {self.identity.serial}, firmware {self.identity.firmware}"
        return f"{self.port}  {unit}, {self.dialect}"


def ask(name: str, dialect: str | None = None) -> Found:
    """Who answers on the port called ``name``: in ``dialect``, or in the first one in which somebody does.

    Raise `UnknownDialect` or `AddressUnusable` for a dialect that was named and cannot be used, and for an
    address that no dialect takes.
    """
    nobody: NoAnswer | None = None
    unusable: PhysioctlError | None = None
    for each in dialects_of(name, dialect):
        try:
            return Found(name, _identity(name, each), each)
        except NoAnswer as error:
            nobody = nobody or error
        except UnitUnusable as error:
            return Found(name, None, why=error.what, action=error.action)
        except (UnknownDialect, AddressUnusable) as error:  # another may do
            if dialect is not None:
                raise
            unusable = unusable or error
    if nobody is None and unusable is not None:
        raise unusable
    assert nobody is not None  # each of ours has answered, could not be made, or was not answered
    return Found(name, None, why=nobody.what, action=nobody.action)


def search(
    dialect: str | None = None, *, listed: Callable[[], Iterable[Port]] = system_ports
) -> tuple[Found, ...]:
    """Who answers on each of the serial ports, which are asked at once, by the names of the ports."""
    work = {port.name: partial(ask, port.name, dialect) for port in listed()}
    return tuple(sorted(_answers(work), key=lambda found: found.port))


def _answers(work: Mapping[str, Callable[[], Found]]) -> Iterator[Found]:
    for name, answer in at_once(work, LIMIT_MS):
        if isinstance(answer, Found):
            yield answer
        elif isinstance(answer, PhysioctlError):
            yield Found(name, None, why=answer.what, action=answer.action)
        else:
            yield Found(name, None, why=str(answer))


def answering(found: Sequence[Found]) -> tuple[Found, ...]:
    """Those of ``found`` on which a unit answers."""
    return tuple(each for each in found if each.identity is not None)


def the_only_one(found: Sequence[Found]) -> Found:
    """The one port of ``found`` on which a unit answers.

    Raise `PortNotChosen`, which lists what was found, when there is none or more than one.
    """
    units = answering(found)
    if len(units) == 1:
        return units[0]
    if not found:
        raise PortNotChosen(
            "no port is named, and this computer has no serial port",
            "Plug the unit in, or name its port: --port PORT. Pseudo-terminals are never listed.",
        )
    lines = "\n".join(f"  {each}" for each in units or found)
    if not units:
        raise PortNotChosen(
            f"no port is named, and no unit answers on a serial port:\n{lines}",
            "Switch the unit on and plug it in, or name its port: --port PORT",
        )
    raise PortNotChosen(
        f"no port is named, and {len(units)} units answer:\n{lines}",
        f"Say which: --port {units[0].port}",
    )


def _identity(name: str, dialect: str) -> Identity:
    spoken = dialect_for(name, dialect)
    inbox: Inbox = SimpleQueue()
    with held(name, inbox, line=spoken.promises.line) as (link, stops):
        driver = Driver(link, SystemClock(), inbox, spoken)
        driver.add_observer(stops)
        try:
            return driver.run(look_for(driver.controller, PATIENCE_MS))
        except PhysioctlError:
            raise
        except Exception as error:
            if dialect in NAMES:
                raise
            raise UnknownDialect(  # whatever another distribution's dialect raises
                f"the dialect {dialect!r} broke off: {error}", "Tell whoever made it."
            ) from error
