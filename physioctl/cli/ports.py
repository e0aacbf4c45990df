"""``physioctl ports``: the serial ports, and what answers on them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import click

from device.link import ports as system_ports
from physioctl.cli.exits import Exit
from physioctl.cli.printing import JSON, json_line, say
from physioctl.unit_search import Found, ask


@click.command()
@click.argument("port", nargs=-1)
@click.option("--dialect", metavar="NAME", help="Ask in this one only.  [default: each in turn]")
@click.option("--no-ask", is_flag=True, help="List them only; send nothing to any of them.")
@JSON
def ports(port: tuple[str, ...], dialect: str | None, no_ask: bool, as_json: bool) -> int:
    """List serial ports and what answers on them. Give PORT to ask those only.

    Where a PORT is given and no unit answers on it, the exit code is 5.

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
    unusable = False
    for name in names:
        row: dict[str, Any] = {"port": name, "about": known.get(name, "")}
        if not no_ask:
            row |= _row(found := ask(name, dialect))
            unusable = unusable or found.identity is None
        if as_json:
            json_line(row)
            continue
        for line in _lines(row):
            say(line)
    return Exit.UNIT_UNUSABLE if port and unusable else Exit.DONE


def _row(found: Found) -> dict[str, Any]:
    if found.identity is None:
        return {"unit": None, "why": found.why, "action": found.action}
    identity = found.identity
    unit = {"unit": identity.model, "serial": identity.serial, "firmware": identity.firmware}
    return unit | {"dialect": found.dialect}


def _lines(row: dict[str, Any]) -> Iterator[str]:
    if row.get("unit"):
        yield f"{row['port']}  {row['unit']} {row['serial']}, firmware {row['firmware']}, {row['dialect']}"
        return
    why = row.get("why") or row["about"]
    yield why if row["port"] in why else f"{row['port']}  {why}"
    if "action" in row:
        yield f"  to do: {row['action']}"
