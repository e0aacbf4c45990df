"""A session in real time between two processes: whole, cut off, stopped, and by keys. POSIX only."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from device.clock import SystemClock, VirtualClock
from device.events import OperatorActed
from physioctl.events import ClockConfirmed
from physioctl.questions import questions_of
from physioctl.record.history import session
from physioctl.record.journal import Journal
from physioctl.record.verify import verify
from physioctl.screening import day_of
from protocols.library import find
from tests.forked import Forked
from tests.processes import (
    LIMIT_S,
    ServedUnit,
    begin,
    finished,
    journal_at,
    line_from,
    served_unit,
    short_protocol,
    waited_for,
)
from tests.support import form_answered
from tests.terminals import IN_THE_BACKGROUND, TO_A_PIPE, UNSEEN, Terminal

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="ptys and these signals are things of POSIX")


def lines(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


def run_json(folder: Path, unit: ServedUnit, protocol: object) -> Forked:
    """Start a session, and return once its output is on."""
    session = begin(
        folder, "run", protocol, "--port", unit.port, "--journal", journal_at(folder / "j"), "--json"
    )
    assert waited_for(unit.gives_output), session.communicate(timeout=LIMIT_S)
    return session


def journal_is_whole(folder: Path) -> bool:
    return verify(folder / "j").whole


def test_a_session_runs_whole_over_a_pty(tmp_path: Path) -> None:
    protocol = short_protocol(tmp_path, 2)
    with served_unit(tmp_path) as unit:
        done = finished(
            tmp_path, "run", protocol, "--port", unit.port, "--journal", tmp_path / "j", "--new", "--json"
        )

    said = lines(done.stdout)
    on, off = unit.rest()
    assert (done.returncode, done.stderr) == (0, f"A new journal was begun: {tmp_path / 'j'}\n")
    assert (said[0]["event"], said[-1]["event"]) == ("session_started", "session_ended")
    assert (said[-1]["outcome"], said[-1]["output_off"]) == ("completed", "confirmed")
    assert off.ms - on.ms == said[-1]["delivered_ms"] == 2000
    assert off.why == "step_done"
    assert journal_is_whole(tmp_path)


def test_a_session_runs_whole_over_tcp_and_says_what_was_delivered(tmp_path: Path) -> None:
    protocol = short_protocol(tmp_path, 2)
    with served_unit(tmp_path, "--tcp", "127.0.0.1:0") as unit:
        assert unit.port.startswith("socket://127.0.0.1:")
        done = finished(tmp_path, "run", protocol, "--port", unit.port, "--journal", tmp_path / "j", "--new")

    on, off = unit.rest()
    assert (done.returncode, done.stderr) == (0, f"A new journal was begun: {tmp_path / 'j'}\n")
    assert "completed" in done.stdout
    assert off.ms - on.ms == 2000
    assert journal_is_whole(tmp_path)


def test_a_unit_that_goes_away_in_mid_session_is_exit_code_8(tmp_path: Path) -> None:
    protocol = short_protocol(tmp_path, 60)
    port = "sim://us111?fault=cable_pulled@1s%2B1h"

    done = finished(
        tmp_path, "run", protocol, "--port", port, "--journal", journal_at(tmp_path / "j"), "--json"
    )

    last = lines(done.stdout)[-1]
    assert (last["outcome"], last["output_off"]) == ("interrupted", "presumed")
    assert done.returncode == 8
    assert journal_is_whole(tmp_path)


def test_a_fault_of_the_unit_is_exit_code_7(tmp_path: Path) -> None:
    protocol = short_protocol(tmp_path, 60)

    done = finished(tmp_path, "run", protocol, "--port", "sim://us111?fault=brown_out@1s", "--json")

    last = lines(done.stdout)[-1]
    assert (last["outcome"], last["output_off"]) == ("interrupted", "confirmed")
    assert done.returncode == 7


def test_a_reader_that_goes_away_stops_no_session(tmp_path: Path) -> None:
    with served_unit(tmp_path) as unit:
        session = begin(
            tmp_path,
            "run",
            short_protocol(tmp_path, 2),
            "--port",
            unit.port,
            "--journal",
            journal_at(tmp_path / "j"),
        )
        assert session.stdout is not None
        assert session.stderr is not None
        session.stdout.close()
        said = session.stderr.read()
        session.stderr.close()
        session.wait(LIMIT_S)

    assert "Traceback" not in said
    # On a busy computer a lease may run out; what a reader that goes away could cause would be a stop.
    assert (unit.rest()[-1].output, unit.lines[-1].why) in ((0, "step_done"), (0, "lease"))
    assert journal_is_whole(tmp_path)


def test_a_second_session_beside_a_running_one_neither_ends_it_nor_gives_its_rest(tmp_path: Path) -> None:
    journal, protocol = tmp_path / "j", short_protocol(tmp_path, 4)
    on_a_unit = ("--port", "sim://us111", "--journal", journal_at(journal))
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
def test_stop_ends_the_output_of_a_unit_that_another_process_drives(tmp_path: Path) -> None:
    with served_unit(tmp_path) as unit:
        session = run_json(tmp_path, unit, short_protocol(tmp_path, 60))
        stopped = finished(tmp_path, "stop", "--port", unit.port)
        out, _ = session.communicate(timeout=LIMIT_S)

    assert [line.output for line in unit.rest()] == [290, 0]
    assert (stopped.returncode, stopped.stderr) == (0, "")
    assert (lines(out)[-1]["event"], lines(out)[-1]["outcome"]) == ("session_ended", "stopped")
    assert session.returncode == 6


@pytest.mark.hazard("H-06")
def test_stop_turns_off_a_unit_whose_host_was_killed(tmp_path: Path) -> None:
    with served_unit(tmp_path) as unit:
        session = run_json(tmp_path, unit, short_protocol(tmp_path, 60))
        session.kill()
        session.communicate(timeout=LIMIT_S)
        stopped = finished(tmp_path, "stop", "--port", unit.port)

    assert (stopped.returncode, stopped.stderr) == (0, "")
    assert unit.rest()[-1].output == 0


# --- keys -----------------------------------------------------------------------------------------------


def test_space_pauses_r_resumes_and_s_stops(tmp_path: Path) -> None:
    with served_unit(tmp_path) as unit:
        terminal = Terminal(
            tmp_path,
            "run",
            short_protocol(tmp_path, 60),
            "--port",
            unit.port,
            "--journal",
            journal_at(tmp_path / "j"),
        )
        try:
            assert terminal.starts(), terminal.screen
            assert terminal.shows(unit.gives_output), terminal.screen
            terminal.press(" ")
            assert terminal.shows(unit.is_off_again)
            assert terminal.shows(lambda: b"paused" in terminal.screen)
            terminal.press("r")
            assert terminal.shows(unit.gives_output)
            terminal.press("s")
            code = terminal.ended()
        finally:
            terminal.close()

    assert code == 6
    assert [line.why for line in unit.rest()] == ["set", "stop", "set", "stop"]
    assert b"Traceback" not in terminal.screen
    assert b"\n\x1b[?25hstopped by the operator" in terminal.screen  # below the bar, which is over
    assert journal_is_whole(tmp_path)


@pytest.mark.hazard("H-03")
def test_a_person_is_asked_for_at_a_terminal_where_one_is_needed(tmp_path: Path) -> None:
    calf = find("calf-tightness-percussion")
    answers = tmp_path / "answers.yaml"
    answers.write_text(form_answered(calf, day_of(SystemClock()), "P-017"), encoding="utf-8")
    options = ("--side", "left", "--answers", answers, "--journal", journal_at(tmp_path / "j"), "--plain")
    terminal = Terminal(tmp_path, "run", calf.id, "--port", "sim://ultragun", *options)
    try:
        assert terminal.shows(lambda: b"Reference of the person treated" in terminal.screen)
        terminal.press("P-017\n")
        assert terminal.starts(), terminal.screen
        assert terminal.shows(lambda: b"step 1/" in terminal.screen), terminal.screen
        terminal.press("s")
        assert terminal.shows(lambda: b"Pain after" in terminal.screen)
        terminal.press("\n")
        code = terminal.ended()
    finally:
        terminal.close()

    assert code == 6
    assert session(tmp_path / "j").summary.person == "p-017"


@pytest.mark.hazard("H-03")
def test_a_clock_in_doubt_is_confirmed_at_a_terminal_and_refused_elsewhere(tmp_path: Path) -> None:
    later = VirtualClock(datetime.now(UTC) + timedelta(days=2))
    with Journal.open(tmp_path / "j", later) as journal:
        journal.append("s", OperatorActed(at_ms=0, action="pause"))
    options = ("--port", "sim://us111", "--journal", journal_at(tmp_path / "j"), "--plain")

    refused = finished(tmp_path, "run", short_protocol(tmp_path, 1), *options)
    terminal = Terminal(tmp_path, "run", short_protocol(tmp_path, 1), *options)
    try:
        assert terminal.shows(lambda: b"Is this clock right?" in terminal.screen)
        terminal.press("y\n")
        assert terminal.starts()
        code = terminal.ended()
    finally:
        terminal.close()

    assert (refused.returncode, code) == (4, 0)
    assert "the time of day is in doubt" in refused.stderr
    assert journal_is_whole(tmp_path)


@pytest.mark.hazard("H-05")
def test_where_only_the_units_switch_ends_output_a_person_is_asked_and_a_lost_cable_is_unknown_at_once(
    tmp_path: Path,
) -> None:
    port = "sim://us111?dialect=modbus&host_loss=none&fault=cable_pulled@3s"
    arguments = (short_protocol(tmp_path, 60), "--port", port, "--dialect", "modbus", "--plain")
    terminal = Terminal(tmp_path, "run", *arguments, "--journal", journal_at(tmp_path / "j"))
    try:
        assert terminal.shows(lambda: b"only the unit's own switch ends output" in terminal.screen)
        terminal.press("s\n")  # no answer, and no key of a session that has not begun
        assert terminal.shows(lambda: terminal.screen.count(b"do you go on?") >= 2)
        terminal.press("yes\n")
        assert terminal.starts()
        code = terminal.ended()
    finally:
        terminal.close()
    refused = finished(tmp_path, "run", *arguments, "--journal", journal_at(tmp_path / "k"))

    assert code == 8
    assert b"NOT KNOWN" in terminal.screen
    assert b"Plug the cable in again" not in terminal.screen
    assert session(tmp_path / "j").summary.output_off == "unknown"
    assert (refused.returncode, "within reach of the unit's switch" in refused.stderr) == (4, True)


@pytest.mark.parametrize("by", ["ctrl-c", "SIGTERM"])
def test_a_question_within_a_session_can_be_ended_by_ctrl_c_and_by_a_signal(tmp_path: Path, by: str) -> None:
    port = "sim://us111?dialect=modbus&host_loss=none"
    arguments = (short_protocol(tmp_path, 60), "--port", port, "--dialect", "modbus", "--plain")
    terminal = Terminal(tmp_path, "run", *arguments, "--journal", journal_at(tmp_path / "j"))
    try:
        assert terminal.shows(lambda: b"do you go on?" in terminal.screen)
        if by == "ctrl-c":
            terminal.press("\x03")
        else:
            terminal.signal("SIGTERM")
        code = terminal.ended()
    finally:
        terminal.close()

    assert code == 6
    assert b"Traceback" not in terminal.screen
    assert b"permitted" not in terminal.screen


@pytest.mark.hazard("H-18")
def test_ctrl_c_at_a_terminal_stops(tmp_path: Path) -> None:
    with served_unit(tmp_path) as unit:
        terminal = Terminal(
            tmp_path,
            "run",
            short_protocol(tmp_path, 60),
            "--port",
            unit.port,
            "--journal",
            journal_at(tmp_path / "j"),
        )
        try:
            assert terminal.starts(), terminal.screen
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
            tmp_path,
            "run",
            short_protocol(tmp_path, 60),
            "--port",
            unit.port,
            "--journal",
            journal_at(tmp_path / "j"),
        )
        try:
            assert terminal.starts(), terminal.screen
            assert terminal.shows(unit.gives_output), terminal.screen
            code = terminal.hang_up()
        finally:
            terminal.close()
        assert waited_for(unit.is_off_again)

    assert code == 6
    assert unit.rest()[-1].why == "stop"
    assert journal_is_whole(tmp_path)


@pytest.mark.hazard("H-18")
def test_the_keys_are_alive_while_the_output_goes_to_a_pipe(tmp_path: Path) -> None:
    arguments = ("run", short_protocol(tmp_path, 60), "--journal", journal_at(tmp_path / "j"), "--json")
    with served_unit(tmp_path) as unit:
        terminal = Terminal(tmp_path, *arguments, "--port", unit.port, typed=TO_A_PIPE)
        try:
            assert terminal.starts(), terminal.screen
            assert terminal.shows(unit.gives_output), terminal.screen
            terminal.press(" ")
            assert terminal.shows(lambda: b'"state": "paused"' in terminal.piped)
            terminal.press("r")
            assert terminal.shows(unit.gives_output)
            terminal.press("s")
            code = terminal.ended()
            said = lines(terminal.piped.decode())
        finally:
            terminal.close()

    assert code == 6
    assert [line.why for line in unit.rest()] == ["set", "stop", "set", "stop"]
    assert (said[0]["event"], said[-1]["event"], said[-1]["outcome"]) == (
        "session_started",
        "session_ended",
        "stopped",
    )


def test_a_job_in_the_background_is_not_suspended_by_its_terminal(tmp_path: Path) -> None:
    arguments = (
        "run",
        short_protocol(tmp_path, 1),
        "--port",
        "sim://us111",
        "--journal",
        journal_at(tmp_path / "j"),
    )
    terminal = Terminal(tmp_path, *arguments, typed=IN_THE_BACKGROUND)
    try:
        code = terminal.ended()
    finally:
        terminal.close()

    assert code == 0, terminal.screen
    assert b"completed" in terminal.screen


# --- screening ------------------------------------------------------------------------------------------


def on_a_calf(folder: Path) -> Path:
    """The short protocol, on a person."""
    path = short_protocol(folder, 1)
    text = path.read_text(encoding="utf-8").replace(
        "body_site: bench\nside: none", "body_site: calf\nside: left"
    )
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.hazard("H-16")
def test_what_is_asked_and_acknowledged_at_the_terminal_stands_in_the_record(tmp_path: Path) -> None:
    path = on_a_calf(tmp_path)
    options = ("--person", "P-1", "--operator", "T-2", "--json", "--journal", journal_at(tmp_path / "j"))
    asked = questions_of(find(path))
    terminal = Terminal(tmp_path, "run", path, "--port", "sim://us111", *options, typed=TO_A_PIPE)
    try:
        for typed in ["adult", *("yes" if q.code == "METAL_IMPLANT" else "no" for q in asked), "yes"]:
            terminal.press(f"{typed}\n")
        assert terminal.starts(), terminal.screen
        assert terminal.shows(lambda: b"Pain after" in terminal.screen)
        terminal.press("\n")
        code = terminal.ended()
        said = lines(terminal.piped.decode())
    finally:
        terminal.close()

    screened = next(line for line in said if line["event"] == "screened")
    assert code == 0, terminal.screen
    assert f"{len(asked) + 1} of {len(asked) + 1}  ".encode() in terminal.screen
    assert said[0]["operator"] == "t-2"
    assert screened["acknowledged"] == {"METAL_IMPLANT": "t-2"}
    assert screened["age_band"] == "adult"
    assert screened["answers"]["METAL_IMPLANT"]["answer"] == "yes"


@pytest.mark.hazard("H-16")
def test_a_yes_that_refused_a_run_is_what_the_next_one_asks_to_confirm(tmp_path: Path) -> None:
    path = on_a_calf(tmp_path)
    options = ("--port", "sim://us111", "--person", "P-1", "--journal", journal_at(tmp_path / "j"))
    asked = [question.code for question in questions_of(find(path))]
    count = len(asked) + 1
    before = asked[: asked.index("EPIPHYSIS_CHILD")]

    def typed(*answers: str) -> tuple[int, str]:
        terminal = Terminal(tmp_path, "run", path, *options)
        try:
            for number, answer in enumerate(answers, 1):
                question = f"{number} of {count} ".encode()
                assert terminal.shows(partial(lambda text: text in terminal.screen, question))
                terminal.press(f"{answer}\n")
            return terminal.ended(), " ".join(terminal.screen.decode().split())
        finally:
            terminal.close()

    first = typed("adult", *("no" for _ in before), "yes")
    second = typed("adult", "yes")

    assert (first[0], second[0]) == (4, 4)
    assert f"As on {day_of(SystemClock())}: yes: Growing bone. Is that still so?" in second[1]
    assert "EPIPHYSIS_CHILD" in second[1]


def test_nobody_is_asked_for_a_port_that_is_not_there(tmp_path: Path) -> None:
    options = ("--port", tmp_path / "ttyUSB9", "--journal", journal_at(tmp_path / "j"))
    terminal = Terminal(tmp_path, "run", on_a_calf(tmp_path), *options)
    try:
        code = terminal.ended()
    finally:
        terminal.close()

    assert code == 5, terminal.screen
    assert b"there is no port" in terminal.screen
    assert b"Reference of the person" not in terminal.screen


@pytest.mark.hazard("H-16")
def test_nobody_is_asked_where_nobody_can_see_the_question(tmp_path: Path) -> None:
    options = ("--port", "sim://us111", "--person", "P-1", "--journal", journal_at(tmp_path / "j"))
    terminal = Terminal(tmp_path, "run", on_a_calf(tmp_path), *options, typed=UNSEEN)
    try:
        code = terminal.ended()
    finally:
        terminal.close()

    assert (code, terminal.piped) == (4, b"")


@pytest.mark.hazard("H-16")
def test_ctrl_c_while_being_asked_ends_with_nothing_output(tmp_path: Path) -> None:
    path = on_a_calf(tmp_path)
    with served_unit(tmp_path) as unit:
        terminal = Terminal(
            tmp_path,
            "run",
            path,
            "--port",
            unit.port,
            "--person",
            "P-1",
            "--journal",
            journal_at(tmp_path / "j"),
        )
        try:
            assert terminal.shows(lambda: b"1 of " in terminal.screen), terminal.screen
            terminal.press("\n")
            assert terminal.shows(lambda: b"Type one of" in terminal.screen)
            terminal.press("\x03")
            code = terminal.ended()
        finally:
            terminal.close()

    assert code == 6
    assert b"Traceback" not in terminal.screen
    assert unit.rest() == []


@pytest.mark.hazard("H-16")
def test_a_session_with_an_answers_file_is_given_once_its_notes_are_acknowledged(tmp_path: Path) -> None:
    path, form = on_a_calf(tmp_path), tmp_path / "answers.yaml"
    shown = finished(tmp_path, "protocols", "show", path, "--answers", "--person", "P-1").stdout
    aged = shown.replace("age_band:", "age_band: adult", 1)
    text = re.sub(r"^([A-Z0-9_]+):", r"\1: no", aged, flags=re.MULTILINE)
    form.write_text(text.replace("METAL_IMPLANT: no", "METAL_IMPLANT: yes"), encoding="utf-8")
    options = (
        "--port",
        "sim://us111",
        "--person",
        "P-1",
        "--answers",
        form,
        "--journal",
        journal_at(tmp_path / "j"),
    )

    refused = finished(tmp_path, "run", path, *options)
    form.write_text(form.read_text().replace("acknowledged: []", "acknowledged: [METAL_IMPLANT]"))
    given = finished(tmp_path, "run", path, *options)

    assert (refused.returncode, refused.stdout) == (4, "")
    assert "METAL_IMPLANT" in refused.stderr
    assert "acknowledged: [METAL_IMPLANT]" in refused.stderr
    assert given.returncode == 0, given.stderr
    assert "METAL_IMPLANT acknowledged by answers-file" in given.stdout
    shown = finished(tmp_path, "show", "--journal", tmp_path / "j").stdout
    assert "age band adult, " in shown
    assert "METAL_IMPLANT yes, " in shown
    assert "METAL_IMPLANT acknowledged by answers-file" in shown


@contextmanager
def asked_about_the_clock(folder: Path, *command: str) -> Iterator[Terminal]:
    """A session that waits for somebody to say that the time of day is right."""
    with Journal.open(folder / "j", VirtualClock(datetime.now(UTC) + timedelta(hours=2))) as journal:
        journal.append("", ClockConfirmed(at_ms=0, doubt="For a test.", boot_id=None, boot_utc_ms=None))
    arguments = (*command, "--port", "sim://us111", "--journal", folder / "j")
    with closing(Terminal(folder, *arguments)) as terminal:
        assert terminal.shows(lambda: b"Is this clock right?" in terminal.screen)
        yield terminal


def test_control_c_at_the_question_about_the_clock_ends_it(tmp_path: Path) -> None:
    with asked_about_the_clock(tmp_path, "run", "unit-check") as terminal:
        terminal.press("\x03")

        assert terminal.ended() == 6
        assert b"stopped." in terminal.screen


def test_a_hang_up_at_the_question_about_the_clock_ends_it(tmp_path: Path) -> None:
    with asked_about_the_clock(tmp_path, "run", "unit-check") as terminal:
        assert terminal.hang_up() != 0


def test_a_clock_that_a_person_says_is_wrong_is_refused_before_anything_else_is_asked(tmp_path: Path) -> None:
    with asked_about_the_clock(tmp_path, "start") as terminal:
        terminal.press("no\r")

        assert terminal.ended() == 4
        assert b"Set the computer's clock." in terminal.screen
        assert b"What hurts" not in terminal.screen
