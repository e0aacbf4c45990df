"""``physioctl stop``: silence a unit, now, whatever it was doing and whoever was driving it."""

from __future__ import annotations

from contextlib import ExitStack
from queue import SimpleQueue

import click

from device.clock import SystemClock
from device.control.driver import Driver
from device.dialects.native import Native
from device.errors import PortUnusable, SilenceNotProven
from device.events import Silence
from device.link import Inbox, SerialLink
from physioctl.cli.printing import aside, say
from physioctl.holder import StopService, ask_to_stop
from physioctl.ports import held, open_link
from physioctl.screens import SILENCE
from physioctl.terminal import stop_on_signals

ASK_AGAIN_MS = 1000  # after a stop beside a program that could not be asked; this project's own figure
EVERY_MS = 50


@click.command()
@click.option("--port", required=True, help="A device path, a COM name, socket:// or rfc2217://.")
def stop(port: str) -> int:
    """Silence a unit, now, whatever it was doing.

    \b
    Example:
      physioctl stop --port /dev/ttyUSB0
    """
    if _asked(port):
        say(f"The program that holds {port} has stopped. {SILENCE[Silence.PROVEN]}")
        return 0
    silence, beside = _silenced(port)
    if silence is not Silence.PROVEN:
        known = f"a stop was sent on {port}. {SILENCE[silence]}"
        raise SilenceNotProven(f"{known} Besides, {beside}." if beside else known, "Switch the unit off now.")
    if beside and _asked_again(port):
        aside(f"{beside}; the stop was sent beside it, and that program has stopped as well.")
    elif beside:
        aside(f"{beside}; the stop was sent beside it.")
    say(SILENCE[silence])
    return 0


def _asked(port: str) -> bool:
    """Whether a program of the same user that holds the port says that the unit reports its output off.

    Ctrl-C meanwhile asks for another stop, and waits for this one.
    """
    with stop_on_signals(SimpleQueue()):
        return ask_to_stop(port) is Silence.PROVEN


def _asked_again(port: str) -> bool:
    """Ask whoever holds the port, who may have been about to begin, for as long as that may take."""
    clock, nothing = SystemClock(), SimpleQueue[None]()
    give_up_ms = clock.now_ms() + ASK_AGAIN_MS
    while clock.now_ms() < give_up_ms:
        if _asked(port):
            return True
        clock.wait(nothing, clock.now_ms() + EVERY_MS)
    return False


def _silenced(port: str) -> tuple[Silence, str]:
    """What is known of the output after a stop, and who else holds the port.

    Whoever breaks off a stop that has been sent asks for another: it takes two seconds at the most.
    """
    inbox: Inbox = SimpleQueue()
    try:
        with ExitStack() as stack:
            link, stops, beside = _open_at_any_price(port, inbox, stack)
            stack.enter_context(stop_on_signals(inbox))
            driver = Driver(link, SystemClock(), inbox, Native())
            driver.add_observer(stops)
            driver.controller.stop()
            return driver.run(driver.controller.settle()), beside
    except KeyboardInterrupt:
        raise SilenceNotProven(
            f"broken off before a stop could be sent on {port}", "Switch the unit off now."
        ) from None


def _open_at_any_price(port: str, inbox: Inbox, stack: ExitStack) -> tuple[SerialLink, StopService, str]:
    try:
        return *stack.enter_context(held(port, inbox)), ""
    except PortUnusable as busy:
        # The lock is advisory: the stop goes out beside whoever holds the port, and the unit obeys either.
        # That is told afterwards, for nothing that cannot be told may keep the stop from going out.
        link = open_link(port, inbox, exclusive=False)
        stack.callback(link.close)
        return link, StopService(inbox), busy.what
