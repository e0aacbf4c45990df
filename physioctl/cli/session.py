"""A session at the command line: its record, port, keys and screen, from the request to the exit code.

What is asked before a request can be made is in `physioctl.cli.run`.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace
from functools import partial
from queue import SimpleQueue
from typing import TYPE_CHECKING

from device.address import is_network, is_simulated
from device.clock import SystemClock
from device.control.driver import Driver
from device.dialects.base import Dialect, HostLoss, Identity
from device.events import OffConfirmation
from device.link import Inbox, Link
from physioctl.awake import kept_awake
from physioctl.cli import asking
from physioctl.cli.attending import Attending
from physioctl.cli.exits import Exit
from physioctl.cli.place import Place, opened
from physioctl.cli.printing import aside
from physioctl.cli.reconnect import Socket, reconnect
from physioctl.cli.rest import Typed
from physioctl.cli.settled import Settled
from physioctl.cli.showing import View
from physioctl.cli.streams import limit_waiting
from physioctl.events import Outcome, SessionEnded, SessionReconciled
from physioctl.guidance import run_guidance
from physioctl.guidance_steps import Loop
from physioctl.network import beyond_this_machine, warning
from physioctl.ports import dialect_for, held
from physioctl.record.journal import Journal
from physioctl.runner import Request, expect_recorded_in_time, run_session
from physioctl.terminal import stop_on_signals
from protocols.errors import PhysioctlError

if TYPE_CHECKING:  # a session without a trace does without
    from physioctl.trace.recording import PortKind

_CODES = {
    Outcome.COMPLETED: Exit.DONE,
    Outcome.STOPPED: Exit.STOPPED,
    Outcome.INTERRUPTED: Exit.FAULT,
    Outcome.FAILED: Exit.FAULT,
}


def hold_session(
    request: Request,
    place: Place,
    view: View,
    typed: Typed | None = None,
    *,
    yes: bool = False,
    sounds: bool = True,
) -> Exit:
    """Run the session of ``request`` on the unit of ``place``, and show it; return the exit code.

    ``typed`` is what it was asked for with, for the command that gives its rest.
    Where somebody is at a terminal, nothing is output before they press Space, unless ``yes``: that is the
    start key, and answers no question. ``sounds`` says whether the terminal's bell rings.

    Raise what `physioctl.runner.run_session`, the journal and the port raise.
    """
    inbox: Inbox = SimpleQueue()
    clock = SystemClock()
    spoken = dialect_for(place.port, place.dialect)
    with ExitStack() as stack:
        record = stack.enter_context(opened(place, clock))
        sleep_not_prevented = stack.enter_context(kept_awake())
        # Not before: until here, Ctrl-C ends the program.
        signals = stack.enter_context(stop_on_signals(inbox))
        link, stops = stack.enter_context(held(place.port, inbox, line=spoken.promises.line))
        if beyond_this_machine(place.port):
            aside(warning(place.port))
        afterwards = stack.enter_context(ExitStack())
        here = stack.enter_context(Attending(view, clock, inbox, signals, sounds=sounds))
        driver = _driver(place, link, clock, inbox, spoken, stack)
        driver.add_observer(stops)
        driver.add_observer(here.keys)
        typed = typed or Typed(request.protocol.id, journal=place.journal)
        settled = Settled(
            here.showing, typed, place, request.protocol, afterwards if view is View.FULL else None
        )
        stack.callback(settled.flush)  # what no session's first line has come before, or after its last
        request = replace(request, sleep_not_prevented=sleep_not_prevented, on_unfinished=settled.tell)
        socket = Socket.noted(place.port, place.dialect)
        ended = _run_shown(request, driver, record, settled, here, yes=yes)
        if here.attended:
            ended = _settled_with_a_person(ended, driver, socket, settled, request, record)
    expect_recorded_in_time(ended, driver.controller.overdue.record_failure)
    return exit_code(ended)


def _driver(
    place: Place, link: Link, clock: SystemClock, inbox: Inbox, spoken: Dialect, stack: ExitStack
) -> Driver:
    """What drives the unit; it keeps a trace for as long as ``stack`` lasts, where ``place`` names one."""
    if place.trace is None:
        return Driver(link, clock, inbox, spoken)
    from physioctl.trace.recording import TracedDriver
    from physioctl.trace.writing import writing

    keeper = stack.enter_context(
        writing(place.trace, replace=place.replace_trace, in_thread=True, tell=aside)
    )
    kind: PortKind = "serial"
    if is_simulated(place.port):
        kind = "simulated"
    elif is_network(place.port):
        kind = "network"
    return TracedDriver(link, clock, inbox, spoken, keeper=keeper, kind=kind)


def _run_shown(
    request: Request, driver: Driver, record: Journal, settled: Settled, here: Attending, *, yes: bool
) -> SessionEnded:
    """Run the session before whoever is here, and close its screen."""

    def ended_here() -> bool:
        """Not where the stop came from a signal or another program: nothing may delay the end then."""
        return here.goes_on_being_here() and (here.keys.stopped or not driver.controller.actions.halted)

    can_ask = asking.can_ask() and not yes
    asks_host_loss = asking.goes_on_without_host_loss_protection
    asks_generic = asking.goes_on_with_a_generic_nameplate
    request = replace(
        here.asked_for(request, yes=yes, ended_here=ended_here),
        confirm_host_loss=partial(_goes_on, here, asks_host_loss) if can_ask else None,
        confirm_generic=partial(_goes_on, here, asks_generic) if can_ask else None,
    )
    ended = run_session(request, driver, record, [settled, *here.beside])
    if ended_here() and not driver.controller.lost:
        here.until_seen()
    here.close_screen(ended, unit=True)
    return ended


def _goes_on(here: Attending, asks: Callable[[str], bool], told: str) -> bool:
    """Whether the person goes on with the unit, as ``asks`` puts it."""
    with here.keys.released():
        return asks(told)


def _settled_with_a_person(
    ended: SessionEnded, driver: Driver, socket: Socket, settled: Settled, request: Request, record: Journal
) -> SessionEnded:
    """After a lost cable, wait for it; after a session that has a rest, say how that is given."""
    unit = driver.controller.unit
    # Where nothing but its own switch ends output, nobody should wait: it has to be switched off now.
    if driver.controller.lost and unit is not None and unit.declared.host_loss is not HostLoss.NONE:
        return after_the_cable(ended, socket, unit.identity, settled.tell, record, driver.inbox)
    if _has_a_rest(ended):
        settled.tell_rest(request.protocol.id, ended.session, socket.port)
    return ended


def hold_guidance(
    request: Request, place: Place, view: View, *, yes: bool = False, sounds: bool = True
) -> Exit:
    """Run the session of guidance that ``request`` asks for, without a unit; return the exit code.

    It begins, and is shown, as one on a unit is. Raise what `physioctl.guidance.run_guidance` and the
    journal raise.
    """
    if place.trace is not None:
        aside("Guidance alone has no unit, and no bytes: no trace is written.")
    inbox: Inbox = SimpleQueue()
    clock = SystemClock()
    loop = Loop(clock, inbox)
    with ExitStack() as stack:
        record = stack.enter_context(opened(place, clock))
        sleep_not_prevented = stack.enter_context(kept_awake())
        signals = stack.enter_context(stop_on_signals(inbox))
        limit_waiting()  # for whoever reads what is said
        here = stack.enter_context(Attending(view, clock, inbox, signals, sounds=sounds))
        request = replace(
            here.asked_for(request, yes=yes, ended_here=here.goes_on_being_here),
            sleep_not_prevented=sleep_not_prevented,
        )
        ended = run_guidance(request, loop, record, [here.showing.screen, here.keys, *here.beside])
        if here.goes_on_being_here():
            here.until_seen()
        here.close_screen(ended, unit=False)
    expect_recorded_in_time(ended, loop.record_failure)
    return exit_code(ended)


def exit_code(ended: SessionEnded) -> Exit:
    """The exit code: that output off was not confirmed comes before how the session ended."""
    if ended.output_off is not OffConfirmation.CONFIRMED:
        return Exit.OUTPUT_NOT_CONFIRMED_OFF
    return _CODES[ended.outcome]


def after_the_cable(
    ended: SessionEnded,
    socket: Socket,
    identity: Identity,
    tell: Callable[[SessionReconciled, str], None],
    record: Journal,
    inbox: Inbox,
) -> SessionEnded:
    """Wait for the cable; what the unit then says of this session stands beside its end.

    Raise what `reconnect` raises, where output was confirmed off before; else it is said alone: that output
    off is not confirmed comes before it.
    """
    aside("Plug the cable in again, at any port: the unit will be asked what it did. s or Ctrl-C leaves it.")
    try:
        back = reconnect(socket, identity, record, record.clock, inbox)
    except PhysioctlError as error:
        if ended.output_off is OffConfirmation.CONFIRMED:
            raise
        aside(f"error: {error.what}")
        aside(f"  to do: {error.action}")
        return ended
    if back is None:
        unit = f"{identity.model} {identity.serial}"
        aside(f"{unit} has not come back. It will be asked what it did before the next session on it.")
        return ended
    aside(f"{identity.model} {identity.serial} is back on {back.port}.")
    for broken in back.found:
        tell(broken, back.port)
    output_off = next(
        (broken.output_off for broken in back.found if broken.session == ended.session), ended.output_off
    )
    return replace(ended, output_off=output_off)


def _has_a_rest(ended: SessionEnded) -> bool:
    """Whether some of the session has been given, and some has not."""
    broke_off = ended.outcome in (Outcome.STOPPED, Outcome.INTERRUPTED)
    return broke_off and 0 < ended.delivered_ms < ended.planned_ms
