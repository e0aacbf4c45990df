"""Units and sessions for scripts: what ``import physioctl`` gives, beside protocols and the record.

The output of a session ends when its unit's block is left, in whatever way; when the program ends, by the
stop that is sent at its exit; and when it is killed, by the unit's lease.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from queue import SimpleQueue

from device.address import AddressUnusable
from device.clock import SystemClock
from device.control.driver import Driver
from device.control.handshake import identify
from device.dialects.base import Identity
from device.dialects.registry import NAMES, UnknownDialect
from device.errors import NoAnswer, WrongUnit
from device.events import Event, Observer, OffConfirmation
from device.link import Inbox
from device.operator import SessionAction
from physioctl.answers import read_answers
from physioctl.errors import InvalidUsage
from physioctl.holder import StopService
from physioctl.interrupts import stopped_by_interrupt
from physioctl.ports import dialect_for, dialects_of, held
from physioctl.reading import named_journal
from physioctl.runner import Request
from physioctl.running import RunningSession, expect_process, forget_actions
from physioctl.screening import Answers
from physioctl.unit_search import Found, answering, search, the_only_one
from protocols.errors import PhysioctlError
from protocols.library import find
from protocols.model import Protocol, Side

NOT_ANSWERED = Answers()  # screening refuses


def connect(
    port: str | None = None,
    *,
    serial: str | None = None,
    dialect: str | None = None,
    journal: Path | str | None = None,
) -> ConnectedUnit:
    """Open the unit on ``port``, or the one with the serial number ``serial``, or the only one there is.

    It is asked who it is, in ``dialect`` or in each in turn; nothing in it changes by that. Its sessions are
    recorded in ``journal``, by default the user's own. Raise `PortNotChosen` where no port is named and there
    is no such unit or more than one, `UnitUnusable` when the port or the unit cannot be used, and
    `JournalUnusable` when a journal is named that is not there.
    """
    where = named_journal(journal)
    if port is None:
        found = _searched(serial, dialect)
        port, dialect = found.port, found.dialect
    unit = _answered(port, dialect, where)
    if serial not in (None, unit.identity.serial):
        unit.close()
        raise WrongUnit(
            f"the unit on {port} is {unit.identity.serial}, not {serial}",
            "Name the other one's port, or none.",
        )
    return unit


class ConnectedUnit:
    """A unit whose port this program holds. Made by `connect`; leaving its block, or `close`, lets it go.

    Another program's ``physioctl stop`` reaches it at any time.
    """

    def __init__(self, port: str, dialect: str, journal: Path | None = None) -> None:
        self.port = port
        self.dialect = dialect
        self._journal = journal
        self._process = os.getpid()
        self._clock = SystemClock()
        self._inbox: Inbox = SimpleQueue()
        self._session: RunningSession | None = None
        self._beginning = threading.RLock()  # of a session, or of a stop without one
        self._closed = False
        line = dialect_for(port, dialect).promises.line
        with self._beginning, ExitStack() as opening:
            service = _Stops(self, port)
            self._link, _ = opening.enter_context(held(port, self._inbox, line=line, service=service))
            driver = self._driver()
            self.identity: Identity = driver.run(identify(driver.controller))
            opening.enter_context(stopped_by_interrupt(self._stop_session))
            self._opened = opening.pop_all()

    def start(
        self,
        protocol: Protocol | Path | str,
        *,
        side: Side | str | None = None,
        person: str | None = None,
        answers: Answers | Path | None = NOT_ANSWERED,
        operator: str | None = None,
        attended: bool = False,
        rest_of: str | None = None,
        unauthenticated_network: bool = False,
        observers: Sequence[Observer] = (),
    ) -> RunningSession:
        """Start a session of ``protocol``, a file or the id of a bundled one; return once it has started.

        ``person`` and ``operator``, who treats, are pseudonymous references. ``answers`` are to the
        screening, or a file of them; None treats nobody, and is believed only where the unit is simulated.
        ``attended`` says that a person is there to resume after a pause; ``rest_of`` is an interrupted
        session whose rest is given. ``observers`` are told of every event, each in a thread of its own.

        Raise what `physioctl.runner.run_session` raises before the session has started, such as `Refused`,
        and `InvalidUsage` while another one runs.
        """
        self._expect_open()
        found = protocol if isinstance(protocol, Protocol) else find(protocol)
        request = Request(
            protocol=found,
            side=side,
            person=person,
            answers=read_answers(answers, found) if isinstance(answers, Path) else answers,
            attended=attended,
            rest_of=rest_of,
            serial=self.identity.serial,
            unauthenticated_network=unauthenticated_network,
            treated_by=operator,
        )
        with self._beginning:
            if self._running is not None:
                raise InvalidUsage(f"a session runs on {self.port}", "Stop it, or wait for its result.")
            session = RunningSession(request, self._driver(), self._journal, observers)
            self._session = session
            session.begin()
        try:
            session.wait_until_started()
        except BaseException:  # Ctrl-C as well: nobody would hold the session that has begun
            session.stop()
            raise
        return session

    def request_stop(self) -> None:
        """Ask whatever runs on the unit to stop, or else what is started next, and wait for nothing."""
        self._inbox.put(SessionAction.STOP)

    def stop(self) -> OffConfirmation:
        """End output, whether or not a session runs; return what is then known of it, within seconds."""
        self._expect_open()
        self.request_stop()
        with self._beginning:
            session = self._running
            if session is None:
                forget_actions(self._inbox)
                driver = self._driver()
                driver.controller.stop()
                return driver.run(driver.controller.settle())
        session.stop()
        return session.output_off_after_stop()

    def close(self) -> None:
        """Stop the session that runs, wait for its end, and let go of the port. Twice does nothing more.

        Ctrl-C meanwhile asks for another stop, and is raised at the end. In a process that was forked from
        the one that connected, nothing is done.
        """
        interrupted: BaseException | None = None
        while not self._closed and os.getpid() == self._process:
            try:
                self._end_session()
                self._opened.close()
                self._closed = True
            except (KeyboardInterrupt, SystemExit) as error:  # the latter from a handler of another signal
                interrupted = error
        if interrupted is not None:
            raise interrupted

    def __enter__(self) -> ConnectedUnit:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def _running(self) -> RunningSession | None:
        return self._session if self._session is not None and self._session.running else None

    def _stop_session(self) -> None:
        if self._session is not None and os.getpid() == self._process:
            self._session.stop()

    def _end_session(self) -> None:
        self._stop_session()
        if self._session is not None:
            self._session.wait_until_over()

    def _driver(self) -> Driver:
        """One session's, or one stop's: a controller is for one."""
        return Driver(self._link, self._clock, self._inbox, dialect_for(self.port, self.dialect))

    def _expect_open(self) -> None:
        expect_process(self._process)
        if self._closed:
            raise InvalidUsage(f"{self.port} has been let go", "Connect to the unit again.")


class _Stops(StopService):
    """Takes requests to stop from other programs, for a unit on which a session may or may not run."""

    def __init__(self, unit: ConnectedUnit, port: str) -> None:
        super().__init__(SimpleQueue(), port)
        self._unit = unit

    def on_event(self, event: Event) -> None:
        """Nothing: the unit is asked."""

    def stop(self) -> OffConfirmation:
        """Stop the unit; what is not known is *unknown*, and whoever asks sends a stop of their own."""
        try:
            return self._unit.stop()
        except PhysioctlError:
            return OffConfirmation.UNKNOWN


def _searched(serial: str | None, dialect: str | None) -> Found:
    """The port of the unit with this serial number, or of the only one."""
    found = search(dialect)
    if serial is None:
        return the_only_one(found)
    for each in answering(found):
        if each.identity is not None and each.identity.serial == serial:
            return each
    told = "".join(f"\n  {each}" for each in found)
    raise NoAnswer(
        f"no unit with the serial number {serial} answers on a serial port{told}",
        "Switch it on and plug it in, or name its port.",
    )


def _answered(port: str, dialect: str | None, journal: Path | None) -> ConnectedUnit:
    """The unit on ``port``, in the first dialect in which it answers."""
    failure: PhysioctlError | None = None
    for name in dialects_of(port, dialect):
        try:
            return ConnectedUnit(port, name, journal)
        except (NoAnswer, UnknownDialect, AddressUnusable) as error:
            failure = failure or error
        except PhysioctlError:
            raise
        except Exception as error:  # anything may come out of another distribution's dialect
            if name in NAMES or dialect is not None:
                raise
            failure = failure or UnknownDialect(
                f"the dialect {name!r} broke off: {error}", "Tell whoever made it."
            )
    assert failure is not None  # there is a dialect to try
    raise failure
