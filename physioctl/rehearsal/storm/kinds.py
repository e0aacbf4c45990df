"""The kinds of unit that a storm plays with, and what the judge holds each to: one table.

The figures are the judge's own. `device` has its own, and a test holds the two together.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from simulator.faults import FaultKind

_LEASE_MS = 500
_EMISSION_MS = 10_000  # of one start, by the unit's clock
_START_MS = 500  # for which a start may be under way before the unit refuses it as stale
_LINE_MS = 100  # a request under way and its answer: a stop follows them
_LEASE_FAULTS = frozenset((FaultKind.ENDLESS_LEASE,))
# Without reports of time, energy and session, and without a timer, these cannot happen or cannot be seen.
_COUNTS = frozenset(
    (
        FaultKind.ENDLESS_STEP,
        FaultKind.LYING_SESSION,
        FaultKind.LYING_COUNT,
        FaultKind.LYING_METER,
        FaultKind.LYING_DUTY,
    )
)


@dataclass(frozen=True, slots=True)
class Kind:
    """What a unit promises, as the judge holds it to."""

    line_ms: int  # that a stop may wait until the request under way is over
    goes_on_ms: (
        int | None
    )  # by the unit's clock, with the host or the line lost; None: until it is switched off
    leased: bool = True  # no more than a lease after it was last heard
    told: bool = True  # it counts time and energy, and holds the session's ceilings
    not_drawn: frozenset[FaultKind] = frozenset()  # cannot happen to it, or cannot be seen in its reports

    @property
    def timer_ms(self) -> int:
        """For how long its own timer may go on, where that alone ends its output without a host; else 0."""
        return 0 if self.leased else self.goes_on_ms or 0


KINDS: Mapping[tuple[str, str | None], Kind] = {
    ("native", None): Kind(0, _LEASE_MS),
    ("modbus", "lease"): Kind(_LINE_MS, _LEASE_MS),
    ("modbus", "timer"): Kind(_LINE_MS, _EMISSION_MS + _START_MS, leased=False, not_drawn=_LEASE_FAULTS),
    ("modbus", "none"): Kind(_LINE_MS, None, leased=False, told=False, not_drawn=_LEASE_FAULTS | _COUNTS),
}


def kind_called(dialect: str, host_loss: str | None) -> Kind:
    """The kind of unit so described; raise `ValueError` for one that there is not."""
    try:
        return KINDS[dialect, host_loss]
    except KeyError:
        raise ValueError(f"there are no simulated units that speak {dialect} with {host_loss}") from None


def host_loss_of(dialect: str, host_loss: str | None) -> str | None:
    """``host_loss``, or what it is where none is asked for."""
    return "lease" if dialect == "modbus" and host_loss is None else host_loss
