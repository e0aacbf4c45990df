"""The cable, over real pseudo-terminals and sockets. Waits are on news, with a limit; nothing sleeps."""

from __future__ import annotations

import os
import socket
import sys
import termios
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from queue import Empty, SimpleQueue
from time import monotonic
from typing import Any

import pytest
import serial
from serial.rfc2217 import PortManager

from device.dialects.base import Line
from device.errors import LinkLost, PortUnusable
from device.link import USUAL_LINE, WAITING_MAX, Inbox, SerialLink, add_url_handlers, ports
from tests.processes import waited_for

if sys.platform == "win32":
    pytest.skip("pseudo-terminals are a thing of POSIX", allow_module_level=True)

LIMIT_S = 5.0
MORE_THAN_A_LINE_HOLDS = bytes(8_000_000)


class Pty:
    """A pseudo-terminal: its name is a port, and we hold the unit's end."""

    def __init__(self) -> None:
        self.fd, slave = os.openpty()
        self.name = os.ttyname(slave)
        os.close(slave)

    def read(self, size: int) -> bytes:
        data = b""
        while len(data) < size:
            data += os.read(self.fd, size - len(data))
        return data

    def close(self) -> None:
        if self.fd >= 0:
            os.close(self.fd)
        self.fd = -1


@pytest.fixture
def pty() -> Iterator[Pty]:
    with closing(Pty()) as pty:
        yield pty


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(LIMIT_S)
        yield listener


def address(listener: socket.socket, scheme: str = "socket") -> str:
    return f"{scheme}://127.0.0.1:{listener.getsockname()[1]}"


@contextmanager
def opened(
    name: str, *, exclusive: bool = True, line: Line = USUAL_LINE
) -> Iterator[tuple[SerialLink, Inbox]]:
    """An open link and its inbox. Whatever a test does to it, closing it ends its reader."""
    inbox: Inbox = SimpleQueue()
    before = set(threading.enumerate())
    link = SerialLink(name, inbox, exclusive=exclusive, line=line)
    readers = set(threading.enumerate()) - before
    try:
        yield link, inbox
    finally:
        link.close()
        assert not any(reader.is_alive() for reader in readers)


def refusal(name: str) -> tuple[str, str]:
    """What is said of a port that cannot be opened, and what to do about it."""
    with pytest.raises(PortUnusable) as refused:
        SerialLink(name, SimpleQueue())
    return refused.value.what, refused.value.action


def arrived(inbox: Inbox, size: int) -> bytes:
    data = b""
    while len(data) < size:
        news = inbox.get(timeout=LIMIT_S)
        assert isinstance(news, bytes)
        data += news
    return data


# --- an open port ---------------------------------------------------------------------------------


def test_bytes_go_both_ways_over_a_terminal_and_none_is_changed(pty: Pty) -> None:
    every_byte = bytes(range(256))

    with opened(pty.name) as (link, inbox):
        assert link.name == pty.name
        assert link.send(every_byte)
        assert pty.read(256) == every_byte
        os.write(pty.fd, every_byte)
        assert arrived(inbox, 256) == every_byte


def test_bytes_go_both_ways_over_a_socket(listener: socket.socket) -> None:
    with opened(address(listener)) as (link, inbox), listener.accept()[0] as peer:
        assert link.send(b"ask")
        assert peer.recv(3) == b"ask"
        peer.sendall(b"answer")
        assert arrived(inbox, 6) == b"answer"


def echo_as_a_port_server(listener: socket.socket, settings: SimpleQueue[dict[str, Any]]) -> None:
    """A serial port shared over the network, whose unit sends back whatever it gets."""
    with listener.accept()[0] as peer, peer.makefile("wb", buffering=0) as out:
        port: Any = serial.serial_for_url("loop://")
        answer: Any = out
        manager = PortManager(port, answer)
        while data := peer.recv(4096):
            peer.sendall(b"".join(manager.escape(b"".join(manager.filter(data)))))
        settings.put(port.get_settings())
        port.close()


