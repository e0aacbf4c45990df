"""The answers file: the form that is printed, and what is read back from it.

A flat YAML file that a person fills in: for whom, on which day, ``CODE: yes`` or ``CODE: no`` for each
question, and the codes of what was weighed and acknowledged. Its last block says which text each
question had when the form was printed.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

from physioctl.errors import InvalidUsage
from physioctl.person import reference
from physioctl.questions import AGE, age_question, ages_of, questions_of, texts_of
from physioctl.screening import Acknowledged, Answer, Answered, Answers, judge
from physioctl.text import clean
from physioctl.translation import ENGLISH, Translation
from protocols.contraindications import AgeBand
from protocols.errors import Problem, ProtocolInvalid, Where, printable, shorten
from protocols.fields import near
from protocols.model import Protocol
from protocols.reading import Entry, Node, read_bytes, read_nodes

FORMAT = 1
_KEYS = ("format", "person", "date", "acknowledged", "asked")
_BANDS = ", ".join(AgeBand)
_FORM = "A form to fill in is printed by: physioctl protocols show PROTOCOL --answers"
_LOOKED_UP_MAX = 50  # mistakes for which the nearest code is looked for: more are not printed
_CODE_MAX = 100  # of a code that is looked for among those known; ours are shorter
_ANSWERS: Mapping[object, Answer] = {
    "yes": Answer.YES,
    True: Answer.YES,
    "no": Answer.NO,
    False: Answer.NO,
    None: Answer.UNANSWERED,  # a line of the form that was left blank
}


def read_answers(
    path: Path, protocol: Protocol, *, operator: str | None = None, translation: Translation = ENGLISH
) -> Answers:
    """The answers in a file to the questions before ``protocol``, acknowledged by ``operator``.

    Raise `ProtocolInvalid` with all of the file's mistakes.
    """
    root, problems = read_nodes(read_bytes(path, _FORM), printable(path))
    if not isinstance(root.value, dict):
        raise ProtocolInvalid(problems)
    read = _File(printable(path), root.value, translation, problems)
    answers = read.answers(protocol, operator or "answers-file")
    if read.problems:
        raise ProtocolInvalid(sorted(read.problems, key=lambda problem: (problem.line, problem.column)))
    return answers


def blank_answers(
    protocol: Protocol, today: date, person: str | None = None, translation: Translation = ENGLISH
) -> str:
    """A form to fill in, for `read_answers`: each question a comment above its code."""
    asked = questions_of(protocol, translation)
    ages = [] if ages_of(protocol) is None else [age_question(translation)]
    lines = [
        f"# Screening before {clean(protocol.title)} ({clean(protocol.id)}).",
        "# Write yes or no behind each code. Yes means that it is present.",
        f"format: {FORMAT}",
        f"person:{'' if person is None else ' ' + json.dumps(person)}  # the reference, as for run --person",
        f"date: {today.isoformat()}  # the day on which it was answered",
    ]
    for question in (*ages, *asked):
        lines += ["", f"# {clean(question.shown)}"]
        if question.code == AGE.code:
            lines.append(f"{AGE.code}:  # {_BANDS}")
        elif question.absolute:
            lines.append(f"{question.code}:  # a yes, or no answer, refuses the session")
        else:
            lines += [
                f"# {clean(question.weigh)}",
                f"{question.code}:  # a yes is acknowledged below",
            ]
    lines += ["", "# The codes of what was weighed and acknowledged, such as [PREG_ANY].", "acknowledged: []"]
    lines += ["", "# The text that each question has; not to be changed.", "asked:"]
    lines += [f'  {question.code}: "{question.text_hash}"' for question in (*ages, *asked)]
    return "\n".join(lines if ages or asked else [*lines[:-1], "asked: {}"]) + "\n"


@dataclass(slots=True)
class _File:
    """The keys of an answers file, and the mistakes found in it so far."""

    name: str
    entries: Mapping[str, Entry]
    translation: Translation = ENGLISH
    problems: list[Problem] = field(default_factory=list)

    def answers(self, protocol: Protocol, by: str) -> Answers:
        """What the file says. Worth nothing when there are mistakes."""
        known = texts_of(protocol)
        self._format()
        person, on = self._person(), self._date() or date.min
        asked = dict(self._asked(known))
        given = tuple(self._given(known, asked, on))
        answers = Answers(person, given, translation=self.translation)
        standing = {question.code for question in judge(protocol, answers, on).standing}
        acknowledged = tuple(Acknowledged(code, by, on) for code in self._acknowledged(known, standing))
        return Answers(person, given, acknowledged, self.translation)

    def _format(self) -> None:
        found = self._value("format", f"Add `format: {FORMAT}`.")
        if found is not None and (type(found.value) is not int or found.value != FORMAT):
            self._note(found, ("format",), f"expected {FORMAT}", "Print the form anew with this version.")

    def _person(self) -> str | None:
        found = self._value("person", "Add `person:` and the reference that is given to run --person.")
        if found is None:
            return None
        if not isinstance(found.value, str):
            what = "is left empty" if found.value is None else "expected a reference"
            self._note(found, ("person",), what, 'Write it, in quotes if it is a number: `person: "017"`.')
            return None
        try:
            return reference(found.value)
        except InvalidUsage as error:
            self._note(found, ("person",), error.what, error.action)
            return None

    def _date(self) -> date | None:
        found = self._value("date", "Add `date:` and the day on which it was answered, such as 2026-11-21.")
        if found is None:
            return None
        if isinstance(found.value, str) and re.fullmatch(r"\d{4}-\d\d-\d\d", found.value, re.ASCII):
            try:
                return date.fromisoformat(found.value)
            except ValueError:
                pass
        self._note(found, ("date",), "expected a day", "Write year, month and day, such as 2026-11-21.")
        return None

    def _asked(self, known: Mapping[str, str]) -> Iterator[tuple[str, str]]:
        """The hash of the text to which each code was answered."""
        entry = self.entries.get("asked")
        if entry is None:
            return  # nothing is bound to a text then, and nothing counts
        if not isinstance(entry.node.value, dict):
            self._note(
                entry.node, ("asked",), "expected codes and hashes", "Keep the block as it is printed."
            )
            return
        for code, each in entry.node.value.items():
            if code not in known:
                self._unknown(each, ("asked", code), code, known)
            elif not isinstance(each.node.value, str):
                where = ("asked", code)
                self._note(each.node, where, "expected a hash in quotes", "Keep it as it is printed.")
            else:
                yield code, each.node.value

    def _given(self, known: Mapping[str, str], asked: Mapping[str, str], on: date) -> Iterator[Answered]:
        for code, entry in self.entries.items():
            if code in _KEYS:
                continue
            if code not in known:
                self._unknown(entry, (code,), code, (*known, *_KEYS))
            elif code == AGE.code:
                band = entry.node.value
                if isinstance(band, str) and band in list(AgeBand):
                    yield Answered(code, AgeBand(band), asked.get(code, ""), on)
                elif band is not None:
                    self._note(entry.node, (code,), f"expected {_BANDS}", f"Write one of: {_BANDS}.")
            else:
                answer = entry.node.plain()
                answer = answer.casefold() if isinstance(answer, str) else answer
                if isinstance(answer, str | bool | None) and answer in _ANSWERS:
                    yield Answered(code, _ANSWERS[answer], asked.get(code, ""), on)
                else:
                    self._note(entry.node, (code,), "expected yes, no", "Write one of: yes, no.")

    def _acknowledged(self, known: Mapping[str, str], standing: set[str]) -> Iterator[str]:
        entry = self.entries.get("acknowledged")
        if entry is None or entry.node.value is None:
            return
        if not isinstance(entry.node.value, tuple):
            self._note(entry.node, ("acknowledged",), "expected a list", "Write codes such as [PREG_ANY].")
            return
        for index, node in enumerate(entry.node.value):
            where = ("acknowledged", index)
            code = node.value
            if not isinstance(code, str) or code not in known:
                what = f"{shorten(str(node.plain()))!r} is no question's code"
                self._note(node, where, what, self._nearest(str(code), known))
            elif code not in standing:
                what = f"nothing of {code} stands to be acknowledged"
                self._note(node, where, what, "Take it out, or look at the answer: a no needs none.")
            else:
                yield code

    def _value(self, key: str, action: str) -> Node | None:
        """What stands behind ``key``, which has to be there."""
        if key in self.entries:
            return self.entries[key].node
        self.problems.append(Problem("is missing", action, (key,), self.name, 1, 1))
        return None

    def _unknown(self, entry: Entry, where: Where, code: str, known: Iterable[str]) -> None:
        what = f"{shorten(code)!r} is no question's code"
        action = self._nearest(code, known)
        self.problems.append(Problem(what, action, where, self.name, entry.line, entry.column))

    def _note(self, node: Node, where: Where, what: str, action: str) -> None:
        self.problems.append(Problem(what, action, where, self.name, node.line, node.column))

    def _nearest(self, code: str, known: Iterable[str]) -> str:
        """The known code that ``code`` was most likely meant to be, or where to find them all."""
        known = tuple(known)
        if len(self.problems) < _LOOKED_UP_MAX:
            for written in (code[:_CODE_MAX], code[:_CODE_MAX].upper()):
                if (action := near(written, known)).startswith("Did"):
                    return action
        return "`physioctl protocols show PROTOCOL --answers` prints the codes there are."
