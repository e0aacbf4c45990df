"""The terminal: keys and signals become operator actions. All that only POSIX has is here.

Every action is put into the loop's inbox, which takes items from any thread and from a signal handler. The
Windows way beside it has not been tried.
"""

from __future__ import annotations

import codecs
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

from device.clock import SystemClock
from device.events import Event
from device.link import Inbox
from device.operator import SessionAction
from physioctl.key_decoder import KeyDecoder

FULL_SCREEN = (80, 24)  # columns and lines that the full screen needs
_PIECE = 1024  # bytes that are read at once
_GLANCE_S = 0.1  # how soon the reader of keys notices that it should end
_SIGNALS = tuple(
    getattr(signal, name)
    for name in ("SIGINT", "SIGQUIT", "SIGTERM", "SIGHUP", "SIGBREAK")
    if hasattr(signal, name)
)

# What has been typed; empty when the terminal has closed, None when nothing was.
Read = Callable[[float], bytes | None]


@dataclass(slots=True)
class Signals:
    """Whether a signal has asked to stop: whoever sent it does not wait for anything but output off."""

    received: bool = False


@contextmanager
def stop_on_signals(inbox: Inbox) -> Iterator[Signals]:
    """Let Ctrl-C, Ctrl-\\, SIGTERM and a hang-up stop the session instead of the program."""
    signals = Signals()

    def stop(_number: int, _frame: object) -> None:
        signals.received = True
        inbox.put(SessionAction.STOP)

    before = {number: signal.signal(number, stop) for number in _SIGNALS}
    try:
        yield signals
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def attended() -> bool:
    """Whether somebody can type here: standard input is a terminal, and this is no job in its background.

    Where the output goes makes no difference.
    """
    return sys.stdin is not None and sys.stdin.isatty() and _in_the_foreground()


def redraws() -> bool:
    """Whether the terminal can draw over what it shows, as far as TERM says."""
    return os.environ.get("TERM") not in ("dumb", "unknown")


def has_full_screen() -> bool:
    """Whether a full screen can be shown where standard output goes: see `physioctl.screens.tui`.

    It has to be a terminal that says how large it is, that it can move its cursor, and that it takes UTF-8.
    """
    if sys.platform == "win32" or not redraws() or not os.environ.get("TERM"):
        return False
    if codecs.lookup(sys.stdout.encoding or "ascii").name != "utf-8":
        return False
    try:
        columns, lines = os.get_terminal_size(sys.stdout.fileno())
    except (OSError, ValueError):
        return False
    return columns >= FULL_SCREEN[0] and lines >= FULL_SCREEN[1]


class Keys:
    """The keys of a session, read in a thread: see `physioctl.keys`. It is told of the session's events.

    ``show`` is told what is being typed, whenever that changes. It may not wait for anything.
    """

    def __init__(self, inbox: Inbox, show: Callable[[str], None] = lambda _: None) -> None:
        self.stopped = False  # by a key
        self.closed = False  # the terminal is: nobody can type any more
        from physioctl.keys import SessionKeys  # a question at the terminal needs none of it

        self._inbox = inbox
        self._show = show
        self._clock = SystemClock()
        self._keys = SessionKeys()
        self._reading: ExitStack | None = None

    def on_event(self, event: Event) -> None:
        """Learn what the session waits for."""
        self._keys.on_event(event)

    def begin(self) -> None:
        """Take the terminal, where somebody can type at one."""
        if self._reading is not None or not attended():
            return
        ended = threading.Event()
        self._reading = stack = ExitStack()
        read, before = stack.enter_context(_one_key_at_a_time())
        self._keys.held(KeyDecoder().feed(before, 0), self._clock.now_ms())
        reader = threading.Thread(target=self._listen, args=(read, ended), name="keys", daemon=True)
        reader.start()
        stack.callback(reader.join, 1.0)
        stack.callback(ended.set)

    def end(self) -> None:
        """Put the terminal back as it was."""
        reading, self._reading = self._reading, None
        if reading is not None:
            reading.close()

    @contextmanager
    def released(self) -> Iterator[None]:
        """Leave the terminal to a question: lines are typed and shown, and a signal ends the program.

        Only for while nothing is output.
        """
        self.end()
        before = {number: signal.signal(number, signal.default_int_handler) for number in _SIGNALS}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)
            self.begin()

    def _listen(self, read: Read, ended: threading.Event) -> None:
        try:
            self._read_keys(read, ended)
        except BaseException:  # nobody could stop the session by a key any more
            self.closed = True
            self._inbox.put(SessionAction.STOP)
            raise

    def _read_keys(self, read: Read, ended: threading.Event) -> None:
        decoder, shown = KeyDecoder(), ""
        while not ended.is_set():
            data = read(self._wait_s(decoder))
            if data == b"":  # the terminal has closed: nobody could stop the session any more
                self.closed = True
                self._inbox.put(SessionAction.STOP)
                return
            now_ms = self._clock.now_ms()
            typed = decoder.poll(now_ms) if data is None else decoder.feed(data, now_ms)
            for action in self._keys.press(typed, now_ms):
                self.stopped = self.stopped or action is SessionAction.STOP
                self._inbox.put(action)
            if self._keys.typed != shown:
                shown = self._keys.typed
                self._show(shown)

    def _wait_s(self, decoder: KeyDecoder) -> float:
        due_ms = [due_ms for due_ms in (decoder.due_ms, self._keys.due_ms) if due_ms is not None]
        left_s = (min(due_ms) - self._clock.now_ms()) / 1000 if due_ms else _GLANCE_S
        return min(max(left_s, 0.0), _GLANCE_S)


