"""What will happen, on one page: the unit, for whom and where, the steps, the dose, and what limits it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from physioctl.guided.unit import Ready
from physioctl.host_loss import limitations
from physioctl.protocol_text import step_said
from physioctl.runner import Request
from physioctl.text import joules, minutes
from protocols.ceilings import body_sites
from protocols.limits import Bound, Layer, Quantity
from protocols.model import Side
from protocols.plan import Plan, Step, quantities

_DOSE = (
    Quantity.INTENSITY_MW_CM2,
    Quantity.SATA_MW_CM2,
    Quantity.SPEED_PER_MIN,
    Quantity.STEP_MS,
    Quantity.DELIVERED_MS,
    Quantity.ENERGY_MJ,
)  # what a dose is made of, and not how it is formed
_TITLE = ("", "What will happen:")
_CYCLE_MAX = 6  # steps of a cycle that is shown once, with how often it comes


def page(request: Request, plan: Plan, ready: Ready) -> Iterator[str]:
    """Every line of the page for a session on a unit."""
    unit = ready.unit.identity
    yield from _TITLE
    if ready.simulated:
        yield "  SIMULATED  This unit is made of software: nobody is treated, and it counts for nobody."
    yield (
        f"  unit       {unit.model} {unit.serial} on {ready.port}, firmware {unit.firmware}, "
        f"{f'calibrated {unit.calibrated}' if unit.calibrated else 'which tells no day of calibration'}; "
        f"the figures of its model are {ready.unit.model.numbers_said}"
    )
    yield from _what_and_whom(request)
    yield from _timeline(plan.steps)
    energy = f", {joules(plan.energy_mj)}" if plan.energy_mj else ""
    yield f"  dose       {minutes(plan.delivered_ms)} of output{energy}, in {minutes(plan.total_ms)}"
    yield from _limits(plan)
    for missing in limitations(ready.unit):
        yield f"  no promise {missing}"


def guidance_page(request: Request) -> Iterator[str]:
    """Every line of the page for guidance alone, without a unit."""
    steps = tuple(step.planned() for _, step in request.protocol.flat_steps())
    yield from _TITLE
    yield "  unit       none: guidance alone, without output"
    yield from _what_and_whom(request)
    yield from _timeline(steps)
    yield f"  in all     {minutes(sum(step.duration_ms for step in steps))}"


def _what_and_whom(request: Request) -> Iterator[str]:
    protocol = request.protocol
    rest = f", the rest of {request.rest_of}" if request.rest_of else ""
    yield f"  protocol   {protocol.title} ({protocol.id}, {protocol.content_hash[:12]}){rest}"
    side = "" if request.side in (None, Side.NONE) else f"{request.side} "
    yield f"  for        {request.person or 'nobody named'}: {side}{body_sites()[protocol.body_site]}"
    yield "  steps      at, for, what"


def _limits(plan: Plan) -> Iterator[str]:
    """The limit that the plan comes nearest to, and what is left of the day."""
    if (nearest := _nearest(plan)) is not None:
        value, bound = nearest
        most = f"at most {_shown(bound.quantity, bound.at_most or 0)}"
        shown = f"{bound.quantity.label} {_shown(bound.quantity, value)} of {most}"
        yield f"  limit      {shown} ({bound.layer}: {bound.source})"
    for bound in plan.limits.bounds:
        if bound.layer is Layer.PERSON and bound.at_most is not None:
            left = _shown(bound.quantity, bound.at_most)
            yield f"  day        {left} left for this site today ({bound.source})"


def _shown(quantity: Quantity, value: int) -> str:
    """A value as the rest of the page writes it: times as on a clock."""
    return minutes(value) if quantity.unit == "ms" else quantity.show(value)


def _timeline(steps: Sequence[Step]) -> Iterator[str]:
    """A line for each step; steps that come round again are shown once."""
    at_ms, place = 0, 0
    while place < len(steps):
        length, times = _cycle(steps[place:])
        if times > 1:
            yield f"    {minutes(at_ms):>5}  {times} times:"
        cycle = steps[place : place + length]
        for step in cycle:
            at = minutes(at_ms) if times == 1 else ""
            yield f"    {at:>5}  {minutes(step.duration_ms):>5}  {step_said(step)}"
            at_ms += step.duration_ms
        at_ms += (times - 1) * sum(step.duration_ms for step in cycle)
        place += length * times


def _cycle(steps: Sequence[Step]) -> tuple[int, int]:
    """How many of the first steps come round again, and how often they come; (1, 1) where none do."""
    for length in range(1, min(_CYCLE_MAX, len(steps) // 2) + 1):
        times = 1
        while steps[times * length : (times + 1) * length] == steps[:length]:
            times += 1
        if times > 1:
            return length, times
    return 1, 1


def _nearest(plan: Plan) -> tuple[int, Bound] | None:
    """Of the highest values of the plan, the one that comes nearest to its bound, and that bound."""
    values: dict[Quantity, int] = {}
    for emission in plan.emissions:
        for quantity, value in (*quantities(emission.setting), (Quantity.STEP_MS, emission.duration_ms)):
            values[quantity] = max(value, values.get(quantity, 0))
    if plan.emissions:
        values[Quantity.DELIVERED_MS] = plan.delivered_ms
    if plan.energy_mj is not None:
        values[Quantity.ENERGY_MJ] = plan.energy_mj
    found = [
        (values[each], bound) for each in _DOSE if each in values and (bound := plan.limits.binding(each))
    ]
    return max(found, key=lambda pair: pair[0] / (pair[1].at_most or 1), default=None)
