"""``physioctl protocols plan``."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import click

from device.models import MODELS, Model, ids, model
from physioctl.cli.choosing import ModelName, chosen
from physioctl.cli.completion import ProtocolName
from physioctl.cli.printing import JSON, json_line, say
from physioctl.cli.tables import print_table
from physioctl.planning import plan_for
from physioctl.protocol_text import binding_bound, clauses, step_said
from physioctl.text import joules, minutes
from protocols.limits import Bound, Limits, Quantity
from protocols.plan import Emit, Plan, Step, quantities


@click.command()
@click.argument("protocol", type=ProtocolName())
@click.option(
    "--unit",
    metavar="MODEL",
    type=ModelName(MODELS, ids),
    required=True,
    help=f"The model to plan for: {', '.join(MODELS)}, or an added one.",
)
@click.option("--explain", is_flag=True, help="Also every bound, and the one that binds.")
@JSON
def plan(protocol: str, unit: str, explain: bool, as_json: bool) -> None:
    """Compile a protocol for a model, and show the timeline.

    \b
    Example:
      physioctl protocols plan calf-tightness-ultrasound \\
        --unit us111 --explain
    """
    kind = model(unit)
    made = plan_for(chosen(protocol), kind)
    if as_json:
        for values in _plan_json(made, kind, explain=explain):
            json_line(values)
        return
    _print_plan(made, kind)
    if explain:
        say("")
        print_table(("bounded", "layer", "bound", "", "source"), _bounds(made.limits))


def _print_plan(made: Plan, kind: Model) -> None:
    say(f"{made.title} ({made.protocol_id}, {made.content_hash[:12]}) on {kind.name}")
    say(
        f"The numbers of {kind.name} are {kind.numbers_said}; a real unit's own declaration goes before them."
    )
    rows = []
    at_ms = 0
    for number, step in enumerate(made.steps, 1):
        rows.append((str(number), minutes(at_ms), minutes(step.duration_ms), step_said(step)))
        at_ms += step.duration_ms
    print_table(("step", "at", "for", "what"), rows)
    energy = "" if not made.energy_mj else f", {joules(made.energy_mj)}"
    say(f"{minutes(made.delivered_ms)} of output in {minutes(made.total_ms)}{energy}")


def _bounds(limits: Limits) -> Iterator[tuple[str, ...]]:
    for quantity in Quantity:
        binding = binding_bound(limits, quantity)
        for bound in limits.of(quantity):
            yield quantity.label, bound.layer, clauses(bound), "binds" * (bound is binding), bound.source


def _plan_json(made: Plan, kind: Model, *, explain: bool) -> Iterator[dict[str, Any]]:
    yield {
        "event": "plan",
        "protocol": made.protocol_id,
        "title": made.title,
        "content_hash": made.content_hash,
        "model": made.model,
        "family": made.family,
        "body_site": made.body_site,
        "assumed": kind.assumed,
        "steps": len(made.steps),
        "delivered_ms": made.delivered_ms,
        "total_ms": made.total_ms,
        "energy_mj": made.energy_mj,
    }
    at_ms = 0
    for number, step in enumerate(made.steps, 1):
        yield {"event": "step", "step": number, "at_ms": at_ms} | _step_json(step)
        at_ms += step.duration_ms
    if explain:
        yield from (_bound_json(bound, made.limits) for bound in made.limits.bounds)


def _step_json(step: Step) -> dict[str, Any]:
    values = {"kind": step.kind, "duration_ms": step.duration_ms, "say": step.say}
    if not isinstance(step, Emit):
        return values
    set_to = {quantity.name.lower(): value for quantity, value in quantities(step.setting)}
    return values | {"ramp_ms": step.ramp_ms} | set_to


def _bound_json(bound: Bound, limits: Limits) -> dict[str, Any]:
    return {
        "event": "bound",
        "quantity": bound.quantity.name.lower(),
        "layer": bound.layer,
        "at_least": bound.at_least,
        "at_most": bound.at_most,
        "one_of": None if bound.one_of is None else sorted(bound.one_of),
        "binds": bound is binding_bound(limits, bound.quantity),
        "source": bound.source,
    }
