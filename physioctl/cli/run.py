"""``physioctl run``: a session of a named protocol on a unit."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from queue import SimpleQueue

import click
from click.core import ParameterSource

from device.address import is_simulated
from device.clock import SystemClock
from physioctl.answers import read_answers
from physioctl.cli import asking
from physioctl.cli.begin_journal import is_begun_by_a_session, is_new
from physioctl.cli.choosing import Named, chosen
from physioctl.cli.completion import ProtocolName
from physioctl.cli.options import (
    CONTINUES,
    DIALECT,
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
from physioctl.cli.printing import JSON
from physioctl.cli.rest import Typed
from physioctl.cli.session import hold_guidance, hold_session
from physioctl.cli.showing import View
from physioctl.cli.way import NO_WAY, Way, way
from physioctl.errors import InvalidUsage
from physioctl.guided.screening import ask, ask_and_keep
from physioctl.network import refuse_unauthenticated
from physioctl.person import reference
from physioctl.ports import dialect_for, open_link
from physioctl.questions import treats
from physioctl.record.history import session as recorded
from physioctl.record.journal import default_path
from physioctl.runner import Request, expect_not_refused
from physioctl.screening import Answers, day_of
from physioctl.translation import Translation
from protocols.model import Protocol, Side

_SIDES = (Side.LEFT, Side.RIGHT)


@click.command()
@click.argument("protocol", type=ProtocolName())
@PORT
@DIALECT
@click.option("--person", metavar="REF", help="A reference for the person treated. Never a name.")
@click.option("--side", type=Named("side", ["left", "right"]), help="Which side of the body.")
@click.option(
    "--answers",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Answers to the screening questions (YAML).",
)
@OPERATOR
@journal_option("Keep the record in this file.")
@NEW
@CONTINUES
@click.option("--rest-of", metavar="SESSION", help="Give only what this interrupted session has left.")
@UNAUTHENTICATED_NETWORK
@TRACE
@REPLACE_TRACE
@click.option("--yes", is_flag=True, help="Start at once, without Space. It answers no question.")
@NO_SOUNDS
@PLAIN
@JSON
def run(
    protocol: str,
    port: str | None,
    dialect: str | None,
    person: str | None,
    side: str | None,
    answers: Path | None,
    operator: str | None,
    journal: Path | None,
    new: bool,
    continues: Path | None,
    rest_of: str | None,
    unauthenticated_network: bool,
    trace: Path | None,
    replace_trace: bool,
    yes: bool,
    no_sounds: bool,
    plain: bool,
    as_json: bool,
) -> int:
    """Run a session on a unit. PROTOCOL is a file or the id of a bundled one.

    Without --port it takes the only port on which a unit answers. Guidance alone needs no unit.

    At a terminal, nothing is output before you press Space. Then Space pauses and r resumes; - lowers the
    level; s, q, Esc or Ctrl-C stops. The keys that work are shown.

    \b
    Examples:
      physioctl run unit-check
      physioctl run unit-check --port /dev/ttyUSB0
      physioctl run calf-tightness-ultrasound --port COM4 \\
        --side left --person P-017 --answers answers.yaml
      physioctl run unit-check --port 'sim://us111?seed=7' \\
        --json
      physioctl run unit-check --port '/dev/ttyUSB0#17' \\
        --dialect modbus
    """
    found = chosen(protocol)
    expect_free(trace, replace=replace_trace)
    shown = translation()
    if rest_of is None:
        new = is_new(journal, new=new)
    begins = is_begun_by_a_session(journal)
    alone = found.family is None and not _was_typed("port")
    to = NO_WAY if alone else way(port, dialect)
    if not alone:
        _expect_usable(to, found, unauthenticated_network=unauthenticated_network, now=begins)
    by = None if operator is None else reference(operator)
    if rest_of is not None:
        broken = recorded(journal or default_path(), rest_of).summary
        rest_of, person, side = broken.id, person or broken.person, side or _a_side(broken.side)
    person, side = chosen_person(found, person), chosen_side(found, side)
    place = Place(
        to.port,
        to.dialect,
        journal=journal,
        new=new,
        continues=continues,
        trace=trace,
        replace_trace=replace_trace,
    )
    if answers is not None:
        given = read_answers(answers, found, operator=by, translation=shown)
    else:
        given, place = _answered(found, place, person=person, operator=by, shown=shown)
    request = Request(
        protocol=found,
        side=side,
        person=person,
        treated_by=by,
        answers=given,
        unauthenticated_network=unauthenticated_network,
        rest_of=rest_of,
    )
    if begins:
        expect_not_refused(request, day_of(SystemClock()))
    view = View.chosen(plain=plain, as_json=as_json)
    if alone:
        return hold_guidance(request, place, view, yes=yes, sounds=not no_sounds)
    typed = Typed(protocol, answers, operator, journal, unauthenticated_network)
    return hold_session(request, place, view, typed, yes=yes, sounds=not no_sounds)


def _answered(
    protocol: Protocol, place: Place, *, person: str | None, operator: str | None, shown: Translation
) -> tuple[Answers, Place]:
    """The answers given at the terminal, none without a person there; and ``place``, its journal begun.

    Of a person who is named, the journal has what was answered before, and keeps answers that refuse.
    """
    if not asking.can_ask():
        return Answers(), place
    terminal, clock = asking.Console(), SystemClock()
    if person is None:
        today = day_of(clock)
        return ask(protocol, terminal, person=None, operator=operator, today=today, translation=shown), place
    with opened(place, clock) as record:
        simulated = is_simulated(place.port)
        answers = ask_and_keep(
            protocol,
            terminal,
            record,
            person=person,
            operator=operator,
            simulated=simulated,
            translation=shown,
        )
    return answers, replace(place, new=False, continues=None)


def _was_typed(option: str) -> bool:
    """Whether ``option`` stands on the command line, and not in the environment or the settings."""
    return click.get_current_context().get_parameter_source(option) is ParameterSource.COMMANDLINE


def _expect_usable(to: Way, protocol: Protocol, *, unauthenticated_network: bool, now: bool) -> None:
    """Raise `UnitUnusable` or `Refused` before a person is asked anything; the port is not held meanwhile.

    ``now`` says that the port is to be tried where nobody can be asked too: before a journal is begun.
    """
    spoken = dialect_for(to.port, to.dialect)
    if not unauthenticated_network:
        refuse_unauthenticated(to.port, protocol)
    if now or asking.can_ask():
        open_link(to.port, SimpleQueue(), line=spoken.promises.line).close()


def _a_side(side: str) -> str | None:
    return side if side in ("left", "right") else None


def chosen_person(protocol: Protocol, person: str | None) -> str | None:
    """The person's reference in its one form, asked for at a terminal where the protocol needs one."""
    if person is None and treats(protocol) and asking.can_ask():
        person = asking.text("Reference of the person treated (never a name)")
    return None if person is None else reference(person)


def chosen_side(protocol: Protocol, side: str | None) -> str:
    """The side to treat, as the protocol allows it."""
    if protocol.side is not Side.EITHER:
        if side is not None and side != protocol.side:
            raise InvalidUsage(
                f"{protocol.id} is for side {protocol.side.value}, not {side}", "Leave --side out."
            )
        return protocol.side.value
    if side is not None:
        return side
    if asking.can_ask():
        return asking.choose("Which side", [side.value for side in _SIDES])
    raise InvalidUsage(
        f"{protocol.id} treats one side of the body", "Say which: --side left or --side right."
    )
