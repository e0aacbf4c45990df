"""What the doctor finds on a port: each found on a real pseudo-terminal, socket or file.

No unit may give output meanwhile, which `unit_on_a_pty` checks, nor be sent anything but questions.
"""

from __future__ import annotations

import os
import select
import socket
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import serial
from serial.rfc2217 import PortManager

from device.clock import SystemClock
from device.control.handshake import inspect
from device.dialects.base import GetCapabilities, GetStatus, Identify
from device.link import Port
from device.wire import messages as wire
from physioctl.doctor.findings import Finding, Mark
from physioctl.doctor.line import Patience
from physioctl.doctor.ports import Asked, listed, port, ports
from physioctl.rehearsal.rig import Rig
from simulator.cable import Cable
from simulator.live import Live
from simulator.unit import SimulatedUnit
from tests.physioctl.units_on_a_pty import LIMIT_S, Answering, numbers_nobody_listens_for, unit_on_a_pty
from tests.support import another_host, begun, emit

if sys.platform == "win32":
    pytest.skip("pseudo-terminals are a thing of POSIX", allow_module_level=True)

ANSWERED = Patience(listen_ms=100, first_ms=5000)  # an answer ends each wait
SHORT = Patience(listen_ms=100, first_ms=300, next_ms=60, speed_ms=60)  # where no answer comes
ELSEWHERE = replace(SHORT, speed_ms=1000)  # where one comes at another speed
QUESTIONS = {Identify, GetCapabilities, GetStatus}
NOBODY = 65534


def looked_at(
    name: str, dialect: str | None = "native", *, named: bool = True, patience: Patience = ANSWERED
) -> Sequence[Finding]:
    return port(Asked(name, named, dialect, patience), SystemClock())


def only(findings: Sequence[Finding]) -> Finding:
    (finding,) = findings
    return finding


@contextmanager
def bare_pty() -> Iterator[tuple[int, str]]:
    """The far end of a pseudo-terminal on which no unit is, and its name."""
    with numbers_nobody_listens_for():
        far, near = os.openpty()
    name = os.ttyname(near)
    os.close(near)
    try:
        yield far, name
    finally:
        os.close(far)


# --- a unit that is as it should be ---------------------------------------------------------------------


@pytest.mark.hazard("H-18")
def test_a_unit_that_is_well_is_named_and_asked_questions_alone() -> None:
    with unit_on_a_pty() as unit:
        finding = only(looked_at(unit.port, None))

    assert finding.mark is Mark.OK
    assert "US111 A-1, firmware 1.4.2, native; its output is off" in finding.what
    assert unit.asked == QUESTIONS


@pytest.mark.hazard("H-18")
def test_what_is_asked_of_a_unit_that_gives_output_changes_nothing_of_it() -> None:
    rig = Rig()
    begun(rig, emit(rig, 60_000))
    rig.wait(100)
    assert rig.unit.output > 0
    driver = another_host(rig)
    changes = len(rig.unit.changes)

    said = driver.run(inspect(driver.controller, 200))

    assert not said.status.output_is_off
    assert rig.unit.output > 0
    assert len(rig.unit.changes) == changes
    driver.controller.stop()
    driver.run(driver.controller.settle())


# --- a unit that is not ---------------------------------------------------------------------------------


def changed(kind: type[wire.Message], **values: Any) -> Answering:
    """A unit that says ``values`` in each message of one kind."""
    return Answering(lambda said: replace(said, **values) if isinstance(said, kind) else said)


