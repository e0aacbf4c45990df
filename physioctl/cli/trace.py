"""Traces on the command line: show one, and replay it."""

from __future__ import annotations

import click

from physioctl.cli.groups import LateGroup

# Command → module, the name of its click command in it, and its line in --help.
COMMANDS = {
    "show": ("physioctl.cli.trace_show", "show", "Show what was said both ways, and when."),
    "replay": (
        "physioctl.cli.trace_replay",
        "replay_",
        "Drive the controller with a trace, and say where the bytes differ.",
    ),
}


@click.group(cls=LateGroup, late=COMMANDS)
def trace() -> None:
    """Show and replay the bytes of a session: what run, start and rehearse keep with --trace FILE.

    \b
    Examples:
      physioctl trace show session.trace
      physioctl trace replay session.trace
    """
