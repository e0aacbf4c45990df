"""The terminal: keys and signals become operator actions. All that only POSIX has is here.

Every action is put into the loop's inbox, which takes items from any thread and from a signal handler. The
Windows way beside it has not been tried.
"""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager

from device.link import Inbox
from device.operator import Lower, OperatorAction, SessionAction

KEYS: Mapping[str, OperatorAction] = {
    " ": SessionAction.PAUSE,
    "r": SessionAction.RESUME,
    "\n": SessionAction.RESUME,
    "\r": SessionAction.RESUME,
    "-": Lower(),
    "s": SessionAction.STOP,
    "S": SessionAction.STOP,
    "\x03": SessionAction.STOP,
}
_GLANCE_S = 0.1  # how soon the reader of keys notices that it should end
_SIGNALS = tuple(
    getattr(signal, name)
    for name in ("SIGINT", "SIGQUIT", "SIGTERM", "SIGHUP", "SIGBREAK")
    if hasattr(signal, name)
)

Read = Callable[[float], str | None]  # a key, "" when the terminal has closed, None when there was none


@contextmanager
def stop_on_signals(inbox: Inbox) -> Iterator[None]:
    """Let Ctrl-C, Ctrl-\\, SIGTERM and a hang-up stop the session instead of the program."""

    def stop(_number: int, _frame: object) -> None:
        inbox.put(SessionAction.STOP)

    before = {number: signal.signal(number, stop) for number in _SIGNALS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def attended() -> bool:
    """Whether somebody can type here: standard input is a terminal, and this is no job in its background.

    Where the output goes makes no difference.
    """
    return sys.stdin is not None and sys.stdin.isatty() and _in_the_foreground()


class Keys:
    """The keys of a session, read in a thread: Space pauses, ``r`` resumes, ``-`` lowers, ``s`` stops."""

    def __init__(self, inbox: Inbox) -> None:
        self._inbox = inbox
        self._reading: ExitStack | None = None

    def begin(self) -> None:
        """Take the terminal, where somebody can type at one."""
        if self._reading is not None or not attended():
            return
        ended = threading.Event()
        self._reading = stack = ExitStack()
        read = stack.enter_context(_one_key_at_a_time())
        reader = threading.Thread(target=_listen, args=(self._inbox, read, ended), name="keys", daemon=True)
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


@contextmanager
def keys(inbox: Inbox) -> Iterator[Keys]:
    """Put what is typed at the terminal into ``inbox``, while there is one."""
    typing = Keys(inbox)
    typing.begin()
    try:
        yield typing
    finally:
        typing.end()


def _listen(inbox: Inbox, read: Read, ended: threading.Event) -> None:
    while not ended.is_set():
        key = read(_GLANCE_S)
        if key == "":  # the terminal has closed: nobody could stop the session any more
            inbox.put(SessionAction.STOP)
            return
        if key is not None and key in KEYS:
            inbox.put(KEYS[key])


if sys.platform == "win32":
    import msvcrt

    def _in_the_foreground() -> bool:
        return True

    @contextmanager
    def _one_key_at_a_time() -> Iterator[Read]:
        idle = threading.Event()

        def read(for_s: float) -> str | None:
            if not msvcrt.kbhit():
                idle.wait(for_s)
                return None
            return msvcrt.getwch()

        yield read

else:
    import os
    import select
    import termios
    import tty

    def _in_the_foreground() -> bool:
        """False for a job in a shell's background, which the terminal would suspend if it read or set it."""
        try:
            return os.tcgetpgrp(sys.stdin.fileno()) == os.getpgrp()
        except OSError:  # another session's terminal: it sends this program no signals
            return True

    @contextmanager
    def _one_key_at_a_time() -> Iterator[Read]:
        """The terminal without line editing or echo; put back as it was, however this ends.

        Nor does any key hold the program up: a session that Ctrl-Z has suspended, or whose screen waits for
        Ctrl-S to be taken back, hears no stop.
        """
        terminal = sys.stdin.fileno()
        before = termios.tcgetattr(terminal)

        def read(for_s: float) -> str | None:
            try:
                readable, _, _ = select.select([terminal], [], [], for_s)
                return os.read(terminal, 1).decode("latin-1") if readable else None
            except OSError:
                return ""

        tty.setcbreak(terminal, termios.TCSANOW)  # the other ways wait until all output has been read
        termios.tcflush(terminal, termios.TCIFLUSH)
        try:
            _let_no_key_hold_us_up(terminal)
            yield read
        finally:
            termios.tcsetattr(terminal, termios.TCSANOW, before)

    def _let_no_key_hold_us_up(terminal: int) -> None:
        mode = termios.tcgetattr(terminal)
        mode[0] &= ~termios.IXON  # Ctrl-S
        mode[6][termios.VSUSP] = bytes([os.fpathconf(terminal, "PC_VDISABLE")])  # Ctrl-Z
        termios.tcsetattr(terminal, termios.TCSANOW, mode)
