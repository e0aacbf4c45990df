"""Asking at the terminal: the screening questions one after the other, what has to be acknowledged,
and what else only a person can say.

What is asked goes to standard output where that is the terminal, and else to standard error, so that a
pipe holds the session and nothing else. A bare Enter answers nothing. Ctrl-C and the end of the input
end the program before anything was output.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from datetime import date
from typing import Protocol as Role
from typing import TextIO, TypeVar

import click

from physioctl.cli.printing import for_terminal
from physioctl.questions import AGE, ages_of, questions_of
from physioctl.screening import Answer, Answers, answered, judge
from physioctl.terminal import attended
from physioctl.text import clean
from protocols.contraindications import AgeBand
from protocols.model import Protocol

T = TypeVar("T")
_WORDS = {"y": Answer.YES, "yes": Answer.YES, "n": Answer.NO, "no": Answer.NO}


class Terminal(Role):
    """A person who can be asked, a line at a time."""

    def say(self, text: str, *, end: str = "\n") -> None:
        """Show ``text``."""

    def line(self) -> str:
        """What is typed up to Enter. Raise `click.Abort` when nothing more can be typed."""


class Console:
    """The terminal on standard input."""

    def say(self, text: str, *, end: str = "\n") -> None:
        """Show ``text`` where the person at the keys can see it."""
        on = sys.stdout if _is_terminal(sys.stdout) else sys.stderr
        click.echo(for_terminal(clean(text), on) + end, nl=False, file=on)

    def line(self) -> str:
        """Read a line; whatever is not text in the terminal's encoding is replaced."""
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


def answers(protocol: Protocol, *, person: str | None, operator: str | None, today: date) -> Answers:
    """The answers given at the terminal; None without a person there."""
    if not can_ask():
        return Answers()
    return ask(protocol, Console(), person=person, operator=operator, today=today)


def choose(text: str, choices: Sequence[str]) -> str:
    """Which of ``choices`` is typed at the terminal."""
    return _chosen(Console(), text, {choice: choice for choice in choices})


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
    return _chosen(Console(), asked, _WORDS, "yes, no") is Answer.YES


def goes_on_without_host_loss_protection(told: str) -> bool:
    """Whether a person at the terminal goes on, knowing what ``told`` says of the unit."""
    asked = f"Attention: {told}. Are you within reach of that switch, and do you go on?"
    return _chosen(Console(), asked, _WORDS, "yes, no") is Answer.YES


def ask(
    protocol: Protocol, terminal: Terminal, *, person: str | None, operator: str | None, today: date
) -> Answers:
    """Put every question of ``protocol``, and have what is relative and not denied acknowledged.

    Nothing is acknowledged where an answer refuses the session.
    """
    asked = questions_of(protocol)
    by_age = ages_of(protocol) is not None
    if not asked and not by_age:
        return Answers()
    count = len(asked) + by_age
    terminal.say("Before the session. Answer for the person treated; yes means that it is present.")
    age = None
    if by_age:
        bands = {band.value: band for band in AgeBand}
        age = _chosen(terminal, f"1 of {count}  {AGE.ask}", bands)
    said: dict[str, Answer] = {}
    for number, question in enumerate(asked, 1 + by_age):
        answer = _chosen(terminal, f"{number} of {count}  {question.ask}", _WORDS, "yes, no")
        said[question.code] = Answer.YES if Answer.YES in (answer, said.get(question.code)) else answer
    given = answered(protocol, said, on=today, person=person, age_band=age)
    found = judge(protocol, given, today)
    if found.refusing or not found.standing:
        return given
    terminal.say("To be weighed, and acknowledged by whoever runs the session:")
    acknowledged = []
    for question in found.standing:
        terminal.say(f"{question.title} ({question.code}). {question.weigh}")
        if _chosen(terminal, "Do you acknowledge it?", _WORDS, "yes, no") is Answer.YES:
            acknowledged.append(question.code)
    by = operator or "operator-at-the-terminal"
    return answered(protocol, said, on=today, person=person, age_band=age, acknowledged=acknowledged, by=by)


def _chosen(terminal: Terminal, text: str, words: dict[str, T], shown: str = "") -> T:
    """What the word typed stands for; asked again until it is one of ``words``."""
    shown = shown or ", ".join(words)
    while True:
        terminal.say(f"{text} [{shown}]: ", end="")
        typed = terminal.line().casefold()
        if typed in words:
            return words[typed]
        terminal.say(f"Type one of: {shown}.")
