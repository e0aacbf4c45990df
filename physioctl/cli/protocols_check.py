"""``physioctl protocols check`` and ``schema``."""

from __future__ import annotations

from collections.abc import Sequence

import click

from physioctl.cli.choosing import chosen
from physioctl.cli.exits import Exit, code_of, report
from physioctl.cli.printing import aside, say
from protocols import compile as compiling
from protocols.additions import unnamed
from protocols.errors import PROBLEMS_SHOWN_MAX, PhysioctlError, ProtocolInvalid


@click.command()
@click.argument("files", nargs=-1, required=True, metavar="FILE...")
def check(files: Sequence[str]) -> int:
    """Check protocol files, and hold them against the limits that hold on every unit.

    \b
    Example:
      physioctl protocols check my-protocol.yaml
    """
    codes = [_checked(file) for file in files]
    failed = [code for code in codes if code]
    return Exit.PROTOCOL_INVALID if Exit.PROTOCOL_INVALID in failed else next(iter(failed), Exit.DONE)


@click.command()
def schema() -> None:
    """Print the JSON Schema of protocol files, for editors that check as one types.

    \b
    Example:
      physioctl protocols schema > protocol-1.schema.json
    """
    from protocols import schema as made

    click.echo(made.text(), nl=False)


def _checked(file: str) -> int:
    try:
        protocol = chosen(file)
        compiling.check(protocol)
    except ProtocolInvalid as error:
        for problem in error.problems[:PROBLEMS_SHOWN_MAX]:
            aside(f"error: {problem}")
            aside(f"  to do: {problem.action}")
        if (more := len(error.problems) - PROBLEMS_SHOWN_MAX) > 0:
            aside(f"and {more} more")
        return Exit.PROTOCOL_INVALID
    except PhysioctlError as error:
        report(error)
        return code_of(error)
    say(f"ok {file}: {protocol.title}")
    for problem in unnamed(protocol):
        aside(f"note: {problem}")
        aside(f"  to do: {problem.action}")
    return Exit.DONE
