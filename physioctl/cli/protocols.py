"""Protocols on the command line: those that ship, and writing one's own. Nothing here reaches for a unit."""

from __future__ import annotations

import click

from physioctl.cli.groups import LateGroup

# Command → module, the name of its click command in it, and its line in --help.
COMMANDS = {
    "list": (
        "physioctl.cli.protocols_list",
        "list_",
        "List the protocols that ship, or those that have some words.",
    ),
    "show": (
        "physioctl.cli.protocols_show",
        "show",
        "Show what a protocol is, what supports it, what is asked before it, and its steps.",
    ),
    "check": (
        "physioctl.cli.protocols_check",
        "check",
        "Check protocol files, and hold them against the limits that hold on every unit.",
    ),
    "plan": (
        "physioctl.cli.protocols_plan",
        "plan",
        "Compile a protocol for a model, and show the timeline.",
    ),
    "diff": (
        "physioctl.cli.protocols_diff",
        "diff",
        "Say in clinical terms what changed from one protocol to another.",
    ),
    "new": (
        "physioctl.cli.protocols_new",
        "new",
        "Begin a protocol file of your own, with the places marked that are to be filled in.",
    ),
    "schema": (
        "physioctl.cli.protocols_check",
        "schema",
        "Print the JSON Schema of protocol files, for editors that check as one types.",
    ),
}


@click.group(cls=LateGroup, late=COMMANDS)
def protocols() -> None:
    """List, show, check and plan protocols, and write your own.

    PROTOCOL is a file, or the id of one that ships.

    \b
    Examples:
      physioctl protocols list --site calf
      physioctl protocols plan calf-tightness-ultrasound \\
        --unit us111 --explain
    """
