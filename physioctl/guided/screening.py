"""Screening at the terminal: the questions one after the other, back and forth, and what is acknowledged.

A bare Enter answers nothing. A yes that refuses the session ends it there, with whom to refer the person to.
What an earlier day's answer still holds for is confirmed in one line; the rest is asked anew.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from enum import Enum, auto

from physioctl.guided.terminal import Terminal, chosen
from physioctl.questions import AGE, Question, age_question, ages_of, questions_of
from physioctl.record.answers_kept import answers_kept
from physioctl.record.journal import Journal
from physioctl.record.refusals import refusals_kept
from physioctl.screening import Answer, Answered, Answers, answered, day_of, judge, screen
from physioctl.translation import ENGLISH, Translation
from protocols.contraindications import Action, AgeBand
from protocols.model import Protocol


class _Move(Enum):
    BACK = auto()
    WHY = auto()


_Reply = Answer | AgeBand | _Move
_MOVES: Mapping[str, _Reply] = {"b": _Move.BACK, "back": _Move.BACK, "w": _Move.WHY, "?": _Move.WHY}
_WORDS: Mapping[str, _Reply] = {"y": Answer.YES, "yes": Answer.YES, "n": Answer.NO, "no": Answer.NO}
_BANDS: Mapping[str, _Reply] = {word: band for band in AgeBand for word in (band.value, band.value[0])}
_LEADS_TO = {
    Action.REFER_NOW: "no session; the person has to be seen today",
    Action.REFER_SOON: "no session; the person has to be seen before any",
    Action.BLOCK: "no session",
    Action.ASK_CLINICIAN: "it is weighed, with the person's clinician, and acknowledged",
    Action.NOTE: "it is weighed, and acknowledged",
}


@dataclass(frozen=True, slots=True)
class _Earlier:
    """What was answered on an earlier day and still holds, confirmed as a whole."""

    questions: tuple[Question, ...]
    given: tuple[Answered, ...]


_Item = Question | _Earlier


def ask(
    protocol: Protocol,
    terminal: Terminal,
    *,
    person: str | None,
    operator: str | None,
    today: date,
    earlier: Iterable[Answered] = (),
    translation: Translation = ENGLISH,
) -> Answers:
    """Put every question of ``protocol``, and have what is relative and not denied acknowledged.

    ``earlier`` is what was answered for ``person`` before; what no longer holds in it is asked anew. Raise
    `Refused` as soon as an answer refuses the session, and where something is not acknowledged.
    """
    questions = questions_of(protocol, translation)
    form = _Form(protocol, person, today, questions, _still_holding(questions, earlier, today), translation)
    if not form.items:
        return Answers()
    terminal.say("Before the session. Answer for the person treated; yes means that it is present.")
    terminal.say("b goes back to the question before; w says why a question is asked.")
    while True:
        form.ask_all(terminal)
        acknowledged = form.acknowledge(terminal)
        if acknowledged is not None:
            by = operator or "operator-at-the-terminal"
            answers = form.answers(acknowledged, by)
            screen(protocol, answers, person=person, today=today)
            return answers


def ask_and_keep(
    protocol: Protocol,
    terminal: Terminal,
    journal: Journal,
    *,
    person: str | None,
    operator: str | None,
    simulated: bool,
    translation: Translation = ENGLISH,
) -> Answers:
    """As `ask`, with what ``journal`` holds of earlier answers; answers that refuse are recorded in it.

    ``simulated`` says whether the session is to be on a simulated unit: its answers count for nobody else.
    """
    earlier = () if person is None else answers_kept(journal, person, simulated=simulated)
    with refusals_kept(journal, protocol, person, simulated=simulated):
        return ask(
            protocol,
            terminal,
            person=person,
            operator=operator,
            today=day_of(journal.clock),
            earlier=earlier,
            translation=translation,
        )


@dataclass(slots=True)
class _Form:
    """The questions of one screening, what has been answered, and which comes next."""

    protocol: Protocol
    person: str | None
    today: date
    questions: tuple[Question, ...]
    earlier: _Earlier | None
    translation: Translation = ENGLISH
    kept: bool | None = None  # whether what was answered earlier is so still; None: not asked yet
    age: AgeBand | None = None
    given: dict[int, Answer] = field(default_factory=dict)  # by the question's place
    at: int = 0

    @property
    def items(self) -> Sequence[_Item]:
        """What is asked, in order."""
        items: list[_Item] = [] if ages_of(self.protocol) is None else [age_question(self.translation)]
        known: set[str] = set()
        if self.earlier is not None:
            items.append(self.earlier)
            known = set() if self.kept is False else {question.code for question in self.earlier.questions}
        return [*items, *(question for question in self.questions if question.code not in known)]

    def ask_all(self, terminal: Terminal) -> None:
        """Ask from where it stands to the last question."""
        while self.at < len(items := self.items):
            item = items[self.at]
            reply = _put(item, f"{self.at + 1} of {len(items)}", terminal)
            if reply is _Move.WHY:
                _say_why(item, terminal)
            elif reply is _Move.BACK:
                self.back(terminal)
            else:
                self._take(item, reply)
                self._expect_not_refused()
                self.at += 1

    def back(self, terminal: Terminal) -> None:
        """Go back to the question before."""
        if self.at == 0:
            terminal.say("This is the first question.")
        self.at = max(0, self.at - 1)

    def acknowledge(self, terminal: Terminal) -> list[str] | None:
        """Have each that stands to be weighed acknowledged; None when the person went back instead."""
        standing = judge(self.protocol, self.answers(), self.today).standing
        if standing:
            terminal.say("To be weighed, and acknowledged by whoever runs the session:")
        acknowledged = []
        for question in standing:
            terminal.say(f"{question.title} ({question.code}). {question.weigh}")
            words = {**_WORDS, "b": _Move.BACK, "back": _Move.BACK}
            said = chosen(terminal, "Do you acknowledge it?", words, "yes, no, b")
            if said is _Move.BACK:
                self.back(terminal)
                return None
            if said is Answer.YES:
                acknowledged.append(question.code)
        return acknowledged

    def answers(self, acknowledged: Iterable[str] = (), by: str = "operator-at-the-terminal") -> Answers:
        """What has been answered so far."""
        said: dict[str, Answer] = {}
        for place, question in enumerate(self.questions):
            if place in self.given:  # of two questions with one code, a yes counts
                answer = self.given[place]
                said[question.code] = Answer.YES if said.get(question.code) is Answer.YES else answer
        kept = self.earlier.given if self.earlier is not None and self.kept else ()
        for each in kept:
            said.pop(each.code, None)
        made = answered(
            self.protocol,
            said,
            on=self.today,
            person=self.person,
            age_band=self.age,
            acknowledged=acknowledged,
            by=by,
            translation=self.translation,
        )
        return replace(made, given=(*made.given, *kept))

    def _take(self, item: _Item, reply: _Reply) -> None:
        if isinstance(item, _Earlier):
            self.kept = reply is Answer.YES
        elif isinstance(reply, AgeBand):
            self.age = reply
        elif isinstance(reply, Answer):
            self.given |= {place: reply for place, each in enumerate(self.questions) if each is item}

    def _expect_not_refused(self) -> None:
        """Raise `Refused` once an answer refuses the session, whatever the others would be."""
        found = judge(self.protocol, self.answers(), self.today)
        if any(reply.answer is Answer.YES for reply in found.refusing):
            screen(self.protocol, self.answers(), person=self.person, today=self.today)


def _still_holding(
    questions: Iterable[Question], earlier: Iterable[Answered], today: date
) -> _Earlier | None:
    """Of what was answered before, what still holds, if it is said once more that it does."""
    lasting = {question.code: question for question in questions if question.lasting}
    found = {
        each.code: each
        for each in sorted(earlier, key=lambda each: each.date)
        if each.code in lasting
        and each.answer in (Answer.YES, Answer.NO)
        and each.text_hash == lasting[each.code].text_hash
        and each.date <= today
    }
    if not found:
        return None
    return _Earlier(tuple(lasting[code] for code in found), tuple(found.values()))


def _put(item: _Item, number: str, terminal: Terminal) -> _Reply:
    asked, words = _recalled(item) if isinstance(item, _Earlier) else item.shown, _WORDS
    if isinstance(item, Question) and item.code == AGE.code:
        words = _BANDS
    shown = f"{', '.join(word for word in words if len(word) > 1)}, b, w"
    return chosen(terminal, f"{number}  {asked}", {**words, **_MOVES}, shown)


def _recalled(item: _Earlier) -> str:
    """What was answered then, a day after the other."""
    titles = {question.code: question.title for question in item.questions}
    said: dict[tuple[date, str], list[str]] = {}
    for each in item.given:
        said.setdefault((each.date, str(each.answer)), []).append(titles[each.code])
    then = [f"As on {on}: {answer}: {', '.join(names)}." for (on, answer), names in said.items()]
    return f"{' '.join(then)} Is that still so?"


def _say_why(item: _Item, terminal: Terminal) -> None:
    if isinstance(item, _Earlier):
        terminal.say("An answer to these holds until it changes; no asks each of them anew:")
        for question in item.questions:
            terminal.say(f"  {question.shown}")
        return
    terminal.say(f"{item.title} ({item.code}).")
    if item.code == AGE.code:
        terminal.say("  it decides by: the limits of age of the unit and of the protocol.")
    else:
        terminal.say(f"  yes leads to: {_LEADS_TO[item.action]}.")
    if item.weigh:
        terminal.say(f"  {item.weigh}")
    terminal.say(f"  source: {'; '.join(item.source)}.")
