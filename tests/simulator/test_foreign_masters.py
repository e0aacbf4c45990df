"""Masters that others wrote, against the simulated Modbus unit on a pty: it is Modbus, and not only ours."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from queue import SimpleQueue
from threading import Event, Thread

import minimalmodbus
import pytest
import serial

from device.wire import modbus_map as wire
from device.wire.messages import UnitState
from simulator.cable import Cable
from simulator.dialects import neighbours
from simulator.modbus_unit import UntimedUnit
from simulator.serve import serve_pty
from tests.simulator.modbus_bench import ModbusBench

LIMIT_S = 10.0
ADDRESS = 17

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="select on a pty is a thing of POSIX")
with_mbpoll = pytest.mark.skipif(
    shutil.which("mbpoll") is None, reason="mbpoll is not installed: apt-get install mbpoll"
)


@contextmanager
def served(cable: Cable) -> Iterator[str]:
    addresses: SimpleQueue[str] = SimpleQueue()
    end = Event()
    kwargs: dict[str, Callable[..., object]] = {"announce": addresses.put, "ended": end.is_set}
    server = Thread(target=serve_pty, args=(cable,), kwargs=kwargs)
    server.start()
    try:
        yield addresses.get(timeout=LIMIT_S)
    finally:
        end.set()
        server.join(LIMIT_S)
        assert not server.is_alive()


@pytest.fixture
def bench() -> ModbusBench:
    """A unit with output on, which nothing but a stop ends."""
    bench = ModbusBench(UntimedUnit, address=ADDRESS)
    bench.start()
    return bench


@pytest.fixture
def port(bench: ModbusBench) -> Iterator[str]:
    (gun,) = neighbours(("ultragun@18",), bench.unit)
    with served(Cable(bench.unit, neighbours=(gun,))) as name:
        yield name


class FramedSerial(serial.Serial):
    """A port at which a refusal, which is the shortest of answers, is read by its own length.

    minimalmodbus asks for as many bytes as the answer would have without one, and would wait them out.
    """

    REFUSAL_BYTES = 5

    def read(self, size: int = 1) -> bytes:
        if size <= self.REFUSAL_BYTES:
            return bytes(super().read(size))
        head = bytes(super().read(self.REFUSAL_BYTES))
        refused = len(head) > 1 and head[1] & 0x80
        return head if refused else head + bytes(super().read(size - len(head)))


@contextmanager
def minimal(port: str, address: int = ADDRESS) -> Iterator[minimalmodbus.Instrument]:
    with FramedSerial(port, 115_200, timeout=LIMIT_S, write_timeout=LIMIT_S) as line:
        yield minimalmodbus.Instrument(line, address)


def mbpoll(port: str, *arguments: str, address: int = ADDRESS) -> subprocess.CompletedProcess[str]:
    line = ("-m", "rtu", "-b", "115200", "-P", "none", "-0", "-1", "-o", "5")
    return subprocess.run(
        ["mbpoll", *line, "-a", str(address), "-t", "4", *arguments[:-1], port, *arguments[-1].split()],
        capture_output=True,
        text=True,
        timeout=LIMIT_S,
        check=False,
    )


def test_minimalmodbus_reads_the_status(port: str) -> None:
    with minimal(port) as master:
        found = master.read_registers(wire.Status.ADDRESS, wire.Status.COUNT)

    status = wire.Status.read(found, ADDRESS)
    assert (status.state, status.level_set) == (UnitState.EMITTING, 440)


def test_minimalmodbus_reads_who_it_is_and_a_wide_value(bench: ModbusBench, port: str) -> None:
    with minimal(port) as master:
        nonce = master.read_long(wire.Status.ADDRESS + 5)
        model = master.read_string(wire.Identity.ADDRESS + 11, 8)

    assert nonce == bench.nonce
    assert model.rstrip("\0") == "US111"


@pytest.mark.hazard("H-18")
@pytest.mark.parametrize("function", [6, 16])
def test_minimalmodbus_stops_a_unit(bench: ModbusBench, port: str, function: int) -> None:
    with minimal(port) as master:
        master.write_register(wire.Order.ADDRESS, wire.Command.STOP, functioncode=function)

    assert bench.unit.output == 0


@pytest.mark.hazard("H-18")
def test_minimalmodbus_stops_every_unit_of_the_line(bench: ModbusBench, port: str) -> None:
    with minimal(port, 0) as everyone:
        everyone.write_register(wire.Order.ADDRESS, wire.Command.STOP)
    with minimal(port, 18) as other:
        state = other.read_register(wire.Status.ADDRESS + 3)

    assert bench.unit.output == 0
    assert state == UnitState.IDLE


def test_minimalmodbus_is_told_what_it_may_not_do(bench: ModbusBench, port: str) -> None:
    with minimal(port) as master:
        with pytest.raises(minimalmodbus.IllegalRequestError, match="value"):
            master.write_register(wire.Order.ADDRESS, wire.Command.SET)
        with pytest.raises(minimalmodbus.IllegalRequestError, match="address"):
            master.read_register(0x900)
        with pytest.raises(minimalmodbus.IllegalRequestError, match="function"):
            master.read_bit(0)

    assert bench.unit.output == 440


@with_mbpoll
def test_mbpoll_reads_the_status(port: str) -> None:
    read = mbpoll(port, "-r", "256", "-c", "28", "")

    assert read.returncode == 0, read.stderr
    shown = dict(
        line.removeprefix("[").split("]:") for line in read.stdout.splitlines() if line.startswith("[")
    )
    assert int(shown["259"].split()[0]) == UnitState.EMITTING
    assert int(shown["263"].split()[0]) == 0  # it names no session: a unit of this kind cannot
    assert int(shown["265"].split()[0]) == 440


@pytest.mark.hazard("H-18")
@with_mbpoll
def test_mbpoll_stops_a_unit(bench: ModbusBench, port: str) -> None:
    written = mbpoll(port, "-r", "0", "7")

    assert written.returncode == 0, written.stderr
    assert bench.unit.output == 0


@with_mbpoll
def test_mbpoll_is_told_what_it_may_not_do(bench: ModbusBench, port: str) -> None:
    written, beside = mbpoll(port, "-r", "0", "5"), mbpoll(port, "-r", "256", "-c", "29", "")

    assert "Illegal data value" in written.stderr
    assert "Illegal data address" in beside.stderr
    assert bench.unit.output == 440
