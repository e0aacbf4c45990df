"""Ports that may not be opened, or that somebody holds: what the doctor says, and that it opens none."""

from __future__ import annotations

import contextlib
import fcntl
import grp
import json
import os
import socket
import stat
import subprocess
import sys
import termios
import threading
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from device.clock import SystemClock
from device.dialects.base import Stop
from device.events import OffConfirmation
from physioctl.doctor.access import Account, denial
from physioctl.doctor.findings import Finding, Mark
from physioctl.doctor.ports import Asked, port
from physioctl.holder import ask_to_stop
from physioctl.stopping import stop
from tests.physioctl.units_on_a_pty import LIMIT_S, unit_on_a_pty
from tests.processes import finished, served_unit, session, short_protocol, waited_for

if sys.platform == "win32":
    pytest.skip("pseudo-terminals are a thing of POSIX", allow_module_level=True)


from tests.physioctl.test_doctor_ports import SHORT, bare_pty, looked_at, only

# --- a port that cannot be opened -----------------------------------------------------------------------


@pytest.mark.parametrize(
    "name",
    ["/dev/no-such-port", "/nowhere/tty\x1b[2J\r\a", "-x; rm $HOME", "", "\udcff", "x" * 5000],
)
def test_what_is_not_there_is_said_to_be_missing_and_moves_no_cursor(name: str) -> None:
    finding = only(looked_at(name))

    assert finding.code in ("port.missing", "port.unusable")
    assert (finding.what + finding.action).isprintable()


