"""The emulated boards for as long as it takes: ``python -m tests.firmware.boards_at_length [BOARD...]``.

Every clause of the conformance suite over a pty and over TCP, two whole sessions in real time, and every
trial of `tests.firmware.trials` at the counts below. Each result is printed; 1 is returned when one is not as
it should be. Emulated time is real time: a computer that is busy with something else spoils it.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from time import monotonic
from typing import Any, cast

from physioctl.record.verify import verify
from tests.firmware import trials
from tests.firmware.bare_host import NoAnswer
from tests.firmware.board import Atmega, Board
from tests.firmware.emulated import BOARDS, built, emulated, missing
from tests.firmware.examine import NOT_SHOWN, examined
from tests.firmware.posix_board import PosixBoard
from tests.firmware.sessions import OPTIONS, SESSIONS, _answers
from tests.processes import session

Trial = Callable[[Any, int, int], str]
COUNTS: dict[Trial, int] = {
    trials.hung_loops: 20,
    trials.flipped_bits: 200,
    trials.dipping_supply: 100,
    trials.clock_turning_over: 20,
    trials.flooded_line: 20,
}
OF_ATMEGA: dict[Trial, int] = {trials.framing_errors: 100, trials.late_watchdog: 20}
KILLS = 20


def conformance(board: Board, folder: Path, seed: int) -> str:
    """Every clause that the model can show."""
    found = examined(cast(PosixBoard, board), folder, seed)  # it needs the port and the person's hands
    code = found.pop("exit_code")
    others = {
        name: f"{told['mark']}: {told['measured']}" for name, told in found.items() if told["mark"] != "pass"
    }
    failed = {name: said for name, said in others.items() if said.startswith("fail")}
    assert code == 0, failed or others
    assert set(others) == NOT_SHOWN[board.image.stem] | board.cannot_show, others
    return f"{len(found) - len(others)} of {len(found)} clauses pass on {board.port}"


def whole_session(board: Board, folder: Path, protocol: str) -> str:
    """A session in real time to its end; its journal is whole."""
    options: tuple[str, ...] = ("--json",)
    if not protocol.startswith("unit-check"):
        options = (*OPTIONS, "--answers", str(_answers(folder, protocol)))
    journal = folder / "journal.sqlite"
    with session(board.port, journal, protocol, options=options) as host:
        out, err = host.communicate(timeout=900)
    assert out, err
    last = json.loads(out.splitlines()[-1])
    assert (host.returncode, last["outcome"], last["output_off"]) == (0, "completed", "confirmed"), last
    assert verify(journal).whole
    assert board.output() == 0
    on = [each for each in board.changes() if each.output]
    return (
        f"{protocol}: completed, {last['delivered_ms']} ms, the journal is whole; {len(on)} levels in the log"
    )


def _tell(kind: str, name: str, measure: Callable[[], str]) -> bool:
    began = monotonic()
    try:
        said, good = measure(), True
    except (AssertionError, OSError, NoAnswer) as error:
        said, good = f"WRONG: {error!r}", False
    sys.stdout.write(f"{kind}: {name}: {said} [{monotonic() - began:.0f} s]\n")
    sys.stdout.flush()
    return good


def _all_of(kind: str, seed: int, only: str) -> bool:
    good = True
    with tempfile.TemporaryDirectory(dir="/dev/shm" if Path("/dev/shm").is_dir() else None) as shared:
        folder = Path(shared)
        images = {model: built(kind, folder / "build", model) for model in ("us111", "ultragun")}
        for model in images:
            sys.stdout.write((folder / "build" / f"{kind}-{model}.sizes").read_text(encoding="utf-8"))

        def on_board(name: str, model: str, line: str, measure: Callable[[Board, Path], str]) -> bool:
            if only and only not in name:
                return True
            own = folder / f"{name}-{model}-{line}"
            with emulated(images[model], own, line=line, seed=seed) as board:
                return _tell(kind, f"{name}, {model}, {line}", lambda: measure(board, own))

        for model in images:
            for line in ("pty", "tcp"):
                good &= on_board("conformance", model, line, lambda b, own: conformance(b, own, seed))
        for model, protocol in SESSIONS:
            good &= on_board("session", model, "pty", lambda b, own, p=protocol: whole_session(b, own, p))  # type: ignore[misc]
        good &= on_board(
            "killed_hosts", "us111", "tcp", lambda b, own: trials.killed_hosts(b, own, KILLS, seed)
        )
        for trial, count in (COUNTS | (OF_ATMEGA if kind == Atmega.kind else {})).items():
            good &= on_board(trial.__name__, "us111", "tcp", lambda b, _, t=trial, n=count: t(b, n, seed))  # type: ignore[misc]
    return good


def main() -> int:
    """Return 1 when anything was not as it should be."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("boards", nargs="*", choices=[*BOARDS, []], default=BOARDS)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", default="", help="what has this in its name")
    asked = parser.parse_args()
    good = True
    for kind in asked.boards:
        if why := missing(kind):
            sys.stdout.write(f"{why}\n")
            continue
        good &= _all_of(kind, asked.seed, asked.only)
    return int(not good)


if __name__ == "__main__":
    sys.exit(main())
