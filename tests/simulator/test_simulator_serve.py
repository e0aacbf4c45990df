"""The unit served for real, on a pty and on TCP. Waits are on bytes, with a limit; nothing sleeps."""

from __future__ import annotations

import os
import select
import socket
import sys
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from queue import SimpleQueue
from threading import Event, Thread

import pytest

from device.wire.frame import Decoder, Frame, encode
from device.wire.messages import Arm, GetStatus, Identify, Identity, Message, Set, Status, UnitState, read
from simulator.cable import Cable
from simulator.faults import parse
from simulator.serve import CannotServe, serve_pty, serve_tcp
from simulator.unit import SimulatedUnit

LIMIT_S = 5.0

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="select on a pty is a thing of POSIX")


@contextmanager
def served(serve: Callable[..., None], cable: Cable) -> Iterator[str]:
    addresses: SimpleQueue[str] = SimpleQueue()
    end = Event()
    server = Thread(target=serve, args=(cable,), kwargs={"announce": addresses.put, "ended": end.is_set})
    server.start()
    try:
        yield addresses.get(timeout=LIMIT_S)
    finally:
        end.set()
        server.join(LIMIT_S)
        assert not server.is_alive()


def ask(fd: int, message: Message, seq: int = 1) -> Message:
    os.write(fd, encode(Frame(message.TYPE, seq, message.pack())))
    decoder = Decoder()
    while select.select([fd], [], [], LIMIT_S)[0]:
        for item in decoder.feed(os.read(fd, 4096)):
            assert isinstance(item, Frame)
            answer = read(item.type, item.body)
            assert answer is not None
            return answer
    raise AssertionError("no answer")


def connected(address: str) -> socket.socket:
    host, port = address.removeprefix("socket://").rsplit(":", 1)
    return socket.create_connection((host, int(port)), LIMIT_S)


def ignore(address: str) -> None:
    pass


def test_a_unit_answers_on_a_pty_and_outlives_its_client() -> None:
    unit = SimulatedUnit("us111")
    with served(serve_pty, Cable(unit)) as path:
        first = os.open(path, os.O_RDWR | os.O_NOCTTY)
        identity = ask(first, Identify())
        os.close(first)

        second = os.open(path, os.O_RDWR | os.O_NOCTTY)
        again = ask(second, Identify(), 2)
        os.close(second)

    assert isinstance(identity, Identity)
    assert again == identity


def test_a_pty_passes_every_byte_as_it_is() -> None:
    unit = SimulatedUnit("us111")
    with served(serve_pty, Cable(unit)) as path:
        fd = os.open(path, os.O_RDWR | os.O_NOCTTY)
        answers = [ask(fd, GetStatus(), seq) for seq in (0x0A0D, 0x1103, 0x1304, 0x7F1A)]
        os.close(fd)

    assert all(isinstance(answer, Status) and answer.bad_frames == 0 for answer in answers)


def test_a_client_that_goes_away_unannounced_costs_the_output() -> None:
    output_off = Event()
    unit = SimulatedUnit("us111", on_change=lambda change: None if change.output else output_off.set())
    with served(serve_tcp, Cable(unit)) as address:
        with closing(connected(address)) as client:
            identity = ask(client.fileno(), Identify())
            assert isinstance(identity, Identity)
            looked = ask(client.fileno(), GetStatus(), 4)
            assert isinstance(looked, Status)
            armed = ask(client.fileno(), Arm(identity.nonce, 1, 440, 60_000, 100_000, looked.uptime_ms), 2)
            assert isinstance(armed, Status)
            start = Set(identity.nonce, 1, 440, 50, 1000, 100, 60_000, 0, armed.uptime_ms, 1000)
            running = ask(client.fileno(), start, 3)
        assert output_off.wait(LIMIT_S)
        with closing(connected(address)) as next_client:
            lapsed = ask(next_client.fileno(), GetStatus(), 4)

    assert isinstance(running, Status)
    assert isinstance(lapsed, Status)
    assert (running.state, lapsed.state, lapsed.lapses) == (UnitState.EMITTING, UnitState.LAPSED, 1)
    assert unit.changes[-1].as_json()["why"] == "lease"


def test_a_second_client_waits_for_the_first_to_go() -> None:
    with served(serve_tcp, Cable(SimulatedUnit("us111"))) as address:
        first = connected(address)
        ask(first.fileno(), GetStatus())
        with closing(connected(address)) as second:
            second.sendall(encode(Frame(GetStatus.TYPE, 2)))
            unanswered = select.select([second], [], [], 0.1)[0]
            first.close()
            answered = select.select([second], [], [], LIMIT_S)[0]

    assert (unanswered, answered) == ([], [second])


def test_a_pulled_cable_ends_a_tcp_connection() -> None:
    faults = (parse("cable_pulled@0s+1h"),)
    unit = SimulatedUnit("us111", faults=faults)
    with served(serve_tcp, Cable(unit, faults=faults)) as address, closing(connected(address)) as client:
        assert client.recv(1) == b""


@pytest.mark.parametrize("host", ["0.0.0.0", "192.0.2.7"])
def test_nothing_is_served_beyond_this_machine_unless_it_is_asked_for(host: str) -> None:
    with pytest.raises(CannotServe, match=r"serve on 127\.0\.0\.1"):
        serve_tcp(Cable(SimulatedUnit("us111")), host=host, announce=ignore, ended=lambda: True)


def test_it_is_served_beyond_this_machine_when_it_is_asked_for() -> None:
    addresses: list[str] = []

    serve_tcp(
        Cable(SimulatedUnit("us111")),
        host="0.0.0.0",
        announce=addresses.append,
        ended=lambda: True,
        beyond_this_machine=True,
    )

    assert addresses[0].startswith("socket://0.0.0.0:")


def test_a_port_that_is_taken_says_so() -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as taken:
        port = taken.getsockname()[1]

        with pytest.raises(CannotServe, match="choose another port"):
            serve_tcp(Cable(SimulatedUnit("us111")), port=port, announce=ignore, ended=lambda: True)
