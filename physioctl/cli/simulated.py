"""Options of the commands that make a unit of software."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click

from physioctl.cli.choosing import ModelName, Named
from physioctl.errors import InvalidUsage
from simulator.dialects import DIALECTS
from simulator.dialects import HOST_LOSS as WAYS
from simulator.nameplate import MODELS, names

F = TypeVar("F", bound=Callable[..., Any])


def _simulated() -> tuple[str, ...]:
    try:
        return names()
    except ValueError as error:
        raise InvalidUsage(str(error), "Find the distribution that is damaged, and remove it.") from error


MODEL = ModelName(MODELS, _simulated)
DIALECT = click.option(
    "--dialect",
    type=Named("dialect", DIALECTS),
    default=DIALECTS[0],
    show_default=True,
    help="What it speaks.",
)
HOST_LOSS = click.option(
    "--host-loss", type=Named("way", WAYS), help="What ends its output without a host (modbus)."
)
FAULTS = click.option(
    "--fault", "faults", multiple=True, metavar="KIND@AT", help="Such as lift_off@30s+2s; repeatable."
)


def seed_option(same: str, default: int = 0) -> Callable[[F], F]:
    """``--seed``; ``same`` says what the same seed makes the same."""
    return click.option(
        "--seed",
        metavar="N",
        type=click.IntRange(min=0),
        default=default,
        show_default=True,
        help=f"Same seed, same {same}.",
    )
