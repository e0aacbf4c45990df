"""Questions and answers: which belongs to which, whatever the line does to their order."""

from __future__ import annotations

from dataclasses import replace

import pytest

from device.control.requests import Asked, Conversation
from device.dialects.base import (
    Answer,
    Cleared,
    Correlation,
    Heard,
    Intent,
    Line,
    Look,
    Promises,
    Renew,
    Stop,
)
from device.dialects.native import Native
from tests.device.parts import NONCE, REPORT, SESSION

RENEW = Renew(NONCE, SESSION, 50_000, 500)


class Spoken:
    """A dialect that says the number of a question and hears the numbers of answers, two bytes each."""

    name = "spoken"
    damaged = 0

    def __init__(self, promises: Promises = Native.promises) -> None:
        self.promises = promises
        self.given_up = 0

    def say(self, cleared: Cleared, seq: int) -> bytes:
        return type(cleared.intent).__name__.encode() + seq.to_bytes(2, "little")

    def hear(self, data: bytes) -> list[Heard]:
        return [
            Heard(int.from_bytes(data[place : place + 2], "little"), answer_to(data[place]))
            for place in range(0, len(data), 2)
        ]

    def give_up(self) -> None:
        self.given_up += 1


def answer_to(number: int) -> Answer:
    return replace(REPORT, uptime_ms=number)


def asked(*intents: Intent) -> Conversation:
    conversation = Conversation(Spoken())
    for at_ms, intent in enumerate(intents):
        conversation.ask(Cleared(intent), at_ms)
    return conversation


def answer(conversation: Conversation, *numbers: int) -> list[tuple[Intent, Answer]]:
    heard = conversation.hear(b"".join(number.to_bytes(2, "little") for number in numbers))
    return [(question.intent, given) for question, given in heard]


def test_questions_are_numbered_from_one_each_with_its_own() -> None:
    conversation = Conversation(Spoken())

    assert conversation.ask(Cleared(Look()), 10) == b"Look\x01\x00"
    assert conversation.standing == Asked(seq=1, intent=Look(), at_ms=10)
    assert conversation.ask(Cleared(Stop()), 20) == b"Stop\x02\x00"
    assert conversation.standing == Asked(seq=2, intent=Stop(), at_ms=20)


def test_numbers_begin_again_after_the_last_one_that_fits() -> None:
    conversation = asked(*[Look()] * 0xFFFE)

    assert conversation.ask(Cleared(Look()), 0) == b"Look\xff\xff"
    assert conversation.ask(Cleared(Look()), 0) == b"Look\x00\x00"
    assert conversation.ask(Cleared(Look()), 0) == b"Look\x01\x00"


def test_an_answer_is_matched_with_its_question_and_ends_it() -> None:
    conversation = asked(RENEW)

    assert answer(conversation, 1) == [(RENEW, answer_to(1))]
    assert conversation.standing is None
    assert conversation.unmatched == 0


def test_an_answer_that_comes_twice_counts_once() -> None:
    conversation = asked(RENEW)

    assert answer(conversation, 1, 1) == [(RENEW, answer_to(1))]
    assert conversation.unmatched == 1


@pytest.mark.parametrize("number", [0, 1, 3, 0xFFFF])
def test_late_and_strange_answers_count_for_nothing(number: int) -> None:
    conversation = asked(Look(), RENEW)

    assert answer(conversation, number) == []
    assert conversation.standing == Asked(seq=2, intent=RENEW, at_ms=1)
    assert conversation.unmatched == 1


def test_every_stray_answer_is_counted() -> None:
    conversation = asked()

    assert answer(conversation, 5, 6) == []
    assert answer(conversation, 7) == []
    assert conversation.unmatched == 3


def test_any_stop_is_answered_however_late_and_once() -> None:
    conversation = asked(Stop(), Stop(), Stop())

    assert answer(conversation, 1, 3, 2, 1, 3) == [(Stop(), answer_to(number)) for number in (1, 3, 2)]
    assert conversation.unmatched == 2


def test_a_stop_from_before_something_else_proves_nothing_any_more() -> None:
    conversation = asked(Stop(), Look())

    assert answer(conversation, 1, 2) == [(Look(), answer_to(2))]
    assert conversation.unmatched == 1


def test_an_answer_to_what_a_stop_has_overtaken_counts_for_nothing() -> None:
    conversation = asked(RENEW, Stop())

    assert answer(conversation, 1, 2) == [(Stop(), answer_to(2))]


def test_an_answer_comes_with_when_its_own_question_was_asked() -> None:
    conversation = asked(Stop(), Stop())

    ((first, _),) = conversation.hear((1).to_bytes(2, "little"))
    ((second, _),) = conversation.hear((2).to_bytes(2, "little"))

    assert (first.at_ms, second.at_ms) == (0, 1)


# --- one request at a time ------------------------------------------------------------------------------

IN_ORDER = replace(
    Native.promises,
    correlation=Correlation.IN_ORDER,
    line=Line(baud=19_200, answer_max_ms=60, drain_ms=20),
)


def test_where_answers_are_numbered_the_line_is_always_free() -> None:
    conversation = asked(Look())

    assert conversation.free_at_ms() == 0


def test_where_they_come_in_order_the_line_is_free_once_the_answer_and_its_rest_can_have_come() -> None:
    conversation = Conversation(Spoken(IN_ORDER))

    conversation.ask(Cleared(Look()), 1000)

    assert conversation.free_at_ms() == 1080


def test_an_answer_frees_the_line_at_once() -> None:
    conversation = Conversation(Spoken(IN_ORDER))
    conversation.ask(Cleared(Look()), 1000)

    answer(conversation, 1)

    assert conversation.free_at_ms() == 0


def test_the_dialect_is_told_of_each_answer_that_is_given_up() -> None:
    dialect = Spoken(IN_ORDER)
    conversation = Conversation(dialect)
    conversation.ask(Cleared(Look()), 1000)

    conversation.ask(Cleared(Stop()), 1080)
    answer(conversation, 2)
    conversation.ask(Cleared(Look()), 1100)

    assert dialect.given_up == 1


@pytest.mark.hazard("H-17")
def test_the_line_is_free_the_later_for_a_question_that_has_left_late() -> None:
    conversation = Conversation(Spoken(IN_ORDER))
    conversation.ask(Cleared(Look()), 1000)

    conversation.left(1500)

    assert conversation.free_at_ms() == 1580
