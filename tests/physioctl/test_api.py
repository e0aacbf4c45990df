"""Units and sessions for scripts: what ``import physioctl`` gives. In real time but for the rehearsals."""

from __future__ import annotations

import doctest
import signal
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import physioctl
from device.errors import Stopped, WrongUnit
from device.events import Event, LevelLowered, ObserverDropped, OffConfirmation, OperatorActed, StateChanged
from physioctl import ConnectedUnit, InvalidUsage, RunningSession
from physioctl.errors import JournalUnusable
from physioctl.events import Outcome, SessionEnded, SessionStarted
from physioctl.rehearsal import by_name
from protocols.errors import Refused
from tests.processes import (
    LEASE_MS,
    LIMIT_S,
    ServedUnit,
    begin,
    finished,
    served_unit,
    short_protocol,
)

SIM = "sim://us111"


@pytest.fixture
def journal(tmp_path: Path) -> Path:
    return physioctl.begin_journal(tmp_path / "j.sqlite")


@pytest.fixture
def unit(journal: Path) -> Iterator[ConnectedUnit]:
    with physioctl.connect(SIM, dialect="native", journal=journal) as connected:
        yield connected


@pytest.fixture
def short(tmp_path: Path) -> Path:
    return short_protocol(tmp_path, 1)


@pytest.fixture
def long(tmp_path: Path) -> Path:
    return short_protocol(tmp_path, 60)


def until(session: RunningSession, state: str) -> None:
    """Wait until the session has been in ``state``."""
    for event in session.events():
        if isinstance(event, StateChanged) and event.state == state:
            return
    raise AssertionError(f"never {state}: {session.result()}")


# --- a session ------------------------------------------------------------------------------------------


def test_a_session_tells_every_event_from_the_first_to_the_last(unit: ConnectedUnit, short: Path) -> None:
    session = unit.start(short, answers=None, operator="T-2")

    events = list(session.events())

    ended = session.result()
    assert isinstance(events[0], SessionStarted)
    assert events[0].serial == unit.identity.serial
    assert events[0].operator == "t-2"
    assert events[-1] == ended
    assert (ended.outcome, ended.output_off, ended.delivered_ms) == ("completed", "confirmed", 1000)
    assert list(session.events()) == events


def test_what_a_script_does_is_in_the_record_with_who_asked(
    unit: ConnectedUnit, long: Path, journal: Path
) -> None:
    session = unit.start(long, answers=None, attended=True)
    until(session, "emitting")
    session.pause(by="T-1")
    until(session, "paused")
    session.resume(operator="T-2")
    session.note("the gel is dry", by="T-3")
    session.stop()

    assert session.result(LIMIT_S).outcome is Outcome.STOPPED
    told = [
        event for event in physioctl.session_events(session.id, journal) if isinstance(event, OperatorActed)
    ]
    assert [(event.action, event.by) for event in told] == [
        ("pause", "t-1"),
        ("resume", "t-2"),
        ("stop", "operator"),
    ]
    assert [note.by for note in physioctl.account(session.id, journal).notes] == ["t-3"]


def test_a_level_is_lowered_as_it_is_written_with_its_unit(unit: ConnectedUnit, tmp_path: Path) -> None:
    path = tmp_path / "higher.yaml"
    path.write_text(short_protocol(tmp_path, 60).read_text("utf-8").replace("0.29 W", "0.5 W"), "utf-8")
    session = unit.start(path, answers=None)
    until(session, "emitting")

    for wrong in ("0.3", "2000 /min", "nonsense"):
        with pytest.raises(InvalidUsage):
            session.lower(to=wrong)
    session.lower(to="0.3 W/cm²", by="T-1")
    lowered = next(event for event in session.events() if isinstance(event, LevelLowered))

    assert (lowered.before, lowered.after, lowered.by) == (500, 300, "t-1")


def test_after_the_end_a_stop_does_nothing_and_all_else_is_refused(unit: ConnectedUnit, short: Path) -> None:
    session = unit.start(short, answers=None)
    session.stop()
    session.stop()
    ended = session.result(LIMIT_S)

    session.stop()

    actions: tuple[Callable[[], None], ...] = (
        session.pause,
        session.skip,
        session.lower,
        lambda: session.resume(operator="T-1"),
    )
    for action in actions:
        with pytest.raises(InvalidUsage, match="over"):
            action()
    assert session.result() is ended
    assert unit.stop() is OffConfirmation.CONFIRMED
    assert (
        unit.start(short, answers=None).result(LIMIT_S).outcome is Outcome.COMPLETED
    )  # no stop was left over


def test_what_cannot_be_kept_is_refused_where_it_is_asked_for(unit: ConnectedUnit, long: Path) -> None:
    session = unit.start(long, answers=None)

    for action in (
        lambda: session.note(""),
        lambda: session.pain(11),
        lambda: session.pause(by="Ann Smith"),
        lambda: unit.start(long, answers=None),  # while another one runs
    ):
        with pytest.raises(InvalidUsage):
            action()
    with pytest.raises(TimeoutError):
        session.result(timeout_s=0)
    assert session.running


@pytest.mark.hazard("H-18")
def test_a_stop_that_comes_before_the_session_has_begun_is_not_dropped(
    unit: ConnectedUnit, short: Path
) -> None:
    unit.request_stop()

    with pytest.raises(Stopped):
        unit.start(short, answers=None)


def test_a_stop_is_of_the_session_that_it_was_asked_of_and_of_no_later_one(
    unit: ConnectedUnit, short: Path, long: Path
) -> None:
    first = unit.start(long, answers=None)
    assert unit.stop() is OffConfirmation.CONFIRMED
    first.stop()
    assert first.result().outcome == "stopped"
    first.stop()

    assert unit.start(short, answers=None).result().outcome == "completed"


