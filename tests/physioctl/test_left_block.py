"""How a script leaves the block of a unit: whatever way it takes, output ends. In real time."""

from __future__ import annotations

import json
import signal
import threading
from pathlib import Path
from types import FrameType

import pytest

import physioctl
from device.events import Event, StateChanged
from physioctl import ConnectedUnit, InvalidUsage, Request, RunningSession
from physioctl.events import Outcome
from tests.physioctl.test_api import until
from tests.processes import LIMIT_S, ServedUnit, begin, finished, served_unit, short_protocol

SIM = "sim://us111"


@pytest.fixture
def journal(tmp_path: Path) -> Path:
    return physioctl.begin_journal(tmp_path / "j.sqlite")


@pytest.fixture
def short(tmp_path: Path) -> Path:
    return short_protocol(tmp_path, 1)


@pytest.fixture
def long(tmp_path: Path) -> Path:
    return short_protocol(tmp_path, 60)


def left_by(raised: type[BaseException], port: str, journal: Path, protocol: Path) -> None:
    with physioctl.connect(port, dialect="native", journal=journal) as unit:
        until(unit.start(protocol), "emitting")
        raise raised


@pytest.mark.hazard("H-01")
def test_leaving_the_block_by_an_exception_ends_output_and_the_record_says_how(
    tmp_path: Path, journal: Path, long: Path
) -> None:
    with served_unit(tmp_path) as served:
        for raised in (ValueError, SystemExit, KeyboardInterrupt):
            with pytest.raises(raised):
                left_by(raised, served.port, journal, long)

            assert served.is_off_again()

    told = physioctl.sessions(journal)
    assert [(each.outcome, each.output_off) for each in told] == [("stopped", "confirmed")] * 3


class Interrupting:
    """Presses Ctrl-C once the session is being stopped."""

    def on_event(self, event: Event) -> None:
        if isinstance(event, StateChanged) and event.state == "stopping":
            main = threading.main_thread().ident
            assert main is not None
            signal.pthread_kill(main, signal.SIGINT)


def test_an_interrupt_while_the_unit_is_let_go_is_raised_once_that_is_done(journal: Path, long: Path) -> None:
    unit = physioctl.connect(SIM, dialect="native", journal=journal)
    session = unit.start(long, answers=None, observers=[Interrupting()])
    until(session, "emitting")

    with pytest.raises(KeyboardInterrupt):
        unit.close()

    assert not session.running
    assert session.result().outcome is Outcome.STOPPED
    with pytest.raises(InvalidUsage, match="let go"):
        unit.stop()


_SCRIPT = """
import os, sys, threading
import physioctl
port, journal, protocol, at = sys.argv[1:]

def here(line):
    if line == int(at):
        print("here", flush=True)
        while True:  # a signal that comes just before a wait is seen only after it
            threading.Event().wait(0.1)

def script():
    here(0)
    with physioctl.connect(port, dialect="native", journal=journal) as unit:
        here(1)
        session = unit.start(protocol, attended=True)
        here(2)
        for event in session.events():
            if getattr(event, "state", "") == "emitting":
                break
        here(3)
        session.lower()
        here(4)
        session.pause()
        here(5)
        session.resume(operator="T-02")
        here(6)
        session.stop()
        here(7)
        session.result()
        here(8)
    here(9)

script()
"""


def interrupted(served: ServedUnit, folder: Path, journal: Path, long: Path, at: int) -> None:
    process = begin(folder, served.port, journal, long, at, code=_SCRIPT)
    assert process.stdout is not None
    assert process.stdout.readline().strip() == "here", at
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=LIMIT_S)


@pytest.mark.hazard("H-01")
def test_a_script_that_is_interrupted_or_killed_at_any_line_leaves_output_off(
    tmp_path: Path, journal: Path, long: Path
) -> None:
    with served_unit(tmp_path) as served:
        for at in range(10):
            interrupted(served, tmp_path, journal, long, at)
            assert not served.gives_output(), at
        told = physioctl.sessions(journal)
        process = begin(tmp_path, served.port, journal, long, 3, code=_SCRIPT)
        on = served.next_change()  # the state is told before the request for output leaves
        process.kill()
        process.communicate(timeout=LIMIT_S)
        off = served.until_output_off()

        assert on is not None
        assert on.output
        assert off is not None
        assert off.why == "lease"
        with physioctl.connect(served.port, dialect="native", journal=journal) as unit:
            session = unit.start(short_protocol(tmp_path, 1))
            session.result(LIMIT_S)

    # From the second line to the one after the stop there was a session; each of them says how it ended.
    assert [(each.outcome, each.output_off) for each in told] == [("stopped", "confirmed")] * len(told)
    assert len(told) == 8
    assert [broken.output_off for broken in session.reconciled] == ["confirmed"]


