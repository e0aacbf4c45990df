"""The unit's firmware: what a host may ask of it, what it refuses, and its answers.

Sans-IO: frames in, answers out, time as an argument (the unit's own). It knows nothing of the host. States,
timers and output are `simulator.output_control`'s.
"""

from __future__ import annotations

from collections.abc import Callable
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
from simulator import checks, identity
from simulator.identity import Birth
from simulator.nameplate import Nameplate
from simulator.output_control import RUNNING, OutputControl
from simulator.record import Breach, OutputChange, Why
from simulator.replay_cache import ReplayCache
from simulator.sensors import Readings

_FROM_UNIT = 0x80
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

Order: TypeAlias = GetStatus | Arm | Set | Renew | Lower | Stop | Clear
_ORDERS = (GetStatus, Arm, Set, Renew, Lower, Stop, Clear)


class Firmware(OutputControl):
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
        super().__init__(plate, first, measure, on_change)
        self._birth = birth
        self._on_breach = on_breach
        self._has = frozenset(plate.sensors)
        self._replay_cache = ReplayCache()
        self._bad_frames = 0
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
        if self.state in RUNNING:
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
        if self.state not in RUNNING and (isinstance(asked, Renew) or self.state is not UnitState.READY):
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
        if self.state not in RUNNING:
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

    # Answers

    def _uptime_ms(self, own_ms: int) -> int:
        return (own_ms - self._birth.own_ms) & _U32

    def _status(self, frame: Frame, result: Result, own_ms: int) -> Frame:
        now, step, has = self._sensors.now, self._step, self._has
        running = self._ran_ms(own_ms) if self.state is UnitState.EMITTING else 0
        lease_left_ms = self.lease_until_ms - own_ms if self.state in RUNNING else 0
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
