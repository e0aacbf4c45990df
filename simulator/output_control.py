"""The unit's output: its states, its timers to the millisecond, and what its sensors make of it.

Sans-IO: readings and the unit's own time go in, a commanded output comes out. What starts it, and what a host
may ask, is `simulator.firmware`'s.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from device.wire.messages import Arm, Fault, Set, UnitState
from simulator.families import metered_mw_per_level
from simulator.faults import FaultKind
from simulator.nameplate import Nameplate
from simulator.output_stage import OFF, OutputStage
from simulator.record import OutputChange, Why
from simulator.sensors import Readings, Sensors

RUNNING = (UnitState.EMITTING, UnitState.SUSPENDED)
_SENSED_EVERY_MS = 100


class OutputControl:
    """Output, from the start of a step to its end, and the counts of a session."""

    def __init__(
        self,
        plate: Nameplate,
        first: Readings,
        measure: Callable[[int], float],
        on_change: Callable[[OutputChange], None],
    ) -> None:
        self.state = UnitState.IDLE
        self.output_stage = OFF
        self.session = 0
        self.delivered_ms = 0
        self.step_ms = 0
        self.energy_mj = 0.0
        self.lease_until_ms = 0
        self._plate = plate
        self._measure = measure
        self._on_change = on_change
        self._sensors = Sensors(plate, first)
        self._faults = Fault(0)
        self._ceilings: Arm | None = None
        self._step: Set | None = None
        self._on_since_ms = 0
        self._suspended_since_ms = 0
        self._energy_out_ms: int | None = None
        self._lapses = 0

    # Time

    def due_ms(self) -> int | None:
        """When the next of its timers runs out, if one is set."""
        if self.state is UnitState.EMITTING:
            due = min(self.lease_until_ms, self._step_out_ms(), self._ceiling_ms())
            # The end of a ramp changes nothing here, but the line of the output bends.
            return min(due, self.output_stage.end_ms) if self.output_stage.ramp_ms else due
        if self.state is UnitState.SUSPENDED:
            return min(self.lease_until_ms, self._suspension_out_ms())
        return None

    def move_to(self, own_ms: int) -> None:
        """Act on the timers that have run out."""
        if self.state is UnitState.EMITTING:
            if own_ms >= self._step_out_ms():
                self._end(UnitState.READY, Why.STEP_DONE, own_ms)
            elif own_ms >= self._ceiling_ms():
                self._end(UnitState.READY, Why.CEILING, own_ms)
            elif own_ms >= self.lease_until_ms:
                self._lapse(own_ms)
            elif self.output_stage.ramp_ms and own_ms >= self.output_stage.end_ms:
                self.output_stage = self.output_stage.levelled(own_ms)
        elif self.state is UnitState.SUSPENDED:
            if own_ms >= self.lease_until_ms:
                self._lapse(own_ms)
            elif own_ms >= self._suspension_out_ms():
                self._end(UnitState.READY, Why.SUSPENSION_EXPIRED, own_ms)

    def suffer(self, flaws: Mapping[FaultKind, float], own_ms: int) -> None:
        """Nothing: this program has no flaw. `simulator.flaws` has one that does."""

    def delivered_now_ms(self, own_ms: int) -> int:
        """Delivered in this session until ``own_ms``."""
        return self.delivered_ms + (self._ran_ms(own_ms) if self.state is UnitState.EMITTING else 0)

    def lease_is_live(self, own_ms: int) -> bool:
        """Whether output is allowed at ``own_ms``."""
        return self.state in RUNNING and own_ms < self.lease_until_ms

    # Sensors

    def meter(self, level_ms: float) -> None:
        """Count what was measured: level × milliseconds."""
        if level_ms:
            self.energy_mj += level_ms * self._mw_per_level(self.output_stage.duty_pct) / 1000

    def sense(self, own_ms: int, readings: Readings) -> None:
        """Judge what the sensors say."""
        self._sensors.now = readings
        found = self._sensors.faults(own_ms, self.output_stage is not OFF, self._measure(own_ms))
        if found and found & ~self._faults:  # flags are slow, and this is asked at every tick
            self._fail(found, own_ms)
        elif self.state is UnitState.EMITTING:
            self._foresee_energy(own_ms)
            if self._sensors.contact_is_lost(own_ms, self.output_stage.level(own_ms)):
                self._suspend(own_ms)
        elif self.state is UnitState.SUSPENDED and self._sensors.contact_is_back(own_ms):
            self._resume(own_ms)

    def dip(self, own_ms: int) -> None:
        """The supply has dipped."""
        self._fail(Fault.SUPPLY, own_ms)

    # Output

    def _emit(self, own_ms: int, base: float, ramp_ms: int, why: Why) -> None:
        assert self._step is not None
        self.state = UnitState.EMITTING
        self._on_since_ms = own_ms
        self.output_stage = OutputStage(self._step.level, self._step.duty_pct, own_ms, base, ramp_ms)
        self._on_change(OutputChange(own_ms, self._step.level, why, ramp_ms, family=self._plate.family))

    def _end(self, state: UnitState, why: Why, own_ms: int) -> None:
        if self._step is not None:
            self._stand_still(own_ms)
            self._step, self.output_stage, self._energy_out_ms = None, OFF, None
            self._sensors.output_ended()
            self._on_change(OutputChange(own_ms, 0, why, family=self._plate.family))
        self.state = state

    def _lapse(self, own_ms: int) -> None:
        self._lapses += 1
        self._end(UnitState.LAPSED, Why.LEASE, own_ms)

    def _fail(self, found: Fault, own_ms: int) -> None:
        self._faults |= found
        self._end(UnitState.FAULT, Why.FAULT, own_ms)

    def _suspend(self, own_ms: int) -> None:
        self._stand_still(own_ms)
        self.state, self._suspended_since_ms, self.output_stage = UnitState.SUSPENDED, own_ms, OFF
        self._energy_out_ms = None  # nothing is given meanwhile
        self._sensors.output_ended()
        self._sensors.contact_is_back(own_ms)  # it is not, and its timer must start from here
        self._on_change(OutputChange(own_ms, 0, Why.CONTACT_LOST, family=self._plate.family))

    def _resume(self, own_ms: int) -> None:
        assert self._step is not None
        # A ramp that was cut short ends when it would have ended: nothing rises faster for having been held.
        ramp_ms = max(self._plate.resume_ramp_ms, self._step.ramp_ms - self.step_ms)
        self._emit(own_ms, 0.0, ramp_ms, Why.CONTACT_BACK)
        self._foresee_energy(own_ms)

    def _stand_still(self, own_ms: int) -> None:
        if self.state is UnitState.EMITTING:
            ran_ms = self._ran_ms(own_ms)
            self.step_ms += ran_ms
            self.delivered_ms += ran_ms
            self._on_since_ms = own_ms

    def _ran_ms(self, own_ms: int) -> int:
        """What is counted of the output that began, or was last booked, at ``_on_since_ms``."""
        return own_ms - self._on_since_ms

    def _when_ran(self, ran_ms: int) -> int:
        """When that will have been counted."""
        return self._on_since_ms + ran_ms

    def _suspension_out_ms(self) -> int:
        return self._suspended_since_ms + self._plate.suspension_max_ms

    def _step_out_ms(self) -> int:
        assert self._step is not None
        return self._when_ran(self._step.for_ms - self.step_ms)

    def _ceiling_ms(self) -> int:
        assert self._ceilings is not None
        time_out_ms = self._when_ran(self._ceilings.delivered_max_ms - self.delivered_ms)
        return time_out_ms if self._energy_out_ms is None else min(time_out_ms, self._energy_out_ms)

    def _foresee_energy(self, own_ms: int) -> None:
        assert self._ceilings is not None
        coming = max(
            self._measure(own_ms),
            self.output_stage.level(own_ms),
            self.output_stage.level(own_ms + _SENSED_EVERY_MS),
        )
        coming_mw = coming * self._mw_per_level(self.output_stage.duty_pct)
        left_mj = self._ceilings.energy_max_mj - self.energy_mj
        left_ms = int(left_mj * 1000 / coming_mw) if coming_mw else _SENSED_EVERY_MS + 1
        self._energy_out_ms = own_ms + max(left_ms, 0) if left_ms <= _SENSED_EVERY_MS else None

    def _mw_per_level(self, duty_pct: int) -> float:
        return metered_mw_per_level(self._plate, duty_pct, self._sensors.now.load_n)
