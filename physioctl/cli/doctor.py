"""``physioctl doctor``: what is wrong with a port, a unit, the journal or the computer, and what to do."""

from __future__ import annotations

from pathlib import Path

import click

from device.clock import SystemClock
from physioctl.cli.printing import json_line, say
from physioctl.doctor.examine import Wanted, examine
from physioctl.doctor.findings import Finding, Mark


@click.command()
@click.argument("port", required=False)
@click.option("--dialect", metavar="NAME", help="Ask in this one only.  [default: each in turn]")
@click.option(
    "--journal",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="The journal.  [default: that of your settings, or your own]",
)
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
def doctor(port: str | None, dialect: str | None, journal: Path | None, as_json: bool) -> int:
    """Say what does not work, and what to do about it.

    It looks at the computer, the journal and PORT; without PORT, at your usual port and every serial port.
    It starts no output and changes no unit, and it does not open a port that a session or another program
    holds. On a PORT that is named it also asks at other speeds and parities.

    \b
    The exit code is the highest of
      0  nothing is wrong, warnings aside
      2  a mistake in your settings
      4  the computer: its speed, its clock, its
         packages
      5  the port or the unit
      9  the journal or its disk

    \b
    Examples:
      physioctl doctor
      physioctl doctor /dev/ttyUSB0
      physioctl doctor --json
    """
    worst = problems = warnings = 0
    for finding in examine(Wanted(port, dialect, journal), SystemClock()):
        worst = max(worst, finding.exit_code)
        problems += finding.mark is Mark.PROBLEM
        warnings += finding.mark is Mark.WARNING
        if as_json:
            json_line(_row(finding))
        else:
            _show(finding)
    if as_json:
        json_line({"event": "doctor_ended", "problems": problems, "warnings": warnings, "exit_code": worst})
    else:
        say(_in_all(problems, warnings))
    return worst


def _row(finding: Finding) -> dict[str, object]:
    return {
        "event": "finding",
        "code": finding.code,
        "mark": finding.mark.word,
        "what": finding.what,
        "action": finding.action,
        "figures": dict(finding.figures),
    }


def _show(finding: Finding) -> None:
    mark = finding.mark
    code = f" ({finding.code})" if finding.action else ""
    say(f"[{mark.shape}] {mark.word}: {finding.what}{code}")
    if finding.action:
        say(f"    to do: {finding.action}")


def _in_all(problems: int, warnings: int) -> str:
    if not problems and not warnings:
        return "All is well."
    return f"{_number(problems, 'problem')}, {_number(warnings, 'warning')}."


def _number(count: int, what: str) -> str:
    return f"{count} {what}" if count == 1 else f"{count} {what}s"
