"""Sessions on the full screen in real time: by keys, and with a screen that hangs, dies or floods.

What counts is the unit's own log: no lease has run out in it, and the stop is there when it was asked for.
POSIX only.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from physioctl.screens.tui.letters import large
from tests.processes import ServedUnit, finished, journal_at, served_unit, short_protocol, waited_for
from tests.terminals import Terminal

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="ptys and these signals are things of POSIX")

RESUME = "r"
LEFT = b"\x1b[0m\x1b[?25h\x1b[?1049l"
STOPS: dict[str, Callable[[Terminal, ServedUnit, Path], object]] = {
    "s": lambda terminal, unit, folder: terminal.press("s"),
    "Ctrl-C": lambda terminal, unit, folder: terminal.press("\x03"),
    "SIGTERM": lambda terminal, unit, folder: terminal.signal("SIGTERM"),
    "physioctl stop": lambda terminal, unit, folder: finished(folder, "stop", "--port", unit.port),
}

# A session whose screen is drawn by another program, which floods.
WITH_ANOTHER = """
import sys
from queue import SimpleQueue
from device.clock import SystemClock
from device.control.driver import Driver
from device.dialects.native import Native
from physioctl.cli.printing import say
from physioctl.cli.streams import standard_streams
from physioctl.ports import open_link
from physioctl.record.journal import Journal
from physioctl.runner import Request, run_session
from physioctl.screens.tui.process import FullScreen
from physioctl.terminal import keys, stop_on_signals
from protocols.library import find

port, journal, protocol, code = sys.argv[1:]
inbox, clock = SimpleQueue(), SystemClock()
link = open_link(port, inbox)
with standard_streams(), Journal.open(journal, clock) as record, stop_on_signals(inbox), keys(inbox):
    with FullScreen(say, clock, command=(sys.executable, "-c", code)) as screen:
        run_session(Request(find(protocol)), Driver(link, clock, inbox, Native()), record, [screen])
"""
FLOOD = "import os\nwhile True: os.write(1, b'x' * 65536)"
JUST_BELOW_A_FLOOD = """
import os, sys, threading
while True:
    os.write(int(sys.argv[-1]), b".")
    os.write(1, b"\\x1b[1;1Hdrawn" + "█".encode() * 20000)
    threading.Event().wait(0.7)
"""


def word(text: str) -> bytes:
    """A part of ``text`` as it is drawn in large letters."""
    return large(text)[1].rstrip().encode()


def drawing_process(terminal: Terminal) -> int:
    """The number of the process that draws."""
    (pid,) = Path(f"/proc/{terminal.pid}/task/{terminal.pid}/children").read_text().split()
    return int(pid)


@contextmanager
def on_the_full_screen(folder: Path, unit: ServedUnit, *options: str) -> Iterator[Terminal]:
    """A session on the full screen."""
    where = ("--port", unit.port, "--journal", journal_at(folder / "j"), *options)
    with closing(Terminal(folder, "run", short_protocol(folder, 60), *where, size=(80, 24))) as terminal:
        if "--yes" in options:
            assert terminal.shows(lambda: unit.gives_output() and word("OUTPUT ON") in terminal.screen)
        yield terminal


def whys(unit: ServedUnit) -> list[str]:
    """Why the unit's output changed, each time."""
    return [line.why for line in unit.rest()]


def test_a_session_is_led_by_keys_and_leaves_the_terminal_as_it_was(tmp_path: Path) -> None:
    with served_unit(tmp_path) as unit:
        with on_the_full_screen(tmp_path, unit) as terminal:
            assert terminal.shows(lambda: word("READY") in terminal.screen)
            assert not unit.rest()
            terminal.press(" ")
            assert terminal.shows(lambda: unit.gives_output() and word("OUTPUT ON") in terminal.screen)
            terminal.press(" ")
            assert terminal.shows(lambda: unit.is_off_again() and word("PAUSED") in terminal.screen)
            terminal.screen = b""
            terminal.press("\x1a")  # Ctrl-Z
            terminal.press(RESUME)
            assert terminal.shows(lambda: unit.gives_output() and word("OUTPUT ON") in terminal.screen)
            terminal.press("-")
            assert terminal.shows(lambda: b"The level was not lowered" in terminal.screen)
            terminal.press("o")
            terminal.press("warm, Esc")
            assert terminal.shows(lambda: b"(no name or contact): warm, Esc" in terminal.screen)
            terminal.press("\r")
            terminal.screen = b""
            terminal.resize(20, 5)
            assert terminal.shows(lambda: b"[s] STOP" in terminal.screen)
            terminal.screen = b""
            terminal.resize(80, 24)
            assert terminal.shows(lambda: word("OUTPUT ON") in terminal.screen)
            terminal.screen = b""
            terminal.press("s")
            assert terminal.shows(lambda: word("STOPPED") in terminal.screen)
            terminal.press(" ")
            code = terminal.ended()

        given_back = terminal.screen.rpartition(LEFT)[2].decode()
        assert code == 6
        assert whys(unit) == ["set", "stop", "set", "stop"]
        assert "operator: pause" in given_back
        assert "operator: warm, Esc" in given_back
        assert "stopped by the operator" in given_back


