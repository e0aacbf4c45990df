"""Programs for tests, each a process of its own, forked from one that has imported everything already.

What starts a Python program costs far more than most of the tests that need one: each worker pays for it
once. Such a process is the main program of its interpreter, with its own arguments, environment, standard
streams and signals, at a terminal of its own where it is given one, and ends as any other does. A test about
how a program begins (what it imports, what it inherits, what a shell makes of its streams) starts one anew.
POSIX only.
"""

from __future__ import annotations

import atexit
import fcntl
import gc
import importlib
import io
import json
import os
import pkgutil
import selectors
import signal
import socket
import subprocess
import sys
import termios
from collections.abc import Mapping
from contextlib import suppress
from functools import cache
from pathlib import Path
from threading import Thread
from typing import IO, Any, TextIO

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ("physioctl", "protocols", "device", "simulator")
STANDARD = (0, 1, 2)
_SERVER = """
import sys
from tests.forked import serve
if (asked := serve(int(sys.argv[1]))) is not None:
    sys.argv = ["-c", *asked[1]]
    del serve
    exec(compile(asked[0], "<string>", "exec"))
"""


class Forked:
    """A running program, used as `subprocess.Popen` with ``text=True`` is."""

    def __init__(
        self,
        code: str,
        *arguments: object,
        env: Mapping[str, str],
        stdin: int = subprocess.DEVNULL,
        stdout: int = subprocess.PIPE,
        stderr: int = subprocess.PIPE,
        at_terminal: bool = False,
    ) -> None:
        """Run ``code`` with ``arguments``. A stream is a descriptor, ``DEVNULL`` or, for output, ``PIPE``.

        ``at_terminal``: ``stdin`` is a terminal, and becomes the one that Ctrl-C and a hang-up come from.
        """
        self.args = [sys.executable, "-c", code, *map(str, arguments)]
        self.returncode: int | Any = None  # as `subprocess.Popen` has it: None until it has ended
        asked = {"code": code, "arguments": self.args[3:], "env": dict(env), "at_terminal": at_terminal}
        asked["cwd"] = os.getcwd()  # noqa: PTH109
        given, ours = [os.open(os.devnull, os.O_RDWR)], list[IO[str] | None]()
        streams = [given[0] if stdin == subprocess.DEVNULL else stdin]
        for stream in (stdout, stderr):
            ours.append(None)
            if stream == subprocess.PIPE:
                reading, stream = os.pipe()
                given.append(stream)
                ours[-1] = open(reading, encoding="utf-8")  # noqa: SIM115, PTH123 - closed by whoever reads it
            streams.append(given[0] if stream == subprocess.DEVNULL else stream)
        self.stdout, self.stderr = ours
        self._line, theirs = socket.socketpair()
        self._line.sendall(json.dumps(asked).encode() + b"\n")
        socket.send_fds(_server(), [b"."], [theirs.fileno(), *streams])
        theirs.close()
        for descriptor in given:
            os.close(descriptor)
        self._told = self._line.makefile("rb")
        self.pid = int(self._told.readline())

    def poll(self) -> int | Any:
        """Its exit code, once it has ended."""
        with suppress(subprocess.TimeoutExpired):
            self.wait(0)
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """Wait until it has ended, and return its exit code; minus a signal's number if that ended it."""
        if self.returncode is None:
            with selectors.DefaultSelector() as selector:
                selector.register(self._line, selectors.EVENT_READ)
                if not selector.select(timeout):
                    raise subprocess.TimeoutExpired(self.args, timeout or 0)
            self.returncode = int(self._told.readline())
            self._told.close()
            self._line.close()
        return int(self.returncode)

    def communicate(self, timeout: float | None = None) -> tuple[str, str]:
        """What it still says on its two streams, and wait until it has ended."""
        said = ["", ""]

        def read(number: int, stream: IO[str]) -> None:
            with stream:
                said[number] = stream.read()

        streams = [
            (number, stream)
            for number, stream in enumerate((self.stdout, self.stderr))
            if stream is not None and not stream.closed
        ]
        readers = [Thread(target=read, args=each, daemon=True) for each in streams]
        for reader in readers:
            reader.start()
        for reader in readers:
            reader.join(timeout)
            if reader.is_alive():
                raise subprocess.TimeoutExpired(self.args, timeout or 0)
        self.wait(timeout)
        return said[0], said[1]

    def send_signal(self, number: int) -> None:
        """Send it a signal, unless it has ended."""
        if self.poll() is None:
            with suppress(ProcessLookupError):
                os.kill(self.pid, number)

    def terminate(self) -> None:
        """Ask it to end."""
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """End it."""
        self.send_signal(signal.SIGKILL)


