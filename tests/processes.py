"""Real processes: a simulated unit served on a pty, and a session run on it, each by the command line.

The unit's log goes through a named pipe, so that every line is stamped the moment it comes, and the
unit's own milliseconds can be laid beside this process's clock.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from queue import Empty, SimpleQueue
from threading import Thread
from typing import Any

LIMIT_S = 30.0  # for anything that is waited for; nothing comes near it
LEASE_MS = 500  # what is asked of these units, as DESIGN has it
SLACK_MS = 60  # the machine is shared: a renewal may lie in the pty until the unit's process is scheduled
_PHYSIOCTL = (sys.executable, "-c", "from physioctl.cli import main; main()")


def now_ms() -> float:
    """Milliseconds of this process's clock."""
    return time.monotonic_ns() / 1e6


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the unit's log, and when it came."""

    came_ms: float  # by our clock
    ms: int  # by the unit's
    output: int
    why: str


@dataclass(slots=True)
class ServedUnit:
    """A simulated unit in a process of its own, and its log so far."""

    port: str
    pid: int
    lines: list[Line] = field(default_factory=list)
    _news: SimpleQueue[Line] = field(default_factory=SimpleQueue)

    def next_change(self, within_s: float = LIMIT_S) -> Line | None:
        """The next change of output, waited for; None when there is none in time."""
        try:
            self.lines.append(line := self._news.get(timeout=within_s))
        except Empty:
            return None
        return line

    def until_silent(self, within_s: float = LIMIT_S) -> Line | None:
        """The first change from here on that ends output."""
        while (line := self.next_change(within_s)) is not None and line.output:
            pass
        return line

    def rest(self) -> list[Line]:
        """Every change, those not yet looked at included."""
        while self.next_change(0) is not None:
            pass
        return self.lines

    def came_ms(self, line: Line) -> float:
        """When ``line`` happened, by our clock: a line may be read late and never early."""
        return line.ms + min(each.came_ms - each.ms for each in self.lines)

    def hear(self, pipe: Path) -> None:
        """Read the log until the unit has gone."""
        with pipe.open(encoding="utf-8") as log:
            for text in log:
                said: dict[str, Any] = json.loads(text)
                output = said.get("output_mw_cm2", said.get("output_per_min"))
                assert isinstance(output, int)
                self._news.put(Line(now_ms(), said["ms"], output, said["why"]))


@contextmanager
def served_unit(folder: Path, *options: str, model: str = "us111") -> Iterator[ServedUnit]:
    """``physioctl simulate``, for as long as the block lasts."""
    pipe = folder / "unit.fifo"
    os.mkfifo(pipe)
    process = subprocess.Popen(
        [*_PHYSIOCTL, "simulate", model, "--log", str(pipe), *options], stdout=subprocess.PIPE, text=True
    )
    unit = ServedUnit("", process.pid)
    reader = Thread(target=unit.hear, args=(pipe,), daemon=True)
    reader.start()
    try:
        assert process.stdout is not None
        unit.port = process.stdout.readline().strip()
        yield unit
    finally:
        process.terminate()
        process.communicate(timeout=LIMIT_S)
        reader.join(LIMIT_S)


@contextmanager
def session(
    port: str,
    journal: Path,
    protocol: str = "unit-check",
    *,
    options: Sequence[str] = ("--json",),
    before: Callable[[], None] | None = None,
) -> Iterator[subprocess.Popen[str]]:
    """``physioctl run``, killed when the block is left before it has ended."""
    process = subprocess.Popen(
        [*_PHYSIOCTL, "run", protocol, "--port", port, "--journal", str(journal), *options],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=before,
    )
    try:
        yield process
    finally:
        if process.poll() is None:
            process.kill()
        process.communicate(timeout=LIMIT_S)


def cpu_ms(pid: int) -> float:
    """Processor time all threads of ``pid`` have used so far. Linux only."""
    tasks = Path(f"/proc/{pid}/task").glob("*/schedstat")
    return sum(int(task.read_text().split()[0]) for task in tasks) / 1e6
