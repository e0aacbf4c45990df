"""What the unit refuses by its nameplate, in any state."""

from __future__ import annotations

from device.wire.messages import Arm, Result, Set
from simulator import families
from simulator.nameplate import Nameplate


def arm(plate: Nameplate, asked: Arm) -> Result:
    """Compare a session's ceilings with the nameplate."""
    if not (asked.session and asked.level_max and asked.delivered_max_ms and asked.energy_max_mj):
        return Result.BAD_VALUE
    if asked.level_max > plate.level_max or asked.delivered_max_ms > plate.delivered_max_ms:
        return Result.OVER_NAMEPLATE
    return Result.OK


def set_(plate: Nameplate, asked: Set) -> Result:
    """Compare a step with the nameplate."""
    if not _means_something(plate, asked):
        return Result.BAD_VALUE
    if not lease(plate, asked.lease_ms):
        return Result.BAD_LEASE
    average = asked.level * asked.duty_pct  # in hundredths
    if asked.level > plate.level_max or asked.for_ms > plate.step_max_ms:
        return Result.OVER_NAMEPLATE
    if plate.average_max and average > plate.average_max * 100:
        return Result.OVER_NAMEPLATE
    return Result.OK


def lease(plate: Nameplate, lease_ms: int) -> bool:
    """Whether the unit gives leases this long."""
    return plate.lease_min_ms <= lease_ms <= plate.lease_max_ms


def _means_something(plate: Nameplate, asked: Set) -> bool:
    has_timer = plate.step_max_ms > 0
    timed = 0 < asked.for_ms >= asked.ramp_ms if has_timer else asked.for_ms == 0
    if asked.level < plate.level_min or not timed:
        return False
    return families.gives(plate, asked)


def raises(asked: Arm, armed: Arm) -> bool:
    """Whether ``asked`` lifts any ceiling that ``armed`` has set."""
    return (
        asked.level_max > armed.level_max
        or asked.delivered_max_ms > armed.delivered_max_ms
        or asked.energy_max_mj > armed.energy_max_mj
    )
