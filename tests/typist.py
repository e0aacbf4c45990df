"""Somebody at a terminal, in memory: types what is given, and then closes it."""

from __future__ import annotations

from collections.abc import Iterable

import click


class Typist:
    """Somebody who types what is given, and then closes the terminal."""

    def __init__(self, lines: Iterable[str]) -> None:
        self._lines = iter(lines)
        self.screen = ""
        self.keys = 0  # that were pressed, Enter included

    def say(self, text: str, *, end: str = "\n") -> None:
        self.screen += text + end

    def line(self) -> str:
        typed = next(self._lines, None)
        if typed is None:
            raise click.Abort
        self.keys += len(typed) + 1
        return typed
