"""Texts in another language, shown in place of ours: our questions, the alarms, what a session waits for.

They stand in a TOML file that ``texts`` of the settings names. What is missing there is shown in English.
Codes and keys are those of ``contraindications.toml``, ``alarms.toml`` and ``instructions.toml``::

    format = 1
    language = "de"

    [questions.PREG_ANY]
    ask = "..."

    [alarms.OUTPUT_HIGH]
    what = "... {output_tolerance_pct} % ..."

    [instructions.ultrasound]
    before_start = "..."

Only what is shown changes: the record and the JSON lines keep ours. An answer is bound to the text that was
shown (`physioctl.questions.Question.text_hash`), and the record has the title that the question was shown
by. What a protocol itself says is not translated here, nor is what an alarm says of its own moment, such as
for how long this computer was busy.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import product
from pathlib import Path
from typing import Any

from device.events import AlarmRaised, Event, Observer, StartAwaited
from device.monitor.alarm_texts import FIGURES, TEXTS
from protocols.errors import Problem, ProtocolInvalid, Where, printable, shorten
from protocols.families import definition
from protocols.fields import near
from protocols.limits import Family
from protocols.shipped_questions import CATALOGUE

FORMAT = 1
AGE_CODE = "age_band"
TEXT_MAX = 600  # characters; this project's own figure: twice our longest
_LANGUAGE = re.compile("[a-z]{2,3}(-[A-Za-z0-9]{2,8})*")  # in the manner of BCP 47
_QUESTION = ("title", "ask", "weigh")
_ALARM = ("what", "action")
_INSTRUCTION = ("before_start", "before_check")
_TOP = ("format", "language", "questions", "alarms", "instructions")
_BRACED = re.compile(r"\{([^{}]*)\}")
_MEANS = "Name the file in config.toml: texts = FILE"

Tables = Mapping[str, Mapping[str, str]]  # code → key → text


@dataclass(frozen=True, slots=True)
class Translation:
    """What is shown in place of our texts; what is not in it stays as it is."""

    language: str = ""
    questions: Tables = field(default_factory=dict)
    alarms: Tables = field(default_factory=dict)
    instructions: Tables = field(default_factory=dict)

    def event(self, event: Event) -> Event:
        """``event`` as a screen shows it."""
        if isinstance(event, AlarmRaised) and event.code in self.alarms:
            texts, (what, action) = self.alarms[event.code], TEXTS[event.code]
            return replace(
                event,
                what=texts.get("what", what) if event.what == what else event.what,
                action=texts.get("action", action) if event.action == action else event.action,
            )
        if isinstance(event, StartAwaited):
            for family, key in product(Family, _INSTRUCTION):
                if event.instruction == getattr(definition(family), key):
                    shown = self.instructions.get(family, {}).get(key, event.instruction)
                    return replace(event, instruction=shown)
        return event


ENGLISH = Translation()


@dataclass(frozen=True, slots=True)
class Translated:
    """An observer that is told of events with the texts of a translation."""

    observer: Observer
    translation: Translation

    @property
    def name(self) -> str:
        """Who is told, as the record names an observer that fails."""
        return str(getattr(self.observer, "name", type(self.observer).__name__))

    def on_event(self, event: Event) -> None:
        """Hand ``event`` on."""
        self.observer.on_event(self.translation.event(event))


def read_translation(path: Path) -> Translation:
    """The translation in the file at ``path``; raise `ProtocolInvalid` with all of its mistakes."""
    from protocols.reading import read_bytes  # slow to import, and few have such a file

    name = printable(path)
    try:
        text = read_bytes(path, _MEANS).decode("utf-8")
        said = tomllib.loads(text)
    except (ValueError, RecursionError) as error:  # no text, no TOML, or lists too deep to be read
        place = re.search(r"at line (\d+), column (\d+)", str(error))
        line, column = (int(place[1]), int(place[2])) if place else (1, 1)
        what = f"is not TOML in UTF-8: {shorten(str(error), 200)}"
        raise ProtocolInvalid([Problem(what, "Correct it.", (), name, line, column)]) from None
    return parse(said, text, name)


def parse(said: Mapping[str, Any], text: str, name: str) -> Translation:
    """The translation that ``said`` is, which was read from ``text`` of the file ``name``."""
    problems = [replace(each, file=name, line=_line(text, each.where), column=1) for each in _mistakes(said)]
    if problems:
        raise ProtocolInvalid(sorted(problems, key=lambda problem: problem.line))
    alarms = {
        code: {key: _filled(value, FIGURES.get((code, key), {})) for key, value in texts.items()}
        for code, texts in said.get("alarms", {}).items()
    }
    return Translation(said["language"], said.get("questions", {}), alarms, said.get("instructions", {}))


def _mistakes(said: Mapping[str, Any]) -> Iterator[Problem]:
    for key in said:
        if key not in _TOP:
            yield Problem("is not known", near(key, _TOP), (key,))
    if type(said.get("format")) is not int or said["format"] != FORMAT:
        yield Problem(f"expected {FORMAT}", f"Write `format = {FORMAT}`.", ("format",))
    language = said.get("language")
    if not isinstance(language, str) or not _LANGUAGE.fullmatch(language):
        yield Problem("expected a language", 'Write one such as "de" or "pt-BR".', ("language",))
    questions = (*CATALOGUE.questions, AGE_CODE)
    for table, codes, keys in (
        ("questions", questions, _QUESTION),
        ("alarms", tuple(TEXTS), _ALARM),
        ("instructions", tuple(Family), _INSTRUCTION),
    ):
        yield from _in_table(table, said.get(table, {}), codes, keys)


def _in_table(table: str, said: object, codes: tuple[str, ...], keys: tuple[str, ...]) -> Iterator[Problem]:
    if not isinstance(said, dict):
        yield Problem("expected tables", f"Write [{table}.CODE] and what it holds.", (table,))
        return
    for code, texts in said.items():
        if code not in codes:
            yield Problem("is no code that is known", near(code, codes), (table, code))
        elif not isinstance(texts, dict) or not texts:
            yield Problem("expected texts", f"Write one of {', '.join(keys)}.", (table, code))
        else:
            for key, text in texts.items():
                where = (table, code, key)
                if key not in keys:
                    yield Problem("is not known", near(key, keys), where)
                elif what := _wrong(text, FIGURES.get((code, key), {}) if table == "alarms" else {}):
                    yield Problem(what, "Write one line of text, as ours is.", where)


def _wrong(text: object, figures: Mapping[str, int]) -> str:
    """What is wrong with ``text``, which has to hold these figures and no others; empty for nothing."""
    if not isinstance(text, str) or not text.strip():
        return "expected a text, and not an empty one"
    if len(text) > TEXT_MAX:
        return f"is longer than {TEXT_MAX} characters"
    if not text.isprintable():
        hidden = next(char for char in text if not char.isprintable())
        return f"holds U+{ord(hidden):04X}, which is not printed or moves what is"
    if text != text.strip():
        return "begins or ends with a space"
    named = _BRACED.findall(text)
    if sorted(named) != sorted(figures) or re.search("[{}]", _BRACED.sub("", text)):
        needed = ", ".join(f"{{{figure}}}" for figure in figures) or "none"
        return f"names other figures in braces than ours, which names {needed}"
    return ""


def _filled(text: str, figures: Mapping[str, int]) -> str:
    return _BRACED.sub(lambda found: str(figures[found[1]]), text)


def _line(text: str, where: Where) -> int:
    """The line in which the value at ``where`` is written, or the nearest to it that can be found."""
    *tables, last = [re.escape(str(part)) for part in where]
    quoted = [rf"[\"']?{part}[\"']?" for part in tables]
    header = re.compile(r"\s*\[\s*" + r"\s*\.\s*".join([*quoted, rf"[\"']?{last}[\"']?"]) + r"\s*[\].]")
    inside = re.compile(r"\s*\[\s*" + r"\s*\.\s*".join(quoted) + r"\s*\]")
    key = re.compile(rf"\s*[\"']?{last}[\"']?\s*[=.]")
    found, within = 1, not tables
    for number, line in enumerate(text.splitlines(), 1):
        if header.match(line):
            return number
        if line.lstrip().startswith("["):
            within = bool(tables) and inside.match(line) is not None
            found = number if within else found
        elif within and key.match(line):
            return number
    return found
