"""A session in real time between two processes: whole, cut off, stopped, and by keys. POSIX only."""

from __future__ import annotations

import json
import os
import pty
import select
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from device.clock import VirtualClock
from device.events import Acted
from physioctl.journal import Journal
from physioctl.record import session
from physioctl.screening import questions_of
from physioctl.verdict import verify
from protocols.library import find
from tests.processes import (
    LIMIT_S,
    ServedUnit,
    begin,
    command,
    environment,
    finished,
    line_from,
    served_unit,
    short_protocol,
    waited_for,
)

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="ptys and these signals are things of POSIX")


def lines(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


def run_json(folder: Path, unit: ServedUnit, protocol: object) -> subprocess.Popen[str]:
    """Start a session, and return once its output is on."""
    session = begin(folder, "run", protocol, "--port", unit.port, "--journal", folder / "j", "--json")
    assert waited_for(unit.gives_output), session.communicate(timeout=LIMIT_S)
    return session


def journal_is_whole(folder: Path) -> bool:
    return verify(folder / "j").whole


def test_the_unit_check_runs_whole_over_a_pty(tmp_path: Path) -> None:
    with served_unit(tmp_path) as unit:
        done = finished(
            tmp_path, "run", "unit-check", "--port", unit.port, "--journal", tmp_path / "j", "--json"
        )

    said = lines(done.stdout)
    on, off = unit.rest()
    assert (done.returncode, done.stderr) == (0, "")
    assert (said[0]["event"], said[-1]["event"]) == ("session_started", "session_ended")
    assert (said[-1]["outcome"], said[-1]["silence"]) == ("completed", "proven")
    assert off.ms - on.ms == said[-1]["delivered_ms"] == 10_000
    assert off.why == "step_done"
    assert journal_is_whole(tmp_path)


def test_a_session_runs_whole_over_tcp_and_says_what_was_delivered(tmp_path: Path) -> None:
    protocol = short_protocol(tmp_path, 2)
    with served_unit(tmp_path, "--tcp", "127.0.0.1:0") as unit:
        assert unit.port.startswith("socket://127.0.0.1:")
        done = finished(tmp_path, "run", protocol, "--port", unit.port, "--journal", tmp_path / "j")

    on, off = unit.rest()
    assert (done.returncode, done.stderr) == (0, "")
    assert "completed" in done.stdout
    assert off.ms - on.ms == 2000
    assert journal_is_whole(tmp_path)


def test_a_unit_that_goes_away_in_mid_session_is_exit_code_8(tmp_path: Path) -> None:
    protocol = short_protocol(tmp_path, 60)
    port = "sim://us111?fault=cable_pulled@1s%2B1h"

    done = finished(tmp_path, "run", protocol, "--port", port, "--journal", tmp_path / "j", "--json")

    last = lines(done.stdout)[-1]
    assert (last["outcome"], last["silence"]) == ("interrupted", "inferred")
    assert done.returncode == 8
    assert journal_is_whole(tmp_path)


def test_a_fault_of_the_unit_is_exit_code_7(tmp_path: Path) -> None:
    protocol = short_protocol(tmp_path, 60)

    done = finished(tmp_path, "run", protocol, "--port", "sim://us111?fault=brown_out@1s", "--json")

    last = lines(done.stdout)[-1]
    assert (last["outcome"], last["silence"]) == ("interrupted", "proven")
    assert done.returncode == 7


def test_a_reader_that_goes_away_stops_no_session(tmp_path: Path) -> None:
    with served_unit(tmp_path) as unit:
        session = begin(
            tmp_path, "run", short_protocol(tmp_path, 2), "--port", unit.port, "--journal", tmp_path / "j"
        )
        assert session.stdout is not None
        assert session.stderr is not None
        session.stdout.close()
        said = session.stderr.read()
        session.stderr.close()
        session.wait(LIMIT_S)

    assert "Traceback" not in said
    assert (unit.rest()[-1].output, unit.lines[-1].why) == (0, "step_done")
    assert journal_is_whole(tmp_path)


def test_a_second_session_beside_a_running_one_neither_ends_it_nor_gives_its_rest(tmp_path: Path) -> None:
    journal, protocol = tmp_path / "j", short_protocol(tmp_path, 4)
    on_a_unit = ("--port", "sim://us111", "--journal", journal)
    first = begin(tmp_path, "run", protocol, *on_a_unit, "--json")
    running = json.loads(line_from(first))["session"]

    rest = begin(tmp_path, "run", protocol, *on_a_unit, "--rest-of", running)
    beside = finished(tmp_path, "run", short_protocol(tmp_path, 1), *on_a_unit)
    rest.communicate(timeout=LIMIT_S)
    first.communicate(timeout=LIMIT_S)

    entries = [entry.name for entry in session(journal, running).entries]
    assert (first.returncode, beside.returncode, rest.returncode) == (0, 0, 4)
    assert beside.stderr == ""
    assert "session_reconciled" not in entries
    assert entries.count("session_ended") == 1


# --- stop, from another process -------------------------------------------------------------------------


@pytest.mark.hazard("H-18")
@pytest.mark.hazard("H-19")
def test_stop_silences_a_unit_that_another_process_drives(tmp_path: Path) -> None:
    with served_unit(tmp_path) as unit:
        session = run_json(tmp_path, unit, short_protocol(tmp_path, 60))
        stopped = finished(tmp_path, "stop", "--port", unit.port)
        out, _ = session.communicate(timeout=LIMIT_S)

    assert [line.output for line in unit.rest()] == [290, 0]
    assert stopped.returncode in (
        0,
        8,
    )  # the other may have taken the answer: then it says that it is not known
    assert (lines(out)[-1]["event"], lines(out)[-1]["outcome"]) == ("session_ended", "interrupted")
    assert session.returncode in (7, 8)  # likewise


@pytest.mark.hazard("H-06")
def test_stop_silences_a_unit_whose_host_was_killed(tmp_path: Path) -> None:
    with served_unit(tmp_path) as unit:
        session = run_json(tmp_path, unit, short_protocol(tmp_path, 60))
        session.kill()
        session.communicate(timeout=LIMIT_S)
        stopped = finished(tmp_path, "stop", "--port", unit.port)

    assert (stopped.returncode, stopped.stderr) == (0, "")
    assert unit.rest()[-1].output == 0


# --- keys -----------------------------------------------------------------------------------------------


class Terminal:
    """``physioctl run`` at a terminal of its own, and somebody at the keys."""

    def __init__(self, folder: Path, *arguments: object) -> None:
        self._master, slave = pty.openpty()
        self.screen = b""
        # The leader of a session that opens a terminal has it for its own: Ctrl-C and a hang-up reach it.
        take_it = ["sh", "-c", 'exec "$@" <>"$0" >&0 2>&0', os.ttyname(slave)]
        self._process = subprocess.Popen(
            [*take_it, *command(*arguments)], env=environment(folder), start_new_session=True
        )
        self._slave = slave  # held until the other end has opened it

    def press(self, key: str) -> None:
        os.write(self._master, key.encode())

    def shows(self, happened: Callable[[], bool]) -> bool:
        """Keep reading the screen until ``happened()``, or for too long."""
        return waited_for(lambda: self._look() and happened())

    def _look(self) -> bool:
        while select.select([self._master], [], [], 0)[0]:
            try:
                seen = os.read(self._master, 4096)
            except OSError:  # Linux puts it so when the other end has closed
                break
            if not seen:
                break
            self.screen += seen
        return True

    def ended(self) -> int:
        """Its exit code, once it has ended."""
        assert self.shows(lambda: self._process.poll() is not None)
        return self._process.wait(LIMIT_S)

    def close(self) -> None:
        os.close(self._master)
        os.close(self._slave)
        if self._process.poll() is None:
            self._process.kill()
            self._process.wait(LIMIT_S)

    def hang_up(self) -> int:
        """Close the terminal's window."""
        os.close(self._master)
        self._master = os.open(os.devnull, os.O_RDWR)
        return self._process.wait(LIMIT_S)


def test_space_pauses_space_resumes_and_s_stops(tmp_path: Path) -> None:
    with served_unit(tmp_path) as unit:
        terminal = Terminal(
            tmp_path, "run", short_protocol(tmp_path, 60), "--port", unit.port, "--journal", tmp_path / "j"
        )
        try:
            assert terminal.shows(unit.gives_output), terminal.screen
            terminal.press(" ")
            assert terminal.shows(unit.is_silent_again)
            assert terminal.shows(lambda: b"paused" in terminal.screen)
            terminal.press(" ")
            assert terminal.shows(unit.gives_output)
            terminal.press("s")
            code = terminal.ended()
        finally:
            terminal.close()

    assert code == 6
    assert [line.why for line in unit.rest()] == ["set", "stop", "set", "stop"]
    assert b"Traceback" not in terminal.screen
    assert b"\n\x1b[?25hstopped: stopped by the operator" in terminal.screen  # below the bar, which is over
    assert journal_is_whole(tmp_path)


@pytest.mark.hazard("H-03")
def test_a_person_is_asked_for_at_a_terminal_where_one_is_needed(tmp_path: Path) -> None:
    calf = find("calf-tightness-percussion")
    answers = tmp_path / "answers.yaml"
    answers.write_text("".join(f"{question.code}: no\n" for question in questions_of(calf)))
    options = ("--side", "left", "--answers", answers, "--journal", tmp_path / "j", "--plain")
    terminal = Terminal(tmp_path, "run", calf.id, "--port", "sim://ultragun", *options)
    try:
        assert terminal.shows(lambda: b"Reference of the person treated" in terminal.screen)
        terminal.press("P-017\n")
        assert terminal.shows(lambda: b"step 1/" in terminal.screen), terminal.screen
        terminal.press("s")
        code = terminal.ended()
    finally:
        terminal.close()

    assert code == 6
    assert session(tmp_path / "j").summary.person == "p-017"


@pytest.mark.hazard("H-03")
def test_a_clock_in_doubt_is_confirmed_at_a_terminal_and_refused_elsewhere(tmp_path: Path) -> None:
    later = VirtualClock(datetime.now(UTC) + timedelta(days=2))
    with Journal.open(tmp_path / "j", later) as journal:
        journal.append("s", Acted(at_ms=0, act="pause"))
    options = ("--port", "sim://us111", "--journal", tmp_path / "j", "--plain")

    refused = finished(tmp_path, "run", short_protocol(tmp_path, 1), *options)
    terminal = Terminal(tmp_path, "run", short_protocol(tmp_path, 1), *options)
    try:
        assert terminal.shows(lambda: b"Is this clock right?" in terminal.screen)
        terminal.press("y\n")
        code = terminal.ended()
    finally:
        terminal.close()

    assert (refused.returncode, code) == (4, 0)
    assert "the time of day is in doubt" in refused.stderr
    assert journal_is_whole(tmp_path)


@pytest.mark.hazard("H-18")
def test_ctrl_c_at_a_terminal_stops(tmp_path: Path) -> None:
    with served_unit(tmp_path) as unit:
        terminal = Terminal(
            tmp_path, "run", short_protocol(tmp_path, 60), "--port", unit.port, "--journal", tmp_path / "j"
        )
        try:
            assert terminal.shows(unit.gives_output), terminal.screen
            terminal.press("\x03")
            code = terminal.ended()
        finally:
            terminal.close()

    assert code == 6
    assert unit.rest()[-1].why == "stop"
    assert b"Traceback" not in terminal.screen


@pytest.mark.hazard("H-18")
def test_a_terminal_that_is_closed_stops_the_session(tmp_path: Path) -> None:
    with served_unit(tmp_path) as unit:
        terminal = Terminal(
            tmp_path, "run", short_protocol(tmp_path, 60), "--port", unit.port, "--journal", tmp_path / "j"
        )
        try:
            assert terminal.shows(unit.gives_output), terminal.screen
            terminal.hang_up()
        finally:
            terminal.close()
        assert waited_for(unit.is_silent_again)

    assert unit.rest()[-1].why == "stop"
    assert journal_is_whole(tmp_path)
