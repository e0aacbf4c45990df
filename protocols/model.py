"""The protocol file as it is checked: ``format: 1``, strict and frozen.

It knows what an author may write and which parts must agree; no unit, no person and no clock.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from enum import StrEnum
from hashlib import sha256
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeAlias

from pydantic import (
    AfterValidator,
    Field,
    PlainSerializer,
    PlainValidator,
    WithJsonSchema,
    create_model,
    model_validator,
)

from protocols.additions import screening_problems
from protocols.ceilings import family_layer
from protocols.contraindications import AgeBand
from protocols.errors import InvalidValue, Problem, Where, invalid, shorten
from protocols.families import definition
from protocols.families.base import Key
from protocols.fields import FOR_PEOPLE, Code, Given, Id, Site, Text, Version
from protocols.limits import Bound, Family, Layer, Limits, Quantity
from protocols.origin import Origin
from protocols.quantity import DURATION, show
from protocols.steps import EmitStep, FlatStep, Steps, Strict, counted, flat, key_field, once

STEPS_MAX = 500  # once its repeats are written out
TOTAL_MAX_MS = 4 * 3_600_000
RAMP_MAX_MS = 60_000  # the wire counts a ramp in 16 bits
FORMAT = 1
NO_FAMILY = "none"  # guidance only: every step is without output


class Side(StrEnum):
    """Which side of the body; ``either`` is asked for at the start."""

    EITHER = "either"
    LEFT = "left"
    RIGHT = "right"
    NONE = "none"


class Grade(StrEnum):
    """How far anything published supports the protocol. All but the last two name a source."""

    RCT_POSITIVE = "rct_positive"
    RCT_NEGATIVE = "rct_negative"
    CONFLICTING = "conflicting"
    MANUAL_ONLY = "manual_only"
    SOURCE_TEXT = "source_text"
    EXPERT_OPINION = "expert_opinion"
    NONE = "none"


UNSOURCED = (Grade.EXPERT_OPINION, Grade.NONE)


class Action(StrEnum):
    """What a red flag asks for."""

    REFER_NOW = "refer_now"  # no session today, and someone sees the person today
    REFER_SOON = "refer_soon"


class Evidence(Strict):
    """The evidence for the protocol."""

    grade: Annotated[Grade, Field(strict=False, description="how far anything published supports it")]
    note: Annotated[Text, Field(description="what is known and what is not, in a sentence")]
    sources: Annotated[tuple[Text, ...], Field(description="publications, as author and year")] = ()


_TIMES = (
    Key("step", Quantity.STEP_MS, "time of one emission"),
    Key("duration", Quantity.DELIVERED_MS, "delivered time of the session"),
)


def limits_of(family: Family | None) -> dict[str, Key]:
    """What a plan can be held to; where nothing is emitted every limit is kept."""
    of_families = [key for one in Family if family in (one, None) for key in definition(one).limits]
    return {key.name: key for key in (*of_families, *_TIMES)}


OWN_LIMITS = limits_of(None)


class _OwnLimits(Strict):
    """Limits the protocol sets itself. They can only lower."""


if TYPE_CHECKING:
    OwnLimits: TypeAlias = _OwnLimits
else:
    OwnLimits = create_model(
        "OwnLimits",
        __base__=_OwnLimits,
        __module__=__name__,
        __doc__=_OwnLimits.__doc__,
        **{name: key_field(key, needed=False) for name, key in OWN_LIMITS.items()},
    )


class Question(Strict):
    """A question the protocol adds to the screening. A yes, or no answer, refuses the session."""

    code: Annotated[Code, Field(description="a code of your own; none of the project's, and none twice")]
    ask: Annotated[Text, Field(description="the question; yes means that it is present")]


class RedFlag(Strict):
    """A sign that sends the person to someone else."""

    named: Annotated[
        Code | None, Given, Field(alias="code", description="a code of your own, by which it is answered")
    ] = None
    sign: Text
    action: Annotated[Action, Field(strict=False)]

    @property
    def code(self) -> str:
        """The code of the question it is asked by.

        Where the file names none it is made of the sign: another sign is another question then.
        """
        if self.named is not None:
            return self.named
        sign = self.sign.rstrip(".")
        words = re.findall("[A-Z0-9]+", sign.upper())[:5]
        return "_".join(["FLAG", *words, sha256(sign.encode()).hexdigest()[:6].upper()])


def _family(said: object) -> Family | None:
    if said == NO_FAMILY:
        return None
    try:
        return Family(said)  # type: ignore[arg-type]  # whatever it is, it is looked up
    except ValueError:
        known = ", ".join(map(repr, map(str, Family)))
        found = "nothing" if said is None else shorten(repr(said))
        raise invalid(f"found {found}; expected {known} or {NO_FAMILY!r}", "Write one of these.") from None


def _some_age(ages: tuple[AgeBand, ...]) -> tuple[AgeBand, ...]:
    if not ages:
        raise invalid("names no age band", f"Choose from {', '.join(AgeBand)}, or take the key out.")
    return ages


class Protocol(Strict):
    """A therapy file, checked. Made by `protocols.library`, which gives it its origin."""

    # Or made in Python, where a quantity is a text with its unit as well. What `model_dump` gives,
    # `model_validate` takes.

    format: Annotated[Literal[1], Version, Field(description="the version of this format")]
    id: Annotated[Id, Field(description="the file's name, without .yaml")]
    title: Text
    family: Annotated[
        Family | None,
        PlainValidator(_family),
        PlainSerializer(lambda family: NO_FAMILY if family is None else str(family)),
        WithJsonSchema({"type": "string", "enum": [*Family, NO_FAMILY]}),
        Field(description="the family of unit it drives; none: guidance only"),
    ]
    body_site: Site
    side: Annotated[Side, Field(strict=False)]
    purpose: Annotated[Text, Field(description="for whom and when; and for whom not")]
    evidence: Evidence
    limits: Annotated[OwnLimits, Field(description="its own limits; they can only lower")] = OwnLimits()
    ages: Annotated[
        tuple[Annotated[AgeBand, Field(strict=False)], ...],
        AfterValidator(_some_age),
        Field(
            description="the only age bands it is for; they can only narrow the family's",
            json_schema_extra={"minItems": 1},
        ),
    ] = ()
    asks: Annotated[
        tuple[Code, ...],
        Field(description="codes of the project's own questions that refuse this session, wherever it is"),
    ] = ()
    screening: Annotated[tuple[Question, ...], Field(description="questions it adds")] = ()
    red_flags: Annotated[tuple[RedFlag, ...], Field(description="signs that send the person on")] = ()
    steps: Steps

    _origin: Origin = Origin("<memory>")

    @property
    def origin(self) -> Origin:
        """The file it was read from. One that was changed in Python has no lines, and is no bundled one."""
        if self._origin.content_hash in ("", self.content_hash):
            return self._origin
        return Origin(f"{self._origin.file}, changed in Python")

    def canonical_text(self) -> str:
        """What it says, as JSON that `protocols.library.parse` reads back to an equal protocol.

        The same for every file that says the same: sorted keys, quantities in whole units, defaults and
        comments left out.
        """
        said = self.model_dump(mode="json", by_alias=True, exclude_defaults=True, warnings="none")
        return json.dumps(said, ensure_ascii=False, sort_keys=True)

    def to_yaml(self) -> str:
        """What it says as a protocol file, which `protocols.library` reads back to an equal protocol."""
        from protocols.writing import as_yaml  # a reader has no use for it

        return as_yaml(self.model_dump(mode="json", context=FOR_PEOPLE, warnings="none"))

    @property
    def content_hash(self) -> str:
        """SHA-256 of the canonical text, in hexadecimal. Worked out anew each time: copies may differ."""
        return sha256(self.canonical_text().encode()).hexdigest()

    def __eq__(self, other: object) -> bool:
        """Equal content, wherever it came from."""
        return isinstance(other, Protocol) and self.__dict__ == other.__dict__

    def __hash__(self) -> int:
        return hash(self.canonical_text())

    def flat_steps(self) -> Iterator[tuple[Where, FlatStep]]:
        """Every step in order, repeats written out, with where in the file it stands."""
        return flat(self.steps, ("steps",))

    def own_bounds(self) -> tuple[Bound, ...]:
        """The protocol's own limits as a layer."""
        origin = self.origin
        return tuple(
            Bound(key.quantity, Layer.PROTOCOL, origin.source(("limits", name)), at_most=value)
            for name, key in OWN_LIMITS.items()
            if (value := getattr(self.limits, name)) is not None
        )

    def model_post_init(self, context: Any) -> None:
        """Take the origin from whoever reads the file."""
        if isinstance(context, Origin):
            self._origin = replace(context, content_hash=self.content_hash)

    @model_validator(mode="after")
    def _agrees(self) -> Protocol:
        problems = [
            *_limit_problems(self),
            *_size_problems(self),
            *_step_problems(self),
            *_evidence_problems(self),
            *screening_problems(self),
        ]
        if problems:
            raise InvalidValue(*problems)
        return self


