"""Whether the time of day runs as evenly as the time since the computer was started."""

from __future__ import annotations

from device.clock import Clock
from physioctl.doctor.findings import Finding, found, ok

JUMP_MS = 1000  # this project's own figure: programs that keep the time step it by less, or slew it


class ClockWatch:
    """Looks at the clock now and then, and remembers by how much it has jumped in between.

    The time since boot counts, where it is known: a computer that slept meanwhile has not set its clock.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._began_ms = self._steady_ms()
        self._offset_ms = self._difference_ms()
        self._jump_ms = 0

    def look(self) -> None:
        """Compare the two clocks once more."""
        now_ms = self._difference_ms()
        if abs(now_ms - self._offset_ms) > abs(self._jump_ms):
            self._jump_ms = now_ms - self._offset_ms
        self._offset_ms = now_ms

    def finding(self) -> Finding:
        """What has been seen so far."""
        self.look()
        look_ms = self._steady_ms() - self._began_ms
        if abs(self._jump_ms) > JUMP_MS:
            return found("clock.jumped", by_ms=self._jump_ms, look_ms=look_ms, bound_ms=JUMP_MS)
        return ok(
            "clock",
            f"the time of day went on evenly for {look_ms} ms (off by {abs(self._jump_ms)} ms, bound "
            f"{JUMP_MS} ms)",
            off_ms=abs(self._jump_ms),
            bound_ms=JUMP_MS,
        )

    def _difference_ms(self) -> int:
        return round(self._clock.utc().timestamp() * 1000) - self._steady_ms()

    def _steady_ms(self) -> int:
        boot = self._clock.boot()
        return self._clock.now_ms() if boot is None else boot.ms
