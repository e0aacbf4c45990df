"""The commands, and what ``physioctl --help`` says of them.

Each command lives in a module of its own and is imported only when it is used, so that
``physioctl --help`` pays for nothing it does not show.
"""

from __future__ import annotations

import importlib

import click

from physioctl import __version__
from physioctl.cli import interrupts_raise
from physioctl.cli.groups import Group

# Command → module, the name of its click command in it, and its line in --help.
COMMANDS = {
    "demo": ("physioctl.cli.demo", "demo", "Run a bundled session on a simulated US111, fast-forwarded."),
    "start": ("physioctl.cli.start", "start", "Start a session, guided from the unit to the start key."),
    "ports": ("physioctl.cli.ports", "ports", "List serial ports and what answers on them."),
    "protocols": ("physioctl.cli.protocols", "protocols", "List, show, check and plan protocols."),
    "rehearse": (
        "physioctl.cli.rehearse",
        "rehearse_",
        "Run a protocol on a simulated unit in virtual time.",
    ),
    "run": ("physioctl.cli.run", "run", "Run a session on a unit."),
    "stop": ("physioctl.cli.stop", "stop", "End the output of a unit, now, whatever it was doing."),
    "clear": ("physioctl.cli.clear", "clear", "Clear the faults that a unit has latched."),
    "history": ("physioctl.cli.record", "history", "List the sessions in the journal."),
    "show": ("physioctl.cli.record", "show", "Show one session from the journal."),
    "verify": ("physioctl.cli.record", "verify", "Check that the journal is whole."),
    "storm": ("physioctl.cli.storm", "storm", "Play thousands of sessions in which things go wrong."),
    "simulate": ("physioctl.cli.simulate", "simulate", "Serve a simulated unit on a pty or a TCP port."),
}


class Commands(Group):
    """A group whose commands are imported when they are called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """In the order a therapist meets them."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        """The command, imported now."""
        if name not in COMMANDS:
            return None
        module, attribute, _ = COMMANDS[name]
        command = getattr(importlib.import_module(module), attribute)
        assert isinstance(command, click.Command)
        interrupts_raise()
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands without importing one."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, line) for name, (_, _, line) in COMMANDS.items()])


@click.command(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="physioctl")
def cli() -> None:
    """Run timed ultrasound-therapy and massage-gun sessions from protocol files.

    \b
    Not a medical device. Tried on simulated units only.

    \b
    Examples:
      physioctl demo
      physioctl start
      physioctl protocols list
      physioctl rehearse calf-tightness-ultrasound --unit us111
      physioctl run unit-check --port /dev/ttyUSB0
    """
