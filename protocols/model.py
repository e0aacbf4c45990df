"""The protocol file as it is checked: ``format: 1``, strict and frozen.

It knows what an author may write and which parts must agree; no unit, no person and no clock.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from enum import StrEnum
from hashlib import sha256
from typing import Annotated, Any, Literal, TypeAlias

from pydantic import AfterValidator, BaseModel, ConfigDict, Discriminator, Field, Tag, model_validator

from protocols.additions import slips_in_screening
from protocols.ceilings import family_layer
from protocols.contraindications import AgeBand
from protocols.fields import (
    Carrier,
    Code,
    Disagreement,
    Duration,
    Duty,
    Energy,
    Given,
    Id,
    Intensity,
    NotSaid,
    Pulse,
    Site,
    Slip,
    Speed,
    Text,
    Version,
)
from protocols.limits import Bound, Family, Layer, Limits, Quantity
from protocols.origin import Origin, Where
from protocols.quantity import DURATION, show

STEPS_MAX = 500  # once its repeats are written out
TOTAL_MAX_MS = 4 * 3_600_000
REPEAT_MAX = 50
RAMP_MAX_MS = 60_000  # the wire counts a ramp in 16 bits
FORMAT = 1


class Uses(StrEnum):
    """The family of unit a protocol drives, if it drives one."""

    ULTRASOUND = "ultrasound"
    PERCUSSION = "percussion"
    NONE = "none"  # guidance only: every step is a guide or a rest


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


class Action(StrEnum):
    """What a red flag asks for."""

    REFER_NOW = "refer_now"  # no session today, and someone sees the person today
    REFER_SOON = "refer_soon"


class _Strict(BaseModel):
    model_config = ConfigDict(strict=True, frozen=True, extra="forbid")


class Evidence(_Strict):
    """What speaks for the protocol, said honestly."""

    grade: Annotated[Grade, Field(strict=False, description="how far anything published supports it")]
    note: Annotated[Text, Field(description="what is known and what is not, in a sentence")]
    sources: Annotated[tuple[Text, ...], Field(description="publications, as author and year")] = ()


class OwnLimits(_Strict):
    """Limits the protocol sets itself. They can only lower."""

    intensity: Annotated[Intensity | None, Given, Field(description="intensity during the pulse")] = None
    sata: Annotated[Intensity | None, Given, Field(description="temporal-average intensity")] = None
    speed: Annotated[Speed | None, Given] = None
    step: Annotated[Duration | None, Given, Field(description="time of one emission")] = None
    duration: Annotated[Duration | None, Given, Field(description="delivered time of the session")] = None
    energy: Annotated[Energy | None, Given, Field(description="acoustic energy of the session")] = None


class Question(_Strict):
    """A question the protocol adds to the screening. A yes, or no answer, refuses the session."""

    code: Annotated[Code, Field(description="a code of your own; none of the project's, and none twice")]
    ask: Annotated[Text, Field(description="the question; yes means that it is present")]


class RedFlag(_Strict):
    """A sign that sends the person to someone else."""

    sign: Text
    action: Annotated[Action, Field(strict=False)]

    @property
    def code(self) -> str:
        """The code of the question it is asked by, made of the sign: another sign is another question."""
        sign = self.sign.rstrip(".")
        words = re.findall("[A-Z0-9]+", sign.upper())[:5]
        return "_".join(["FLAG", *words, sha256(sign.encode()).hexdigest()[:6].upper()])


class UltrasoundLevel(_Strict):
    """What an ultrasound head is to give."""

    intensity_mw_cm2: Annotated[Intensity, Field(alias="intensity", description="intensity during the pulse")]
    duty_pct: Annotated[Duty, Field(alias="duty", description="100 % is continuous")]
    carrier_khz: Annotated[Carrier, Field(alias="carrier")]
    pulse_hz: Annotated[Pulse | None, Given, Field(alias="pulse", description="needed below 100 % duty")] = (
        None
    )


class PercussionLevel(_Strict):
    """What a massage gun is to give."""

    speed_per_min: Annotated[Speed, Field(alias="speed")]


Level: TypeAlias = Annotated[
    Annotated[UltrasoundLevel, Tag("<ultrasound>")] | Annotated[PercussionLevel, Tag("<percussion>")],
    Discriminator(lambda found: "<percussion>" if _has(found, "speed") else "<ultrasound>"),
]


class EmitStep(_Strict):
    """Output for a delivered time."""

    emit: Annotated[Level, Field(description="what the unit is to give")]
    duration_ms: Annotated[Duration, Field(alias="for", description="delivered time, the ramp included")]
    ramp_ms: Annotated[Duration | None, Given, Field(alias="ramp", description="time of a straight rise")] = (
        None
    )
    say: Annotated[Text, Field(description="what the therapist does meanwhile")] = ""


class RestStep(_Strict):
    """Nothing, for a time. Output is off."""

    duration_ms: Annotated[Duration, Field(alias="rest")]
    say: Text = ""


class GuideStep(_Strict):
    """An instruction to the person, with its time. Output is off."""

    guide: Annotated[Text, Field(description="what the person does")]
    duration_ms: Annotated[Duration, Field(alias="for")]


class RepeatStep(_Strict):
    """Steps that come several times."""

    times: Annotated[int, Field(alias="repeat", ge=1, le=REPEAT_MAX)]
    steps: Steps


KINDS = ("emit", "rest", "guide", "repeat")


def kinds_of(found: Any) -> list[str]:
    """Which kinds of step ``found`` says it is; a sound one says one."""
    return [kind for kind in KINDS if _has(found, kind)]


def _has(found: Any, key: str) -> bool:
    """Whether what is read, or what was made of it, has this key."""
    if isinstance(found, BaseModel):
        return any((field.alias or name) == key for name, field in type(found).model_fields.items())
    return isinstance(found, dict) and key in found


def _tag(found: Any) -> str | None:
    kinds = kinds_of(found)
    return f"<{kinds[0]}>" if len(kinds) == 1 else None


Step: TypeAlias = Annotated[
    Annotated[EmitStep, Tag("<emit>")]
    | Annotated[RestStep, Tag("<rest>")]
    | Annotated[GuideStep, Tag("<guide>")]
    | Annotated[RepeatStep, Tag("<repeat>")],
    Discriminator(_tag),
]


def _some(steps: tuple[Step, ...]) -> tuple[Step, ...]:
    if not steps:
        raise NotSaid("there is no step", "Add one: `- guide: …` and `for: 30 s`, for instance.")
    return steps


Steps: TypeAlias = Annotated[
    tuple[Step, ...], AfterValidator(_some), Field(json_schema_extra={"minItems": 1})
]
FlatStep: TypeAlias = EmitStep | RestStep | GuideStep


def _some_age(ages: tuple[AgeBand, ...]) -> tuple[AgeBand, ...]:
    if not ages:
        raise NotSaid("names no age band", f"Choose from {', '.join(AgeBand)}, or take the key out.")
    return ages


class Protocol(_Strict):
    """A therapy file, checked. Made by `protocols.library`, which gives it its origin."""

    format: Annotated[Literal[1], Version, Field(description="the version of this format")]
    id: Annotated[Id, Field(description="the file's name, without .yaml")]
    title: Text
    uses: Annotated[Uses, Field(alias="family", strict=False, description="none: guidance only")]
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
    def family(self) -> Family | None:
        """The family of unit it drives, or None when it is guidance only."""
        return None if self.uses is Uses.NONE else Family(self.uses)

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
        return _flat(self.steps, ("steps",))

    def own_bounds(self) -> tuple[Bound, ...]:
        """The protocol's own limits as a layer."""
        origin = self.origin
        return tuple(
            Bound(quantity, Layer.PROTOCOL, origin.source(("limits", key)), at_most=value)
            for key, quantity in OWN_LIMITS.items()
            if (value := getattr(self.limits, key)) is not None
        )

    def model_post_init(self, context: Any) -> None:
        """Take the origin from whoever reads the file."""
        if isinstance(context, Origin):
            self._origin = replace(context, content_hash=self.content_hash)

    @model_validator(mode="after")
    def _agrees(self) -> Protocol:
        slips = [
            *_limit_slips(self),
            *_size_slips(self),
            *_step_slips(self),
            *_evidence_slips(self),
            *slips_in_screening(self),
        ]
        if slips:
            raise Disagreement(slips)
        return self