@pytest.mark.filterwarnings("ignore:set:DeprecationWarning:serial.rfc2217")  # pyserial's own names of 2010
def test_bytes_go_both_ways_over_a_port_that_is_shared_on_the_network(listener: socket.socket) -> None:
    every_byte = bytes(range(256))
    settings: SimpleQueue[dict[str, Any]] = SimpleQueue()
    server = threading.Thread(target=echo_as_a_port_server, args=(listener, settings))
    server.start()

    with opened(address(listener, "rfc2217"), line=Line(57_600, "E", 2)) as (link, inbox):
        assert link.send(every_byte)
        assert arrived(inbox, 256) == every_byte
    server.join(LIMIT_S)

    assert not server.is_alive()
    found = settings.get(timeout=LIMIT_S)
    assert (found["baudrate"], found["parity"], found["stopbits"]) == (57_600, "E", 2)


@pytest.mark.parametrize("line", [USUAL_LINE, Line(57_600), Line(9600, "E"), Line(115_200, "O", 2)])
def test_a_terminal_is_opened_as_the_line_says_though_it_knows_no_parity(pty: Pty, line: Line) -> None:
    with opened(pty.name, line=line) as (link, _):
        settings = termios.tcgetattr(pty.fd)
        assert link.send(b"ask")
        assert pty.read(3) == b"ask"

    assert settings[4] == getattr(termios, f"B{line.baud}")


def test_an_open_line_is_set_anew_or_left_as_it_was_and_nothing_on_it_is_lost(pty: Pty) -> None:
    with opened(pty.name) as (link, inbox):
        os.write(pty.fd, b"before")
        assert link.set_line(Line(9600))
        assert termios.tcgetattr(pty.fd)[4] == termios.B9600

        assert not link.set_line(Line(19_200, "E"))  # a pseudo-terminal knows no parity
        assert termios.tcgetattr(pty.fd)[4] == termios.B9600
        assert link.send(b"ask")
        assert pty.read(3) == b"ask"
        assert arrived(inbox, 6) == b"before"
        pty.close()
        assert isinstance(inbox.get(timeout=LIMIT_S), LinkLost)

    assert not link.set_line(Line(19_200))


def test_a_terminal_that_goes_away_is_news_of_its_own(pty: Pty) -> None:
    with opened(pty.name) as (link, inbox):
        pty.close()
        news = inbox.get(timeout=LIMIT_S)

        assert isinstance(news, LinkLost)
        assert news.what.startswith(f"{pty.name} is gone: ")
        assert news.action == "Plug the cable in again and look at the unit."
        with pytest.raises(LinkLost, match=f"^{pty.name} is gone: "):
            link.send(b"stop")


def test_a_socket_that_goes_away_is_news_of_its_own(listener: socket.socket) -> None:
    with opened(address(listener)) as (_, inbox):
        listener.accept()[0].close()

        assert isinstance(inbox.get(timeout=LIMIT_S), LinkLost)


def test_what_arrived_before_the_end_is_heard_before_it(listener: socket.socket) -> None:
    with opened(address(listener)) as (_, inbox):
        with listener.accept()[0] as peer:
            peer.sendall(b"last bytes")

        assert arrived(inbox, 10) == b"last bytes"
        assert isinstance(inbox.get(timeout=LIMIT_S), LinkLost)


def test_a_terminal_nobody_reads_does_not_hold_up_the_loop(pty: Pty) -> None:
    with opened(pty.name) as (link, _):
        began_s = monotonic()

        assert link.send(MORE_THAN_A_LINE_HOLDS) is False
        assert link.send(MORE_THAN_A_LINE_HOLDS) is False
        assert monotonic() - began_s < 2


def test_a_socket_nobody_reads_does_not_hold_up_the_loop(listener: socket.socket) -> None:
    with opened(address(listener)) as (link, _), listener.accept()[0]:
        began_s = monotonic()

        assert link.send(MORE_THAN_A_LINE_HOLDS) is False
        assert monotonic() - began_s < 2
        link.close()  # before the peer resets the connection: pyserial would leave the socket behind


