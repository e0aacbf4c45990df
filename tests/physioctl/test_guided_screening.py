"""Screening at the terminal: back and forth, what refuses, what is weighed, and what was answered before."""

from __future__ import annotations

from datetime import date

import click
import pytest

from physioctl.guided.screening import ask
from physioctl.questions import AGE, questions_of
from physioctl.screening import Answer, Answered, Answers, screen
from protocols import library
from protocols.contraindications import AgeBand
from protocols.errors import Refused
from protocols.shipped_questions import CATALOGUE
from tests.typist import Typist

TODAY = date(2026, 11, 21)
EARLIER = date(2026, 11, 3)
CALF = library.find("calf-tightness-ultrasound")
ASKED = questions_of(CALF)
COUNT = len(ASKED) + 1  # and the age
NOES = ["no"] * len(ASKED)
GROWING = next(question for question in ASKED if question.lasting)
PREGNANT = next(question for question in ASKED if question.code == "PREG_ANY")
THEN = Answered(GROWING.code, Answer.NO, GROWING.text_hash, EARLIER)


def asked(
    *lines: str, operator: str | None = None, earlier: tuple[Answered, ...] = ()
) -> tuple[Answers, str]:
    typist = Typist(lines)
    found = ask(CALF, typist, person="p-017", operator=operator, today=TODAY, earlier=earlier)
    return found, typist.screen


def refused(*lines: str) -> tuple[Refused, str]:
    typist = Typist(lines)
    with pytest.raises(Refused) as why:
        ask(CALF, typist, person="p-017", operator=None, today=TODAY)
    return why.value, typist.screen


def noes_but(code: str, typed: str = "yes") -> list[str]:
    return [typed if question.code == code else "no" for question in ASKED]


def answer_to(code: str, answers: Answers) -> Answered:
    (found,) = [each for each in answers.given if each.code == code]
    return found


def test_every_question_is_asked_with_its_number_and_the_age_first() -> None:
    found, screen_ = asked("adult", *NOES)

    assert f"1 of {COUNT}  Is the person a child (under 18)" in screen_
    for number, question in enumerate(ASKED, 2):
        assert f"{number} of {COUNT}  {question.ask} [yes, no, b, w]: " in screen_
    assert screen(CALF, found, person="P-017", today=TODAY).age_band is AgeBand.ADULT


@pytest.mark.hazard("H-16")
@pytest.mark.parametrize("typed", ["", "maybe", "ye", "0", "x" * 10_000, "\x1b[A", "‮no"])
def test_what_is_no_answer_is_asked_again(typed: str) -> None:
    found, screen_ = asked(typed, "older", typed, *NOES)

    assert screen_.count("Type one of: child, adult, older, b, w.") == 1
    assert screen_.count("Type one of: yes, no, b, w.") == 1
    assert typed not in screen_ or len(typed) < 5
    assert {answer.answer for answer in found.given} == {Answer.NO, AgeBand.OLDER}


@pytest.mark.parametrize("typed", ["N", "NO", "n"])
def test_an_answer_may_be_a_letter(typed: str) -> None:
    found, _ = asked("a", typed, *NOES[1:])

    assert found.given[0].answer is Answer.NO
    assert answer_to(AGE.code, found).answer is AgeBand.ADULT


@pytest.mark.parametrize("lines", [[], ["adult"], ["adult", *NOES[1:]]])
def test_a_terminal_that_closes_before_the_end_ends_the_program(lines: list[str]) -> None:
    with pytest.raises(click.Abort):
        asked(*lines)


def test_nobody_is_asked_before_a_check_on_the_bench() -> None:
    typist = Typist([])

    assert ask(library.find("unit-check"), typist, person=None, operator=None, today=TODAY) == Answers()
    assert typist.screen == ""


# --- back, and why --------------------------------------------------------------------------------------


def test_b_goes_back_and_the_answer_given_then_counts() -> None:
    typed = noes_but("PREG_ANY")
    place = typed.index("yes")
    typed[place : place + 1] = ["yes", "b", "no"]

    found, screen_ = asked("adult", *typed)

    assert answer_to("PREG_ANY", found).answer is Answer.NO
    assert screen_.count(CATALOGUE.questions["PREG_ANY"].ask) == 2
    assert "To be weighed" not in screen_


def test_b_goes_back_as_far_as_the_age_and_no_further() -> None:
    found, screen_ = asked("adult", "no", "b", "b", "b", "older", "no", *NOES[1:])

    assert screen_.count("This is the first question.") == 1
    assert answer_to(AGE.code, found).answer is AgeBand.OLDER


@pytest.mark.parametrize("typed", ["w", "?"])
def test_w_says_why_a_question_is_asked_and_asks_it_again(typed: str) -> None:
    place = [question.code for question in ASKED].index("METAL_IMPLANT")

    found, screen_ = asked("adult", *NOES[:place], typed, *NOES[place:])

    known = CATALOGUE.questions["METAL_IMPLANT"]
    for said in (known.title, known.weigh, *known.source, "yes leads to: it is weighed"):
        assert said in screen_
    assert screen_.count(known.ask) == 2
    assert len(found.given) == COUNT


