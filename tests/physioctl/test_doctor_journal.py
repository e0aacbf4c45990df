"""What the doctor finds about the journal, its disk and the time of day: each on real files."""

from __future__ import annotations

import errno
import os
import shutil
import sqlite3
import subprocess
import sys
import threading
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from queue import SimpleQueue

import pytest

from device.clock import BootTime, SystemClock, VirtualClock
from device.events import OperatorActed
from device.operator import SessionAction
from physioctl.doctor import disk
from physioctl.doctor.clocks import ClockWatch
from physioctl.doctor.findings import Finding, Mark
from physioctl.doctor.journal import Named, journal, verified
from physioctl.record.journal import Journal
from physioctl.record.verify import Verification, verify
from tests.processes import LIMIT_S, begin, finished, line_from

if sys.platform == "win32":
    pytest.skip("pipes and modes are things of POSIX", allow_module_level=True)


def looked_at(path: Path | None) -> list[Finding]:
    return list(journal(Named(path, "your settings name"), SystemClock()))


def wrong(path: Path) -> Finding:
    (finding,) = (each for each in looked_at(path) if each.mark in (Mark.PROBLEM, Mark.WARNING))
    return finding


@pytest.fixture
def kept(tmp_path: Path) -> Path:
    """A journal with three entries."""
    path = tmp_path / "journal.sqlite"
    with Journal.open(path, SystemClock(), new=True) as made:
        for at_ms in range(3):
            made.append("", OperatorActed(at_ms=at_ms, action=SessionAction.STOP))
    return path


def files(folder: Path) -> dict[str, bytes]:
    """What stands in the files, but for what every reader of SQLite's leaves: a -shm, and an empty -wal."""
    found = {path.name: path.read_bytes() for path in folder.iterdir() if not path.name.endswith("-shm")}
    return {name: data for name, data in found.items() if data}


def test_a_journal_that_is_well_is_verified_and_not_touched(kept: Path) -> None:
    before = files(kept.parent)

    findings = looked_at(kept)

    assert {finding.mark for finding in findings} == {Mark.INFORMATION, Mark.OK}
    assert any("verifies: 3 entries" in finding.what for finding in findings)
    assert files(kept.parent) == before


def test_it_is_said_whose_the_journal_is_and_that_another_account_counts_for_itself(
    kept: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    me = subprocess.run(["id", "-un"], capture_output=True, text=True, check=True).stdout.strip()

    for path in (kept, None):  # one that is there, and one that the first session is to make
        (said,) = [each.what for each in looked_at(path) if each.code == "account"]

        assert said.startswith(f"this journal is of the account {me}: another account here has one ")
        assert said.endswith("its own day's limits")


def test_what_waits_beside_a_journal_after_a_crash_is_left_to_a_session(kept: Path, tmp_path: Path) -> None:
    folder = tmp_path / "crashed"
    folder.mkdir()
    with Journal.open(kept, SystemClock()) as made:
        made.append("", OperatorActed(at_ms=9, action=SessionAction.STOP))
        for name in ("", "-wal"):
            shutil.copy(f"{kept}{name}", folder / f"{kept.name}{name}")
    before = files(folder)
    assert before[f"{kept.name}-wal"]

    findings = looked_at(folder / kept.name)

    assert any("verifies: 4 entries" in finding.what for finding in findings)
    assert files(folder) == before


def test_a_journal_that_is_still_to_be_begun_is_no_problem(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))

    findings = looked_at(None)

    assert {finding.mark for finding in findings} == {Mark.INFORMATION, Mark.OK}
    assert list(tmp_path.iterdir()) == []


def test_a_journal_that_is_not_where_it_was_is_told(tmp_path: Path) -> None:
    finding = wrong(tmp_path / "gone.sqlite")

    assert (finding.code, finding.exit_code) == ("journal.missing", 9)
    assert finding.what.startswith("your settings name the journal")


def test_a_folder_that_is_missing_is_told_with_the_command(tmp_path: Path) -> None:
    finding = wrong(tmp_path / "not mounted" / "journal.sqlite")

    assert finding.code == "journal.no_folder"
    assert finding.action.endswith(f"mkdir -p '{tmp_path}/not mounted'")
    assert list(tmp_path.iterdir()) == []


