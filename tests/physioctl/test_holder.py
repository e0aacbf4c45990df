"""``physioctl stop`` beside the program that holds the port: asked first, and never waited for in vain."""

from __future__ import annotations

import os
import signal
import socket
import struct
import sys
import threading
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from functools import partial
from pathlib import Path
from queue import SimpleQueue
from tempfile import TemporaryDirectory

import pytest

from device.clock import SystemClock
from device.events import OffConfirmation, StopOutcome
from device.link import Inbox
from device.operator import SessionAction
from physioctl.cli import call
from physioctl.holder import ASK_S, CALLERS_MAX, StopService, ask_to_stop, listening
from physioctl.local_socket import Door, connections_to, name_of, open_door, places
from tests.processes import (
    LIMIT_S,
    Exited,
    ServedUnit,
    finished,
    next_exit,
    served_unit,
    session,
    sessions,
    short_protocol,
    waited_for,
)

if sys.platform == "win32":
    pytest.skip("Unix sockets are a thing of POSIX", allow_module_level=True)

Capture = pytest.CaptureFixture[str]
CONFIRMED = StopOutcome(at_ms=1, output_off=OffConfirmation.CONFIRMED, took_ms=1)


@pytest.fixture
def folder(port: str) -> Path:
    """The folder of this user's sockets, as whoever listens has it. It is not the test's alone."""
    with closing(opened_door(port)):
        return next(place for place in places() if (place / named(port)).exists())


@pytest.fixture
def port(tmp_path: Path) -> str:
    """What stands for a port: a file that is there."""
    path = tmp_path / "port"
    path.touch()
    return str(path)


class Loop(threading.Thread):
    """What a session's loop does when it is asked to stop: it stops, and tells what it knows."""

    def __init__(self, inbox: Inbox, service: StopService, told: StopOutcome) -> None:
        super().__init__(daemon=True)
        self._inbox, self._service, self._told = inbox, service, told
        self.start()

    def run(self) -> None:
        if self._inbox.get() is SessionAction.STOP:  # else the test is over
            self._service.on_event(self._told)


@contextmanager
def holder(port: str, told: StopOutcome | None = CONFIRMED) -> Iterator[Inbox]:
    """A program that holds ``port``; it tells ``told`` once it has been asked, and hangs if that is None."""
    inbox: Inbox = SimpleQueue()
    service = StopService(inbox)
    with listening(port, service):
        loop = Loop(inbox, service, told) if told is not None else None
        try:
            yield inbox
        finally:
            if loop is not None:
                inbox.put(b"")
                loop.join(LIMIT_S)
    service.release()


def named(port: str) -> str:
    name = name_of(port)
    assert name is not None
    return name


def opened_door(port: str, folders: Iterable[Path] | None = None) -> Door:
    door = open_door(named(port), folders)
    assert door is not None
    return door


def socket_of(folder: Path, port: str) -> Path:
    return folder / named(port)


@pytest.mark.hazard("H-18")
@pytest.mark.parametrize("output_off", list(OffConfirmation))
def test_the_holder_stops_and_says_what_it_knows(
    folder: Path, port: str, output_off: OffConfirmation
) -> None:
    with holder(port, StopOutcome(at_ms=1, output_off=output_off, took_ms=1)):
        assert ask_to_stop(port) is output_off


def test_every_name_of_a_device_leads_to_its_holder(folder: Path, port: str, tmp_path: Path) -> None:
    link = tmp_path / "by-id"
    link.symlink_to(port)

    with holder(str(link)):
        assert ask_to_stop(os.path.relpath(port)) is OffConfirmation.CONFIRMED


def test_output_that_was_off_before_the_stop_was_asked_for_is_no_answer(port: str) -> None:
    inbox: Inbox = SimpleQueue()
    service = StopService(inbox)

    service.on_event(CONFIRMED)
    service.release()

    assert service.stop() is OffConfirmation.UNKNOWN
    assert inbox.get_nowait() is SessionAction.STOP


def test_nobody_is_asked_where_nobody_listens(folder: Path, port: str) -> None:
    assert ask_to_stop(port) is None
    assert ask_to_stop("/dev/no-such-port") is None
    assert ask_to_stop("sim://us111") is None