OWN_LIMITS = {
    "intensity": Quantity.INTENSITY_MW_CM2,
    "sata": Quantity.SATA_MW_CM2,
    "speed": Quantity.SPEED_PER_MIN,
    "step": Quantity.STEP_MS,
    "duration": Quantity.DELIVERED_MS,
    "energy": Quantity.ENERGY_MJ,
}
_LIMITS_OF = {  # what a plan of each family can be held to
    Uses.ULTRASOUND: ("intensity", "sata", "step", "duration", "energy"),
    Uses.PERCUSSION: ("speed", "step", "duration"),
    Uses.NONE: tuple(OWN_LIMITS),  # nothing is emitted, and every limit is kept
}


def _flat(steps: Sequence[Any], where: Where) -> Iterator[tuple[Where, FlatStep]]:
    for index, step in enumerate(steps):
        here = (*where, index)
        if not isinstance(step, RepeatStep):
            yield here, step
            continue
        for _ in range(step.times):
            yield from _flat(step.steps, (*here, "steps"))


def _counted(steps: Sequence[Any]) -> tuple[int, int]:
    """How many steps, and milliseconds, without writing them out: repeats in repeats grow without bound."""
    count = total_ms = 0
    for step in steps:
        inner, inner_ms = _counted(step.steps) if isinstance(step, RepeatStep) else (1, step.duration_ms)
        times = step.times if isinstance(step, RepeatStep) else 1
        count, total_ms = count + times * inner, total_ms + times * inner_ms
    return count, total_ms


