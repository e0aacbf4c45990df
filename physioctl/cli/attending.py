"""Whoever is at the terminal of a session: what they are shown, and the keys that they press."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace
from types import TracebackType

from device.clock import Clock
from device.events import Observer
from device.link import Inbox
from device.operator import Lower, Note, Pain, SessionAction
from physioctl.cli.printing import say
from physioctl.cli.showing import Shown, View, shown
from physioctl.events import SessionEnded
from physioctl.runner import Request
from physioctl.screens.lines import DropNotices
from physioctl.screens.wording import summary
from physioctl.terminal import Keys, Signals, attended, keys

SEEN_MS = 60_000  # for the end of a session on the full screen; this project's own figure
SEEN_GLANCE_MS = 500  # how soon it is noticed that the screen has failed


class Attending:
    """The screen and the keys of a session. The screen is left before what follows is printed.

    ``signals`` says whether a signal has asked to stop: then nothing waits for anybody.
    """

    showing: Shown
    keys: Keys

    def __init__(self, view: View, clock: Clock, inbox: Inbox, signals: Signals, *, sounds: bool) -> None:
        self.attended = attended()
        self._view = view
        self._clock = clock
        self._inbox = inbox
        self._signals = signals
        self._sounds = sounds
        self._stack = ExitStack()
        self._screen = ExitStack()

    def __enter__(self) -> Attending:
        """Take the terminal."""
        with ExitStack() as stack:
            stack.enter_context(self._screen)
            self.showing = self._screen.enter_context(
                shown(self._view, self._clock, attended=self.attended, sounds=self._sounds)
            )
            self.keys = stack.enter_context(keys(self._inbox, self.showing.typing))
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    @property
    def beside(self) -> tuple[Observer, ...]:
        """What is told of the session's events beside the screen and the keys."""
        return (*self.showing.beside, DropNotices(self.showing.notify))

    def asked_for(self, request: Request, *, yes: bool, ended_here: Callable[[], bool]) -> Request:
        """``request``, with what whoever is here is waited for and asked.

        Nothing is begun before they press Space, unless ``yes``. A person who is named is asked for their
        pain where the session has ended here.
        """
        request = replace(request, attended=self.attended, awaits_start=self.attended and not yes)
        asks = request.person is not None and self.attended
        return replace(request, asks_pain=ended_here) if asks else request

    def goes_on_being_here(self) -> bool:
        """Whether the end may wait for somebody: not after a signal, nor once the terminal is closed."""
        return not self._signals.received and not self.keys.closed

    def until_seen(self) -> None:
        """Leave the end of a session on the full screen, to be read from the couch, until a key comes."""
        give_up_ms = self._clock.now_ms() + SEEN_MS
        while (now_ms := self._clock.now_ms()) < give_up_ms and self.showing.stays():
            news = self._clock.wait(self._inbox, now_ms + SEEN_GLANCE_MS)
            if isinstance(news, SessionAction | Lower | Note | Pain):
                return

    def close_screen(self, ended: SessionEnded, *, unit: bool) -> None:
        """Close the screen, and say how the session ended; ``unit`` says whether it had one.

        The keys go on: what is waited for afterwards is ended by them.
        """
        self._screen.close()
        if self._view is not View.JSON:
            for said in summary(ended, unit=unit):
                say(said)