# --- closing --------------------------------------------------------------------------------------


def test_closing_is_no_loss_and_can_be_done_twice(pty: Pty) -> None:
    with opened(pty.name) as (link, inbox):
        link.close()
        link.close()

        with pytest.raises(Empty):
            inbox.get_nowait()
        with pytest.raises(LinkLost):
            link.send(b"stop")


def test_a_lost_port_can_still_be_closed(pty: Pty) -> None:
    with opened(pty.name) as (link, inbox):
        pty.close()
        inbox.get(timeout=LIMIT_S)

        link.close()
        link.close()


def is_open(name: str) -> bool:
    """Whether this process holds the port called ``name``."""
    numbers = Path("/proc/self/fd").iterdir()
    return any(str(number.readlink()).startswith(name) for number in numbers if number.is_symlink())


@pytest.mark.skipif(sys.platform != "linux", reason="/proc is a thing of Linux")
@pytest.mark.parametrize("by", ["reading", "writing"])
def test_a_port_that_is_lost_is_let_go_of_so_that_its_name_can_come_back(pty: Pty, by: str) -> None:
    with opened(pty.name) as (link, inbox):
        assert is_open(pty.name)
        pty.close()
        if by == "reading":
            assert isinstance(inbox.get(timeout=LIMIT_S), LinkLost)
        else:
            with pytest.raises(LinkLost):
                link.send(b"stop")

        assert waited_for(lambda: not is_open(pty.name))
        with pytest.raises(LinkLost):
            link.send(b"stop")


def test_a_port_that_floods_the_inbox_leaves_room_for_a_stop(pty: Pty) -> None:
    with opened(pty.name) as (_, inbox):
        os.set_blocking(pty.fd, False)
        sent = 0
        until_s = monotonic() + LIMIT_S
        while inbox.qsize() < WAITING_MAX and monotonic() < until_s:
            with suppress(BlockingIOError):
                sent += os.write(pty.fd, b"x")
        with suppress(BlockingIOError):
            while True:
                sent += os.write(pty.fd, bytes(1024))
        assert inbox.qsize() == WAITING_MAX

        assert len(arrived(inbox, sent)) == sent


def test_a_closed_port_can_be_opened_again(pty: Pty) -> None:
    for _ in range(2):
        with opened(pty.name) as (link, _):
            assert link.send(b"ask")
            assert pty.read(3) == b"ask"


# --- a port that cannot be opened -----------------------------------------------------------------


def test_a_port_is_ours_alone_unless_it_is_for_stopping(pty: Pty) -> None:
    with opened(pty.name) as (_, _):
        assert refusal(pty.name) == (
            f"{pty.name} is in use by another program",
            f"End that program first. To end its output all the same: physioctl stop --port {pty.name}",
        )
        with opened(pty.name, exclusive=False) as (stopper, _):
            assert stopper.send(b"stop")
            assert pty.read(4) == b"stop"


def test_a_missing_port_is_said_to_be_missing() -> None:
    assert refusal("/dev/no-such-port") == (
        "there is no port /dev/no-such-port",
        "See what there is with: physioctl ports",
    )


