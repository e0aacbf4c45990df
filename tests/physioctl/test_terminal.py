"""Signals and keys become a person's acts, and everything is put back as it was.

Keys in a session: see test_run_real_time.
"""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, redirect_stdout
from pathlib import Path
from queue import SimpleQueue
from typing import Any, TextIO, cast

import pytest

from device.link import Inbox
from device.operator import SessionAction
from physioctl.cli.printing import typing
from physioctl.cli.streams import Output
from physioctl.terminal import keys, stop_on_signals
from tests.processes import LIMIT_S, environment

if sys.platform == "win32":
    pytest.skip("os.kill is another thing there, and there are no ptys", allow_module_level=True)

import termios

NAMES = [name for name in ("SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT") if hasattr(signal, name)]


@pytest.mark.parametrize("name", NAMES)
def test_a_signal_is_a_stop_and_ends_nothing_else(name: str) -> None:
    inbox: Inbox = SimpleQueue()

    with stop_on_signals(inbox):
        os.kill(os.getpid(), getattr(signal, name))
        action = inbox.get(timeout=5)

    assert action is SessionAction.STOP
    assert inbox.empty()


def test_every_signal_counts_however_many_there_are() -> None:
    inbox: Inbox = SimpleQueue()

    with stop_on_signals(inbox):
        for name in NAMES * 3:
            os.kill(os.getpid(), getattr(signal, name))

    assert [inbox.get(timeout=5) for _ in NAMES * 3] == [SessionAction.STOP] * 3 * len(NAMES)


def test_signals_are_put_back_as_they_were_even_after_a_fall() -> None:
    inbox: Inbox = SimpleQueue()
    before = [signal.getsignal(getattr(signal, name)) for name in NAMES]

    with pytest.raises(ZeroDivisionError), stop_on_signals(inbox):
        raise ZeroDivisionError

    assert [signal.getsignal(getattr(signal, name)) for name in NAMES] == before


def test_without_a_terminal_there_are_no_keys() -> None:
    inbox: Inbox = SimpleQueue()

    with keys(inbox):  # the suite has no terminal
        pass

    assert inbox.empty()


def test_a_line_that_is_typed_does_not_wrap_on_a_narrow_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    monkeypatch.setenv("TERM", "xterm")
    master, slave = os.openpty()
    with os.fdopen(slave, "w", encoding="utf-8") as stream, redirect_stdout(cast("TextIO", Output(stream))):
        typing("Observation (no name or contact): " + "x" * 80)
        sys.stdout.flush()
        sys.stdout.write(".")
        sys.stdout.flush()
        shown = b""
        while not shown.endswith(b"."):
            shown += os.read(master, 1000)
    os.close(master)

    assert shown == b"\r\x1b[K" + b"x" * 39 + b"."


# --- at a terminal --------------------------------------------------------------------------------------

ACTIONS = """
from queue import SimpleQueue
from physioctl.terminal import keys, stop_on_signals

inbox = SimpleQueue()
with stop_on_signals(inbox), keys(inbox):
    print("ready", flush=True)
    while (act := inbox.get()) != "stop":
        print(act, flush=True)
print("stopped", flush=True)
"""


WITH_A_SCREEN_THAT_FAILS = ACTIONS.replace("keys(inbox)", "keys(inbox, lambda typed: 1 / 0)")


class Typist:
    """Somebody at a terminal of their own, at which acts are listened for."""

    def __init__(self, folder: Path, program: str = ACTIONS) -> None:
        self._master, self._slave = os.openpty()
        self.before = self.mode()
        # The leader of a session that opens a terminal has it for its own: what is typed can signal its jobs.
        # Only a job of a shell that still waits can be suspended at all.
        take_it = ["sh", "-c", 'exec <>"$0" >&0 2>&0; set -m; "$@"; exit $?', os.ttyname(self._slave)]
        self.process = subprocess.Popen(
            [*take_it, sys.executable, "-c", program], env=environment(folder), start_new_session=True
        )

    def mode(self) -> list[Any]:
        """How the terminal is set."""
        return termios.tcgetattr(self._slave)

    def press(self, key: str) -> None:
        os.write(self._master, key.encode())

    def sees(self, word: bytes) -> bool:
        """Whether ``word`` comes up on the screen before too long."""
        screen = b""
        while word not in screen and select.select([self._master], [], [], LIMIT_S)[0]:
            screen += os.read(self._master, 4096)
        return word in screen

    def close(self) -> None:
        self.process.kill()
        self.process.wait(LIMIT_S)
        os.close(self._master)
        os.close(self._slave)


@pytest.fixture
def typist(tmp_path: Path) -> Iterator[Typist]:
    with closing(Typist(tmp_path)) as typist:
        assert typist.sees(b"ready")
        yield typist


@pytest.mark.parametrize("key", ["\x03", "\x1c", "s"], ids=["Ctrl-C", "Ctrl-Backslash", "s"])
def test_a_key_that_stops_leaves_the_terminal_as_it_was(typist: Typist, key: str) -> None:
    typist.press(key)

    assert typist.sees(b"stopped")
    assert typist.process.wait(LIMIT_S) == 0
    assert typist.mode() == typist.before


@pytest.mark.parametrize("key", ["\x1a", "\x13"], ids=["Ctrl-Z", "Ctrl-S"])
def test_no_key_suspends_the_program_or_its_screen(typist: Typist, key: str) -> None:
    typist.press(key)
    typist.press(" ")

    assert typist.sees(b"pause")


@pytest.mark.hazard("H-18")
def test_keys_that_cannot_be_read_any_more_stop_the_session(tmp_path: Path) -> None:
    with closing(Typist(tmp_path, WITH_A_SCREEN_THAT_FAILS)) as typist:
        assert typist.sees(b"ready")

        typist.press("o")

        assert typist.sees(b"stopped")
        assert typist.mode() == typist.before