def test_a_port_of_another_process_s_own_is_nobody_elses(folder: Path) -> None:
    with holder("sim://us111") as inbox:
        assert ask_to_stop("sim://us111") is None
        assert inbox.empty()


@pytest.mark.hazard("H-18")
def test_a_holder_that_does_not_answer_is_not_waited_for(folder: Path, port: str) -> None:
    clock = SystemClock()

    with holder(port, None) as inbox:
        assert ask_to_stop(port) is None
        assert inbox.get_nowait() is SessionAction.STOP

    assert ASK_S <= clock.now_ms() / 1000 < LIMIT_S


def test_a_holder_that_lets_go_of_the_port_says_that_it_does_not_know(folder: Path, port: str) -> None:
    inbox: Inbox = SimpleQueue()
    service = StopService(inbox)

    def leave() -> None:
        inbox.get(timeout=LIMIT_S)
        service.release()

    threading.Thread(target=leave, daemon=True).start()
    with listening(port, service):
        assert ask_to_stop(port) is OffConfirmation.UNKNOWN


# --- what stands in the way of the socket ----------------------------------------------------------------


@pytest.mark.parametrize("kind", ["file", "link", "dead link", "socket of a dead process"])
def test_what_stands_where_the_socket_goes_is_replaced(
    folder: Path, port: str, tmp_path: Path, kind: str
) -> None:
    path = socket_of(folder, port)
    if kind == "file":
        path.touch()
    elif kind == "socket of a dead process":
        with socket.socket(socket.AF_UNIX) as dead:
            dead.bind(str(path))
    else:
        target = tmp_path / "target"
        path.symlink_to(target)
        if kind == "link":
            target.touch()

    with holder(port):
        assert ask_to_stop(port) is OffConfirmation.CONFIRMED

    assert not path.exists()
    assert kind != "link" or (tmp_path / "target").exists()


