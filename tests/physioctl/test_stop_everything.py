"""``physioctl stop`` without a port: every session that listens and every port, none held up by another.

The folder where sessions listen and the list of ports are the test's own: the machine's own sessions are
not to be stopped here.
"""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from queue import SimpleQueue

import pytest

from device.events import OffConfirmation, StopOutcome
from device.link import Inbox, Port
from device.operator import SessionAction
from physioctl.cli.stop_everything import NO_EMERGENCY_STOP, stop_everything
from physioctl.holder import StopService, listening
from physioctl.local_socket import connections_to, name_of, places
from tests.processes import LIMIT_S, served_unit, session, short_protocol, waited_for

if sys.platform == "win32":
    pytest.skip("Unix sockets and ptys are things of POSIX", allow_module_level=True)

Capture = pytest.CaptureFixture[str]
A = "sim://us111?serial=A-1"
B = "sim://ultragun?serial=B-2"
DEAF = "sim://us111?fault=half_open@0s%2B1h=1"  # its answers are lost
ON_USB = "a serial number"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where sessions listen in this test alone."""
    made = tmp_path / "sockets"
    made.mkdir(mode=0o700)
    return made


def listing(*names: str, usb: str | None = ON_USB) -> Callable[[], Iterable[Port]]:
    return lambda: [Port(name, "", usb) for name in names]


@contextmanager
def listener(port: Path, folder: Path, known: OffConfirmation | None) -> Iterator[Inbox]:
    """A program that holds ``port``, and says ``known`` of its output when asked; None: it hangs."""
    port.touch()
    inbox: Inbox = SimpleQueue()
    service = StopService(inbox, str(port))

    def loop() -> None:
        if inbox.get() is SessionAction.STOP and known is not None:
            service.on_event(StopOutcome(at_ms=1, output_off=known, took_ms=1))

    thread = threading.Thread(target=loop, daemon=True)
    with listening(str(port), service, [folder]):
        thread.start()
        yield inbox
        inbox.put(b"")
    service.release()
    thread.join(LIMIT_S)


@pytest.mark.hazard("H-18")
def test_every_unit_that_answers_is_stopped_and_named(folder: Path, capsys: Capture) -> None:
    code = stop_everything(None, folders=[folder], listed=listing(A, B))

    out, err = capsys.readouterr()
    assert (code, err) == (0, "")
    *units, last = out.splitlines()
    assert sorted(units) == [
        f"{B}: UltraGun B-2. The unit reports that its output is off.",
        f"{A}: US111 A-1. The unit reports that its output is off.",
    ]
    assert last == NO_EMERGENCY_STOP


@pytest.mark.hazard("H-18")
def test_every_session_that_listens_is_stopped_whatever_its_port(
    folder: Path, tmp_path: Path, capsys: Capture
) -> None:
    ports = [tmp_path / "one", tmp_path / "two"]

    with (
        listener(ports[0], folder, OffConfirmation.CONFIRMED),
        listener(ports[1], folder, OffConfirmation.CONFIRMED),
    ):
        code = stop_everything(None, folders=[folder], listed=listing())

    out, err = capsys.readouterr()
    assert (code, err) == (0, "")
    for port in ports:
        assert (
            f"{port}: the program that held it has stopped. The unit reports that its output is off." in out
        )


@pytest.mark.hazard("H-18")
def test_a_port_that_fails_keeps_no_other_from_being_stopped(
    folder: Path, tmp_path: Path, capsys: Capture
) -> None:
    missing = str(tmp_path / "gone")

    code = stop_everything(None, folders=[folder], listed=listing(missing, A, DEAF))

    out, err = capsys.readouterr()
    assert code == 8  # the worst of them
    assert f"{A}: US111 A-1. The unit reports that its output is off." in out
    assert f"error: {missing}: there is no port {missing}" in err
    assert f"error: {DEAF}: a stop was sent, and nothing answers." in err


def test_a_port_that_cannot_be_opened_beside_one_that_is_stopped_is_exit_code_5(
    folder: Path, tmp_path: Path
) -> None:
    assert stop_everything(None, folders=[folder], listed=listing(str(tmp_path / "gone"), A)) == 5


@pytest.mark.hazard("H-18")
@pytest.mark.parametrize(
    ("others", "usb", "code"),
    [((A,), None, 0), ((A,), ON_USB, 8), ((), None, 8), ((), ON_USB, 8)],
)
def test_a_port_on_which_nothing_answers_is_named_and_counts_unless_it_is_the_computers_own(
    folder: Path, capsys: Capture, others: tuple[str, ...], usb: str | None, code: int
) -> None:
    assert stop_everything(None, folders=[folder], listed=listing(DEAF, *others, usb=usb)) == code

    err = capsys.readouterr().err
    assert f"{DEAF}: a stop was sent, and nothing answers." in err
    assert "switch it off at its own switch" in err


@pytest.mark.hazard("H-18")
def test_a_session_that_hangs_is_told_of_and_holds_up_nothing(
    folder: Path, tmp_path: Path, capsys: Capture
) -> None:
    port = tmp_path / "hanging"
    with listener(port, folder, None) as inbox:
        code = stop_everything(None, folders=[folder], listed=listing(A))

        out, err = capsys.readouterr()
        assert inbox.empty()  # the loop has taken the stop
    assert code == 8  # its port was tried then, and is a file
    assert f"error: {port}: the program that holds it does not confirm a stop; " in err
    assert "NOT KNOWN" in err
    assert f"{A}: US111 A-1." in out


def test_what_does_not_come_to_an_end_in_time_is_not_known(
    folder: Path, tmp_path: Path, capsys: Capture
) -> None:
    with listener(tmp_path / "hanging", folder, None):
        code = stop_everything(None, folders=[folder], listed=listing(), limit_ms=1)

    err = capsys.readouterr().err
    assert code == 8
    assert "NOT KNOWN" in err


def test_a_usual_port_that_the_system_does_not_list_is_stopped_as_well(folder: Path, capsys: Capture) -> None:
    assert stop_everything(None, folders=[folder], listed=listing(A), usual=B) == 0
    assert "UltraGun B-2" in capsys.readouterr().out


@pytest.mark.hazard("H-18")
def test_two_names_of_one_port_are_one_port(folder: Path, tmp_path: Path, capsys: Capture) -> None:
    with served_unit(tmp_path) as unit:
        other = tmp_path / "by-id"
        other.symlink_to(unit.port)
        code = stop_everything(None, folders=[folder], listed=listing(unit.port), usual=str(other))

    out, err = capsys.readouterr()
    assert (code, err) == (0, "")
    assert out.count("output is off") == 1


@pytest.mark.hazard("H-18")
def test_a_unit_named_by_its_address_and_its_line_are_not_stopped_at_once(
    folder: Path, tmp_path: Path, capsys: Capture
) -> None:
    """Each would set the line for its own dialect, and take the other's answers."""
    with served_unit(tmp_path, "--dialect", "modbus") as unit:
        usual = f"{unit.port}#1"
        code = stop_everything(None, folders=[folder], listed=listing(unit.port), usual=usual)

    out, err = capsys.readouterr()
    assert (code, err) == (0, "")
    assert [line.partition(": ")[0] for line in out.splitlines()[:2]] == [usual, unit.port]
    assert out.count("The unit reports that its output is off.") == 2


