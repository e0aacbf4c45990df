"""``physioctl start``: the guided way into a session. What it asks is in `physioctl.guided`."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import click

from device.clock import SystemClock
from physioctl.admission import allowed
from physioctl.cli import asking
from physioctl.cli.exits import Exit
from physioctl.cli.options import DIALECT, PORT, journal_option
from physioctl.cli.printing import aside
from physioctl.cli.session import Place, View, hold_session
from physioctl.errors import InvalidUsage
from physioctl.guided.page import page
from physioctl.guided.person import about, choose_person, choose_side, unfinished
from physioctl.guided.protocol import choose_protocol
from physioctl.guided.screening import ask
from physioctl.guided.terminal import Terminal
from physioctl.guided.unit import Ready, choose_unit, look_at
from physioctl.host_loss import check_host_loss
from physioctl.network import refuse_unauthenticated
from physioctl.person import reference
from physioctl.record.answers_kept import answers_kept
from physioctl.record.journal import Journal
from physioctl.runner import Request
from physioctl.screening import Answers, day_of
from physioctl.text import minutes
from physioctl.wall_clock import confirm


@click.command()
@click.argument("words", nargs=-1)
@PORT
@DIALECT
@click.option(
    "--operator", metavar="REF", help="A reference for who acknowledges what is weighed. Never a name."
)
@journal_option("Keep the record in this file.")
@click.option("--new", is_flag=True, help="Begin the journal, with the folders it needs.")
@click.option(
    "--unauthenticated-network", is_flag=True, help="Treat a person over a line without authentication."
)
@click.option("--plain", is_flag=True, help="Lines instead of a progress bar.")
def start(
    words: tuple[str, ...],
    port: str | None,
    dialect: str | None,
    operator: str | None,
    journal: Path | None,
    new: bool,
    unauthenticated_network: bool,
    plain: bool,
) -> int:
    """Start a session, guided: the unit, what hurts, for whom, what has to be asked, and what will happen.

    WORDS say what hurts, and where; without them you are asked. Ctrl-C ends it at any question, with nothing
    output.

    \b
    Examples:
      physioctl start
      physioctl start night calf
      physioctl start --port sim://us111
    """
    if not asking.can_ask():
        raise InvalidUsage(
            "start asks questions, and nobody can answer here: standard input is no terminal",
            "Use physioctl run PROTOCOL --port PORT, with --person, --side and --answers FILE.",
        )
    terminal, clock = asking.Console(), SystemClock()
    by = None if operator is None else reference(operator)
    found = choose_unit(terminal, port, dialect)
    with Journal.open(journal, clock, new=new) as record:
        if record.begun:
            aside(f"A new journal was begun: {record.name}")
        confirm(record, asking.clock_is_right)
        ready = look_at(found, record)
        terminal.say(f"The unit: {ready.unit.identity.model} {ready.unit.identity.serial} on {ready.port}.")
        request = _prepared(terminal, record, ready, words, unauthenticated_network=unauthenticated_network)
        if request is None:
            terminal.say("Nothing was output.")
            return Exit.STOPPED
        plan = allowed(request, ready.unit, record, simulated=ready.simulated).plan
        given = request.person and answers_kept(record, request.person, simulated=ready.simulated)
        answers = ask(
            request.protocol,
            terminal,
            person=request.person,
            operator=by,
            today=day_of(clock),
            earlier=given or (),
        )
    for line in page(request, plan, ready):
        terminal.say(line)
    place = Place(ready.port, ready.dialect, journal=journal)
    view = View.chosen(plain=plain, as_json=False)
    return hold_session(replace(request, answers=answers), place, view)


def _prepared(
    terminal: Terminal,
    record: Journal,
    ready: Ready,
    words: tuple[str, ...],
    *,
    unauthenticated_network: bool,
) -> Request | None:
    """The request, without its answers, for what a person has chosen; None where nothing is to be given."""
    for broken in ready.settled:
        terminal.say(
            f"Session {broken.session} ({broken.protocol}) had broken off on this unit: "
            f"{minutes(broken.delivered_ms)} of {minutes(broken.planned_ms)} count as delivered."
        )
    protocol = choose_protocol(terminal, ready.unit.model.family, " ".join(words))
    if not unauthenticated_network:
        refuse_unauthenticated(ready.port, protocol)
    check_host_loss(
        ready.unit, protocol, attended=True, confirm=lambda _: True
    )  # asked when the session begins
    side = choose_side(terminal, protocol)
    person = choose_person(terminal, protocol, record)
    anew = Request(
        protocol=protocol,
        side=side,
        person=person,
        answers=Answers(),
        serial=ready.unit.identity.serial,
        unauthenticated_network=unauthenticated_network,
    )
    if person is None:
        return anew
    for line in about(record, person, protocol, side):
        terminal.say(line)
    return unfinished(terminal, record, ready, anew)
