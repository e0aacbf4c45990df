"""What is known of the output being off: proven by the unit, inferred from its lease or timer, or not known.

Only the unit to which output was permitted can prove it, and a unit that has restarted is another one: it is
told by its boot nonce. Plain values and times; it sends nothing and waits for nothing. What it says ends up
on the screen, in the journal and in the exit code.
"""

from __future__ import annotations

from device.dialects.base import Report, UnitState
from device.events import Silence

LEASE_MARGIN_PCT = 10  # a unit's clock may be this slow before its lease is not believed
STUBBORN_MS = (
    2000  # for how much longer a stop is repeated to a unit that says it has output, or says nothing
)


class Quiet:
    """Keeps account of permissions given, stops asked, and what the unit has said since."""

    def __init__(self) -> None:
        # The unit that output was last allowed to has said that its output is off, and nothing has been asked
        # or allowed since; and: it has said so, and nothing has been allowed since.
        self.proven = self._off = False
        self.asked_ms: int | None = None  # since when a stop stands
        self._heard_ms: int | None = None  # when the unit was last heard before output was last allowed
        # For how long output may go on from there, by our clock; None: until the unit is switched off.
        self._bound_ms: int | None
        self._nonce: int | None = None  # of the unit that output was last allowed to; None before
        self._lease_works = True  # until it has been seen not to: what it has granted is then no bound
        # By nonce: when a unit last said that it has output, unless it has said since that it has none; and
        # which of them have output that they know should be off: no lease ends that.
        self._denied_ms: dict[int, int] = {}
        self._disobeying: set[int] = set()

    @property
    def stopping(self) -> bool:
        """A stop stands, and the unit has not said that its output is off."""
        return self.asked_ms is not None and not self.proven

    def allow(self, heard_ms: int, for_ms: int | None, nonce: int) -> None:
        """A message leaves that allows output for ``for_ms`` from the report heard at ``heard_ms``.

        By the unit's clock, and at most: for a lease, or until its own timer ends what was asked. None is for
        a unit that has neither. ``nonce`` is that of the unit it is for.
        """
        self.proven = self._off = False
        self._nonce = nonce
        self._heard_ms = heard_ms
        self._bound_ms = None if for_ms is None else for_ms + for_ms * LEASE_MARGIN_PCT // 100

    def ask(self, now_ms: int, *, reachable: bool) -> None:
        """A stop is asked. What was proven before is proven anew, unless there is nobody to ask."""
        if (
            self.asked_ms is None or self.proven
        ):  # an old stop has done its work, and says nothing of this one
            self.asked_ms = now_ms
        if reachable:
            self.proven = False

    def hear(self, report: Report, now_ms: int) -> None:
        """A unit has spoken. Of one that had no permission, only output is believed, and never its end.

        What a unit has said that it puts out, no other one's silence ends.
        """
        if self._nonce in (None, report.nonce):
            self._off = report.silent
        elif not report.silent:
            self._off = False
        if report.silent:
            self._denied_ms.pop(report.nonce, None)
            self._disobeying.discard(report.nonce)
        else:
            self._denied_ms[report.nonce] = now_ms
            if report.output > 0 and report.state is not UnitState.EMITTING:
                self._disobeying.add(report.nonce)
        self.proven = self._off and not self._denied_ms

    def distrust_lease(self) -> None:
        """The unit's lease does not run: from now on silence is proven, or it is not known."""
        self._lease_works = False

    def rest(self) -> None:
        """The stop has done its work: what comes next is another matter."""
        self.asked_ms = None

    def known(self, now_ms: int, *, reachable: bool) -> Silence | None:
        """What is known now; None while waiting may still tell."""
        if self.proven:
            return Silence.PROVEN
        waited_ms = now_ms - (now_ms if self.asked_ms is None else self.asked_ms)
        if self._heard_ms is None:  # we never allowed output, but another host may have
            return Silence.UNKNOWN if waited_ms > STUBBORN_MS or not reachable else None
        if self._bound_ms is None:  # nothing ends it but a stop that arrives, or the unit's own switch
            return Silence.UNKNOWN if waited_ms > STUBBORN_MS or not reachable else None
        lapsed_ms = self._heard_ms + self._bound_ms
        if now_ms < lapsed_ms:
            return None
        denied_ms = max(self._denied_ms.values(), default=None)
        if denied_ms is not None and denied_ms > lapsed_ms:  # the lease has run out, and output is still told
            return Silence.UNKNOWN if waited_ms > self._bound_ms + STUBBORN_MS or not reachable else None
        if reachable and denied_ms is not None and now_ms - denied_ms < self._bound_ms:  # told a moment ago
            return None
        if reachable and waited_ms <= self._bound_ms:
            return None
        return Silence.INFERRED if self._lease_works and not self._disobeying else Silence.UNKNOWN
