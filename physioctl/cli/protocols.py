"""Protocols on the command line: list, show, check, plan and schema. Nothing here reaches for a unit."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import click

from device.models import MODELS, Model, model
from physioctl.cli.choosing import Named, chosen
from physioctl.cli.completion import ProtocolName
from physioctl.cli.exits import Exit, code_of, report
from physioctl.cli.groups import Group
from physioctl.cli.printing import aside, json_line, say, table
from physioctl.person import reference
from physioctl.text import joules, minutes
from protocols import compile as compiling
from protocols.additions import unnamed
from protocols.ceilings import body_sites
from protocols.errors import PROBLEMS_SHOWN_MAX, PhysioctlError, ProtocolInvalid
from protocols.library import bundled, find
from protocols.limits import Bound, Family, Limits, Quantity
from protocols.model import NO_FAMILY, Protocol
from protocols.plan import Emit, Plan, Step, quantities
from protocols.steps import FlatStep

if TYPE_CHECKING:
    from physioctl.questions import Question


def _sites_by_title() -> dict[str, str]:
    return {title: name for name, title in body_sites().items()}


_JSON = click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")


@click.group(cls=Group)
def protocols() -> None:
    """List, show, check and plan protocols.

    PROTOCOL is a file, or the id of one that ships.

    \b
    Examples:
      physioctl protocols list --site calf
      physioctl protocols plan calf-tightness-ultrasound --unit us111 --explain
    """


@protocols.command("list")
@click.option(
    "--family",
    type=Named("family", [*(family.value for family in Family), NO_FAMILY]),
    help="Only this family; none: guidance only.",
)
@click.option(
    "--site",
    type=Named("body site", body_sites(), _sites_by_title),
    metavar="SITE",
    help="Only this body site.",
)
@_JSON
def list_(family: str | None, site: str | None, as_json: bool) -> None:
    """List the protocols that ship.

    \b
    Example:
      physioctl protocols list --family percussion
    """
    chosen = [
        protocol
        for protocol in map(find, bundled())
        if family in (None, protocol.family or NO_FAMILY) and site in (None, protocol.body_site)
    ]
    if as_json:
        for protocol in chosen:
            json_line(_about(protocol))
    elif chosen:
        table(("id", "site", "evidence", "output", "title"), map(_row, chosen))
    else:
        say("No protocol that ships is for that.")


@protocols.command()
@click.argument("protocol", type=ProtocolName())
@click.option("--answers", is_flag=True, help="Only its screening, as a form for run --answers.")
@click.option("--person", metavar="REF", help="With --answers: the reference that the form is for.")
@_JSON
def show(protocol: str, answers: bool, person: str | None, as_json: bool) -> None:
    """Show what a protocol is, what supports it, what is asked before it, and its steps.

    \b
    Examples:
      physioctl protocols show calf-tightness-ultrasound
      physioctl protocols show calf-tightness-ultrasound --answers > answers.yaml
    """
    from physioctl.questions import ages_of, questions_of  # only what shows the screening pays for it

    found = chosen(protocol)
    asked = questions_of(found)
    if answers:
        from device.clock import SystemClock
        from physioctl.answers import blank_answers
        from physioctl.screening import day_of

        form = None if person is None else reference(person)
        click.echo(blank_answers(found, day_of(SystemClock()), form), nl=False)
    elif as_json:
        ages = ages_of(found)
        told = {"ages": None if ages is None else sorted(ages)}
        json_line(_about(found) | told | {"questions": [_question(question) for question in asked]})
    else:
        for line in _shown(found, asked):
            say(line)


@protocols.command()
@click.argument("files", nargs=-1, required=True, metavar="FILE...")
def check(files: Sequence[str]) -> int:
    """Check protocol files, and hold them against the limits that hold on every unit.

    \b
    Example:
      physioctl protocols check my-protocol.yaml
    """
    codes = [_checked(file) for file in files]
    failed = [code for code in codes if code]
    return Exit.PROTOCOL_INVALID if Exit.PROTOCOL_INVALID in failed else next(iter(failed), Exit.DONE)


@protocols.command()
@click.argument("protocol", type=ProtocolName())
@click.option("--unit", type=Named("model", MODELS), required=True, help="The model to plan for.")
@click.option("--explain", is_flag=True, help="Also every bound, and the one that binds.")
@_JSON
def plan(protocol: str, unit: str, explain: bool, as_json: bool) -> None:
    """Compile a protocol for a model, and show the timeline.

    \b
    Example:
      physioctl protocols plan calf-tightness-ultrasound --unit us111 --explain
    """
    kind = model(unit)
    made = compiling.compile_plan(
        chosen(protocol),
        model=kind.id,
        family=kind.family,
        area_mm2=kind.area_mm2,
        limits=Limits(kind.bounds),
    )
    if as_json:
        for values in _plan_json(made, explain=explain):
            json_line(values)
        return
    _print_plan(made, kind)
    if explain:
        say("")
        table(("bounded", "layer", "bound", "", "source"), _bounds(made.limits))


@protocols.command()
def schema() -> None:
    """Print the JSON Schema of protocol files, for editors that check as one types.

    \b
    Example:
      physioctl protocols schema > protocol-1.schema.json
    """
    from protocols import schema as made

    click.echo(made.text(), nl=False)


def _checked(file: str) -> int:
    try:
        protocol = chosen(file)
        compiling.check(protocol)
    except ProtocolInvalid as error:
        for problem in error.problems[:PROBLEMS_SHOWN_MAX]:
            aside(f"error: {problem}")
            aside(f"  to do: {problem.action}")
        if (more := len(error.problems) - PROBLEMS_SHOWN_MAX) > 0:
            aside(f"and {more} more")
        return Exit.PROTOCOL_INVALID
    except PhysioctlError as error:
        report(error)
        return code_of(error)
    say(f"ok {file}: {protocol.title}")
    for problem in unnamed(protocol):
        aside(f"note: {problem}")
        aside(f"  to do: {problem.action}")
    return Exit.DONE


def _row(protocol: Protocol) -> tuple[str, ...]:
    return (
        protocol.id,
        body_sites()[protocol.body_site],
        _words(protocol.evidence.grade),
        minutes(compiling.emitted_ms(protocol)) if protocol.family else "guidance",
        protocol.title,
    )


def _about(protocol: Protocol) -> dict[str, Any]:
    return {
        "event": "protocol",
        "id": protocol.id,
        "title": protocol.title,
        "family": protocol.family,
        "body_site": protocol.body_site,
        "side": protocol.side,
        "purpose": protocol.purpose,
        "evidence": protocol.evidence.model_dump(mode="json"),
        "red_flags": [
            {"code": flag.code, "sign": flag.sign, "action": flag.action} for flag in protocol.red_flags
        ],
        "delivered_ms": compiling.emitted_ms(protocol),
        "content_hash": protocol.content_hash,
        "bundled": protocol.origin.bundled,
    }


def _question(question: Question) -> dict[str, Any]:
    return {
        "code": question.code,
        "ask": question.ask,
        "action": question.action,
        "weigh": question.weigh,
        "lasting": question.lasting,
        "text_hash": question.text_hash,
        "source": list(question.source),
    }


def _shown(protocol: Protocol, asked: Sequence[Question]) -> Iterator[str]:
    from physioctl.questions import RED_FLAGS, ages_of

    yield f"{protocol.title} ({protocol.id})"
    yield f"  for       {protocol.purpose}"
    side = f", {protocol.side}" if protocol.side != "none" else ""
    yield f"  where     {body_sites()[protocol.body_site]}{side}; {protocol.family or 'guidance only'}"
    if (ages := ages_of(protocol)) is not None:
        yield f"  ages      {', '.join(sorted(ages))}"
    yield f"  evidence  {_words(protocol.evidence.grade)}: {protocol.evidence.note}"
    for source in protocol.evidence.sources:
        yield f"            {source}"
    yield f"  sha256    {protocol.content_hash}"
    yield from _listed("Red flags", [f"{flag.sign} ({_words(flag.action)})" for flag in protocol.red_flags])
    own = [question for question in asked if question.action not in RED_FLAGS]
    yield from _listed("Asked before", [f"{question.ask} ({_words(question.action)})" for question in own])
    yield from _listed("Steps", [_written(step) for _, step in protocol.flat_steps()])


def _listed(title: str, lines: Sequence[str]) -> Iterator[str]:
    if lines:
        yield ""
        yield f"{title}:"
    for line in lines:
        yield f"  - {line}"


def _print_plan(made: Plan, kind: Model) -> None:
    say(f"{made.title} ({made.protocol_id}, {made.content_hash[:12]}) on {kind.name}")
    say(f"The numbers of {kind.name} are assumed; a real unit's own declaration goes before them.")
    rows = []
    at_ms = 0
    for number, step in enumerate(made.steps, 1):
        rows.append((str(number), minutes(at_ms), minutes(step.duration_ms), _step(step)))
        at_ms += step.duration_ms
    table(("step", "at", "for", "what"), rows)
    energy = "" if not made.energy_mj else f", {joules(made.energy_mj)}"
    say(f"{minutes(made.delivered_ms)} of output in {minutes(made.total_ms)}{energy}")


def _step(step: Step) -> str:
    ramp_ms = step.ramp_ms if isinstance(step, Emit) else 0
    return _what(step, f", ramp {Quantity.STEP_MS.show(ramp_ms)}" if ramp_ms else "")


def _written(step: FlatStep) -> str:
    """A step as the file has it, before any unit is known."""
    return f"{Quantity.STEP_MS.show(step.duration_ms)}: {_what(step.planned())}"


def _what(step: Step, ramp: str = "") -> str:
    level = f" {step.setting.describe()}" if isinstance(step, Emit) else ""
    return f"{step.kind}{level}{ramp}" + (f": {step.say}" if step.say else "")


def _bounds(limits: Limits) -> Iterator[tuple[str, ...]]:
    for quantity in Quantity:
        binding = _binding(limits, quantity)
        for bound in limits.of(quantity):
            yield quantity.label, bound.layer, _clauses(bound), "binds" * (bound is binding), bound.source


def _binding(limits: Limits, quantity: Quantity) -> Bound | None:
    """The bound that leaves the least above it, be it a highest value or a list of them."""
    highest = {bound: _highest(bound) for bound in limits.of(quantity)}
    upper = [bound for bound in highest if highest[bound] is not None]
    return min(upper, key=lambda bound: (highest[bound], bound.one_of is None), default=None)


def _highest(bound: Bound) -> int | None:
    clauses = [bound.at_most, max(bound.one_of) if bound.one_of else None]
    return min((clause for clause in clauses if clause is not None), default=None)


def _clauses(bound: Bound) -> str:
    return str(bound).removeprefix(bound.quantity.label).strip()


def _plan_json(made: Plan, *, explain: bool) -> Iterator[dict[str, Any]]:
    yield {
        "event": "plan",
        "protocol": made.protocol_id,
        "title": made.title,
        "content_hash": made.content_hash,
        "model": made.model,
        "family": made.family,
        "body_site": made.body_site,
        "assumed": True,
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
        "binds": bound is _binding(limits, bound.quantity),
        "source": bound.source,
    }


def _words(name: str) -> str:
    return str(name).replace("_", " ")
