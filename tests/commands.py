"""physioctl as a person types it: to its end, or running beside a simulated unit in another process.

Whatever is waited for is waited for on a pipe or a file, with a limit; nothing sleeps.
"""

from __future__ import annotations

import json
import os
import select
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

LIMIT_S = 20.0
GLANCE_S = 0.02
ROOT = Path(__file__).resolve().parents[1]

# Output at once, at the lowest level, on nobody.
SHORT = """format: 1
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
    path.write_text(SHORT.format(id=f"short-{seconds}", seconds=seconds), encoding="utf-8")
    return path


def command(*arguments: object) -> list[str]:
    """What starts physioctl as a process of its own."""
    return [sys.executable, "-c", "from physioctl.cli import main; main()", *map(str, arguments)]


def environment(folder: Path) -> dict[str, str]:
    """An environment whose journal is in ``folder``, and nobody's own."""
    own = {"PYTHONPATH": str(ROOT), "XDG_DATA_HOME": str(folder), "TERM": "xterm", "NO_COLOR": "1"}
    return os.environ | own


def finished(folder: Path, *arguments: object) -> subprocess.CompletedProcess[str]:
    """Run physioctl to its end."""
    return subprocess.run(
        command(*arguments),
        env=environment(folder),
        capture_output=True,
        stdin=subprocess.DEVNULL,
        text=True,
        timeout=3 * LIMIT_S,
        check=False,
    )


def begin(folder: Path, *arguments: object) -> subprocess.Popen[str]:
    """Start physioctl and leave it running."""
    return subprocess.Popen(
        command(*arguments),
        env=environment(folder),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def waited_for(happened: Callable[[], bool], limit_s: float = LIMIT_S) -> bool:
    """Look until it has happened, or it has taken too long."""
    glance = threading.Event()
    for _ in range(round(limit_s / GLANCE_S)):
        if happened():
            return True
        glance.wait(GLANCE_S)
    return happened()


def lines_of(path: Path) -> list[dict[str, Any]]:
    """The whole JSON lines in a file, as far as it has been written."""
    text = path.read_text(encoding="utf-8")
    return [json.loads(line) for line in text[: text.rfind("\n") + 1].splitlines()]


def line_from(process: subprocess.Popen[str]) -> str:
    """The next line a process prints."""
    assert process.stdout is not None
    readable, _, _ = select.select([process.stdout], [], [], LIMIT_S)
    assert readable, "it says nothing"
    return process.stdout.readline().strip()


@dataclass(frozen=True, slots=True)
class Served:
    """A simulated unit in another process."""

    port: str
    log: Path

    def changes(self) -> list[tuple[int, int, str]]:
        """Its output's changes: when by its own clock, to what, and why."""
        return [(line["ms"], line["output_mw_cm2"], line["why"]) for line in lines_of(self.log)]

    def gives_output(self) -> bool:
        """Whether its output is on."""
        changes = self.changes()
        return bool(changes) and changes[-1][1] > 0

    def is_silent_again(self) -> bool:
        """Whether it has given output, and does no more."""
        changes = self.changes()
        return bool(changes) and changes[-1][1] == 0


@contextmanager
def served(folder: Path, *arguments: object, model: str = "us111") -> Iterator[Served]:
    """Serve a simulated unit for as long as the block lasts; it must end as it was told to."""
    log = folder / "unit.jsonl"
    process = begin(folder, "simulate", model, "--log", log, *arguments)
    try:
        yield Served(line_from(process), log)
    finally:
        process.terminate()
        _, said = process.communicate(timeout=LIMIT_S)
    assert process.returncode == 0, said
    assert "Traceback" not in said