def _once(steps: Sequence[Any], where: Where) -> Iterator[tuple[Where, FlatStep]]:
    for index, step in enumerate(steps):
        here = (*where, index)
        if isinstance(step, RepeatStep):
            yield from _once(step.steps, (*here, "steps"))
        else:
            yield here, step


def _limit_slips(protocol: Protocol) -> Iterator[Slip]:
    known = _LIMITS_OF[protocol.uses]
    ceilings = Limits(family_layer(protocol.family) if protocol.family else ())
    for key, quantity in OWN_LIMITS.items():
        if (value := getattr(protocol.limits, key)) is None:
            continue
        if key not in known:
            what = f"a plan for {protocol.uses} has no {quantity.label} to hold this against"
            yield Slip(("limits", key), what, f"Take it out. What can be limited: {', '.join(known)}.")
        elif excess := ceilings.excess(quantity, value):
            yield Slip(("limits", key), str(excess), f"Stay within it: {excess.bound}.")


def _size_slips(protocol: Protocol) -> Iterator[Slip]:
    count, total_ms = _counted(protocol.steps)
    if count > STEPS_MAX:
        what = f"there are {count} steps once repeats are written out; at most {STEPS_MAX} are run"
        yield Slip(("steps",), what, "Repeat less.")
    if total_ms > TOTAL_MAX_MS:
        what = f"the steps take {show(total_ms, DURATION)}; at most {show(TOTAL_MAX_MS, DURATION)} are run"
        yield Slip(("steps",), what, "Shorten them, or make two protocols.")


def _step_slips(protocol: Protocol) -> Iterator[Slip]:
    emissions = 0
    for where, step in _once(protocol.steps, ("steps",)):
        if isinstance(step, EmitStep):
            emissions += 1
            yield from _emit_slips(step, where, protocol.family)
    if protocol.family and not emissions:
        what = f"the family is {protocol.family} but no step emits"
        yield Slip(("family",), what, "Write `family: none` for guidance only.")


def _emit_slips(step: EmitStep, where: Where, family: Family | None) -> Iterator[Slip]:
    level = step.emit
    gives = Family.ULTRASOUND if isinstance(level, UltrasoundLevel) else Family.PERCUSSION
    if gives is not family:
        what = f"this step gives {gives}, but the family is {family or 'none: guidance only'}"
        yield Slip((*where, "emit"), what, f"Write `family: {gives}`, or take the step out.")
    if step.ramp_ms is not None and step.ramp_ms > min(step.duration_ms, RAMP_MAX_MS):
        longest = show(min(step.duration_ms, RAMP_MAX_MS), DURATION)
        what = f"the ramp of {show(step.ramp_ms, DURATION)} is longer than {longest}"
        yield Slip((*where, "ramp"), what, "Shorten it: a ramp is part of its step, and at most 1 min.")
    if isinstance(level, UltrasoundLevel):
        yield from _pulse_slips(level, (*where, "emit"))


def _pulse_slips(level: UltrasoundLevel, where: Where) -> Iterator[Slip]:
    if level.duty_pct < 100 and level.pulse_hz is None:
        yield Slip(
            where, f"{level.duty_pct} % duty is pulsed, and `pulse` is missing", "Add `pulse: 100 Hz`."
        )
    if level.duty_pct == 100 and level.pulse_hz is not None:
        what = "100 % duty is continuous and has no pulse repetition"
        yield Slip((*where, "pulse"), what, "Take `pulse` out, or lower the duty.")


def _evidence_slips(protocol: Protocol) -> Iterator[Slip]:
    unsourced = (Grade.EXPERT_OPINION, Grade.NONE)
    if protocol.evidence.grade not in unsourced and not protocol.evidence.sources:
        what = f"the grade {protocol.evidence.grade} rests on a source, and none is named"
        yield Slip(("evidence",), what, "Add `sources:` with author and year, or grade it expert_opinion.")
