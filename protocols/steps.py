"""The steps of a protocol file as they are checked: what is emitted, and the kinds of step that emit nothing.

The models are made from the families' definitions (`protocols.families`) and from the steps of a plan
(`protocols.plan`), so that a family's keys and a kind of step each stand in one place.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import MISSING, fields
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, TypeAlias, Union

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Discriminator,
    Field,
    SerializerFunctionWrapHandler,
    Tag,
    create_model,
    model_serializer,
    model_validator,
)

from protocols.errors import Where, invalid
from protocols.families import Setting, definition
from protocols.families.base import Key
from protocols.fields import Duration, Given, Text, of_quantity
from protocols.limits import Family
from protocols.plan import OFF_STEPS, Emit, Off

REPEAT_MAX = 50


class Strict(BaseModel):
    """Every key is known, of its kind, and said once.

    It is dumped as a file says it: by the file's keys, quantities with their unit, defaults left out.
    """

    model_config = ConfigDict(
        strict=True, frozen=True, extra="forbid", defer_build=True, serialize_by_alias=True
    )

    @model_validator(mode="before")
    @classmethod
    def _lists_are_tuples(cls, said: Any) -> Any:
        """Take a list from Python for the list of a file, which is read as a tuple."""
        if not isinstance(said, dict):
            return said
        return {key: tuple(value) if isinstance(value, list) else value for key, value in said.items()}

    @model_serializer(mode="wrap")
    def _without_defaults(self, handler: SerializerFunctionWrapHandler) -> Any:
        said = handler(self)
        if not isinstance(self, Strict):  # put there by `model_copy`, past the checks
            return said
        for name, field in type(self).model_fields.items():
            if not field.is_required() and getattr(self, name) == field.default:
                said.pop(name, None)
                said.pop(field.alias, None)
        return said


# --- what is emitted ----------------------------------------------------------------------------------


class EmitLevel(Strict):
    """What a unit is to give. Each family has a model of its own, with the keys of its definition."""

    family: ClassVar[Family]

    def setting(self) -> Setting:
        """The setting that it means."""
        given = {name: value for name, value in self if value is not None}
        return definition(self.family).setting(**given)


def key_field(key: Key, family: Family | None = None, *, needed: bool) -> Any:
    """The type and the default of the field of a model that holds ``key``."""
    kind, about = of_quantity(key.quantity, family), Field(alias=key.name, description=key.about or None)
    return (Annotated[kind, about], ...) if needed else (Annotated[kind | None, Given, about], None)


def _level_model(family: Family) -> type[EmitLevel]:
    said = definition(family)
    model = create_model(
        f"{family.title()}Level",
        __base__=EmitLevel,
        __module__=__name__,
        __doc__=said.setting.__doc__,
        **{key.field: key_field(key, family, needed=key.needed) for key in said.keys},
    )
    model.family = family
    return model


LEVELS = {family: _level_model(family) for family in Family}
globals().update({model.__name__: model for model in LEVELS.values()})  # pickle looks for them by name


def _level_tag(found: Any) -> str | None:
    """The family whose keys these are, or the most of them; None when they are nobody's."""
    if isinstance(found, EmitLevel):
        return f"<{found.family}>"
    shared = {family: sum(_has(found, key.name) for key in definition(family).keys) for family in Family}
    most = max(Family, key=lambda family: shared[family])
    return f"<{most}>" if shared[most] else None


class EmitStep(Strict):
    """Output for a delivered time."""

    emit: Annotated[Level, Field(description="what the unit is to give")]
    duration_ms: Annotated[Duration, Field(alias="for", description="delivered time, the ramp included")]
    ramp_ms: Annotated[Duration | None, Given, Field(alias="ramp", description="time of a straight rise")] = (
        None
    )
    say: Annotated[Text, Field(description="what the therapist does meanwhile")] = ""

    def planned(self) -> Emit:
        """The step of a plan that it means, with the family's ramp where it names none."""
        usual_ms = min(definition(self.emit.family).usual_ramp_ms, self.duration_ms)
        ramp_ms = usual_ms if self.ramp_ms is None else self.ramp_ms
        return Emit(self.emit.setting(), self.duration_ms, ramp_ms, self.say)


# --- what emits nothing -------------------------------------------------------------------------------


