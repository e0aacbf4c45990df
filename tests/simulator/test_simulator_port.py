"""``sim://`` as pyserial sees it, in real time."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from threading import Thread

import pytest
import serial

from device.clock import SystemClock
from device.wire.frame import Decoder, Frame, encode
from device.wire.messages import Arm, GetStatus, Identify, Identity, Message, Set, Status, UnitState, read

LIMIT_S = 5.0


@pytest.fixture(autouse=True)
def _sim_is_known() -> Iterator[None]:
    serial.protocol_handler_packages.append("simulator")
    yield
    serial.protocol_handler_packages.remove("simulator")


def ask(port: serial.Serial, message: Message, seq: int = 1) -> Message:
    port.write(encode(Frame(message.TYPE, seq, message.pack())))
    decoder = Decoder()
    for _ in range(200):
        for item in decoder.feed(port.read(max(1, port.in_waiting))):
            assert isinstance(item, Frame)
            answer = read(item.type, item.body)
            assert answer is not None
            return answer
    raise AssertionError("no answer")


def opened(url: str, timeout: float | None = LIMIT_S) -> serial.Serial:
    return serial.serial_for_url(url, baudrate=115_200, timeout=timeout)


def read_until_closed(port: serial.Serial) -> None:
    with suppress(serial.PortNotOpenError):  # the closing may come before the reading
        port.read(1)


@pytest.mark.parametrize(("model", "name"), [("us111", "US111"), ("ultragun_pro", "UltraGun PRO")])
def test_a_unit_answers_behind_its_url(model: str, name: str) -> None:
    with opened(f"sim://{model}?seed=7&serial=SIM%207") as port:
        identity = ask(port, Identify())

    assert isinstance(identity, Identity)
    assert (identity.model, identity.serial) == (name, "SIM 7")


@pytest.mark.hazard("H-07")
def test_each_opening_is_another_unit_and_one_of_the_same_serial_number_has_restarted() -> None:
    with opened("sim://us111") as one, opened("sim://us111") as two, opened("sim://ultragun") as gun:
        drawn = [ask(port, Identify()) for port in (one, two, gun)]
    with opened("sim://us111?serial=A") as before, opened("sim://us111?serial=A") as after:
        named = [ask(port, Identify()) for port in (before, after)]

    assert len({identity.serial for identity in drawn if isinstance(identity, Identity)}) == 3
    assert len({identity.serial for identity in named if isinstance(identity, Identity)}) == 1
    assert len({identity.nonce for identity in named if isinstance(identity, Identity)}) == 2


def test_each_port_has_a_unit_of_its_own_and_keeps_it_over_a_closing() -> None:
    with opened("sim://us111") as port, opened("sim://us111") as other:
        first, elsewhere = ask(port, Identify()), ask(other, Identify())
        port.close()
        port.open()
        again = ask(port, Identify(), 2)

    assert first == again
    assert first != elsewhere


def test_a_read_ends_with_its_timeout() -> None:
    clock = SystemClock()
    with opened("sim://us111", timeout=0.02) as port:
        before_ms = clock.now_ms()
        data = port.read(1)
        took_ms = clock.now_ms() - before_ms

    assert data == b""
    assert 15 <= took_ms < 2000


def test_a_read_that_does_not_wait_returns_what_is_there() -> None:
    with opened("sim://us111", timeout=0) as port:
        assert port.read(100) == b""


def test_a_waiting_read_can_be_cancelled_and_closed_from_elsewhere() -> None:
    for end in ("cancel_read", "close"):
        port = opened("sim://us111", timeout=None)
        reader = Thread(target=read_until_closed, args=(port,))
        reader.start()
        getattr(port, end)()
        reader.join(LIMIT_S)
        assert not reader.is_alive()
        port.close()


def test_a_reader_that_waits_is_woken_by_an_answer() -> None:
    with opened("sim://us111") as port:
        data: list[bytes] = []
        reader = Thread(target=lambda: data.append(port.read(1)))
        reader.start()
        port.write(encode(Frame(GetStatus.TYPE, 1)))
        reader.join(LIMIT_S)

    assert data == [b"\0"]


def test_the_units_lease_runs_out_in_real_time_though_nobody_touches_the_port() -> None:
    with opened("sim://us111") as port:
        identity = ask(port, Identify())
        assert isinstance(identity, Identity)
        looked = ask(port, GetStatus(), 4)
        assert isinstance(looked, Status)
        armed = ask(port, Arm(identity.nonce, 1, 440, 60_000, 100_000, looked.uptime_ms), 2)
        assert isinstance(armed, Status)
        started = ask(port, Set(identity.nonce, 1, 440, 50, 1000, 100, 60_000, 0, armed.uptime_ms, 200), 3)
        port.timeout = 0.3
        port.read(1)
        port.timeout = LIMIT_S
        status = ask(port, GetStatus(), 4)

    assert isinstance(started, Status)
    assert isinstance(status, Status)
    assert status.state is UnitState.LAPSED
    assert status.step_ms == started.step_ms + started.lease_left_ms


def test_a_pulled_cable_is_an_error_of_the_port() -> None:
    port = opened("sim://us111?fault=cable_pulled@0s+1h")

    with pytest.raises(serial.SerialException, match="pulled"):
        port.read(1)
    with pytest.raises(serial.SerialException, match="pulled"):
        port.write(b"\0")
    port.close()


def test_a_plus_sign_in_a_fault_is_a_plus_sign() -> None:
    with opened("sim://us111?seed=1&fault=restart@0s+1h") as port:
        port.timeout = 0.05
        port.write(encode(Frame(GetStatus.TYPE, 1)))

        assert port.read(1) == b""


def test_what_has_arrived_can_be_forgotten() -> None:
    with opened("sim://us111") as port:
        port.write(encode(Frame(GetStatus.TYPE, 1)))
        port.read(1)
        waiting = port.in_waiting
        port.reset_input_buffer()
        port.reset_output_buffer()

        assert waiting > 0
        assert port.in_waiting == 0


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("sim://us112", "choose one of ultragun, ultragun_pro, us111"),
        ("sim://", "choose one of ultragun"),
        ("sim://us111?seed=x", "'x' is no whole number"),
        ("sim://us111?sead=1", "nothing is called 'sead' here; use seed, serial, dialect"),
        ("sim://us111?serial=", "'' is no serial number"),
        ("sim://us111?serial=SIM-US-1234567890", "1 to 16 ASCII characters"),
        ("sim://us111?serial=%C3%A9", "1 to 16 ASCII characters"),
        ("sim://us111?fault=lift_of@1s", "no fault is called 'lift_of'"),
        ("sim://ultragun?fault=lift_off@1s", "cannot happen to a unit of percussion"),
    ],
)
def test_an_address_that_makes_no_sense_says_so(url: str, says: str) -> None:
    with pytest.raises(serial.SerialException, match=says):
        opened(url)


def test_a_closed_port_says_so() -> None:
    port = opened("sim://us111")
    port.close()

    with pytest.raises(serial.PortNotOpenError):
        port.read(1)
    port.open()
    with pytest.raises(serial.SerialException, match="open already"):
        port.open()
    port.close()
