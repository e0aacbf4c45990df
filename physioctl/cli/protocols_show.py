"""``physioctl protocols show``."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import click

from physioctl.cli.choosing import chosen
from physioctl.cli.completion import ProtocolName
from physioctl.cli.printing import json_line, say
from physioctl.cli.protocols_plan import what
from physioctl.person import reference
from protocols.ceilings import body_sites
from protocols.index import about
from protocols.limits import Quantity
from protocols.model import Protocol
from protocols.steps import FlatStep

if TYPE_CHECKING:
    from physioctl.questions import Question


@click.command()
@click.argument("protocol", type=ProtocolName())
@click.option("--answers", is_flag=True, help="Only its screening, as a form for run --answers.")
@click.option("--person", metavar="REF", help="With --answers: the reference that the form is for.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
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
        told: dict[str, Any] = {"ages": None if ages is None else sorted(ages)}
        told |= {"questions": [_question(question) for question in asked]}
        json_line({"event": "protocol"} | about(found) | told)
    else:
        for line in _shown(found, asked):
            say(line)


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


def _written(step: FlatStep) -> str:
    """A step as the file has it, before any unit is known."""
    return f"{Quantity.STEP_MS.show(step.duration_ms)}: {what(step.planned())}"


def _words(name: str) -> str:
    return str(name).replace("_", " ")
