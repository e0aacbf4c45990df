"""A second program on the same unit: what it asks, and whether the session can know what it has stopped.

Its requests have numbers of their own, which may be those of the session's. It asks for no output.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from device.control.controller import Controller
from device.control.machine import State
from device.dialects.base import Dialect, GetStatus, Permitted, Stop
from device.events import Event, StateChanged
from device.wire.messages import UnitState
from physioctl.rehearsal.storm.host import MortalClock
from simulator.cable import Cable
from simulator.unit import SimulatedUnit

_ARMED = frozenset((UnitState.READY, UnitState.EMITTING, UnitState.SUSPENDED))
# The session has stopped the unit itself: for a pause, or because a step of a unit without a timer is over.
_STOPPED = frozenset((State.PAUSING.value, State.PAUSED.value, State.FINISHING.value))
_GOING_ON = frozenset((State.ARMED, State.EMITTING, State.SUSPENDED))  # no stop of the session's own stands


@dataclass(frozen=True, slots=True, order=True)
class OtherRequest:
    """One request of a second program: it looks, or it stops the unit."""

    at_ms: int
    seq: int
    stop: bool


class SecondProgram:
    """Sends its requests on the cable that the session uses; the session receives the answers too."""

    def __init__(self, requests: Sequence[OtherRequest], cable: Cable, dialect: Dialect) -> None:
        self._requests = sorted(requests, reverse=True)
        self._cable = cable
        self._dialect = dialect  # of its own: it knows nothing of what the session asks

    def next_ms(self) -> int | None:
        """When it sends next."""
        return self._requests[-1].at_ms if self._requests else None

    def move_to(self, now_ms: int) -> None:
        """Send what has fallen due."""
        while self._requests and self._requests[-1].at_ms <= now_ms:
            request = self._requests.pop()
            cleared = Permitted(Stop() if request.stop else GetStatus())
            self._cable.send(self._dialect.say(cleared, request.seq), now_ms)


class StoppedElsewhere:
    """Whether an armed unit was stopped by somebody else than the session, and the session can know it.

    It sees the unit's true state, and of the controller when it last heard the unit, and that no stop of its
    own stands. A controller cannot know of a stop before it has heard that the unit was armed, nor when it
    has stopped the unit itself before it could hear of the other stop.
    """

    def __init__(self, unit: SimulatedUnit, controller: Controller, clock: MortalClock, line_ms: int) -> None:
        self._unit = unit
        self._controller = controller
        self._clock = clock
        self._line_ms = line_ms  # how long an answer may be on its way
        self._armed_ms: int | None = None  # from here on what the host hears tells that the unit is armed
        self._stopped_ms: int | None = None
        self._hidden = False  # the host did not know that the unit was armed, or has stopped it too
        self._from_ms = 0  # what the host hears from here on tells of the stop

    def look(self) -> None:
        """See what has become of the unit."""
        now_ms, state = self._clock.now_ms(), self._unit.state
        if self._stopped_ms is not None:
            if self._clock.frozen and not self._heard_since(self._from_ms):
                self._from_ms = now_ms
            elif self._hidden and self._heard_since(self._from_ms):
                self._stopped_ms = None
        if state in _ARMED:
            if self._armed_ms is None or (self._clock.frozen and not self._heard_since(self._armed_ms)):
                self._armed_ms = now_ms
            return
        armed_ms, self._armed_ms = self._armed_ms, None
        if armed_ms is None or state is not UnitState.IDLE or self._controller.state not in _GOING_ON:
            return
        if self._stopped_ms is None or self._hidden:
            self._stopped_ms = self._from_ms = now_ms
            self._hidden = not self._heard_since(armed_ms)

    def hear(self, event: Event) -> None:
        """The session has stopped the unit too: its word says nothing of who did."""
        if isinstance(event, StateChanged) and event.state in _STOPPED and self.unheard:
            self._hidden = True

    @property
    def unheard(self) -> bool:
        """Whether the unit was stopped, and the host has not been able to hear of it."""
        return self._stopped_ms is not None and not self._heard_since(self._from_ms)

    def for_ms(self) -> int:
        """How long ago the unit was stopped, as the session can know; 0 when it was not."""
        if self._stopped_ms is None or self._hidden:
            return 0
        return self._clock.now_ms() - self._stopped_ms

    def _heard_since(self, at_ms: int) -> bool:
        return self._controller.scheduler.received_at_ms - at_ms > self._line_ms
