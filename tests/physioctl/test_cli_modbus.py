"""ports, stop, clear, run and simulate on units that speak Modbus, as they are typed."""

from __future__ import annotations

import json
import signal
import sys
from pathlib import Path
from queue import SimpleQueue

import pytest

from device.events import OffConfirmation, StopOutcome
from device.link import Inbox
from device.operator import SessionAction
from physioctl.cli import call
from physioctl.ports import held
from tests.processes import LIMIT_S, begin, finished, served_unit, session, short_protocol

MODBUS = "sim://us111?dialect=modbus"
on_posix = pytest.mark.skipif(sys.platform == "win32", reason="ptys are a thing of POSIX")


def said(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    code = call(list(arguments))
    return code, *capsys.readouterr()


# --- ports ----------------------------------------------------------------------------------------------


def test_ports_says_which_dialect_answers(capsys: pytest.CaptureFixture[str]) -> None:
    at_17 = f"{MODBUS}&address=17#17"

    code, out, _ = said(capsys, "ports", "sim://us111", MODBUS, at_17, f"{MODBUS}#3", "--json")

    rows = [json.loads(line) for line in out.splitlines()]
    assert code == 5  # nobody is at 3
    assert [row.get("dialect") for row in rows] == ["native", "modbus", "modbus", None]
    assert [row["unit"] for row in rows] == ["US111", "US111", "US111", None]


def test_ports_asks_in_one_dialect_when_told_to(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = said(capsys, "ports", MODBUS, "--dialect", "native", "--json")

    assert code == 5  # nobody answers in it
    assert json.loads(out)["unit"] is None


@pytest.mark.parametrize(
    "command", [("ports", MODBUS), ("stop", "--port", MODBUS), ("clear", "--port", MODBUS)]
)
def test_a_dialect_that_is_unknown_is_a_usage_error_that_lists_those_that_are_not(
    capsys: pytest.CaptureFixture[str], command: tuple[str, ...]
) -> None:
    code, out, err = said(capsys, *command, "--dialect", "morse")

    assert (code, out) == (2, "")
    assert "native, modbus" in err


@pytest.mark.parametrize("command", ["stop", "clear"])
@pytest.mark.parametrize(("port", "dialect"), [("sim://us111#3", "native"), (f"{MODBUS}#0", "modbus")])
def test_an_address_that_the_dialect_does_not_take_is_a_usage_error(
    capsys: pytest.CaptureFixture[str], command: str, port: str, dialect: str
) -> None:
    code, out, err = said(capsys, command, "--port", port, "--dialect", dialect)

    assert (code, out) == (2, "")
    assert err.startswith("error: ")
    assert "  to do: " in err


# --- stop and clear -------------------------------------------------------------------------------------


@pytest.mark.hazard("H-18")
@pytest.mark.parametrize("options", [(), ("--dialect", "modbus")])
def test_stop_is_confirmed_by_a_modbus_unit(
    capsys: pytest.CaptureFixture[str], options: tuple[str, ...]
) -> None:
    code, out, err = said(capsys, "stop", "--port", MODBUS, *options)

    assert (code, err) == (0, "")
    assert "output is off" in out


@pytest.mark.hazard("H-07")
def test_a_stop_that_another_unit_of_the_line_could_answer_is_not_confirmed_by_it(
    capsys: pytest.CaptureFixture[str],
) -> None:
    code, out, err = said(capsys, "stop", "--port", f"{MODBUS}&beside=ultragun@9#17")

    assert (code, out) == (8, "")
    assert err.startswith("error: a stop was sent")


def test_clear_clears_what_a_modbus_unit_has_latched(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = said(
        capsys, "clear", "--port", f"{MODBUS}&fault=brown_out@0s%2B1ms", "--dialect", "modbus"
    )

    assert (code, err) == (0, "")
    assert "cleared: SUPPLY" in out


@pytest.mark.hazard("H-18")
@on_posix
@pytest.mark.parametrize("kind", ["lease", "timer"])
def test_stop_ends_the_output_of_a_unit_whose_host_was_killed(tmp_path: Path, kind: str) -> None:
    options = ("--dialect", "modbus", "--host-loss", kind)
    with served_unit(tmp_path, *options) as unit:
        protocol = short_protocol(tmp_path, 60)
        journal = tmp_path / "j"
        with session(unit.port, journal, protocol, options=("--json", "--dialect", "modbus")) as host:
            first = unit.next_change()
            host.send_signal(signal.SIGKILL)
            host.wait(LIMIT_S)
        stopped = finished(tmp_path, "stop", "--port", unit.port, "--dialect", "modbus")
        off = unit.until_output_off()

    assert first is not None
    assert off is not None
    assert off.why == "stop" or (kind, off.why) == ("lease", "lease")
    assert stopped.returncode == 0, stopped.stderr


@pytest.mark.hazard("H-07")
@on_posix
def test_a_stop_for_a_line_reaches_a_unit_that_its_holder_does_not_drive(tmp_path: Path) -> None:
    options = ("--dialect", "modbus", "--host-loss", "timer", "--address", "17")
    with served_unit(tmp_path, *options) as unit:
        asked = ("--json", "--dialect", "modbus")
        with session(f"{unit.port}#17", tmp_path / "j", short_protocol(tmp_path, 60), options=asked) as host:
            first = unit.next_change()
            host.send_signal(signal.SIGKILL)
            host.wait(LIMIT_S)
        inbox: Inbox = SimpleQueue()
        with held(unit.port, inbox) as (_, stops):
            stopping = begin(tmp_path, "stop", "--port", unit.port, "--dialect", "modbus")
            while inbox.get(timeout=LIMIT_S) is not SessionAction.STOP:
                pass
            stops.on_event(StopOutcome(at_ms=1, output_off=OffConfirmation.CONFIRMED, took_ms=1))
            _, said = stopping.communicate(timeout=LIMIT_S)
        off = unit.until_output_off()

    assert first is not None
    assert (stopping.returncode, said) == (0, "")
    assert off is not None
    assert off.why == "stop"


# --- run ------------------------------------------------------------------------------------------------


@on_posix
@pytest.mark.parametrize("kind", ["lease", "timer"])
def test_a_session_runs_on_a_modbus_unit(tmp_path: Path, kind: str) -> None:
    protocol = short_protocol(tmp_path, 2)
    with served_unit(tmp_path, "--dialect", "modbus", "--host-loss", kind, "--address", "17") as unit:
        ended = finished(
            tmp_path,
            *("run", protocol, "--port", f"{unit.port}#17", "--dialect", "modbus"),
            *("--journal", tmp_path / "j", "--new", "--json"),
        )
        changes = unit.rest()

    last = json.loads(ended.stdout.splitlines()[-1])
    assert ended.returncode == 0, ended.stderr
    assert (last["outcome"], last["output_off"]) == ("completed", "confirmed")
    assert [(change.output, change.why) for change in changes] == [(290, "set"), (0, "step_done")]


# --- simulate -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "options",
    [
        ("--host-loss", "timer"),
        ("--address", "17"),
        ("--beside", "ultragun@3"),
        ("--dialect", "modbus", "--beside", "ultragun@1"),
        ("--dialect", "modbus", "--beside", "toaster@3"),
        ("--dialect", "modbus", "--address", "0"),
        ("--dialect", "morse"),
    ],
)
def test_a_unit_that_cannot_be_simulated_is_a_usage_error(
    capsys: pytest.CaptureFixture[str], options: tuple[str, ...]
) -> None:
    handlers = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    try:
        code, out, err = said(capsys, "simulate", "us111", *options)
    finally:
        signal.signal(signal.SIGINT, handlers[0])
        signal.signal(signal.SIGTERM, handlers[1])

    assert (code, out) == (2, "")
    assert err.startswith("error: ")
