"""The project's own screening questions, and the age bands each family may be used on.

They stand in ``contraindications.toml``, whose head says what each key means;
`protocols.shipped_questions` is made from it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from protocols.limits import Family


class Action(StrEnum):
    """What a yes leads to."""

    BLOCK = "block"  # an absolute contraindication: no session
    REFER_NOW = "refer_now"  # a red flag: no session, and someone sees the person today
    REFER_SOON = "refer_soon"  # a red flag: no session, and someone sees the person soon
    ASK_CLINICIAN = "ask_clinician"  # relative: shown, and acknowledged by a person
    NOTE = "note"  # a precaution: shown, and acknowledged by a person


RELATIVE = frozenset((Action.ASK_CLINICIAN, Action.NOTE))


class AgeBand(StrEnum):
    """How old a person is. The limits in years are this project's own."""

    CHILD = "child"  # under 18
    ADULT = "adult"
    OLDER = "older"  # 65 and over


@dataclass(frozen=True, slots=True)
class Contraindication:
    """One question of the project's own, and where it is in scope."""

    code: str
    title: str
    ask: str  # yes means that it is present
    action: Mapping[str, Action]  # by kind of output: thermal, or a family
    weigh: str  # what to weigh where the action is relative; empty where it never is
    lasting: bool  # whether a no of an earlier day still holds
    sites: frozenset[str]  # empty: everywhere
    source: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Catalogue:
    """Everything in ``contraindications.toml``."""

    questions: Mapping[str, Contraindication]  # by code
    age_bands: Mapping[Family, frozenset[AgeBand]]
