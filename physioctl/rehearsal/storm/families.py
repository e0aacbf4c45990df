"""What the storms' judge holds of each family, in numbers worked out here and by nobody else."""

from __future__ import annotations

from dataclasses import dataclass
from typing import assert_never

from device.wire.messages import Family
from protocols.plan import Percussion, Setting, Ultrasound
from simulator.nameplate import Nameplate


@dataclass(frozen=True, slots=True)
class Reckoned:
    """One family."""

    usual_ramp_ms: int  # where an author names none
    too_hot_c: float  # at the face of the head, or in the winding of the motor
    needs_end: bool  # on a body site, something other than the host has to end its output
    overheat_times: int  # how much more heat than a head an overheating unit of it takes


def reckoned(family: Family) -> Reckoned:
    """What is held of ``family``."""
    match family:
        case Family.ULTRASOUND:
            return Reckoned(usual_ramp_ms=3000, too_hot_c=43.0, needs_end=True, overheat_times=1)
        case Family.PERCUSSION:
            return Reckoned(usual_ramp_ms=1000, too_hot_c=85.0, needs_end=False, overheat_times=3)
    assert_never(family)


def level_and_duty(setting: Setting) -> tuple[int, int]:
    """The level that ``setting`` sets, and its duty cycle in %."""
    match setting:
        case Ultrasound():
            return setting.intensity_mw_cm2, setting.duty_pct
        case Percussion():
            return setting.speed_per_min, 100
    assert_never(setting)


def mj_per_ms(level: int, duty_pct: int, plate: Nameplate) -> float:
    """Energy of one millisecond: mW/cm² × cm² × duty. A gun plans no energy."""
    match plate.family:
        case Family.ULTRASOUND:
            return level * plate.area_mm2 / 100 * duty_pct / 100 / 1000
        case Family.PERCUSSION:
            return 0.0
    assert_never(plate.family)
