"""``physioctl run``: a session on a unit."""

from __future__ import annotations

import sys
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from queue import SimpleQueue

import click

from device.clock import SystemClock
from device.control.driver import Driver
from device.dialects.base import HostLoss
from device.dialects.registry import NAMES
from device.events import Observer, OffConfirmation
from device.link import Inbox
from physioctl.admission import needs_person
from physioctl.answers import read_answers
from physioctl.cli import asking
from physioctl.cli.choosing import chosen
from physioctl.cli.completion import ProtocolName
from physioctl.cli.exits import Exit
from physioctl.cli.printing import aside, json_text, say
from physioctl.cli.reconnect import reconnect
from physioctl.cli.streams import limit_waiting
from physioctl.errors import InvalidUsage
from physioctl.events import Outcome, SessionEnded
from physioctl.network import beyond_this_machine, refuse_unauthenticated, warning
from physioctl.person import reference
from physioctl.ports import dialect_for, held, open_link
from physioctl.record.history import session as recorded
from physioctl.record.journal import Journal, default_path
from physioctl.runner import Request, expect_recorded_in_time, run_session
from physioctl.screening import day_of
from physioctl.screens import BarScreen, DropNotices, JsonLines, Plain, summary, unfinished
from physioctl.terminal import attended, keys, stop_on_signals
from physioctl.wall_clock import confirm
from protocols.model import Protocol, Side

_SIDES = (Side.LEFT, Side.RIGHT)
_CODES = {
    Outcome.COMPLETED: Exit.DONE,
    Outcome.STOPPED: Exit.STOPPED,
    Outcome.INTERRUPTED: Exit.FAULT,
    Outcome.FAILED: Exit.FAULT,
}


