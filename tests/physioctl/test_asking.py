"""Asking at the terminal: every question needs a word, and what is relative is acknowledged one by one."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date

import click
import pytest

from physioctl.cli.asking import ask
from physioctl.questions import questions_of
from physioctl.screening import Answer, Answers, screen
from protocols import library
from protocols.contraindications import AgeBand, catalogue
from protocols.errors import Refused

TODAY = date(2026, 11, 21)
CALF = library.find("calf-tightness-ultrasound")
ASKED = questions_of(CALF)
NOES = ["no"] * len(ASKED)


class Typist:
    """Somebody who types what is given, and then closes the terminal."""

    def __init__(self, lines: Iterable[str]) -> None:
        self._lines = iter(lines)
        self.screen = ""

    def say(self, text: str, *, end: str = "\n") -> None:
        self.screen += text + end

    def line(self) -> str:
        typed = next(self._lines, None)
        if typed is None:
            raise click.Abort
        return typed


def asked(*lines: str, operator: str | None = None) -> tuple[Answers, str]:
    typist = Typist(lines)
    found = ask(CALF, typist, person="p-017", operator=operator, today=TODAY)
    return found, typist.screen


def noes_but(code: str, typed: str = "yes") -> list[str]:
    return [typed if question.code == code else "no" for question in ASKED]


def test_every_question_is_asked_with_its_number_and_the_age_first() -> None:
    found, screen_ = asked("adult", *NOES)

    count = len(ASKED) + 1
    assert f"1 of {count}  Is the person a child (under 18)" in screen_
    for number, question in enumerate(ASKED, 2):
        assert f"{number} of {count}  {question.ask} [yes, no]: " in screen_
    assert screen(CALF, found, person="P-017", today=TODAY).age_band is AgeBand.ADULT


@pytest.mark.hazard("H-16")
@pytest.mark.parametrize("typed", ["", "maybe", "ye", "0", "x" * 5000])
def test_what_is_no_answer_is_asked_again(typed: str) -> None:
    found, screen_ = asked(typed, "older", typed, *NOES)

    assert screen_.count("Type one of: child, adult, older.") == 1
    assert screen_.count("Type one of: yes, no.") == 1
    assert {answer.answer for answer in found.given} == {Answer.NO, AgeBand.OLDER}


@pytest.mark.parametrize(("typed", "answer"), [("Y", Answer.YES), ("YES", Answer.YES), ("n", Answer.NO)])
def test_an_answer_may_be_a_letter(typed: str, answer: Answer) -> None:
    found, _ = asked("adult", typed, *NOES[1:])

    assert found.given[0].answer is answer


@pytest.mark.parametrize("lines", [[], ["adult"], ["adult", *NOES[1:]]])
def test_a_terminal_that_closes_before_the_end_ends_the_program(lines: list[str]) -> None:
    with pytest.raises(click.Abort):
        asked(*lines)


@pytest.mark.hazard("H-16")
def test_a_relative_yes_is_shown_with_what_to_weigh_and_acknowledged() -> None:
    found, screen_ = asked("adult", *noes_but("METAL_IMPLANT"), "yes", operator="t-2")

    assert catalogue().questions["METAL_IMPLANT"].weigh in screen_
    allowed = screen(CALF, found, person="p-017", today=TODAY)
    assert allowed.acknowledged == {"METAL_IMPLANT": "t-2"}


@pytest.mark.hazard("H-16")
def test_a_relative_yes_that_is_not_acknowledged_refuses() -> None:
    found, screen_ = asked("adult", *noes_but("METAL_IMPLANT"), "", "no")

    assert screen_.count("Do you acknowledge it? [yes, no]: ") == 2
    with pytest.raises(Refused, match="METAL_IMPLANT"):
        screen(CALF, found, person="p-017", today=TODAY)


@pytest.mark.hazard("H-16")
@pytest.mark.parametrize(("age", "code"), [("child", "METAL_IMPLANT"), ("adult", "DVT_THROMBOPHLEBITIS")])
def test_nothing_is_acknowledged_where_an_answer_refuses(age: str, code: str) -> None:
    typed = ["yes" if question.code in (code, "METAL_IMPLANT") else "no" for question in ASKED]

    found, screen_ = asked(age, *typed)

    assert "Do you acknowledge" not in screen_
    with pytest.raises(Refused):
        screen(CALF, found, person="p-017", today=TODAY)


def test_nobody_is_asked_before_a_check_on_the_bench() -> None:
    typist = Typist([])

    assert ask(library.find("unit-check"), typist, person=None, operator=None, today=TODAY) == Answers()
    assert typist.screen == ""