def _limit_problems(protocol: Protocol) -> Iterator[Problem]:
    known = limits_of(protocol.family)
    ceilings = Limits(family_layer(protocol.family) if protocol.family else ())
    for name, key in OWN_LIMITS.items():
        if (value := getattr(protocol.limits, name)) is None:
            continue
        if name not in known:
            what = f"a plan for {protocol.family} has no {key.quantity.label} to hold this against"
            yield Problem(what, f"Take it out. What can be limited: {', '.join(known)}.", ("limits", name))
        elif excess := ceilings.excess(key.quantity, value):
            yield Problem(str(excess), f"Stay within it: {excess.bound}.", ("limits", name))


def _size_problems(protocol: Protocol) -> Iterator[Problem]:
    count, total_ms = counted(protocol.steps)
    if count > STEPS_MAX:
        what = f"there are {count} steps once repeats are written out; at most {STEPS_MAX} are run"
        yield Problem(what, "Repeat less.", ("steps",))
    if total_ms > TOTAL_MAX_MS:
        what = f"the steps take {show(total_ms, DURATION)}; at most {show(TOTAL_MAX_MS, DURATION)} are run"
        yield Problem(what, "Shorten them, or make two protocols.", ("steps",))


def _step_problems(protocol: Protocol) -> Iterator[Problem]:
    emissions = 0
    for where, step in once(protocol.steps, ("steps",)):
        if isinstance(step, EmitStep):
            emissions += 1
            yield from _emit_problems(step, where, protocol.family)
    if protocol.family and not emissions:
        what = f"the family is {protocol.family} but no step emits"
        yield Problem(what, "Write `family: none` for guidance only.", ("family",))


def _emit_problems(step: EmitStep, where: Where, family: Family | None) -> Iterator[Problem]:
    gives = step.emit.family
    if gives is not family:
        what = f"this step gives {gives}, but the family is {family or f'{NO_FAMILY}: guidance only'}"
        yield Problem(what, f"Write `family: {gives}`, or take the step out.", (*where, "emit"))
    if step.ramp_ms is not None and step.ramp_ms > min(step.duration_ms, RAMP_MAX_MS):
        longest = show(min(step.duration_ms, RAMP_MAX_MS), DURATION)
        what = f"the ramp of {show(step.ramp_ms, DURATION)} is longer than {longest}"
        yield Problem(what, "Shorten it: a ramp is part of its step, and at most 1 min.", (*where, "ramp"))
    for problem in definition(gives).disagreements(dict(step.emit)):
        yield replace(problem, where=(*where, "emit", *problem.where))


def _evidence_problems(protocol: Protocol) -> Iterator[Problem]:
    if protocol.evidence.grade not in UNSOURCED and not protocol.evidence.sources:
        what = f"the grade {protocol.evidence.grade} rests on a source, and none is named"
        action = "Add `sources:` with author and year, or grade it expert_opinion."
        yield Problem(what, action, ("evidence",))
