"""``physioctl protocols show``."""

from __future__ import annotations

from typing import Any

import click

from physioctl.cli.choosing import chosen
from physioctl.cli.completion import ProtocolName
from physioctl.cli.printing import JSON, json_line, say
from physioctl.person import reference
from physioctl.protocol_text import shown
from physioctl.questions import Question, ages_of, questions_of
from protocols.index import about


@click.command()
@click.argument("protocol", type=ProtocolName())
@click.option("--answers", is_flag=True, help="Only its screening, as a form for run --answers.")
@click.option("--person", metavar="REF", help="With --answers: the reference that the form is for.")
@JSON
def show(protocol: str, answers: bool, person: str | None, as_json: bool) -> None:
    """Show what a protocol is, what supports it, what is asked before it, and its steps.

    \b
    Examples:
      physioctl protocols show calf-tightness-ultrasound
      physioctl protocols show calf-tightness-ultrasound \\
        --answers > answers.yaml
    """
    found = chosen(protocol)
    asked = questions_of(found)
    if answers:
        from device.clock import SystemClock
        from physioctl.answers import blank_answers
        from physioctl.cli.options import translation
        from physioctl.screening import day_of

        form = None if person is None else reference(person)
        click.echo(blank_answers(found, day_of(SystemClock()), form, translation()), nl=False)
    elif as_json:
        ages = ages_of(found)
        told: dict[str, Any] = {"ages": None if ages is None else sorted(ages)}
        told |= {"questions": [_question(question) for question in asked]}
        json_line({"event": "protocol"} | about(found) | told)
    else:
        for line in shown(found, asked):
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
