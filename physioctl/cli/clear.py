"""``physioctl clear``: clear the faults a unit has latched, on purpose and once their cause has gone."""

from __future__ import annotations

from queue import SimpleQueue

import click

from device.clock import SystemClock
from device.control.driver import Driver
from device.control.fault_clearing import clear_faults
from device.control.handshake import perform_handshake
from device.link import Inbox
from physioctl.cli import asking
from physioctl.cli.options import DIALECT, PORT
from physioctl.cli.printing import say
from physioctl.cli.way import way
from physioctl.ports import dialect_for, held
from physioctl.terminal import stop_on_signals


@click.command()
@PORT
@DIALECT
def clear(port: str | None, dialect: str | None) -> int:
    """Clear the faults a unit has latched, once their cause has gone.

    See to the cause first. It starts nothing, and a unit whose head is still too warm keeps its fault.
    Where several units answer and none is named, it asks which one is meant; without a terminal it refuses.

    \b
    Examples:
      physioctl clear
      physioctl clear --port /dev/ttyUSB0
      physioctl clear --port '/dev/ttyUSB0#17' \\
        --dialect modbus
    """
    to = way(port, dialect, choose=asking.choose if asking.can_ask() else None)
    spoken = dialect_for(to.port, to.dialect)
    inbox: Inbox = SimpleQueue()
    with stop_on_signals(inbox), held(to.port, inbox, line=spoken.promises.line) as (link, stops):
        driver = Driver(link, SystemClock(), inbox, spoken)
        driver.add_observer(stops)
        driver.run(perform_handshake(driver.controller, allow_generic=True))
        cleared = driver.run(clear_faults(driver.controller))
    which = f" ({to.unit} on {to.port})" if to.unit else ""
    if cleared:
        say(f"cleared: {', '.join(cleared)}{which}")
    else:
        say(f"The unit{which} has latched no fault.")
    return 0
