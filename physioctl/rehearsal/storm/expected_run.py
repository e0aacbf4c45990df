"""What a session in a storm is to give, in numbers worked out here and by nobody else.

The controller has its plan and its guard; a judge that read either could only repeat their mistakes.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from sys import maxsize

from device.wire.messages import Family
from physioctl.rehearsal.storm.families import level_and_duty, mj_per_ms, reckoned
from protocols.library import find, load
from protocols.model import Protocol
from protocols.steps import EmitStep, RepeatStep, Step
from simulator.nameplate import Nameplate, nameplate

_FOLDER = Path(__file__).with_name("protocols")
BENCH = "bench"  # the body site that is none


@dataclass(frozen=True, slots=True)
class Stage:
    """One step: what may go out in it, and for how long. A level of 0 is a rest, or guidance."""

    level: int
    duty_pct: int
    duration_ms: int
    ramp_ms: int


_NOTHING = Stage(0, 0, 0, 0)


@dataclass(frozen=True, slots=True)
class ExpectedRun:
    """What a protocol has to deliver on one model, calculated independently of the compiler."""

    name: str
    protocol: Protocol
    stages: tuple[Stage, ...]
    delivered_ms: int
    energy_mj: float
    total_ms: int
    level_mj_ms: float  # energy of one millisecond at the highest level; 0 where none is planned

    def starts(self, emission_ms: int = maxsize) -> int:
        """How often output is started, when nothing goes wrong and no start asks for longer."""
        return sum(-(-stage.duration_ms // emission_ms) for stage in self.stages if stage.level)

    def bound(self, step: int) -> int:
        """The highest level that may go out in ``step``, from 1 up: in a rest, that of the output before."""
        return self._emission(step).level

    def duty_pct(self, step: int) -> int:
        """The duty cycle at which it may go out."""
        return self._emission(step).duty_pct

    def _emission(self, step: int) -> Stage:
        return next((stage for stage in reversed(self.stages[:step]) if stage.level), _NOTHING)


def names(model: str) -> tuple[str, ...]:
    """The expected runs that ship for ``model``."""
    return tuple(
        path.stem for path in sorted(_FOLDER.glob("*.yaml")) if _family(_protocol(path.stem)) is _of(model)
    )


def needs_end(model: str) -> bool:
    """Whether something other than the host has to end the output of ``model`` on a body site."""
    return reckoned(_of(model)).needs_end


def must_end(name: str, model: str) -> bool:
    """Whether something other than the host has to end the output of the expected run."""
    return needs_end(model) and _protocol(name).body_site != BENCH


@cache
def expected_run(name: str, model: str) -> ExpectedRun:
    """The expected run called ``name``, or any protocol, on ``model``."""
    protocol, plate = _protocol(name), nameplate(model)
    stages = tuple(_stages(protocol.steps, plate))
    emitting = [stage for stage in stages if stage.level]
    per_ms = [mj_per_ms(stage.level, stage.duty_pct, plate) for stage in emitting]
    return ExpectedRun(
        name=name,
        protocol=protocol,
        stages=stages,
        delivered_ms=sum(stage.duration_ms for stage in emitting),
        energy_mj=sum(
            mj * (stage.duration_ms - stage.ramp_ms / 2) for mj, stage in zip(per_ms, emitting, strict=True)
        ),
        total_ms=sum(stage.duration_ms for stage in stages),
        level_mj_ms=max(per_ms, default=0.0),
    )


@cache
def _protocol(name: str) -> Protocol:
    path = _FOLDER / f"{name}.yaml"
    return load(path) if path in _FOLDER.glob("*.yaml") else find(name)


def _family(protocol: Protocol) -> Family | None:
    return None if protocol.family is None else Family[protocol.family.name]


def _of(model: str) -> Family:
    return nameplate(model).family


def _stages(steps: Sequence[Step], plate: Nameplate) -> Iterator[Stage]:
    for step in steps:
        if isinstance(step, RepeatStep):
            for _ in range(step.times):
                yield from _stages(step.steps, plate)
        elif isinstance(step, EmitStep):
            yield _stage(step, plate)
        else:
            yield Stage(0, 0, step.duration_ms, 0)


def _stage(step: EmitStep, plate: Nameplate) -> Stage:
    level, duty_pct = level_and_duty(step.emit.setting())
    usual_ms = reckoned(plate.family).usual_ramp_ms
    ramp_ms = min(usual_ms, step.duration_ms) if step.ramp_ms is None else step.ramp_ms
    average_max = plate.average_max * 100 // duty_pct if plate.average_max else level
    return Stage(min(level, plate.level_max, average_max), duty_pct, step.duration_ms, ramp_ms)