@pytest.mark.parametrize(
    ("make", "code", "words"),
    [
        (lambda: changed(wire.Identity, major=9), "unit.version", "version 9.0 of native"),
        (
            lambda: changed(wire.Status, faults=wire.Fault.HEAD_HOT, state=wire.UnitState.FAULT),
            "unit.faulted",
            "has latched HEAD_HOT",
        ),
        (
            lambda: changed(wire.Status, measured_level=300, state=wire.UnitState.EMITTING),
            "unit.output_on",
            "has its output ON",
        ),
        (lambda: changed(wire.Identity, model="US999"), "unit.unfit", "'US999', which no model here does"),
        (lambda: changed(wire.Identity, calibrated=1), "unit.unfit", "last calibrated on 2020-01-02"),
        (
            lambda: Answering(lambda said: None if isinstance(said, wire.Capabilities) else said),
            "unit.incomplete",
            "not what it can do",
        ),
    ],
)
def test_what_is_wrong_with_a_unit_is_told(make: Callable[[], Answering], code: str, words: str) -> None:
    with unit_on_a_pty(make()) as unit:
        finding = only(looked_at(unit.port))

    assert (finding.code, finding.mark, finding.exit_code) == (code, Mark.PROBLEM, 5)
    assert words in finding.what
    assert "A-1" in finding.what
    assert finding.action
    assert unit.asked <= QUESTIONS


def test_a_latched_fault_comes_with_the_command_that_clears_it() -> None:
    finding = only(looked_at("sim://us111?fault=brown_out@0s%2B1ms"))

    assert finding.code == "unit.faulted"
    assert "the unit has latched SUPPLY" in finding.what
    assert finding.action.endswith("physioctl clear --port 'sim://us111?fault=brown_out@0s%2B1ms'")


# --- a port on which no unit answers --------------------------------------------------------------------


@pytest.mark.parametrize("noise", [b"", b"\x8f\x00\xf3\xfe"])
@pytest.mark.parametrize("baud", [9600, 19_200])
def test_a_unit_at_another_speed_is_found_and_asked_its_identity_alone(baud: int, noise: bytes) -> None:
    with unit_on_a_pty(baud=baud, noise=noise) as unit:
        finding = only(looked_at(unit.port, patience=ELSEWHERE))

    assert finding.code == "port.speed"
    assert f"answers on {unit.port} at {baud} baud, 8N1, and not at 115200 baud, 8N1" in finding.what
    assert unit.asked == {Identify}


def test_other_speeds_are_not_tried_on_a_port_that_nobody_named() -> None:
    with unit_on_a_pty(baud=9600) as unit:
        assert only(looked_at(unit.port, named=False, patience=SHORT)).code == "port.no_answer"


def test_a_port_without_an_answer_is_told_with_what_was_tried() -> None:
    with bare_pty() as (_, name):
        finding = only(looked_at(name, None, patience=SHORT))

    assert finding.code == "port.no_answer"
    assert f"nothing answers on {name} (asked in native, modbus at 6 speeds and parities)" in finding.what


def behind_a_port_server(listener: socket.socket, cable: Cable, baud: int, parity: str) -> None:
    """A unit on a serial port that is shared over the network, which hears one speed and parity."""
    live = Live(cable, SystemClock())
    with listener.accept()[0] as peer, peer.makefile("wb", buffering=0) as out:
        port: Any = serial.serial_for_url("loop://")
        answer: Any = out
        manager = PortManager(port, answer)
        while True:
            live.advance()
            peer.sendall(b"".join(manager.escape(live.take())))
            if not select.select([peer], [], [], live.wait_s(0.01))[0]:
                continue
            if not (data := peer.recv(4096)):
                break
            heard = b"".join(manager.filter(data))
            if (port.baudrate, port.parity) == (baud, parity):
                live.send(heard)
        port.close()


@pytest.mark.filterwarnings("ignore:set:DeprecationWarning:serial.rfc2217")  # pyserial's own names of 2010
def test_a_unit_at_another_parity_is_found() -> None:
    cable = Cable(SimulatedUnit("us111"))
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = threading.Thread(
            target=behind_a_port_server, args=(listener, cable, 115_200, "E"), daemon=True
        )
        server.start()
        finding = only(looked_at(f"rfc2217://127.0.0.1:{listener.getsockname()[1]}", patience=ELSEWHERE))
        server.join(LIMIT_S)

    assert finding.code == "port.speed"
    assert "at 115200 baud, 8E1, and not at 115200 baud, 8N1" in finding.what
    assert (cable.unit.changes, cable.unit.breaches) == ([], [])