@cache
def _server() -> socket.socket:
    """The line to the process of this worker from which programs are forked. It ends when the line does."""
    ours, theirs = socket.socketpair()
    process = subprocess.Popen(
        [sys.executable, "-c", _SERVER, str(theirs.fileno())],
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        pass_fds=[theirs.fileno()],
    )
    theirs.close()

    def end() -> None:
        ours.close()
        process.wait()

    atexit.register(end)
    return ours


# --- in the process that is forked from -----------------------------------------------------------------


def serve(descriptor: int) -> tuple[str, list[str]] | None:
    """Fork programs until the line is closed: then None, and in each of them its code and its arguments."""
    for package in PACKAGES:
        for module in pkgutil.walk_packages(importlib.import_module(package).__path__, f"{package}."):
            # Nor what draws pictures: an extra that starts threads, which no process that forks should have.
            if not module.name.endswith((".__main__", "picture")):
                importlib.import_module(module.name)
    gc.freeze()  # the collector would touch, and so copy, what all of them share
    with socket.socket(fileno=descriptor) as line:
        while True:
            try:
                _, descriptors, _, _ = socket.recv_fds(line, 1, 1 + len(STANDARD))
            except KeyboardInterrupt:  # meant for the tests: when they end, the line is closed
                continue
            if not descriptors:
                return None
            if os.fork() == 0:
                break
            for each in descriptors:
                os.close(each)
            with suppress(ChildProcessError):
                while os.waitpid(-1, os.WNOHANG)[0]:
                    pass
    return _begun(*descriptors)


def _begun(told: int, *streams: int) -> tuple[str, list[str]]:
    """Fork the program, and become the one who tells how it ended: it is nobody's child otherwise."""
    with socket.socket(fileno=told) as line:
        asked = json.loads(line.makefile("rb").readline())
        if pid := os.fork():
            for each in (*streams, *STANDARD):
                os.close(each)
            line.sendall(b"%d\n" % pid)
            signal.signal(signal.SIGINT, signal.SIG_IGN)
            _, status = os.waitpid(pid, 0)
            with suppress(BrokenPipeError):
                line.sendall(b"%d\n" % os.waitstatus_to_exitcode(status))
            os._exit(0)
    for number, stream in zip(STANDARD, streams, strict=True):
        os.dup2(stream, number)
    for stream in streams:
        os.close(stream)
    if asked["at_terminal"]:
        os.setsid()
        fcntl.ioctl(0, termios.TIOCSCTTY, 0)
    sys.stdin, sys.stdout, sys.stderr = _text(0, "r"), _text(1, "w"), _text(2, "w")
    vars(sys).update(__stdin__=sys.stdin, __stdout__=sys.stdout, __stderr__=sys.stderr)
    os.environ.clear()
    os.environ.update(asked["env"])
    os.chdir(asked["cwd"])
    return asked["code"], asked["arguments"]


def _text(descriptor: int, mode: str) -> TextIO:
    """A standard stream, as the interpreter makes it."""
    raw = io.FileIO(descriptor, mode, closefd=False)
    if mode == "r":
        return io.TextIOWrapper(io.BufferedReader(raw), encoding="utf-8")
    errors = "backslashreplace" if descriptor == 2 else "strict"
    by_line = descriptor == 2 or raw.isatty()
    return io.TextIOWrapper(io.BufferedWriter(raw), encoding="utf-8", errors=errors, line_buffering=by_line)
