"""What was answered before earlier sessions, read back from the journal."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path
from queue import SimpleQueue

import pytest

from device.clock import VirtualClock
from device.operator import SessionAction
from physioctl.errors import JournalUnusable
from physioctl.events import Screened
from physioctl.guidance import run_guidance
from physioctl.guidance_steps import Loop
from physioctl.guided.screening import ask_and_keep
from physioctl.questions import questions_of
from physioctl.record.answers_kept import answers_kept
from physioctl.record.history import sessions
from physioctl.record.journal import Journal
from physioctl.record.verify import verify
from physioctl.rehearsal.rig import CableLink, Rig
from physioctl.runner import Request, run_session
from physioctl.screening import Answer, day_of
from protocols.errors import Refused
from protocols.library import find
from tests.support import SECOND_MS, VIRTUAL_DAY, CountedLink, screened
from tests.typist import Typist

CALF = find("calf-tightness-percussion")
ULTRASOUND = find("calf-tightness-ultrasound")
HAND = find("hand-cramp-guidance")
GROWING = "EPIPHYSIS_CHILD"  # lasting, and absolute for ultrasound
CODES = [question.code for question in questions_of(HAND)]
SOON_STOPPED = ((SECOND_MS, SessionAction.STOP),)


def given(journal: Journal, person: str = "P-017", *, days: int = 0, **yes: Answer) -> None:
    """One session for ``person``, some days after the first day, which is soon stopped."""
    clock = VirtualClock(VirtualClock().utc() + timedelta(days=days))
    answers = screened(CALF, yes, on=day_of(clock), person=person)
    rig = Rig("ultragun", clock=clock, link=CountedLink, actions=SOON_STOPPED)
    run_session(Request(CALF, "left", person, answers), rig.driver, journal)


def test_what_was_answered_is_read_back_with_its_question_and_its_day() -> None:
    with Journal.in_memory(VirtualClock()) as journal:
        given(journal)

        kept = answers_kept(journal, "p-017", simulated=False)

    asked = {each.code: each for each in screened(CALF).given if each.code != "age_band"}
    assert {each.code: each for each in kept} == asked
    assert {each.date for each in kept} == {VIRTUAL_DAY}


def test_of_several_days_the_latest_counts() -> None:
    with Journal.in_memory(VirtualClock()) as journal:
        given(journal)
        given(journal, days=2)

        kept = answers_kept(journal, "P-017", simulated=False)

    assert {each.date for each in kept} == {VIRTUAL_DAY + timedelta(days=2)}


@pytest.mark.hazard("H-16")
def test_the_answers_of_another_person_are_not_read() -> None:
    with Journal.in_memory(VirtualClock()) as journal:
        given(journal, "P-018")

        assert answers_kept(journal, "P-017", simulated=False) == ()


@pytest.mark.hazard("H-16")
def test_the_answers_before_a_simulated_session_count_for_nobody() -> None:
    with Journal.in_memory(VirtualClock()) as journal:
        rig = Rig("ultragun", actions=SOON_STOPPED)
        run_session(Request(CALF, "left", "P-017", screened(CALF)), rig.driver, journal)

        assert answers_kept(journal, "P-017", simulated=False) == ()
        assert answers_kept(journal, "P-017", simulated=True)


# --- what refused a session -----------------------------------------------------------------------------


def refused(
    journal: Journal, person: str | None = "P-017", *, days: int = 0, link: type = CountedLink, **yes: Answer
) -> None:
    """A session for ``person``, some days after the first day, that the answers refuse."""
    clock = VirtualClock(VirtualClock().utc() + timedelta(days=days))
    journal.clock = clock
    request = Request(ULTRASOUND, "left", person, screened(ULTRASOUND, yes, on=day_of(clock), person=person))
    with pytest.raises(Refused, match="screening"):
        run_session(request, Rig(clock=clock, link=link).driver, journal)


def growing(journal: Journal, person: str = "P-017", *, simulated: bool = False) -> list[tuple[str, date]]:
    kept = answers_kept(journal, person, simulated=simulated)
    return [(each.answer, each.date) for each in kept if each.code == GROWING]


@pytest.mark.hazard("H-16")
def test_a_yes_that_refused_a_session_takes_the_place_of_an_older_no() -> None:
    clock = VirtualClock()
    with Journal.in_memory(clock) as journal:
        answers = screened(ULTRASOUND)
        run_session(
            Request(ULTRASOUND, "left", "P-017", answers), Rig(clock=clock, link=CountedLink).driver, journal
        )
        before = growing(journal)

        refused(journal, days=2, EPIPHYSIS_CHILD=Answer.YES)

        assert before == [(Answer.NO, VIRTUAL_DAY)]
        assert growing(journal) == [(Answer.YES, VIRTUAL_DAY + timedelta(days=2))]
        assert len(sessions(journal)) == 1  # the refused one is none
        assert verify(journal).whole


@pytest.mark.hazard("H-16")
def test_a_refusal_is_read_back_for_its_own_person_and_kind_of_unit_alone() -> None:
    with Journal.in_memory(VirtualClock()) as journal:
        refused(journal, "P-018", EPIPHYSIS_CHILD=Answer.YES)
        refused(journal, link=CableLink, EPIPHYSIS_CHILD=Answer.YES)

        assert growing(journal, "P-017") == []
        assert len(growing(journal, "P-017", simulated=True)) == len(growing(journal, "P-018")) == 1


def test_a_relative_yes_that_nobody_acknowledged_is_read_back() -> None:
    with Journal.in_memory(VirtualClock()) as journal:
        refused(journal, METAL_IMPLANT=Answer.YES)

        kept = answers_kept(journal, "P-017", simulated=False)

    assert [each.answer for each in kept if each.code == "METAL_IMPLANT"] == [Answer.YES]


def test_a_refusal_without_a_yes_or_without_a_person_is_not_recorded() -> None:
    with Journal.in_memory(VirtualClock()) as journal:
        refused(journal, EPIPHYSIS_CHILD=Answer.UNANSWERED)
        with pytest.raises(Refused):
            run_guidance(
                Request(HAND, "left", None, screened(HAND, dict.fromkeys(CODES, Answer.YES), person=None)),
                Loop(journal.clock, SimpleQueue()),
                journal,
            )

        assert verify(journal).entries == 0


def test_guidance_that_is_refused_is_recorded_as_well() -> None:
    with Journal.in_memory(VirtualClock()) as journal:
        answers = screened(HAND, dict.fromkeys(CODES, Answer.YES))
        with pytest.raises(Refused):
            run_guidance(Request(HAND, "left", "P-017", answers), Loop(journal.clock, SimpleQueue()), journal)

        kept = answers_kept(journal, "P-017", simulated=False)

    assert {(each.code, each.answer) for each in kept} == {(code, Answer.YES) for code in CODES}


def test_a_refusal_at_a_time_of_day_that_is_in_doubt_is_not_recorded() -> None:
    with Journal.in_memory(VirtualClock()) as journal:
        refused(journal, days=2, EPIPHYSIS_CHILD=Answer.YES)
        refused(journal, days=1, METAL_IMPLANT=Answer.YES)

        assert verify(journal).entries == 1


def test_a_journal_that_cannot_take_a_refusal_does_not_hide_why_it_was_refused(tmp_path: Path) -> None:
    clock = VirtualClock()
    path = tmp_path / "j"
    with Journal.open(path, clock) as journal:
        path.rename(tmp_path / "moved")
        request = Request(ULTRASOUND, "left", "P-017", screened(ULTRASOUND, {GROWING: Answer.YES}))

        with pytest.raises(Refused, match=r"(?s)EPIPHYSIS_CHILD.*not in the journal") as why:
            run_session(request, Rig(clock=clock, link=CountedLink).driver, journal)

    assert why.value.action == "Do not treat here. Ask the person's clinician."


@pytest.mark.hazard("H-16")
def test_a_yes_at_the_terminal_is_shown_before_the_next_session_in_the_place_of_an_older_no() -> None:
    clock = VirtualClock()
    typed = ["adult", *("yes" if q.code == GROWING else "no" for q in questions_of(ULTRASOUND))]
    with Journal.in_memory(clock) as journal:

        def asked(*lines: str) -> str:
            terminal = Typist(lines)
            with pytest.raises(Refused, match=GROWING):
                ask_and_keep(ULTRASOUND, terminal, journal, person="P-017", operator=None, simulated=False)
            return terminal.screen

        first = asked(*typed)
        second = asked("adult", "yes")

    assert "As on" not in first
    assert f"As on {VIRTUAL_DAY}: yes: Growing bone. Is that still so?" in second


@pytest.mark.parametrize(
    "answers", [{"OWN": {}}, {"OWN": "no"}, {"OWN": {"answer": "no", "question": "", "date": 5}}]
)
def test_an_entry_that_no_sound_program_wrote_is_damage(answers: dict[str, object]) -> None:
    with Journal.in_memory(VirtualClock()) as journal:
        given(journal)
        (summary,) = sessions(journal)
        journal.append(
            summary.id, Screened(at_ms=0, answers=answers, notes=(), acknowledged={}, age_band=None)
        )

        with pytest.raises(JournalUnusable, match="its answer to OWN cannot be read"):
            answers_kept(journal, "P-017", simulated=False)
