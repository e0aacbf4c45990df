"""What leads to output, made from what is known of the session: the permission, the arming, and the start.

Nothing is sent from here. Raise `GuardRefused` where a request cannot be made from what is known.
"""

from __future__ import annotations

from dataclasses import asdict

from device.control.state import SessionState, misused
from device.dialects.base import Arm, SetOutput
from device.events import OutputPermitted
from protocols.plan import Emit


def permission(step: Emit, for_ms: int, now_ms: int) -> OutputPermitted:
    """The event that has to be on the disk before the output of ``step`` starts, for ``for_ms``."""
    ramp_ms = min(step.ramp_ms, for_ms)
    return OutputPermitted(at_ms=now_ms, setting=asdict(step.setting), for_ms=for_ms, ramp_ms=ramp_ms)


def arming(known: SessionState) -> Arm:
    """The request that gives the session's ceilings to the unit."""
    if known.plan is None or known.status is None:
        raise misused("the unit was to be armed for no plan, or before it has reported")
    return Arm(
        nonce=known.driven_unit.identity.nonce,
        session=known.session,
        level_max=known.level_max,
        delivered_max_ms=known.plan.delivered_ms,
        energy_max_mj=known.energy_ceiling_mj,
        unit_uptime_ms=known.status.uptime_ms,
    )


def start(known: SessionState, step: Emit, for_ms: int) -> SetOutput:
    """The request that starts the output of ``step``, for ``for_ms``."""
    unit = known.driven_unit
    if known.status is None:
        raise misused("output was to be started on a unit that has not reported")
    return SetOutput(
        nonce=unit.identity.nonce,
        session=known.session,
        setting=step.setting,
        for_ms=for_ms,
        ramp_ms=min(step.ramp_ms, for_ms),
        unit_uptime_ms=known.status.uptime_ms,
        lease_ms=unit.lease_ms,
    )
