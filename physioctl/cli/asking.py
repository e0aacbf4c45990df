"""Asking at the terminal what only a person can say.

What is asked goes to standard output where that is the terminal, and else to standard error, so that a
pipe holds the session and nothing else. A bare Enter answers nothing. Ctrl-C and the end of the input
end the program before anything was output.
"""

from __future__ import annotations

import shutil
import sys
from collections.abc import Sequence
from typing import TextIO

import click

from physioctl.guided.terminal import chosen, says_yes, wrapped
from physioctl.terminal import attended
from physioctl.text import clean


class Console:
    """The terminal on standard input."""

    def say(self, text: str, *, end: str = "\n") -> None:
        """Show ``text`` where the person at the keys can see it, broken between words."""
        columns = shutil.get_terminal_size().columns
        click.echo(wrapped(clean(text), columns) + end, nl=False, err=not _is_terminal(sys.stdout))

    def line(self) -> str:
        """Read a line; whatever is not text in the terminal's encoding is replaced.

        Raise `click.Abort` when nothing more can be typed.
        """
        try:
            typed = sys.stdin.buffer.readline()
        except OSError as error:  # the terminal has gone
            raise click.Abort from error
        if not typed:
            raise click.Abort
        return typed.decode(sys.stdin.encoding, "replace").strip()


def can_ask() -> bool:
    """Whether somebody can type here, and can see what is asked."""
    return attended() and (_is_terminal(sys.stdout) or _is_terminal(sys.stderr))


def _is_terminal(stream: TextIO | None) -> bool:
    return stream is not None and stream.isatty()  # None: it was closed before the program began


def choose(text: str, choices: Sequence[str]) -> str:
    """Which of ``choices`` is typed at the terminal."""
    return chosen(Console(), text, {choice: choice for choice in choices})


def text(wanted: str) -> str:
    """The line that is typed at the terminal when ``wanted`` is asked for; asked again while it is empty."""
    terminal = Console()
    while True:
        terminal.say(f"{wanted}: ", end="")
        if typed := terminal.line():
            return typed


def clock_is_right(doubt: str) -> bool:
    """Whether a person at the terminal says that the computer's time of day is right all the same."""
    asked = f"The time of day is in doubt: {doubt}. Is this clock right?"
    return says_yes(Console(), asked)


def goes_on_without_host_loss_protection(told: str) -> bool:
    """Whether a person at the terminal goes on, knowing what ``told`` says of the unit."""
    asked = f"Attention: {told}. Are you within reach of that switch, and do you go on?"
    return says_yes(Console(), asked)


def goes_on_with_a_generic_nameplate(told: str) -> bool:
    """Whether a person at the terminal goes on, knowing what ``told`` says of a unit of another model."""
    asked = f"Attention: {told}. Is it the unit that you mean to use, and do you go on?"
    return says_yes(Console(), asked)
