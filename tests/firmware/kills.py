"""Hosts killed with SIGKILL at random moments on the POSIX board: what goes out ends with the lease.

The lease is known from the bytes that the host has sent, the end of output from the board's own log.
``python -m tests.firmware.kills`` kills twenty.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path
from random import Random
from threading import Event

from tests.firmware.posix_board import PosixBoard, posix_board
from tests.firmware.recorder import recorded
from tests.processes import session, short_protocol, waited_for

SLACK_MS = 2
AFTER_MS = (20, 2500)  # since output has begun
GONE_S = 1.2  # longer than any lease of these units


def killed(board: PosixBoard, folder: Path, after_ms: int) -> tuple[int, int, str]:
    """Kill a host ``after_ms`` after output began: its lease's end, output's end, and why it ended."""
    before = len(board.changes())
    protocol = short_protocol(folder, 60)
    with recorded(board.port) as line:
        with session(line.port, folder / "journal.sqlite", protocol) as host:
            assert waited_for(lambda: len(board.changes()) > before), "there is no output"
            Event().wait(after_ms / 1000)
            host.kill()
        Event().wait(GONE_S)
        last = board.changes()[-1]
        assert last["output_mw_cm2"] == 0, last
        return line.lease_until_ms(), last["ms"], last["why"]


def main() -> int:
    """Return 1 when output ended at another time than the lease."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=20)
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()
    rng, wrong = Random(asked.seed), 0
    with tempfile.TemporaryDirectory() as shared, posix_board(Path(shared), tcp=True) as board:
        for number in range(asked.count):
            after_ms = rng.randrange(*AFTER_MS)
            folder = Path(shared) / str(number)
            folder.mkdir()
            lease_ms, off_ms, why = killed(board, folder, after_ms)
            holds = why == "lease" and abs(off_ms - lease_ms) <= SLACK_MS
            wrong += not holds
            sys.stdout.write(
                f"killed after {after_ms:4} ms of output: lease until {lease_ms}, off at {off_ms} ({why})"
                f"{'' if holds else ': WRONG'}\n"
            )
    return int(bool(wrong))


if __name__ == "__main__":
    sys.exit(main())
