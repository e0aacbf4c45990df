"""``physioctl ports``: the serial ports, and what answers on them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import click

from device.errors import UnitUnusable
from device.link import ports as system_ports
from physioctl.cli.printing import json_line, say
from physioctl.probing import who_answers


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
    """Who answers on the port, or why nobody does."""
    try:
        found = who_answers(name, dialect)
    except UnitUnusable as error:
        return {"unit": None, "why": error.what, "action": error.action}
    said = found.identity
    unit = {"unit": said.model, "serial": said.serial, "firmware": said.firmware}
    return unit | {"dialect": found.dialect}


def _lines(row: dict[str, Any]) -> Iterator[str]:
    if row.get("unit"):
        yield f"{row['port']}  {row['unit']} {row['serial']}, firmware {row['firmware']}, {row['dialect']}"
        return
    yield f"{row['port']}  {row.get('why') or row['about']}"
    if "action" in row:
        yield f"  to do: {row['action']}"
