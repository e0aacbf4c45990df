"""How a unit is driven, by what ends its output when the host is lost.

What follows from `HostLoss` is said here: the schedule of the messages, what is presumed of output off and
what a person is told take it from here. The guard has bounds of its own, so that a mistake here is caught
there. The figures are this project's own.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from device.dialects.base import HostLoss

EMISSION_MAX_MS = 10_000  # of one start, where only the unit's timer ends it
STOP_WITHIN_MS = 100  # from when a stop is due until the unit has carried it out, on a sound line
START_WITHIN_MS = 500  # a start that has been under way for longer is refused by the unit, as stale


@dataclass(frozen=True, slots=True)
class Policy:
    """What a session does, and what may be said of it."""

    leased: bool  # output is permitted for a lease at a time, and the lease is renewed
    unit_ends_steps: bool  # by a timer of its own; if not, the host ends each step with a stop
    emission_max_ms: int | None  # the longest that one start may ask for; None: a whole step
    ends_early_ms: int  # before a step's end the host stops it: a stop may wait for the line. It counts whole
    attended_only: bool  # and never for ultrasound on a body site
    told: str  # to a person, before the start; empty where nothing is missing


POLICIES: Mapping[HostLoss, Policy] = {
    HostLoss.LEASE: Policy(
        leased=True, unit_ends_steps=True, emission_max_ms=None, ends_early_ms=0, attended_only=False, told=""
    ),
    HostLoss.OWN_TIMER: Policy(
        leased=False,
        unit_ends_steps=True,
        emission_max_ms=EMISSION_MAX_MS,
        ends_early_ms=0,
        attended_only=False,
        told=f"without this computer the unit's timer ends output, after up to {EMISSION_MAX_MS // 1000} s",
    ),
    # Modelled on 21 CFR 1050.10 (c)(2) as codified to 2022: an ultrasonic therapy unit has to have a timer.
    HostLoss.NONE: Policy(
        leased=False,
        unit_ends_steps=False,
        emission_max_ms=None,
        ends_early_ms=STOP_WITHIN_MS,
        attended_only=True,
        told="without this computer only the unit's own switch ends output",
    ),
}
