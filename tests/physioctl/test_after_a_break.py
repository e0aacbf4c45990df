"""After a break: the unit is found again whatever its port is called now, and the way on stands ready."""

from __future__ import annotations

import json
import shlex
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from queue import SimpleQueue

import pytest

from device.clock import SystemClock
from device.dialects.base import Identity
from device.events import OffConfirmation
from device.link import Port
from device.operator import SessionAction
from physioctl.cli import call
from physioctl.cli.reconnect import Back, Socket, reconnect
from physioctl.cli.rest import Typed, rest_command
from physioctl.cli.session import after_the_cable, exit_code
from physioctl.events import Outcome, SessionEnded, SessionReconciled
from physioctl.record.history import session as recorded
from physioctl.record.history import sessions
from physioctl.record.journal import Journal
from physioctl.unit_search import ask
from tests.processes import ServedUnit, journal_at, served_unit, session, short_protocol
from tests.terminals import Terminal

if sys.platform == "win32":
    pytest.skip("ptys are a thing of POSIX", allow_module_level=True)

GONE = "/gone/ttyUSB0"


def listing(*ports: Port) -> Callable[[], Iterable[Port]]:
    return lambda: list(ports)


def killed(tmp_path: Path, unit: ServedUnit) -> Path:
    """The journal of a session whose computer died while the unit gave output."""
    journal = tmp_path / "j"
    with session(unit.port, journal, short_protocol(tmp_path, 60)) as process:
        assert unit.next_change()
        process.kill()
        process.wait()
    assert unit.until_output_off()
    return journal


def identity(port: str) -> Identity:
    found = ask(port).identity
    assert found is not None
    return found


def tried(journal: Path, socket: Socket, of: Identity, *ports: Port, stop: bool = False) -> Back | None:
    inbox: SimpleQueue[object] = SimpleQueue()
    if stop:
        inbox.put(SessionAction.STOP)
    clock = SystemClock()
    with Journal.open(journal, clock) as record:
        return reconnect(socket, of, record, clock, inbox, listing(*ports))  # type: ignore[arg-type]


def interrupted(known: OffConfirmation) -> SessionEnded:
    """The end of a session whose cable was pulled."""
    return SessionEnded(
        at_ms=1,
        session="20261121-120000-000000",
        outcome=Outcome.INTERRUPTED,
        why="",
        output_off=known,
        delivered_ms=0,
        planned_ms=1,
        energy_mj=0,
        planned_energy_mj=None,
        duration_ms=1,
    )


def unheard(_found: SessionReconciled, _port: str) -> None:
    """Nobody is told what was settled."""


# --- finding it again -------------------------------------------------------------------------------------


@pytest.mark.parametrize("usb_serial", ["A50285BI", ""])
def test_a_unit_that_comes_back_under_another_name_is_found_and_asked_what_it_did(
    tmp_path: Path, usb_serial: str
) -> None:
    with served_unit(tmp_path) as unit:
        of = identity(unit.port)
        journal = killed(tmp_path, unit)

        back = tried(journal, Socket(GONE, "native", usb_serial), of, Port(unit.port, "", usb_serial))

    assert back is not None
    assert back.port == unit.port
    (found,) = back.found
    assert (found.session, found.counted) == (recorded(journal).summary.id, True)


def test_another_unit_is_asked_who_it_is_and_nothing_of_it_is_settled(tmp_path: Path) -> None:
    with served_unit(tmp_path) as unit:
        of = identity(unit.port)
        journal = killed(tmp_path, unit)
        other = "sim://us111?serial=OTHER"

        back = tried(journal, Socket(GONE, "native"), of, Port(other, ""), stop=True)

    assert back is None
    assert recorded(journal).summary.outcome is None


def test_the_ports_that_are_looked_at_are_its_own_its_adapters_and_new_ones() -> None:
    listed = listing(
        Port("/dev/ttyS0", ""),
        Port("/dev/ttyUSB0", "", "OTHER"),
        Port("/dev/ttyUSB1", "", "MINE"),
        Port("/dev/ttyUSB2", "", "NEW"),
    )
    socket = Socket("/dev/ttyUSB9#17", "modbus", "MINE", frozenset({"/dev/ttyS0", "/dev/ttyUSB0"}))

    assert list(socket.candidates(listed)) == ["/dev/ttyUSB9#17", "/dev/ttyUSB1#17", "/dev/ttyUSB2#17"]


@pytest.mark.parametrize("port", ["socket://127.0.0.1:4001", "rfc2217://host:1#17", "sim://us111"])
def test_what_is_no_cable_comes_back_at_its_own_address_only(port: str) -> None:
    assert list(Socket(port, "native").candidates(listing(Port("/dev/ttyUSB1", "", "X")))) == [port]


def test_where_a_unit_is_plugged_in_is_noted_while_it_is() -> None:
    listed = listing(Port("/dev/ttyS0", ""), Port("/dev/ttyUSB0", "", "MINE"))

    noted = Socket.noted("/dev/ttyUSB0#17", "modbus", listed)

    assert noted == Socket("/dev/ttyUSB0#17", "modbus", "MINE", frozenset({"/dev/ttyS0"}))


def test_a_list_of_ports_that_cannot_be_had_is_not_worth_a_session() -> None:
    def broken() -> Iterable[Port]:
        raise OSError

    assert Socket.noted("/dev/ttyUSB0", "native", broken) == Socket("/dev/ttyUSB0", "native")


def test_ports_that_cannot_be_listed_while_the_cable_is_out_leave_the_one_it_had() -> None:
    """A port goes away while it is being looked at: the session's end, and its exit code, stand."""

    def broken() -> Iterable[Port]:
        raise OSError("no such device")

    assert list(Socket(GONE, "native").candidates(broken)) == [GONE]


