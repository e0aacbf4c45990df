"""What is known of the output being off: confirmed by the unit, presumed from its lease or timer, or not
known.

Only the unit to which output was permitted can confirm it. A unit that has restarted counts as another
unit: its boot nonce differs. The result is shown on the screen, in the journal and as the exit code.
"""

from __future__ import annotations

from device.dialects.base import Status, UnitState
from device.events import OffConfirmation

# The figures are this project's own.
LEASE_MARGIN_PCT = 10  # a unit's clock may be this slow
WITHOUT_END_MS = 20_000  # a unit that nothing but its switch ends is told to stop for so long
STUBBORN_MS = 2000  # after the lease's bound, for a unit that reports output or does not answer


class OutputOff:
    """Keeps account of permissions, stops, and what the unit has reported since."""

    def __init__(self) -> None:
        # confirmed_off: the unit that last had a permission has reported output off, and neither a stop nor
        # output has been requested since. _off: the same, but for stops.
        self.confirmed_off = self._off = False
        self.asked_ms: int | None = None  # when a stop was requested that has not been confirmed
        self._received_at_ms: int | None = None  # of the status that the latest permission is based on
        # For how long output may go on from there, by our clock; None: until the unit is switched off.
        self._bound_ms: int | None
        self._nonce: int | None = None  # of the unit that last had a permission; None before the first
        self._lease_works = True  # False once the lease was seen not to run: it is no bound then
        # By nonce: when a unit last reported output, unless it has reported output off since; and the units
        # that report output which should be off by their own state: no lease ends that.
        self._denied_ms: dict[int, int] = {}
        self._disobeying: set[int] = set()

    @property
    def stopping(self) -> bool:
        """Whether a stop was requested and output is not confirmed off."""
        return self.asked_ms is not None and not self.confirmed_off

    def allow(self, received_at_ms: int, for_ms: int | None, nonce: int) -> None:
        """Note a message that permits output for ``for_ms`` from the status received at ``received_at_ms``.

        By the unit's clock, and at most: for a lease, or until its own timer ends what was asked. None is for
        a unit that has neither. ``nonce`` is that of the unit it is for.
        """
        self.confirmed_off = self._off = False
        self._nonce = nonce
        self._received_at_ms = received_at_ms
        self._bound_ms = None if for_ms is None else for_ms + for_ms * LEASE_MARGIN_PCT // 100

    def ask(self, now_ms: int, *, reachable: bool) -> None:
        """Note a stop. Output has to be confirmed off again, unless the unit cannot be reached."""
        if self.asked_ms is None or self.confirmed_off:  # a confirmed stop is over: this is a new one
            self.asked_ms = now_ms
        if reachable:
            self.confirmed_off = False

    def hear(self, status: Status, now_ms: int) -> None:
        """Note a status. Of a unit without a permission only output counts, and not output off.

        Output that one unit has reported is not ended by another unit that reports output off.
        """
        if self._nonce in (None, status.nonce):
            self._off = status.output_is_off
        elif not status.output_is_off:
            self._off = False
        if status.output_is_off:
            self._denied_ms.pop(status.nonce, None)
            self._disobeying.discard(status.nonce)
        else:
            self._denied_ms[status.nonce] = now_ms
            if status.measured_level > 0 and status.state is not UnitState.EMITTING:
                self._disobeying.add(status.nonce)
        self.confirmed_off = self._off and not self._denied_ms

    def distrust_lease(self) -> None:
        """Note that the lease does not run: from now on output off is never presumed."""
        self._lease_works = False

    def rest(self) -> None:
        """End the account of the present stop."""
        self.asked_ms = None

    def known(self, now_ms: int, *, reachable: bool) -> OffConfirmation | None:
        """Return what is known of output off; None while an answer may still come."""
        if self.confirmed_off:
            return OffConfirmation.CONFIRMED
        waited_ms = now_ms - (now_ms if self.asked_ms is None else self.asked_ms)
        if self._received_at_ms is None:  # no permission was given by this host, but perhaps by another
            return OffConfirmation.UNKNOWN if waited_ms > STUBBORN_MS or not reachable else None
        if self._bound_ms is None:  # nothing ends it but a stop that arrives, or the unit's own switch
            return OffConfirmation.UNKNOWN if waited_ms > WITHOUT_END_MS or not reachable else None
        lapsed_ms = self._received_at_ms + self._bound_ms
        if now_ms < lapsed_ms:
            return None
        denied_ms = max(self._denied_ms.values(), default=None)
        # The lease has run out, and output is still reported.
        if denied_ms is not None and denied_ms > lapsed_ms:
            return (
                OffConfirmation.UNKNOWN if waited_ms > self._bound_ms + STUBBORN_MS or not reachable else None
            )
        # Reported a moment ago.
        if reachable and denied_ms is not None and now_ms - denied_ms < self._bound_ms:
            return None
        if reachable and waited_ms <= self._bound_ms:
            return None
        return (
            OffConfirmation.PRESUMED
            if self._lease_works and not self._disobeying
            else OffConfirmation.UNKNOWN
        )