@click.command()
@click.argument("protocol", type=ProtocolName())
@click.option(
    "--port", required=True, help="A device path, a COM name, sim://MODEL, socket:// or rfc2217://."
)
@click.option(
    "--dialect",
    metavar="NAME",
    default=NAMES[0],
    show_default=True,
    help=f"{', '.join(NAMES)}, or an added one.",
)
@click.option("--person", metavar="REF", help="A reference for the person treated. Never a name.")
@click.option("--side", type=click.Choice(["left", "right"]), help="Which side of the body.")
@click.option("--answers", type=click.Path(path_type=Path), help="Answers to the screening questions (YAML).")
@click.option(
    "--operator", metavar="REF", help="A reference for who acknowledges what is weighed. Never a name."
)
@click.option("--journal", type=click.Path(path_type=Path), help="Keep the record in this file.")
@click.option("--new", is_flag=True, help="Begin the journal, with the folders it needs.")
@click.option(
    "--continues",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="With --new: link it to this journal, which is to be left behind.",
)
@click.option("--rest-of", metavar="SESSION", help="Give only what this interrupted session has left.")
@click.option(
    "--unauthenticated-network", is_flag=True, help="Treat a person over a line without authentication."
)
@click.option("--plain", is_flag=True, help="Lines instead of a progress bar.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
def run(
    protocol: str,
    port: str,
    dialect: str,
    person: str | None,
    side: str | None,
    answers: Path | None,
    operator: str | None,
    journal: Path | None,
    new: bool,
    continues: Path | None,
    rest_of: str | None,
    unauthenticated_network: bool,
    plain: bool,
    as_json: bool,
) -> int:
    """Run a session on a unit. PROTOCOL is a file or the id of a bundled one.

    At a terminal, Space pauses and resumes; - lowers the level; s or Ctrl-C stops.

    \b
    Examples:
      physioctl run unit-check --port /dev/ttyUSB0
      physioctl run calf-tightness-ultrasound --port COM4 --side left --person P-017 --answers answers.yaml
      physioctl run unit-check --port 'sim://us111?seed=7' --json
      physioctl run unit-check --port '/dev/ttyUSB0#17' --dialect modbus
    """
    found = chosen(protocol)
    spoken = dialect_for(port, dialect)
    line = spoken.promises.line
    if not unauthenticated_network:
        refuse_unauthenticated(port, found)
    if asking.can_ask():  # before a person is asked anything; it is not held while they think
        open_link(port, SimpleQueue(), line=line).close()
    clock = SystemClock()
    by = None if operator is None else reference(operator)
    if rest_of is not None:
        broken = recorded(journal or default_path(), rest_of).summary
        rest_of, person, side = broken.id, person or broken.person, side or _a_side(broken.side)
    person = chosen_person(found, person)
    request = Request(
        protocol=found,
        side=chosen_side(found, side),
        person=person,
        answers=(
            read_answers(answers, found, operator=by)
            if answers
            else asking.answers(found, person=person, operator=by, today=day_of(clock))
        ),
        attended=attended(),
        unauthenticated_network=unauthenticated_network,
        rest_of=rest_of,
        on_unfinished=lambda found: aside(unfinished(found)),
        confirm_host_loss=asking.goes_on_without_host_loss_protection if asking.can_ask() else None,
    )
    inbox: Inbox = SimpleQueue()
    with ExitStack() as stack:
        record = stack.enter_context(Journal.open(journal, clock, new=new, continues=continues))
        if record.begun:  # told at once: whatever follows may be refused, and the name may be mistyped
            limit_waiting()  # for whoever reads what is said
            aside(f"A new journal was begun: {record.name}")
        if asking.can_ask():
            confirm(record, asking.clock_is_right)
        stack.enter_context(stop_on_signals(inbox))  # not before: until here, Ctrl-C ends the program
        link, stops = stack.enter_context(held(port, inbox, line=line))
        if beyond_this_machine(port):
            aside(warning(port))
        observers = [BarScreen() if _wants_bar(plain, as_json) else _lines(as_json), DropNotices(aside)]
        stack.enter_context(keys(inbox))
        driver = Driver(link, clock, inbox, spoken)
        driver.add_observer(stops)
        ended = run_session(request, driver, record, observers)
        if not as_json:
            for said in summary(ended):
                say(said)
        if driver.controller.lost and request.attended and not _ended_by_its_switch_alone(driver):
            ended = _after_the_cable(ended, port, dialect, record, clock, inbox)
    expect_recorded_in_time(ended, driver)
    return exit_code(ended)


def _ended_by_its_switch_alone(driver: Driver) -> bool:
    """Whether nobody should wait for the cable: the unit has to be switched off now."""
    unit = driver.controller.unit
    return unit is not None and unit.declared.host_loss is HostLoss.NONE


def _after_the_cable(
    ended: SessionEnded, port: str, dialect: str, record: Journal, clock: SystemClock, inbox: Inbox
) -> SessionEnded:
    """Wait for the cable; what the unit then says of this session stands beside its end."""
    aside("Plug the cable in again: the unit will be asked what it did. s or Ctrl-C leaves it.")
    found = reconnect(port, dialect, record, clock, inbox)
    for broken in found:
        aside(unfinished(broken))
    output_off = next(
        (broken.output_off for broken in found if broken.session == ended.session), ended.output_off
    )
    return replace(ended, output_off=output_off)


def exit_code(ended: SessionEnded) -> Exit:
    """The exit code: that output off was not confirmed comes before how the session ended."""
    if ended.output_off is not OffConfirmation.CONFIRMED:
        return Exit.OUTPUT_NOT_CONFIRMED_OFF
    return _CODES[ended.outcome]


def _a_side(side: str) -> str | None:
    return side if side in ("left", "right") else None


def chosen_person(protocol: Protocol, person: str | None) -> str | None:
    """The person's reference in its one form, asked for at a terminal where the protocol needs one."""
    if person is None and needs_person(protocol) and asking.can_ask():
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


def _wants_bar(plain: bool, as_json: bool) -> bool:
    return not plain and not as_json and sys.stdout.isatty()


def _lines(as_json: bool) -> Observer:
    return JsonLines(json_text) if as_json else Plain(say)
