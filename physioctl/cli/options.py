"""Options that several commands have, with what the user's own settings say where they are left out."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from device.dialects.registry import NAMES
from physioctl.errors import InvalidUsage
from physioctl.settings import OPERATOR_VARIABLE, PORT_VARIABLE, settings

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
REPLACE_TRACE = click.option("--replace-trace", is_flag=True, help="Replace a trace that is there.")

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


def expect_free(trace: Path | None, *, replace: bool) -> None:
    """Raise `InvalidUsage` where there is a ``trace`` already, before anybody is asked anything."""
    if trace is not None and not replace and os.path.lexists(trace):
        raise InvalidUsage(f"there is {trace} already", "Name another with --trace, or add --replace-trace.")
