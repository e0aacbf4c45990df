"""Contact as the unit reports it, compared with its output: output without contact, suspension with contact.

A unit that senses contact ends its output once contact has been lost for a moment, and goes on once it has
been back for a moment. Contact may come and go, so neither is judged by a single reading but by a sum.
Figures are this project's own; those of the wire are in docs/wire.md.
"""

from __future__ import annotations

from dataclasses import dataclass

from device.dialects.base import RUNNING, Status, UnitState

LOST_PCT = 50  # contact below this is lost: docs/wire.md
JUDGED_FROM_MW_CM2 = 240  # a unit judges contact from a level of 200 on, and may give a fifth more than it
INTERVAL_MAX_MS = 200  # of two reports: what happened in a longer gap between them is not known


@dataclass(frozen=True, slots=True)
class ContactTrend:
    """The sums of the times in which the unit's output did not agree with its reading of contact, in ms."""

    ignored_ms: int  # output without contact
    suspended_without_cause_ms: int  # suspended with contact, since contact was last seen to be lost


class ContactWatch:
    """Follows one session's reports."""

    def __init__(self) -> None:
        self._ignored_ms = 0
        self._suspended_ms = 0
        self._ignored = False  # by the report before
        self._suspended = False

    def follow(self, status: Status, since_ms: int, *, steady: bool) -> ContactTrend:
        """The sums up to ``status``; the one before it came ``since_ms`` ago.

        A ramp passes levels at which contact is not judged: until output is ``steady`` its level decides.
        """
        since_ms = min(since_ms, INTERVAL_MAX_MS)
        lost = status.contact_pct < LOST_PCT
        judged = status.state is UnitState.EMITTING and (
            steady or status.measured_level >= JUDGED_FROM_MW_CM2
        )
        was_ignored, self._ignored = self._ignored, judged and lost
        was_suspended, self._suspended = self._suspended, status.state is UnitState.SUSPENDED and not lost
        if self._ignored or was_ignored:
            self._ignored_ms += since_ms if self._ignored and was_ignored else since_ms // 2
        else:  # with contact that comes and goes, a sound unit has output for half of the time at most
            self._ignored_ms = max(self._ignored_ms - since_ms, 0)
        if lost or status.state not in RUNNING:
            self._suspended_ms = 0  # the suspension had a cause, or the step has ended
        elif self._suspended or was_suspended:
            self._suspended_ms += since_ms if self._suspended and was_suspended else since_ms // 2
        return ContactTrend(self._ignored_ms, self._suspended_ms)