def make_sparse(path: Path) -> None:
    with path.open("wb") as file:
        file.truncate(10 << 30)


def make_a_link_to_nothing(path: Path) -> None:
    path.symlink_to("nothing")


def make_a_loop(path: Path) -> None:
    path.symlink_to(path)


def make_a_database(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE t (a)")


def but_when_read(found: os.stat_result) -> tuple[int, ...]:
    """What a file's entry holds, but for when it was last read."""
    return (found.st_mode, found.st_ino, found.st_nlink, found.st_size, found.st_mtime_ns, found.st_ctime_ns)


@pytest.mark.parametrize(
    "make",
    [
        Path.mkdir,
        os.mkfifo,
        Path.touch,
        make_sparse,
        make_a_link_to_nothing,
        make_a_loop,
        make_a_database,
        lambda path: path.write_bytes(b"SQLite format 3\0" + bytes(range(256)) * 64),
    ],
)
def test_what_is_no_journal_is_told_in_a_bounded_time_and_left_as_it_is(tmp_path: Path, make: object) -> None:
    path = tmp_path / "journal.sqlite"
    assert callable(make)
    make(path)
    before = but_when_read(path.lstat())

    finding = wrong(path)

    assert (finding.code, finding.exit_code) == ("journal.unusable", 9)
    assert finding.action
    assert but_when_read(path.lstat()) == before
    assert [each.name for each in tmp_path.iterdir()] == [path.name]


def test_a_changed_entry_is_told_with_how_to_go_on(kept: Path) -> None:
    with closing(sqlite3.connect(kept, isolation_level=None)) as connection:
        triggers = connection.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'").fetchall()
        for name, _ in triggers:
            connection.execute(f"DROP TRIGGER {name}")
        connection.execute("UPDATE entries SET utc = '2020-01-01T00:00:00+00:00' WHERE seq = 2")
        for _, sql in triggers:
            connection.execute(sql)

    findings = {finding.code: finding for finding in looked_at(kept)}

    assert findings["journal.not_whole"].exit_code == 9
    assert "--continues" in findings["journal.not_whole"].action


@pytest.mark.parametrize("share", [number / 12 for number in range(12)])
def test_wherever_a_journal_is_damaged_it_ends_in_findings(kept: Path, share: float) -> None:
    with kept.open("r+b") as file:
        file.seek(int(kept.stat().st_size * share))
        file.write(b"\xff" * 4096)  # a page, so that what stands in it is hit

    findings = looked_at(kept)

    assert [finding for finding in findings if finding.mark is Mark.PROBLEM]
    assert {finding.exit_code for finding in findings} <= {0, 9}


def test_a_journal_that_takes_too_long_to_verify_is_a_warning(kept: Path) -> None:
    held_up = threading.Event()

    def slow(path: Path) -> Verification:
        held_up.wait()
        return verify(path)

    finding = verified(kept, 20, slow)
    held_up.set()

    assert (finding.code, finding.mark) == ("journal.unverified", Mark.WARNING)
    assert finding.action.endswith(f"physioctl verify --journal {kept}")


_LOCK = """
import signal, sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.execute("BEGIN IMMEDIATE")
print("locked", flush=True)
signal.pause()
"""


def test_a_journal_that_another_program_has_locked_is_told_with_who(kept: Path) -> None:
    other = begin(kept.parent, kept, code=_LOCK)
    try:
        assert line_from(other) == "locked"
        finding = wrong(kept)
    finally:
        other.kill()
        other.communicate(timeout=LIMIT_S)

    assert (finding.code, finding.exit_code) == ("journal.locked", 9)
    assert f"(pid {other.pid})" in finding.what


_LOOK_AS_NOBODY = """
import os, sys
from pathlib import Path
from queue import SimpleQueue
from device.clock import SystemClock
from physioctl.doctor.journal import Named, journal
def codes():
    return [finding.code for finding in journal(Named(Path(sys.argv[1]), ""), SystemClock())]
codes()  # imports what nobody may
os.setgroups([])
os.setgid(65534)
os.setuid(65534)
print(*codes())
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="who may do everything is refused nothing")
@pytest.mark.parametrize(("folder_mode", "mode"), [(0o777, 0o644), (0o755, 0o666)])
def test_a_journal_or_a_folder_that_may_not_be_written_is_told(
    kept: Path, tmp_path_factory: pytest.TempPathFactory, folder_mode: int, mode: int
) -> None:
    for above in (*kept.parents,)[1:4]:
        above.chmod(above.stat().st_mode | 0o011)
    kept.parent.chmod(folder_mode)
    kept.chmod(mode)

    done = finished(kept.parent, kept, code=_LOOK_AS_NOBODY)

    assert done.stderr == ""
    assert "journal.not_writable" in done.stdout.split()


# --- the disk -------------------------------------------------------------------------------------------


def test_too_little_room_is_told_in_figures(tmp_path: Path) -> None:
    finding = disk.room(tmp_path / "j", tmp_path, bound_mib=1 << 40)

    assert (finding.code, finding.exit_code) == ("journal.no_room", 9)
    assert finding.figures["free_mib"] == shutil.disk_usage(tmp_path).free >> 20


def test_a_disk_is_measured_and_nothing_is_left_on_it(tmp_path: Path) -> None:
    finding = disk.speed(tmp_path, SystemClock())

    assert finding.figures["bound_ms"] == 500
    assert f"up to {finding.figures['worst_ms']} ms" in finding.what
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("takes_ms", "code"), [(499, "disk"), (500, "disk.slow"), (60_000, "disk.slow")])
def test_a_slow_disk_is_told_in_figures(tmp_path: Path, takes_ms: int, code: str) -> None:
    clock = VirtualClock()
    synced: list[int] = []

    def sync(file: int) -> None:
        os.fsync(file)
        synced.append(file)
        clock.wait(SimpleQueue[None](), clock.now_ms() + takes_ms)

    finding = disk.speed(tmp_path, clock, sync)

    assert (finding.code, finding.figures["worst_ms"]) == (code, takes_ms)
    assert len(synced) == (1 if takes_ms > disk.LIMIT_MS else disk.SYNCS)


def test_a_disk_that_does_not_keep_anything_holds_up_nothing(tmp_path: Path) -> None:
    held_up = threading.Event()

    def stuck(_file: int) -> None:
        held_up.wait()

    finding = disk.kept_in_time(tmp_path / "j", tmp_path, SystemClock(), stuck, limit_ms=20)
    held_up.set()

    assert (finding.code, finding.exit_code) == ("disk.stuck", 9)


def test_a_full_disk_is_told(tmp_path: Path) -> None:
    def full(_file: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    assert disk.kept_in_time(tmp_path / "j", tmp_path, SystemClock(), full).code == "journal.no_room"


# --- the time of day ------------------------------------------------------------------------------------


@dataclass
class SetClock(VirtualClock):
    """A clock whose time of day somebody sets, and a computer that may sleep."""

    ahead: timedelta = timedelta()
    asleep_ms: int = 0

    def __post_init__(self) -> None:
        super().__init__(datetime.now(UTC))

    def utc(self) -> datetime:
        return super().utc() + self.ahead + timedelta(milliseconds=self.asleep_ms)

    def boot(self) -> BootTime | None:
        return BootTime("one", self.now_ms() + self.asleep_ms)


@pytest.mark.parametrize("by_ms", [-3_600_000, -1001, 1001, 3_600_000])
def test_a_clock_that_jumps_meanwhile_is_told_though_it_jumps_back(by_ms: int) -> None:
    clock = SetClock()
    watch = ClockWatch(clock)
    clock.ahead = timedelta(milliseconds=by_ms)
    watch.look()
    clock.ahead = timedelta()

    finding = watch.finding()

    assert (finding.code, abs(finding.figures["by_ms"])) == ("clock.jumped", abs(by_ms))


def test_a_clock_that_is_kept_right_and_a_computer_that_slept_are_no_jump() -> None:
    clock = SetClock()
    watch = ClockWatch(clock)
    clock.ahead, clock.asleep_ms = timedelta(milliseconds=900), 3_600_000

    assert watch.finding().mark is Mark.OK


def test_a_clock_behind_the_journals_last_entry_is_told(kept: Path) -> None:
    clock = SetClock()
    clock.ahead = -timedelta(hours=2)

    findings = {finding.code: finding for finding in journal(Named(kept), clock)}

    assert findings["clock.in_doubt"].exit_code == 4
    assert "the newest entry in the journal was made at" in findings["clock.in_doubt"].what
