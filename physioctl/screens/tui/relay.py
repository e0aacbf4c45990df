"""Between the process that draws and the terminal: two ends, and what is passed on from one to the other.

Nothing here waits for either: the terminal is opened anew, so that writing to it never blocks, and what it
does not take is kept back from the drawing process. POSIX only.

The figures are this project's own.
"""

from __future__ import annotations

import fcntl
import os
import pty
import select
import signal
import struct
import subprocess
import sys
import termios
from collections.abc import Sequence
from contextlib import ExitStack, suppress

from device.clock import Clock
from physioctl.keys import BINDINGS
from physioctl.screens.tui.output_filter import OutputFilter
from physioctl.siblings import FOLDER

START_MS = 10_000  # for the first heartbeat, on a computer that is busy
HANG_MS = 2_000
SLOW_MS = 10_000  # for the next heartbeat where the terminal takes what is drawn, and slowly
FLOOD_MAX = 1_000_000  # bytes, beside those of `FLOOD_PER_MS`: a large terminal drawn anew ten times
FLOOD_PER_MS = 50  # bytes; a screen that is drawn once a second writes less than a quarter of that
STANDS_STILL_MS = 1_000  # without the terminal taking anything
BEATS_MAX = 1_000  # bytes a second
LARGEST = (300, 100)  # columns and lines, whatever the terminal says of itself
_PENDING_MAX = 1 << 16  # bytes that the terminal has not taken yet: until it does, no more are read
_GLANCE_S = 0.2  # how soon another size is noticed, and that nothing is heard any more
_PUT_BACK_MS = 1_000  # for a terminal that stands still
_READ_MAX = 1 << 16

_SIZE = ("COLUMNS", "LINES")  # are believed before the terminal itself, and stay as they are
_ENTER = b"\x1b[?1049h\x1b[?25l\x1b[2J\x1b[H"
_STOP = BINDINGS[0]
UNTIL_DRAWN = f"The session is being drawn. {_STOP.shown}: {_STOP.briefly}".encode("ascii")
_LEAVE = b"\x1b[0m\x1b[?25h\x1b[?1049l"

_DRAW = (
    "import sys; sys.path.insert(0, sys.argv[1]); from physioctl.screens.tui.child import main; "
    "main(int(sys.argv[2]), int(sys.argv[3]))"
)
COMMAND = (sys.executable, "-P", "-c", _DRAW, FOLDER)


class RealTerminal:
    """The terminal that a person looks at. Raise `OSError` when it cannot be opened."""

    def __init__(self, descriptor: int) -> None:
        flags = os.O_WRONLY | os.O_NONBLOCK | os.O_NOCTTY
        self.descriptor = os.open(os.ttyname(descriptor), flags)
        self.pending = bytearray()
        self.taken = 0  # bytes, in all

    def enter(self) -> None:
        """Take the whole screen, and say how to stop until something is drawn on it."""
        self.put(_ENTER + UNTIL_DRAWN)

    def put(self, data: bytes) -> None:
        """Write ``data``, now or once the terminal takes it. One that has gone takes everything."""
        self.pending += data
        try:
            written = os.write(self.descriptor, self.pending)
        except BlockingIOError:
            return
        except OSError:
            written = len(self.pending)
        self.taken += written
        del self.pending[:written]

    def size(self) -> tuple[int, int] | None:
        """Its columns and lines, up to `LARGEST`; None when it does not say."""
        try:
            columns, lines = os.get_terminal_size(self.descriptor)
        except OSError:
            return None
        return (min(columns, LARGEST[0]), min(lines, LARGEST[1])) if columns and lines else None

    def put_back(self, clock: Clock) -> None:
        """Give the screen back as it was, and close this end of it. Wait for it no longer than a second."""
        self.pending.clear()
        self.put(_LEAVE)
        give_up_ms = clock.now_ms() + _PUT_BACK_MS
        while self.pending and (left_ms := give_up_ms - clock.now_ms()) > 0:
            select.select([], [self.descriptor], [], left_ms / 1000)
            self.put(b"")
        self.close()

    def close(self) -> None:
        """Close this end of it, and leave it as it is."""
        os.close(self.descriptor)


class DrawingProcess:
    """The process that draws, and the ends of what joins it to this one. Raise `OSError` without one."""

    def __init__(self, command: Sequence[str], size: tuple[int, int]) -> None:
        with ExitStack() as at_failure:
            self.screen, slave = pty.openpty()
            at_failure.callback(os.close, self.screen)
            with ExitStack() as theirs:
                theirs.callback(os.close, slave)
                states, self.states = os.pipe()
                theirs.callback(os.close, states)
                at_failure.callback(os.close, self.states)
                self.beats, beats = os.pipe()
                theirs.callback(os.close, beats)
                at_failure.callback(os.close, self.beats)
                for descriptor in (self.screen, self.states, self.beats):
                    os.set_blocking(descriptor, False)
                _set_size(self.screen, size)
                self._process = subprocess.Popen(  # noqa: S603 - our own interpreter, or a test's
                    [*command, str(states), str(beats)],
                    stdin=slave,
                    stdout=slave,
                    stderr=slave,
                    pass_fds=(states, beats),
                    env={name: value for name, value in os.environ.items() if name not in _SIZE},
                    start_new_session=True,  # no key of the real terminal is a signal to it
                )
            at_failure.pop_all()

    @property
    def pid(self) -> int:
        """Its number."""
        return self._process.pid

    def resize(self, size: tuple[int, int]) -> None:
        """Let it draw at another size."""
        _set_size(self.screen, size)
        with suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGWINCH)

    def end(self) -> None:
        """Kill it: it keeps nothing, and may not be able to end by itself."""
        self._process.kill()
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(1.0)
        for descriptor in (self.screen, self.states, self.beats):
            os.close(descriptor)