@contextmanager
def keys(inbox: Inbox, show: Callable[[str], None] = lambda _: None) -> Iterator[Keys]:
    """Put what is typed at the terminal into ``inbox``, while there is one."""
    typing = Keys(inbox, show)
    typing.begin()
    try:
        yield typing
    finally:
        typing.end()


if sys.platform == "win32":
    import msvcrt

    def _in_the_foreground() -> bool:
        return True

    @contextmanager
    def _one_key_at_a_time() -> Iterator[tuple[Read, bytes]]:
        idle = threading.Event()

        def read(for_s: float) -> bytes | None:
            if not msvcrt.kbhit():
                idle.wait(for_s)
                return None
            key = msvcrt.getwch()
            if key in ("\x00", "\xe0"):  # an arrow or a function key: its code follows
                msvcrt.getwch()
                return None
            return key.encode("utf-8", "replace")

        yield read, b""

else:
    import select
    import termios
    import tty
    from contextlib import suppress

    def _in_the_foreground() -> bool:
        """False for a job in a shell's background, which the terminal would suspend if it read or set it."""
        try:
            return os.tcgetpgrp(sys.stdin.fileno()) == os.getpgrp()
        except OSError:  # another session's terminal: it sends this program no signals
            return True

    @contextmanager
    def _one_key_at_a_time() -> Iterator[tuple[Read, bytes]]:
        """The terminal without line editing or echo, and what was typed before; put back however this ends.

        Nor does any key hold the program up: a session that Ctrl-Z has suspended, or whose screen waits for
        Ctrl-S to be taken back, hears no stop.
        """
        terminal = sys.stdin.fileno()
        before = termios.tcgetattr(terminal)

        def read(for_s: float) -> bytes | None:
            try:
                readable, _, _ = select.select([terminal], [], [], for_s)
                return os.read(terminal, _PIECE) if readable else None
            except OSError:
                return b""

        tty.setcbreak(terminal, termios.TCSANOW)  # the other ways wait until all output has been read
        try:
            _let_no_key_hold_us_up(terminal)
            typed_before = read(0) or b""
            termios.tcflush(terminal, termios.TCIFLUSH)
            _ask_for_marked_pastes(terminal, on=True)
            yield read, typed_before
        finally:
            _ask_for_marked_pastes(terminal, on=False)
            with suppress(termios.error):  # it has been closed: the session's exit code is not lost for that
                termios.tcsetattr(terminal, termios.TCSANOW, before)

    def _let_no_key_hold_us_up(terminal: int) -> None:
        mode = termios.tcgetattr(terminal)
        mode[0] &= ~termios.IXON  # Ctrl-S
        mode[6][termios.VSUSP] = bytes([os.fpathconf(terminal, "PC_VDISABLE")])  # Ctrl-Z
        termios.tcsetattr(terminal, termios.TCSANOW, mode)

    def _ask_for_marked_pastes(terminal: int, *, on: bool) -> None:
        """Have the terminal say where a paste begins and ends, unless that would have to be waited for."""
        if os.environ.get("TERM", "dumb") == "dumb":
            return
        with suppress(OSError):
            if select.select([], [terminal], [], 0)[1]:
                os.write(terminal, b"\x1b[?2004h" if on else b"\x1b[?2004l")
