"""The commands, and what ``physioctl --help`` says of them.

Each command lives in a module of its own and is imported only when it is used, so that
``physioctl --help`` pays for nothing it does not show.
"""

from __future__ import annotations

import click

from physioctl import __version__
from physioctl.cli.groups import LateGroup

# Command → module, the name of its click command in it, and its line in --help.
COMMANDS = {
    "demo": ("physioctl.cli.demo", "demo", "Run a bundled session on a simulated US111, fast-forwarded."),
    "start": ("physioctl.cli.start", "start", "Start a session, guided from the unit to the start key."),
    "ports": ("physioctl.cli.ports", "ports", "List serial ports and what answers on them."),
    "doctor": ("physioctl.cli.doctor", "doctor", "Say what does not work, and what to do about it."),
    "protocols": ("physioctl.cli.protocols", "protocols", "List, show, check and plan protocols."),
    "rehearse": (
        "physioctl.cli.rehearse",
        "rehearse_",
        "Run a protocol on a simulated unit in virtual time.",
    ),
    "run": ("physioctl.cli.run", "run", "Run a session on a unit."),
    "stop": ("physioctl.cli.stop", "stop", "End the output of a unit, now, whatever it was doing."),
    "clear": ("physioctl.cli.clear", "clear", "Clear the faults that a unit has latched."),
    "history": ("physioctl.cli.history", "history", "List the sessions in the journal."),
    "show": ("physioctl.cli.show", "show", "Show one session from the journal."),
    "report": ("physioctl.cli.report", "report", "Write the report of a session, or of a person's sessions."),
    "verify": ("physioctl.cli.verify", "verify", "Check that the journal is whole."),
    "export": ("physioctl.cli.export", "export", "Write a session for a clinic's system, as FHIR."),
    "trace": ("physioctl.cli.trace", "trace", "Show and replay the bytes of a session."),
    "conform": ("physioctl.cli.conform", "conform", "Examine whether a unit keeps the promises of its wire."),
    "storm": ("physioctl.cli.storm", "storm", "Play thousands of sessions in which things go wrong."),
    "simulate": ("physioctl.cli.simulate", "simulate", "Serve a simulated unit on a pty or a TCP port."),
}


@click.group(cls=LateGroup, late=COMMANDS, context_settings={"help_option_names": ["-h", "--help"]})
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
      physioctl rehearse calf-tightness-ultrasound \\
        --unit us111
      physioctl run unit-check --port /dev/ttyUSB0
    """