def test_a_folder_where_the_socket_goes_keeps_nobody_from_a_session_or_a_stop(
    folder: Path, port: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    socket_of(folder, port).mkdir()
    try:
        with (
            TemporaryDirectory() as another
        ):  # the path of a socket is short: that of a test's folder may not be
            monkeypatch.setenv("XDG_RUNTIME_DIR", another)
            with holder(port):
                assert ask_to_stop(port) is OffConfirmation.CONFIRMED  # from another of the places it may be
    finally:
        socket_of(folder, port).rmdir()


@pytest.mark.parametrize("mode", [0o755, 0o770, 0o701])
def test_a_folder_that_others_can_enter_is_not_used(port: str, tmp_path: Path, mode: int) -> None:
    open_to_others, own = tmp_path / "open", tmp_path / "own"
    open_to_others.mkdir()
    open_to_others.chmod(mode)

    with closing(opened_door(port, [open_to_others, own])):
        assert list(open_to_others.iterdir()) == []
        assert socket_of(own, port).is_socket()


def test_a_link_to_a_folder_is_not_used(port: str, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir(mode=0o700)
    (tmp_path / "link").symlink_to(tmp_path / "elsewhere")

    assert open_door(named(port), [tmp_path / "link"]) is None
    assert list((tmp_path / "elsewhere").iterdir()) == []


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a folder away")
def test_a_folder_of_another_user_is_not_used(port: str, tmp_path: Path) -> None:
    theirs = tmp_path / "theirs"
    theirs.mkdir(mode=0o700)
    os.chown(theirs, 65534, 65534)

    assert open_door(named(port), [theirs]) is None


def test_a_folder_whose_path_is_too_long_for_a_socket_is_not_used(port: str, tmp_path: Path) -> None:
    long, own = tmp_path / ("x" * 120), tmp_path / "own"

    with closing(opened_door(port, [long, own])):
        assert socket_of(own, port).is_socket()


def test_the_socket_is_its_users_alone_and_is_gone_afterwards(folder: Path, port: str) -> None:
    with holder(port):
        assert socket_of(folder, port).is_socket()
        assert folder.stat().st_mode & 0o777 == 0o700

    assert not socket_of(folder, port).exists()


@pytest.mark.hazard("H-18")
@pytest.mark.parametrize("variable", ["XDG_RUNTIME_DIR", "TMPDIR"])
def test_who_asks_finds_a_holder_with_another_environment(
    port: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    monkeypatch.setenv(variable, str(tmp_path))
    with holder(port):
        monkeypatch.delenv(variable)
        assert ask_to_stop(port) is OffConfirmation.CONFIRMED


def test_a_holder_that_has_been_replaced_leaves_the_socket_of_the_next_one(folder: Path, port: str) -> None:
    with ExitStack() as first:
        first.enter_context(listening(port, StopService(SimpleQueue())))
        second = socket.socket(socket.AF_UNIX)
        following = folder / f"{named(port)}.next"
        second.bind(str(following))
        following.rename(socket_of(folder, port))
        first.close()

    assert socket_of(folder, port).is_socket()
    socket_of(folder, port).unlink()
    second.close()


# --- callers that are not physioctl ----------------------------------------------------------------------


def caller(folder: Path, port: str) -> socket.socket:
    peer = socket.socket(socket.AF_UNIX)
    peer.connect(str(socket_of(folder, port)))
    return peer


def framed(message: bytes) -> bytes:
    return struct.pack("!i", len(message)) + message


@pytest.mark.hazard("H-18")
@pytest.mark.parametrize(
    "said",
    [
        b"",
        b"\0",
        framed(b"1 stop")[:-1],
        framed(b"1 go"),
        framed(b""),
        framed(bytes(40)),
        b"\xff" * 4096,
        b"stop\n",
    ],
)
def test_a_caller_that_says_something_else_stops_nothing_and_hinders_nobody(
    folder: Path, port: str, said: bytes
) -> None:
    with holder(port, None) as inbox, caller(folder, port) as peer:
        peer.sendall(said)
        peer.settimeout(LIMIT_S)
        with suppress(ConnectionResetError):
            assert peer.recv(1) == b""  # it is turned away by its deadline
        assert inbox.empty()

        with caller(folder, port) as another:
            another.sendall(framed(b"1 stop"))
            assert inbox.get(timeout=LIMIT_S) is SessionAction.STOP


def test_a_stop_in_a_version_that_is_not_known_stops_all_the_same(folder: Path, port: str) -> None:
    with holder(port), caller(folder, port) as peer:
        peer.sendall(framed(b"7 stop"))

        assert peer.recv(64) == framed(b"1 confirmed")


@pytest.mark.hazard("H-18")
def test_a_thousand_callers_hinder_nobody(folder: Path, port: str) -> None:
    threads = threading.active_count()

    with holder(port) as inbox:
        with ExitStack() as stack:
            for _ in range(1000):
                stack.enter_context(caller(folder, port))
                assert threading.active_count() <= threads + CALLERS_MAX + 2
        assert inbox.empty()

        assert waited_for(lambda: ask_to_stop(port) is OffConfirmation.CONFIRMED)


def answer_with(door: Door, message: bytes) -> None:
    connection = door.accept()
    assert connection is not None
    with connection:
        connection.recv_bytes()
        connection.send_bytes(message)


def test_a_holder_that_answers_rubbish_is_not_believed(folder: Path, port: str) -> None:
    name = name_of(port)
    assert name is not None
    for rubbish in (b"2 confirmed", b"1 CONFIRMED", b"1", b"", b"1 \xff", bytes(100)):
        door = open_door(name)
        assert door is not None
        thread = threading.Thread(target=answer_with, args=(door, rubbish))
        thread.start()

        assert ask_to_stop(port) is None

        thread.join(LIMIT_S)
        door.close()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can be somebody else")
def test_a_peer_of_another_user_is_turned_away(folder: Path, port: str) -> None:
    name = named(port)
    with holder(port, None) as inbox:
        os.seteuid(65534)
        try:
            assert list(connections_to(name)) == []
        finally:
            os.seteuid(0)
        assert inbox.empty()


def has_changed(unit: ServedUnit, times: int) -> bool:
    """Whether output has gone on or off so many times."""
    return len(unit.rest()) >= times


# --- real processes ---------------------------------------------------------------------------------------


@pytest.mark.hazard("H-18")
@pytest.mark.hazard("H-19")
def test_fifty_stops_beside_running_sessions_are_confirmed_to_both(
    folder: Path, tmp_path: Path, capsys: Capture
) -> None:
    count = 50
    told = []

    with served_unit(tmp_path) as unit, sessions(count, tmp_path, unit.port) as process:
        for number in range(count):
            assert waited_for(partial(has_changed, unit, 2 * number + 1))
            code = call(["stop", "--port", unit.port])
            told.append((code, next_exit(process)))
        assert waited_for(partial(has_changed, unit, 2 * count))

    assert set(told) == {(0, Exited(6, "stopped", "confirmed"))}
    assert [line.why for line in unit.rest()] == ["set", "stop"] * count
    assert capsys.readouterr().out.count(f"The program that holds {unit.port} has stopped.") == count


@pytest.mark.hazard("H-18")
def test_a_stop_beside_a_session_that_stands_still_is_sent_on_the_port(folder: Path, tmp_path: Path) -> None:
    with (
        served_unit(tmp_path) as unit,
        session(unit.port, tmp_path / "j", short_protocol(tmp_path, 60)) as running,
    ):
        assert waited_for(unit.gives_output)
        running.send_signal(signal.SIGSTOP)
        stopped = finished(tmp_path, "stop", "--port", unit.port)
        running.send_signal(signal.SIGCONT)
        told = running.communicate(timeout=LIMIT_S)

    assert (stopped.returncode, stopped.stdout) == (0, "The unit reports that its output is off.\n")
    assert "is in use by another program" in stopped.stderr
    assert [line.output for line in unit.rest()] == [290, 0]
    # 8: on a busy computer its own stop may not be answered in time
    assert running.returncode in (6, 7, 8), told


# --- network addresses ------------------------------------------------------------------------------------

SPELT = (
    "socket://127.0.0.1:{}",
    "SOCKET://127.0.0.1:{}/",
    "socket://localhost:{}",
    "socket://LocalHost:0{}",
    "socket://127.1:{}",
    "socket://[::ffff:127.0.0.1]:{}",
    "socket://0.0.0.0:{}",
    "socket://somebody@127.0.0.1:{}/path?logging=debug#part",
    "rfc2217://127.0.0.1:{}?timeout=3",
)


@pytest.mark.hazard("H-18")
@pytest.mark.parametrize("spelt", SPELT)
def test_every_spelling_of_a_network_address_leads_to_its_holder(folder: Path, spelt: str) -> None:
    with holder("socket://127.0.0.1:7001"):
        assert ask_to_stop(spelt.format(7001)) is OffConfirmation.CONFIRMED
        assert ask_to_stop(spelt.format(7002)) is None


@pytest.mark.hazard("H-18")
def test_the_holder_of_the_other_loopback_address_is_stopped_and_not_believed(folder: Path) -> None:
    inbox: Inbox = SimpleQueue()
    service = StopService(inbox)
    with listening("socket://127.0.0.1:7001", service):
        loop = Loop(inbox, service, CONFIRMED)

        assert ask_to_stop("socket://[::1]:7001") is None

        loop.join(LIMIT_S)
        assert not loop.is_alive()  # it has had a stop, which is all that ends it here


@pytest.mark.parametrize("port", ["socket://", "socket://127.0.0.1", "rfc2217://:7001", "socket://[::1:7001"])
def test_what_is_no_address_has_no_holder(port: str) -> None:
    assert name_of(port) is None
    assert ask_to_stop(port) is None


@pytest.mark.hazard("H-18")
@pytest.mark.parametrize("spelt", ["socket://localhost:{}", "socket://127.0.0.1:{}/"])
def test_a_session_on_a_network_address_is_stopped_by_another_spelling_of_it(
    folder: Path, tmp_path: Path, capsys: Capture, spelt: str
) -> None:
    with served_unit(tmp_path, "--tcp", "127.0.0.1:0") as unit:
        number = unit.port.rpartition(":")[2]
        with session(unit.port, tmp_path / "j", short_protocol(tmp_path, 60)) as running:
            assert waited_for(unit.gives_output)
            code = call(["stop", "--port", spelt.format(number)])
            running.wait(LIMIT_S)

    assert (code, running.returncode) == (0, 6)
    assert [line.why for line in unit.rest()] == ["set", "stop"]
    assert "has stopped" in capsys.readouterr().out
