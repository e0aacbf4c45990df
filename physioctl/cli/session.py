"""A session at the command line: its record, port, keys and screen, from the request to the exit code.

What is asked before a request can be made is in `physioctl.cli.run`.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from enum import Enum, auto
from pathlib import Path
from queue import SimpleQueue

from device.clock import Clock, SystemClock
from device.control.driver import Driver
from device.dialects.base import HostLoss
from device.events import Observer, OffConfirmation
from device.link import Inbox
from physioctl.cli import asking
from physioctl.cli.exits import Exit
from physioctl.cli.printing import aside, json_text, say
from physioctl.cli.reconnect import reconnect
from physioctl.cli.streams import limit_waiting
from physioctl.events import Outcome, SessionEnded
from physioctl.network import beyond_this_machine, warning
from physioctl.ports import dialect_for, held
from physioctl.record.journal import Journal
from physioctl.runner import Request, run_session
from physioctl.screens.bar import BarScreen
from physioctl.screens.json_lines import JsonLines
from physioctl.screens.lines import DropNotices, Plain
from physioctl.screens.wording import summary, unfinished
from physioctl.terminal import attended, has_full_screen, keys, stop_on_signals
from physioctl.wall_clock import confirm

_CODES = {
    Outcome.COMPLETED: Exit.DONE,
    Outcome.STOPPED: Exit.STOPPED,
    Outcome.INTERRUPTED: Exit.FAULT,
    Outcome.FAILED: Exit.FAULT,
}


class View(Enum):
    """How a session is shown on standard output."""

    FULL = auto()
    BAR = auto()
    LINES = auto()
    JSON = auto()

    @classmethod
    def chosen(cls, *, plain: bool, as_json: bool) -> View:
        """The view that the options and standard output ask for."""
        if as_json:
            return cls.JSON
        if plain or not sys.stdout.isatty():
            return cls.LINES
        return cls.FULL if attended() and has_full_screen() else cls.BAR


@dataclass(frozen=True, slots=True)
class Place:
    """The unit that gives a session, and the journal that records it."""

    port: str
    dialect: str
    journal: Path | None = None  # None: the usual one
    new: bool = False  # begin the journal
    continues: Path | None = None  # the journal that the new one is linked to


def hold_session(request: Request, place: Place, view: View) -> Exit:
    """Run the session of ``request`` on the unit of ``place``, and show it; return the exit code.

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
        stack.enter_context(stop_on_signals(inbox))  # not before: until here, Ctrl-C ends the program
        link, stops = stack.enter_context(held(place.port, inbox, line=spoken.promises.line))
        if beyond_this_machine(place.port):
            aside(warning(place.port))
        typing = stack.enter_context(keys(inbox))

        def goes_on(told: str) -> bool:
            with typing.released():
                return asking.goes_on_without_host_loss_protection(told)

        request = replace(
            request,
            attended=attended(),
            on_unfinished=lambda found: aside(unfinished(found)),
            confirm_host_loss=goes_on if asking.can_ask() else None,
        )
        driver = Driver(link, clock, inbox, spoken)
        driver.add_observer(stops)
        with _shown(view, clock) as observers:
            ended = run_session(request, driver, record, observers)
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


@contextmanager
def _shown(view: View, clock: Clock) -> Iterator[list[Observer]]:
    """What shows the session; a screen that takes the whole terminal gives it back when the block is left."""
    if view is View.FULL:
        from physioctl.screens.tui.process import FullScreen  # ptys are things of POSIX

        with FullScreen(say, clock, no_color="NO_COLOR" in os.environ) as screen:
            yield [screen, DropNotices(screen.say)]
    elif view is View.BAR:
        yield [BarScreen(), DropNotices(aside)]
    else:
        yield [JsonLines(json_text) if view is View.JSON else Plain(say), DropNotices(aside)]


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
