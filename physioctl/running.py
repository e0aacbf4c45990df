"""A session that runs in a thread of its own, and what a script does with it meanwhile."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from queue import Empty

from device.clock import SystemClock
from device.control.driver import Driver
from device.errors import LinkLost
from device.events import Event, Observer, OffConfirmation, StopOutcome
from device.link import Inbox
from device.operator import ActedBy, Lower, Note, OperatorAction, Pain, SessionAction, objection
from physioctl.awake import kept_awake
from physioctl.errors import InvalidUsage
from physioctl.events import SessionEnded, SessionReconciled, SessionStarted
from physioctl.person import reference
from physioctl.record.journal import Journal
from physioctl.runner import Request, run_session
from protocols import quantity
from protocols.errors import InvalidValue
from protocols.families import definition

STOP_KNOWN_S = 5.0  # for what is known of the output after a stop; this project's own figure
WAIT_S = 0.1  # at a time: Python sees a signal that came just before a wait only after it; our own figure
_OPERATOR = "operator"


class RunningSession:
    """A session on a unit, from `physioctl.ConnectedUnit.start` to its end. Any thread may use it.

    ``by`` and ``operator`` are pseudonymous references, as a person's. After the end `stop` does nothing, and
    every other action raises `InvalidUsage`; so does everything in a process that was forked from this one.
    """

    def __init__(
        self, request: Request, driver: Driver, journal: Path | None, observers: Sequence[Observer] = ()
    ) -> None:
        self._request = replace(request, on_unfinished=self._settled)
        self._driver = driver
        self._journal = journal
        self._observers = observers
        self._process = os.getpid()
        self._events: list[Event] = []
        self._reconciled: list[SessionReconciled] = []
        self._ended: SessionEnded | None = None
        self._error: BaseException | None = None
        self._over = False
        self._stop_asked = False
        self._stopped: OffConfirmation | None = None  # what was known after a stop
        self._changed = threading.Condition()
        self._thread = threading.Thread(target=self._run, name=f"session on {driver.link.name}", daemon=True)

    # --- what is known of it --------------------------------------------------------------------------

    @property
    def running(self) -> bool:
        """Whether it goes on."""
        return self._thread.is_alive() and not self._over

    @property
    def started(self) -> SessionStarted:
        """Its first event: its id, what is given, to whom and by which unit."""
        first = self._events[0]
        assert isinstance(first, SessionStarted)  # the runner tells it before any other
        return first

    @property
    def id(self) -> str:
        """Its id in the journal."""
        return self.started.session

    @property
    def reconciled(self) -> tuple[SessionReconciled, ...]:
        """Sessions on this unit that had broken off before, and what the unit has counted of them."""
        return tuple(self._reconciled)

    def events(self) -> Iterator[Event]:
        """Each event from the first on, as it comes, until the session is over."""
        self._expect_own_process()
        given = 0
        while new := self._events_after(given):
            yield from new
            given += len(new)

    def result(self, timeout_s: float | None = None) -> SessionEnded:
        """Wait for the end; return how it ended. Raise what broke it off, and `TimeoutError`."""
        self._expect_own_process()
        if not self._wait(lambda: self._over, timeout_s):
            raise TimeoutError(f"the session still runs after {timeout_s} s")
        if self._error is not None:
            raise self._error
        assert self._ended is not None  # it is over, and nothing broke it off
        return self._ended

    # --- what a person asks of it -----------------------------------------------------------------------

    def stop(self) -> None:
        """End output and the session. It can be asked any number of times, and waits for nothing."""
        self._expect_own_process()
        with self._changed:  # none is left behind in the inbox, for the session after this one
            if not self._over:
                self._stop_asked = True
                self._driver.inbox.put(SessionAction.STOP)

    def lower(self, to: str | None = None, by: str = _OPERATOR) -> None:
        """Go on at a lower level, such as ``0.3 W/cm²`` or ``1800 /min``; by default a tenth less.

        It is not taken back. What is not lower is answered by the event `LowerRefused`. Raise `InvalidUsage`
        for a level without the unit of measurement of the family.
        """
        self._ask(Lower(None if to is None else self._level(to), reference(by)))

    def pause(self, by: str = _OPERATOR) -> None:
        """End output until `resume`. A session that is not attended ends by it."""
        self._ask(ActedBy(SessionAction.PAUSE, reference(by)))

    def resume(self, *, operator: str) -> None:
        """Go on after a pause, on the word of ``operator``, the person who has looked and says so."""
        self._ask(ActedBy(SessionAction.RESUME, reference(operator)))

    def skip(self, by: str = _OPERATOR) -> None:
        """End the guided step that runs."""
        self._ask(ActedBy(SessionAction.SKIP, reference(by)))

    def note(self, text: str, by: str = _OPERATOR) -> None:
        """Put an observation into the record; raise `InvalidUsage` for one that cannot be kept."""
        self._ask(Note(text, reference(by)))

    def pain(self, score: int, by: str = _OPERATOR) -> None:
        """Put a pain score from 0 to 10 into the record; raise `InvalidUsage` for another."""
        self._ask(Pain(score, reference(by)))

    # --- for the unit that it runs on -------------------------------------------------------------------

    def begin(self) -> None:
        """Start the thread."""
        self._thread.start()

    def wait_until_started(self) -> None:
        """Wait until it has started; raise what kept it from that."""
        self._wait(lambda: bool(self._events) or self._over)
        if not self._events and self._error is not None:
            raise self._error

    def wait_until_over(self) -> None:
        """Wait for its end, however it ends."""
        self._wait(lambda: not self.running)

    def output_off_after_stop(self) -> OffConfirmation:
        """What is known of the output after a stop, waited for."""
        self._wait(lambda: self._stopped is not None or self._over, STOP_KNOWN_S)
        if self._stopped is not None:
            return self._stopped
        return (self._over and self._driver.controller.output_off()) or OffConfirmation.UNKNOWN

    def on_event(self, event: Event) -> None:
        """Keep ``event``. The session tells it; a script has no use for it."""
        with self._changed:
            self._events.append(event)
            if isinstance(event, SessionEnded) or (self._stop_asked and isinstance(event, StopOutcome)):
                self._stopped = event.output_off
            self._changed.notify_all()

    def _run(self) -> None:
        try:
            with Journal.open(self._journal, self._driver.clock) as journal, kept_awake() as why:
                request = replace(self._request, sleep_not_prevented=why)
                self._ended = run_session(request, self._driver, journal, [self, *self._observers])
        except BaseException as error:  # noqa: BLE001 - whoever asks for the result is told
            self._error = error
        finally:
            with self._changed:
                self._over = True
                forget_actions(self._driver.inbox)
                self._changed.notify_all()

    def _settled(self, broken: SessionReconciled) -> None:
        self._reconciled.append(broken)

    def _events_after(self, count: int) -> Sequence[Event]:
        """Events beyond the first ``count``, waited for; none once it is over."""
        self._wait(lambda: len(self._events) > count or self._over)
        return self._events[count:]

    def _wait(self, happened: Callable[[], bool], timeout_s: float | None = None) -> bool:
        clock = SystemClock()
        with self._changed:
            while not happened():
                left_s = WAIT_S if timeout_s is None else timeout_s - clock.now_ms() / 1000
                if left_s <= 0:
                    return False
                self._changed.wait(min(left_s, WAIT_S))
        return True

    def _ask(self, action: OperatorAction) -> None:
        self._expect_own_process()
        if isinstance(action, Note | Pain) and (why := objection(action)):
            raise InvalidUsage(why, "Correct it.")
        with self._changed:
            if self._over:
                raise InvalidUsage("the session is over", "Look at what it came to: result().")
            self._driver.inbox.put(action)

    def _level(self, written: str) -> int:
        family = self._request.protocol.family
        if family is None:
            raise InvalidUsage("guidance gives no output", "There is nothing to lower.")
        try:
            return quantity.parse(written, quantity.dimension_of(definition(family).level.unit))
        except InvalidValue as error:
            raise InvalidUsage(str(error), error.problems[0].action) from None

    def _expect_own_process(self) -> None:
        expect_process(self._process)


def forget_actions(inbox: Inbox) -> None:
    """Empty ``inbox`` of what a session has not taken in by its end, but for a lost link."""
    lost: LinkLost | None = None
    try:
        while True:
            news = inbox.get_nowait()
            lost = news if isinstance(news, LinkLost) else lost
    except Empty:
        if lost is not None:
            inbox.put(lost)


def expect_process(process: int) -> None:
    """Raise `InvalidUsage` in any process but ``process``: the threads of a session are not forked."""
    if os.getpid() != process:
        raise InvalidUsage(
            "this process was forked from the one that holds the unit",
            "Use the unit there, or begin the process anew: multiprocessing's start method `spawn`.",
        )