class OffStep(Strict):
    """A step without output. Each kind has a model of its own."""

    kind: ClassVar[type[Off]]
    if TYPE_CHECKING:  # fields of each kind's own model
        duration_ms: int
        say: str

    def planned(self) -> Off:
        """The step of a plan that it means."""
        return self.kind(duration_ms=self.duration_ms, say=self.say)


def _off_model(kind: type[Off]) -> type[OffStep]:
    made: dict[str, Any] = {}
    default = {field.name: ... if field.default is MISSING else field.default for field in fields(kind)}
    for name, key in kind.keys.items():
        value: Any = Text if name == "say" else Duration
        about = Field(alias=key, description=kind.about.get(name))
        made[name] = (Annotated[value, about], default[name])
    model = create_model(
        f"{kind.__name__}Step", __base__=OffStep, __module__=__name__, __doc__=kind.__doc__, **made
    )
    model.kind = kind
    return model


OFF_MODELS = {kind.kind: _off_model(kind) for kind in OFF_STEPS}
globals().update({model.__name__: model for model in OFF_MODELS.values()})


# --- steps --------------------------------------------------------------------------------------------


class RepeatStep(Strict):
    """Steps that come several times."""

    times: Annotated[int, Field(alias="repeat", ge=1, le=REPEAT_MAX)]
    steps: Steps


STEP_MODELS: dict[str, type[Strict]] = {Emit.kind: EmitStep, **OFF_MODELS, "repeat": RepeatStep}
KINDS = tuple(STEP_MODELS)


def kinds_of(found: Any) -> list[str]:
    """Which kinds of step ``found`` says it is; a sound one says one."""
    if isinstance(found, Strict):
        return [kind for kind, model in STEP_MODELS.items() if type(found) is model]
    return [kind for kind in KINDS if _has(found, kind)]


def _has(found: Any, key: str) -> bool:
    return isinstance(found, dict) and key in found


def _step_tag(found: Any) -> str | None:
    kinds = kinds_of(found)
    return f"<{kinds[0]}>" if len(kinds) == 1 else None


def _some(steps: tuple[Step, ...]) -> tuple[Step, ...]:
    if not steps:
        raise invalid("there is no step", "Add one: `- guide: …` and `for: 30 s`, for instance.")
    return steps


if TYPE_CHECKING:
    Level: TypeAlias = EmitLevel
    Step: TypeAlias = EmitStep | OffStep | RepeatStep
else:
    _LEVELS = tuple(Annotated[model, Tag(f"<{family}>")] for family, model in LEVELS.items())
    _STEPS = tuple(Annotated[model, Tag(f"<{kind}>")] for kind, model in STEP_MODELS.items())
    Level = Annotated[Union[_LEVELS], Discriminator(_level_tag)]  # noqa: UP007 - made of a tuple
    Step = Annotated[Union[_STEPS], Discriminator(_step_tag)]  # noqa: UP007
Steps: TypeAlias = Annotated[
    tuple[Step, ...], AfterValidator(_some), Field(json_schema_extra={"minItems": 1})
]
FlatStep: TypeAlias = EmitStep | OffStep
EmitStep.model_rebuild()
RepeatStep.model_rebuild()


def flat(steps: Sequence[Step], where: Where) -> Iterator[tuple[Where, FlatStep]]:
    """Every step in order, repeats written out, with where in the file it stands."""
    for index, step in enumerate(steps):
        here = (*where, index)
        if not isinstance(step, RepeatStep):
            yield here, step
            continue
        for _ in range(step.times):
            yield from flat(step.steps, (*here, "steps"))


def once(steps: Sequence[Step], where: Where) -> Iterator[tuple[Where, FlatStep]]:
    """The same with each step of a repeat once."""
    for index, step in enumerate(steps):
        here = (*where, index)
        if isinstance(step, RepeatStep):
            yield from once(step.steps, (*here, "steps"))
        else:
            yield here, step


def counted(steps: Sequence[Step]) -> tuple[int, int]:
    """How many steps, and milliseconds, without writing them out: repeats in repeats grow without bound."""
    count = total_ms = 0
    for step in steps:
        inner, inner_ms = counted(step.steps) if isinstance(step, RepeatStep) else (1, step.duration_ms)
        times = step.times if isinstance(step, RepeatStep) else 1
        count, total_ms = count + times * inner, total_ms + times * inner_ms
    return count, total_ms
