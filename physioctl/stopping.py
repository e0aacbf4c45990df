"""A stop on one port: in each dialect in turn, until a unit confirms that its output is off.

It is sent beside whatever holds the port, and from any thread.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable
from contextlib import AbstractContextManager, ExitStack, nullcontext, suppress
from dataclasses import dataclass
from queue import SimpleQueue

from device.address import AddressUnusable, unit_port
from device.clock import SystemClock
from device.control.driver import Driver
from device.control.handshake import identify
from device.dialects.base import Dialect, Line, SharedLine
from device.dialects.registry import NAMES, UnknownDialect
from device.errors import LinkLost, OutputNotConfirmedOff, PortUnusable
from device.events import OffConfirmation
from device.link import Inbox, SerialLink
from physioctl.holder import StopService, ask_to_stop
from physioctl.ports import dialect_for, dialects_of, held, open_link
from physioctl.terminal import stop_on_signals
from protocols.errors import PhysioctlError

AFTER_ALL_MS = 20  # between a stop that nobody answers and the next request
NAME_MS = 300  # for a unit that has confirmed its stop to say who it is; this project's own figure


@dataclass(frozen=True, slots=True)
class Stopped:
    """What is known after a stop was sent on a port."""

    output_off: OffConfirmation
    beside: str = ""  # who else holds the port
    answered: bool = False  # whether a unit has reported its status
    unit: str = ""  # its model and serial number, where they were asked for
    by_holder: bool = False  # the program that holds the port has stopped, and says so


def stop_port(port: str, dialect: str | None = None) -> Stopped:
    """Stop whatever runs on ``port``: the program that holds it is asked, else a stop is sent on the port.

    Raise as `stopped_in_turn`, and `AddressUnusable` for an address that is none.
    """
    line = unit_port(port)
    # The holder of a line drives one unit on it, and cannot tell of another.
    if asked(line.port) and line.address is None:
        if dialect is not None:  # one that is not named may not be the line's: it would set the port anew
            tell_the_others(port, dialect)
        return Stopped(OffConfirmation.CONFIRMED, by_holder=True)
    return stopped_in_turn(port, dialects_of(port, dialect), asked_for=dialect is not None)


def stop(port: str, dialect: str | None = None) -> OffConfirmation:
    """Stop whatever runs on ``port``; return what is then known of the output.

    Anything but *confirmed* needs a person: the unit has to be switched off. Raise `PortUnusable` when
    nothing could be sent, and `UnknownDialect` or `AddressUnusable` for what was named and is none.
    """
    return stop_port(port, dialect).output_off


def asked(port: str) -> bool:
    """Whether a program of the same user that holds the port says that the unit reports its output off.

    Ctrl-C meanwhile asks for another stop, and waits for this one.
    """
    with _signals(SimpleQueue()):
        return ask_to_stop(port) is OffConfirmation.CONFIRMED


def tell_the_others(port: str, dialect: str) -> None:
    """Tell every unit on the line to stop, where ``dialect`` has several on one line."""
    with suppress(PhysioctlError):
        spoken = dialect_for(port, dialect)
        if isinstance(spoken, SharedLine):
            link = open_link(port, SimpleQueue(), exclusive=False, line=spoken.promises.line)
            try:
                _stop_all(link, spoken)
            finally:
                link.close()


def stopped_in_turn(port: str, dialects: Iterable[str], *, asked_for: bool, named: bool = False) -> Stopped:
    """What is known after a stop in each dialect, until one is confirmed; ``named``: and of which unit.

    ``asked_for`` says that a person has named the dialect: what is wrong with it is raised then. Raise
    `PortUnusable` when nothing could be sent, and `OutputNotConfirmedOff` when it was broken off before.
    """
    known: Stopped | None = None
    unusable: PhysioctlError | None = None
    names = iter(dialects)
    while known is None or known.output_off is not OffConfirmation.CONFIRMED:
        try:
            if (name := next(names, None)) is None:
                break
            now = _stopped(port, dialect_for(port, name), named=named)
        except (UnknownDialect, AddressUnusable) as error:  # another may do, or none can be listed
            if asked_for:
                raise
            unusable = unusable or error
            continue
        except PortUnusable:
            if known is None:
                raise
            break  # what was sent before is what can be told
        known = now if known is None else _joined(known, now)
    if known is None:
        if unusable is not None:
            raise unusable
        return Stopped(OffConfirmation.UNKNOWN)
    return known


def _joined(before: Stopped, now: Stopped) -> Stopped:
    """What is known after two stops in two dialects."""
    said = before.output_off if now.output_off is OffConfirmation.UNKNOWN else now.output_off
    return Stopped(said, now.beside or before.beside, before.answered or now.answered, now.unit)


def _signals(inbox: Inbox) -> AbstractContextManager[object]:
    """Let signals ask for another stop. They are the main thread's, which sees to them for the others."""
    if threading.current_thread() is threading.main_thread():
        return stop_on_signals(inbox)
    return nullcontext()


def _stopped(port: str, dialect: Dialect, *, named: bool) -> Stopped:
    """What is known of the output after a stop, and who else holds the port.

    Whoever breaks off a stop that has been sent asks for another: it takes two seconds at the most.
    """
    inbox: Inbox = SimpleQueue()
    try:
        with ExitStack() as stack:
            link, stops, beside = _open_at_any_price(port, inbox, stack, dialect.promises.line)
            stack.enter_context(_signals(inbox))
            if isinstance(dialect, SharedLine) and unit_port(port).address is None:
                _stop_all(link, dialect)
            driver = Driver(link, SystemClock(), inbox, dialect)
            driver.add_observer(stops)
            driver.controller.stop()
            output_off = driver.run(driver.controller.settle())
            answered = driver.controller.status is not None
            return Stopped(output_off, beside, answered, _unit(driver) if named and answered else "")
    except KeyboardInterrupt:
        raise OutputNotConfirmedOff(
            f"broken off before a stop could be sent on {port}", "Switch the unit off now."
        ) from None
    except PhysioctlError:
        raise
    except Exception:  # anything may come out of another distribution's dialect: the next one is tried
        if dialect.name in NAMES:
            raise
        return Stopped(OffConfirmation.UNKNOWN)


def _unit(driver: Driver) -> str:
    """Who the unit says that it is; empty where it does not say so in time."""
    try:
        identity = driver.run(identify(driver.controller, NAME_MS))
    except PhysioctlError:
        return ""
    return f"{identity.model} {identity.serial}"


def _stop_all(link: SerialLink, dialect: SharedLine) -> None:
    """Tell every unit on the line; none answers. A lost link shows at the stop that follows."""
    with suppress(LinkLost):
        link.send(dialect.stop_all())
        clock = SystemClock()
        clock.wait(SimpleQueue[None](), clock.now_ms() + AFTER_ALL_MS)


def _open_at_any_price(
    port: str, inbox: Inbox, stack: ExitStack, line: Line
) -> tuple[SerialLink, StopService, str]:
    try:
        return *stack.enter_context(held(port, inbox, line=line)), ""
    except PortUnusable as busy:
        # The lock is advisory: the stop goes out beside whoever holds the port, and the unit obeys either.
        # That is told afterwards, for nothing that cannot be told may keep the stop from going out.
        link = open_link(port, inbox, exclusive=False, line=line)
        stack.callback(link.close)
        return link, StopService(inbox), busy.what
