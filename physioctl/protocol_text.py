"""A protocol and its plan in words: for whom, the evidence, what is asked, the steps and the bounds."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from physioctl.questions import RED_FLAGS, Question, ages_of
from protocols.ceilings import body_sites
from protocols.limits import Bound, Limits, Quantity
from protocols.model import Protocol
from protocols.plan import Emit, Step
from protocols.steps import FlatStep


def shown(protocol: Protocol, asked: Sequence[Question]) -> Iterator[str]:
    """What ``protocol`` is, what supports it, what is ``asked`` before it, and its steps, a line each."""
    yield f"{protocol.title} ({protocol.id})"
    yield f"  for       {protocol.purpose}"
    side = f", {protocol.side}" if protocol.side != "none" else ""
    yield f"  where     {body_sites()[protocol.body_site]}{side}; {protocol.family or 'guidance only'}"
    if (ages := ages_of(protocol)) is not None:
        yield f"  ages      {', '.join(sorted(ages))}"
    yield f"  evidence  {spaced(protocol.evidence.grade)}: {protocol.evidence.note}"
    for source in protocol.evidence.sources:
        yield f"            {source}"
    yield f"  sha256    {protocol.content_hash}"
    yield from _listed("Red flags", [f"{flag.sign} ({spaced(flag.action)})" for flag in protocol.red_flags])
    own = [question for question in asked if question.action not in RED_FLAGS]
    yield from _listed("Asked before", [f"{question.ask} ({spaced(question.action)})" for question in own])
    yield from _listed("Steps", [_written(step) for _, step in protocol.flat_steps()])


def _listed(title: str, lines: Sequence[str]) -> Iterator[str]:
    if lines:
        yield ""
        yield f"{title}:"
    for line in lines:
        yield f"  - {line}"


def step_said(step: Step) -> str:
    """What is done in a step."""
    ramp_ms = step.ramp_ms if isinstance(step, Emit) else 0
    return _what(step, f", ramp {Quantity.STEP_MS.show(ramp_ms)}" if ramp_ms else "")


def _written(step: FlatStep) -> str:
    """A step as the file has it, before any unit is known."""
    return f"{Quantity.STEP_MS.show(step.duration_ms)}: {_what(step.planned())}"


def _what(step: Step, ramp: str = "") -> str:
    level = f" {step.setting.describe()}" if isinstance(step, Emit) else ""
    return f"{step.kind}{level}{ramp}" + (f": {step.say}" if step.say else "")


def binding_bound(limits: Limits, quantity: Quantity) -> Bound | None:
    """The bound that leaves the least above it, be it a highest value or a list of them."""
    highest = {bound: _highest(bound) for bound in limits.of(quantity)}
    upper = [bound for bound in highest if highest[bound] is not None]
    return min(upper, key=lambda bound: (highest[bound], bound.one_of is None), default=None)


def _highest(bound: Bound) -> int | None:
    clauses = [bound.at_most, max(bound.one_of) if bound.one_of else None]
    return min((clause for clause in clauses if clause is not None), default=None)


def clauses(bound: Bound) -> str:
    """What a bound says, without the name of what it bounds."""
    return str(bound).removeprefix(bound.quantity.label).strip()


def spaced(name: str) -> str:
    """A name with spaces for its underscores."""
    return str(name).replace("_", " ")
