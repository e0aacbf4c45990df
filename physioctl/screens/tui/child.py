"""The process that draws the full screen: states come in through one pipe, heartbeats go out through another.

It has a terminal of its own, whose other end the session's process holds (`physioctl.screens.tui.process`).
Whatever it does, neither the session nor the real terminal depends on it.
"""

from __future__ import annotations

import asyncio
import os
from contextlib import suppress

from physioctl.screens.tui.app import SessionScreen
from physioctl.screens.tui.view import from_line

BEAT_S = 0.5
_READ_MAX = 1 << 20
_NICE = 5  # the session's own process comes first


class ChildScreen(SessionScreen):
    """The screen, fed through a pipe."""

    def __init__(self, states: int, beats: int) -> None:
        super().__init__()
        self._states = states
        self._beats = beats
        self._unread = b""

    def on_mount(self) -> None:
        """Listen, and say from time to time that this process is alive."""
        asyncio.get_running_loop().add_reader(self._states, self._read)
        self.set_interval(BEAT_S, self._beat)

    def _read(self) -> None:
        """Show the newest state that has come whole; end with the session's process."""
        data = os.read(self._states, _READ_MAX)
        if not data:
            self.exit()
            return
        *lines, self._unread = (self._unread + data).split(b"\n")
        if lines:
            self.show(from_line(lines[-1]))
            self._beat()

    def _beat(self) -> None:
        with suppress(BlockingIOError):
            os.write(self._beats, b".")


def main(states: int, beats: int) -> None:
    """Draw until there is nothing more to be shown."""
    os.nice(_NICE)
    os.set_blocking(beats, False)
    ChildScreen(states, beats).run(mouse=False)
