"""A disk whose every sync takes long: a session on it begins, keeps its lease and ends; or says why not.

In real time the syncs of a process are delayed by a library that is loaded before the system's own.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from device.clock import SystemClock
from device.events import OperatorActed, Recorder
from physioctl.cli.exits import Exit, code_of
from physioctl.errors import DiskTooSlow
from physioctl.events import Outcome, SessionEnded
from physioctl.record.history import session
from physioctl.record.journal import Journal, SessionLog
from physioctl.record.verify import verify
from physioctl.rehearsal.disk import SimulatedDisk
from physioctl.rehearsal.rig import Rig
from physioctl.runner import Request, expect_recorded_in_time, run_session
from protocols.library import find
from tests.processes import LIMIT_S, command, environment, journal_at, served_unit, short_protocol
from tests.support import SECOND_MS, Ledger

CHECK = find("unit-check")

# Syncs as SQLite and Python ask for them: of each the file is noted, and it takes SYNC_MS more.
_DELAYING = r"""
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

static void delay(int file) {
    char link[64], path[1024];
    snprintf(link, sizeof link, "/proc/self/fd/%d", file);
    ssize_t length = readlink(link, path, sizeof path - 1);
    if (length < 0) abort();
    path[length++] = '\n';
    long ms = atol(getenv("SYNC_MS"));
    struct timespec left = {ms / 1000, ms % 1000 * 1000000L};
    int log = open(getenv("SYNC_LOG"), O_WRONLY | O_CREAT | O_APPEND, 0600);
    if (write(log, path, length) < 0) abort();
    close(log);
    while (nanosleep(&left, &left)) {}
}

int fsync(int file) {
    delay(file);
    return ((int (*)(int))dlsym(RTLD_NEXT, "fsync"))(file);
}

int fdatasync(int file) {
    delay(file);
    return ((int (*)(int))dlsym(RTLD_NEXT, "fdatasync"))(file);
}
"""


@pytest.fixture(scope="module")
def delaying(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The library that delays syncs, made here."""
    compiler = shutil.which("cc") or shutil.which("gcc")
    if not sys.platform.startswith("linux") or compiler is None:
        pytest.skip("syncs are delayed by LD_PRELOAD, on Linux, with a C compiler")
    folder = tmp_path_factory.mktemp("delaying")
    source, made = folder / "delaying.c", folder / "delaying.so"
    source.write_text(_DELAYING, encoding="utf-8")
    subprocess.run([compiler, "-shared", "-fPIC", "-o", made, source, "-ldl"], check=True)
    return made


@pytest.mark.hazard("H-15")
def test_a_session_on_a_disk_that_takes_a_second_for_each_sync_runs_whole(
    tmp_path: Path, delaying: Path
) -> None:
    journal, syncs = tmp_path / "j", tmp_path / "syncs"
    with Journal.open(journal, SystemClock()):
        pass
    slow = {"LD_PRELOAD": str(delaying), "SYNC_MS": "1000", "SYNC_LOG": str(syncs)}
    with served_unit(tmp_path) as unit:
        done = subprocess.run(
            command(
                "run",
                short_protocol(tmp_path, 2),
                "--port",
                unit.port,
                "--journal",
                journal_at(journal),
                "--json",
            ),
            env=environment(tmp_path) | slow,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=2 * LIMIT_S,
            check=False,
        )

    told = [json.loads(line) for line in done.stdout.splitlines()]
    on, off = unit.rest()
    assert (done.returncode, done.stderr) == (0, "")
    assert (told[-1]["outcome"], told[-1]["output_off"]) == ("completed", "confirmed")
    assert (off.ms - on.ms, off.why) == (2000, "step_done")
    assert "alarm_raised" not in {event["event"] for event in told}
    assert verify(journal).whole
    synced = syncs.read_text().splitlines()
    assert synced.count(f"{journal}-wal") >= 4
    assert synced.count(str(journal)) == 1  # at the end: in the session a commit has cost one sync


@pytest.mark.hazard("H-15")
def test_after_a_quick_commit_the_entries_are_in_the_file_proper_and_after_a_slow_one_at_the_end(
    tmp_path: Path,
) -> None:
    class Slow(SystemClock):
        """A clock by which every commit takes a second."""

        looks = 0

        def now_ms(self) -> int:
            self.looks += 1
            return super().now_ms() + self.looks * SECOND_MS

    in_the_file: list[int] = []
    for clock in (SystemClock(), Slow()):
        path = tmp_path / type(clock).__name__
        with Journal.open(path, clock) as journal:
            for _ in range(3):
                journal.begin("s").record(paused())
            in_the_file.append(entries_in_the_file(path))
        in_the_file.append(entries_in_the_file(path))

    assert in_the_file == [3, 3, 0, 3]


@pytest.mark.hazard("H-15")
@pytest.mark.parametrize("commit_ms", [SECOND_MS, 5 * SECOND_MS, 10 * SECOND_MS, 14 * SECOND_MS])
def test_a_slow_disk_within_its_bound_delays_a_session_and_its_record_is_whole(commit_ms: int) -> None:
    rig, ledger = Rig(), Ledger()
    with Journal.in_memory(rig.clock) as journal:
        done = run_session(Request(CHECK), rig.driver, journal, [ledger], recorder=on_a_disk(rig, commit_ms))
        entries = session(journal).entries

    assert (done.outcome, ledger.named("alarm_raised")) == (Outcome.COMPLETED, [])
    assert entries[-1].name == "session_ended"


@pytest.mark.hazard("H-15")
def test_a_session_that_a_slow_disk_has_ended_says_so_in_its_record_its_events_and_its_error() -> None:
    rig, ledger = Rig(), Ledger()
    with Journal.in_memory(rig.clock) as journal:
        done = run_session(
            Request(CHECK), rig.driver, journal, [ledger], recorder=on_a_disk(rig, 16 * SECOND_MS)
        )
        kept = session(journal).summary

    with pytest.raises(DiskTooSlow) as error:
        expect_recorded_in_time(done, rig.controller.overdue.record_failure)

    assert error.value.what == kept.why == done.why
    assert error.value.what.endswith("the latest write took 16000 ms")
    assert ledger.named("session_ended") == [done]
    assert (code_of(error.value), rig.unit.changes) == (Exit.JOURNAL_UNUSABLE, [])


@pytest.mark.hazard("H-15")
def test_an_end_that_is_not_on_the_disk_in_time_is_told_with_how_slow_the_disk_is() -> None:
    rig, ledger = Rig(), Ledger()
    with Journal.in_memory(rig.clock) as journal, pytest.raises(DiskTooSlow) as error:
        run_session(Request(CHECK), rig.driver, journal, [ledger], recorder=on_a_disk(rig, 25 * SECOND_MS))

    (told,) = ledger.named("session_ended")
    assert isinstance(told, SessionEnded)
    assert (told.outcome, told.why) == (Outcome.FAILED, error.value.what)
    assert "the latest write took 25000 ms" in told.why
    assert rig.unit.changes == []


def on_a_disk(rig: Rig, commit_ms: int) -> Callable[[SessionLog], Recorder]:
    """What makes the recorder of a session: a disk in front of its log."""
    return lambda log: SimulatedDisk(log, rig.clock, rig.inbox, commit_ms)


def paused() -> OperatorActed:
    return OperatorActed(at_ms=0, action="pause")


def entries_in_the_file(path: Path) -> int:
    """How many entries are in the file proper: in a copy of it without its -wal."""
    copy = path.with_name(f"{path.name}-copy")
    shutil.copy(path, copy)
    return verify(copy).entries
