"""A session at the command line: its record, port, keys and screen, from the request to the exit code.

What is asked before a request can be made is in `physioctl.cli.run`.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, replace
from enum import Enum, auto
from functools import partial
from pathlib import Path
from queue import SimpleQueue

from device.clock import SystemClock
from device.control.driver import Driver
from device.dialects.base import HostLoss
from device.events import Observer, OffConfirmation
from device.link import Inbox
from physioctl.awake import kept_awake
from physioctl.cli import asking
from physioctl.cli.exits import Exit
from physioctl.cli.printing import aside, json_text, ring, say, typing
from physioctl.cli.reconnect import reconnect
from physioctl.cli.streams import limit_waiting
from physioctl.events import Outcome, SessionEnded
from physioctl.network import beyond_this_machine, warning
from physioctl.ports import dialect_for, held
from physioctl.record.journal import Journal
from physioctl.runner import Request, run_session
from physioctl.screens.bar import BarScreen
from physioctl.screens.json_lines import JsonLines
from physioctl.screens.lines import DropNotices, InTurn, Plain
from physioctl.screens.prompts import Prompts
from physioctl.screens.sounds import Bell
from physioctl.screens.wording import summary, unfinished
from physioctl.terminal import attended, keys, stop_on_signals
from physioctl.wall_clock import confirm

_CODES = {
    Outcome.COMPLETED: Exit.DONE,
    Outcome.STOPPED: Exit.STOPPED,
    Outcome.INTERRUPTED: Exit.FAULT,
    Outcome.FAILED: Exit.FAULT,
}


class View(Enum):
    """How a session is shown on standard output."""

    BAR = auto()
    LINES = auto()
    JSON = auto()

    @classmethod
    def chosen(cls, *, plain: bool, as_json: bool) -> View:
        """The view that the options and standard output ask for."""
        if as_json:
            return cls.JSON
        return cls.BAR if not plain and sys.stdout.isatty() else cls.LINES


@dataclass(frozen=True, slots=True)
class Place:
    """The unit that gives a session, and the journal that records it."""

    port: str
    dialect: str
    journal: Path | None = None  # None: the usual one
    new: bool = False  # begin the journal
    continues: Path | None = None  # the journal that the new one is linked to


def hold_session(
    request: Request, place: Place, view: View, *, yes: bool = False, sounds: bool = True
) -> Exit:
    """Run the session of ``request`` on the unit of ``place``, and show it; return the exit code.

    Where somebody is at a terminal, nothing is output before they press Space, unless ``yes``: that is the
    start key, and answers no question. ``sounds`` says whether the terminal's bell rings.

    Raise what `physioctl.runner.run_session`, the journal and the port raise.
    """
    inbox: Inbox = SimpleQueue()
    clock = SystemClock()
    spoken = dialect_for(place.port, place.dialect)
    with ExitStack() as stack:
        record = stack.enter_context(
            Journal.open(place.journal, clock, new=place.new, continues=place.continues)
        )
        if record.begun:  # told at once: whatever follows may be refused, and the name may be mistyped
            limit_waiting()  # for whoever reads what is said
            aside(f"A new journal was begun: {record.name}")
        if asking.can_ask():
            confirm(record, asking.clock_is_right)
        sleep_not_prevented = stack.enter_context(kept_awake())
        signals = stack.enter_context(
            stop_on_signals(inbox)
        )  # not before: until here, Ctrl-C ends the program
        link, stops = stack.enter_context(held(place.port, inbox, line=spoken.promises.line))
        if beyond_this_machine(place.port):
            aside(warning(place.port))
        shown = _Shown(view, attended=attended(), sounds=sounds)
        at_the_keys = stack.enter_context(keys(inbox, shown.typing))

        def goes_on(told: str) -> bool:
            with at_the_keys.released():
                return asking.goes_on_without_host_loss_protection(told)

        def asks_pain() -> bool:
            """Not where the stop came from a signal or another program: nothing may delay the end then."""
            stopped_here = at_the_keys.stopped or not driver.controller.halted
            return stopped_here and not signals.received and not at_the_keys.closed

        request = replace(
            request,
            attended=attended(),
            awaits_start=attended() and not yes,
            sleep_not_prevented=sleep_not_prevented,
            on_unfinished=lambda found: aside(unfinished(found)),
            confirm_host_loss=goes_on if asking.can_ask() and not yes else None,
        )
        if request.person is not None and attended():
            request = replace(request, asks_pain=asks_pain)
        driver = Driver(link, clock, inbox, spoken)
        driver.add_observer(stops)
        driver.add_observer(at_the_keys)
        ended = run_session(request, driver, record, [*shown.observers, DropNotices(aside)])
        if view is not View.JSON:
            for said in summary(ended):
                say(said)
        if driver.controller.lost and request.attended and not _ended_by_its_switch_alone(driver):
            ended = _after_the_cable(ended, place, record, clock, inbox)
    return exit_code(ended)


def exit_code(ended: SessionEnded) -> Exit:
    """The exit code: that output off was not confirmed comes before how the session ended."""
    if ended.output_off is not OffConfirmation.CONFIRMED:
        return Exit.OUTPUT_NOT_CONFIRMED_OFF
    return _CODES[ended.outcome]


class _Shown:
    """What a session is shown by: its screen, what the person at the keys is told, and the bell."""

    def __init__(self, view: View, *, attended: bool, sounds: bool) -> None:
        self.typing: Callable[[str], None] = typing
        self.observers: list[Observer] = []
        if view is View.BAR:
            bar = BarScreen(keys=attended, sounds=sounds)
            self.typing = partial(setattr, bar.typing, "text")
            self.observers.append(bar)
        elif view is View.LINES and sys.stdout.isatty():
            prompts = [Prompts(say, sounds=sounds)] if attended else []
            self.observers.append(InTurn([Plain(say), *prompts]))
        else:
            self.observers.append(JsonLines(json_text) if view is View.JSON else Plain(say))
            if attended:
                self.observers.append(Prompts(aside, sounds=sounds))
        if attended and sounds:
            self.observers.append(Bell(ring))


def _ended_by_its_switch_alone(driver: Driver) -> bool:
    """Whether nobody should wait for the cable: the unit has to be switched off now."""
    unit = driver.controller.unit
    return unit is not None and unit.declared.host_loss is HostLoss.NONE


def _after_the_cable(
    ended: SessionEnded, place: Place, record: Journal, clock: SystemClock, inbox: Inbox
) -> SessionEnded:
    """Wait for the cable; what the unit then says of this session stands beside its end."""
    aside("Plug the cable in again: the unit will be asked what it did. s or Ctrl-C leaves it.")
    found = reconnect(place.port, place.dialect, record, clock, inbox)
    for broken in found:
        aside(unfinished(broken))
    output_off = next(
        (broken.output_off for broken in found if broken.session == ended.session), ended.output_off
    )
    return replace(ended, output_off=output_off)