def test_what_is_no_serial_port_is_said_to_be_none(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.touch()

    for name in (str(tmp_path), str(file), "/dev/null"):
        assert refusal(name) == (f"{name} is not a serial port", "See what there is with: physioctl ports")


def test_a_port_that_is_not_permitted_says_how_it_can_be(pty: Pty) -> None:
    Path(pty.name).chmod(0)
    privileged = os.geteuid() == 0
    if privileged:  # who may do everything is refused nothing
        os.seteuid(65534)
    try:
        what, action = refusal(pty.name)
    finally:
        if privileged:
            os.seteuid(0)

    assert what == f"you may not use {pty.name}"
    assert action == (
        "Join the group that owns it (often: sudo usermod -aG dialout $USER), then log in again."
    )


@pytest.mark.parametrize("scheme", ["socket", "rfc2217"])
def test_an_address_nobody_listens_at_is_said_to_be_so(scheme: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        nobody = address(listener, scheme)

    assert refusal(nobody) == (
        f"nobody is listening at {nobody}",
        "Check the address, and that the unit is served.",
    )


@pytest.mark.parametrize("name", ["", "sim", "a\0b", "/dev/\udcff"])
def test_whatever_a_person_types_ends_in_what_and_what_to_do(name: str) -> None:
    what, action = refusal(name)

    assert name in what
    assert action == "See what there is with: physioctl ports"


@pytest.mark.parametrize(
    "name",
    [
        "loop://",
        "loop://?x",
        "loop://?logging=x",
        "hwgrep://",
        "hwgrep://(",
        "alt:///dev/null?class=os.system",
        "spy:///dev/null?file=/no/such/folder",
        "cp2110://0001:004a:00",
        "nowhere://",
        "://",
        "..device://x",
        "socket\n://127.0.0.1:1",
    ],
)
def test_an_address_of_a_kind_we_do_not_speak_is_refused_before_anybody_reads_it(name: str) -> None:
    assert refusal(name) == (
        f"{name} is no kind of port that is spoken here",
        "Name a device path, a COM name, or a sim://, socket:// or rfc2217:// address.",
    )


@pytest.mark.parametrize("scheme", ["socket", "rfc2217", "SOCKET"])
@pytest.mark.parametrize(
    "rest",
    [
        "",
        "[",
        "x",
        "127.0.0.1",
        "127.0.0.1:",
        "127.0.0.1:x",
        "127.0.0.1:-1",
        "127.0.0.1:99999999999",
        "127.0.0.1:\uff11",
        "127.0.0.1:1?logging=x",
        "127.0.0.1:1?timeout=x",
        "127.0.0.1:1?x=1",
        "a..b:1",
        "a\0b:1",
        "\udcff:1",
    ],
)
def test_an_address_that_is_written_wrong_ends_in_what_and_what_to_do(scheme: str, rest: str) -> None:
    what, action = refusal(f"{scheme}://{rest}")

    assert rest in what
    assert action


@pytest.mark.parametrize(
    ("rest", "why"),
    [
        ("", "it names no host"),
        (":4001", "it names no host"),
        ("127.0.0.1", "it names no port"),
        ("no-port", "it names no port"),
        ("127.0.0.1:99999", "a port is a number from 1 to 65535"),
        ("127.0.0.1:0", "a port is a number from 1 to 65535"),
        ("127.0.0.1:x", "a port is a number from 1 to 65535"),
        ("[::1:4001", "it is not well formed"),
        ("127.0.0.1:4001?logging=debug", "options, user names and paths are not taken"),
        ("somebody@127.0.0.1:4001", "options, user names and paths are not taken"),
        ("127.0.0.1:4001/path", "options, user names and paths are not taken"),
    ],
)
@pytest.mark.parametrize("scheme", ["socket", "rfc2217"])
def test_what_is_wrong_with_an_address_is_said(scheme: str, rest: str, why: str) -> None:
    what, action = refusal(f"{scheme}://{rest}")

    assert what == f"{scheme}://{rest} is no address: {why}"
    assert action == f"Write {scheme}://HOST:PORT, such as {scheme}://127.0.0.1:4001"


# --- the ports there are --------------------------------------------------------------------------


def test_the_ports_there_are_come_in_their_order_and_pseudo_terminals_are_not_among_them(pty: Pty) -> None:
    found = list(ports())

    assert found == sorted(found, key=lambda port: port.name)
    assert all(port.about != "n/a" for port in found)
    assert pty.name not in {port.name for port in found}


def test_a_package_brings_its_kind_of_port_once() -> None:
    packages = serial.protocol_handler_packages
    try:
        add_url_handlers("no.such.package")
        add_url_handlers("no.such.package")

        assert packages.count("no.such.package") == 1
        assert refusal("sim://nowhere")  # one that is not there spoils nothing
    finally:
        packages.remove("no.such.package")
