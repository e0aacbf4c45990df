"""A scenario file as it is checked, ``format: 1``: what happens to a unit, and what must be true after.

Times are milliseconds since the unit was switched on, or the beginning of a step. A level is in mW/cm² during
the pulse, or in percussions a minute. The sizes are this project's own figures.
"""

from __future__ import annotations

import math
import re
from contextlib import suppress
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Any, Literal, TypeAlias

from pydantic import (
    AfterValidator,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    PlainValidator,
    WithJsonSchema,
    model_validator,
)

from device.events import OffConfirmation
from device.models import MODELS
from device.monitor.alarms import BY_CODE
from physioctl.events import Outcome
from protocols import quantity
from protocols.errors import InvalidValue, Problem, invalid, shorten
from protocols.families import definition
from protocols.fields import Given, Text, Version, near
from protocols.limits import Family
from protocols.steps import Strict
from simulator.faults import KINDS, Fault, FaultKind

FORMAT = 1
TIME_MAX_MS = 24 * 3_600_000
ENTRIES_MAX = 200  # faults, or acts, in one file
STEP_MAX = 500
SEED_MAX = 2**63 - 1

_ZERO = re.compile(r"0+(\.0+)?\s*(ms|s|min|h)", re.ASCII)
_STEP = re.compile(r"step ([1-9][0-9]{0,2})", re.ASCII)
_LEVELS = {family: quantity.dimension_of(definition(family).level.unit) for family in Family}


def _time(written: object) -> int:
    """A time from 0 on: here, unlike in a protocol, nothing may have passed yet."""
    if isinstance(written, str) and _ZERO.fullmatch(written.strip()):
        return 0
    time_ms = quantity.parse(written, quantity.DURATION)
    if time_ms > TIME_MAX_MS:
        raise invalid(f"{shorten(str(written))} is longer than a day", "Write a time of the session.")
    return time_ms


def step_of(written: object) -> int:
    """The number of the step that ``step 2`` names; raise `InvalidValue` for anything else."""
    found = _STEP.fullmatch(written) if isinstance(written, str) else None
    if found is None or int(found[1]) > STEP_MAX:
        raise invalid(f"found {shorten(repr(written))}; expected the number of a step", "Write `step 2`.")
    return int(found[1])


def _amount(written: object) -> float:
    if isinstance(written, bool) or not isinstance(written, int | float | Decimal):
        raise invalid(f"found {shorten(repr(written))}; expected a number", "Write a number such as 0.02.")
    try:
        number = float(written)
    except OverflowError:
        number = math.inf
    if not math.isfinite(number):
        raise invalid(f"{shorten(str(written))} is not a finite number", "Write a number such as 0.02.")
    return number


def fault_kind(written: object) -> FaultKind:
    """The kind of fault that is called so; raise `InvalidValue` with the nearest name."""
    if isinstance(written, str) and written in tuple(FaultKind):
        return FaultKind(written)
    raise invalid(f"no fault is called {shorten(repr(written))}", near(shorten(str(written)), FaultKind))


def _alarm(written: str) -> str:
    if written not in BY_CODE:
        raise invalid(f"no alarm is called {shorten(repr(written))}", near(shorten(written), BY_CODE))
    return written


def _model(written: str) -> str:
    if written not in MODELS:
        raise invalid(f"no model is called {shorten(repr(written))}", near(shorten(written), MODELS))
    return written


@dataclass(frozen=True, slots=True)
class Level:
    """A level, and the family whose units give it."""

    family: Family
    level: int

    def __str__(self) -> str:
        return quantity.show(self.level, _LEVELS[self.family])


def _level(written: object) -> Level:
    for family, dimension in _LEVELS.items():
        with suppress(InvalidValue):
            return Level(family, quantity.parse(written, dimension))
    such_as = " or ".join(dimension.examples[0] for dimension in _LEVELS.values())
    raise invalid(f"found {shorten(repr(written))}; expected a level", f"Write one such as {such_as}.")


def _quantity_schema(*dimensions: quantity.Dimension) -> WithJsonSchema:
    return WithJsonSchema({"type": "string", "pattern": "|".join(map(quantity.pattern, dimensions))})


Time: TypeAlias = Annotated[
    int,
    BeforeValidator(_time),
    PlainSerializer(lambda time_ms: f"{time_ms} ms", when_used="json"),
    _quantity_schema(quantity.DURATION),
]
Step: TypeAlias = Annotated[
    int, BeforeValidator(step_of), WithJsonSchema({"type": "string", "pattern": "^step [1-9][0-9]{0,2}$"})
]
OutputLevel: TypeAlias = Annotated[Level, PlainValidator(_level), _quantity_schema(*_LEVELS.values())]
AlarmCode: TypeAlias = Annotated[
    str, AfterValidator(_alarm), WithJsonSchema({"type": "string", "enum": [*BY_CODE]})
]


class _Timed(Strict):
    """What happens at a time, or when a step begins: one of the two."""

    model_config = ConfigDict(json_schema_extra={"oneOf": [{"required": ["at"]}, {"required": ["on"]}]})

    at_ms: Annotated[Time | None, Given, Field(alias="at", description="since the unit was switched on")] = (
        None
    )
    on: Annotated[Step | None, Given, Field(description="at the beginning of this step")] = None

    @model_validator(mode="after")
    def _is_timed_once(self) -> Any:
        if (self.at_ms is None) == (self.on is None):
            raise invalid("has to have one of `at` and `on`", "Write `at: 30 s`, or `on: step 2`.")
        return self


