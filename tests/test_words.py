"""The project's words, as CONTRIBUTING.md lists them, and that retired words do not come back.

Names, comments and docstrings are read from the tokens of every Python file; pages are read whole. Strings
are not: they may be data, such as the name of a random stream that is part of what a seed means.
"""

from __future__ import annotations

import ast
import io
import re
import tokenize
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
CODE = ("protocols", "device", "physioctl", "simulator", "tests", "tools", "benchmarks")
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "docs").glob("*.toml")])
HERE = Path(__file__).relative_to(ROOT).as_posix()

# Names that have been replaced, and by what.
RETIRED_NAMES: Mapping[str, str] = {
    "Knowledge": "SessionState",
    "Belief": "Expected",
    "Standing": "GuardContext",
    "Sight": "ReportTrends",
    "Pace": "Scheduler",
    "Conversation": "RequestTracker",
    "Quiet": "OutputOff",
    "Silence": "OffConfirmation",
    "Silenced": "StopOutcome",
    "SilenceNotProven": "OutputNotConfirmedOff",
    "SILENCING": "STOPPING",
    "HELD": "SUSPENDED",
    "GREET": "IDENTIFIED",
    "Stateful": "StateMachine",
    "NoWay": "TransitionRefused",
    "Cleared": "Permitted",
    "AlarmCleared": "AlarmEnded",
    "Look": "GetStatus",
    "Declare": "GetCapabilities",
    "Declaration": "Capabilities",
    "Report": "Status",
    "Reported": "StatusChanged",
    "Act": "OperatorAction",
    "Acted": "OperatorActed",
    "Will": "OperatorIntent",
    "Story": "Scenario",
    "Course": "ExpectedRun",
    "Senses": "Sensors",
    "Memory": "ReplayCache",
    "OwnTime": "UnitClock",
    "Drive": "OutputStage",
    "Slip": "Problem",
    "NotSaid": "InvalidValue",
    "NotAQuantity": "InvalidValue",
    "FieldProblem": "Problem",
    "InvalidQuantity": "InvalidValue",
    "Verdict": "Verification",
    "take_up": "load",
    "abandon": "shut_down",
    "last_words": "stop_at_exit",
    "notice": "on_event",
    "to_do": "action",
    "mend": "action",
    "heard_ms": "unit_uptime_ms or received_at_ms",
    "hold_max_ms": "suspension_max_ms",
    "held_for_nothing": "suspended_without_cause",
    "belief": "expected",
    "story": "scenario",
}
# Words that no name, comment, docstring or page uses, and what is said instead.
RETIRED_WORDS: Mapping[str, str] = {
    r"silen(?:ce|ces|ced|cing|t|tly)": "output off",
    r"quiet": "output off",
    r"proven|prove[sd]?": "confirmed",
    r"infer(?:s|red)?": "presumed",
    r"witness(?:es)?": "recorder",
    r"watchers?": "observer",
    r"greet(?:s|ed|ing)?": "handshake",
    r"hush(?:ed)?": "output off",
    r"stor(?:y|ies)": "scenario",
    r"mend(?:s|ed|ing)?": "correct, or action",
    r"strangers?": "another unit, or another package",
}
# Where such a word is needed: the file and the word.
NEEDED = {
    ("tests/physioctl/test_docs.py", "proven"),  # a claim that the pages must not make
}

# An option is no word of a sentence: `--quiet` is what every command line calls it.
_WORDS = re.compile(rf"(?<![A-Za-z])(?<!--)({'|'.join(RETIRED_WORDS)})(?![A-Za-z])", re.IGNORECASE)
_NAMES = re.compile(rf"\b({'|'.join(RETIRED_NAMES)})\b")


def names_and_prose(source: str) -> tuple[set[str], list[str]]:
    """The names of a module, and its comments and docstrings."""
    tokens = list(tokenize.generate_tokens(io.StringIO(source).readline))
    names = {token.string for token in tokens if token.type == tokenize.NAME}
    prose = [token.string for token in tokens if token.type == tokenize.COMMENT]
    documented = (ast.Module, ast.ClassDef, ast.FunctionDef)
    nodes = (node for node in ast.walk(ast.parse(source)) if isinstance(node, documented))
    prose += [ast.get_docstring(node) or "" for node in nodes]
    return names, prose


def retired_words(text: str) -> Iterator[str]:
    """Every retired word in ``text``, the parts of names included."""
    apart = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", text)
    yield from (found.lower() for found in _WORDS.findall(apart))


def used_in(file: str, text: str) -> set[str]:
    """The retired names and words of ``text``, which is that of ``file``."""
    if not file.endswith(".py"):
        return set(retired_words(text))
    if not _NAMES.search(text) and not any(retired_words(text)):
        return set()  # nor does any name, comment or docstring: most files need not be taken apart
    names, prose = names_and_prose(text)
    found = names & RETIRED_NAMES.keys()
    found |= {word for part in (*names, *prose) for word in retired_words(part)}
    return {word for word in found if (file, word) not in NEEDED}


def rows(page: str) -> dict[str, str]:
    """The table under the heading *Words* of a page: word, meaning."""
    text = (ROOT / page).read_text(encoding="utf-8")
    (section,) = re.findall(r"(?ms)^## Words$(.*?)(?=^## |\Z)", text)
    return dict(re.findall(r"(?m)^\| (?!word \|)(.+?) \| (.+) \|$", section))


def all_used_in(paths: Iterable[Path]) -> dict[str, set[str]]:
    """The retired names and words of each file that uses any; this one lists them."""
    texts = {path.relative_to(ROOT).as_posix(): path.read_text(encoding="utf-8") for path in paths}
    used = {file: used_in(file, text) for file, text in texts.items() if file != HERE}
    return {file: words for file, words in used.items() if words}


@pytest.mark.parametrize("folder", CODE)
def test_no_module_uses_a_retired_word(folder: str) -> None:
    modules = list((ROOT / folder).rglob("*.py"))

    assert modules
    assert all_used_in(modules) == {}


def test_no_page_uses_a_retired_word() -> None:
    assert all_used_in(PAGES) == {}


def test_retired_names_and_words_of_a_module_are_found_and_strings_left_alone() -> None:
    module = '"""It mends."""\n\ndef take_up() -> str:  # quiet\n    return "a strange story, Verdict"\n'

    assert used_in("module.py", module) == {"mends", "take_up", "quiet"}


def test_the_words_of_the_manual_are_those_of_the_contributors() -> None:
    manual, all_words = rows("docs/manual.md"), rows("CONTRIBUTING.md")

    assert len(all_words) >= 13
    assert {word: means for word, means in manual.items() if all_words.get(word) != means} == {}


@pytest.mark.parametrize("word", ["silent", "was_proven", "SilenceUnit", "the witness hears", "a_story"])
def test_a_retired_word_is_found_wherever_it_stands(word: str) -> None:
    assert list(retired_words(word))


@pytest.mark.parametrize("word", ["history", "Improved", "recommended", "the output is off"])
def test_other_words_are_left_alone(word: str) -> None:
    assert not list(retired_words(word))
