"""``physioctl stop``: silence a unit, now, whatever it was doing and whoever was driving it."""

from __future__ import annotations

from queue import SimpleQueue

import click

from device.clock import SystemClock
from device.controller import Controller
from device.errors import PortUnusable, SilenceNotProven
from device.events import Silence
from device.link import Inbox, SerialLink
from device.native import Native
from physioctl.cli.opening import open_link
from physioctl.screens import SILENCE


@click.command()
@click.option("--port", required=True, help="A device path, a COM name, socket:// or rfc2217://.")
def stop(port: str) -> int:
    """Silence a unit, now, whatever it was doing.

    \b
    Example:
      physioctl stop --port /dev/ttyUSB0
    """
    inbox: Inbox = SimpleQueue()
    link = _open_at_any_price(port, inbox)
    try:
        controller = Controller(link, SystemClock(), inbox, Native())
        controller.stop()
        silence = controller.settle()
    finally:
        link.close()
    if silence is not Silence.PROVEN:
        raise SilenceNotProven(f"a stop was sent on {port}. {SILENCE[silence]}", "Switch the unit off now.")
    click.echo(SILENCE[silence])
    return 0


def _open_at_any_price(port: str, inbox: Inbox) -> SerialLink:
    try:
        return open_link(port, inbox)
    except PortUnusable as busy:
        # The lock is advisory: the stop goes out beside whoever holds the port, and the unit obeys either.
        link = open_link(port, inbox, exclusive=False)
        click.echo(f"{busy.what}; sending the stop beside it.", err=True)
        return link
