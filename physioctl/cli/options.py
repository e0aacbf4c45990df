"""Options that several commands have, with what the user's own settings say where they are left out."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from device.dialects.registry import NAMES
from device.link import Port, ports
from physioctl.cli.printing import aside
from physioctl.errors import InvalidUsage
from physioctl.settings import OPERATOR_VARIABLE, PORT_VARIABLE, settings
from physioctl.unit_search import Found, answering, search, the_only_one

if TYPE_CHECKING:
    from physioctl.translation import Translation

F = TypeVar("F", bound=Callable[..., Any])

PORT = click.option(
    "--port",
    metavar="PORT",
    envvar=PORT_VARIABLE,
    default=lambda: settings().port,
    help="A device path, a COM name, sim://MODEL, socket:// or rfc2217://.  [default: the only one "
    "on which a unit answers]",
)
DIALECT = click.option(
    "--dialect",
    metavar="NAME",
    default=lambda: settings().dialect,
    help=f"How the unit speaks: {', '.join(NAMES)}, or an added one.  [default: {NAMES[0]}]",
)
NEW = click.option("--new", is_flag=True, help="Begin the journal, with the folders it needs.")
CONTINUES = click.option(
    "--continues",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="With --new: link it to this journal, which is to be left behind.",
)
UNAUTHENTICATED_NETWORK = click.option(
    "--unauthenticated-network", is_flag=True, help="Treat a person over a line without authentication."
)
NO_SOUNDS = click.option("--quiet", "no_sounds", is_flag=True, help="No sounds.")
PLAIN = click.option("--plain", is_flag=True, help="Lines instead of a progress bar.")
TRACE = click.option(
    "--trace",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Keep every byte both ways in this file, for: physioctl trace.",
)
FORCE = click.option("--force", is_flag=True, help="With --trace: replace a file that is there.")

OPERATOR = click.option(
    "--operator",
    metavar="REF",
    envvar=OPERATOR_VARIABLE,
    default=lambda: settings().operator,
    help="A reference for who treats, and acknowledges what is weighed. Never a name.",
)


def journal_option(about: str) -> Callable[[F], F]:
    """``--journal``, with the user's own or the usual one where it is left out: then it is None."""
    return click.option(
        "--journal",
        type=click.Path(path_type=Path),
        metavar="FILE",
        default=lambda: settings().journal,
        help=f"{about}  [default: your own]",
    )


def translation() -> Translation:
    """The texts that the user's settings name; raise `ProtocolInvalid` for a mistake in their file."""
    from physioctl.translation import ENGLISH, read_translation  # a stop needs no texts

    path = settings().texts
    return ENGLISH if path is None else read_translation(path)


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


def expect_free(trace: Path | None, *, force: bool) -> None:
    """Raise `InvalidUsage` where there is a ``trace`` already, before anybody is asked anything."""
    if trace is not None and not force and os.path.lexists(trace):
        raise InvalidUsage(f"there is {trace} already", "Name another with --trace, or add --force.")
