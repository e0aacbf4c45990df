"""The POSIX board as a process: its port, its log of what goes out, and what a person does to it."""

from __future__ import annotations

import json
import select
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.firmware.c_unit import program

LIMIT_S = 10.0  # for its first line; nothing comes near it
WATCHDOG_MS = 1000  # the machine is shared: only a loop that hangs may be found late


@dataclass(frozen=True, slots=True)
class PosixBoard:
    """A board that runs."""

    process: subprocess.Popen[str]
    port: str
    log: Path

    def changes(self) -> list[dict[str, Any]]:
        """Every change of what goes out, in the unit's own milliseconds."""
        return [json.loads(line) for line in self.log.read_text(encoding="utf-8").splitlines()]

    def move_head(self) -> None:
        """Lift the head, or put it back."""
        self.process.send_signal(signal.SIGUSR1)

    def dip_supply(self) -> None:
        """Let the supply dip for 300 ms: a fault is latched."""
        self.process.send_signal(signal.SIGUSR2)

    def switch_off_and_on(self) -> None:
        """Restart it."""
        self.process.send_signal(signal.SIGHUP)


@contextmanager
def posix_board(
    folder: Path, *options: object, model: str = "us111", tcp: bool = False, watchdog_ms: int = WATCHDOG_MS
) -> Iterator[PosixBoard]:
    """A board that runs until the end of the ``with`` block, on a pty or on a TCP port of this machine."""
    log = folder / f"{model}.log"
    port = ("--port", "tcp:127.0.0.1:0") if tcp else ()
    arguments = (*port, "--log", log, "--watchdog-ms", watchdog_ms, *options)
    with subprocess.Popen(
        [program(model), *map(str, arguments)], stdout=subprocess.PIPE, text=True, encoding="utf-8"
    ) as process:
        try:
            assert process.stdout is not None
            assert select.select([process.stdout], [], [], LIMIT_S)[0], "the board does not name its port"
            yield PosixBoard(process, process.stdout.readline().strip(), log)
        finally:
            process.kill()
