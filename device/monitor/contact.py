"""What a unit says of contact, held against what it makes of it: output without contact, holds with it.

A unit that senses contact ends its output once contact has been lost for a moment, and goes on once it has
been back for a moment. Contact may come and go, so neither is judged by a single reading but by a sum.
Figures are this project's own; those of the wire are in docs/wire.md.
"""

from __future__ import annotations

from dataclasses import dataclass

from device.dialects.base import RUNNING, Report, UnitState

LOST_PCT = 50  # contact below this is lost: docs/wire.md
JUDGED_FROM_MW_CM2 = 240  # a unit judges contact from a level of 200 on, and may give a fifth more than it
INTERVAL_MAX_MS = 200  # of two reports: what happened in a longer gap between them is not known


@dataclass(frozen=True, slots=True)
class ContactTrend:
    """For how long, in sum, the unit has not done what its own reading of contact asks for."""

    ignored_ms: int  # output without contact
    held_for_nothing_ms: int  # held with contact, since contact was last seen to be lost


class ContactWatch:
    """Follows one session's reports."""

    def __init__(self) -> None:
        self._ignored_ms = 0
        self._held_ms = 0
        self._ignored = False  # by the report before
        self._held = False

    def follow(self, report: Report, since_ms: int, *, steady: bool) -> ContactTrend:
        """The sums up to ``report``; the one before it came ``since_ms`` ago.

        A ramp passes levels at which contact is not judged: until output is ``steady`` its level decides.
        """
        since_ms = min(since_ms, INTERVAL_MAX_MS)
        lost = report.contact_pct < LOST_PCT
        judged = report.state is UnitState.EMITTING and (steady or report.output >= JUDGED_FROM_MW_CM2)
        was_ignored, self._ignored = self._ignored, judged and lost
        was_held, self._held = self._held, report.state is UnitState.HELD and not lost
        if self._ignored or was_ignored:
            self._ignored_ms += since_ms if self._ignored and was_ignored else since_ms // 2
        else:  # contact that comes and goes is lost for half of the time at most before a sound unit holds
            self._ignored_ms = max(self._ignored_ms - since_ms, 0)
        if lost or report.state not in RUNNING:
            self._held_ms = 0  # there was something to wait for, or the step has ended
        elif self._held or was_held:
            self._held_ms += since_ms if self._held and was_held else since_ms // 2
        return ContactTrend(self._ignored_ms, self._held_ms)
