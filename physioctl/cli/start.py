"""``physioctl start``: the guided way into a session. What it asks is in `physioctl.guided`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import click

from device.clock import SystemClock
from device.errors import UnitUnusable
from physioctl.admission import allowed
from physioctl.cli import asking
from physioctl.cli.begin_journal import is_new
from physioctl.cli.exits import Exit
from physioctl.cli.options import (
    CONTINUES,
    NEW,
    NO_SOUNDS,
    OPERATOR,
    PLAIN,
    PORT,
    REPLACE_TRACE,
    TRACE,
    UNAUTHENTICATED_NETWORK,
    expect_free,
    journal_option,
    translation,
)
from physioctl.cli.place import Place, opened
from physioctl.cli.rest import Typed
from physioctl.cli.session import hold_guidance, hold_session
from physioctl.cli.showing import View
from physioctl.errors import InvalidUsage
from physioctl.guided.page import guidance_page, page
from physioctl.guided.person import about, choose_person, choose_side, unfinished
from physioctl.guided.protocol import choose_protocol
from physioctl.guided.screening import ask_and_keep
from physioctl.guided.terminal import Terminal, chosen
from physioctl.guided.unit import Ready, choose_unit, found_again, look_at
from physioctl.host_loss import check_host_loss
from physioctl.network import refuse_unauthenticated
from physioctl.person import reference
from physioctl.record.history import sessions
from physioctl.record.journal import Journal, default_path
from physioctl.record.refusals import limits_kept
from physioctl.runner import Request
from physioctl.settings import settings
from physioctl.text import minutes

_GO_ON = {"": True, "n": False, "no": False}


@click.command()
@click.argument("words", nargs=-1)
@PORT
@click.option(
    "--dialect",
    metavar="NAME",
    default=lambda: settings().dialect,
    help="Ask in this dialect only.  [default: each in turn]",
)
@OPERATOR
@journal_option("Keep the record in this file.")
@NEW
@CONTINUES
@UNAUTHENTICATED_NETWORK
@TRACE
@REPLACE_TRACE
@NO_SOUNDS
@PLAIN
def start(
    words: tuple[str, ...],
    port: str | None,
    dialect: str | None,
    operator: str | None,
    journal: Path | None,
    new: bool,
    continues: Path | None,
    unauthenticated_network: bool,
    trace: Path | None,
    replace_trace: bool,
    no_sounds: bool,
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
    expect_free(trace, replace=replace_trace)
    shown = translation()
    new = is_new(journal, new=new)
    terminal, clock = asking.Console(), SystemClock()
    by = None if operator is None else reference(operator)
    found = choose_unit(terminal, port, dialect)
    with opened(Place("", "", journal=journal, new=new, continues=continues), clock) as record:
        ready = None if found is None else look_at(found, record)
        way = _choose(terminal, record, ready, words, unauthenticated_network=unauthenticated_network)
        if way is None:
            return _nothing(terminal)
        request, lines = way
        answers = ask_and_keep(
            request.protocol,
            terminal,
            record,
            person=request.person,
            operator=by,
            simulated=ready is not None and ready.simulated and request.protocol.family is not None,
            translation=shown,
        )
    for line in lines:
        terminal.say(line)
    # Here the page can be read: the session's screen takes its place.
    if not chosen(terminal, "Go on to the session?", _GO_ON, "Enter, n"):
        return _nothing(terminal)
    request = replace(request, answers=answers, treated_by=by)
    view = View.chosen(plain=plain, as_json=False)
    if ready is None or request.protocol.family is None:
        return hold_guidance(request, Place("", "", journal=journal, trace=trace), view, sounds=not no_sounds)
    origin = request.protocol.origin
    named = request.protocol.id if origin.bundled else origin.file
    typed = Typed(named, None, by, journal, unauthenticated_network)
    before, again = _newest(journal), False
    while True:
        place = Place(
            ready.port, ready.dialect, journal=journal, trace=trace, replace_trace=replace_trace or again
        )
        try:
            return hold_session(request, place, view, typed, sounds=not no_sounds)
        except UnitUnusable as error:
            if _newest(journal) != before:  # the session had begun
                raise
            ready, again = found_again(terminal, ready, error), True


def _newest(journal: Path | None) -> str | None:
    """The id of the latest session in the journal."""
    return next((summary.id for summary in sessions(journal or default_path(), limit=1)), None)


def _nothing(terminal: Terminal) -> Exit:
    terminal.say("Nothing was output.")
    return Exit.STOPPED


def _choose(
    terminal: Terminal,
    record: Journal,
    ready: Ready | None,
    words: tuple[str, ...],
    *,
    unauthenticated_network: bool,
) -> tuple[Request, Sequence[str]] | None:
    """The request, without its answers, for what a person has chosen; and the page for it.

    None: nothing is to be given. Raise `Refused` where no answer could change that.
    """
    if ready is not None:
        _say_unit(terminal, ready)
    family = None if ready is None else ready.unit.model.family
    protocol = choose_protocol(terminal, family, " ".join(words))
    if ready is not None:
        if not unauthenticated_network:
            refuse_unauthenticated(ready.port, protocol)
        check_host_loss(ready.unit, protocol, attended=True, confirm=lambda _: True)  # asked at its beginning
    side = choose_side(terminal, protocol)
    person = choose_person(terminal, protocol, record)
    for line in () if person is None else about(record, person, protocol, side):
        terminal.say(line)
    request = Request(protocol, side, person, unauthenticated_network=unauthenticated_network)
    if ready is None or protocol.family is None:
        return request, tuple(guidance_page(request))
    anew = replace(request, serial=ready.unit.identity.serial)
    given = unfinished(terminal, record, ready, anew)
    if given is None:
        return None
    with limits_kept(record, protocol, person, side, simulated=ready.simulated):
        plan = allowed(given, ready.unit, record, simulated=ready.simulated).plan
    return given, tuple(page(given, plan, ready))


def _say_unit(terminal: Terminal, ready: Ready) -> None:
    """Which unit it is, and what had broken off on it."""
    terminal.say(f"The unit: {ready.unit.identity.model} {ready.unit.identity.serial} on {ready.port}.")
    for broken in ready.settled:
        terminal.say(
            f"Session {broken.session} ({broken.protocol}) had broken off on this unit: "
            f"{minutes(broken.delivered_ms)} of {minutes(broken.planned_ms)} count as delivered."
        )
