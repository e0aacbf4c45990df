"""Units and sessions for scripts: what ``import physioctl`` gives. In real time but for the rehearsals."""

from __future__ import annotations

import ast
import doctest
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

import physioctl
from device.clock import SystemClock
from device.errors import Stopped, WrongUnit
from device.events import Event, LevelLowered, ObserverDropped, OffConfirmation, OperatorActed, StateChanged
from physioctl import ConnectedUnit, InvalidUsage, RunningSession
from physioctl.errors import JournalUnusable
from physioctl.events import Outcome, SessionEnded, SessionStarted
from physioctl.record.journal import Journal
from physioctl.record.verify import verify
from physioctl.rehearsal import by_name
from protocols.errors import Refused
from tests.physioctl import whole_api
from tests.processes import (
    LIMIT_S,
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


# --- from elsewhere, and several units -------------------------------------------------------------------


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


SESSIONS = 32


def test_each_of_many_sessions_of_one_program_is_recorded_whole(journal: Path, short: Path) -> None:
    with ExitStack() as stack:
        units = [
            stack.enter_context(physioctl.connect(f"{SIM}?seed={seed}", dialect="native", journal=journal))
            for seed in range(SESSIONS)
        ]
        sessions = [unit.start(short, answers=None) for unit in units]
        ended = [session.result(LIMIT_S) for session in sessions]

    # On a computer that is too busy for them a lease may run out: `python -m benchmarks sessions_at_once`.
    assert {each.outcome for each in ended} <= {"completed", "interrupted"}
    assert {each.output_off for each in ended} == {"confirmed"}
    assert all(each.delivered_ms == 1000 for each in ended if each.outcome == "completed")
    with Journal.open(journal, SystemClock()) as kept:
        assert verify(kept).whole
    told = {each.id: each.outcome for each in physioctl.sessions(journal)}
    assert told == {each.session: each.outcome for each in ended}
    assert len(told) == SESSIONS


def test_a_script_can_use_every_public_name(tmp_path: Path) -> None:
    script = ast.parse(Path(whole_api.__file__).read_text(encoding="utf-8"))
    looked_up = (each for each in ast.walk(script) if isinstance(each, ast.Attribute))
    used = {each.attr for each in looked_up if ast.unparse(each.value) == "physioctl"}

    assert used == set(physioctl.__all__)
    whole_api.whole(tmp_path)


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
