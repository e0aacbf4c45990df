"""The POSIX board in real time: the conformance suite, a session, killed hosts, a loop that hangs."""

from __future__ import annotations

from pathlib import Path
from random import Random

import pytest

from physioctl.cli.exits import Exit
from tests.firmware.examine import examined
from tests.firmware.kills import AFTER_MS, SLACK_MS, killed
from tests.firmware.posix_board import posix_board
from tests.firmware.sessions import ended
from tests.processes import session, short_protocol, waited_for

KILLS = 3
HANG_MS, WATCHDOG_MS = 300, 150


def test_every_clause_of_the_conformance_suite_passes(tmp_path: Path) -> None:
    # Over TCP: on a busy computer the kernel may take longer with a pty than the suite waits for an answer.
    with posix_board(tmp_path, tcp=True) as board:
        found = examined(board, tmp_path, seed=7)

    assert found.pop("exit_code") == Exit.DONE
    assert len(found) >= 62
    assert {name: told for name, told in found.items() if told["mark"] != "pass"} == {}


def test_a_session_completes_and_its_journal_is_whole(tmp_path: Path) -> None:
    code, last, changes = ended(tmp_path, "us111", "unit-check")

    assert (code, last["outcome"], last["output_off"]) == (Exit.DONE, "completed", "confirmed")
    assert last["delivered_ms"] == 10_000
    assert (changes[-1]["output_mw_cm2"], changes[-1]["why"]) == (0, "step_done")


@pytest.mark.hazard("H-06")
def test_output_ends_with_the_lease_when_the_host_is_killed(tmp_path: Path) -> None:
    rng = Random(4)
    with posix_board(tmp_path, tcp=True) as board:
        for number in range(KILLS):
            (folder := tmp_path / str(number)).mkdir()
            lease_ms, off_ms, why = killed(board, folder, rng.randrange(*AFTER_MS))

            assert why == "lease"
            assert abs(off_ms - lease_ms) <= SLACK_MS


@pytest.mark.hazard("H-06")
def test_a_loop_that_hangs_is_ended_by_the_watchdog_and_the_session_with_it(tmp_path: Path) -> None:
    with posix_board(tmp_path, "--hang-ms", HANG_MS, watchdog_ms=WATCHDOG_MS) as board:
        with session(board.port, tmp_path / "journal.sqlite", short_protocol(tmp_path, 60)) as host:
            assert waited_for(lambda: "watchdog" in board.log.read_text(encoding="utf-8"))
            host.communicate(timeout=30)
        first, *_, last = board.changes()

    assert first["output_mw_cm2"] > 0
    assert (last["output_mw_cm2"], last["why"]) == (0, "watchdog")
    assert last["ms"] - first["ms"] >= HANG_MS
    assert host.returncode == Exit.OUTPUT_NOT_CONFIRMED_OFF  # the unit that had the permission is no more
