"""Ports beyond this machine: which they are, and what may be done over them."""

from __future__ import annotations

from queue import SimpleQueue

import pytest

from device.control.driver import Driver
from device.dialects.native import Native
from device.link import Inbox
from physioctl.cli import call
from physioctl.network import beyond_this_machine
from physioctl.record.journal import Journal
from physioctl.rehearsal.rig import CableLink, Rig
from physioctl.runner import Request, run_session
from physioctl.screening import Answers
from protocols.errors import Refused
from protocols.library import find
from simulator.cable import Cable
from tests.support import screened

HERE = (
    "/dev/ttyUSB0",
    "COM4",
    "sim://us111",
    "sim://us111@192.0.2.7",
    "socket://127.0.0.1:7000",
    "socket://127.8.9.1:7000",
    "socket://[::1]:7000",
    "rfc2217://localhost:7000",
    "SOCKET://LocalHost:7000",
)
BEYOND = (
    "socket://192.0.2.7:7000",
    "rfc2217://192.0.2.7:7000",
    "SOCKET://192.0.2.7:7000",
    "socket://0.0.0.0:7000",
    "socket://[::]:7000",
    "socket://[::ffff:192.0.2.7]:7000",
    "socket://[fe80::1%25eth0]:7000",
    "socket://unit.example:7000",
    "socket://localhost.example:7000",
    "socket://localhost@unit.example:7000",
    "socket://127.0.0.1:80@unit.example:7000",
    "socket://127.0.0.1.example:7000",
    "socket://127.1:7000",
    "socket://2130706433:7000",
    "socket://",
    "socket://[::1:7000",
)
_CALF = find("calf-tightness-ultrasound")
CALF = _CALF.model_copy(update={"steps": find("unit-check").steps})  # in short


@pytest.mark.parametrize("port", HERE)
def test_a_port_of_this_machine_is_one(port: str) -> None:
    assert not beyond_this_machine(port)


@pytest.mark.hazard("H-19")
@pytest.mark.parametrize("port", BEYOND)
def test_whatever_is_not_known_to_be_this_machine_is_beyond_it(port: str) -> None:
    assert beyond_this_machine(port)


class NetworkLink(CableLink):
    """A cable that goes by the name of a network address."""

    def __init__(self, cable: Cable, rig: Rig, inbox: Inbox) -> None:
        super().__init__(cable, rig.clock, inbox)
        self.name = "socket://192.0.2.7:7000"


def over_the_network(rig: Rig) -> Driver:
    inbox: Inbox = SimpleQueue()
    return Driver(NetworkLink(rig.cable, rig, inbox), rig.clock, inbox, Native())


@pytest.mark.hazard("H-19")
@pytest.mark.parametrize("answers", [screened(CALF), None], ids=["a person", "a rehearsal"])
def test_a_session_on_a_body_site_beyond_this_machine_is_refused(answers: Answers | None) -> None:
    rig = Rig()
    request = Request(CALF, side="left", person="P-017", answers=answers)

    with Journal.in_memory(rig.clock) as journal, pytest.raises(Refused, match="no authentication") as caught:
        run_session(request, over_the_network(rig), journal)

    assert "--unauthenticated-network" in caught.value.action
    assert rig.unit.changes == []


@pytest.mark.parametrize("id_", ["unit-check", "night-calf-cramp-prevention"])
def test_what_emits_on_nobody_may_be_run_beyond_this_machine(id_: str) -> None:
    rig = Rig()
    protocol = find(id_)
    request = Request.on_nobody(protocol)

    with Journal.in_memory(rig.clock) as journal:
        assert run_session(request, over_the_network(rig), journal).outcome == "completed"


def test_a_session_on_a_body_site_beyond_this_machine_may_be_asked_for() -> None:
    rig = Rig()
    request = Request(CALF, side="left", person="P-017", answers=screened(CALF), unauthenticated_network=True)

    with Journal.in_memory(rig.clock) as journal:
        assert run_session(request, over_the_network(rig), journal).outcome == "completed"


@pytest.mark.hazard("H-19")
def test_it_is_refused_on_the_command_line_before_anything_is_asked_or_opened(
    capsys: pytest.CaptureFixture[str],
) -> None:
    code = call(["run", CALF.id, "--port", "socket://192.0.2.7:7000", "--side", "left", "--person", "P-1"])

    said = capsys.readouterr()
    assert (code, said.out) == (4, "")
    assert "socket://192.0.2.7:7000 is beyond this machine and has no authentication" in said.err
    assert "--unauthenticated-network" in said.err
