"""Screening: what is asked before output, and whether the answers allow it.

An answer that is missing counts as the worst one. Nobody's name, and nothing of why an answer was
given, is known here; the judgement stays with the person who asks.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

from physioctl.events import Screened
from protocols.errors import Mistake, ProtocolInvalid, Refused
from protocols.limits import Family

if TYPE_CHECKING:  # reading protocols is costly, and screening needs only to be handed one
    from protocols.model import Protocol
    from protocols.reading import Node

BENCH = "bench"  # a body site that is nobody's body
THERMAL_DUTY_PCT = 50
THERMAL_ABOVE_MW_CM2 = 500


class Action(StrEnum):
    """What a yes leads to."""

    BLOCK = "block"  # an absolute contraindication: no session
    REFER_NOW = "refer_now"  # a red flag: no session, and someone sees the person today
    REFER_SOON = "refer_soon"  # a red flag: no session, and someone sees the person soon
    ASK_CLINICIAN = "ask_clinician"  # relative: shown, and recorded
    NOTE = "note"  # a precaution: shown, and recorded


RED_FLAGS = (Action.REFER_NOW, Action.REFER_SOON)
_SHOWN = (Action.ASK_CLINICIAN, Action.NOTE)


class Answer(StrEnum):
    """What was answered."""

    YES = "yes"
    NO = "no"
    UNANSWERED = "unanswered"


class AgeBand(StrEnum):
    """How old, as near as anything here needs to know."""

    CHILD = "child"
    ADULT = "adult"
    OLDER = "older"


@dataclass(frozen=True, slots=True)
class Question:
    """One question. Yes means that what it asks about is present."""

    code: str
    title: str
    ask: str
    action: Action
    source: tuple[str, ...]

    @property
    def absolute(self) -> bool:
        """Whether a yes, or no answer, refuses the session."""
        return self.action not in _SHOWN


@dataclass(frozen=True, slots=True)
class Answers:
    """What a person answered, by code."""

    said: Mapping[str, Answer] = field(default_factory=dict)
    age_band: AgeBand | None = None

    def to(self, question: Question) -> Answer:
        """The answer to ``question``."""
        return self.said.get(question.code, Answer.UNANSWERED)


@dataclass(frozen=True, slots=True)
class Screening:
    """A screening that allows the session: what was answered, and what to bear in mind."""

    answers: Mapping[str, Answer]
    notes: tuple[Question, ...]  # relative ones answered yes, or not at all
    age_band: AgeBand | None

    def told(self, at_ms: int) -> Screened:
        """The screening as the record keeps it."""
        answers = {code: answer.value for code, answer in self.answers.items()}
        return Screened(at_ms=at_ms, answers=answers, notes=tuple(question.code for question in self.notes))


@dataclass(frozen=True, slots=True)
class _Known:
    """A question of ours, and where it is in scope."""

    code: str
    title: str
    ask: str
    action: Mapping[str, Action]  # by family, or thermal
    sites: frozenset[str]  # empty: everywhere
    source: tuple[str, ...]

    def asked(self, kinds: Sequence[str], body_site: str) -> Question | None:
        """The question as it is put for the first of ``kinds`` that it knows, if it is in scope."""
        if self.sites and body_site not in self.sites:
            return None
        actions = (self.action[kind] for kind in kinds if kind in self.action)
        if (action := next(actions, None)) is None:
            return None
        return Question(self.code, self.title, self.ask, action, self.source)


def questions(family: Family, body_site: str, *, thermal: bool) -> tuple[Question, ...]:
    """Our own questions in scope, for ``family`` at ``body_site``. Nobody is treated on the bench."""
    if body_site == BENCH:
        return ()
    kinds = ("thermal", family.value) if thermal else (family.value,)
    asked = (known.asked(kinds, body_site) for known in _catalogue())
    return tuple(question for question in asked if question)


def questions_of(protocol: Protocol) -> tuple[Question, ...]:
    """Everything to ask before ``protocol``: its red flags, our own questions in scope, and what it adds.

    What a protocol adds always blocks, even where our own question of that code would not: a protocol
    can only lower. Guidance alone is in nobody's scope but the protocol's.
    """
    added = tuple(_added(protocol))
    own: tuple[Question, ...] = ()
    if protocol.family is not None:
        own = questions(protocol.family, protocol.body_site, thermal=is_thermal(protocol))
    codes = {question.code for question in added}
    return (*_red_flags(protocol), *(question for question in own if question.code not in codes), *added)


def is_thermal(protocol: Protocol) -> bool:
    """Whether any emission is of a kind meant to heat."""
    from protocols.model import EmitStep, UltrasoundLevel  # whoever holds a protocol has paid for it

    levels = (step.emit for _, step in protocol.flat_steps() if isinstance(step, EmitStep))
    return any(
        level.duty_pct >= THERMAL_DUTY_PCT
        or level.intensity_mw_cm2 * level.duty_pct > THERMAL_ABOVE_MW_CM2 * 100
        for level in levels
        if isinstance(level, UltrasoundLevel)
    )


def screen(asked: Iterable[Question], answers: Answers) -> Screening:
    """The screening that ``answers`` make of what is ``asked``, or `Refused` naming all that refuse it."""
    asked = tuple(asked)
    standing = [question for question in asked if answers.to(question) is not Answer.NO]
    refusing = [question for question in standing if question.absolute]
    if refusing:
        raise Refused(_why(refusing, answers), _to_do(refusing, answers))
    given = {question.code: answers.to(question) for question in asked}
    return Screening(given, tuple(standing), answers.age_band)


def read_answers(path: Path) -> Answers:
    """The answers in a YAML file of ``CODE: yes`` and ``CODE: no``, or all of its mistakes at once."""
    from protocols.reading import read_bytes, read_nodes  # YAML is paid for only when there is a file

    data = read_bytes(path)
    root, mistakes = read_nodes(data, str(path))
    said: dict[str, Answer] = {}
    age_band: AgeBand | None = None
    assert isinstance(root.value, dict)
    for code, entry in root.value.items():
        try:
            if code == "age_band":
                age_band = _age_band(entry.node)
            else:
                said[code] = _answer(entry.node)
        except ValueError as error:
            place = (entry.node.line, entry.node.column)
            mistakes.append(Mistake(str(path), *place, code, f"expected {error}", f"Write one of: {error}."))
    if mistakes:
        raise ProtocolInvalid(mistakes)
    return Answers(said, age_band)


def blank_answers(asked: Iterable[Question]) -> str:
    """A form to fill in, for `read_answers`: each question a comment above its code."""
    lines = [
        "# Write yes or no behind each code. Yes means that it is present.",
        "",
        f"age_band:  # {_BANDS}",
    ]
    for question in asked:
        lines += ["", f"# {question.ask}", f"{question.code}:{_STRICT if question.absolute else ''}"]
    return "\n".join(lines) + "\n"


_STRICT = "  # a yes, or no answer, refuses the session"
_BANDS = ", ".join(AgeBand)
_ANSWERS: Mapping[object, Answer] = {
    "yes": Answer.YES,
    True: Answer.YES,
    "no": Answer.NO,
    False: Answer.NO,
    None: Answer.UNANSWERED,  # a line of the form that was left blank
}


def _answer(node: Node) -> Answer:
    value = node.plain()
    if isinstance(value, str | bool | None) and value in _ANSWERS:
        return _ANSWERS[value]
    raise ValueError("yes, no")


def _age_band(node: Node) -> AgeBand | None:
    value = node.plain()
    if value is None:
        return None
    if value not in list(AgeBand):
        raise ValueError(_BANDS)
    return AgeBand(str(value))


_NAMED = 3  # of the questions without an answer; the form has them all


def _why(refusing: Sequence[Question], answers: Answers) -> str:
    """Every contraindication that is present, by name; of those not asked about, how many."""
    present = [question for question in refusing if answers.to(question) is Answer.YES]
    if present:
        return f"screening refuses the session: {_titles(present)}"
    more = len(refusing) - _NAMED
    return (
        f"screening refuses the session: {len(refusing)} questions have no answer: "
        f"{_titles(refusing[:_NAMED])}{f'; and {more} more' if more > 0 else ''}"
    )


def _titles(questions: Iterable[Question]) -> str:
    return "; ".join(f"{question.title} ({question.code})" for question in questions)


def _to_do(refusing: Iterable[Question], answers: Answers) -> str:
    present = {question.action for question in refusing if answers.to(question) is Answer.YES}
    if Action.REFER_NOW in present:
        return "Refer the person now: someone has to see them today. No session."
    if Action.REFER_SOON in present:
        return "Refer the person: someone has to see this before any session."
    if Action.BLOCK in present:
        return "Do not treat here. Ask the person's clinician."
    return "Answer them with --answers FILE; `physioctl protocols show PROTOCOL --answers` prints the form."


def _red_flags(protocol: Protocol) -> Iterator[Question]:
    for flag in protocol.red_flags:
        sign = flag.sign.rstrip(".")
        # The code is made of the sign, so that answers on file still mean it when flags are moved about.
        words = re.findall("[A-Z0-9]+", sign.upper())[:5]
        code = "_".join(["FLAG", *words, sha256(sign.encode()).hexdigest()[:6].upper()])
        yield Question(code, sign, f"Red flag: {sign}?", Action(flag.action), (f"{protocol.id}, red flags",))


def _added(protocol: Protocol) -> Iterator[Question]:
    titles = {known.code: known.title for known in _catalogue()}
    for added in protocol.screening:
        title = titles.get(added.code, added.code.replace("_", " ").capitalize())
        yield Question(added.code, title, added.ask, Action.BLOCK, (f"{protocol.id}, screening",))


@cache
def _catalogue() -> tuple[_Known, ...]:
    text = Path(__file__).with_name("contraindications.toml").read_text(encoding="utf-8")
    return tuple(_known(code, data) for code, data in tomllib.loads(text).items())


def _known(code: str, data: Mapping[str, Any]) -> _Known:
    return _Known(
        code=code,
        title=data["title"],
        ask=data["ask"],
        action={kind: Action(action) for kind, action in data["action"].items()},
        sites=frozenset(data.get("sites", ())),
        source=tuple(data["source"]),
    )
