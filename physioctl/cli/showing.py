"""How a session is shown at the command line: on the whole terminal, with a bar, in lines, or as JSON."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import Enum, auto
from functools import partial

from device.clock import Clock
from device.events import Observer
from physioctl import terminal
from physioctl.cli.options import translation
from physioctl.cli.printing import aside, json_text, ring, say, typing
from physioctl.screens.bar import BarScreen
from physioctl.screens.json_lines import JsonLines
from physioctl.screens.lines import InTurn, Plain, Say
from physioctl.screens.prompts import Prompts
from physioctl.screens.sounds import Bell
from physioctl.translation import ENGLISH, Translated


class View(Enum):
    """How a session is shown on standard output."""

    FULL = auto()
    BAR = auto()
    LINES = auto()
    JSON = auto()

    @classmethod
    def chosen(cls, *, plain: bool, as_json: bool) -> View:
        """The view that the options and standard output ask for."""
        if as_json:
            return cls.JSON
        if plain or not sys.stdout.isatty() or not terminal.redraws():
            return cls.LINES
        if terminal.attended() and terminal.has_full_screen():
            return cls.FULL
        wide = shutil.get_terminal_size().columns >= terminal.FULL_SCREEN[0]
        return cls.BAR if wide else cls.LINES


@dataclass(frozen=True, slots=True)
class Shown:
    """What a session is shown by."""

    screen: Observer
    beside: tuple[Observer, ...] = ()  # what the person at the keys is told beside it, and the bell
    typing: Callable[[str], None] = typing  # shows what is being typed
    notify: Say = aside  # says a line beside the screen
    stays: Callable[[], bool] = lambda: False  # whether it has the whole terminal until it is closed


@contextmanager
def shown(view: View, clock: Clock, *, attended: bool, sounds: bool) -> Iterator[Shown]:
    """What shows the session; a screen that takes the whole terminal gives it back when the block is left.

    People are shown the user's own texts, and programs ours.
    """
    own = translation()  # a mistake in it refuses the session, whatever shows it
    texts = ENGLISH if view is View.JSON else own
    bell: tuple[Observer, ...] = (Bell(ring),) if attended and sounds else ()
    if view is View.FULL:
        from physioctl.screens.tui.process import FullScreen  # ptys are things of POSIX

        no_color = "NO_COLOR" in os.environ
        with FullScreen(say, clock, type_in_lines=typing, no_color=no_color, sounds=sounds) as screen:
            yield Shown(Translated(screen, texts), bell, screen.typing, screen.say, screen.is_shown)
    elif view is View.BAR:
        bar = BarScreen(keys=attended, sounds=sounds)
        yield Shown(Translated(bar, texts), bell, partial(setattr, bar.typing, "text"))
    elif view is View.LINES and sys.stdout.isatty():
        lines: list[Observer] = [Plain(say), Prompts(say, sounds=sounds)] if attended else [Plain(say)]
        yield Shown(Translated(InTurn(lines), texts), bell)
    else:
        prompts = (Translated(Prompts(aside, sounds=sounds), texts),) if attended else ()
        screen_ = JsonLines(json_text) if view is View.JSON else Translated(Plain(say), texts)
        yield Shown(screen_, (*prompts, *bell))
