"""``physioctl ports``: the serial ports, and what answers on them."""

from __future__ import annotations

from collections.abc import Iterator
from queue import SimpleQueue
from typing import Any

import click

from device.clock import SystemClock
from device.control.driver import Driver
from device.control.handshake import identify
from device.dialects.native import Native
from device.errors import UnitUnusable
from device.link import Inbox
from device.link import ports as system_ports
from physioctl.cli.printing import json_line, say
from physioctl.ports import held

PATIENCE_MS = 1000


@click.command()
@click.argument("port", nargs=-1)
@click.option("--no-ask", is_flag=True, help="List them only; send nothing to any of them.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
def ports(port: tuple[str, ...], no_ask: bool, as_json: bool) -> int:
    """List serial ports and what answers on them. Give PORT to ask those only.

    \b
    Examples:
      physioctl ports
      physioctl ports socket://127.0.0.1:4001
    """
    known = {found.name: found.about for found in system_ports()}
    names = port or tuple(known)
    if not names and not as_json:
        say("no serial ports. Plug the unit in; pseudo-terminals are never listed: name them.")
    for name in names:
        row: dict[str, Any] = {"port": name, "about": known.get(name, "")}
        if not no_ask:
            row |= _ask(name)
        if as_json:
            json_line(row)
            continue
        for line in _lines(row):
            say(line)
    return 0


def _ask(name: str) -> dict[str, Any]:
    inbox: Inbox = SimpleQueue()
    try:
        with held(name, inbox) as (link, stops):
            driver = Driver(link, SystemClock(), inbox, Native())
            driver.add_observer(stops)
            identity = driver.run(identify(driver.controller, PATIENCE_MS))
    except UnitUnusable as error:
        return {"unit": None, "why": error.what, "to_do": error.to_do}
    return {"unit": identity.model, "serial": identity.serial, "firmware": identity.firmware}


def _lines(row: dict[str, Any]) -> Iterator[str]:
    if row.get("unit"):
        yield f"{row['port']}  {row['unit']} {row['serial']}, firmware {row['firmware']}"
        return
    yield f"{row['port']}  {row.get('why') or row['about']}"
    if "to_do" in row:
        yield f"  to do: {row['to_do']}"
