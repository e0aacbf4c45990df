"""A session's process is killed, stopped, ended and hung up for real: the unit's own log says what it did.

`python -m benchmarks deaths --count 100` does the same at random moments.
"""

from __future__ import annotations

import json
import signal
import sys
from pathlib import Path

import pytest

from physioctl.record.history import sessions
from physioctl.record.verify import verify
from tests.processes import LEASE_MS, LIMIT_S, SLACK_MS, now_ms, served_unit, session

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="ptys and these signals are things of POSIX")


@pytest.mark.hazard("H-06")
def test_a_unit_whose_session_is_killed_is_off_within_the_lease(tmp_path: Path) -> None:
    with served_unit(tmp_path) as unit:
        journal = tmp_path / "journal.sqlite"
        with session(unit.port, journal) as process:
            assert unit.next_change() is not None
            killed_ms = now_ms()
            process.kill()
            output_off = unit.until_output_off()

        assert output_off is not None
        assert output_off.why == "lease"
        assert unit.came_ms(output_off) - killed_ms <= LEASE_MS + SLACK_MS
        assert verify(journal).whole
        assert [found.outcome for found in sessions(journal)] == [None]


@pytest.mark.hazard("H-06")
@pytest.mark.hazard("H-17")
def test_a_session_that_was_stopped_and_let_go_on_ends_as_interrupted_without_output(tmp_path: Path) -> None:
    with served_unit(tmp_path) as unit:
        journal = tmp_path / "journal.sqlite"
        with session(unit.port, journal) as process:
            assert unit.next_change() is not None
            stopped_ms = now_ms()
            process.send_signal(signal.SIGSTOP)
            output_off = unit.until_output_off()
            process.send_signal(signal.SIGCONT)
            process.communicate(timeout=LIMIT_S)

        assert output_off is not None
        assert unit.came_ms(output_off) - stopped_ms <= LEASE_MS + SLACK_MS
        assert process.returncode == 7
        assert all(line.why != "set" for line in unit.rest()[1:])
        assert unit.lines[-1].output == 0
        assert verify(journal).whole


@pytest.mark.hazard("H-18")
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
def test_a_session_told_to_end_stops_the_unit_at_once(tmp_path: Path, number: signal.Signals) -> None:
    with served_unit(tmp_path) as unit:
        journal = tmp_path / "journal.sqlite"
        with session(unit.port, journal) as process:
            assert unit.next_change() is not None
            told_ms = now_ms()
            process.send_signal(number)
            output_off = unit.until_output_off()
            out, err = process.communicate(timeout=LIMIT_S)

        last = json.loads(out.splitlines()[-1])
        assert output_off is not None
        assert output_off.why == "stop"
        assert unit.came_ms(output_off) - told_ms <= LEASE_MS
        assert (process.returncode, err) == (6, "")
        assert (last["event"], last["outcome"], last["output_off"]) == (
            "session_ended",
            "stopped",
            "confirmed",
        )
        assert unit.rest()[-1] == output_off
        assert verify(journal).whole
