"""What is known of the output being off: proven by the unit, inferred from its lease, or not known.

Plain values and times; it sends nothing and waits for nothing. What it says ends up on the screen, in
the journal and in the exit code.
"""

from __future__ import annotations

from device.dialect import Report, UnitState
from device.events import Silence

LEASE_MARGIN_PCT = 10  # a unit's clock may be this slow before its lease is not believed
STUBBORN_MS = (
    2000  # for how much longer a stop is repeated to a unit that says it has output, or says nothing
)


class Quiet:
    """Keeps account of permissions given, stops asked, and what the unit has said since."""

    def __init__(self) -> None:
        self.proven = False  # the unit's latest word, heard since anything last allowed output
        self.asked_ms: int | None = None  # since when a stop stands
        self._heard_ms: int | None = None  # when the unit was last heard before output was last allowed
        self._bound_ms = 0
        self._denied_ms = 0  # when the unit last said that it has output
        self._disobeys = False  # it has output that it knows should be off: no lease ends that
        self._lease_works = True  # until it has been seen not to: what it has granted is then no bound

    @property
    def stopping(self) -> bool:
        """A stop stands, and the unit has not said that its output is off."""
        return self.asked_ms is not None and not self.proven

    def allow(self, heard_ms: int, lease_ms: int) -> None:
        """A message leaves that allows output for ``lease_ms`` from the report heard at ``heard_ms``."""
        self.proven = False
        self._heard_ms = heard_ms
        self._bound_ms = lease_ms + lease_ms * LEASE_MARGIN_PCT // 100

    def ask(self, now_ms: int, *, reachable: bool) -> None:
        """A stop is asked. What was proven before is proven anew, unless there is nobody to ask."""
        if (
            self.asked_ms is None or self.proven
        ):  # an old stop has done its work, and says nothing of this one
            self.asked_ms = now_ms
        if reachable:
            self.proven = False

    def hear(self, report: Report, now_ms: int) -> None:
        """The unit has spoken."""
        self.proven = report.silent
        if report.silent:
            self._disobeys = False
            return
        self._denied_ms = now_ms
        self._disobeys = self._disobeys or (report.output > 0 and report.state is not UnitState.EMITTING)

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
        lapsed_ms = self._heard_ms + self._bound_ms
        if now_ms < lapsed_ms:
            return None
        if self._denied_ms > lapsed_ms:  # its lease has run out, and it still says it has output
            return Silence.UNKNOWN if waited_ms > self._bound_ms + STUBBORN_MS or not reachable else None
        if reachable and now_ms - self._denied_ms < self._bound_ms:  # it has only just said otherwise
            return None
        if reachable and waited_ms <= self._bound_ms:
            return None
        return Silence.INFERRED if self._lease_works and not self._disobeys else Silence.UNKNOWN
