"""Sessions in virtual time that a test can stop to look at, any number of them on one clock.

Each has a thread of its own, and one thread runs at a time: a session has its turn until it waits for the
clock, and time passes only while all of them wait. So they are the same every time.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from queue import SimpleQueue
from typing import Any, TypeVar

from device.clock import VirtualClock
from physioctl.events import SessionEnded

T = TypeVar("T")
Predicate = Callable[[], bool]


class Stepped:
    """One session: ``work``, which takes its first turn when a test first lets time pass."""

    def __init__(self, work: Callable[[], SessionEnded]) -> None:
        self.ended: SessionEnded | None = None
        self.over = False  # the work has returned or raised
        self.error: BaseException | None = None  # what it raised
        self._work = work
        self._waits: tuple[SimpleQueue[Any], int] | None = None  # for news, and until when
        self._its_turn = False
        self._turn = threading.Condition()
        self._thread = threading.Thread(target=self._run, name="session of a test", daemon=True)

    @property
    def is_current(self) -> bool:
        """Whether this is called in its thread."""
        return threading.current_thread() is self._thread

    @property
    def due_ms(self) -> int | None:
        """When it goes on without news; None where it waits for nothing."""
        return None if self._waits is None else self._waits[1]

    def is_due(self, now_ms: int) -> bool:
        """Whether it can go on."""
        if self._waits is None:
            return not self.over
        inbox, until_ms = self._waits
        return not inbox.empty() or until_ms <= now_ms

    def take_turn(self) -> None:
        """Let it run until it waits, is stopped to be looked at, or is over."""
        with self._turn:
            self._its_turn = True
            if self._thread.ident is None:
                self._thread.start()
            self._turn.notify_all()
        self.catch_up()

    def catch_up(self) -> None:
        """Wait until it gives its turn back: also where a wait for that was broken off, as by Ctrl-C."""
        with self._turn:
            self._turn.wait_for(lambda: not self._its_turn)

    def give_back(self, waits: tuple[SimpleQueue[Any], int] | None = None) -> None:
        """Give the turn back, and return with the next one. Of its own thread."""
        self._waits = waits
        with self._turn:
            self._its_turn = False
            self._turn.notify_all()
            self._turn.wait_for(lambda: self._its_turn)
        self._waits = None

    def _run(self) -> None:
        try:
            self.ended = self._work()
        except BaseException as error:  # noqa: BLE001 - raised again in the test's thread
            self.error = error
        with self._turn:
            self.over = True
            self._its_turn = False
            self._turn.notify_all()


class Turns(VirtualClock):
    """The clock of such sessions, which gives them their turns in the order in which they were added."""

    def __init__(self) -> None:
        super().__init__()
        self._sessions: list[Stepped] = []
        self._predicate: Predicate | None = None
        self._met = False
        self._error: BaseException | None = None  # of the predicate, in a session's thread

    def add_session(self, session: Stepped) -> None:
        """Let ``session`` take turns from here on."""
        self._sessions.append(session)

    def wait(self, inbox: SimpleQueue[T], until_ms: int) -> T | None:
        """As `VirtualClock`, while the other sessions go on as well."""
        session = self._current
        if until_ms <= self.now_ms() and inbox.empty():
            self._jump(until_ms)
        while inbox.empty() and self.now_ms() < until_ms:
            if session is None:
                self._pass_moment(until_ms)
            else:
                session.give_back((inbox, until_ms))
        return None if inbox.empty() else inbox.get_nowait()

    def run_until(self, session: Stepped, predicate: Predicate) -> bool:
        """Let time pass until ``predicate()`` or the end of ``session``; return whether the predicate held.

        Raise what the session or the predicate raises.
        """
        self._predicate, self._met, self._error = predicate, False, None
        try:
            while not session.over and not self._met:
                self._pass_moment()
        finally:
            self._predicate = None
        if self._error is not None:
            raise self._error
        if session.error is not None:
            error, session.error = session.error, None
            raise error
        return self._met or bool(predicate())

    def look(self) -> None:
        """Stop the session whose thread this is when the predicate holds. Of others, nothing."""
        session = self._current
        if session is not None and self._is_met():
            self._met = True
            session.give_back()

    @property
    def _current(self) -> Stepped | None:
        return next((each for each in self._sessions if each.is_current), None)

    def _pass_moment(self, until_ms: int | None = None) -> None:
        """Let every session run that can; then let it be the next moment at which anything happens."""
        for session in self._sessions:  # one thread at a time, also after a wait that was broken off
            session.catch_up()
        for session in self._sessions:
            while session.is_due(self.now_ms()):
                session.take_turn()
                if self._met:
                    return
        due = [each.due_ms for each in self._sessions if each.due_ms is not None]
        limits_ms = due if until_ms is None else [*due, until_ms]
        if limits_ms:
            self._jump(min(min(limits_ms), self._next_due_ms(min(limits_ms))))
            self._met = self._is_met()

    def _is_met(self) -> bool:
        try:
            return self._predicate is not None and bool(self._predicate())
        except BaseException as error:  # noqa: BLE001 - raised again where the predicate came from
            self._error = error
            return True
