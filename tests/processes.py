"""Real processes: physioctl as a person types it, to its end or running beside a unit served in another.

The unit's log goes through a named pipe, so that every line is stamped the moment it comes, and the
unit's own milliseconds can be laid beside this process's clock. Whatever is waited for has a limit.
"""

from __future__ import annotations

import json
import os
import select
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any

from device.clock import SystemClock
from physioctl.record.journal import Journal
from tests.forked import ROOT, Forked

LIMIT_S = 30.0  # for anything that is waited for; nothing comes near it
GLANCE_S = 0.02
LEASE_MS = 500  # what is asked of these units, as DESIGN has it
SLACK_MS = 60  # the machine is shared: a renewal may lie in the pty until the unit's process is scheduled
PHYSIOCTL = "from physioctl.cli import main; main()"

# Output at once, at the lowest level, on nobody.
_SHORT = """format: 1
id: {id}
title: "Short, on nobody"
family: ultrasound
body_site: bench
side: none
purpose: For a test.
evidence: {{grade: none, note: It treats nothing.}}
steps:
  - emit: {{intensity: 0.29 W/cm², duty: 100 %, carrier: 1 MHz}}
    for: {seconds} s
"""


def short_protocol(folder: Path, seconds: int) -> Path:
    """A protocol that gives output at once, for so many seconds."""
    path = folder / f"short-{seconds}.yaml"
    path.write_text(_SHORT.format(id=f"short-{seconds}", seconds=seconds), encoding="utf-8")
    return path


def journal_at(path: Path) -> Path:
    """``path``, where there is a journal: an empty one, if there was none. No session begins one unasked."""
    if not path.exists():
        Journal.open(path, SystemClock()).close()
    return path


# --- physioctl, as a process of its own -----------------------------------------------------------------


def command(*arguments: object) -> list[str]:
    """What starts physioctl anew, for a test of how it begins; others take `begin` or `finished`."""
    return [sys.executable, "-c", PHYSIOCTL, *map(str, arguments)]


def environment(folder: Path) -> dict[str, str]:
    """An environment whose journal is in ``folder``, and nobody's own."""
    own = {"PYTHONPATH": str(ROOT), "XDG_DATA_HOME": str(folder), "XDG_CONFIG_HOME": str(folder)}
    return os.environ | own | {"TERM": "xterm", "NO_COLOR": "1"}


def begin(folder: Path, *arguments: object, code: str = PHYSIOCTL) -> Forked:
    """Start physioctl, or other ``code``, and leave it running."""
    return Forked(code, *arguments, env=environment(folder))


def finished(folder: Path, *arguments: object, code: str = PHYSIOCTL) -> subprocess.CompletedProcess[str]:
    """Run physioctl, or other ``code``, to its end."""
    process = begin(folder, *arguments, code=code)
    try:
        out, err = process.communicate(timeout=2 * LIMIT_S)
    finally:
        process.kill()
    return subprocess.CompletedProcess(process.args, process.returncode, out, err)


def line_from(process: Forked) -> str:
    """The next line a process prints."""
    assert process.stdout is not None
    readable, _, _ = select.select([process.stdout], [], [], LIMIT_S)
    assert readable, "it says nothing"
    return process.stdout.readline().strip()


def waited_for(happened: Callable[[], bool], limit_s: float = LIMIT_S) -> bool:
    """Look until it has happened, or it has taken too long."""
    glance = threading.Event()
    for _ in range(round(limit_s / GLANCE_S)):
        if happened():
            return True
        glance.wait(GLANCE_S)
    return happened()


# --- a unit, and a session on it ------------------------------------------------------------------------


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

    def until_output_off(self, within_s: float = LIMIT_S) -> Line | None:
        """The first change from here on that ends output."""
        while (line := self.next_change(within_s)) is not None and line.output:
            pass
        return line

    def rest(self) -> list[Line]:
        """Every change, those not yet looked at included."""
        while self.next_change(0) is not None:
            pass
        return self.lines

    def gives_output(self) -> bool:
        """Whether its output is on."""
        return bool(self.rest()) and self.lines[-1].output > 0

    def is_off_again(self) -> bool:
        """Whether it has given output, and does no more."""
        return bool(self.rest()) and self.lines[-1].output == 0

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
    """``physioctl simulate``, for as long as the block lasts; it must end as it was told to."""
    pipe = folder / "unit.fifo"
    os.mkfifo(pipe)
    process = begin(folder, "simulate", model, "--log", pipe, *options)
    unit = ServedUnit("", process.pid)
    reader = threading.Thread(target=unit.hear, args=(pipe,), daemon=True)
    reader.start()
    try:
        unit.port = line_from(process)
        yield unit
    finally:
        process.terminate()
        _, said = process.communicate(timeout=LIMIT_S)
        reader.join(LIMIT_S)
    assert (process.returncode, said) == (0, "")


@contextmanager
def session(
    port: str,
    journal: Path,
    protocol: object = "unit-check",
    *,
    options: Sequence[str] = ("--json",),
    code: str = PHYSIOCTL,
) -> Iterator[Forked]:
    """``physioctl run``, killed when the block is left before it has ended."""
    arguments = ("run", protocol, "--port", port, "--journal", journal_at(journal), *options)
    process = begin(journal.parent, *arguments, code=code)
    try:
        yield process
    finally:
        if process.poll() is None:
            process.kill()
        process.communicate(timeout=LIMIT_S)


_SESSIONS = """
import json, sys
from physioctl.cli import call
for _ in range(int(sys.argv[1])):
    code = call(["run", *sys.argv[2:], "--json"])
    print(json.dumps({"event": "exited", "code": code}), flush=True)
"""


@contextmanager
def sessions(count: int, folder: Path, port: str) -> Iterator[Forked]:
    """``count`` sessions on ``port``, one after the other, in one process: what starts one costs the most."""
    arguments = (count, short_protocol(folder, 60), "--port", port, "--journal", journal_at(folder / "j"))
    process = begin(folder, *arguments, code=_SESSIONS)
    try:
        yield process
    finally:
        process.kill()
        process.communicate(timeout=LIMIT_S)


@dataclass(frozen=True, slots=True)
class Exited:
    """How one of several sessions in a process ended."""

    code: int
    outcome: str
    output_off: str


def next_exit(process: Forked) -> Exited:
    """How the next one of `sessions` ends."""
    last: dict[str, Any] = {}
    while (event := json.loads(line_from(process)))["event"] != "exited":
        last = event
    return Exited(event["code"], last.get("outcome", ""), last.get("output_off", ""))


def cpu_ms(pid: int) -> float:
    """Processor time all threads of ``pid`` have used so far. Linux only."""
    tasks = Path(f"/proc/{pid}/task").glob("*/schedstat")
    return sum(int(task.read_text().split()[0]) for task in tasks) / 1e6
