"""demo, ports, stop and simulate, as they are typed."""

from __future__ import annotations

import json
import os
import socket
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from physioctl.cli import run
from tests.processes import begin, finished, line_from, served_unit, waited_for


def said(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    code = run(list(arguments))
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


def test_every_command_explains_itself_with_an_example(capsys: pytest.CaptureFixture[str]) -> None:
    for command in ("demo", "ports", "rehearse", "run", "stop", "clear", "simulate"):
        code, out, _ = said(capsys, command, "--help")

        assert code == 0
        assert f"physioctl {command}" in out


# --- ports ----------------------------------------------------------------------------------------------


def test_ports_says_who_answers(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = said(capsys, "ports", "sim://us111?seed=7", "sim://ultragun", "--json")

    rows = [json.loads(line) for line in out.splitlines()]
    assert code == 0
    assert [(row["unit"], row["serial"]) for row in rows] == [("US111", "SIM-0007"), ("UltraGun", "SIM-0000")]


def test_ports_says_why_nobody_answers_and_goes_on(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    code, out, _ = said(capsys, "ports", str(tmp_path / "tty"), "sim://us111", "--json")

    rows: list[dict[str, Any]] = [json.loads(line) for line in out.splitlines()]
    assert code == 0
    assert rows[0]["unit"] is None
    assert rows[0]["to_do"]
    assert rows[1]["unit"] == "US111"


def test_ports_asks_nobody_when_told_not_to(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = said(capsys, "ports", "sim://us111", "--no-ask")

    assert code == 0
    assert "US111" not in out


# --- stop -----------------------------------------------------------------------------------------------


def test_stop_proves_the_silence_of_a_unit(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = said(capsys, "stop", "--port", "sim://us111")

    assert (code, err) == (0, "")
    assert "output is off" in out


def test_a_stop_that_nobody_confirms_is_exit_code_8_and_says_what_to_do(
    capsys: pytest.CaptureFixture[str],
) -> None:
    code, out, err = said(capsys, "stop", "--port", "sim://us111?fault=half_open@0s%2B1h=1")

    assert (code, out) == (8, "")
    assert err.startswith("error: a stop was sent")
    assert err.splitlines()[-1].startswith("  to do: ")


def test_a_stop_to_a_port_that_is_not_there_is_exit_code_5(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    code, _, err = said(capsys, "stop", "--port", str(tmp_path / "tty"))

    assert code == 5
    assert err.startswith("error: there is no port")


# --- clear ----------------------------------------------------------------------------------------------


def test_a_unit_with_a_latched_fault_is_refused_until_the_fault_is_cleared(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    journal = tmp_path / "journal.sqlite"
    with served_unit(tmp_path, "--tcp", "127.0.0.1:0", "--fault", "brown_out@0s+1ms") as unit:
        code, _, err = said(
            capsys, "run", "unit-check", "--port", unit.port, "--journal", str(journal), "--plain"
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
    import signal

    process = begin(tmp_path, "simulate", "us111")
    line_from(process)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=10)

    assert (process.returncode, err) == (0, "")
