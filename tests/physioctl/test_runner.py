"""One session from its request to its closed record, on the rig: refused in time, or told to its end."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from queue import SimpleQueue

import pytest

from device.clock import VirtualClock
from device.control.driver import Driver
from device.dialects.native import Native
from device.events import Event, Observer, OffConfirmation, Recorder, StartAwaited
from device.link import Inbox
from device.operator import SessionAction
from physioctl.errors import InvalidUsage, JournalUnusable
from physioctl.events import Outcome, SessionEnded
from physioctl.record.history import session, sessions
from physioctl.record.journal import Journal, SessionLog
from physioctl.record.verify import verify
from physioctl.rehearsal.rig import CableLink, Rig
from physioctl.runner import Request, run_session
from physioctl.screening import Answer, Answers
from protocols.errors import Refused
from protocols.library import find
from protocols.limits import Bound, Layer, Quantity
from simulator.cable import Cable
from simulator.unit import SimulatedUnit
from tests.physioctl.test_observers import run_in_real_time
from tests.support import SECOND_MS, CountedLink, Ledger, screened

CHECK = find("unit-check")
CALF = find("calf-tightness-percussion")
# Its first emission alone: a session counts for the day, however long it was.
SHORT = CALF.model_copy(update={"steps": CALF.steps[1:2]})


def answered(person: str | None = "P-017", **yes: Answer) -> Answers:
    return screened(CALF, yes, person=person)


def test_a_session_is_told_from_its_start_to_its_end_and_the_record_is_whole() -> None:
    rig, ledger = Rig(), Ledger()
    with Journal.in_memory(rig.clock) as journal:
        ended = run_session(Request(CHECK), rig.driver, journal, [ledger])

        names = [event.name for event in ledger.events]
        recorded = session(journal)
        assert (ended.outcome, ended.output_off) == (Outcome.COMPLETED, OffConfirmation.CONFIRMED)
        assert (names[0], names[-1]) == ("session_started", "session_ended")
        assert [entry.name for entry in recorded.entries] == names
        assert recorded.summary.delivered_ms == ended.delivered_ms == rig.unit.delivered_ms
        assert verify(journal).whole


def test_the_journal_hears_of_a_start_before_the_bytes_leave() -> None:
    rig = Rig()

    class Early:
        """Looks at the unit the moment it is told of a command."""

        def on_event(self, event: Event) -> None:
            if event.name == "commanded":
                told.append(len(rig.unit.changes))

    told: list[int] = []
    with Journal.in_memory(rig.clock) as journal:
        run_session(Request(CHECK), rig.driver, journal, [Early()])

    assert told == [0, 0]  # arming, and the start


# --- before output --------------------------------------------------------------------------------------


@pytest.mark.hazard("H-16")
@pytest.mark.parametrize("answers", [Answers(), answered(None, DVT_THROMBOPHLEBITIS=Answer.YES)])
def test_screening_that_says_no_refuses_and_nothing_is_output_or_recorded(answers: Answers) -> None:
    rig = Rig("ultragun")
    with Journal.in_memory(rig.clock) as journal:
        with pytest.raises(Refused):
            run_session(Request(CALF, "left", "P-017", answers=answers), rig.driver, journal)

        assert list(sessions(journal)) == []
    assert rig.unit.changes == []


@pytest.mark.parametrize(
    ("model", "protocol", "instruction"),
    [
        ("us111", "unit-check", "On nobody, head face down in water"),
        ("ultragun", "unit-check-percussion", "On nobody, the gun held by its grip, its head in the air"),
    ],
)
def test_a_check_of_a_unit_is_started_with_what_has_to_be_so_for_a_check(
    model: str, protocol: str, instruction: str
) -> None:
    rig, ledger = Rig(model, actions=[(5000, SessionAction.START)]), Ledger()
    request = Request(find(protocol), attended=True, awaits_start=True)

    with Journal.in_memory(rig.clock) as journal:
        ended = run_session(request, rig.driver, journal, [ledger])

    told = [event.instruction for event in ledger.events if isinstance(event, StartAwaited)]
    assert (ended.outcome, told) == (Outcome.COMPLETED, [instruction])


def test_an_operators_own_limit_refuses_what_is_above_it() -> None:
    rig = Rig()
    bound = Bound(Quantity.INTENSITY_MW_CM2, Layer.OPERATOR, "for a test", at_most=289)
    with Journal.in_memory(rig.clock) as journal, pytest.raises(Refused) as refused:
        run_session(Request(CHECK, operator=(bound,)), rig.driver, journal)

    assert "operator" in str(refused.value)
    assert rig.unit.changes == []


@pytest.mark.hazard("H-03")
def test_a_site_has_had_enough_after_two_sessions_of_a_day() -> None:
    with Journal.in_memory(VirtualClock()) as journal:
        for number in (1, 2):
            rig = Rig("ultragun", seed=number, link=CountedLink)
            request = Request(SHORT, "left", person="P-017", answers=answered())
            assert run_session(request, rig.driver, journal).outcome is Outcome.COMPLETED

        third = Rig("ultragun", seed=3, link=CountedLink)
        request = Request(SHORT, "left", person="P-017", answers=answered())
        with pytest.raises(Refused) as refused:
            run_session(request, third.driver, journal)
        other = Rig("ultragun", seed=4, link=CountedLink)
        request = Request(SHORT, "left", person="P-018", answers=answered("P-018"))
        of_another_person = run_session(request, other.driver, journal)

    assert "24 hours" in str(refused.value)
    assert third.unit.changes == []
    assert of_another_person.outcome is Outcome.COMPLETED


@pytest.mark.hazard("H-03")
def test_a_reference_written_in_another_way_makes_no_room_for_a_third_session() -> None:
    with Journal.in_memory(VirtualClock()) as journal:
        for number, written in enumerate(("P-017", "p-017")):
            request = Request(SHORT, "left", person=written, answers=answered())
            run_session(request, Rig("ultragun", seed=number, link=CountedLink).driver, journal)
        third = Rig("ultragun", seed=3, link=CountedLink)
        request = Request(SHORT, "left", person="Ｐ-017", answers=answered())

        with pytest.raises(Refused, match="24 hours"):
            run_session(request, third.driver, journal)

    assert third.unit.changes == []


@pytest.mark.hazard("H-13")
@pytest.mark.parametrize(("today", "may"), [(datetime(2026, 6, 30, tzinfo=UTC), True),
                                            (datetime(2026, 7, 3, tzinfo=UTC), False)])  # fmt: skip
def test_a_unit_that_was_calibrated_more_than_a_year_ago_is_refused(today: datetime, may: bool) -> None:
    clock = VirtualClock(today)
    unit = SimulatedUnit(
        "us111", calibrated=(datetime(2025, 7, 1, tzinfo=UTC) - datetime(2020, 1, 1, tzinfo=UTC)).days
    )
    inbox: Inbox = SimpleQueue()
    cable = Cable(unit)
    clock.add(cable)
    controller = Driver(CableLink(cable, clock, inbox), clock, inbox, Native())

    with Journal.in_memory(clock) as journal:
        if may:
            assert run_session(Request(CHECK), controller, journal).outcome is Outcome.COMPLETED
        else:
            with pytest.raises(Refused):
                run_session(Request(CHECK), controller, journal)
            assert unit.changes == []


# --- ends -----------------------------------------------------------------------------------------------


def test_a_session_that_a_person_stops_is_recorded_as_stopped() -> None:
    rig = Rig(actions=[(4 * SECOND_MS, SessionAction.STOP)])
    with Journal.in_memory(rig.clock) as journal:
        ended = run_session(Request(CHECK), rig.driver, journal)

        assert (ended.outcome, ended.output_off) == (Outcome.STOPPED, OffConfirmation.CONFIRMED)
        assert session(journal).summary.outcome == Outcome.STOPPED
        assert verify(journal).whole
    assert rig.unit.output == 0


class Saboteur:
    """A observer that closes the journal in mid-session: the record can no longer be kept."""

    def __init__(self, journal: Journal, after: int) -> None:
        self._journal = journal
        self._after = after
        self.ended: list[SessionEnded] = []

    def on_event(self, event: Event) -> None:
        self._after -= 1
        if self._after == 0:
            self._journal.close()
        if isinstance(event, SessionEnded):
            self.ended.append(event)


@pytest.mark.hazard("H-15")
@pytest.mark.parametrize("after", [1, 3, 6, 10])
def test_a_journal_that_breaks_in_mid_session_ends_the_output(after: int) -> None:
    rig = Rig()
    journal = Journal.in_memory(rig.clock)
    saboteur = Saboteur(journal, after)

    with pytest.raises(JournalUnusable):
        run_session(Request(CHECK), rig.driver, journal, [saboteur])

    assert rig.unit.output == 0
    assert rig.controller.output_off() is OffConfirmation.CONFIRMED
    assert rig.unit.breaches == []


@pytest.mark.hazard("H-15")
def test_no_session_runs_within_a_transaction_of_its_journal(tmp_path: Path) -> None:
    rig = Rig()

    with Journal.open(tmp_path / "j", rig.clock) as journal:
        with journal.transaction(), pytest.raises(InvalidUsage, match="within a transaction"):
            run_session(Request(CHECK), rig.driver, journal)
        with journal.transaction(), pytest.raises(InvalidUsage, match="within a transaction"):
            journal.begin("s")

    assert rig.unit.changes == []
    assert verify(tmp_path / "j").entries == 0


class RealLink(CableLink):
    """A cable to a unit that is not made in this process."""

    simulated = False


@pytest.mark.hazard("H-16")
def test_that_nobody_is_treated_is_believed_on_a_simulated_unit_alone() -> None:
    rig = Rig("ultragun")
    inbox: Inbox = SimpleQueue()
    controller = Driver(RealLink(rig.cable, rig.clock, inbox), rig.clock, inbox, Native())

    with Journal.in_memory(rig.clock) as journal, pytest.raises(Refused, match="no answer that counts"):
        run_session(Request(CALF, side="left", answers=None), controller, journal)

    assert rig.unit.changes == []


@pytest.mark.hazard("H-16")
def test_a_session_for_which_nothing_is_said_of_answers_is_refused() -> None:
    rig = Rig()

    with Journal.in_memory(rig.clock) as journal, pytest.raises(Refused, match="no answer that counts"):
        run_session(Request(CALF, "left", "P-017"), rig.driver, journal)

    assert rig.unit.changes == []


# --- between admission and delivery ---------------------------------------------------------------------


class WithoutThreads(list[Observer]):
    """Observers for which no thread can be started: none has room for its stack."""

    def __iter__(self) -> Iterator[Observer]:
        threading.stack_size(1 << 46)
        return super().__iter__()


@pytest.mark.hazard("H-15")
@pytest.mark.skipif(sys.platform == "win32", reason="there the size of a stack is no limit")
def test_a_session_for_whose_observers_there_is_no_thread_ends_as_failed_in_the_record(
    tmp_path: Path,
) -> None:
    usual = threading.stack_size()
    try:
        with pytest.raises(RuntimeError, match="thread"):
            run_in_real_time(tmp_path, WithoutThreads([Ledger()]), seconds=1)
    finally:
        threading.stack_size(usual)

    kept = session(tmp_path / "j").summary
    assert (kept.outcome, kept.output_off, kept.delivered_ms) == (
        Outcome.FAILED,
        OffConfirmation.CONFIRMED,
        0,
    )
    assert verify(tmp_path / "j").whole


@pytest.mark.hazard("H-15")
def test_a_session_whose_recorder_cannot_be_made_is_told_as_failed() -> None:
    rig, observer = Rig(), Ledger()

    def broken(log: SessionLog) -> Recorder:
        raise MemoryError

    with Journal.in_memory(rig.clock) as journal, pytest.raises(MemoryError):
        run_session(Request(CHECK), rig.driver, journal, [observer], recorder=broken)

    assert [event.name for event in observer.events] == ["session_started", "session_ended"]
    assert rig.unit.changes == []
