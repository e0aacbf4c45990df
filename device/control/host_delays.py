"""How late this computer was: when the controller was to be called, and when it was.

A computer that was busy or asleep has not heard what came meanwhile, and has renewed no lease: what is
missing then is not held against the unit.
"""

from __future__ import annotations

from device.control.schedule import STATUS_MS

HOST_DELAY_MS = 150  # called this much later than was due: the computer was busy, or asleep


class HostDelays:
    """The times of one controller's calls."""

    def __init__(self, now_ms: int) -> None:
        self.for_ms = 0  # by how much the latest late call was late
        self._resumed_ms = now_ms  # when that was: what is missing is doubted from there on
        self._due_ms = now_ms  # when the next call is due

    def due(self, at_ms: int) -> int:
        """Note when the next call is due, and return it."""
        self._due_ms = at_ms
        return at_ms

    def called(self, now_ms: int) -> bool:
        """Note a call; return whether it came late."""
        late_ms, self._due_ms = now_ms - self._due_ms, max(self._due_ms, now_ms)
        if late_ms < HOST_DELAY_MS:
            return False
        self.for_ms, self._resumed_ms = late_ms, now_ms
        return True

    def since(self, at_ms: int, now_ms: int) -> int:
        """The time since ``at_ms``, without that in which the computer was asleep, in ms."""
        return now_ms - max(at_ms, self._resumed_ms)

    def came_ms(self, asked_ms: int, now_ms: int) -> int:
        """When the answer arrived that is processed now, to a request of ``asked_ms``."""
        if asked_ms >= self._resumed_ms:
            return now_ms
        return max(asked_ms, self._resumed_ms - self.for_ms)

    def excuses_lapse(self, lease_ms: int, now_ms: int) -> bool:
        """Whether the computer has just been late by too much to renew a lease of ``lease_ms`` in time."""
        just_now = now_ms - self._resumed_ms < lease_ms
        return just_now and self.for_ms >= lease_ms - 2 * STATUS_MS
