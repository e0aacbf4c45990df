"""How a command prints: lines for people, one JSON object a line for programs.

What is printed may come from a file or a unit, so nothing in it is markup here, and nothing in it can
move the cursor.
"""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TextIO

import click

from physioctl.cli.streams import Output
from physioctl.guided.terminal import wrapped
from physioctl.text import clean

TYPED_MAX = 60  # characters of a line that is being typed, which are shown: it may not wrap
JSON = click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
ERASE = "\x1b[K"  # to the end of the line


def say(text: str) -> None:
    """One line for a person, broken between words where a terminal would break it inside one."""
    click.echo(for_terminal(clean(text), sys.stdout))


def for_terminal(line: str, stream: TextIO | None) -> str:
    """``line`` as it is shown on ``stream``: broken between words if that is a terminal."""
    if stream is None or not stream.isatty():
        return line
    return wrapped(line, shutil.get_terminal_size().columns)


def own_name() -> str:
    """What starts this program from here: ``physioctl``, or the way to it where that is not on the path."""
    started = Path(sys.argv[0])
    if (started.parent.name, started.name) == ("physioctl", "__main__.py"):
        return f"{sys.executable} -m physioctl"
    known = started.stem == "physioctl" and started.is_file()
    return str(started) if known and shutil.which("physioctl") is None else "physioctl"


def aside(text: str) -> None:
    """One line for a person, beside what a program reads."""
    click.echo(fitted(clean(text)), err=True)


def aside_to_paste(command: str) -> None:
    """One line for a person to paste: whole, however narrow the terminal is."""
    click.echo(clean(command), err=True)


def fitted(text: str) -> str:
    """``text`` as standard error shows it: broken between words where that is a terminal."""
    return for_terminal(text, sys.stderr)


def typing(text: str) -> None:
    """Show the line that is being typed where the person at the keys can see it, waiting for nobody."""
    from physioctl.terminal import redraws  # only a session needs it

    stream = _at_the_keys()
    if stream is not None:
        longest = max(1, min(TYPED_MAX, shutil.get_terminal_size().columns - 1))
        stream.post(f"\r{ERASE if redraws() else ''}{clean(text)[-longest:]}")


def ring() -> None:
    """Ring the terminal's bell, where there is one."""
    stream = _at_the_keys()
    if stream is not None:
        stream.post("\a")


def _at_the_keys() -> Output | None:
    """The standard stream that is a terminal; None where neither is."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, Output) and stream.isatty():
            return stream
    return None


def json_line(values: Mapping[str, Any]) -> None:
    """One JSON object, on a line of its own."""
    click.echo(json.dumps(values))


def json_text(line: str) -> None:
    """A line of JSON that is made already, and may hold more than ASCII."""
    click.echo("".join(char if char.isprintable() else json.dumps(char)[1:-1] for char in line))