@pytest.mark.hazard("H-18")
@pytest.mark.parametrize("stop", STOPS)
@pytest.mark.parametrize("blow", ["SIGSTOP", "SIGKILL"])
def test_a_screen_that_hangs_or_dies_takes_neither_a_stop_nor_a_renewal_with_it(
    tmp_path: Path, blow: str, stop: str
) -> None:
    with served_unit(tmp_path) as unit, on_the_full_screen(tmp_path, unit, "--yes") as terminal:
        os.kill(drawing_process(terminal), signal.Signals[blow])
        assert terminal.shows(lambda: b"the full screen is gone" in terminal.screen)
        still_on = unit.gives_output()

        STOPS[stop](terminal, unit, tmp_path)
        code = terminal.ended()

        assert still_on
        assert waited_for(unit.is_off_again)
        assert whys(unit) == ["set", "stop"]
        assert code == 6
        assert terminal.screen.count(LEFT) == 1


@pytest.mark.hazard("H-18")
def test_a_stop_does_not_wait_for_a_screen_that_hangs(tmp_path: Path) -> None:
    with served_unit(tmp_path) as unit, on_the_full_screen(tmp_path, unit, "--yes") as terminal:
        os.kill(drawing_process(terminal), signal.SIGSTOP)
        terminal.press("s")

        assert waited_for(unit.is_off_again, limit_s=1.5)
        assert terminal.ended() == 6
        assert whys(unit) == ["set", "stop"]


@pytest.mark.parametrize(
    ("code", "sign"), [(FLOOD, b"the full screen is gone"), (JUST_BELOW_A_FLOOD, b"drawn")]
)
def test_a_screen_that_floods_takes_neither_a_stop_nor_a_renewal_with_it(
    tmp_path: Path, code: str, sign: bytes
) -> None:
    with served_unit(tmp_path) as unit:
        arguments = (unit.port, tmp_path / "j", "unit-check", code)
        with closing(Terminal(tmp_path, *arguments, size=(80, 24), code=WITH_ANOTHER)) as terminal:
            assert terminal.shows(lambda: unit.gives_output() and sign in terminal.screen)
            assert not terminal.shows_within(lambda: "lease" in whys(unit), 5.0)
            terminal.press("s")
            terminal.ended()

        assert whys(unit) == ["set", "stop"]
        assert terminal.screen.count(LEFT) == 1


def test_a_terminal_that_stands_still_takes_neither_a_stop_nor_a_renewal_with_it(tmp_path: Path) -> None:
    with served_unit(tmp_path) as unit, on_the_full_screen(tmp_path, unit, "--yes") as terminal:
        assert not waited_for(lambda: "lease" in whys(unit), limit_s=4.0)  # and nobody reads the terminal
        terminal.press("s")

        assert waited_for(unit.is_off_again, limit_s=1.5)
        assert terminal.shows(lambda: word("STOPPED") in terminal.screen)
        terminal.press("s")  # it closes the screen
        assert terminal.ended() == 6
        assert whys(unit) == ["set", "stop"]


@pytest.mark.parametrize(
    ("size", "change"),
    [((40, 12), {}), ((0, 0), {}), (None, {}), ((80, 24), {"TERM": "dumb"}), ((80, 24), {"LC_ALL": "C"})],
    ids=["small", "says nothing", "unset", "dumb", "not Unicode"],
)
def test_a_terminal_without_room_or_means_is_given_lines(
    tmp_path: Path, size: tuple[int, int] | None, change: dict[str, str]
) -> None:
    arguments = (
        "run",
        short_protocol(tmp_path, 1),
        "--port",
        "sim://us111",
        "--journal",
        journal_at(tmp_path / "j"),
        "--yes",
    )
    setting = (
        {"PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0", **change} if "LC_ALL" in change else change or None
    )
    with closing(Terminal(tmp_path, *arguments, size=size, set_to=setting)) as terminal:
        assert terminal.ended() == 0

    assert b"\x1b[?1049h" not in terminal.screen
    assert b"0:01 left" in terminal.screen  # while it lasted
    assert b"completed" in terminal.screen
