"""A forked program is as one that was started anew, but for what it has imported."""

from __future__ import annotations

import os
import signal
import subprocess
from pathlib import Path

import pytest

from tests.forked import Forked

LIMIT_S = 30.0


def test_it_has_its_own_arguments_environment_and_streams_and_ends_as_an_interpreter_does() -> None:
    code = (
        "import atexit, os, sys\n"
        "print(sys.argv[1:], dict(os.environ), __name__, os.getcwd() == sys.argv[1], sys.stdin.read())\n"
        "atexit.register(print, 'at exit')\n"
        "sys.exit('what is said of it')"
    )

    program = Forked(code, Path.cwd(), env={"ONE": "two"})
    out, err = program.communicate(LIMIT_S)

    assert out == f"{[str(Path.cwd())]} {{'ONE': 'two'}} __main__ True \nat exit\n"
    assert (program.returncode, err) == (1, "what is said of it\n")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_a_signal_ends_it_as_it_ends_any(number: signal.Signals) -> None:
    # It waits in slices: a signal that comes just before a wait is seen only after it.
    code = "import threading\nprint('ready', flush=True)\nwhile True: threading.Event().wait(0.1)"
    program = Forked(code, env=os.environ)
    assert program.stdout is not None
    assert program.stdout.readline() == "ready\n"
    with pytest.raises(subprocess.TimeoutExpired):
        program.wait(0)

    program.send_signal(number)

    assert program.wait(LIMIT_S) == -number
    program.communicate(LIMIT_S)


def test_one_does_not_see_what_another_has_done() -> None:
    one = Forked("import physioctl; physioctl.seen = True", env=os.environ)
    assert (one.communicate(LIMIT_S), one.returncode) == (("", ""), 0)

    other = Forked("import physioctl; print(hasattr(physioctl, 'seen'))", env=os.environ)

    assert other.communicate(LIMIT_S) == ("False\n", "")
