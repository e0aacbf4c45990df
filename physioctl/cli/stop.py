"""``physioctl stop``: end the output of a unit, now, whatever it was doing and whoever was driving it."""

from __future__ import annotations

import os
from queue import SimpleQueue

import click

from device.address import is_simulated, unit_port
from device.clock import SystemClock
from device.errors import OutputNotConfirmedOff
from device.events import OffConfirmation
from physioctl.cli.printing import aside, say
from physioctl.cli.stop_everything import stop_everything
from physioctl.errors import InvalidUsage
from physioctl.screens.wording import OUTPUT_OFF
from physioctl.settings import PORT_VARIABLE, settings
from physioctl.stopping import asked, stop_port

ASK_AGAIN_MS = 1000  # after a stop beside a program that could not be asked; this project's own figure
EVERY_MS = 50


@click.command()
@click.option(
    "--port",
    metavar="PORT",
    help="A device path, a COM name, socket:// or rfc2217://.  [default: every session and every port]",
)
@click.option("--dialect", metavar="NAME", help="How the unit speaks.  [default: each in turn]")
def stop(port: str | None, dialect: str | None) -> int:
    """End the output of a unit, now, whatever it was doing.

    Without --port, every session of yours on this computer is ended, and every unit on its serial ports, and
    on your usual port, is told to stop. It is no emergency stop: that is the unit's own switch.

    Without an address every unit on a Modbus line is told to stop, and the usual one is asked whether it has.
    Where a program holds the line, and stops its own unit, the others are told with --dialect modbus alone.

    \b
    Examples:
      physioctl stop
      physioctl stop --port /dev/ttyUSB0
      physioctl stop --port '/dev/ttyUSB0#17' --dialect modbus
    """
    if port is None:
        return stop_everything(dialect, usual=usual_port())
    found = stop_port(port, dialect)
    if found.by_holder:
        say(f"The program that holds {port} has stopped. {OUTPUT_OFF[found.output_off]}")
        return 0
    if found.output_off is not OffConfirmation.CONFIRMED:
        known = f"a stop was sent on {port}. {OUTPUT_OFF[found.output_off]}"
        raise OutputNotConfirmedOff(
            f"{known} Besides, {found.beside}." if found.beside else known, "Switch the unit off now."
        )
    if found.beside and _asked_again(unit_port(port).port):
        aside(f"{found.beside}; the stop was sent beside it, and that program has stopped as well.")
    elif found.beside:
        aside(f"{found.beside}; the stop was sent beside it.")
    say(OUTPUT_OFF[found.output_off])
    return 0


def usual_port() -> str | None:
    """The usual port on which a stop can reach a unit; None where there is none, or the settings are wrong.

    What is wrong is said, and keeps nothing from being stopped.
    """
    try:
        port = os.environ.get(PORT_VARIABLE) or settings().port
    except Exception as error:  # noqa: BLE001 - whatever is wrong with a file, the stop goes out
        wrong = error if isinstance(error, InvalidUsage) else None
        aside(f"error: {wrong.what if wrong else f'the usual port cannot be read: {error}'}")
        aside(f"  to do: {wrong.action if wrong else 'Name it: physioctl stop --port PORT'}")
        return None
    if port is not None and is_simulated(port):  # another unit, each time it is opened
        aside(f"The usual port, {port}, is no unit that a stop could reach: it ends with its session.")
        return None
    return port


def _asked_again(port: str) -> bool:
    """Ask whoever holds the port, who may have been about to begin, for as long as that may take."""
    clock, nothing = SystemClock(), SimpleQueue[None]()
    give_up_ms = clock.now_ms() + ASK_AGAIN_MS
    while clock.now_ms() < give_up_ms:
        if asked(port):
            return True
        clock.wait(nothing, clock.now_ms() + EVERY_MS)
    return False
