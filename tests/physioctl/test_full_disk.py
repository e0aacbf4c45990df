"""A record that cannot be written: no output before, output off during, exit code 9. In real processes."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import pytest

from device.clock import SystemClock
from physioctl.record.journal import Journal
from tests.processes import LEASE_MS, LIMIT_S, PHYSIOCTL, finished, now_ms, served_unit, session

if sys.platform == "win32":
    pytest.skip("limits on files are a thing of POSIX", allow_module_level=True)
import resource

JOURNAL_UNUSABLE = 9


# physioctl whose files grow no further than not at all: what a full disk does.
NO_MORE_BYTES = f"import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0)); {PHYSIOCTL}"


@pytest.mark.hazard("H-15")
def test_a_disk_that_is_full_before_the_start_means_no_output_at_all(tmp_path: Path) -> None:
    with Journal.open(tmp_path / "journal.sqlite", SystemClock()) as journal:
        path = Path(journal.name)
    with served_unit(tmp_path) as unit:
        with session(unit.port, path, code=NO_MORE_BYTES) as process:
            _, said = process.communicate(timeout=LIMIT_S)

        assert process.returncode == JOURNAL_UNUSABLE, said
        assert "to do:" in said
        assert unit.rest() == []


@pytest.mark.hazard("H-15")
@pytest.mark.skipif(not hasattr(resource, "prlimit"), reason="prlimit is a thing of Linux")
def test_a_disk_that_fills_up_during_output_turns_output_off(tmp_path: Path) -> None:
    with served_unit(tmp_path) as unit:
        with session(unit.port, tmp_path / "journal.sqlite") as process:
            assert unit.next_change() is not None
            full_ms = now_ms()
            resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (0, 0))
            output_off = unit.until_output_off()
            _, said = process.communicate(timeout=LIMIT_S)

        assert output_off is not None
        assert output_off.why == "stop"
        # The record is written to once a second; what it is then told ends the output.
        assert unit.came_ms(output_off) - full_ms <= 1000 + LEASE_MS
        assert process.returncode == JOURNAL_UNUSABLE, said
        assert unit.rest()[-1].output == 0


@pytest.mark.hazard("H-15")
@pytest.mark.parametrize("happens", ["removed", "emptied", "moved"])
def test_a_journal_that_goes_away_during_output_means_output_off_and_exit_code_9(
    tmp_path: Path, happens: str
) -> None:
    path = tmp_path / "journal.sqlite"
    with served_unit(tmp_path) as unit:
        with session(unit.port, path) as process:
            assert unit.next_change() is not None
            if happens == "moved":
                path.rename(tmp_path / "moved")
            elif happens == "emptied":
                os.truncate(path, 0)
            else:
                path.unlink()
            output_off = unit.until_output_off()
            _, said = process.communicate(timeout=LIMIT_S)

        assert output_off is not None
        assert output_off.why == "stop"
        assert process.returncode == JOURNAL_UNUSABLE, said
        (unkept,) = tmp_path.glob("journal.sqlite.unkept-*.jsonl")
        told = [line["event"] for line in map(json.loads, unkept.read_text().splitlines())]
        assert told.count("stop_outcome") == told.count("session_ended") == 1
        assert told.index("stop_outcome") < told.index("session_ended")


@pytest.mark.hazard("H-15")
def test_a_folder_that_may_not_be_written_means_no_output_at_all(tmp_path: Path) -> None:
    folder = Path("/sys")  # where even root may not make a file
    if os.geteuid() != 0:
        folder = tmp_path / "read-only"
        folder.mkdir(mode=0o500)
    with served_unit(tmp_path) as unit:
        journal = folder / "journal.sqlite"
        done = finished(tmp_path, "run", "unit-check", "--port", unit.port, "--journal", journal, "--new")

        assert done.returncode == JOURNAL_UNUSABLE, done.stderr
        assert unit.rest() == []
