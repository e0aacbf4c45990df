"""The firmware's use of its sensors: contact, and the faults that end output.

Each condition must last for a time before it counts. Nothing here knows of sessions, leases or the wire.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import reduce
from operator import or_

from device.wire.messages import Fault
from simulator.nameplate import Nameplate

_CONTACT = 0.5
_HOT_MS = 1000
_STUCK_MS = 200
_STALL_MS = 700
_WINDING_TRIP_C = 85.0
_WINDING_CLEAR_C = 70.0
_CHARGE_MIN = 0.02
_CELL_MIN_V = 3.0
_PLAUSIBLE_C = (-20.0, 120.0)
_NOTHING = Fault(0)


@dataclass(frozen=True, slots=True)
class Readings:
    """Everything measured at one moment, true or not."""

    contact: float
    head_c: float
    load_n: float
    stalled: bool
    winding_c: float
    charge: float
    cell_v: float
    supply_low: bool


class Timer:
    """How long something has been so, without a break."""

    def __init__(self) -> None:
        self._since: int | None = None

    def lasts(self, so: bool, own_ms: int) -> int:
        """Milliseconds for which it has been so; -1 when it is not."""
        if not so:
            self._since = None
            return -1
        if self._since is None:
            self._since = own_ms
        return own_ms - self._since


@dataclass(slots=True)
class Sensors:
    """The timers behind the rules."""

    plate: Nameplate
    now: Readings
    _lost: Timer = field(default_factory=Timer)
    _back: Timer = field(default_factory=Timer)
    _hot: Timer = field(default_factory=Timer)
    _stuck: Timer = field(default_factory=Timer)
    _stall: Timer = field(default_factory=Timer)

    def contact_is_lost(self, own_ms: int, level: float) -> bool:
        """Whether contact has been too poor for the grace, at a level where it is judged at all."""
        judged = bool(self.plate.contact_from_level) and level >= self.plate.contact_from_level
        lost_ms = self._lost.lasts(judged and self.now.contact < _CONTACT, own_ms)
        return lost_ms >= self.plate.contact_grace_ms

    def output_ended(self) -> None:
        """Contact that is lost is timed anew from the next output on."""
        self._lost = Timer()

    def contact_is_back(self, own_ms: int) -> bool:
        """Whether contact has been good for long enough to go on."""
        return self._back.lasts(self.now.contact >= _CONTACT, own_ms) >= self.plate.contact_back_ms

    def faults(self, own_ms: int, driven: bool, seen: float) -> Fault:
        """What is wrong now, ``seen`` being the output that is measured."""
        found = _NOTHING
        head_ddeg_c = self.now.head_c * 10
        # A reading that cannot be says nothing about the heat.
        hot = self._plausible() and 0 < self.plate.head_trip_ddeg_c <= head_ddeg_c
        if self._hot.lasts(hot, own_ms) >= _HOT_MS:
            found |= Fault.HEAD_HOT
        if not self._plausible():
            found |= Fault.SENSOR
        if self._stuck.lasts(seen > 0 and not driven, own_ms) > _STUCK_MS:
            found |= Fault.OUTPUT_STUCK
        if self._stall.lasts(self.now.stalled, own_ms) > _STALL_MS:
            found |= Fault.STALL
        if self.now.winding_c > _WINDING_TRIP_C:
            found |= Fault.MOTOR_HOT
        if self._empty():
            found |= Fault.BATTERY_EMPTY
        if self.now.supply_low:
            found |= Fault.SUPPLY
        return found

    def remaining(self, latched: Fault, seen: float) -> Fault:
        """Which of the latched faults still have their cause."""
        head_hot = self.now.head_c * 10 > self.plate.head_clear_ddeg_c
        there = {
            Fault.HEAD_HOT: head_hot,
            Fault.SENSOR: not self._plausible(),
            Fault.OUTPUT_STUCK: seen > 0,
            Fault.STALL: self.now.load_n > self.plate.stall_n,
            Fault.MOTOR_HOT: self.now.winding_c > _WINDING_CLEAR_C,
            Fault.BATTERY_EMPTY: self._empty(),
            Fault.SUPPLY: self.now.supply_low,
        }
        return latched & reduce(or_, (fault for fault, so in there.items() if so), _NOTHING)

    def _plausible(self) -> bool:
        low, high = _PLAUSIBLE_C
        return low <= self.now.head_c <= high

    def _empty(self) -> bool:
        return bool(self.plate.cells) and (self.now.charge <= _CHARGE_MIN or self.now.cell_v < _CELL_MIN_V)
