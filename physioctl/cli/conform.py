"""``physioctl conform``: whether a unit keeps the promises of docs/wire.md or docs/modbus.md."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from queue import SimpleQueue

import click

from device.address import unit_port
from device.clock import SystemClock
from device.events import OffConfirmation, StopOutcome
from device.link import Inbox
from physioctl.cli import asking
from physioctl.cli.exits import Exit
from physioctl.cli.printing import JSON, aside, json_line, say
from physioctl.conformance.certificate import Certificate, Examiner, end, head, line, row, text
from physioctl.conformance.outcomes import Mark, Outcome
from physioctl.conformance.suites import DIALECTS, suite_for
from physioctl.errors import InvalidUsage
from physioctl.ports import dialect_for, held
from physioctl.screens.wording import OUTPUT_OFF
from physioctl.terminal import stop_on_signals
from protocols.errors import Refused
from protocols.families import definition
from protocols.limits import Family

SEEDS = 1 << 32
NOBODY = "--nobody-is-treated"


@click.command()
@click.option(
    "--port",
    metavar="PORT",
    required=True,
    help="A device path, a COM name, sim://, socket:// or rfc2217://.",
)
@click.option(
    "--dialect",
    metavar="NAME",
    default=DIALECTS[0],
    show_default=True,
    help=f"How the unit speaks: {' or '.join(DIALECTS)}.",
)
@JSON
@click.option(
    "--html", type=click.Path(path_type=Path), metavar="FILE", help="Write the certificate here, as a page."
)
@click.option("--force", is_flag=True, help="Replace a file that is there.")
@click.option(
    "--seed", metavar="N", type=click.IntRange(0, SEEDS - 1), help="Of the values tried.  [default: drawn]"
)
@click.option(
    "--wait",
    "wait_s",
    metavar="SECONDS",
    type=click.IntRange(0, 50),
    help="For each thing that only a person can bring about.  [default: 30 at a terminal, else 0]",
)
@click.option(NOBODY, "nobody", is_flag=True, help="Nobody is treated: examine it without asking.")
def conform(
    port: str,
    dialect: str,
    as_json: bool,
    html: Path | None,
    force: bool,
    seed: int | None,
    wait_s: int | None,
    nobody: bool,
) -> int:
    """Examine whether a unit keeps the promises of its dialect.

    It gives output, at the unit's lowest level and for some seconds at a time, and it asks for what has to
    be refused. Nobody may be treated meanwhile. Ctrl-C ends it, and the output with it.

    \b
    The exit code is
      0  no clause failed
      5  the unit or its port cannot be used
      6  stopped
      7  a clause failed
      8  output is not confirmed off

    \b
    Examples:
      physioctl conform --port /dev/ttyUSB0
      physioctl conform --port /dev/ttyUSB0#17 \\
        --dialect modbus
      physioctl conform --port socket://127.0.0.1:4001 \\
        --nobody-is-treated --json
    """
    if dialect not in DIALECTS:
        raise InvalidUsage(
            f"conformance is examined in the dialects {' and '.join(DIALECTS)}, and not in {dialect}",
            f"Name one of them: --dialect {DIALECTS[-1]}",
        )
    spoken = dialect_for(port, dialect)
    if html is not None:
        from physioctl.record.report.files import expect_writable

        expect_writable(html, force=force, option="--html")
    can_ask = asking.can_ask()
    if not nobody and not can_ask:
        raise Refused(
            "nobody has said that nobody is treated, and nobody can be asked here",
            f"Add {NOBODY} where that is so.",
        )
    wait_s = wait_s if wait_s is not None else 30 * can_ask
    inbox: Inbox = SimpleQueue()
    clock = SystemClock()
    with ExitStack() as stack:
        link, stops = stack.enter_context(held(port, inbox, line=spoken.promises.line))
        examiner = Examiner(
            link,
            clock,
            inbox,
            suite_for(dialect, unit_port(port).address),
            seed=secrets.randbelow(SEEDS) if seed is None else seed,
            wait_ms=wait_s * 1000,
            tell=aside,
        )
        examiner.meet()
        family = Family[examiner.host.identity.family.name]
        aside(definition(family).before_check)
        if dialect != DIALECTS[0]:
            aside("Stops for every unit on the line are sent, too: nobody may be treated with any of them.")
        if examiner.host.ends_by_itself is None:
            aside("Without a host its output ends by nothing but its own switch: stay beside it.")
        if not nobody:
            _ask(examiner)
        stack.enter_context(stop_on_signals(inbox))
        if as_json:
            json_line(head(examiner.certificate()))
        began_ms = clock.now_ms()
        certificate = examiner.examine(_shown(as_json))
        stops.on_event(
            StopOutcome(
                at_ms=clock.now_ms(), output_off=certificate.output_off, took_ms=clock.now_ms() - began_ms
            )
        )
    code = exit_code(certificate)
    _say(certificate, code, as_json)
    if html is not None:
        from physioctl.conformance.page import page
        from physioctl.record.report.files import write_whole

        write_whole(html, page(certificate), force=force, option="--html")
        aside(f"The certificate is in {html.absolute()}")
    return code


def _ask(examiner: Examiner) -> None:
    """Have the unit's serial number typed; raise `Refused` where another text is."""
    aside(f"This gives output on {examiner.unit}, and asks it for what it has to refuse.")
    typed = asking.text("Nobody is treated with it? Then type its serial number")
    if typed != examiner.serial:
        raise Refused(
            f"that is not {examiner.serial}", "Nothing was output. Start it again once nobody is treated."
        )


def _shown(as_json: bool) -> Callable[[Outcome], None]:
    if as_json:
        return lambda outcome: json_line(row(outcome))
    return lambda outcome: say(line(outcome))


def _say(certificate: Certificate, code: int, as_json: bool) -> None:
    if as_json:
        json_line(end(certificate, code))
    else:
        for each in text(certificate):
            say(each)
        say(OUTPUT_OFF[certificate.output_off])
    if code == Exit.OUTPUT_NOT_CONFIRMED_OFF:
        aside("error: output is not confirmed off")
        aside("  to do: Switch the unit off now.")


def exit_code(certificate: Certificate) -> int:
    """What other programs are told of it: the highest concern."""
    if certificate.output_off is not OffConfirmation.CONFIRMED:
        return Exit.OUTPUT_NOT_CONFIRMED_OFF
    if certificate.count(Mark.FAIL):
        return Exit.FAULT
    if certificate.interrupted:
        return Exit.STOPPED
    return Exit.UNIT_UNUSABLE if certificate.ended_early else Exit.DONE