def test_what_is_no_serial_port_is_named_for_what_it_is(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    with closing(socket.socket(socket.AF_UNIX)) as server, contextlib.chdir(tmp_path):
        server.bind("socket")

    found = {name: only(looked_at(str(tmp_path / name))) for name in ("file", "pipe", "socket", "loop", "")}

    assert {name: finding.code for name, finding in found.items()} == {
        "file": "port.not_serial",
        "pipe": "port.not_serial",
        "socket": "port.not_serial",
        "loop": "port.unusable",
        "": "port.not_serial",
    }
    assert "it is a pipe" in found["pipe"].what
    assert only(looked_at("/dev/null")).code == "port.not_serial"


def test_an_address_at_which_nobody_listens_or_that_is_none_is_told() -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as server:
        number = server.getsockname()[1]

    assert only(looked_at(f"socket://127.0.0.1:{number}")).code == "port.nobody_listens"
    for name in ("socket://", "socket://host:99999", "http://host", "/dev/ttyUSB0#x", "sim://nonsense"):
        finding = only(looked_at(name))
        assert (finding.code, bool(finding.action)) == ("port.unusable", True)


_AS_NOBODY = """
import json, os, sys
from device.clock import SystemClock
from physioctl.doctor.ports import Asked, port
os.setgroups([])
os.setgid(65534)
os.setuid(65534)
(finding,) = port(Asked(sys.argv[1], True), SystemClock())
print(json.dumps([finding.code, finding.what, finding.action]))
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="another user can be had by the administrator only")
@pytest.mark.parametrize(
    ("mode", "code", "action"),
    [
        (0o660, "port.denied", "sudo usermod -aG tty $USER  (then log out and in again)"),
        (0o600, "port.denied_to_group", "sudo chgrp dialout {port} && sudo chmod g+rw {port}"),
    ],
)
def test_a_port_that_another_user_may_not_use_is_told_with_the_command(
    tmp_path: Path, mode: int, code: str, action: str
) -> None:
    with bare_pty() as (_, name):
        os.chown(name, 0, grp.getgrnam("tty").gr_gid)
        Path(name).chmod(mode)
        done = finished(tmp_path, name, code=_AS_NOBODY)

    assert done.stderr == ""
    said = json.loads(done.stdout)
    assert (said[0], said[2]) == (code, action.format(port=name))
    assert "belongs to root" in said[1]


@pytest.mark.parametrize(
    ("mode", "group", "listed", "code"),
    [
        (0o660, 5, frozenset(), "port.denied"),
        (0o660, 5, frozenset((5,)), "port.login_older"),
        (0o620, 5, frozenset((5,)), "port.denied_to_group"),
        (0o660, 0, frozenset(), "port.denied_to_group"),  # nobody should join the administrator's group
    ],
)
def test_the_group_and_the_age_of_the_login_say_what_to_do(
    mode: int, group: int, listed: frozenset[int], code: str
) -> None:
    status = os.stat_result((stat.S_IFCHR | mode, 1, 1, 1, 0, group, 0, 0, 0, 0))

    finding = denial("/dev/ttyX", "/dev/ttyX", status, Account(frozenset((100,)), listed))

    assert finding.code == code


# --- a port that somebody holds -------------------------------------------------------------------------


def test_a_port_that_another_program_has_open_is_not_opened_and_the_program_is_named() -> None:
    with bare_pty() as (far, name):
        near = os.open(name, os.O_RDWR | os.O_NOCTTY)
        holder = subprocess.Popen(["sleep", "60"], stdin=near, stdout=near, close_fds=True)
        os.close(near)
        os.write(far, b"for the other program\n")
        try:
            assert waited_for(lambda: Path(f"/proc/{holder.pid}/comm").read_text() == "sleep\n")
            finding = only(looked_at(name))
            near = os.open(name, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
            waiting = int.from_bytes(fcntl.ioctl(near, termios.FIONREAD, bytes(4)), sys.byteorder)
            os.close(near)
        finally:
            holder.kill()
            holder.wait(LIMIT_S)

    assert finding.code == "port.held"
    assert f"held by another program: sleep (pid {holder.pid})" in finding.what
    assert finding.action.endswith(f"ps -fp {holder.pid}")
    assert waiting  # nothing was taken from it


def test_a_port_locked_by_a_program_that_is_not_shown_is_in_use() -> None:
    with bare_pty() as (_, name):
        near = os.open(name, os.O_RDWR | os.O_NOCTTY)  # by this process, which is not looked for
        fcntl.flock(near, fcntl.LOCK_EX)
        finding = only(looked_at(name))
        os.close(near)

    assert finding.code == "port.held_unseen"
    assert finding.action == f"See which with: sudo fuser -v {name}  (then end it)"


@pytest.mark.hazard("H-18")
def test_a_session_that_runs_is_not_disturbed(tmp_path: Path) -> None:
    with (
        served_unit(tmp_path) as unit,
        session(unit.port, tmp_path / "j", short_protocol(tmp_path, 60)) as run,
    ):
        assert unit.next_change()
        finding = only(looked_at(unit.port))
        assert unit.gives_output()
        assert run.poll() is None
        assert ask_to_stop(unit.port) is OffConfirmation.CONFIRMED
        assert unit.until_output_off()
        assert waited_for(lambda: run.poll() is not None)
        after = only(looked_at(unit.port))  # which its server has open at both ends, and does not hold

    assert after.mark is Mark.OK
    assert finding.code == "port.session"
    assert f"(pid {run.pid})" in finding.what
    assert finding.action == f"Let it end, or end it: physioctl stop --port {unit.port}"


@pytest.mark.hazard("H-18")
def test_a_stop_reaches_a_unit_that_is_being_looked_at() -> None:
    patience = replace(SHORT, listen_ms=5000)
    found: list[Finding] = []
    with unit_on_a_pty() as unit:
        looking = threading.Thread(
            target=lambda: found.extend(port(Asked(unit.port, True, "native", patience), SystemClock()))
        )
        looking.start()
        assert waited_for(lambda: ask_to_stop(unit.port) is not None)
        stopped = stop(unit.port, "native")
        looking.join(LIMIT_S)

    assert stopped is OffConfirmation.CONFIRMED
    assert only(found).code == "port.stop_asked"
    assert "another program asked for a stop" in found[0].what
    assert unit.asked == {Stop}
