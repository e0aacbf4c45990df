"""What a protocol may add to the screening: questions and ages of its own, and nothing in place of ours."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from protocols.contraindications import AgeBand
from protocols.errors import Problem, Where, shorten
from protocols.fields import near
from protocols.shipped_questions import CATALOGUE

if TYPE_CHECKING:  # the model of a protocol uses this file
    from protocols.model import Protocol

_CODE_MAX = 100  # of a code that is looked for among ours, which are shorter
_LOOKED_UP_MAX = 50  # codes that are looked for: mistakes beyond that are not printed


def screening_problems(protocol: Protocol) -> Iterator[Problem]:
    """A protocol adds questions. It never replaces one of the project's, and none stands for two."""
    yield from _asks_problems(protocol)
    ours = CATALOGUE.questions
    taken: set[str] = set()
    signs: set[str] = set()
    for index, flag in enumerate(protocol.red_flags):
        sign = flag.sign.rstrip(".")
        if flag.code in ours:
            yield _replaces(flag.code, ("red_flags", index, "code"))
        elif sign not in signs and flag.code in taken:
            yield _twice(flag.code, ("red_flags", index, "code"))
        elif sign in signs:
            what = "this sign is here twice"
            where: Where = ("red_flags", index, "sign")
            yield Problem(what, "Keep one of them, with the more urgent action.", where)
        taken.add(flag.code)
        signs.add(sign)
    for index, question in enumerate(protocol.screening):
        where = ("screening", index, "code")
        if question.code in ours:
            yield _replaces(question.code, where)
        elif question.code in taken:
            yield _twice(question.code, where)
        taken.add(question.code)
    yield from _age_problems(protocol)


def unnamed(protocol: Protocol) -> Iterator[Problem]:
    """Every red flag without a code of its own. It is no mistake: its code is made from its sign."""
    for index, flag in enumerate(protocol.red_flags):
        if flag.named is None:
            where: Where = ("red_flags", index)
            what = f"has no `code`: answers call it {flag.code}"
            action = "Name it, such as `code: LEG_PAIN_ON_WALKING`."
            yield protocol.origin.placed(Problem(what, action, where))


def _replaces(code: str, where: Where) -> Problem:
    what = f"{code} is a question of the project's own, which a protocol may not replace"
    return Problem(
        what, f"Write `asks: [{code}]` to let it refuse this session, or take another code.", where
    )


def _twice(code: str, where: Where) -> Problem:
    return Problem(f"the code {shorten(code)} is here twice", "Give each question its own code.", where)


def _asks_problems(protocol: Protocol) -> Iterator[Problem]:
    ours = CATALOGUE.questions
    taken: set[str] = set()
    for index, code in enumerate(protocol.asks):
        if code not in ours:
            action = near(code[:_CODE_MAX], ours) if index < _LOOKED_UP_MAX else "Look it up in that file."
            yield Problem(f"{shorten(code)} is no code of contraindications.toml", action, ("asks", index))
        elif code in taken:
            yield Problem(f"{code} is here twice", "Keep one of them.", ("asks", index))
        taken.add(code)


def _age_problems(protocol: Protocol) -> Iterator[Problem]:
    allowed = frozenset(AgeBand) if protocol.family is None else CATALOGUE.age_bands[protocol.family]
    for index, age in enumerate(protocol.ages):
        if age not in allowed:
            what = f"{protocol.family} is not used on the age band {age}"
            yield Problem(what, f"Choose from {', '.join(sorted(allowed))}.", ("ages", index))
