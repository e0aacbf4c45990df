"""A command of ours at a pseudo-terminal: keys are pressed, and what it shows is read. POSIX only.

It is forked as other programs of the tests are (`tests.forked`), but for one that begins in another
environment or as a job of a shell.
"""

from __future__ import annotations

import fcntl
import os
import pty
import select
import signal
import struct
import subprocess
import termios
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from tests.forked import Forked
from tests.processes import LIMIT_S, PHYSIOCTL, command, environment, waited_for

# What a shell is told, with the terminal as $0.
TO_THE_TERMINAL = 'exec "$@" <>"$0" >&0 2>&0'
TO_A_PIPE = 'exec "$@" <>"$0" 2>&0'  # as `physioctl run … | tee log`, with the pipe in this process
UNSEEN = 'exec "$@" <>"$0" 2>/dev/null'
IN_THE_BACKGROUND = 'exec <>"$0" >&0 2>&0; set -m; "$@" & wait $!; exit $?'


def _waiting(end: int) -> bytes:
    """What has come to one end of a terminal or a pipe, and is not read yet."""
    found = b""
    while select.select([end], [], [], 0)[0]:
        try:
            seen = os.read(end, 4096)
        except OSError:  # Linux puts it so when the other end has closed
            break
        if not seen:
            break
        found += seen
    return found


class Terminal:
    """A command at a terminal of its own, and somebody at the keys."""

    def __init__(
        self,
        folder: Path,
        *arguments: object,
        typed: str = TO_THE_TERMINAL,
        size: tuple[int, int] | None = None,
        code: str = PHYSIOCTL,
        set_to: Mapping[str, str] | None = None,
    ) -> None:
        """``size`` is in columns and lines; left out, the terminal does not say. ``code``: another program.

        ``set_to`` is what its environment has beside the usual.
        """
        self._master, slave = pty.openpty()
        if size is not None:
            self.resize(*size)
        self.screen = b""
        self.piped = b""  # what goes to a pipe instead of the screen
        self._pipe, output = os.pipe()
        self._process: Forked | subprocess.Popen[bytes]
        if set_to is None and typed != IN_THE_BACKGROUND:
            streams = {"stdin": slave, "stdout": output, "stderr": slave}
            if typed == TO_THE_TERMINAL:
                streams["stdout"] = slave
            elif typed == UNSEEN:
                streams["stderr"] = subprocess.DEVNULL
            self._process = Forked(code, *arguments, env=environment(folder), at_terminal=True, **streams)
        else:
            # The leader of a session that opens a terminal has it for its own: Ctrl-C and a hang-up reach it.
            self._process = subprocess.Popen(
                ["sh", "-c", typed, os.ttyname(slave), *command(*arguments)],
                env=environment(folder) | dict(set_to or {}),
                start_new_session=True,
                stdout=output,
            )
        os.close(output)
        self._slave = slave  # held until the other end has opened it

    def resize(self, columns: int, lines: int) -> None:
        """Let the window have another size."""
        fcntl.ioctl(self._master, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))

    @property
    def pid(self) -> int:
        """The number of the process."""
        return self._process.pid

    def mode(self) -> list[Any]:
        """How the terminal is set."""
        return termios.tcgetattr(self._slave)

    def press(self, key: str) -> None:
        os.write(self._master, key.encode())

    def starts(self) -> bool:
        """Press Space once the session waits for it; return whether it did."""
        waits = self.shows(lambda: b"Space to start" in self.screen)
        self.press(" ")
        return waits

    def shows(self, happened: Callable[[], bool]) -> bool:
        """Keep reading the screen until ``happened()``, or for too long."""
        return waited_for(lambda: self._look() and happened())

    def shows_within(self, happened: Callable[[], bool], limit_s: float) -> bool:
        """Keep reading the screen for so long, or until ``happened()``."""
        return waited_for(lambda: self._look() and happened(), limit_s)

    def _look(self) -> bool:
        self.screen += _waiting(self._master)
        self.piped += _waiting(self._pipe)
        return True

    def ended(self) -> int:
        """Its exit code, once it has ended."""
        assert self.shows(lambda: self._process.poll() is not None)
        self._look()  # at what came last
        return self._process.wait(LIMIT_S)

    def close(self) -> None:
        os.close(self._master)
        os.close(self._pipe)
        os.close(self._slave)
        if self._process.poll() is None:
            self._process.kill()
            self._process.wait(LIMIT_S)

    def signal(self, name: str) -> None:
        self._process.send_signal(signal.Signals[name])

    def hang_up(self) -> int:
        """Close the terminal's window."""
        os.close(self._master)
        self._master = os.open(os.devnull, os.O_RDWR)
        return self._process.wait(LIMIT_S)
