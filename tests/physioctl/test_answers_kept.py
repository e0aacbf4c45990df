"""What was answered before earlier sessions, read back from the journal."""

from __future__ import annotations

from datetime import timedelta

import pytest

from device.clock import VirtualClock
from device.operator import SessionAction
from physioctl.errors import JournalUnusable
from physioctl.events import Screened
from physioctl.record.answers_kept import answers_kept
from physioctl.record.history import sessions
from physioctl.record.journal import Journal
from physioctl.rehearsal.rig import Rig
from physioctl.runner import Request, run_session
from physioctl.screening import Answer, day_of
from protocols.library import find
from tests.support import SECOND_MS, VIRTUAL_DAY, CountedLink, screened

CALF = find("calf-tightness-percussion")
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
