"""``physioctl conform`` against the POSIX board, with somebody there who does what a person is asked to do.

``python -m tests.firmware.examine`` examines each model over a pty and over TCP, every clause of the suite.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from tests.firmware.posix_board import PosixBoard, posix_board
from tests.processes import command, environment

_OF_PERCUSSION = {"ceiling.energy", "status.energy", "contact"}  # that no run shows
NOT_SHOWN: dict[str, set[str]] = {"us111": set(), "ultragun": _OF_PERCUSSION, "ultragun_pro": _OF_PERCUSSION}
WAIT_S = 10  # for each thing that the person does: it is done at once


def examined(board: PosixBoard, folder: Path, seed: int) -> dict[str, Any]:
    """What became of each clause, by its name; the exit code as ``exit_code``."""
    asked = (
        "conform",
        "--port",
        board.port,
        "--nobody-is-treated",
        "--json",
        "--seed",
        seed,
        "--wait",
        WAIT_S,
    )
    found: dict[str, Any] = {}
    with subprocess.Popen(
        command(*asked),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        encoding="utf-8",
        env=environment(folder),
    ) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if line.startswith("{"):
                told = json.loads(line)
                if told["event"] == "clause":
                    found[told["clause"]] = told
            else:
                _do(board, line)
    return found | {"exit_code": process.returncode}


def _do(board: PosixBoard, line: str) -> None:
    """What a person would."""
    if line.startswith(("Lift the head", "Put the head back")):
        board.move_head()
    elif line.startswith("Bring about a fault"):
        board.dip_supply()
    elif line.startswith("Switch the unit off and on"):
        board.switch_off_and_on()


def main() -> int:
    """Return 1 when a clause failed, or was not shown that this unit can show."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=1)
    seed, wrong = parser.parse_args().seed, 0
    for model in NOT_SHOWN:
        for tcp in (False, True):
            with (
                tempfile.TemporaryDirectory() as folder,
                posix_board(Path(folder), model=model, tcp=tcp) as board,
            ):
                found = examined(board, Path(folder), seed)
            code = found.pop("exit_code")
            other = {name: told for name, told in found.items() if told["mark"] != "pass"}
            sys.stdout.write(
                f"{model} on {board.port}: {len(found) - len(other)} of {len(found)} clauses pass\n"
            )
            for name, told in other.items():
                sys.stdout.write(f"  {told['mark']}: {name}: {told['measured']}\n")
            wrong += code != 0 or set(other) != NOT_SHOWN[model]
    return int(bool(wrong))


if __name__ == "__main__":
    sys.exit(main())
