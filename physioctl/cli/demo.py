"""``physioctl demo``: a bundled session on a simulated US111, fast-forwarded."""

from __future__ import annotations

import sys

import click

from device.events import Observer
from physioctl.cli.exits import Exit
from physioctl.cli.printing import own_name, say
from physioctl.cli.session import exit_code
from physioctl.rehearsal.rehearse import rehearse
from physioctl.rehearsal.rig import Rig
from physioctl.screens.bar import BarScreen
from physioctl.screens.lines import Plain
from physioctl.screens.wording import summary
from protocols.library import find
from simulator.faults import parse

PROTOCOL = "calf-tightness-ultrasound"
SEED = 111
LIFT_OFF = "lift_off@100s+3s"  # so that the demo shows what happens when the head leaves the skin


@click.command()
def demo() -> int:
    """Run a bundled session on a simulated US111, fast-forwarded, and say what was delivered.

    Nothing is connected and nobody is treated: the unit is software, with an assumed profile.

    \b
    Example:
      physioctl demo
    """
    say("A session on a simulated US111 (assumed profile), fast-forwarded. Not a medical device.")
    rig = Rig("us111", seed=SEED, faults=[parse(LIFT_OFF)])
    observer: Observer = BarScreen() if sys.stdout.isatty() else Plain(say)
    rehearsal = rehearse(find(PROTOCOL), rig, seed=SEED, observers=[observer])
    for line in summary(rehearsal.ended):
        say(line)
    say(f"Next, on a unit or on one that `{own_name()} simulate us111` serves: {own_name()} start")
    code = exit_code(rehearsal.ended)
    return code if rehearsal.agrees or code is not Exit.DONE else Exit.FAULT
