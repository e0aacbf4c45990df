"""``physioctl stop``: silence a unit, now, whatever it was doing and whoever was driving it."""

from __future__ import annotations

from contextlib import closing
from queue import SimpleQueue

import click

from device.clock import SystemClock
from device.controller import Controller
from device.errors import PortUnusable, SilenceNotProven
from device.events import Silence
from device.link import Inbox, SerialLink
from device.native import Native
from physioctl.cli.opening import open_link
from physioctl.cli.printing import aside, say
from physioctl.screens import SILENCE
from physioctl.terminal import stop_on_signals


@click.command()
@click.option("--port", required=True, help="A device path, a COM name, socket:// or rfc2217://.")
def stop(port: str) -> int:
    """Silence a unit, now, whatever it was doing.

    \b
    Example:
      physioctl stop --port /dev/ttyUSB0
    """
    silence, beside = _silenced(port)
    if silence is not Silence.PROVEN:
        known = f"a stop was sent on {port}. {SILENCE[silence]}"
        raise SilenceNotProven(f"{known} Besides, {beside}." if beside else known, "Switch the unit off now.")
    if beside:
        aside(f"{beside}; the stop was sent beside it.")
    say(SILENCE[silence])
    return 0


def _silenced(port: str) -> tuple[Silence, str]:
    """What is known of the output after a stop, and who else holds the port.

    Whoever breaks off a stop that has been sent asks for another: it takes two seconds at the most.
    """
    inbox: Inbox = SimpleQueue()
    try:
        link, beside = _open_at_any_price(port, inbox)
        with stop_on_signals(inbox), closing(link):
            controller = Controller(link, SystemClock(), inbox, Native())
            controller.stop()
            return controller.settle(), beside
    except KeyboardInterrupt:
        raise SilenceNotProven(
            f"broken off before a stop could be sent on {port}", "Switch the unit off now."
        ) from None


def _open_at_any_price(port: str, inbox: Inbox) -> tuple[SerialLink, str]:
    try:
        return open_link(port, inbox), ""
    except PortUnusable as busy:
        # The lock is advisory: the stop goes out beside whoever holds the port, and the unit obeys either.
        # That is told afterwards, for nothing that cannot be told may keep the stop from going out.
        return open_link(port, inbox, exclusive=False), busy.what
