"""``physio_port``: a simulated unit on a pty, in a process of its own. It imports nothing of physioctl's."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Any

from pytest_physioctl.namesakes import home

WITHIN_S = 30.0  # for the unit to be switched on, and to end
_SERVE = "physioctl.testing.serve"


class NoPty(Exception):
    """This system has no ptys."""


class PhysioPort:
    """A simulated unit at ``port``, a path. Left as a context, it is ended and what came of it is checked.

    ``changes`` are the changes of its output so far, each as ``physioctl simulate --log`` writes it.
    """

    def __init__(
        self,
        model: str = "us111",
        *,
        seed: int = 0,
        dialect: str = "native",
        host_loss: str | None = None,
        faults: Sequence[str] = (),
        has_pty: bool = hasattr(os, "openpty"),
    ) -> None:
        if not has_pty:
            raise NoPty("physio_port needs a pty, which only POSIX systems have")
        self.port = ""
        self.changes: list[dict[str, Any]] = []
        self._last: dict[str, Any] | None = None
        self._gone = False
        self._news = threading.Condition()
        asked = {
            "model": model,
            "seed": seed,
            "dialect": dialect,
            "host_loss": host_loss,
            "faults": list(faults),
        }
        self._process = subprocess.Popen(  # noqa: S603 - this interpreter, and a module of ours
            [sys.executable, "-P", "-m", _SERVE, json.dumps(asked)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=_environment(),
        )
        self._reader = threading.Thread(target=self._read, name="unit of a test", daemon=True)
        self._reader.start()
        if not self._wait(lambda: bool(self.port) or self._gone) or not self.port:
            raise RuntimeError(f"the unit was not switched on: {self._end()}")

    @property
    def output(self) -> int:
        """The level that its output was last set to; 0 when off."""
        if not self.changes:
            return 0
        return int(next(value for key, value in self.changes[-1].items() if key.startswith("output_")))

    def wait_until(self, predicate: Callable[[], bool], within_s: float = WITHIN_S) -> bool:
        """Wait until ``predicate()``, called at each change of output; return whether that came in time."""
        return self._wait(predicate, within_s)

    def close(self) -> None:
        """End the unit; raise `AssertionError` where its output is on, or where it has had a breach."""
        said = self._end()
        if self._last is None:
            raise AssertionError(f"the unit at {self.port} broke off: {said}")
        failures = [f"  it was asked what it should not have been: {each}" for each in self._last["breaches"]]
        if self._last["output"]:
            failures.insert(0, f"  it gives output: {self._last['output']:g}")
        if failures:
            raise AssertionError(
                "\n".join([f"the unit at {self.port} is not as it has to be left:", *failures])
            )

    def _end(self) -> str:
        """End the process, and return what it wrote to standard error."""
        try:
            self._process.stdin.close()  # type: ignore[union-attr]  # it is a pipe
            self._process.wait(WITHIN_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
        self._reader.join(WITHIN_S)
        with self._process:
            return self._process.stderr.read()  # type: ignore[union-attr]  # it is a pipe

    def _wait(self, predicate: Callable[[], bool], within_s: float = WITHIN_S) -> bool:
        with self._news:
            return bool(self._news.wait_for(predicate, within_s))

    def _read(self) -> None:
        for line in self._process.stdout or ():
            said = json.loads(line)
            with self._news:
                if "port" in said:
                    self.port = said["port"]
                elif "breaches" in said:
                    self._last = said
                else:
                    self.changes.append(said)
                self._news.notify_all()
        with self._news:
            self._gone = True
            self._news.notify_all()

    def __enter__(self) -> PhysioPort:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _environment() -> dict[str, str]:
    """This environment, in which physioctl is found where it is here."""
    path = os.environ.get("PYTHONPATH", "")
    return os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, [str(home()), path]))}
