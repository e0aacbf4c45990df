"""The full screen from the session's side: an observer that has another process draw what it is told.

The session's own process keeps the terminal, and reads the keys by itself. The process that draws is given
no keys, and its output goes through `relay`, which lets through what draws. When it ends, hangs or floods,
it is killed, the terminal is put back, and lines are printed instead: the session does not notice.
POSIX only.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import replace

from device.clock import Clock
from device.events import Event, Progress
from device.publisher import described
from physioctl.events import SessionStarted
from physioctl.screens.lines import InTurn, Plain, Say
from physioctl.screens.prompts import Prompts
from physioctl.screens.tui.fold import Seen, after, view
from physioctl.screens.tui.relay import COMMAND, DrawingProcess, Latest, RealTerminal, Relay
from physioctl.screens.tui.view import LONGEST, one_line, to_line
from physioctl.terminal import FULL_SCREEN

JOIN_S = 3.0  # longer than the relay takes to end
KEPT_MAX = 500  # lines that wait for the terminal to be back; the figure is this project's own


class HeldLines:
    """Lines that wait until the terminal is back. None of them is lost but the oldest of many."""

    def __init__(self, say: Say) -> None:
        self._say = say
        self._lines: deque[str] = deque(maxlen=KEPT_MAX)
        self._held = False

    def hold(self) -> None:
        """Let every line wait from here on."""
        self._held = True

    def say(self, line: str) -> None:
        """Print ``line``, now or later."""
        self._lines.append(line)
        if not self._held:
            self.release()

    def release(self) -> None:
        """Print what waits, and let no line wait from here on."""
        self._held = False
        while self._lines:
            try:
                line = self._lines.popleft()
            except IndexError:  # another thread has taken it
                return
            self._say(line)


class FullScreen:
    """Shows a session on the whole terminal behind ``descriptor``, and in lines where that fails."""

    name = "full screen"

    def __init__(
        self,
        say: Say,
        clock: Clock,
        *,
        type_in_lines: Callable[[str], None] = lambda _: None,
        descriptor: int = 1,
        command: Sequence[str] = COMMAND,
        no_color: bool = False,
        sounds: bool = True,
    ) -> None:
        self._clock = clock
        self._type_in_lines = type_in_lines  # shows what is being typed where there is no full screen
        self._descriptor = descriptor
        self._command = command
        self._no_color = no_color
        self._lines = HeldLines(say)
        self._plain = InTurn([Plain(self._lines.say), Prompts(self._lines.say, sounds=sounds)])
        self._sounds = sounds
        self._lock = threading.Lock()  # events come from one thread, and what is typed from another
        self._seen = Seen()
        self._typing = ""
        self._latest: Latest | None = None
        self._ends: tuple[RealTerminal, DrawingProcess] | None = None  # until the relay has them
        self._relaying: threading.Thread | None = None

    def __enter__(self) -> FullScreen:
        """Start the process that draws; the terminal stays as it is until the session starts."""
        try:
            terminal = RealTerminal(self._descriptor)
            try:
                self._ends = terminal, DrawingProcess(self._command, terminal.size() or FULL_SCREEN)
            except BaseException:
                terminal.close()
                raise
        except OSError as error:
            self._lines.say(_fallen(str(error)))
        return self

    def __exit__(self, *_: object) -> None:
        """Put the terminal back, and print what had to wait for it."""
        self.close()

    def on_event(self, event: Event) -> None:
        """Show ``event``."""
        if isinstance(event, SessionStarted) and self._ends is not None:
            self._begin(*self._ends)
        if self.is_shown() and isinstance(event, Progress):
            self._show(event)
            return
        self._plain.on_event(event)
        self._show(event)

    def typing(self, typed: str) -> None:
        """Show what is being typed. It waits for nothing but an event that is being shown."""
        with self._lock:
            self._typing = one_line(typed[-LONGEST:])  # its end, where somebody types
            self._draw()
        if not self.is_shown():
            self._type_in_lines(typed)

    def say(self, line: str) -> None:
        """Print ``line``, once the terminal is free."""
        self._lines.say(line)

    def close(self) -> None:
        """Put the terminal back, and print what had to wait for it. It takes two seconds at the most."""
        latest, relaying = self._latest, self._relaying
        if latest is not None:
            latest.end()
        if relaying is not None:
            relaying.join(JOIN_S)
        with self._lock:  # not while another thread writes to it
            self._latest = None
            if latest is not None:
                latest.close()
        if self._ends is not None:
            terminal, drawing = self._ends
            self._ends = None
            drawing.end()
            terminal.close()

    @property
    def is_closed(self) -> bool:
        """Whether the terminal has been left."""
        return self._ends is None and not self.is_shown()

    def is_shown(self) -> bool:
        """Whether it has the whole terminal."""
        return self._relaying is not None and self._relaying.is_alive()

    def _begin(self, terminal: RealTerminal, drawing: DrawingProcess) -> None:
        """Take the terminal for the screen, in a thread of its own."""
        self._ends = None
        self._latest = latest = Latest()
        self._lines.hold()
        relay = Relay(terminal, drawing, latest, self._clock, no_color=self._no_color)
        relaying = threading.Thread(
            target=self._relay, args=(relay, terminal, drawing), name="screen", daemon=True
        )
        try:
            relaying.start()
        except RuntimeError as error:  # the system has no thread for it
            drawing.end()
            terminal.close()
            self._lines.release()
            self._lines.say(_fallen(str(error)))
            return
        self._relaying = relaying

    def _relay(self, relay: Relay, terminal: RealTerminal, drawing: DrawingProcess) -> None:
        why = "it has failed"
        try:
            why = relay.run()
        finally:
            drawing.end()
            terminal.put_back(self._clock)
            self._lines.release()
            if why:
                self._lines.say(_fallen(why))

    def _show(self, event: Event) -> None:
        """Let the screen show ``event``."""
        with self._lock:
            self._draw(event)

    def _draw(self, event: Event | None = None) -> None:
        """Send what is to be shown. An error in that leaves lines, and no screen that stands still."""
        try:
            if event is not None:
                self._seen = after(self._seen, event)
            if self._latest is not None:
                shown = view(self._seen)
                about = shown.about if self._sounds else f"{shown.about} · sounds off"
                self._latest.put(to_line(replace(shown, about=about, typing=self._typing)))
        except Exception as error:  # noqa: BLE001 - whatever it is, the session is shown on
            if self._latest is not None:
                self._latest.end(described(error))


def _fallen(why: str) -> str:
    return f"the full screen is gone, and the session is shown in lines ({one_line(why)}). s stops, as before"
