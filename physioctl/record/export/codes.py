"""The codes file: what a clinic calls, in the code systems that it uses, what a session is made of.

physioctl ships no table of codes: the licence of SNOMED CT and LOINC is the clinic's own. The file is TOML::

    format = 1

    [systems]
    person = "urn:oid:2.16.840.1.113883.2.9999.1"

    [procedure.ultrasound]
    system = "urn:example:procedures"
    code = "US-1"
    display = "Therapeutic ultrasound"

Each table may be left out; what has no code is exported as text alone.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Annotated, Any, Literal, get_args

from pydantic import AfterValidator, BaseModel, ConfigDict, ValidationError

from protocols.ceilings import body_sites
from protocols.errors import PROBLEMS_SHOWN_MAX, Problem, ProtocolInvalid, Where, printable, shorten
from protocols.families import Setting
from protocols.fields import near
from protocols.limits import Family
from protocols.reading import read_bytes

_FORM = (
    'A code is written so: body_site.calf = {system = "urn:example:sites", code = "CALF", display = "Calf"}'
)
_KEY_MAX = 100  # characters of a key whose nearest is looked for; ours are shorter
_LENGTH_MAX = 1000  # characters of a code, a system or a display; this project's own
_URN = re.compile(r"urn:[A-Za-z0-9][A-Za-z0-9-]{1,31}:[A-Za-z0-9()+,.:=@;$_!*'/?#%-]+")
_URL = re.compile(r"https?://[A-Za-z0-9][A-Za-z0-9.-]*(?::[0-9]{1,5})?(?:[/?#][!-~]*)?")
_OID = re.compile(r"urn:oid:[0-2](?:\.(?:0|[1-9][0-9]*))+")
_UUID = re.compile(r"urn:uuid:[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_CODE = re.compile(r"[^\s]+(?: [^\s]+)*")

SYSTEMS = ("person", "operator", "session", "unit")
OBSERVATIONS = (
    "delivered_time", "energy", "dose", "level_set", "level_measured", "head_temperature",
    "head_temperature_max", "contact", "setting", "level_lowered", "level_before", "level_after",
    "pain_before", "pain_during", "pain_after",
    *(field.name for setting in get_args(Setting) for field in fields(setting)),
)  # fmt: skip
ACTIONS = ("start", "pause", "resume", "skip", "stop", "lower", "note", "pain")


def tables() -> Mapping[str, tuple[str, ...]]:
    """The tables of codes, and the keys of each."""
    families, sites = tuple(Family), tuple(body_sites())
    return {
        "procedure": (*families, "guidance"),
        "device": families,
        "body_site": (*sites, *(f"{side}_{site}" for site in sites for side in ("left", "right"))),
        "reason": ("stopped", "interrupted", "failed", "refused"),
        "observation": OBSERVATIONS,
        "audit": ("type", "begin", *ACTIONS, "acknowledge", "end", "refused"),
    }


@dataclass(frozen=True, slots=True)
class Codes:
    """The codes and the systems of identifiers that a clinic has supplied."""

    systems: Mapping[str, str]
    codings: Mapping[tuple[str, str], Mapping[str, str]]  # table, key → system, code, display

    def coding(self, table: str, key: str) -> dict[str, str] | None:
        """The Coding for a key of a table, or None."""
        found = self.codings.get((table, key))
        return None if found is None else dict(found)


NO_CODES = Codes({}, {})


def read_codes(path: Path) -> Codes:
    """The codes in a file. Raise `ProtocolInvalid` with all of its mistakes."""
    name = printable(path)
    said, places = _parsed(read_bytes(path, _FORM), name)
    problems = [*_unknown_keys(said), *_model_problems(said)]
    if problems:
        raise ProtocolInvalid(sorted((places.put(problem) for problem in problems), key=lambda p: p.line))
    return Codes(
        said.get("systems", {}),
        {(table, key): code for table in tables() for key, code in said.get(table, {}).items()},
    )


# --- the text -------------------------------------------------------------------------------------------

_HEADER = re.compile(r"\s*\[([^\[\]]+)\]")


@dataclass(frozen=True, slots=True)
class _Places:
    """Where the keys of a file stand; tomllib does not say."""

    file: str
    lines: Mapping[Where, int]

    def put(self, problem: Problem) -> Problem:
        """``problem`` with the line of its key, or of the nearest table around it that has one."""
        where = problem.where
        while where and where not in self.lines:
            where = where[:-1]
        line = self.lines.get(where, 1)
        return Problem(problem.what, problem.action, problem.where, self.file, line, 1)


def _parsed(data: bytes, file: str) -> tuple[dict[str, Any], _Places]:
    action = f"Correct it there. {_FORM}"
    try:
        written = data.decode("utf-8")
        return tomllib.loads(written), _Places(file, dict(_lines(written)))
    except UnicodeDecodeError:
        raise ProtocolInvalid([Problem("it is not UTF-8 text", "Save it as UTF-8.", (), file)]) from None
    except RecursionError:
        raise ProtocolInvalid([Problem("values in values, too deep to be read", action, (), file)]) from None
    except ValueError as error:  # no TOML, or a number with too many digits
        what = str(error)
        place = re.search(r" \(at line (\d+), column (\d+)\)$", what)
        line, column = (int(place[1]), int(place[2])) if place else (data.count(b"\n") + 1, 1)
        said = printable(shorten(what[: place.start()] if place else what, 200))
        raise ProtocolInvalid([Problem(said, action, (), file, line, column)]) from None


def _lines(written: str) -> Iterator[tuple[Where, int]]:
    """The names in a valid file, each with its line. One inside a text of several lines may be amiss."""
    table: Where = ()
    found: dict[Where, int] = {}
    for number, line in enumerate(written.split("\n"), 1):
        if header := _HEADER.match(line):
            path = table = _names(header[1])
        else:
            key, equals, _ = line.partition("=")
            path = (*table, *_names(key)) if equals else ()
        for length in range(1, len(path) + 1):
            found.setdefault(path[:length], number)
    return iter(found.items())


def _names(dotted: str) -> Where:
    """The names in ``a."b c".d``."""
    try:
        value: object = tomllib.loads(f"{dotted} = 0")
    except (ValueError, RecursionError):
        return ()
    names = []
    while isinstance(value, dict):
        ((name, value),) = value.items()
        names.append(name)
    return tuple(names)


# --- what it says ---------------------------------------------------------------------------------------


def _plain(said: str) -> str:
    if not said or said != said.strip() or len(said) > _LENGTH_MAX:
        raise ValueError(f"1 to {_LENGTH_MAX} characters, with no space at either end")
    if not said.isprintable():
        raise ValueError("characters that can be printed")
    return said


def _system(said: str) -> str:
    prefixed = (form for start, form in (("urn:oid:", _OID), ("urn:uuid:", _UUID)) if said.startswith(start))
    own = next(prefixed, None)
    if not any(form.fullmatch(said) for form in ((own,) if own else (_URN, _URL))):
        raise ValueError("the system's own absolute URI, such as urn:oid:2.999.1")
    return said


def _code(said: str) -> str:
    if not _CODE.fullmatch(said):
        raise ValueError("a code, with single spaces at most")
    return said


_Text = Annotated[str, AfterValidator(_plain)]
_System = Annotated[_Text, AfterValidator(_system)]


class _Strict(BaseModel):
    model_config = ConfigDict(strict=True, frozen=True, extra="forbid")


class _Coding(_Strict):
    system: _System
    code: Annotated[_Text, AfterValidator(_code)]
    display: _Text


class _File(BaseModel):
    model_config = ConfigDict(strict=True, frozen=True, extra="ignore")  # `_unknown_keys` names them
    format: Literal[1]
    systems: dict[str, _System] = {}
    procedure: dict[str, _Coding] = {}
    device: dict[str, _Coding] = {}
    body_site: dict[str, _Coding] = {}
    reason: dict[str, _Coding] = {}
    observation: dict[str, _Coding] = {}
    audit: dict[str, _Coding] = {}


def _unknown_keys(said: Mapping[str, Any]) -> Iterator[Problem]:
    """Each key that is no table's. What comes nearest is looked for as long as it would be printed."""
    known = {"systems": SYSTEMS, **tables()}
    unknown = list[tuple[str, ...]]()
    for table, inside in said.items():
        if table in known and isinstance(inside, dict):
            unknown += [(table, key) for key in inside if key not in known[table]]
        elif table not in known and table != "format":
            unknown.append((table,))
    for number, where in enumerate(unknown):
        choice = known[where[0]] if len(where) > 1 else ("format", *known)
        looked_up = number < PROBLEMS_SHOWN_MAX and len(where[-1]) <= _KEY_MAX
        action = near(where[-1], choice) if looked_up else f"Choose from {', '.join(choice)}."
        yield Problem("there is no such key here", action, where)


def _model_problems(said: Mapping[str, Any]) -> Iterator[Problem]:
    try:
        _File.model_validate(said)
    except ValidationError as error:
        for detail in error.errors(include_url=False):
            where, kind = detail["loc"], detail["type"]
            if kind == "missing":
                yield Problem("is missing", f"Add `{where[-1]} = …`.", where)
            elif kind == "extra_forbidden":
                action = f"Choose from {', '.join(_Coding.model_fields)}."
                yield Problem("there is no such key here", action, where)
            else:
                expected = detail["msg"].removeprefix("Value error, ").removeprefix("Input should be ")
                found = shorten(repr(detail["input"]))
                yield Problem(f"found {found}; expected {expected}", f"Write that. {_FORM}", where)