def test_w_says_why_the_age_is_asked() -> None:
    _, screen_ = asked("w", "adult", *NOES)

    assert AGE.source[0] in screen_
    assert screen_.count(AGE.ask) == 2


# --- what refuses, and what is weighed ------------------------------------------------------------------


@pytest.mark.hazard("H-16")
@pytest.mark.parametrize(
    ("number", "action"),
    [(0, "Refer the person now: a physician or the emergency"), (3, "Refer the person: a physician has to")],
)  # a swollen calf; pain that comes with walking
def test_a_red_flag_ends_it_there_and_says_how_soon_the_person_is_to_be_seen(
    number: int, action: str
) -> None:
    why, screen_ = refused("adult", *NOES[:number], "yes")

    assert ASKED[number].title in why.what
    assert why.action.startswith(action)
    assert f"{number + 3} of {COUNT}" not in screen_


@pytest.mark.hazard("H-16")
def test_an_absolute_contraindication_ends_it_there() -> None:
    place = [question.code for question in ASKED].index("DVT_THROMBOPHLEBITIS")

    why, screen_ = refused("adult", *NOES[:place], "yes")

    assert "DVT_THROMBOPHLEBITIS" in why.what
    assert "no answer" not in why.what
    assert f"{place + 3} of {COUNT}" not in screen_


@pytest.mark.hazard("H-16")
def test_an_age_that_is_not_treated_ends_it_there() -> None:
    why, _ = refused("child")

    assert "not for child" in why.what


@pytest.mark.hazard("H-16")
def test_a_relative_yes_is_shown_with_what_to_weigh_and_acknowledged() -> None:
    found, screen_ = asked("adult", *noes_but("METAL_IMPLANT"), "yes", operator="t-2")

    assert CATALOGUE.questions["METAL_IMPLANT"].weigh in screen_
    allowed = screen(CALF, found, person="p-017", today=TODAY)
    assert allowed.acknowledged == {"METAL_IMPLANT": "t-2"}


@pytest.mark.hazard("H-16")
def test_a_relative_yes_that_is_not_acknowledged_refuses() -> None:
    why, screen_ = refused("adult", *noes_but("METAL_IMPLANT"), "", "no")

    assert screen_.count("Do you acknowledge it? [yes, no, b]: ") == 2
    assert "METAL_IMPLANT" in why.what


def test_b_goes_back_from_what_is_to_be_acknowledged_to_the_last_question() -> None:
    found, screen_ = asked("adult", *noes_but("METAL_IMPLANT"), "b", "no", "yes")

    assert screen_.count(f"{COUNT} of {COUNT}  {ASKED[-1].ask}") == 2
    assert [each.code for each in found.acknowledged] == ["METAL_IMPLANT"]


# --- what was answered before ---------------------------------------------------------------------------


def test_what_lasts_is_confirmed_in_one_line_and_keeps_its_day() -> None:
    found, screen_ = asked("adult", "y", *NOES[1:], earlier=(THEN,))

    assert f"2 of {COUNT}  As on 2026-11-03: no: {GROWING.title}. Is that still so?" in screen_
    assert GROWING.ask not in screen_
    assert answer_to(GROWING.code, found) == THEN
    assert screen(CALF, found, person="p-017", today=TODAY).notes == ()


def test_what_lasts_and_is_no_longer_so_is_asked_anew() -> None:
    found, screen_ = asked("adult", "n", *NOES, earlier=(THEN,))

    assert screen_.count(GROWING.ask) == 1
    assert answer_to(GROWING.code, found).date == TODAY


@pytest.mark.hazard("H-16")
def test_what_lasts_and_has_become_a_yes_refuses() -> None:
    typist = Typist(["adult", "n", *noes_but(GROWING.code)])

    with pytest.raises(Refused, match=GROWING.code):
        ask(CALF, typist, person="p-017", operator=None, today=TODAY, earlier=(THEN,))


def test_going_back_over_what_lasts_asks_it_once_more() -> None:
    found, _ = asked("adult", "n", "b", "y", *NOES[1:], earlier=(THEN,))

    assert answer_to(GROWING.code, found) == THEN


def test_w_lists_what_is_confirmed() -> None:
    _, screen_ = asked("adult", "w", "y", *NOES[1:], earlier=(THEN,))

    assert screen_.count(GROWING.ask) == 1


@pytest.mark.hazard("H-16")
@pytest.mark.parametrize(
    "earlier",
    [
        Answered("PREG_ANY", Answer.NO, PREGNANT.text_hash, EARLIER),  # it can change
        Answered(GROWING.code, Answer.NO, "0" * 12, EARLIER),  # to another text
        Answered(GROWING.code, Answer.NO, GROWING.text_hash, date(2027, 1, 1)),  # on a day yet to come
        Answered(GROWING.code, Answer.UNANSWERED, GROWING.text_hash, EARLIER),
        Answered("NO_QUESTION_OF_OURS", Answer.NO, "0" * 12, EARLIER),
    ],
)
def test_what_does_not_hold_any_longer_is_asked_anew(earlier: Answered) -> None:
    found, screen_ = asked("adult", *NOES, earlier=(earlier,))

    assert "As on" not in screen_
    assert {each.date for each in found.given} == {TODAY}
