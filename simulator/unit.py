"""One simulated unit, sans-IO: bytes in, bytes out, time as an argument; and its true values, for tests.

It joins the firmware, which works in the unit's own time with what the sensors say, to the physics, which
works in true time. It knows nothing of the cable, and nothing of who is at the other end.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from device.wire.frame import Decoder, encode
from device.wire.messages import Family, UnitState
from simulator import families
from simulator.faults import IN_THE_PROGRAM, KINDS, ON_THE_LINE, Fault, FaultKind
from simulator.firmware import Firmware
from simulator.flaws import FlawedFirmware
from simulator.identity import Birth, checked_serial, serial_of
from simulator.nameplate import Nameplate, calibration_days, nameplate
from simulator.output_stage import OFF, OutputStage
from simulator.physics import TICK_MS, Moment
from simulator.record import Breach, OutputChange, Why
from simulator.rng import stream
from simulator.sensors import Readings
from simulator.unit_clock import UnitClock


class SimulatedUnit:
    """A unit of software, switched on at true time 0.

    ``boots`` is how often it has been started before: with the same seed it has another boot nonce each
    time. ``calibrated`` is the day of its last calibration, in days from 2020-01-01, when the nameplate's
    will not do. ``serial`` is its serial number; left out, it follows from the model and the seed. Faults of
    the line are the cable's and are passed over here, so that one list serves both.
    """

    firmware: type[Firmware] = FlawedFirmware
    bits_per_byte = 10  # on its line: 8N1
    half_duplex = False  # its line has a pair of wires for each direction

    def __init__(
        self,
        model: str,
        *,
        seed: int = 0,
        faults: Sequence[Fault] = (),
        on_change: Callable[[OutputChange], None] | None = None,
        boots: int = 0,
        calibrated: int | None = None,
        serial: str | None = None,
    ) -> None:
        self.plate = self._nameplate(model)
        self.changes: list[OutputChange] = []
        self.breaches: list[Breach] = []
        self.output_off_since_ms: int | None = 0
        self.serial = serial_of(model, seed) if serial is None else checked_serial(serial)
        self._seed = seed
        self._on_change = on_change
        self._boots = boots
        self._calibrated = calibration_days(self.plate.calibrated) if calibrated is None else calibrated
        self._faults = _own(faults, self.plate.family)
        self._edges = sorted(
            {at for fault in self._faults for at in (fault.at_ms, fault.until_ms)}, reverse=True
        )
        self._active: dict[FaultKind, Fault] = {}
        self._begun: set[Fault] = set()
        self._stuck: OutputStage | None = None
        self._frozen_c: float | None = None
        self._noise = stream(seed, "sensors")
        rng = stream(seed, "physics")
        self._body = families.body(self.plate, rng)
        self._time = UnitClock()
        self._session = 0
        self._energy_mj = 0.0
        self._delivered_ms = 0
        self._ticked_mj = 0.0
        self._now_ms = self._mark_ms = self._mark_own_ms = 0
        self._true = self._seen = 0.0
        self._tick_ms = TICK_MS
        self._boot(0)
        self._due_ms = self._next_due_ms()

    # The wire, and time

    def hear(self, data: bytes, now_ms: int) -> bytes:
        """Take in bytes that arrived at ``now_ms`` and return the answer's."""
        self.move_to(now_ms)
        return b"" if FaultKind.RESTART in self._active else self._answers(data)

    def _answers(self, data: bytes) -> bytes:
        said = b""
        for received in self._decoder.feed(data):
            self._settle(self._now_ms)
            output_stage, session = self._firmware.output_stage, self._firmware.session
            answer = self._firmware.hear(received, self._mark_own_ms)
            if output_stage is self._firmware.output_stage and session == self._firmware.session:
                self._due_ms = self._next_due_ms()  # its timers may run anew, and what goes out is as it was
            else:
                self._begin()
            said += b"" if answer is None else encode(answer)
        return said

    def next_ms(self) -> int:
        """When it will next do something by itself."""
        return self._due_ms

    def move_to(self, now_ms: int) -> None:
        """Move on to ``now_ms``; the number of calls until then makes no difference."""
        while (at_ms := self._due_ms) <= now_ms:
            self._now_ms = at_ms
            self._settle(at_ms)
            self._change_faults()
            self._run_timers()
            if at_ms == self._tick_ms:
                self._tick_ms += TICK_MS
                self._tick()
            self._begin()
        if now_ms > self._now_ms:
            self._now_ms = now_ms

    def inject(self, fault: Fault) -> None:
        """Let ``fault`` happen as well; one of the line is the cable's, and is passed over.

        Raise `ValueError` for one that cannot happen to this family, or that begins before now.
        """
        own = _own((fault,), self.plate.family)
        if fault.at_ms < self._now_ms:
            raise ValueError(f"{fault.kind} cannot begin at {fault.at_ms} ms: it is {self._now_ms} ms by now")
        self._faults += own
        self._edges = sorted(
            {*self._edges, *(at for each in own for at in (each.at_ms, each.until_ms))}, reverse=True
        )
        self._due_ms = self._next_due_ms()

    def expect_possible(self, kind: FaultKind) -> None:
        """Raise `ValueError` when a fault of ``kind`` cannot happen to this family."""
        _expect_possible(kind, self.plate.family)

    def sound(self, model: str, *, seed: int, boots: int, serial: str) -> SimulatedUnit:
        """Another unit of ``model`` that could be on the same cable, without a fault."""
        return SimulatedUnit(model, seed=seed, boots=boots, serial=serial)

    # The truth

    @property
    def output(self) -> float:
        """What physically goes out now: mW/cm² during the pulse, or percussions a minute; 0 when off."""
        return self._truth(self._time.of(self._now_ms))

    @property
    def duty_pct(self) -> int:
        """The share of the time for which it goes out, as it truly is; 0 when off."""
        return (self._stuck or self._firmware.output_stage).duty_pct

    @property
    def energy_mj(self) -> float:
        """What has gone out since the session was armed, whatever the unit has counted."""
        return self._energy_mj + self._since_mark(self.output)

    @property
    def delivered_ms(self) -> int:
        """True milliseconds with output since the session was armed, whatever the unit has counted."""
        return self._delivered_ms + (
            0 if self.output_off_since_ms is not None else self._now_ms - self._mark_ms
        )

    @property
    def lease_live(self) -> bool:
        """Whether the unit holds a lease that has not run out."""
        return self._firmware.lease_is_live(self._time.of(self._now_ms))

    @property
    def state(self) -> UnitState:
        """Where the unit's own program stands, whatever its reports say."""
        return self._firmware.state

    @property
    def own_ms(self) -> int:
        """What the unit's own clock shows, counted from its first start."""
        return self._time.of(self._now_ms)

    @property
    def head_temp(self) -> float:
        """°C at the face of the head, or in the winding of the motor."""
        return self._body.warmest_c

    @property
    def tissue_temp(self) -> float:
        """°C in the muscle under the head."""
        return self._body.tissue_c

    @property
    def coupling(self) -> float:
        """The share of what goes out that arrives."""
        return self._body.coupling

    # From event to event

    def _nameplate(self, model: str) -> Nameplate:
        return nameplate(model)

    def _next_due_ms(self) -> int:
        due_ms = self._tick_ms
        if self._edges and self._edges[-1] < due_ms:
            due_ms = self._edges[-1]
        own_ms = self._firmware.due_ms()
        if own_ms is not None and (timer_ms := self._time.when(own_ms)) < due_ms:
            due_ms = timer_ms
        return max(self._mark_ms, due_ms)

    def _run_timers(self) -> None:
        own_ms = self._firmware.due_ms()
        if own_ms is not None and own_ms <= self._mark_own_ms:
            # A fast clock may have skipped the millisecond; the timer has not.
            self._firmware.move_to(own_ms)

    def _settle(self, at_ms: int) -> None:
        """Book what went out since the last mark, at the levels that held until now, and set the mark."""
        own_ms = self._time.of(at_ms)
        true, seen = self._levels(own_ms)
        if self.output_off_since_ms is None:
            self._energy_mj += (mj := self._since_mark(true))
            self._ticked_mj += mj
            self._delivered_ms += at_ms - self._mark_ms
        self._firmware.meter((self._seen + seen) / 2 * (own_ms - self._mark_own_ms))
        self._mark_ms, self._mark_own_ms, self._true, self._seen = at_ms, own_ms, true, seen

    def _begin(self) -> None:
        """Apply the levels that hold from the mark on, until what falls due next."""
        self._true, self._seen = self._levels(self._mark_own_ms)
        output_off = self._stuck is None and self._firmware.output_stage is OFF
        if not output_off:
            self.output_off_since_ms = None
        elif self.output_off_since_ms is None:
            self.output_off_since_ms = self._mark_ms
        if self._firmware.session not in (0, self._session):
            self._session = self._firmware.session
            self._energy_mj, self._delivered_ms = 0.0, 0
        self._due_ms = self._next_due_ms()

    def _since_mark(self, level: float) -> float:
        duty_pct = self.duty_pct
        if not duty_pct:
            return 0.0
        mean = (self._true + level) / 2
        return mean * self._body.mw_per_level(duty_pct) * (self._now_ms - self._mark_ms) / 1000

    def _truth(self, own_ms: int) -> float:
        if self._stuck is not None:
            return float(self._stuck.target)
        output_stage = self._firmware.output_stage
        if output_stage is OFF or self._body.stalled:
            return 0.0
        aged = self._active and self._active.get(FaultKind.AGEING)
        return output_stage.level(own_ms) * (1 + aged.amount) if aged else output_stage.level(own_ms)

    def _levels(self, own_ms: int) -> tuple[float, float]:
        """What goes out, and what is measured of it."""
        true = self._truth(own_ms)
        lies = self._active and FaultKind.LYING_SENSOR in self._active
        return true, (self._sight(own_ms) if lies else true)

    def _sight(self, own_ms: int) -> float:
        lie = self._active and self._active.get(FaultKind.LYING_SENSOR)
        if not lie:
            return self._truth(own_ms)
        return self._firmware.output_stage.level(own_ms) if lie.amount >= 0.5 else 0.0

    def _tick(self) -> None:
        driven = self._firmware.output_stage is not OFF or self._stuck is not None
        self._body.tick(self._past(driven, power_w=self._ticked_mj / TICK_MS))
        self._ticked_mj = 0.0
        if FaultKind.RESTART not in self._active:
            self._firmware.sense(self._mark_own_ms, self._readings())

    def _past(self, driven: bool, power_w: float) -> Moment:
        if not self._active:
            return Moment(power_w, driven)
        lift, heat = self._active.get(FaultKind.LIFT_OFF), self._active.get(FaultKind.OVERHEAT)
        stall = self._active.get(FaultKind.STALL)
        return Moment(
            power_w=power_w,
            driven=driven,
            coupling=lift.amount if lift else None,
            heat_w=heat.amount if heat else 0.0,
            load=stall.amount if stall else None,
        )

    def _readings(self) -> Readings:
        body = self._body
        # A real sensor's last digit always varies; a constant one is stuck.
        head_c = body.head_c + self._noise.gauss(0, 0.05)
        if wild := self._active.get(FaultKind.IMPLAUSIBLE_SENSOR):
            head_c = wild.amount
        elif FaultKind.STUCK_SENSOR in self._active:
            head_c = self._frozen_c = head_c if self._frozen_c is None else self._frozen_c
        return Readings(
            contact=body.contact,
            head_c=head_c,
            load_n=body.load_n,
            stalled=body.stalled,
            winding_c=body.winding_c,
            charge=body.charge,
            cell_v=body.cell_v,
            supply_low=FaultKind.BROWN_OUT in self._active,
        )

    # Faults

    def _change_faults(self) -> None:
        if not self._edges or self._edges[-1] > self._mark_ms:
            return
        self._edges.pop()
        active = {fault.kind: fault for fault in self._faults if fault.during(self._mark_ms)}
        self._active = active
        for fault in self._newly_begun():
            self._strike(fault)
        self._firmware.suffer(self._flaws(), self._mark_own_ms)
        fast, slow = active.get(FaultKind.FAST_CLOCK), active.get(FaultKind.SLOW_CLOCK)
        self._time.run(self._mark_ms, (fast.amount if fast else 0.0) - (slow.amount if slow else 0.0))
        if FaultKind.STUCK_SENSOR not in active:
            self._frozen_c = None
        if self._stuck is not None and FaultKind.STUCK_OUTPUT not in active:
            self._stuck = None
            self._note_change(round(self._firmware.output_stage.level(self._mark_own_ms)), Why.UNSTUCK)

    def _flaws(self) -> dict[FaultKind, float]:
        return {kind: fault.amount for kind, fault in self._active.items() if kind in IN_THE_PROGRAM}

    def _newly_begun(self) -> Iterator[Fault]:
        for fault in self._faults:
            if fault.at_ms <= self._mark_ms and fault not in self._begun:
                self._begun.add(fault)
                yield fault

    def _strike(self, fault: Fault) -> None:
        if fault.kind is FaultKind.RESTART:
            self._restart()
        elif fault.kind is FaultKind.BROWN_OUT:
            self._firmware.dip(self._mark_own_ms)
        elif fault.kind is FaultKind.LOW_BATTERY:
            self._body.charge = min(self._body.charge, fault.amount)
        elif fault.kind is FaultKind.STUCK_OUTPUT and fault.for_ms:
            present = round(self._truth(self._mark_own_ms))
            level = round(fault.amount) or present or self.plate.level_min
            self._stuck = OutputStage(level, self._firmware.output_stage.duty_pct or 100, self._mark_own_ms)
            if level != present:
                self._note_change(level, Why.STUCK)

    def _restart(self) -> None:
        was_on = self._firmware.output_stage is not OFF
        self._boot(self._mark_own_ms)
        if was_on:
            self._note_change(0, Why.RESTART)

    def _boot(self, own_ms: int) -> None:
        nonce = stream(self._seed, f"boot {self._boots}").randrange(1, 2**32)
        self._boots += 1
        birth = Birth(nonce, self.serial, self._calibrated, own_ms)
        self._decoder = Decoder()
        self._firmware = self.firmware(
            self.plate, birth, self._readings(), self._sight, self._keep, self.breaches.append
        )
        self._firmware.suffer(self._flaws(), own_ms)

    def _note_change(self, level: int, why: Why) -> None:
        self._keep(OutputChange(self._mark_own_ms, level, why, family=self.plate.family))

    def _keep(self, change: OutputChange) -> None:
        self.changes.append(change)
        if self._on_change is not None:
            self._on_change(change)


def _own(faults: Sequence[Fault], family: Family) -> tuple[Fault, ...]:
    for fault in faults:
        _expect_possible(fault.kind, family)
    return tuple(fault for fault in faults if fault.kind not in ON_THE_LINE)


def _expect_possible(kind: FaultKind, family: Family) -> None:
    if family not in KINDS[kind].families:
        raise ValueError(f"{kind} cannot happen to a unit of {family.name.lower()}; leave it out")
