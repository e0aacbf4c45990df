"""What ``contraindications.toml`` makes: `protocols.shipped_questions`, as Python.

The file is checked as a whole: whatever is unknown, missing or empty in it refuses it, so that a misspelt
key never takes a question away.
"""

from __future__ import annotations

import tomllib
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Any, Literal, TypeAlias

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    field_validator,
    model_validator,
)

from protocols.contraindications import RELATIVE, Action, AgeBand, Catalogue, Contraindication
from protocols.families import definition
from protocols.limits import Family
from tools import tables
from tools.literals import literal
from tools.tables import TableInvalid

PATH = Path(__file__).resolve().parents[1] / "protocols/contraindications.toml"
CODE = "[A-Z][A-Z0-9]*(_[A-Z0-9]+)*"  # the pattern of a question's code


def files() -> dict[str, str]:
    """Every generated file: its path from the project's root, and its text."""
    made = literal(parse(PATH.read_text(encoding="utf-8")))
    return {"protocols/shipped_questions.py": f"{_HEAD}CATALOGUE = {made}\n"}


def parse(text: str) -> Catalogue:
    """The catalogue that ``text`` is; raise `TableInvalid` with everything that is wrong in it."""
    try:
        found = _File.model_validate(tomllib.loads(text))
    except tomllib.TOMLDecodeError as error:
        raise TableInvalid(f"{PATH.name}: {error}") from error
    except ValidationError as error:
        lines = [f"{PATH.name}: {_said(detail)}" for detail in error.errors(include_url=False)]
        raise TableInvalid("\n".join(lines)) from error
    questions = {
        code: Contraindication(
            code=code,
            title=question.title,
            ask=question.ask,
            action=MappingProxyType({kind: Action(action) for kind, action in question.action.items()}),
            weigh=question.weigh or "",
            lasting=question.lasting,
            sites=frozenset(question.sites or ()),
            source=question.source,
        )
        for code, question in found.questions.items()
    }
    bands = {family: frozenset(ages.allowed) for family, ages in found.age_bands.items()}
    return Catalogue(MappingProxyType(questions), MappingProxyType(bands))


_Text: TypeAlias = Annotated[str, Field(pattern=r"^\S(.*\S)?$")]
_Texts: TypeAlias = Annotated[tuple[_Text, ...], Field(min_length=1, strict=False)]
_Severity: TypeAlias = Literal["note", "ask_clinician", "block"]
_THERMAL = "thermal"  # output of any family that is meant to heat
_KINDS = (_THERMAL, *map(str, Family))


def _known_kind(kind: str) -> str:
    if kind not in _KINDS:
        raise ValueError(f"none of {', '.join(_KINDS)}")
    return kind


_Kind: TypeAlias = Annotated[str, AfterValidator(_known_kind)]
_SEVERITIES = ("note", "ask_clinician", "block")  # from the mildest
_RELATIVE = frozenset(map(str, RELATIVE))


class _Strict(BaseModel):
    model_config = ConfigDict(strict=True, frozen=True, extra="forbid", defer_build=True)


class _Question(_Strict):
    title: _Text
    ask: Annotated[str, Field(pattern=r"^\S.*\?$")]
    action: dict[_Kind, _Severity]
    weigh: _Text | None = None
    lasting: bool
    sites: _Texts | None = None
    source: _Texts

    @field_validator("sites")
    @classmethod
    def _known_sites(cls, sites: tuple[str, ...] | None) -> tuple[str, ...] | None:
        if unknown := set(sites or ()) - set(tables.shipped().sites):
            raise ValueError(f"{', '.join(sorted(unknown))}: no body site of sites.toml")
        return sites

    @model_validator(mode="after")
    def _agrees(self) -> _Question:
        relative = bool(_RELATIVE & set(self.action.values()))
        if relative is not (self.weigh is not None):
            raise ValueError("`weigh` stands exactly where an action is relative")
        if _THERMAL in self.action:
            for family in Family:
                milder = self._severity(_THERMAL) < self._severity(family)
                if definition(family).may_heat and milder:
                    raise ValueError(f"`{_THERMAL}` may not be milder than `{family}`")
        return self

    def _severity(self, kind: str) -> int:
        return _SEVERITIES.index(self.action.get(kind, "note"))


class _Ages(_Strict):
    allowed: Annotated[tuple[Annotated[AgeBand, Field(strict=False)], ...], Field(min_length=1, strict=False)]
    source: _Texts


class _File(_Strict):
    age_bands: dict[Annotated[Family, Field(strict=False)], _Ages]
    questions: Annotated[dict[Annotated[str, Field(pattern=f"^{CODE}$")], _Question], Field(min_length=1)]

    @field_validator("questions")
    @classmethod
    def _told_apart(cls, questions: dict[str, _Question]) -> dict[str, _Question]:
        for texts in ([q.title for q in questions.values()], [q.ask for q in questions.values()]):
            if twice := {text for text in texts if texts.count(text) > 1}:
                raise ValueError(f"{'; '.join(sorted(twice))}: here twice")
        return questions

    @field_validator("questions")
    @classmethod
    def _asked_of_every_family(cls, questions: dict[str, _Question]) -> dict[str, _Question]:
        asked = {kind for question in questions.values() for kind in question.action}
        if missing := set(map(str, Family)) - asked:
            raise ValueError(f"{', '.join(sorted(missing))}: no question is asked before it")
        return questions

    @field_validator("age_bands")
    @classmethod
    def _every_family(cls, ages: dict[Family, _Ages]) -> dict[Family, _Ages]:
        if missing := set(Family) - set(ages):
            raise ValueError(f"{', '.join(sorted(missing))}: no age bands are given")
        return ages


def _said(detail: Any) -> str:
    return f"{'.'.join(map(str, detail['loc']))}: {detail['msg']}"


_HEAD = '''"""The questions that are asked before output, and the age bands each family may be used on.

Made from contraindications.toml by `python -m tools.generate`: do not edit.
"""

from __future__ import annotations

from types import MappingProxyType

from protocols.contraindications import Action, AgeBand, Catalogue, Contraindication
from protocols.limits import Family

'''
