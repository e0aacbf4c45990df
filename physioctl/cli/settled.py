"""What a person and a program are told of sessions that broke off on a unit, beside the session that runs."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import replace

from device.events import Event
from device.publisher import name_of
from physioctl.cli.place import Place
from physioctl.cli.printing import aside, aside_to_paste
from physioctl.cli.rest import Typed, rest_command
from physioctl.cli.showing import Shown
from physioctl.events import SessionReconciled, SessionStarted
from physioctl.screens.json_lines import JsonLines
from physioctl.screens.wording import has_rest, unfinished
from protocols.model import Protocol


class Settled:
    """An observer: the screen, and what became of sessions that broke off on the unit.

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