def test_what_keeps_a_session_from_starting_is_raised_by_start(unit: ConnectedUnit, journal: Path) -> None:
    with pytest.raises(Refused):
        unit.start("calf-tightness-ultrasound", side="left", person="P-017")  # nothing is answered
    with pytest.raises(InvalidUsage):
        unit.start("calf-tightness-ultrasound", side="banana", person="P-017")

    assert physioctl.sessions(journal) == ()


def test_another_unit_and_a_journal_that_is_not_there_are_refused(journal: Path, tmp_path: Path) -> None:
    with pytest.raises(WrongUnit):
        physioctl.connect(SIM, serial="US111-1", dialect="native", journal=journal)
    with pytest.raises(JournalUnusable, match="there is no journal"):
        physioctl.connect(SIM, journal=tmp_path / "mistyped.sqlite")


# --- observers ------------------------------------------------------------------------------------------


class Raising:
    def on_event(self, event: Event) -> None:
        raise RuntimeError("no")


class CallingBack:
    """Stops the session and waits for its result, from within an event."""

    def __init__(self) -> None:
        self.session: RunningSession | None = None
        self.known = threading.Event()
        self.ended: SessionEnded | None = None

    def on_event(self, event: Event) -> None:
        if isinstance(event, StateChanged) and event.state == "emitting":
            self.known.wait(LIMIT_S)
            assert self.session is not None
            self.session.stop()
            self.ended = self.session.result(LIMIT_S)


def test_no_observer_can_keep_a_session_from_its_end(unit: ConnectedUnit, long: Path) -> None:
    calling_back = CallingBack()

    session = unit.start(long, answers=None, observers=[Raising(), calling_back])
    calling_back.session = session
    calling_back.known.set()

    assert session.result(LIMIT_S).outcome is Outcome.STOPPED
    dropped = [event.observer for event in session.events() if isinstance(event, ObserverDropped)]
    assert dropped == ["Raising"]


# --- leaving the block ----------------------------------------------------------------------------------


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


def interrupted(served: ServedUnit, folder: Path, journal: Path, long: Path, number: int, at: int) -> None:
    process = begin(folder, served.port, journal, long, at, code=_SCRIPT)
    assert process.stdout is not None
    assert process.stdout.readline().strip() == "here", at
    process.send_signal(number)
    process.communicate(timeout=LIMIT_S)


@pytest.mark.hazard("H-01")
def test_a_script_that_is_interrupted_or_killed_at_any_line_leaves_output_off(
    tmp_path: Path, journal: Path, long: Path
) -> None:
    with served_unit(tmp_path) as served:
        for at in range(10):
            interrupted(served, tmp_path, journal, long, signal.SIGINT, at)
            assert not served.gives_output(), at
        told = physioctl.sessions(journal)
        interrupted(served, tmp_path, journal, long, signal.SIGKILL, 3)
        off = served.until_output_off(2 * LEASE_MS / 1000)

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


@pytest.mark.hazard("H-01")
def test_a_stop_from_elsewhere_reaches_a_unit_with_a_session_and_without(
    tmp_path: Path, journal: Path, long: Path
) -> None:
    with served_unit(tmp_path) as served:
        with physioctl.connect(served.port, dialect="native", journal=journal) as unit:
            assert physioctl.stop(served.port) is OffConfirmation.CONFIRMED
            session = unit.start(long)
            until(session, "emitting")

            said = physioctl.stop(served.port)

            assert said is OffConfirmation.CONFIRMED
            assert session.result(LIMIT_S).outcome is Outcome.STOPPED
        assert physioctl.stop(served.port) is OffConfirmation.CONFIRMED


def test_two_units_are_driven_by_one_program(journal: Path, short: Path) -> None:
    with (
        physioctl.connect(f"{SIM}?seed=1", dialect="native", journal=journal) as one,
        physioctl.connect(f"{SIM}?seed=2", dialect="native", journal=journal) as other,
    ):
        sessions = [unit.start(short, answers=None) for unit in (one, other)]
        ended = [session.result(LIMIT_S) for session in sessions]

    assert [each.delivered_ms for each in ended] == [1000, 1000]
    assert len(physioctl.sessions(journal)) == 2


# --- in virtual time, and without a unit ------------------------------------------------------------------


def test_a_rehearsal_by_name_is_the_same_every_time() -> None:
    found = [physioctl.rehearse("unit-check", seed=7, faults=["lift_off@4s+2s"]) for _ in range(2)]

    assert found[0] == found[1]
    assert found[0].alarms == ("CONTACT_LOST",)
    assert found[0].agrees
    assert physioctl.rows(found)[0]["delivered_ms"] == 10_000


def test_what_the_documentation_of_a_rehearsal_shows_is_what_happens() -> None:
    assert doctest.testmod(by_name) == (0, 1)


def test_a_rehearsal_names_what_it_does_not_know() -> None:
    for wrong in ({"model": "us112"}, {"faults": ["sunshine@4s"]}, {"dialect": "klingon"}):
        with pytest.raises(physioctl.PhysioctlError):
            physioctl.rehearse("unit-check", **wrong)


def test_a_plan_is_made_for_a_model_by_its_name() -> None:
    plan = physioctl.plan_for("calf-tightness-ultrasound", "us111")

    same = physioctl.plan_for(physioctl.find("calf-tightness-ultrasound"), "US111")
    assert plan.steps == same.steps
    assert plan.delivered_ms > 0
    with pytest.raises(Refused):
        physioctl.plan_for("calf-tightness-ultrasound", "ultragun")
