"""What is asked before a session: red flags, the project's own questions in scope, and what a protocol adds.

An answer is bound to the text of its question by that text's hash, and to what was shown in its place.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from hashlib import sha256

from physioctl.translation import ENGLISH, Translation
from protocols.contraindications import RELATIVE, Action, AgeBand, Contraindication
from protocols.limits import Family
from protocols.model import Protocol
from protocols.shipped_questions import CATALOGUE
from protocols.steps import EmitStep

BENCH = "bench"  # a body site that is nobody's body
RED_FLAGS = (Action.REFER_NOW, Action.REFER_SOON)


@dataclass(frozen=True, slots=True)
class Question:
    """One question. Yes means that what it asks about is present."""

    code: str
    title: str
    ask: str
    action: Action
    source: tuple[str, ...]
    weigh: str = ""  # what to weigh before a yes is acknowledged; empty where a yes refuses
    lasting: bool = False  # whether a no of an earlier day still holds
    translated: str = ""  # what is shown in place of `ask`; empty where that is shown itself

    @property
    def shown(self) -> str:
        """The text that is put to the person."""
        return self.translated or self.ask

    @property
    def absolute(self) -> bool:
        """Whether a yes, or no answer, refuses the session."""
        return self.action not in RELATIVE

    @property
    def text_hash(self) -> str:
        """What an answer is bound to: the first 12 hex digits of the SHA-256 of the text.

        Of a translated one it is of both texts, ours first, with a zero byte between: an answer to it holds
        neither for ours, nor for another translation, nor once ours has changed.
        """
        text = f"{self.ask}\0{self.translated}" if self.translated else self.ask
        return sha256(text.encode()).hexdigest()[:12]


AGE = Question(
    code="age_band",
    title="Age",
    ask="Is the person a child (under 18), an adult, or older (65 or over)?",
    action=Action.BLOCK,
    source=("the limits in years are this project's own",),
)


def age_question(translation: Translation = ENGLISH) -> Question:
    """The question after the person's age, as it is shown."""
    return _shown(AGE, translation)


def questions(
    family: Family, body_site: str, *, thermal: bool, translation: Translation = ENGLISH
) -> tuple[Question, ...]:
    """The project's own questions in scope for ``family`` at ``body_site``; none on the bench."""
    if body_site == BENCH:
        return ()
    kinds = ("thermal", family.value) if thermal else (family.value,)
    asked = (_in_scope(known, kinds, body_site) for known in CATALOGUE.questions.values())
    return tuple(_shown(question, translation) for question in asked if question)


def treats(protocol: Protocol) -> bool:
    """Whether a protocol gives output on a body site."""
    return protocol.family is not None and protocol.body_site != BENCH


def questions_of(protocol: Protocol, translation: Translation = ENGLISH) -> tuple[Question, ...]:
    """Everything to ask before ``protocol``: its red flags, our own questions in scope, and what it adds.

    A protocol only adds. One of ours that it names in its `asks` refuses the session, in scope or not.
    Guidance alone is in nobody's scope but the protocol's.
    """
    ours: tuple[Question, ...] = ()
    if protocol.family is not None:
        ours = questions(
            protocol.family, protocol.body_site, thermal=is_thermal(protocol), translation=translation
        )
    named = tuple(own_question(code, Action.BLOCK, translation) for code in protocol.asks)
    return (
        *_red_flags(protocol),
        *(question for question in ours if question.code not in protocol.asks),
        *named,
        *_added(protocol),
    )


def ages_of(protocol: Protocol) -> frozenset[AgeBand] | None:
    """The age bands that ``protocol`` may be used on, or None when it treats nobody and names none."""
    if not treats(protocol) and not protocol.ages:
        return None
    allowed = frozenset(AgeBand) if protocol.family is None else CATALOGUE.age_bands[protocol.family]
    return allowed & frozenset(protocol.ages) if protocol.ages else allowed


def is_thermal(protocol: Protocol) -> bool:
    """Whether any emission is of a kind meant to heat."""
    steps = (step for _, step in protocol.flat_steps())
    return any(step.emit.setting().is_thermal for step in steps if isinstance(step, EmitStep))


def texts_of(protocol: Protocol, translation: Translation = ENGLISH) -> Mapping[str, str]:
    """Every code that can be answered before ``protocol``, with the hash of its text."""
    ours = [own_question(code, Action.BLOCK, translation) for code in CATALOGUE.questions]
    asked = (age_question(translation), *ours, *questions_of(protocol, translation))
    return {question.code: question.text_hash for question in asked}


def own_question(code: str, action: Action, translation: Translation = ENGLISH) -> Question:
    """Our question of this code, as it is shown, and as if a yes led to ``action``."""
    return _shown(_own(CATALOGUE.questions[code], action), translation)


def _shown(question: Question, translation: Translation) -> Question:
    texts = translation.questions.get(question.code)
    if not texts:
        return question
    return replace(
        question,
        title=texts.get("title", question.title),
        translated=texts.get("ask", ""),
        weigh=texts.get("weigh", question.weigh) if question.weigh else "",
    )


def _in_scope(known: Contraindication, kinds: Sequence[str], body_site: str) -> Question | None:
    """The question as it is put for the first of ``kinds`` that it names, if it is in scope."""
    if known.sites and body_site not in known.sites:
        return None
    action = next((known.action[kind] for kind in kinds if kind in known.action), None)
    return None if action is None else _own(known, action)


def _own(known: Contraindication, action: Action) -> Question:
    weigh = known.weigh if action in RELATIVE else ""
    return Question(known.code, known.title, known.ask, action, known.source, weigh, known.lasting)


def _red_flags(protocol: Protocol) -> Iterator[Question]:
    for flag in protocol.red_flags:
        sign = flag.sign.rstrip(".")
        source = (f"{protocol.id}, red flags",)
        yield Question(flag.code, sign, f"Red flag: {sign}?", Action(flag.action), source)


def _added(protocol: Protocol) -> Iterator[Question]:
    for added in protocol.screening:
        title = added.code.replace("_", " ").capitalize()
        yield Question(added.code, title, added.ask, Action.BLOCK, (f"{protocol.id}, screening",))
