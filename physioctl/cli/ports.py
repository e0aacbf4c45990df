"""``physioctl ports``: the serial ports, and what answers on them."""

from __future__ import annotations

from collections.abc import Iterator
from queue import SimpleQueue
from typing import Any

import click

from device.address import AddressUnusable
from device.clock import SystemClock
from device.control.driver import Driver
from device.control.handshake import identify
from device.dialects.base import Identity
from device.dialects.registry import NAMES, UnknownDialect
from device.errors import NoAnswer, UnitUnusable
from device.link import Inbox
from device.link import ports as system_ports
from physioctl.cli.printing import json_line, say
from physioctl.ports import dialect_for, dialects_of, held
from protocols.errors import PhysioctlError

PATIENCE_MS = 1000


@click.command()
@click.argument("port", nargs=-1)
@click.option("--dialect", help="Ask in this one only.  [default: each in turn]")
@click.option("--no-ask", is_flag=True, help="List them only; send nothing to any of them.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
def ports(port: tuple[str, ...], dialect: str | None, no_ask: bool, as_json: bool) -> int:
    """List serial ports and what answers on them. Give PORT to ask those only.

    \b
    Examples:
      physioctl ports
      physioctl ports socket://127.0.0.1:4001
      physioctl ports '/dev/ttyUSB0#17'
    """
    known = {found.name: found.about for found in system_ports()}
    names = port or tuple(known)
    if not names and not as_json:
        say("no serial ports. Plug the unit in; pseudo-terminals are never listed: name them.")
    for name in names:
        row: dict[str, Any] = {"port": name, "about": known.get(name, "")}
        if not no_ask:
            row |= _ask(name, dialect)
        if as_json:
            json_line(row)
            continue
        for line in _lines(row):
            say(line)
    return 0


def _ask(name: str, dialect: str | None) -> dict[str, Any]:
    """Who answers, in the first dialect in which somebody does; else why nobody does, in the first one."""
    nobody: NoAnswer | None = None
    unusable: PhysioctlError | None = None
    for each in dialects_of(name, dialect):
        try:
            identity = _identity(name, each)
        except NoAnswer as error:
            nobody = nobody or error
        except UnitUnusable as error:
            return {"unit": None, "why": error.what, "action": error.action}
        except (UnknownDialect, AddressUnusable) as error:  # another may do
            if dialect is not None:
                raise
            unusable = unusable or error
        else:
            unit = {"unit": identity.model, "serial": identity.serial, "firmware": identity.firmware}
            return unit | {"dialect": each}
    if nobody is None and unusable is not None:
        raise unusable
    assert nobody is not None  # each of ours has answered, could not be made, or was not answered
    return {"unit": None, "why": nobody.what, "action": nobody.action}


def _identity(name: str, dialect: str) -> Identity:
    spoken = dialect_for(name, dialect)
    inbox: Inbox = SimpleQueue()
    with held(name, inbox, line=spoken.promises.line) as (link, stops):
        driver = Driver(link, SystemClock(), inbox, spoken)
        driver.add_observer(stops)
        try:
            return driver.run(identify(driver.controller, PATIENCE_MS))
        except PhysioctlError:
            raise
        except Exception as error:
            if dialect in NAMES:
                raise
            raise UnknownDialect(  # whatever another distribution's dialect raises
                f"the dialect {dialect!r} broke off: {error}", "Tell whoever made it."
            ) from error


def _lines(row: dict[str, Any]) -> Iterator[str]:
    if row.get("unit"):
        yield f"{row['port']}  {row['unit']} {row['serial']}, firmware {row['firmware']}, {row['dialect']}"
        return
    yield f"{row['port']}  {row.get('why') or row['about']}"
    if "action" in row:
        yield f"  to do: {row['action']}"
