"""What a protocol may add to the screening: questions and ages of its own, and nothing in place of ours."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from protocols.contraindications import AgeBand, catalogue
from protocols.errors import Problem, Where, shorten
from protocols.fields import near

if TYPE_CHECKING:  # the model of a protocol uses this file
    from protocols.model import Protocol

_CODE_MAX = 100  # of a code that is looked for among ours, which are shorter
_LOOKED_UP_MAX = 50  # codes that are looked for: mistakes beyond that are not printed


def screening_problems(protocol: Protocol) -> Iterator[Problem]:
    """A protocol adds questions. It never replaces one of the project's, and none stands for two."""
    yield from _asks_problems(protocol)
    ours = catalogue().questions
    taken: set[str] = set()
    for index, flag in enumerate(protocol.red_flags):
        if flag.code in taken:
            what = "this sign is here twice"
            where: Where = ("red_flags", index, "sign")
            yield Problem(what, "Keep one of them, with the more urgent action.", where)
        taken.add(flag.code)
    for index, question in enumerate(protocol.screening):
        where = ("screening", index, "code")
        if question.code in ours:
            what = f"{question.code} is a question of the project's own, which a protocol may not replace"
            action = f"Write `asks: [{question.code}]` to let it refuse this session, or take another code."
            yield Problem(what, action, where)
        elif question.code in taken:
            what = f"the code {shorten(question.code)} is here twice"
            yield Problem(what, "Give each question its own code.", where)
        taken.add(question.code)
    yield from _age_problems(protocol)


def _asks_problems(protocol: Protocol) -> Iterator[Problem]:
    ours = catalogue().questions
    taken: set[str] = set()
    for index, code in enumerate(protocol.asks):
        if code not in ours:
            action = near(code[:_CODE_MAX], ours) if index < _LOOKED_UP_MAX else "Look it up in that file."
            yield Problem(f"{shorten(code)} is no code of contraindications.toml", action, ("asks", index))
        elif code in taken:
            yield Problem(f"{code} is here twice", "Keep one of them.", ("asks", index))
        taken.add(code)


def _age_problems(protocol: Protocol) -> Iterator[Problem]:
    allowed = frozenset(AgeBand) if protocol.family is None else catalogue().age_bands[protocol.family]
    for index, age in enumerate(protocol.ages):
        if age not in allowed:
            what = f"{protocol.family} is not used on the age band {age}"
            yield Problem(what, f"Choose from {', '.join(sorted(allowed))}.", ("ages", index))