@pytest.mark.parametrize("known", [OffConfirmation.UNKNOWN, OffConfirmation.PRESUMED])
def test_a_record_that_cannot_be_kept_afterwards_hides_no_output_that_is_not_confirmed_off(
    tmp_path: Path, known: OffConfirmation, capsys: pytest.CaptureFixture[str]
) -> None:
    port, clock = "sim://us111?serial=A-1", SystemClock()
    socket, of = Socket(port, "native"), identity(port)

    with Journal.open(tmp_path / "j", clock) as record:
        (tmp_path / "j").unlink()
        after = after_the_cable(interrupted(known), socket, of, unheard, record, SimpleQueue())

    assert exit_code(after) == 8
    assert "has been removed or moved while it was open" in capsys.readouterr().err


# --- what is said -----------------------------------------------------------------------------------------


@pytest.mark.hazard("H-04")
def test_a_pulled_cable_is_told_in_words_with_the_whole_command_for_the_rest(tmp_path: Path) -> None:
    protocol = short_protocol(tmp_path, 60)
    port = "sim://us111?serial=A-1&fault=cable_pulled@2s"
    journal = tmp_path / "my journal"
    where = ("--port", port, "--plain", "--journal", journal_at(journal), "--yes")
    terminal = Terminal(tmp_path, "run", protocol, *where)
    try:
        assert terminal.shows(lambda: b"Plug the cable in again" in terminal.screen)
        terminal.press("s")
        code = terminal.ended()
    finally:
        terminal.close()

    said = terminal.screen.decode()
    assert code == 8
    assert "US111 A-1 has not come back." in said
    for python in ("Errno", "Exception", "readiness to read", "termios"):
        assert python not in said


def test_a_stopped_session_ends_with_the_command_for_its_rest_and_that_command_gives_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    protocol, journal = short_protocol(tmp_path, 4), tmp_path / "my journal"
    with served_unit(tmp_path) as unit:
        where = ("--port", unit.port, "--plain", "--journal", journal_at(journal), "--yes")
        terminal = Terminal(tmp_path, "run", protocol, *where)
        try:
            assert unit.next_change()
            assert terminal.shows(lambda: recorded(journal).summary.delivered_ms > 0)
            terminal.press("s")
            assert terminal.ended() == 6
        finally:
            terminal.close()
        said = terminal.screen.decode()
        lines = said.splitlines()
        words = shlex.split(lines[lines.index("To give the rest:") + 1])

        assert words[0] == "physioctl"
        assert call(words[1:]) == 0

    rest, first = sessions(journal)
    assert (rest.rest_of, rest.ending) == (first.id, "completed")
    capsys.readouterr()


def test_the_command_names_what_was_typed_by_whole_paths_and_quoted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    typed = Typed("mine.yaml", Path("my answers.yaml"), "op-1", Path("j"), unauthenticated_network=True)

    words = shlex.split(rest_command(typed, "20260101-000000-aaaaaa", "/dev/ttyUSB0#17", "modbus"))

    assert words == [
        *("physioctl", "run", str(tmp_path / "mine.yaml"), "--rest-of", "20260101-000000-aaaaaa"),
        *("--port", "/dev/ttyUSB0#17", "--dialect", "modbus"),
        *("--answers", str(tmp_path / "my answers.yaml"), "--journal", str(journal_at(tmp_path / "j"))),
        *("--operator", "op-1", "--unauthenticated-network"),
    ]
    assert rest_command(Typed("unit-check"), "x", "COM4", "native") == (
        "physioctl run unit-check --rest-of x --port COM4"
    )


def test_on_the_full_screen_the_command_for_the_rest_stands_below_it_once_it_has_closed(
    tmp_path: Path,
) -> None:
    with served_unit(tmp_path) as unit:
        journal = killed(tmp_path, unit)
        broken = recorded(journal).summary.id
        where = ("--port", unit.port, "--journal", journal_at(journal), "--yes")
        terminal = Terminal(tmp_path, "run", short_protocol(tmp_path, 60), *where, size=(80, 24))
        try:
            assert terminal.shows(unit.gives_output)
            terminal.signal("SIGTERM")  # nobody is asked then, and the screen closes at once
            assert terminal.ended() == 6
        finally:
            terminal.close()

    below = terminal.screen.rpartition(b"\x1b[?1049l")[2].decode()
    assert f"session {broken} (short-60) had broken off" in " ".join(terminal.screen.decode().split())
    (command,) = (line for line in below.splitlines() if f"--rest-of {broken}" in line)
    assert command.startswith("physioctl run ")
    assert command.endswith(shlex.join(["--journal", str(journal)]))


# --- JSON -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("refused", [False, True])
def test_json_tells_what_was_reconciled_behind_the_first_line_or_alone_where_the_session_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], refused: bool
) -> None:
    with served_unit(tmp_path) as unit:
        journal = killed(tmp_path, unit)
        broken = recorded(journal).summary
        protocol = tmp_path / "p.yaml"
        text = short_protocol(tmp_path, 1).read_text(encoding="utf-8")
        protocol.write_text(text.replace("0.29 W", "1.5 W" if refused else "0.29 W"), encoding="utf-8")

        code = call(
            ["run", str(protocol), "--port", unit.port, "--journal", str(journal_at(journal)), "--json"]
        )

    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    events = [line["event"] for line in lines]
    assert code == (4 if refused else 0)
    if refused:
        assert events == ["session_reconciled"]
    else:
        assert (events[0], events[1], events[-1]) == (
            "session_started",
            "session_reconciled",
            "session_ended",
        )
    assert lines[0 if refused else 1]["session"] == broken.id
