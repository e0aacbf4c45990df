"""When the host or the line was lost, and for how long output may go on because of it.

A lease ends output by itself, whatever was lost. Without one, output may go on for as long as nobody can stop
it: until the unit's own timer ends it, or until it is switched off.
"""

from __future__ import annotations

from math import ceil
from sys import maxsize

from physioctl.rehearsal.storm.host import MortalClock
from physioctl.rehearsal.storm.kinds import kind_called
from physioctl.rehearsal.storm.scenario import Scenario
from physioctl.rehearsal.storm.time_to_safe import BOUND_MS, clock_stretch, line_ms
from simulator.faults import ON_THE_LINE, FaultKind

_GIVEN_UP_MS = 5000  # after the last moment at which it was lost, a session may say that it does not know
_COUNTED = frozenset((FaultKind.SLOW_CLOCK, FaultKind.LYING_COUNT, FaultKind.ENDLESS_STEP))


class Loss:
    """Follows one scenario. It knows its faults and its host, and not what the controller makes of them."""

    def __init__(self, scenario: Scenario, clock: MortalClock) -> None:
        self._scenario = scenario
        self._clock = clock
        self._kind = kind_called(scenario.dialect, scenario.host_loss)
        late_ms = line_ms(scenario) + self._kind.line_ms  # what is on the line may be in the way of the next
        # A program whose port has gone opens it no more.
        self._faults = [
            (fault.at_ms, maxsize if fault.kind is FaultKind.CABLE_PULLED else fault.until_ms + late_ms)
            for fault in scenario.faults
            if fault.kind in ON_THE_LINE
        ]
        self._latest_ms: int | None = None  # at which something was lost
        self._total_ms = 0
        self._times = 0
        self._was_lost = False
        self._given_up = False

    def look(self, now_ms: int, before_ms: int) -> None:
        """Look on, one event after the other."""
        lost = self.lost(now_ms)
        if lost or self._was_lost:
            self._total_ms += now_ms - before_ms
            self._latest_ms = now_ms
        self._times += lost and not self._was_lost
        self._was_lost = lost

    def lost(self, now_ms: int) -> bool:
        """Whether nobody can stop the unit now, or can be sure to."""
        gone = self._clock.dead or self._clock.frozen or self._given_up
        return gone or any(at_ms <= now_ms < until_ms for at_ms, until_ms in self._faults)

    def give_up(self, now_ms: int) -> None:
        """A person was told that output may be on: from here on nobody else stops it.

        It counts only where something had been lost shortly before.
        """
        if self._latest_ms is not None and now_ms - self._latest_ms <= _GIVEN_UP_MS:
            self._given_up = True

    def bound_ms(self, plain_ms: int, since_ms: int) -> int:
        """How long output may go on after ``since_ms``: ``plain_ms``, and while nobody could stop it."""
        if self._kind.leased or self._latest_ms is None:
            return plain_ms
        bound_ms = plain_ms + max(self._latest_ms - since_ms, 0)
        if self._kind.goes_on_ms is None:
            return bound_ms
        return max(plain_ms, min(bound_ms, ceil(self._kind.goes_on_ms * clock_stretch(self._scenario))))

    def slack_ms(self) -> int:
        """By how much more output may have been given than was planned: where the host alone ends it."""
        if self._kind.goes_on_ms is not None and not {f.kind for f in self._scenario.faults} & _COUNTED:
            return 0
        return self.unstoppable_ms()

    def unstoppable_ms(self) -> int:
        """For how long nobody could stop the unit, in all; not at all for one with a lease."""
        return 0 if self._kind.leased else self._total_ms + self._times * (BOUND_MS + self._kind.line_ms)
