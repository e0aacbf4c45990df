"""demo, ports, stop and simulate, as they are typed."""

from __future__ import annotations

import fcntl
import json
import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from physioctl.cli import call
from tests.processes import (
    LIMIT_S,
    begin,
    environment,
    finished,
    journal_at,
    line_from,
    served_unit,
    waited_for,
)


def said(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    code = call(list(arguments))
    return code, *capsys.readouterr()


def test_the_demo_ends_well_and_says_what_was_delivered(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = said(capsys, "demo")

    assert (code, err) == (0, "")
    for words in (
        "assumed profile",
        "Not a medical device",
        "completed",
        "delivered",
        "energy",
        "CONTACT_LOST",
    ):
        assert words in out
    assert re.search(r"record     20260101-000000-[0-9a-f]{6}", out)


def test_the_demo_ends_with_a_command_that_can_be_typed_as_it_stands(tmp_path: Path) -> None:
    script = tmp_path / "bin" / "physioctl"  # as `make` installs it, on nobody's path
    script.parent.mkdir()
    script.write_text("from physioctl.cli import main\nmain()\n", encoding="utf-8")
    ways = {str(script): [str(script)], f"{sys.executable} -m physioctl": ["-m", "physioctl"]}

    for name, how in ways.items():
        ended = subprocess.run(
            [sys.executable, *how, "demo"],
            env=environment(tmp_path) | {"PATH": str(tmp_path)},
            capture_output=True,
            text=True,
            check=True,
        )

        assert ended.stdout.splitlines()[-1].endswith(f": {name} start")


def test_python_m_calls_itself_by_the_name_of_the_command(tmp_path: Path) -> None:
    for arguments, code in (["--help"], 0), (["nonsense"], 2):
        ended = subprocess.run(
            [sys.executable, "-m", "physioctl", *arguments],
            env=environment(tmp_path),
            capture_output=True,
            text=True,
            check=False,
        )

        said = ended.stdout + ended.stderr
        assert ended.returncode == code
        assert "__main__" not in said
        assert "physioctl" in said


def test_an_answers_file_that_is_not_there_is_spoken_of_as_one(capsys: pytest.CaptureFixture[str]) -> None:
    _, _, err = said(capsys, "run", "unit-check", "--port", "sim://us111", "--answers", "/nope")

    assert err.splitlines() == [
        "error: /nope: is not there",
        "  to do: Check the name. A form to fill in is printed by: "
        "physioctl protocols show PROTOCOL --answers",
    ]


def test_every_command_explains_itself_with_an_example(capsys: pytest.CaptureFixture[str]) -> None:
    for command in ("demo", "ports", "rehearse", "run", "stop", "clear", "simulate"):
        code, out, _ = said(capsys, command, "--help")

        assert code == 0
        assert f"physioctl {command}" in out


# --- ports ----------------------------------------------------------------------------------------------


def test_ports_says_who_answers(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = said(capsys, "ports", "sim://us111?serial=A-1", "sim://ultragun?serial=B-2", "--json")

    rows = [json.loads(line) for line in out.splitlines()]
    assert code == 0
    assert [(row["unit"], row["serial"]) for row in rows] == [("US111", "A-1"), ("UltraGun", "B-2")]


def test_ports_says_why_nobody_answers_and_goes_on(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    code, out, _ = said(capsys, "ports", str(tmp_path / "tty"), "sim://us111", "--json")

    rows: list[dict[str, Any]] = [json.loads(line) for line in out.splitlines()]
    assert code == 5  # for the one that was named and cannot be used
    assert rows[0]["unit"] is None
    assert rows[0]["action"]
    assert rows[1]["unit"] == "US111"


def test_ports_asks_nobody_when_told_not_to(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = said(capsys, "ports", "sim://us111", "--no-ask")

    assert code == 0
    assert "US111" not in out


# --- stop -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("port", ["sim://us111", "SIM://us111"])
def test_stop_confirms_output_off_of_a_unit(capsys: pytest.CaptureFixture[str], port: str) -> None:
    code, out, err = said(capsys, "stop", "--port", port)

    assert (code, err) == (0, "")
    assert "output is off" in out


def test_a_stop_that_nobody_confirms_is_exit_code_8_and_says_what_to_do(
    capsys: pytest.CaptureFixture[str],
) -> None:
    code, out, err = said(
        capsys, "stop", "--port", "sim://us111?fault=half_open@0s%2B1h=1", "--dialect", "native"
    )

    assert (code, out) == (8, "")
    assert err.startswith("error: a stop was sent")
    assert err.splitlines()[-1].startswith("  to do: ")


def test_a_stop_to_a_port_that_is_not_there_is_exit_code_5(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    code, _, err = said(capsys, "stop", "--port", str(tmp_path / "tty"))

    assert code == 5
    assert err.startswith("error: there is no port")


@contextmanager
def unanswering_pty() -> Iterator[tuple[int, str]]:
    """A line on which nobody says anything: our end of it, and its name."""
    master, slave = os.openpty()
    try:
        yield master, os.ttyname(slave)
    finally:
        os.close(master)
        os.close(slave)


@pytest.mark.hazard("H-18")
@pytest.mark.skipif(sys.platform == "win32", reason="ptys and these signals are things of POSIX")
def test_a_stop_that_is_broken_off_is_gone_through_with_and_says_what_is_known(tmp_path: Path) -> None:
    with unanswering_pty() as (heard, port):
        process = begin(tmp_path, "stop", "--port", port, "--dialect", "native")
        os.read(heard, 4096)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=LIMIT_S)

    assert (process.returncode, out) == (8, "")
    assert err.startswith("error: a stop was sent")
    assert err.endswith("  to do: Switch the unit off now.\n")


@pytest.mark.hazard("H-18")
@pytest.mark.skipif(sys.platform == "win32", reason="ptys and these signals are things of POSIX")
def test_a_clearing_that_is_broken_off_sends_a_stop_and_says_what_is_known(tmp_path: Path) -> None:
    with unanswering_pty() as (heard, port):
        process = begin(tmp_path, "clear", "--port", port)
        os.read(heard, 4096)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=LIMIT_S)

    assert (process.returncode, out) == (8, "")
    assert err.startswith("error: a stop was sent")
    assert err.endswith("  to do: Switch the unit off now.\n")


@pytest.mark.hazard("H-18")
def test_a_stop_that_is_broken_off_before_it_could_be_sent_says_so(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        process = begin(tmp_path, "stop", "--port", f"rfc2217://127.0.0.1:{listener.getsockname()[1]}")
        with listener.accept()[0]:  # it talks with the port's server, which says nothing
            process.send_signal(signal.SIGINT)
            out, err = process.communicate(timeout=LIMIT_S)

    assert (process.returncode, out) == (8, "")
    assert err.startswith("error: broken off before a stop could be sent")
    assert err.endswith("  to do: Switch the unit off now.\n")


def test_a_stop_goes_out_though_nobody_reads_what_is_said_of_it(tmp_path: Path) -> None:
    with unanswering_pty() as (heard, port):
        holder = os.open(port, os.O_RDWR | os.O_NOCTTY)
        fcntl.flock(holder, fcntl.LOCK_EX)
        process = begin(tmp_path, "stop", "--port", port, "--dialect", "native")
        assert process.stdout is not None
        assert process.stderr is not None
        process.stderr.close()
        sent = os.read(heard, 4096)
        out = process.stdout.read()
        code = process.wait(LIMIT_S)
        process.stdout.close()
        os.close(holder)

    assert sent
    assert (code, out) == (8, "")


# --- clear ----------------------------------------------------------------------------------------------


def test_a_unit_with_a_latched_fault_is_refused_until_the_fault_is_cleared(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    journal = tmp_path / "journal.sqlite"
    with served_unit(tmp_path, "--tcp", "127.0.0.1:0", "--fault", "brown_out@0s+1ms") as unit:
        code, _, err = said(
            capsys, "run", "unit-check", "--port", unit.port, "--journal", str(journal_at(journal)), "--plain"
        )
        cleared = said(capsys, "clear", "--port", unit.port)
        again = said(capsys, "clear", "--port", unit.port)

    assert code == 5
    assert err.startswith("error: the unit has latched SUPPLY")
    assert f"physioctl clear --port {unit.port}" in err
    assert cleared == (0, "cleared: SUPPLY\n", "")
    assert again == (0, "The unit has latched no fault.\n", "")
    assert "No session" in said(capsys, "history", "--journal", str(journal))[1]


# --- simulate -------------------------------------------------------------------------------------------


@pytest.mark.skipif(sys.platform == "win32", reason="ptys are a thing of POSIX")
def test_simulate_prints_the_address_of_its_port_first(tmp_path: Path) -> None:
    with served_unit(tmp_path, model="ultragun_pro") as unit:
        assert os.path.exists(unit.port)  # noqa: PTH110 - a port is a name, not a path of ours
        done = finished(tmp_path, "ports", unit.port)

    assert "UltraGun PRO" in done.stdout


def test_simulate_on_tcp_says_where_and_outlives_its_clients(tmp_path: Path) -> None:
    with served_unit(tmp_path, "--tcp", "127.0.0.1:0") as unit:
        for _ in range(2):
            assert "US111" in finished(tmp_path, "ports", unit.port).stdout


def test_simulate_ends_on_a_port_that_is_taken(tmp_path: Path) -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as taken:
        done = finished(tmp_path, "simulate", "us111", "--tcp", f"127.0.0.1:{taken.getsockname()[1]}")

    assert done.returncode == 2
    assert done.stderr.startswith("error: cannot serve the unit")


@pytest.mark.skipif(sys.platform == "win32", reason="ptys are a thing of POSIX")
def test_simulate_writes_a_line_into_its_log_as_soon_as_output_changes(tmp_path: Path) -> None:
    log = tmp_path / "unit.jsonl"

    process = begin(tmp_path, "simulate", "us111", "--log", log, "--fault", "stuck_output@10ms+10ms")

    try:
        assert waited_for(lambda: log.exists() and log.read_text(encoding="utf-8").count("\n") == 2)
    finally:
        process.kill()
        process.communicate(timeout=10)
    whys = [json.loads(line)["why"] for line in log.read_text(encoding="utf-8").splitlines()]
    assert whys == ["stuck", "unstuck"]


@pytest.mark.skipif(sys.platform == "win32", reason="SIGINT is another thing there")
def test_simulate_ends_in_peace_on_ctrl_c(tmp_path: Path) -> None:
    process = begin(tmp_path, "simulate", "us111")
    line_from(process)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=10)

    assert (process.returncode, err) == (0, "")


@pytest.mark.skipif(sys.platform == "win32", reason="named pipes are a thing of POSIX")
def test_simulate_does_not_wait_for_a_reader_of_its_log_for_ever(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")

    done = finished(tmp_path, "simulate", "us111", "--log", tmp_path / "pipe")

    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("error: cannot write the log")
    assert "nobody reads it" in done.stderr


@pytest.mark.skipif(sys.platform == "win32", reason="named pipes are a thing of POSIX")
def test_simulate_ends_when_it_is_told_to_though_nobody_reads_its_log(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    reader = os.open(tmp_path / "pipe", os.O_RDWR)
    os.set_blocking(reader, False)
    with suppress(BlockingIOError):
        while os.write(reader, b"0" * 512):
            pass

    process = begin(
        tmp_path, "simulate", "us111", "--log", tmp_path / "pipe", "--fault", "stuck_output@0s+1h"
    )
    line_from(process)
    process.terminate()
    _, err = process.communicate(timeout=LIMIT_S)
    os.close(reader)

    assert process.returncode in (0, 2)  # the line that had no room may have come first
    assert "Traceback" not in err


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="a thing of Linux")
def test_simulate_ends_when_its_log_cannot_be_written(tmp_path: Path) -> None:
    done = finished(tmp_path, "simulate", "us111", "--log", "/dev/full", "--fault", "stuck_output@0s+1h")

    assert done.returncode == 2
    assert done.stderr == (
        "error: cannot write the log /dev/full: No space left on device\n  to do: Choose another --log.\n"
    )
