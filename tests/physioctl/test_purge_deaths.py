"""An erasure that is killed, or that finds no room: all of it or nothing. In real processes."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import pytest

from device.clock import VirtualClock
from physioctl.record.history import sessions
from physioctl.record.purge import erase, erased
from physioctl.record.verify import verify
from tests.physioctl.test_cli_record import NOON
from tests.physioctl.test_purge import DAY, everything_in, given_at, many
from tests.processes import finished

if sys.platform == "win32":
    pytest.skip("limits on files and SIGKILL are things of POSIX", allow_module_level=True)

IDS = ("a-old", "b-old")
# Erases two sessions, and kills itself before the SQL statement with the number that it is given.
_KILLED = """
import os, signal, sys
from datetime import UTC, datetime
from pathlib import Path
from device.clock import VirtualClock
from physioctl.record import purge
from physioctl.record.journal import Journal

path, at = Path(sys.argv[1]), int(sys.argv[2])
count = 0

def counted(_):
    global count
    count += 1
    if count == at:
        os.kill(os.getpid(), signal.SIGKILL)

class Traced(Journal):
    def __init__(self, connection, *others):
        super().__init__(connection, *others)
        connection.set_trace_callback(counted)

clock = VirtualClock(datetime(2026, 3, 10, 12, tzinfo=UTC))
with Traced.open(path, clock, alone=True) as journal:
    purge.erase_from(journal, sys.argv[3:])
"""
# Erases them as `physioctl` does, with files that grow to no more than so many bytes.
_FULL = """
import resource, sys
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[1]), int(sys.argv[1])))
del sys.argv[1]
from physioctl.cli import main
main()
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Two sessions of one person, and one of another."""
    journal = tmp_path / "own" / "j"
    journal.parent.mkdir()
    for id_ in IDS:
        given_at(journal, id_, NOON)
    given_at(journal, "other", NOON, person="p-018")
    return journal


@pytest.mark.hazard("H-20")
def test_an_erasure_that_is_killed_has_erased_everything_or_nothing(path: Path, tmp_path: Path) -> None:
    outcomes = set[int]()
    for at in range(1, 1000):
        copy = tmp_path / f"copy-{at}" / "j"
        copy.parent.mkdir()
        shutil.copyfile(path, copy)

        survived = finished(tmp_path, copy, at, *IDS, code=_KILLED).returncode == 0

        gone = len(erased(copy))
        outcomes.add(gone)
        assert verify(copy).whole, at
        assert gone + len(sessions(copy)) == 3, at
        assert erase(copy, VirtualClock(NOON + 9 * DAY), IDS) == 2 - gone, at
        assert b"p-017" not in everything_in(copy), at
        if survived:
            break
    assert survived
    assert outcomes == {0, 2}


@pytest.mark.hazard("H-15")
def test_on_a_full_disk_nothing_is_erased(path: Path, tmp_path: Path) -> None:
    done = finished(
        tmp_path, 0, "history", "purge", "--person", "p-017", "--journal", path, "--yes", code=_FULL
    )

    assert done.returncode == 9, done.stderr
    assert "to do:" in done.stderr
    assert erased(path) == ()
    assert verify(path).whole


@pytest.mark.hazard("H-15")
def test_a_disk_without_room_to_write_the_file_anew_is_told_and_the_command_can_be_given_again(
    path: Path, tmp_path: Path
) -> None:
    many(path, 300)
    bytes_ = path.stat().st_size // 2  # enough for what is changed, and not for all of it
    asked = ("history", "purge", "--person", "p-017", "--journal", path, "--yes")

    full = finished(tmp_path, bytes_, *asked, code=_FULL)
    again = finished(tmp_path, *asked)

    assert full.returncode == 9, full.stderr
    assert "2 sessions have been erased, but the file could not be written anew" in full.stderr
    assert again.returncode == 0, again.stderr
    assert b"p-017" not in everything_in(path)
    assert verify(path).whole
