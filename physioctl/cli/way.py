"""The way to a unit: the port that was named, or the only one on which a unit answers."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from device.dialects.registry import NAMES
from device.link import Port, ports
from physioctl.cli.printing import aside
from physioctl.unit_search import Found, answering, search, the_only_one


@dataclass(frozen=True, slots=True)
class Way:
    """The way to a unit."""

    port: str
    dialect: str
    unit: str = ""  # who it is, where the port was looked for


NO_WAY = Way("", "")  # of a session that needs no unit


def way(
    port: str | None,
    dialect: str | None,
    *,
    choose: Callable[[str, Sequence[str]], str] | None = None,
    listed: Callable[[], Iterable[Port]] = ports,
) -> Way:
    """The way that was named, or the only one there is.

    Where several units answer, ``choose`` lets a person say which. Raise `PortNotChosen`, which lists what
    was found, where that is not possible or no unit answers.
    """
    if port is not None:
        return Way(port, dialect or NAMES[0])
    found = search(dialect, listed=listed)
    units = answering(found)
    if choose is None or len(units) < 2:
        return _to(the_only_one(found))
    numbers = {str(number): unit for number, unit in enumerate(units, 1)}
    for number, unit in numbers.items():
        aside(f"{number}  {unit}")
    return _to(numbers[choose("Which unit", list(numbers))])


def _to(found: Found) -> Way:
    assert found.identity is not None  # it has answered
    return Way(found.port, found.dialect, f"{found.identity.model} {found.identity.serial}")
