"""A session at the command line: its record, port, keys and screen, from the request to the exit code.

What is asked before a request can be made is in `physioctl.cli.run`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from queue import SimpleQueue

from device.clock import Clock, SystemClock
from device.control.driver import Driver
from device.dialects.base import HostLoss, Identity
from device.events import Event, OffConfirmation
from device.link import Inbox
from device.operator import Lower, Note, Pain, SessionAction
from device.publisher import name_of
from physioctl.awake import kept_awake
from physioctl.cli import asking
from physioctl.cli.exits import Exit
from physioctl.cli.printing import aside, aside_to_paste, say
from physioctl.cli.reconnect import Socket, reconnect
from physioctl.cli.rest import Typed, rest_command
from physioctl.cli.showing import Shown, View, shown
from physioctl.cli.streams import limit_waiting
from physioctl.events import Outcome, SessionEnded, SessionReconciled, SessionStarted
from physioctl.guidance import run_guidance
from physioctl.network import beyond_this_machine, warning
from physioctl.ports import dialect_for, held
from physioctl.record.journal import Journal
from physioctl.runner import Request, expect_recorded_in_time, run_session
from physioctl.screens.json_lines import JsonLines
from physioctl.screens.lines import DropNotices
from physioctl.screens.wording import has_rest, summary, unfinished
from physioctl.terminal import attended, keys, stop_on_signals
from physioctl.wall_clock import confirm
from protocols.errors import PhysioctlError
from protocols.model import Protocol

SEEN_MS = 60_000  # for the end of a session on the full screen; this project's own figure
SEEN_GLANCE_MS = 500  # how soon it is noticed that the screen has failed
_CODES = {
    Outcome.COMPLETED: Exit.DONE,
    Outcome.STOPPED: Exit.STOPPED,
    Outcome.INTERRUPTED: Exit.FAULT,
    Outcome.FAILED: Exit.FAULT,
}


@dataclass(frozen=True, slots=True)
class Place:
    """The unit that gives a session, and the journal that records it."""

    port: str
    dialect: str
    journal: Path | None = None  # None: the usual one
    new: bool = False  # begin the journal
    continues: Path | None = None  # the journal that the new one is linked to


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
        screens = stack.enter_context(ExitStack())
        showing = screens.enter_context(shown(view, clock, attended=attended(), sounds=sounds))
        at_the_keys = stack.enter_context(keys(inbox, showing.typing))

        def goes_on(told: str) -> bool:
            with at_the_keys.released():
                return asking.goes_on_without_host_loss_protection(told)

        typed = typed or Typed(request.protocol.id, journal=place.journal)
        settled = _Settled(showing, typed, place, request.protocol, afterwards if view is View.FULL else None)
        stack.callback(settled.flush)  # what no session's first line has come before, or after its last

        def ended_here() -> bool:
            """Not where the stop came from a signal or another program: nothing may delay the end then."""
            stopped_here = at_the_keys.stopped or not driver.controller.actions.halted
            return stopped_here and not signals.received and not at_the_keys.closed

        request = replace(
            request,
            attended=attended(),
            awaits_start=attended() and not yes,
            sleep_not_prevented=sleep_not_prevented,
            on_unfinished=settled.tell,
            confirm_host_loss=goes_on if asking.can_ask() and not yes else None,
        )
        if request.person is not None and attended():
            request = replace(request, asks_pain=ended_here)
        driver = Driver(link, clock, inbox, spoken)
        driver.add_observer(stops)
        driver.add_observer(at_the_keys)
        socket = Socket.noted(place.port, place.dialect)
        observers = [settled, *showing.beside, DropNotices(showing.notify)]
        ended = run_session(request, driver, record, observers)
        if showing.stays() and ended_here() and not driver.controller.lost:
            _until_seen(clock, inbox, showing.stays)
        screens.close()  # what is said from here on stands on the terminal as it was before
        if view is not View.JSON:
            for said in summary(ended):
                say(said)
        waits = driver.controller.lost and request.attended and not _ended_by_its_switch_alone(driver)
        if waits and (unit := driver.controller.unit) is not None:
            ended = after_the_cable(ended, socket, unit.identity, settled.tell, record, inbox)
        elif request.attended and _has_a_rest(ended):
            settled.tell_rest(request.protocol.id, ended.session, place.port)
    expect_recorded_in_time(ended, driver)
    return exit_code(ended)


def _until_seen(clock: Clock, inbox: Inbox, stays: Callable[[], bool]) -> None:
    """Leave the end of a session on the full screen, to be read from the couch, until a key is pressed."""
    give_up_ms = clock.now_ms() + SEEN_MS
    while (now_ms := clock.now_ms()) < give_up_ms and stays():
        news = clock.wait(inbox, now_ms + SEEN_GLANCE_MS)
        if isinstance(news, SessionAction | Lower | Note | Pain):
            return


class _Settled:
    """The screen, and what became of sessions that broke off on the unit.

    A person is told of that at once, but for the command for the rest: where a screen has the whole terminal,
    it is printed ``afterwards``, to be pasted. Among JSON lines it stands behind the session's first one, and
    what comes to be known after the session behind its last.
    """

    def __init__(
        self, showing: Shown, typed: Typed, place: Place, protocol: Protocol, afterwards: ExitStack | None
    ) -> None:
        self._screen = showing.screen
        self._notify = showing.notify
        self._afterwards = afterwards
        self.name = name_of(showing.screen)
        self._as_json = isinstance(showing.screen, JsonLines)
        self._typed = typed
        self._place = place
        self._protocol = protocol
        self._waiting: list[SessionReconciled] = []

    def on_event(self, event: Event) -> None:
        """Show ``event``."""
        self._screen.on_event(event)
        if isinstance(event, SessionStarted):
            self.flush()

    def tell(self, found: SessionReconciled, port: str | None = None) -> None:
        """Tell a person of ``found``, and whoever reads JSON at the next `flush`."""
        self._notify(unfinished(found, rest=False))
        of = (found.protocol, found.session, port or self._place.port)
        if has_rest(found) and self._afterwards is not None:
            self._afterwards.callback(self.tell_rest, *of)
        elif has_rest(found):
            self.tell_rest(*of)
        if self._as_json:
            self._waiting.append(found)

    def flush(self) -> None:
        """Print as JSON what waits to be told."""
        while self._waiting:
            self._screen.on_event(self._waiting.pop(0))

    def tell_rest(self, protocol: str, session: str, port: str) -> None:
        """Print the command that gives the rest of ``session``, on a line of its own."""
        own = protocol == self._protocol.id
        typed = self._typed if own else replace(self._typed, protocol=protocol, answers=None)
        aside("To give the rest:")
        aside_to_paste(rest_command(typed, session, port, self._place.dialect))


def hold_guidance(request: Request, place: Place, view: View, *, sounds: bool = True) -> Exit:
    """Run the session of guidance that ``request`` asks for, without a unit; return the exit code.

    Raise what `physioctl.guidance.run_guidance` and the journal raise.
    """
    inbox: Inbox = SimpleQueue()
    clock = SystemClock()
    with ExitStack() as stack:
        record = stack.enter_context(opened(place, clock))
        stack.enter_context(stop_on_signals(inbox))
        limit_waiting()  # for whoever reads what is said
        screens = stack.enter_context(ExitStack())
        showing = screens.enter_context(shown(view, clock, attended=attended(), sounds=sounds))
        at_the_keys = stack.enter_context(keys(inbox, showing.typing))
        request = replace(request, attended=attended())
        observers = [showing.screen, *showing.beside, at_the_keys, DropNotices(showing.notify)]
        ended = run_guidance(request, clock, inbox, record, observers)
        screens.close()  # what is said from here on stands on the terminal as it was before
        if view is not View.JSON:
            for said in summary(ended, unit=False):
                say(said)
    return exit_code(ended)


@contextmanager
def opened(place: Place, clock: SystemClock) -> Iterator[Journal]:
    """The journal of ``place``. Whoever is there has been asked about a time of day that is in doubt."""
    with Journal.open(place.journal, clock, new=place.new, continues=place.continues) as record:
        if record.begun:  # told at once: whatever follows may be refused, and the name may be mistyped
            limit_waiting()  # for whoever reads what is said
            aside(f"A new journal was begun: {record.name}")
        if asking.can_ask():
            confirm(record, asking.clock_is_right)
        yield record


def exit_code(ended: SessionEnded) -> Exit:
    """The exit code: that output off was not confirmed comes before how the session ended."""
    if ended.output_off is not OffConfirmation.CONFIRMED:
        return Exit.OUTPUT_NOT_CONFIRMED_OFF
    return _CODES[ended.outcome]


def _ended_by_its_switch_alone(driver: Driver) -> bool:
    """Whether nobody should wait for the cable: the unit has to be switched off now."""
    unit = driver.controller.unit
    return unit is not None and unit.declared.host_loss is HostLoss.NONE


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
