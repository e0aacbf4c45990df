"""``physioctl clear``: clear the faults a unit has latched, on purpose and once their cause has gone."""

from __future__ import annotations

from queue import SimpleQueue

import click

from device.clock import SystemClock
from device.control.driver import Driver
from device.control.fault_clearing import clear_faults
from device.control.handshake import perform_handshake
from device.dialects.registry import NAMES
from device.link import Inbox
from physioctl.cli.printing import say
from physioctl.ports import dialect_for, held
from physioctl.terminal import stop_on_signals


@click.command()
@click.option("--port", required=True, help="A device path, a COM name, socket:// or rfc2217://.")
@click.option("--dialect", default=NAMES[0], show_default=True, help="How the unit speaks.")
def clear(port: str, dialect: str) -> int:
    """Clear the faults a unit has latched, once their cause has gone.

    See to the cause first. It starts nothing, and a unit whose head is still too warm keeps its fault.

    \b
    Example:
      physioctl clear --port /dev/ttyUSB0
      physioctl clear --port '/dev/ttyUSB0#17' --dialect modbus
    """
    spoken = dialect_for(port, dialect)
    inbox: Inbox = SimpleQueue()
    with stop_on_signals(inbox), held(port, inbox, line=spoken.promises.line) as (link, stops):
        driver = Driver(link, SystemClock(), inbox, spoken)
        driver.add_observer(stops)
        driver.run(perform_handshake(driver.controller))
        cleared = driver.run(clear_faults(driver.controller))
    say(f"cleared: {', '.join(cleared)}" if cleared else "The unit has latched no fault.")
    return 0