@contextmanager
def talking(far: int, said: bytes, *, endless: bool = False) -> Iterator[None]:
    """Something that answers with ``said`` whatever it is asked; or sends it without end."""
    ended = threading.Event()
    os.set_blocking(far, False)

    def talk() -> None:
        while not ended.wait(0.001 if endless else 0.01):
            heard = b""
            with suppress(BlockingIOError, OSError):
                heard = os.read(far, 4096)
            if heard or endless:
                with suppress(BlockingIOError, OSError):
                    os.write(far, said)

    thread = threading.Thread(target=talk, daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join(LIMIT_S)


def test_what_answers_in_no_dialect_is_shown() -> None:
    with bare_pty() as (far, name), talking(far, b"ERROR 7\r\n"):
        finding = only(looked_at(name, patience=SHORT))

    assert finding.code == "port.other"
    assert r"such as 'ERROR 7\r\nERR'" in finding.what
    assert "native 115200 baud, 8N1" in finding.action


def test_a_port_that_floods_is_told_in_a_bounded_time() -> None:
    patience = replace(SHORT, listen_ms=300)
    with bare_pty() as (far, name), talking(far, bytes(4096), endless=True):
        finding = only(port(Asked(name, True, None, patience), SystemClock()))

    assert finding.code == "port.floods"
    assert "00 00 00" in finding.what


def test_a_port_that_goes_away_meanwhile_is_told() -> None:
    with numbers_nobody_listens_for():
        far, near = os.openpty()
    name = os.ttyname(near)

    def pull_it_out_once_asked() -> None:
        os.read(far, 1)
        os.close(far)

    thread = threading.Thread(target=pull_it_out_once_asked, daemon=True)
    thread.start()
    finding = only(looked_at(name))
    thread.join(LIMIT_S)
    os.close(near)

    assert finding.code == "port.lost"
    assert f"{name} is gone" in finding.what


def test_a_port_that_does_not_return_holds_up_nothing() -> None:
    with bare_pty() as (_, name):
        asked = [Asked(name, False, "native", SHORT), Asked("/nowhere/tty", True)]
        findings = list(ports(asked, SystemClock(), limit_ms=50))
        for thread in threading.enumerate():
            if thread.name == name:  # it would take the next pseudo-terminal of that number
                thread.join(LIMIT_S)

    assert sorted(finding.code for finding in findings) == ["port.missing", "port.slow"]


# --- all ports ------------------------------------------------------------------------------------------


def swept(*names: str, usual: str | None = None, patience: Patience = ANSWERED) -> list[Finding]:
    asked = [
        replace(each, patience=patience)
        for each in listed([Port(name, "") for name in names], usual, "native")
    ]
    return list(ports(asked, SystemClock()))


def test_without_a_unit_anywhere_that_is_the_problem_and_each_port_a_warning() -> None:
    with bare_pty() as (_, name):
        findings = swept(name, "/nowhere/tty", patience=SHORT)

    assert [finding.code for finding in findings][-1] == "unit.none"
    assert sorted((finding.code, finding.exit_code) for finding in findings) == [
        ("port.missing", 0),
        ("port.no_answer", 0),
        ("unit.none", 5),
    ]


def test_with_a_unit_on_one_port_the_others_are_warnings() -> None:
    findings = swept("/nowhere/tty", "sim://us111")

    assert {finding.mark for finding in findings} == {Mark.WARNING, Mark.OK}


def test_the_usual_port_under_another_name_or_with_an_address_is_looked_at_once(tmp_path: Path) -> None:
    (tmp_path / "by-id").symlink_to("/dev/null")
    system = [Port("/dev/null", ""), Port("/dev/zero", "")]

    for usual in (str(tmp_path / "by-id"), "/dev/null#17"):
        assert [each.name for each in listed(system, usual, None)] == [usual, "/dev/zero"]


def test_the_usual_port_counts_as_named() -> None:
    codes = {finding.code: finding.exit_code for finding in swept("sim://us111", usual="/nowhere/tty")}

    assert codes == {"port.missing": 5, "unit": 0}
