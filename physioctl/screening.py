"""Screening: what is asked before output, and whether the answers allow the session.

An answer counts when it was given for this person, to this very text, and on the day of the session or,
for what is marked as lasting, before it. Whatever does not count is unanswered, and unanswered counts as
the worst answer. The judgement of a relative contraindication stays with a person, who acknowledges it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from enum import StrEnum

from device.clock import Clock
from physioctl.errors import InvalidUsage
from physioctl.events import Screened
from physioctl.person import reference
from physioctl.questions import AGE, Question, age_question, ages_of, own_question, questions_of, texts_of
from physioctl.translation import ENGLISH, Translation
from protocols.contraindications import Action, AgeBand
from protocols.errors import Refused
from protocols.fields import near
from protocols.model import Protocol
from protocols.shipped_questions import CATALOGUE


class Answer(StrEnum):
    """What was answered."""

    YES = "yes"
    NO = "no"
    UNANSWERED = "unanswered"


def _expect_day(day: object) -> None:
    """Raise `InvalidUsage` unless ``day`` is a date, and no time of a day: a `datetime` is a `date` too."""
    if type(day) is not date:
        raise InvalidUsage(f"{day!r} is not a day", "Give the day as a datetime.date.")


@dataclass(frozen=True, slots=True)
class Answered:
    """One answer: to which question, by its code and the hash of its text, and on which day."""

    code: str
    answer: Answer | AgeBand
    text_hash: str
    date: date

    def __post_init__(self) -> None:
        _expect_day(self.date)


@dataclass(frozen=True, slots=True)
class Acknowledged:
    """A relative contraindication that a person has weighed: which, who weighed it, and on which day."""

    code: str
    by: str  # a pseudonymous reference, as of a person
    date: date

    def __post_init__(self) -> None:
        _expect_day(self.date)


@dataclass(frozen=True, slots=True)
class Answers:
    """What was answered for one person, and what was acknowledged."""

    person: str | None = None  # a pseudonymous reference
    given: tuple[Answered, ...] = ()
    acknowledged: tuple[Acknowledged, ...] = ()
    translation: Translation = ENGLISH  # in which the questions were shown


@dataclass(frozen=True, slots=True)
class Reply:
    """A question, and the answer that counts for it."""

    question: Question
    answer: Answer
    date: date | None = None  # None when unanswered
    lapsed: str = ""  # why an answer that was given does not count


@dataclass(frozen=True, slots=True)
class Judgement:
    """Every question with the answer that counts, and the age."""

    replies: tuple[Reply, ...]
    elsewhere: tuple[Reply, ...]  # questions of ours answered yes that this session does not ask
    ages: frozenset[AgeBand] | None  # those allowed; None when the age is not asked
    age: AgeBand | None
    age_lapsed: str

    @property
    def refusing(self) -> tuple[Reply, ...]:
        """The absolute questions that are not answered no, the age included."""
        found = [r for r in self.replies if r.question.absolute and r.answer is not Answer.NO]
        if self.ages is not None and self.age not in self.ages:
            answer = Answer.UNANSWERED if self.age is None else Answer.YES
            found.append(Reply(AGE, answer, lapsed=self.age_lapsed))
        return tuple(found)

    @property
    def standing(self) -> tuple[Question, ...]:
        """The relative questions that are not answered no: a person has to acknowledge each."""
        found = [r.question for r in self.replies if not r.question.absolute and r.answer is not Answer.NO]
        return (*found, *(reply.question for reply in self.elsewhere))


@dataclass(frozen=True, slots=True)
class Screening:
    """A screening that allows the session: what was answered, and what was acknowledged by whom."""

    replies: tuple[Reply, ...]
    notes: tuple[Question, ...]  # relative ones answered yes, or not at all
    acknowledged: Mapping[str, str]  # code → who
    age_band: AgeBand | None

    def told(self, at_ms: int) -> Screened:
        """The screening as the record keeps it."""
        return Screened(
            at_ms=at_ms,
            answers=told(self.replies),
            notes=tuple(question.code for question in self.notes),
            acknowledged=dict(self.acknowledged),
            age_band=self.age_band,
        )


class AnswersRefuse(Refused):
    """The answers do not allow the session. What was found in them can be kept: see `record.refusals`."""

    def __init__(self, what: str, action: str, found: Judgement) -> None:
        super().__init__(what, action)
        self.found = found


def told(replies: Iterable[Reply]) -> dict[str, dict[str, str | None]]:
    """``replies`` as the record keeps them, by the codes of their questions."""
    return {
        reply.question.code: {
            "answer": reply.answer.value,
            "question": reply.question.text_hash,
            "title": reply.question.title,
            "date": None if reply.date is None else reply.date.isoformat(),
        }
        for reply in replies
    }


# --- what is answered -----------------------------------------------------------------------------------


def day_of(clock: Clock) -> date:
    """The day of a session: the local one, as a person dates a form."""
    return clock.utc().astimezone().date()


def answered(
    protocol: Protocol,
    said: Mapping[str, Answer],
    *,
    on: date,
    person: str | None = None,
    age_band: AgeBand | None = None,
    acknowledged: Iterable[str] = (),
    by: str = "script",
    translation: Translation = ENGLISH,
) -> Answers:
    """The answers ``said``, by code, to the questions of ``protocol`` as they are put today."""
    texts = texts_of(protocol, translation)
    given = [Answered(code, answer, texts.get(code, ""), on) for code, answer in said.items()]
    if age_band is not None:
        given.append(Answered(AGE.code, age_band, texts[AGE.code], on))
    weighed = tuple(Acknowledged(code, by, on) for code in acknowledged)
    return Answers(person, tuple(given), weighed, translation)


def judge(protocol: Protocol, answers: Answers, today: date) -> Judgement:
    """Which answers count for the questions of ``protocol`` on the day ``today``."""
    asked = questions_of(protocol, answers.translation)
    age, age_lapsed = _age(answers, today)
    return Judgement(
        replies=tuple(_reply(question, answers.given, today) for question in asked),
        elsewhere=tuple(_elsewhere(answers, asked)),
        ages=ages_of(protocol),
        age=age,
        age_lapsed=age_lapsed,
    )


def screen(protocol: Protocol, answers: Answers, *, person: str | None, today: date) -> Screening:
    """The screening that ``answers`` make for ``person``.

    Raise `AnswersRefuse` when they do not allow the session, `Refused` when they are another person's or of
    a day to come, and `InvalidUsage` when they hold a code that is no question's, or acknowledge what needs
    no acknowledgement.
    """
    if not isinstance(answers, Answers):
        raise InvalidUsage(
            f"answers are given as {type(answers).__name__}", "Give physioctl.Answers: see `answered`."
        )
    found = judge(protocol, answers, today)
    if not found.replies and found.ages is None:
        return Screening((), (), {}, None)  # nobody is asked anything
    _check_codes(answers, texts_of(protocol))
    _check_whose(answers, person, today)
    if refusing := found.refusing:
        raise AnswersRefuse(_why(refusing, found, protocol), _action(refusing), found)
    weighed = [(each, reference(each.by)) for each in answers.acknowledged]
    acknowledged = {each.code: by for each, by in weighed if each.date == today}
    standing = {question.code: question for question in found.standing}
    if needless := sorted(set(acknowledged) - set(standing)):
        raise InvalidUsage(
            f"{', '.join(needless)} is acknowledged, and nothing of it stands to be weighed",
            "Take it out of what is acknowledged.",
        )
    if missing := [question for code, question in standing.items() if code not in acknowledged]:
        raise _unacknowledged(missing, found)
    return Screening((*found.replies, *found.elsewhere), found.standing, acknowledged, found.age)


def _reply(question: Question, given: Iterable[Answered], today: date) -> Reply:
    """The answer that counts: any yes is a yes, and a no counts only for this very text."""
    found = [each for each in given if each.code == question.code]
    current = [each for each in found if (each.date <= today if question.lasting else each.date == today)]
    if yes := next((each for each in current if each.answer == Answer.YES), None):
        return Reply(question, Answer.YES, yes.date)
    valid = [each for each in current if each.text_hash == question.text_hash]
    if valid and all(each.answer == Answer.NO for each in valid):
        return Reply(question, Answer.NO, max(each.date for each in valid))
    return Reply(question, Answer.UNANSWERED, lapsed="" if valid else _lapse(found, current))


def _age(answers: Answers, today: date) -> tuple[AgeBand | None, str]:
    found = [each for each in answers.given if each.code == AGE.code]
    current = [each for each in found if each.date == today]
    said = {each.answer for each in current if isinstance(each.answer, AgeBand)}
    text_hash = age_question(answers.translation).text_hash
    valid = [each for each in current if each.text_hash == text_hash and each.answer in said]
    if len(said) == 1 and valid:
        return said.pop(), ""
    return None, "" if valid else _lapse(found, current)


def _lapse(found: Iterable[Answered], current: Sequence[Answered]) -> str:
    """Why no answer that was given counts, or nothing when there is none."""
    said = [each for each in found if each.answer != Answer.UNANSWERED]
    if not said:
        return ""
    latest = max(said, key=lambda each: each.date)
    if latest not in current:
        return f"answered on {latest.date}"
    return "its text is not the one that was answered"


_ELSEWHERE = (
    "It refuses a session at another site, or of another kind: weigh whether it matters for this one."
)
_ELSEWHERE_RELATIVE = "It is asked before a session at another site, or of another kind. "


def _elsewhere(answers: Answers, asked: Iterable[Question]) -> Iterator[Reply]:
    """Questions of ours that were answered yes, and are not in scope: they are not to be hidden."""
    codes = {question.code for question in asked}
    dates: dict[str, date] = {}
    for each in answers.given:
        if each.answer == Answer.YES:
            dates[each.code] = max(each.date, dates.get(each.code, each.date))
    for code, on in dates.items():
        known = CATALOGUE.questions.get(code)
        if known is None or code in codes:
            continue
        refuses = not known.action or Action.BLOCK in known.action.values()
        question = own_question(code, Action.NOTE, answers.translation)
        weigh = _ELSEWHERE if refuses else _ELSEWHERE_RELATIVE + question.weigh
        yield Reply(replace(question, weigh=weigh, lasting=False), Answer.YES, on)


def _check_codes(answers: Answers, known: Mapping[str, str]) -> None:
    codes = [each.code for each in answers.given] + [each.code for each in answers.acknowledged]
    for code in codes:
        if code not in known:
            raise InvalidUsage(f"the answers hold {code!r}, which is no question's code", near(code, known))


def _check_whose(answers: Answers, person: str | None, today: date) -> None:
    if not answers.given and not answers.acknowledged:
        return
    if _form(answers.person) != _form(person):
        theirs, whose = answers.person or "nobody named", person or "nobody named"
        raise Refused(
            f"the answers are of {theirs}, and the session is for {whose}",
            "Give the answers of the person who is treated, and that person's reference with --person.",
        )
    dates = [each.date for each in answers.given] + [each.date for each in answers.acknowledged]
    if max(dates) > today:
        raise Refused(
            f"the answers are dated {max(dates)}, and today is {today}",
            "Look at the date of the answers, and at this computer's clock.",
        )


def _form(person: str | None) -> str | None:
    return None if person is None else reference(person)


# --- what a refusal says --------------------------------------------------------------------------------

_NAMED = 3  # of the questions without an answer; the form has them all


def _why(refusing: Sequence[Reply], found: Judgement, protocol: Protocol) -> str:
    """Every contraindication that is present, by name; of those not answered, how many."""
    present = [reply for reply in refusing if reply.answer is Answer.YES]
    if present:
        named = [_age_refused(found, protocol) if r.question is AGE else _titled(r) for r in present]
        return f"screening refuses the session: {'; '.join(named)}"
    more = len(refusing) - _NAMED
    return (
        f"screening refuses the session: {len(refusing)} "
        f"{'questions have' if len(refusing) > 1 else 'question has'} no answer that counts: "
        f"{'; '.join(map(_titled, refusing[:_NAMED]))}{f'; and {more} more' if more > 0 else ''}"
    )


def _titled(reply: Reply) -> str:
    lapsed = f", {reply.lapsed}" if reply.lapsed else ""
    return f"{reply.question.title} ({reply.question.code}{lapsed})"


def _age_refused(found: Judgement, protocol: Protocol) -> str:
    allowed = ", ".join(sorted(found.ages or ()))
    return f"{protocol.id} is for the age bands {allowed}, and not for {found.age} (age_band)"


def _action(refusing: Sequence[Reply]) -> str:
    present = {reply.question.action for reply in refusing if reply.answer is Answer.YES}
    if Action.REFER_NOW in present:
        return "Refer the person now: a physician or the emergency service has to see them today. No session."
    if Action.REFER_SOON in present:
        return "Refer the person: a physician has to see this before any session."
    if Action.BLOCK in present:
        return "Do not treat here. Ask the person's clinician."
    form = "`physioctl protocols show PROTOCOL --answers` prints the form."
    if any(reply.lapsed for reply in refusing):
        return f"Ask these anew on the day of the session: {form}"
    return f"Answer them with --answers FILE; {form}"


def _unacknowledged(missing: Sequence[Question], found: Judgement) -> AnswersRefuse:
    lines = [f"{question.title} ({question.code}): {question.weigh}" for question in missing]
    codes = ", ".join(question.code for question in missing)
    return AnswersRefuse(
        "\n".join(["screening needs a person to weigh and acknowledge:", *lines]),
        f"At the terminal, acknowledge each when asked; in an answers file, write `acknowledged: [{codes}]`.",
        found,
    )