def _set_size(terminal: int, size: tuple[int, int]) -> None:
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", size[1], size[0], 0, 0))


class Latest:
    """The newest line for the drawing process; one that was not fetched yet gives way to it."""

    def __init__(self) -> None:
        self._line: bytes | None = None
        self.ended = False
        self.why = ""
        self.wakes, self._wake = os.pipe()
        os.set_blocking(self.wakes, False)
        os.set_blocking(self._wake, False)

    def put(self, line: bytes) -> None:
        """Leave ``line`` to be fetched."""
        self._line = line
        self._wake_up()

    def end(self, why: str = "") -> None:
        """Let the relay end, because of ``why`` if there is something wrong."""
        self.why, self.ended = why, True
        self._wake_up()

    def take(self) -> bytes | None:
        """The newest line, once."""
        line, self._line = self._line, None
        return line

    def close(self) -> None:
        """Close both ends of the pipe that wakes the relay."""
        os.close(self.wakes)
        os.close(self._wake)

    def _wake_up(self) -> None:
        with suppress(BlockingIOError):
            os.write(self._wake, b".")


class Relay:
    """Passes on what is drawn to the terminal, and states to the process that draws."""

    def __init__(
        self, terminal: RealTerminal, drawing: DrawingProcess, latest: Latest, clock: Clock, *, no_color: bool
    ) -> None:
        self._terminal = terminal
        self._drawing = drawing
        self._latest = latest
        self._clock = clock
        self._filter = OutputFilter(no_color=no_color)
        self._line = b""  # what the drawing process has not taken yet
        self._size = terminal.size()
        self._heard_ms = self._judged_ms = self._taken_ms = clock.now_ms()
        self._taken = 0  # bytes that the terminal had taken then
        self._begun = False  # a heartbeat has come
        self._flood = 0  # bytes drawn above what may be drawn all the time
        self._beats = 0  # bytes of them, likewise

    def run(self) -> str:
        """Pass on until told to end: return "", or why the drawing process is of no use any more."""
        self._terminal.enter()
        while not self._latest.ended:
            try:
                wrong = self._turn()
            except OSError:  # the other end of a pipe, or of the pseudo-terminal, is closed
                wrong = "it has ended"
            except ValueError as error:  # this program has more files open than `select` can look at
                wrong = f"it cannot be reached: {error}"
            if wrong:
                return wrong
        return self._latest.why

    def _turn(self) -> str:
        """Wait for what comes next, and pass it on; return what is wrong with the drawing process."""
        terminal, drawing = self._terminal, self._drawing
        readers = [self._latest.wakes, drawing.beats]
        if len(terminal.pending) < _PENDING_MAX:
            readers.append(drawing.screen)
        writers = [terminal.descriptor] if terminal.pending else []
        if self._line:
            writers.append(drawing.states)
        readable, writable, _ = select.select(readers, writers, [], _GLANCE_S)
        if self._latest.wakes in readable:
            os.read(self._latest.wakes, _READ_MAX)
        if drawing.beats in readable and not self._beat():
            return "it has ended"
        if drawing.screen in readable:
            self._pass_on(os.read(drawing.screen, _READ_MAX))
        if terminal.descriptor in writable:
            terminal.put(b"")
        self._hand_over()
        self._follow_size()
        return self._judged()

    def _beat(self) -> bool:
        """Read heartbeats; False when there will be no more."""
        beats = len(os.read(self._drawing.beats, _READ_MAX))
        self._beats += beats
        self._heard_ms = self._clock.now_ms()
        self._begun = True
        return beats > 0

    def _pass_on(self, data: bytes) -> None:
        self._flood += len(data)
        self._terminal.put(self._filter.passed(data))

    def _hand_over(self) -> None:
        """Send the newest state, once the one before has gone whole."""
        if not self._line:
            self._line = self._latest.take() or b""
        if self._line:
            with suppress(BlockingIOError):
                self._line = self._line[os.write(self._drawing.states, self._line) :]

    def _follow_size(self) -> None:
        size = self._terminal.size()
        if size is not None and size != self._size:
            self._size = size
            self._drawing.resize(size)

    def _judged(self) -> str:
        """What is wrong with the drawing process."""
        now_ms = self._clock.now_ms()
        since_ms, self._judged_ms = now_ms - self._judged_ms, now_ms
        self._flood = max(0, self._flood - since_ms * FLOOD_PER_MS)
        self._beats = max(0, self._beats - since_ms)
        if self._flood > FLOOD_MAX or self._beats > BEATS_MAX:
            return "it writes without end"
        if self._terminal.taken != self._taken:
            self._taken, self._taken_ms = self._terminal.taken, now_ms
        elif self._terminal.pending and now_ms - self._taken_ms > STANDS_STILL_MS:
            self._heard_ms = now_ms  # the terminal stands still, and not the drawing process
        allowed_ms = HANG_MS if self._begun else START_MS
        if self._terminal.pending:
            allowed_ms = SLOW_MS
        return "it does not answer" if now_ms - self._heard_ms > allowed_ms else ""
