"""``physioctl stop``: end the output of a unit, now, whatever it was doing and whoever was driving it."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack, suppress
from queue import SimpleQueue

import click

from device.address import AddressUnusable, unit_port
from device.clock import SystemClock
from device.control.driver import Driver
from device.dialects.base import Dialect, Line, SharedLine
from device.dialects.registry import NAMES, UnknownDialect
from device.errors import LinkLost, OutputNotConfirmedOff, PortUnusable
from device.events import OffConfirmation
from device.link import Inbox, SerialLink
from physioctl.cli.printing import aside, say
from physioctl.holder import StopService, ask_to_stop
from physioctl.ports import dialect_for, dialects_of, held, open_link
from physioctl.screens.wording import OUTPUT_OFF
from physioctl.terminal import stop_on_signals
from protocols.errors import PhysioctlError

ASK_AGAIN_MS = 1000  # after a stop beside a program that could not be asked; this project's own figure
EVERY_MS = 50
AFTER_ALL_MS = 20  # between a stop that nobody answers and the next request


@click.command()
@click.option("--port", required=True, help="A device path, a COM name, socket:// or rfc2217://.")
@click.option("--dialect", help="How the unit speaks.  [default: each in turn]")
def stop(port: str, dialect: str | None) -> int:
    """End the output of a unit, now, whatever it was doing.

    Without an address every unit on a Modbus line is told to stop, and the usual one is asked whether it has.
    Where a program holds the line, and stops its own unit, the others are told with --dialect modbus alone.

    \b
    Examples:
      physioctl stop --port /dev/ttyUSB0
      physioctl stop --port '/dev/ttyUSB0#17' --dialect modbus
    """
    line = unit_port(port)
    # The holder of a line drives one unit on it, and cannot tell of another.
    if _asked(line.port) and line.address is None:
        if dialect is not None:  # one that is not named may not be the line's: it would set the port anew
            _tell_the_others(port, dialect)
        say(f"The program that holds {port} has stopped. {OUTPUT_OFF[OffConfirmation.CONFIRMED]}")
        return 0
    output_off, beside = _stopped_in_turn(port, dialects_of(port, dialect), asked_for=dialect is not None)
    if output_off is not OffConfirmation.CONFIRMED:
        known = f"a stop was sent on {port}. {OUTPUT_OFF[output_off]}"
        raise OutputNotConfirmedOff(
            f"{known} Besides, {beside}." if beside else known, "Switch the unit off now."
        )
    if beside and _asked_again(line.port):
        aside(f"{beside}; the stop was sent beside it, and that program has stopped as well.")
    elif beside:
        aside(f"{beside}; the stop was sent beside it.")
    say(OUTPUT_OFF[output_off])
    return 0


def _tell_the_others(port: str, dialect: str) -> None:
    """Tell every unit on the line to stop, where ``dialect`` has several on one line."""
    with suppress(PhysioctlError):
        spoken = dialect_for(port, dialect)
        if isinstance(spoken, SharedLine):
            link = open_link(port, SimpleQueue(), exclusive=False, line=spoken.promises.line)
            try:
                _stop_all(link, spoken)
            finally:
                link.close()


def _asked(port: str) -> bool:
    """Whether a program of the same user that holds the port says that the unit reports its output off.

    Ctrl-C meanwhile asks for another stop, and waits for this one.
    """
    with stop_on_signals(SimpleQueue()):
        return ask_to_stop(port) is OffConfirmation.CONFIRMED


def _asked_again(port: str) -> bool:
    """Ask whoever holds the port, who may have been about to begin, for as long as that may take."""
    clock, nothing = SystemClock(), SimpleQueue[None]()
    give_up_ms = clock.now_ms() + ASK_AGAIN_MS
    while clock.now_ms() < give_up_ms:
        if _asked(port):
            return True
        clock.wait(nothing, clock.now_ms() + EVERY_MS)
    return False


def _stopped_in_turn(port: str, dialects: Sequence[str], *, asked_for: bool) -> tuple[OffConfirmation, str]:
    """What is known after a stop in each dialect, until one is confirmed; and who else holds the port."""
    known, others, sent = OffConfirmation.UNKNOWN, "", False
    unusable: PhysioctlError | None = None
    for name in dialects:
        try:
            output_off, beside = _stopped(port, dialect_for(port, name))
        except (UnknownDialect, AddressUnusable) as error:  # another may do
            if asked_for:
                raise
            unusable = unusable or error
            continue
        except PortUnusable:
            if not sent:
                raise
            break  # what was sent before is what can be told
        sent, others = True, others or beside
        if output_off is not OffConfirmation.UNKNOWN:
            known = output_off
        if output_off is OffConfirmation.CONFIRMED:
            break
    if unusable is not None and not sent:
        raise unusable
    return known, others


def _stopped(port: str, dialect: Dialect) -> tuple[OffConfirmation, str]:
    """What is known of the output after a stop, and who else holds the port.

    Whoever breaks off a stop that has been sent asks for another: it takes two seconds at the most.
    """
    inbox: Inbox = SimpleQueue()
    try:
        with ExitStack() as stack:
            link, stops, beside = _open_at_any_price(port, inbox, stack, dialect.promises.line)
            stack.enter_context(stop_on_signals(inbox))
            if isinstance(dialect, SharedLine) and unit_port(port).address is None:
                _stop_all(link, dialect)
            driver = Driver(link, SystemClock(), inbox, dialect)
            driver.add_observer(stops)
            driver.controller.stop()
            return driver.run(driver.controller.settle()), beside
    except KeyboardInterrupt:
        raise OutputNotConfirmedOff(
            f"broken off before a stop could be sent on {port}", "Switch the unit off now."
        ) from None
    except PhysioctlError:
        raise
    except Exception:
        if dialect.name in NAMES:
            raise
        return OffConfirmation.UNKNOWN, ""  # whatever another distribution's dialect raises


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
