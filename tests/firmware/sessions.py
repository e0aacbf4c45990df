"""Whole sessions in real time on the POSIX board, their journals verified.

``python -m tests.firmware.sessions`` runs the unit check, and a bundled protocol of three minutes.
"""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path
from typing import Any

from device.clock import SystemClock
from physioctl.record.verify import verify
from physioctl.screening import day_of
from protocols import library
from tests.firmware.posix_board import posix_board
from tests.processes import session
from tests.support import form_answered

PERSON = "P-001"
SESSIONS = (("us111", "unit-check"), ("ultragun", "foot-cramp-percussion"))
OPTIONS = ("--json", "--operator", "OP-1", "--side", "left", "--person", PERSON)


def ended(folder: Path, model: str, protocol: str) -> tuple[int, dict[str, Any], list[dict[str, Any]]]:
    """The exit code, the last event and the board's log; the journal has to be whole."""
    options: tuple[str, ...] = ("--json",)
    if not protocol.startswith("unit-check"):
        options = (*OPTIONS, "--answers", str(_answers(folder, protocol)))
    journal = folder / "journal.sqlite"
    with posix_board(folder, model=model) as board:
        with session(board.port, journal, protocol, options=options) as host:
            out, err = host.communicate(timeout=600)
        changes = board.changes()
    assert out, err
    assert verify(journal).whole
    return host.returncode, json.loads(out.splitlines()[-1]), changes


def _answers(folder: Path, protocol: str) -> Path:
    """Every question about the person answered: nothing stands against the session."""
    path = folder / "answers.yaml"
    path.write_text(form_answered(library.find(protocol), day_of(SystemClock()), PERSON), encoding="utf-8")
    return path


def main() -> int:
    """Return 1 when a session did not complete with output confirmed off."""
    wrong = 0
    for model, protocol in SESSIONS:
        with tempfile.TemporaryDirectory() as folder:
            code, last, changes = ended(Path(folder), model, protocol)
        wrong += code != 0
        told = {key: last.get(key) for key in ("outcome", "output_off", "delivered_ms")}
        sys.stdout.write(f"{protocol} on {model}: exit code {code}, {told}; the journal is whole\n")
        sys.stdout.write(f"  the board's last change: {changes[-1] if changes else None}\n")
    return int(bool(wrong))


if __name__ == "__main__":
    sys.exit(main())
