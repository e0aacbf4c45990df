"""By how much a head must have warmed since its reading last changed: what shows that a sensor is stuck.

A head absorbs a share of what it emits and loses it to the room. The figures are this project's own and on
the careful side: by them a head warms by less, and settles sooner, than the simulated one does. A head that
has settled, or that is hardly warmed, is therefore not taken for one whose sensor is stuck.
"""

from __future__ import annotations

from device.dialects.base import Status

UK_PER_MJ = 6  # a watt of output warms the head by 0.006 °C a second, to begin with
SETTLES_MS = 180_000  # the time constant with which it comes to rest, 1.08 °C warmer for each watt
_TENTHS_NJ_PER_MJ = 10_000_000


class Warming:
    """Follows the head of one unit through a session."""

    def __init__(self) -> None:
        self._head_ddeg_c: int | None = None
        self._warmer_uk = 0  # than when the session began, at least
        self._at_change_uk: int

    def follow(self, status: Status, since_ms: int, given: int) -> int:
        """The millikelvin it is due, below 0 where it must have cooled.

        ``given`` is the energy since the last report, in tenths of a nanojoule.
        """
        cooled_uk = self._warmer_uk * min(since_ms, SETTLES_MS) // SETTLES_MS
        self._warmer_uk += given * UK_PER_MJ // _TENTHS_NJ_PER_MJ - cooled_uk
        if status.head_temp_ddeg_c != self._head_ddeg_c:
            self._head_ddeg_c, self._at_change_uk = status.head_temp_ddeg_c, self._warmer_uk
        return (self._warmer_uk - self._at_change_uk) // 1000