class FaultEntry(_Timed):
    """Something that goes wrong with the unit or its cable."""

    kind: Annotated[
        FaultKind, BeforeValidator(fault_kind), WithJsonSchema({"type": "string", "enum": [*FaultKind]})
    ]
    for_ms: Annotated[
        Time | None, Given, Field(alias="for", description="how long; the usual, if left out")
    ] = None
    amount: Annotated[
        float | None, BeforeValidator(_amount), Field(description="what it is: by the kind")
    ] = None

    def fault(self, at_ms: int) -> Fault:
        """The fault, beginning at ``at_ms``. Raise `ValueError` for an amount that it cannot have."""
        return fault_of(self.kind, at_ms, self.for_ms, self.amount)

    @model_validator(mode="after")
    def _can_happen(self) -> FaultEntry:
        try:
            self.fault(self.at_ms or 0)
        except ValueError as error:
            what, _, action = str(error).partition("; ")
            raise InvalidValue(Problem(what, f"{action[:1].upper()}{action[1:]}.", ("amount",))) from None
        return self


def fault_of(kind: FaultKind, at_ms: int, for_ms: int | None = None, amount: float | None = None) -> Fault:
    """A fault with what is usual for its kind where None is given; raise `ValueError` as `Fault` does."""
    usual = KINDS[kind]
    return Fault(
        kind,
        at_ms,
        usual.for_ms if for_ms is None else for_ms,
        usual.amount if amount is None else amount,
    )


class Do(StrEnum):
    """What an operator does."""

    LOWER = "lower"
    PAUSE = "pause"
    RESUME = "resume"
    SKIP = "skip"
    STOP = "stop"


class ActEntry(_Timed):
    """Something that the operator does."""

    do: Annotated[Do, Field(strict=False)]
    to: Annotated[
        OutputLevel | None, Given, Field(description="the level to lower to; a tenth less, if left out")
    ] = None

    @model_validator(mode="after")
    def _lowers_to(self) -> ActEntry:
        if self.to is not None and self.do is not Do.LOWER:
            raise InvalidValue(Problem(f"{self.do} has no level", "Take it out.", ("to",)))
        return self


class Range(Strict):
    """From, to: one of the two at least."""

    at_least: Annotated[Time | None, Given] = None
    at_most: Annotated[Time | None, Given] = None

    @model_validator(mode="after")
    def _is_one(self) -> Range:
        least_ms = 0 if self.at_least is None else self.at_least
        if (self.at_least is None and self.at_most is None) or least_ms > (
            TIME_MAX_MS if self.at_most is None else self.at_most
        ):
            raise invalid("holds no time", "Write `at_least`, `at_most` or both, the lower first.")
        return self


class Expected(Strict):
    """What must be true after the session. What is left out may be as it likes."""

    outcome: Annotated[Annotated[Outcome, Field(strict=False)] | None, Given] = None
    output_off: Annotated[Annotated[OffConfirmation, Field(strict=False)] | None, Given] = None
    alarms: Annotated[tuple[AlarmCode, ...], Field(description="each has been raised")] = ()
    no_alarms: Annotated[tuple[AlarmCode, ...], Field(description="none has been raised")] = ()
    delivered: Annotated[
        Range | None, Given, Field(description="true time with output, as the unit gave it")
    ] = None
    level_at_most: Annotated[
        OutputLevel | None, Given, Field(description="the highest level that the unit gave")
    ] = None

    record_may_differ: Annotated[
        bool, Field(description="time and energy of the record, from what the unit truly gave")
    ] = False

    @model_validator(mode="after")
    def _agrees(self) -> Expected:
        for code in self.alarms:
            if code in self.no_alarms:
                what = f"{code} is to be raised, and not to be raised"
                raise InvalidValue(Problem(what, "Take one out.", ("no_alarms",)))
        return self


class Scenario(Strict):
    """A scenario file, checked. Made by `physioctl.rehearsal.scenario_file.read_scenario`."""

    format: Annotated[Literal[1], Version, Field(description="the version of this format")]
    title: Annotated[Text, Field(description="what it is about, in a line")] = ""
    protocol: Annotated[
        Text | None, Given, Field(description="a bundled id, or a file beside this one; for tests")
    ] = None
    unit: Annotated[
        Annotated[str, AfterValidator(_model), WithJsonSchema({"type": "string", "enum": [*MODELS]})] | None,
        Given,
        Field(description="the model of the unit; for tests"),
    ] = None
    seed: Annotated[int, Field(ge=0, le=SEED_MAX, description="for tests; same seed, same unit")] = 0
    faults: Annotated[tuple[FaultEntry, ...], Field(description="what goes wrong, in order of time")] = ()
    operator: Annotated[tuple[ActEntry, ...], Field(description="what is done, in order of time")] = ()
    expect: Annotated[Expected | None, Given, Field(description="what must be true after")] = None

    @model_validator(mode="after")
    def _goes_forward(self) -> Scenario:
        problems = [*_order_problems("faults", self.faults), *_order_problems("operator", self.operator)]
        if problems:
            raise InvalidValue(*problems)
        return self


def _order_problems(name: str, entries: tuple[_Timed, ...]) -> list[Problem]:
    """A problem for each entry that stands behind a later one, or is one too many."""
    if len(entries) > ENTRIES_MAX:
        what = f"there are {len(entries)}; at most {ENTRIES_MAX} are played"
        return [Problem(what, "Make two scenarios.", (name,))]
    found: list[Problem] = []
    latest = {"at": 0, "on": 0}
    for index, entry in enumerate(entries):
        key, value = ("at", entry.at_ms) if entry.at_ms is not None else ("on", entry.on)
        if value is None:
            continue
        if value < latest[key]:
            what = "is before the entry above it: time does not go backwards"
            found.append(Problem(what, "Write them in order of time.", (name, index, key)))
        latest[key] = max(latest[key], value)
    return found