_FORKING = """
import os, sys
import physioctl
port, journal, protocol = sys.argv[1:]
with physioctl.connect(port, dialect="native", journal=journal) as unit:
    session = unit.start(protocol)
    for event in session.events():
        if getattr(event, "state", "") == "emitting":
            break
    child = os.fork()
    if not child:
        try:
            session.pause()
        except physioctl.InvalidUsage:
            sys.exit(7)  # leaves the block, and runs what is registered for the exit
    _, status = os.waitpid(child, 0)
    ended = session.result()
print(os.waitstatus_to_exitcode(status), ended.outcome, ended.delivered_ms)
"""


def test_a_forked_child_that_exits_leaves_the_session_alone(
    tmp_path: Path, journal: Path, short: Path
) -> None:
    with served_unit(tmp_path) as served:
        done = finished(tmp_path, served.port, journal, short, code=_FORKING)

    assert (done.stdout, done.stderr) == ("7 completed 1000\n", "")


# --- Ctrl-C, whenever it comes --------------------------------------------------------------------------


@pytest.mark.hazard("H-01")
def test_output_ends_at_whatever_bytecode_ctrl_c_comes_though_the_program_goes_on(
    tmp_path: Path, journal: Path, long: Path
) -> None:
    done = finished(tmp_path, journal, long, code="from tests.physioctl.example_script import main; main()")

    assert (done.returncode, done.stderr) == (0, "")
    at_bytecodes, at_lines = json.loads(done.stdout)
    assert at_bytecodes > 100
    assert at_lines[0] >= 8  # the lines of the example
    told = physioctl.sessions(journal)
    assert len(told) > sum(at_lines)
    assert {(each.outcome, each.output_off) for each in told} == {("stopped", "confirmed")}


def test_ctrl_c_stays_what_the_program_has_made_of_it(journal: Path, long: Path) -> None:
    def of_the_program(number: int, frame: FrameType | None) -> None:
        raise LookupError

    before = signal.signal(signal.SIGINT, of_the_program)
    try:
        with physioctl.connect(SIM, dialect="native", journal=journal) as unit:
            session = unit.start(long, answers=None)
            with pytest.raises(LookupError):
                signal.raise_signal(signal.SIGINT)
            assert session.running
    finally:
        signal.signal(signal.SIGINT, before)
    with physioctl.connect(SIM, dialect="native", journal=journal):
        assert signal.getsignal(signal.SIGINT) is not before

    assert signal.getsignal(signal.SIGINT) is before is signal.default_int_handler


def test_ctrl_c_ends_every_session_of_the_program_although_it_is_caught(journal: Path, long: Path) -> None:
    with (
        physioctl.connect(f"{SIM}?seed=1", dialect="native", journal=journal) as one,
        physioctl.connect(f"{SIM}?seed=2", dialect="native", journal=journal) as other,
    ):
        sessions = [unit.start(long, answers=None) for unit in (one, other)]
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)

        ended = [session.result(LIMIT_S) for session in sessions]

    assert [(each.outcome, each.output_off) for each in ended] == [("stopped", "confirmed")] * 2


class Waiting(RunningSession):
    """A session that never begins, so that nothing ends a wait for it."""

    def __init__(self, unit: ConnectedUnit) -> None:
        request = Request(physioctl.find("unit-check"), answers=None)
        super().__init__(request, unit._driver(), None)
        self.waits = threading.Event()
        self.seen = threading.Event()
        self.given_up = False

    @property
    def running(self) -> bool:
        """True until it is given up; asked at the beginning of a wait."""
        self.waits.set()
        return not self.given_up

    def interrupt(self) -> None:
        """Send SIGINT so that it does not wake the main thread, as one that comes just before its wait."""
        self.waits.wait(LIMIT_S)
        with self._changed:  # the main thread waits
            signal.pthread_kill(threading.get_ident(), signal.SIGINT)
        if not self.seen.wait(LIMIT_S):
            with self._changed:
                self.given_up = True
                self._changed.notify_all()


def test_ctrl_c_that_comes_just_before_a_wait_is_seen_while_nothing_happens(journal: Path) -> None:
    with physioctl.connect(SIM, dialect="native", journal=journal) as unit:
        session = Waiting(unit)
        thread = threading.Thread(target=session.interrupt)
        thread.start()
        try:
            with pytest.raises(KeyboardInterrupt):
                session.wait_until_over()
        finally:
            session.seen.set()
            thread.join()

    assert not session.given_up
