"""How ``physioctl protocols check`` is printed: for a person, for a program, and for the checks of GitHub."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from physioctl.cli.exits import Exit, report
from physioctl.cli.printing import aside, json_line, say
from protocols.errors import PROBLEMS_SHOWN_MAX, PhysioctlError, Problem, ProtocolInvalid, Refused


@dataclass(frozen=True, slots=True)
class Checked:
    """What was found in one file."""

    file: str  # as it was named, or as it stands in the folder that was
    error: PhysioctlError | None  # None: it is sound
    code: Exit
    id: str = ""  # this and the rest: of one that is sound
    title: str = ""
    notes: tuple[Problem, ...] = ()

    @property
    def problems(self) -> tuple[Problem, ...]:
        """Every problem, with its place where it has one."""
        match self.error:
            case None:
                return ()
            case ProtocolInvalid(problems=problems):
                return problems
            case Refused(problems=problems) if problems:
                return problems
        return (Problem(self.error.what, self.error.action, file=self.file),)

    @property
    def verdict(self) -> str:
        """In one word: sound, invalid, refused or unknown."""
        words = {Exit.DONE: "sound", Exit.PROTOCOL_INVALID: "invalid", Exit.REFUSED: "refused"}
        return words.get(self.code, "unknown")


class Shown(Protocol):
    """One way of printing: `begin` for each name on the command line, `show` for each file, then `end`."""

    def begin(self, *, in_folder: bool) -> None: ...  # noqa: D102
    def show(self, checked: Checked) -> None: ...  # noqa: D102
    def end(self) -> None: ...  # noqa: D102


class _Counting:
    """Counts the files, for the line at the end."""

    def __init__(self) -> None:
        self.counts = {"files": 0, "sound": 0, "invalid": 0, "refused": 0, "unknown": 0}
        self.in_folder = False

    def begin(self, *, in_folder: bool) -> None:
        """Take note that a folder was named."""
        self.in_folder |= in_folder

    def count(self, checked: Checked) -> None:
        """Count one file."""
        self.counts["files"] += 1
        self.counts[checked.verdict] += 1

    def summary(self) -> str:
        """All files, and how many of them were found to be what."""
        files, *rest = self.counts.items()
        found = ", ".join(f"{count} {name}" for name, count in rest if count)
        return f"{files[1]} {'file' if files[1] == 1 else 'files'}: {found}"


class Text(_Counting):
    """For a person: what is sound on standard output, the rest on standard error."""

    def show(self, checked: Checked) -> None:
        """Print one file."""
        self.count(checked)
        if checked.error is None:
            say(f"ok {checked.file}: {checked.title}")
            _aside("note", checked.notes)
        elif isinstance(checked.error, ProtocolInvalid):
            _aside("error", checked.problems)
        else:
            report(checked.error)

    def end(self) -> None:
        """Print the count, where a folder was named."""
        if self.in_folder:
            say(self.summary())


class Json(_Counting):
    """For a program: one object for each file, and one for all."""

    def show(self, checked: Checked) -> None:
        """Print one file."""
        self.count(checked)
        json_line(
            {
                "event": "checked",
                "file": checked.file,
                "verdict": checked.verdict,
                "id": checked.id or None,
                "title": checked.title or None,
                "problems": [_values(problem) for problem in checked.problems[:PROBLEMS_SHOWN_MAX]],
                "more": max(0, len(checked.problems) - PROBLEMS_SHOWN_MAX),
                "notes": [_values(note) for note in checked.notes],
            }
        )

    def end(self) -> None:
        """Print the counts."""
        json_line({"event": "summary"} | self.counts)


class GitHub(_Counting):
    """For a workflow of GitHub's: commands that mark the lines of the files."""

    def show(self, checked: Checked) -> None:
        """Print one file."""
        self.count(checked)
        for kind, problems in (("error", checked.problems), ("notice", checked.notes)):
            for problem in problems[:PROBLEMS_SHOWN_MAX]:
                say(_annotation(kind, problem))

    def end(self) -> None:
        """Print the count."""
        say(self.summary())


SHOWN: dict[str, Callable[[], Shown]] = {"text": Text, "json": Json, "github": GitHub}


def _aside(kind: str, problems: Sequence[Problem]) -> None:
    for problem in problems[:PROBLEMS_SHOWN_MAX]:
        aside(f"{kind}: {problem}")
        aside(f"  to do: {problem.action}")
    if (more := len(problems) - PROBLEMS_SHOWN_MAX) > 0:
        aside(f"and {more} more")


def _values(problem: Problem) -> dict[str, Any]:
    return {
        "file": problem.file,
        "line": problem.line or None,
        "column": problem.column or None,
        "field": problem.field or None,
        "what": problem.what,
        "action": problem.action,
    }


def _annotation(kind: str, problem: Problem) -> str:
    """A workflow command; nothing in a file can end it and begin another."""
    place = {"file": problem.file}
    if problem.line:
        place |= {"line": str(problem.line), "col": str(problem.column)}
    properties = ",".join(f"{name}={_escaped(value, ':,')}" for name, value in place.items())
    field = f"{problem.field}: " if problem.field else ""
    return f"::{kind} {properties}::{_escaped(f'{field}{problem.what}. {problem.action}')}"


def _escaped(text: str, also: str = "") -> str:
    """``text`` as a workflow command holds it: what has a meaning there is written as its number."""
    return "".join(f"%{ord(char):02X}" if char in f"%\r\n{also}" else char for char in text)
