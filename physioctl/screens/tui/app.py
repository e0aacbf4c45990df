"""The full screen, with Textual: it draws one `ViewState` after the other, and knows nothing else.

It is given no keys and no mouse: those are read by the session's own process (`physioctl.terminal`).
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import ClassVar

from textual.app import App, ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal
from textual.events import Resize

from physioctl.screens.tui.view import ViewState
from physioctl.screens.tui.widgets import (
    Alarms,
    Banner,
    Head,
    Instruction,
    Keys,
    Level,
    Lines,
    Part,
    Readings,
    SessionClock,
    StepClock,
    Timeline,
)
from physioctl.terminal import FULL_SCREEN

LARGE = (120, 40)


class SessionScreen(App[None], inherit_bindings=False):
    """A pure view of a session."""

    CSS_PATH: ClassVar[Path] = Path(__file__).with_name("styles.tcss")
    ENABLE_COMMAND_PALETTE = False
    BINDINGS: ClassVar[list[BindingType]] = []
    TITLE = "physioctl"

    def __init__(self, state: ViewState | None = None) -> None:
        # Textual heeds NO_COLOR; told of a terminal of few colours, it then gives it none, instead of greys.
        super().__init__(ansi_color="NO_COLOR" in os.environ)
        self.state = ViewState() if state is None else state

    def compose(self) -> ComposeResult:
        """The parts, from the top to the bottom."""
        yield Head(id="head", markup=False)
        yield Banner(id="banner", markup=False)
        yield Instruction(id="instruction", markup=False)
        with Horizontal(id="clocks"):
            yield StepClock(classes="clock", markup=False)
            yield SessionClock(classes="clock", markup=False)
            yield Level(classes="clock", markup=False)
        yield Readings(id="readings", markup=False)
        yield Timeline(id="timeline", markup=False)
        yield Alarms(id="alarms", markup=False)
        yield Keys(id="keys", markup=False)
        yield Lines(id="lines", markup=False)

    def show(self, state: ViewState) -> None:
        """Draw ``state`` instead of the one before."""
        self.state = state
        self._draw()

    def on_resize(self, event: Resize) -> None:
        """Take the layout that fits."""
        fits = event.size.width >= FULL_SCREEN[0] and event.size.height >= FULL_SCREEN[1]
        large = event.size.width >= LARGE[0] and event.size.height >= LARGE[1]
        self.screen.set_class(not fits, "lines")
        self.screen.set_class(large, "large")
        self.call_after_refresh(self._draw)

    def _draw(self) -> None:
        for part in self.query(Part):
            part.show(self.state)
