"""The drawing process may end, hang or flood: the terminal comes back, and lines go on. POSIX only."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace

import pytest

from device.clock import SystemClock
from tests.physioctl.screen_states import EMITTING, ENDED, STARTED, progress
from tests.processes import waited_for

if sys.platform == "win32":
    pytest.skip("ptys are things of POSIX", allow_module_level=True)

import fcntl
import pty
import struct
import termios

from physioctl.screens.tui.process import FullScreen
from physioctl.screens.tui.relay import COMMAND, UNTIL_DRAWN

ENTERED, LEFT = b"\x1b[?1049h", b"\x1b[0m\x1b[?25h\x1b[?1049l"

# Drawing processes that are not ours: the last two arguments are what the states come by, and the heartbeats.
BEATS = "import os, sys, threading; beats = int(sys.argv[-1]); states = int(sys.argv[-2]); "
BEAT = "os.write(beats, b'.'); "
FOREVER = "threading.Event().wait()"


def program(code: str) -> tuple[str, ...]:
    return (sys.executable, "-c", BEATS + code)


@dataclass
class Desk:
    """A terminal, and what has come to it."""

    master: int
    slave: int
    came: bytearray = field(default_factory=bytearray)
    said: list[str] = field(default_factory=list)

    def look(self) -> bytes:
        """All that has come so far."""
        try:
            while True:
                self.came += os.read(self.master, 1 << 16)
        except BlockingIOError:
            return bytes(self.came)

    def resize(self, columns: int, lines: int) -> None:
        fcntl.ioctl(self.slave, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))

    def screen(self, command: Sequence[str] = COMMAND) -> FullScreen:
        return FullScreen(self.said.append, SystemClock(), descriptor=self.slave, command=command)

    def shows(self, happened: Callable[[], bool]) -> bool:
        return waited_for(lambda: bool(self.look()) and happened())


@pytest.fixture
def desk() -> Iterator[Desk]:
    master, slave = pty.openpty()
    os.set_blocking(master, False)
    desk = Desk(master, slave)
    desk.resize(80, 24)
    yield desk
    os.close(master)
    os.close(slave)


def begin(screen: FullScreen) -> None:
    for event in EMITTING:
        screen.on_event(event)


def test_a_session_is_drawn_and_the_terminal_given_back_with_its_lines(desk: Desk) -> None:
    with desk.screen() as screen:
        begin(screen)
        assert desk.shows(lambda: b"step 2 of 4 left" in desk.came)
        assert desk.said == []
        screen.on_event(progress(2, 260_000, "emitting"))
        screen.on_event(ENDED)
        screen.say("a line for later")

    came = desk.look()
    assert came.index(ENTERED) < came.index(b"step 2 of 4")
    assert came.endswith(LEFT)
    assert b"\x1b[?1000h" not in came
    assert b"\x1b[>" not in came
    assert desk.said[0].endswith("on US111 US-0042 (assumed profile)")
    assert desk.said[-1] == "a line for later"


@pytest.mark.parametrize(
    ("code", "why"),
    [
        ("sys.exit(3)", "it has ended"),
        (BEAT + "os.kill(os.getpid(), 9)", "it has ended"),
        (BEAT + FOREVER, "it does not answer"),
        (BEAT + "os.kill(os.getpid(), 19)", "it does not answer"),
        ("import time\nwhile True: os.write(1, b'x' * 65536)", "it writes without end"),
        ("\nwhile True: os.write(beats, b'.' * 65536)", "it writes without end"),
        ("import signal; signal.pthread_sigmask(0, range(1, 32)); " + BEAT + FOREVER, "it does not answer"),
    ],
    ids=["ends", "is killed", "hangs", "is frozen", "floods", "floods with heartbeats", "hears no signal"],
)
def test_a_drawing_process_that_fails_leaves_lines_and_the_terminal_as_it_was(
    desk: Desk, code: str, why: str
) -> None:
    with desk.screen(program(code)) as screen:
        begin(screen)

        assert desk.shows(lambda: bool(desk.said) and why in desk.said[-1]), desk.said
        screen.on_event(replace(ENDED, at_ms=61_000))
        screen.on_event(progress(2, 1000, "emitting"))
        assert desk.look().endswith(LEFT)

    assert desk.said[0].endswith("on US111 US-0042 (assumed profile)")
    assert desk.said[-1] == "0:00  output on, 2:01 left, 0 s delivered"
    assert desk.came.count(LEFT) == 1


def test_until_something_is_drawn_the_terminal_says_which_keys_stop(desk: Desk) -> None:
    with desk.screen(program(FOREVER)) as screen:
        begin(screen)

        assert desk.shows(lambda: b"s, q, Esc, Ctrl-C: stop" in desk.came)


def test_a_drawing_process_that_cannot_be_started_leaves_lines(desk: Desk) -> None:
    with desk.screen(("/nowhere/python",)) as screen:
        begin(screen)

    assert "the full screen is gone" in desk.said[0]
    assert desk.said[1].endswith("on US111 US-0042 (assumed profile)")
    assert desk.look() == b""


def test_a_session_that_never_starts_leaves_the_terminal_alone(desk: Desk) -> None:
    with desk.screen():
        pass

    assert desk.look() == b""
    assert desk.said == []


def test_what_the_drawing_process_writes_cannot_set_the_terminal(desk: Desk) -> None:
    code = "os.write(1, b'\\x1b[?1003h\\x1b[>13u\\x1b[6nseen'); os.write(beats, b'.'); " + FOREVER
    with desk.screen(program(code)) as screen:
        begin(screen)
        assert desk.shows(lambda: b"seen" in desk.came)

    assert desk.look() == ENTERED + b"\x1b[?25l\x1b[2J\x1b[H" + UNTIL_DRAWN + b"seen" + LEFT


def test_an_event_that_cannot_be_shown_leaves_lines_and_no_picture_that_stands_still(desk: Desk) -> None:
    with desk.screen() as screen:
        begin(screen)
        screen.on_event(replace(STARTED, family="of another kind"))

        assert desk.shows(lambda: bool(desk.said) and "of another kind" in desk.said[-1])
    assert desk.came.endswith(LEFT)


def test_a_terminal_that_takes_nothing_delays_no_event_and_little_of_the_end(desk: Desk) -> None:
    flood = "\nwhile True: os.write(1, b'x' * 1000); " + BEAT + "threading.Event().wait(0.002)"
    with desk.screen(program(flood)) as screen:
        begin(screen)
        for left_ms in range(100_000, 0, -10):
            screen.on_event(progress(2, left_ms, "emitting"))
        screen.close()

    assert screen.is_closed
    assert desk.said[-1].endswith("(8:00)")


def test_another_size_is_passed_on(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")  # as a shell, or GNU readline, may leave it
    monkeypatch.setenv("LINES", "24")
    with desk.screen() as screen:
        begin(screen)
        assert desk.shows(lambda: b"session left" in desk.came)
        desk.came.clear()
        desk.resize(20, 5)
        assert desk.shows(lambda: b"[s] STOP" in desk.came)
        desk.came.clear()
        desk.resize(0, 0)
        desk.resize(120, 40)

        assert desk.shows(lambda: b"session left" in desk.came)
