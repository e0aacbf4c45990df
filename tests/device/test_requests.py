"""Questions and answers: which belongs to which, whatever the line does to their order."""

from __future__ import annotations

from dataclasses import replace

import pytest

from device.control.requests import PendingRequest, RequestTracker
from device.dialects.base import (
    Answer,
    Correlation,
    GetStatus,
    Heard,
    Intent,
    Line,
    Permitted,
    Promises,
    Renew,
    Stop,
)
from device.dialects.native import Native
from tests.device.parts import NONCE, SESSION, STATUS

RENEW = Renew(NONCE, SESSION, 50_000, 500)


class Spoken:
    """A dialect that says the number of a question and hears the numbers of answers, two bytes each."""

    name = "spoken"
    damaged = 0

    def __init__(self, promises: Promises = Native.promises) -> None:
        self.promises = promises
        self.given_up = 0

    def say(self, permitted: Permitted, seq: int) -> bytes:
        return type(permitted.intent).__name__.encode() + seq.to_bytes(2, "little")

    def hear(self, data: bytes) -> list[Heard]:
        return [
            Heard(int.from_bytes(data[place : place + 2], "little"), answer_to(data[place]))
            for place in range(0, len(data), 2)
        ]

    def give_up(self) -> None:
        self.given_up += 1


def answer_to(number: int) -> Answer:
    return replace(STATUS, uptime_ms=number)


def asked(*intents: Intent) -> RequestTracker:
    tracker = RequestTracker(Spoken())
    for at_ms, intent in enumerate(intents):
        tracker.ask(Permitted(intent), at_ms)
    return tracker


def answer(tracker: RequestTracker, *numbers: int) -> list[tuple[Intent, Answer]]:
    heard = tracker.hear(b"".join(number.to_bytes(2, "little") for number in numbers))
    return [(question.intent, given) for question, given in heard]


def test_questions_are_numbered_from_one_each_with_its_own() -> None:
    tracker = RequestTracker(Spoken())

    assert tracker.ask(Permitted(GetStatus()), 10) == b"GetStatus\x01\x00"
    assert tracker.pending == PendingRequest(seq=1, intent=GetStatus(), at_ms=10)
    assert tracker.ask(Permitted(Stop()), 20) == b"Stop\x02\x00"
    assert tracker.pending == PendingRequest(seq=2, intent=Stop(), at_ms=20)


def test_numbers_begin_again_after_the_last_one_that_fits() -> None:
    tracker = asked(*[GetStatus()] * 0xFFFE)

    assert tracker.ask(Permitted(GetStatus()), 0) == b"GetStatus\xff\xff"
    assert tracker.ask(Permitted(GetStatus()), 0) == b"GetStatus\x00\x00"
    assert tracker.ask(Permitted(GetStatus()), 0) == b"GetStatus\x01\x00"


def test_an_answer_is_matched_with_its_question_and_ends_it() -> None:
    tracker = asked(RENEW)

    assert answer(tracker, 1) == [(RENEW, answer_to(1))]
    assert tracker.pending is None
    assert tracker.unmatched == 0


def test_an_answer_that_comes_twice_counts_once() -> None:
    tracker = asked(RENEW)

    assert answer(tracker, 1, 1) == [(RENEW, answer_to(1))]
    assert tracker.unmatched == 1


@pytest.mark.parametrize("number", [0, 1, 3, 0xFFFF])
def test_late_and_unmatched_answers_count_for_nothing(number: int) -> None:
    tracker = asked(GetStatus(), RENEW)

    assert answer(tracker, number) == []
    assert tracker.pending == PendingRequest(seq=2, intent=RENEW, at_ms=1)
    assert tracker.unmatched == 1


def test_every_unmatched_answer_is_counted() -> None:
    tracker = asked()

    assert answer(tracker, 5, 6) == []
    assert answer(tracker, 7) == []
    assert tracker.unmatched == 3


def test_any_stop_is_answered_however_late_and_once() -> None:
    tracker = asked(Stop(), Stop(), Stop())

    assert answer(tracker, 1, 3, 2, 1, 3) == [(Stop(), answer_to(number)) for number in (1, 3, 2)]
    assert tracker.unmatched == 2


def test_a_stop_from_before_something_else_confirms_nothing_any_more() -> None:
    tracker = asked(Stop(), GetStatus())

    assert answer(tracker, 1, 2) == [(GetStatus(), answer_to(2))]
    assert tracker.unmatched == 1


def test_an_answer_to_what_a_stop_has_overtaken_counts_for_nothing() -> None:
    tracker = asked(RENEW, Stop())

    assert answer(tracker, 1, 2) == [(Stop(), answer_to(2))]


def test_an_answer_comes_with_when_its_own_question_was_asked() -> None:
    tracker = asked(Stop(), Stop())

    ((first, _),) = tracker.hear((1).to_bytes(2, "little"))
    ((second, _),) = tracker.hear((2).to_bytes(2, "little"))

    assert (first.at_ms, second.at_ms) == (0, 1)


# --- one request at a time ------------------------------------------------------------------------------

IN_ORDER = replace(
    Native.promises,
    correlation=Correlation.IN_ORDER,
    line=Line(baud=19_200, answer_max_ms=60, drain_ms=20),
)


def test_where_answers_are_numbered_the_line_is_always_free() -> None:
    tracker = asked(GetStatus())

    assert tracker.free_at_ms() == 0


def test_where_they_come_in_order_the_line_is_free_once_the_answer_and_its_rest_can_have_come() -> None:
    tracker = RequestTracker(Spoken(IN_ORDER))

    tracker.ask(Permitted(GetStatus()), 1000)

    assert tracker.free_at_ms() == 1080


def test_an_answer_frees_the_line_at_once() -> None:
    tracker = RequestTracker(Spoken(IN_ORDER))
    tracker.ask(Permitted(GetStatus()), 1000)

    answer(tracker, 1)

    assert tracker.free_at_ms() == 0


def test_the_dialect_is_told_of_each_answer_that_is_given_up() -> None:
    dialect = Spoken(IN_ORDER)
    tracker = RequestTracker(dialect)
    tracker.ask(Permitted(GetStatus()), 1000)

    tracker.ask(Permitted(Stop()), 1080)
    answer(tracker, 2)
    tracker.ask(Permitted(GetStatus()), 1100)

    assert dialect.given_up == 1


@pytest.mark.hazard("H-17")
def test_the_line_is_free_the_later_for_a_question_that_has_left_late() -> None:
    tracker = RequestTracker(Spoken(IN_ORDER))
    tracker.ask(Permitted(GetStatus()), 1000)

    tracker.left(1500)

    assert tracker.free_at_ms() == 1580


def test_a_request_that_is_withdrawn_is_given_up_and_the_line_is_free() -> None:
    dialect = Spoken(replace(Native.promises, correlation=Correlation.IN_ORDER))
    tracker = RequestTracker(dialect)
    tracker.ask(Permitted(GetStatus()), 10)

    tracker.withdraw()

    assert (dialect.given_up, tracker.pending, tracker.free_at_ms()) == (1, None, 0)
