"""A session that a test can stop to look at: in a thread of its own, which runs only while the test waits.

The two threads never run at once, so that a session in virtual time is the same every time.
"""

from __future__ import annotations

import threading
from collections.abc import Callable

from physioctl.events import SessionEnded

Predicate = Callable[[], bool]


class Stepped:
    """Runs ``work`` in turns, beginning with the first `run_until`."""

    def __init__(self, work: Callable[[], SessionEnded]) -> None:
        self.ended: SessionEnded | None = None
        self._work = work
        self._until: Predicate = _at_once
        self._met = False
        self._over = False  # the work has returned or raised
        self._error: BaseException | None = None  # of the session or of a predicate; raised once
        self._turn = threading.Condition()
        self._sessions_turn = False
        self._thread = threading.Thread(target=self._run, name="session of a test", daemon=True)

    def run_until(self, predicate: Predicate) -> bool:
        """Let it run until ``predicate()`` or its end; return whether the predicate held.

        Raise what the session or the predicate raises.
        """
        self.catch_up()
        if not self._over:
            self._until, self._met = predicate, False
            self._give_turn()
        error, self._error = self._error, None
        if error is not None:
            raise error
        return self._met or bool(predicate())

    def look(self) -> None:
        """Give the turn back when the predicate holds. Of the session's own thread; of others, nothing."""
        if threading.current_thread() is not self._thread or not self._is_met():
            return
        self._met = True
        with self._turn:
            self._sessions_turn = False
            self._turn.notify_all()
            self._turn.wait_for(lambda: self._sessions_turn)

    def catch_up(self) -> None:
        """Wait until it gives the turn back, where a wait for it was broken off, as by Ctrl-C."""
        with self._turn:
            if self._sessions_turn:
                self._until = _at_once
                self._turn.wait_for(lambda: not self._sessions_turn)

    def _is_met(self) -> bool:
        try:
            return bool(self._until())
        except BaseException as error:  # noqa: BLE001 - raised again where the predicate came from
            self._error = error
            return True

    def _give_turn(self) -> None:
        with self._turn:
            self._sessions_turn = True
            if self._thread.ident is None:
                self._thread.start()
            self._turn.notify_all()
            self._turn.wait_for(lambda: not self._sessions_turn)

    def _run(self) -> None:
        try:
            self.ended = self._work()
        except BaseException as error:  # noqa: BLE001 - raised again in the test's thread
            self._error = error
        with self._turn:
            self._over = True
            self._sessions_turn = False
            self._turn.notify_all()


def _at_once() -> bool:
    return True
