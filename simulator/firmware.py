"""The unit's firmware: its states, its timers to the millisecond, and its answers.

Sans-IO: frames and readings in, a commanded output and answers out, time as an argument (the unit's own).
It knows nothing of the host.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TypeAlias

from device.wire.frame import Damage, Frame, Received
from device.wire.messages import (
    Arm,
    Capabilities,
    Clear,
    Fault,
    GetCapabilities,
    GetStatus,
    Identify,
    Identity,
    Lower,
    Renew,
    Result,
    Sensor,
    Set,
    Status,
    Stop,
    Type,
    UnitState,
    read,
)
from simulator import checks
from simulator import identity as identity
from simulator.families import metered_mw_per_level
from simulator.faults import FaultKind
from simulator.identity import Birth
from simulator.nameplate import Nameplate
from simulator.output_stage import OFF, OutputStage
from simulator.record import Breach, OutputChange, Why
from simulator.replay_cache import ReplayCache
from simulator.sensors import Readings, Sensors

_FROM_UNIT = 0x80
_SENSED_EVERY_MS = 100
_DATED_MS = 1000  # an Arm or a Clear dated as long ago as this is late
_U16 = 0xFFFF
_U32 = 0xFFFF_FFFF

# A correct host is never refused for these; other refusals may be a race that it cannot see.
_BREACHES = frozenset(
    (
        Result.BAD_LENGTH,
        Result.BAD_VALUE,
        Result.BAD_LEASE,
        Result.BAD_SESSION,
        Result.OVER_NAMEPLATE,
        Result.OVER_CEILING,
    )
)
_REQUESTS = tuple(int(known) for known in Type)
_RUNNING = (UnitState.EMITTING, UnitState.SUSPENDED)

Order: TypeAlias = GetStatus | Arm | Set | Renew | Lower | Stop | Clear
_ORDERS = (GetStatus, Arm, Set, Renew, Lower, Stop, Clear)


class Firmware:
    """One run of the program, from power to power."""

    def __init__(
        self,
        plate: Nameplate,
        birth: Birth,
        first: Readings,
        measure: Callable[[int], float],
        on_change: Callable[[OutputChange], None],
        on_breach: Callable[[Breach], None],
    ) -> None:
        self.state = UnitState.IDLE
        self.output_stage = OFF
        self.session = 0
        self.delivered_ms = 0
        self.step_ms = 0
        self.energy_mj = 0.0
        self.lease_until_ms = 0
        self._plate = plate
        self._birth = birth
        self._measure = measure
        self._on_change = on_change
        self._on_breach = on_breach
        self._has = frozenset(plate.sensors)
        self._replay_cache = ReplayCache()
        self._sensors = Sensors(plate, first)
        self._faults = Fault(0)
        self._ceilings: Arm | None = None
        self._step: Set | None = None
        self._on_since_ms = 0
        self._suspended_since_ms = 0
        self._energy_out_ms: int | None = None
        self._bad_frames = 0
        self._lapses = 0
        self._stopped_ms: int | None = None  # when the latest Stop was taken

    # The wire

    def hear(self, received: Received, own_ms: int) -> Frame | None:
        """Answer one frame; damage is counted and not answered."""
        if isinstance(received, Damage) or received.type >= _FROM_UNIT:
            self._bad_frames += 1
            return None
        message = read(received.type, received.body)
        if isinstance(message, _ORDERS):
            result = self._once(received, message, own_ms)
            return self._status(received, result, own_ms)
        if isinstance(message, Identify):
            answer: Identity | Capabilities = identity.identity(self._plate, self._birth)
        elif isinstance(message, GetCapabilities):
            answer = identity.capabilities(self._plate)
        else:
            result = Result.BAD_LENGTH if received.type in _REQUESTS else Result.UNKNOWN_TYPE
            self._judge(result, received, own_ms)
            return self._status(received, result, own_ms)
        return Frame(answer.TYPE, received.seq, answer.pack())

    def _once(self, frame: Frame, message: Order, own_ms: int) -> Result:
        if self._replay_cache.is_repeat(frame):
            return Result.OK
        new = self._replay_cache.is_new(frame.seq)
        session = self.session
        result = self._do(message, own_ms, new)
        if new and not self._is_late(message, own_ms):
            self._judge(result, message, own_ms)
            if isinstance(message, Set) and self.state is UnitState.IDLE and result is Result.BAD_STATE:
                self._on_breach(Breach(own_ms, result, str(message)))
        if self.session != session:
            self._replay_cache.begin(frame, replaced=session)
        if result is Result.OK and not isinstance(message, GetStatus | Stop):
            self._replay_cache.keep(frame)
        return result

    def _is_late(self, message: Order, own_ms: int) -> bool:
        """Whether the cable has turned a request round, or kept it until its session was over or stopped.

        That is no fault of the host's.
        """
        if not isinstance(message, Set | Renew | Lower):
            return False
        dated_before = isinstance(message, Set) and self._is_before_stop(message.unit_uptime_ms, own_ms)
        return dated_before or self._replay_cache.is_over(message.session)

    def _judge(self, result: Result, asked: object, own_ms: int) -> None:
        if result in _BREACHES:
            self._on_breach(Breach(own_ms, result, str(asked)))

    def _do(self, message: Order, own_ms: int, new: bool) -> Result:
        if isinstance(message, Stop):
            self._stop(own_ms)
            return Result.OK
        if isinstance(message, GetStatus):
            return Result.OK
        if message.nonce != self._birth.nonce:
            return Result.BAD_NONCE
        if isinstance(message, Arm):
            return self._arm(message, own_ms, new)
        if isinstance(message, Clear):
            return self._clear(message, own_ms)
        if isinstance(message, Lower):
            return self._lower(message, own_ms)
        return self._run(message, own_ms, new)

    # Requests

    def _arm(self, asked: Arm, own_ms: int, new: bool) -> Result:
        if self.state is UnitState.FAULT:
            return Result.FAULTED
        if self.state in _RUNNING:
            return Result.BAD_STATE
        again = asked.session == self.session
        if (again and not new) or self._replay_cache.is_over(asked.session):
            return Result.STALE
        if self._age_ms(asked.unit_uptime_ms, own_ms) >= _DATED_MS:
            return Result.STALE
        if self._is_before_stop(asked.unit_uptime_ms, own_ms):
            return Result.STALE
        refused = checks.arm(self._plate, asked)
        if refused:
            return refused
        if again and self._ceilings is not None and checks.raises(asked, self._ceilings):
            return Result.OVER_CEILING
        if not again:
            self.session, self.delivered_ms, self.step_ms, self.energy_mj = asked.session, 0, 0, 0.0
        self._ceilings = asked
        self.state = UnitState.READY
        return Result.OK

    def _run(self, asked: Set | Renew, own_ms: int, new: bool) -> Result:
        if self.state is UnitState.FAULT:
            return Result.FAULTED
        if self.state not in _RUNNING and (isinstance(asked, Renew) or self.state is not UnitState.READY):
            return Result.BAD_STATE
        if asked.session != self.session:
            return Result.BAD_SESSION
        if not new:
            return Result.STALE
        if isinstance(asked, Set):
            return self._set(asked, own_ms)
        if not checks.lease(self._plate, asked.lease_ms):
            return Result.BAD_LEASE
        return Result.OK if self._lease(asked, own_ms) else Result.STALE

    def _set(self, asked: Set, own_ms: int) -> Result:
        refused = checks.set_(self._plate, asked)
        if refused:
            return refused
        ceilings = self._ceilings
        delivered_ms = self.delivered_now_ms(own_ms)
        one_ms_mj = asked.level * self._mw_per_level(asked.duty_pct) / 1000
        if (
            ceilings is None
            or asked.level > ceilings.level_max
            or delivered_ms + asked.for_ms > ceilings.delivered_max_ms
            or self.energy_mj + one_ms_mj > ceilings.energy_max_mj
        ):
            return Result.OVER_CEILING
        if not self._lease(asked, own_ms):
            return Result.STALE
        self._stand_still(own_ms)
        self._step, self.step_ms = asked, 0
        if self.state is not UnitState.SUSPENDED:  # what is held begins when contact is back, and not before
            self._emit(own_ms, self.output_stage.level(own_ms), asked.ramp_ms, Why.SET)
            self._foresee_energy(own_ms)
        return Result.OK

    def _lower(self, asked: Lower, own_ms: int) -> Result:
        if self.state is UnitState.FAULT:
            return Result.FAULTED
        if self.state not in _RUNNING:
            return Result.BAD_STATE
        if asked.session != self.session:
            return Result.BAD_SESSION
        if asked.level < self._plate.level_min:
            return Result.BAD_VALUE
        assert self._step is not None
        if asked.level > self._step.level:
            return Result.OVER_CEILING
        if self._ceilings is not None:
            self._ceilings = replace(self._ceilings, level_max=asked.level)
        changes = asked.level < self._step.level or self.output_stage.level(own_ms) > asked.level
        self._step = replace(self._step, level=asked.level)
        if changes and self.state is UnitState.EMITTING:
            self.output_stage = self.output_stage.lowered(asked.level, own_ms)
            self._on_change(OutputChange(own_ms, asked.level, Why.LOWER, family=self._plate.family))
            self._foresee_energy(own_ms)
        return Result.OK

    def _age_ms(self, unit_uptime_ms: int, own_ms: int) -> int:
        """How old the status is that a request is based on, in ms; one from the future counts as never
        sent."""
        return (self._uptime_ms(own_ms) - unit_uptime_ms) & _U32

    def _is_before_stop(self, unit_uptime_ms: int, own_ms: int) -> bool:
        """Whether the host had not heard of the latest Stop, nor of anything since."""
        return (
            self._stopped_ms is not None and self._age_ms(unit_uptime_ms, own_ms) > own_ms - self._stopped_ms
        )

    def _lease(self, asked: Set | Renew, own_ms: int) -> bool:
        """Let the lease run from what the host has heard, unless it would be over already.

        A Renew never shortens the lease that is running.
        """
        until_ms = own_ms - self._age_ms(asked.unit_uptime_ms, own_ms) + asked.lease_ms
        if until_ms <= own_ms:
            return False
        shortens = isinstance(asked, Renew) and until_ms < self.lease_until_ms
        self.lease_until_ms = self.lease_until_ms if shortens else until_ms
        return True

    def _stop(self, own_ms: int) -> None:
        self._stopped_ms = own_ms
        self._replay_cache.stop()
        if self.state is UnitState.FAULT:
            return
        self._end(UnitState.IDLE, Why.STOP, own_ms)

    def _clear(self, asked: Clear, own_ms: int) -> Result:
        if self.state is not UnitState.FAULT:
            return Result.BAD_STATE
        if self._age_ms(asked.unit_uptime_ms, own_ms) >= _DATED_MS:
            return Result.STALE
        if self._sensors.remaining(self._faults, self._measure(own_ms)):
            return Result.CAUSE_REMAINS
        self._faults = Fault(0)
        self.state = UnitState.IDLE
        return Result.OK

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
        return self.state in _RUNNING and own_ms < self.lease_until_ms

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

    # Answers

    def _uptime_ms(self, own_ms: int) -> int:
        return (own_ms - self._birth.own_ms) & _U32

    def _status(self, frame: Frame, result: Result, own_ms: int) -> Frame:
        now, step, has = self._sensors.now, self._step, self._has
        running = self._ran_ms(own_ms) if self.state is UnitState.EMITTING else 0
        lease_left_ms = self.lease_until_ms - own_ms if self.state in _RUNNING else 0
        status = Status(
            asked=frame.type,
            result=result,
            state=self.state,
            faults=self._faults,
            nonce=self._birth.nonce,
            session=self.session,
            level_set=step.level if step else 0,
            duty_set_pct=step.duty_pct if step else 0,
            measured_level=min(round(self._measure(own_ms)), _U16),
            head_temp_ddeg_c=round(now.head_c * 10) if Sensor.HEAD_TEMP in has else 0,
            contact_pct=round(now.contact * 100) if Sensor.CONTACT in has else 0,
            battery_pct=round(now.charge * 100) if Sensor.BATTERY in has else 100,
            force_n=min(round(now.load_n), _U16) if Sensor.FORCE in has else 0,
            step_ms=self.step_ms + running,
            delivered_ms=self.delivered_now_ms(own_ms),
            energy_mj=min(int(self.energy_mj), _U32),
            lease_left_ms=max(0, lease_left_ms),
            uptime_ms=self._uptime_ms(own_ms),
            bad_frames=self._bad_frames & _U16,
            lapses=self._lapses & _U16,
        )
        return Frame(Type.STATUS, frame.seq, status.pack())