def test_an_address_that_is_none_is_told_and_its_line_is_stopped(folder: Path, capsys: Capture) -> None:
    code = stop_everything(None, folders=[folder], listed=listing(A), usual="/dev/ttyUSB0#x")

    out, err = capsys.readouterr()
    assert code != 0
    assert "US111 A-1" in out
    assert "'x' is not a unit's address" in err


def test_a_list_of_ports_that_cannot_be_had_keeps_no_session_from_being_stopped(
    folder: Path, tmp_path: Path, capsys: Capture
) -> None:
    def broken() -> Iterable[Port]:
        raise OSError("no such bus")

    with listener(tmp_path / "one", folder, OffConfirmation.CONFIRMED):
        assert stop_everything(None, folders=[folder], listed=broken) == 0

    assert "cannot be listed: no such bus" in capsys.readouterr().err


def test_with_nothing_to_stop_it_says_so_and_that_the_units_switch_is_the_way(
    folder: Path, capsys: Capture
) -> None:
    (folder / ("0" * 16)).touch()  # left by a program that has died

    assert stop_everything(None, folders=[folder], listed=listing()) == 5

    out, err = capsys.readouterr()
    assert out.splitlines() == [NO_EMERGENCY_STOP]
    assert err.startswith("error: there is no session and no serial port")


@pytest.mark.hazard("H-18")
def test_a_real_session_is_ended_though_its_port_is_in_no_list(
    folder: Path, tmp_path: Path, capsys: Capture
) -> None:
    with served_unit(tmp_path) as unit:
        name = name_of(unit.port)
        assert name is not None
        with session(unit.port, tmp_path / "j", short_protocol(tmp_path, 60)) as process:
            assert unit.next_change()
            listens = next(place / name for place in places() if (place / name).exists())
            os.symlink(listens, folder / name)  # noqa: PTH211 - the folder is the test's, the session is not
            code = stop_everything(None, folders=[folder], listed=listing())
            off = unit.until_output_off()
            assert waited_for(lambda: process.poll() is not None)
        assert list(connections_to(name)) == []

    assert code == 0
    assert process.returncode == 6
    assert off is not None
    assert off.why == "stop"
    assert f"{unit.port}: the program that held it has stopped." in capsys.readouterr().out
