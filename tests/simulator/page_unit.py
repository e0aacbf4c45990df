"""A unit written from docs/wire.md alone, for `test_lockstep` to hold the simulated firmware against.

It shares no code with the simulator, and none with the generated messages: it lays bodies out by itself.
Ultrasound only, without an energy ceiling that could be reached: how early that cuts is a unit's own.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from math import inf
from struct import Struct
from typing import Any, NamedTuple

IDENTIFY, GET_CAPABILITIES, GET_STATUS, ARM, SET, RENEW, STOP, CLEAR, LOWER = range(1, 10)
IDENTITY, CAPABILITIES, STATUS = 0x81, 0x82, 0x83
IDLE, READY, EMITTING, SUSPENDED, LAPSED, FAULT = range(6)
OK, UNKNOWN_TYPE, BAD_LENGTH, BAD_STATE, BAD_NONCE, BAD_SESSION, STALE, BAD_VALUE, BAD_LEASE = range(9)
OVER_NAMEPLATE, OVER_CEILING, FAULTED, CAUSE_REMAINS = range(9, 13)
SUPPLY = 0x0040
RUNNING = (EMITTING, SUSPENDED)
FROM = {
    ARM: (IDLE, READY, LAPSED),
    SET: (READY, EMITTING, SUSPENDED),
    RENEW: RUNNING,
    LOWER: RUNNING,
    CLEAR: (FAULT,),
}
LAYOUTS = {
    IDENTIFY: Struct(""),
    GET_CAPABILITIES: Struct(""),
    GET_STATUS: Struct(""),
    ARM: Struct("<IIHIII"),
    SET: Struct("<IIHBHHIHIB"),
    RENEW: Struct("<IIIB"),
    CLEAR: Struct("<II"),
    LOWER: Struct("<IIH"),
}
STATUS_LAYOUT = Struct("<BBBHIIHBHhBBHIIIHIHH")
ENERGY, OUTPUT = 15, 8  # places in a status of what is measured
RESUME_MS, DATED_MS, REPLACED = 500, 1000, 32


class Fields(NamedTuple):
    """What a request says; what it has no field for is 0."""

    nonce: int
    session: int = 0
    level: int = 0
    date_ms: int = 0
    lease_ms: int = 0
    delivered_max_ms: int = 0
    energy_max_mj: int = 0
    duty_pct: int = 0
    carrier_khz: int = 0
    pulse_hz: int = 0
    for_ms: int = 0
    ramp_ms: int = 0


def fields_of(type_: int, body: bytes) -> Fields:
    raw = LAYOUTS[type_].unpack(body)
    if type_ == ARM:
        nonce, session, level, delivered, energy, date = raw
        return Fields(nonce, session, level, date, delivered_max_ms=delivered, energy_max_mj=energy)
    if type_ == SET:
        nonce, session, level, duty, carrier, pulse, for_ms, ramp_ms, date, lease = raw
        return Fields(
            nonce, session, level, date, (lease + 1) * 10, 0, 0, duty, carrier, pulse, for_ms, ramp_ms
        )
    if type_ == RENEW:
        nonce, session, date, lease = raw
        return Fields(nonce, session, 0, date, (lease + 1) * 10)
    if type_ == CLEAR:
        nonce, date = raw
        return Fields(nonce, date_ms=date)
    nonce, session, level = raw
    return Fields(nonce, session, level)


class PageUnit:
    """One unit from its start on; ``plate`` is what it declares, and the rest is its own."""

    def __init__(
        self,
        nonce: int,
        plate: Mapping[str, Any],
        *,
        suspensions_ms: int,
        goes_on_ms: int,
        sensed_every_ms: int,
    ) -> None:
        self.nonce, self.plate = nonce, plate
        self.suspensions_ms, self.goes_on_ms, self.sensed_every_ms = (
            suspensions_ms,
            goes_on_ms,
            sensed_every_ms,
        )
        self.now_ms = 0
        self.state, self.faults, self.session = IDLE, 0, 0
        self.contact_pct, self.supply_low = 92, False
        self.ceilings = self.step = Fields(nonce)
        self.armed_once = False
        self.line = (0, 0.0, 0.0, 0)  # from when, from which level, to which, in which time
        self.lowered_to = inf
        self.step_ms = self.delivered_ms = self.bad_frames = self.lapses = 0
        self.energy_mj = 0.0
        self.lease_ends_ms = self.held_ms = 0
        self.contact_since_ms: int | None = None  # lost while emitting, back while held
        self.newest: int | None = None
        self.latest: tuple[int, int, bytes] | None = None
        self.stopped_ms: int | None = None
        self.replaced: deque[int] = deque(maxlen=REPLACED)

    # --- requests -----------------------------------------------------------------------------------------

    def hear(self, type_: int, seq: int, body: bytes) -> tuple[int, bytes] | None:
        """The type and the body of the answer; an empty one where the page leaves it to the unit."""
        if type_ >= 0x80:
            self.bad_frames += 1
            return None
        if type_ in (IDENTIFY, GET_CAPABILITIES) and not body:
            return (IDENTITY if type_ == IDENTIFY else CAPABILITIES), b""
        return STATUS, self.status(type_, self.result(type_, seq, body))

    def result(self, type_: int, seq: int, body: bytes) -> int:
        if type_ == STOP:
            self.stop()
            return OK
        if type_ not in LAYOUTS:
            return UNKNOWN_TYPE
        if len(body) != LAYOUTS[type_].size:
            return BAD_LENGTH
        if type_ == GET_STATUS or (type_, seq, body) == self.latest:
            return OK
        asked = fields_of(type_, body)
        refused = self.refusal(type_, seq, asked)
        if not refused:
            self.carry_out(type_, asked, seq)
            self.latest = type_, seq, body
        return refused

    def refusal(self, type_: int, seq: int, asked: Fields) -> int:
        """The first reason of the page's list, from its fifth on."""
        if asked.nonce != self.nonce:
            return BAD_NONCE
        if self.state == FAULT and type_ != CLEAR:
            return FAULTED
        if self.state not in FROM[type_]:
            return BAD_STATE
        if type_ in (SET, RENEW, LOWER) and asked.session != self.session:
            return BAD_SESSION
        if self.is_stale(type_, seq, asked):
            return STALE
        if self.is_bad_value(type_, asked):
            return BAD_VALUE
        plate = self.plate
        if type_ in (SET, RENEW) and not plate["lease_min_ms"] <= asked.lease_ms <= plate["lease_max_ms"]:
            return BAD_LEASE
        if over := self.above(type_, asked):
            return over
        if type_ in (SET, RENEW) and self.age_ms(asked.date_ms) >= asked.lease_ms:
            return STALE
        return CAUSE_REMAINS if type_ == CLEAR and self.supply_low else OK

    def above(self, type_: int, asked: Fields) -> int:
        if self.is_over_nameplate(type_, asked):
            return OVER_NAMEPLATE
        return OVER_CEILING if self.is_over_ceiling(type_, asked) else OK

    def is_newer(self, seq: int) -> bool:
        return self.newest is None or 1 <= (seq - self.newest) % 65536 <= 32767

    def age_ms(self, date_ms: int) -> int:
        return (self.now_ms - date_ms) % 2**32

    def is_stale(self, type_: int, seq: int, asked: Fields) -> bool:
        compared = type_ in (SET, RENEW) or (type_ == ARM and asked.session == self.session)
        if compared and not self.is_newer(seq):
            return True
        if type_ in (ARM, CLEAR) and self.age_ms(asked.date_ms) >= DATED_MS:
            return True
        if type_ != ARM:
            return False
        since_stop_ms = None if self.stopped_ms is None else self.now_ms - self.stopped_ms
        late = since_stop_ms is not None and self.age_ms(asked.date_ms) > since_stop_ms
        return late or asked.session in self.replaced

    def is_bad_value(self, type_: int, asked: Fields) -> bool:
        plate = self.plate
        if type_ == ARM:
            return 0 in (asked.session, asked.level, asked.delivered_max_ms, asked.energy_max_mj)
        if type_ in (SET, LOWER) and asked.level < plate["level_min"]:
            return True
        if type_ != SET:
            return False
        pulses = [0] if asked.duty_pct == 100 else plate["pulses_hz"]
        fits = asked.duty_pct in plate["duties_pct"] and asked.carrier_khz in plate["carriers_khz"]
        return not fits or asked.pulse_hz not in pulses or not 0 < asked.for_ms >= asked.ramp_ms

    def is_over_nameplate(self, type_: int, asked: Fields) -> bool:
        plate = self.plate
        if type_ == ARM:
            return bool(
                asked.level > plate["level_max"] or asked.delivered_max_ms > plate["delivered_max_ms"]
            )
        if type_ != SET:
            return False
        average: bool = asked.level * asked.duty_pct > plate["average_max"] * 100
        return average or bool(asked.level > plate["level_max"] or asked.for_ms > plate["step_max_ms"])

    def is_over_ceiling(self, type_: int, asked: Fields) -> bool:
        now = self.ceilings
        if type_ == ARM:
            raised = (
                asked.level > now.level
                or asked.delivered_max_ms > now.delivered_max_ms
                or asked.energy_max_mj > now.energy_max_mj
            )
            return asked.session == self.session and raised
        if type_ == LOWER:
            return asked.level > self.step.level
        if type_ != SET:
            return False
        first_mj = self.milliwatts(asked.level, asked.duty_pct) / 1000
        late = self.delivered_ms + asked.for_ms > now.delivered_max_ms
        return asked.level > now.level or late or self.energy_mj + first_mj > now.energy_max_mj

    def carry_out(self, type_: int, asked: Fields, seq: int) -> None:
        if type_ == ARM:
            self.arm(asked, seq)
        elif type_ == SET:
            base = self.level()
            self.step, self.step_ms = asked, 0
            self.lease_ends_ms = self.now_ms - self.age_ms(asked.date_ms) + asked.lease_ms
            if self.state != SUSPENDED:
                if self.state != EMITTING:
                    self.contact_since_ms = None
                self.state = EMITTING
                self.line, self.lowered_to = (self.now_ms, base, float(asked.level), asked.ramp_ms), inf
        elif type_ == RENEW:
            ends_ms = self.now_ms - self.age_ms(asked.date_ms) + asked.lease_ms
            self.lease_ends_ms = max(ends_ms, self.lease_ends_ms)
        elif type_ == LOWER:
            self.lowered_to = float(asked.level)
            self.step = self.step._replace(level=asked.level)
            self.ceilings = self.ceilings._replace(level=asked.level)
        elif type_ == CLEAR:
            self.state, self.faults = IDLE, 0
        if type_ != CLEAR and self.is_newer(seq):
            self.newest = seq

    def arm(self, asked: Fields, seq: int) -> None:
        if asked.session != self.session:
            if self.session:
                self.replaced.append(self.session)
            self.session, self.newest = asked.session, seq
            self.step_ms = self.delivered_ms = 0
            self.energy_mj = 0.0
        self.ceilings, self.state = asked, READY

    def stop(self) -> None:
        self.latest, self.stopped_ms = None, self.now_ms
        if self.state != FAULT:
            self.state = IDLE

    # --- time -----------------------------------------------------------------------------------------------

    def milliwatts(self, level: float, duty_pct: int) -> float:
        area_mm2: int = self.plate["area_mm2"]
        return level * area_mm2 / 100 * duty_pct / 100

    def level(self) -> float:
        """The output of the moment: the line, as far as the level to which it has been lowered since."""
        if self.state != EMITTING:
            return 0.0
        from_ms, base, target, in_ms = self.line
        gone_ms = self.now_ms - from_ms
        on_line = target if gone_ms >= in_ms else base + (target - base) * gone_ms / in_ms
        return min(on_line, self.lowered_to)

    def read(self, *, contact_pct: int | None = None, supply_low: bool | None = None) -> None:
        self.contact_pct = self.contact_pct if contact_pct is None else contact_pct
        self.supply_low = self.supply_low if supply_low is None else supply_low
        self.sample()

    def move_to(self, to_ms: int) -> None:
        while self.now_ms < to_ms:
            before = self.level()
            self.now_ms += 1
            if self.state == EMITTING:
                self.step_ms += 1
                self.delivered_ms += 1
                self.energy_mj += self.milliwatts((before + self.level()) / 2, self.step.duty_pct) / 1000
            self.run_timers()
            if self.now_ms % self.sensed_every_ms == 0:
                self.sample()

    def run_timers(self) -> None:
        if self.state == EMITTING and (
            self.step_ms >= self.step.for_ms or self.delivered_ms >= self.ceilings.delivered_max_ms
        ):
            self.state = READY
        elif self.state in RUNNING and self.now_ms >= self.lease_ends_ms:
            self.state, self.lapses = LAPSED, self.lapses + 1
        elif self.state == SUSPENDED and self.now_ms - self.held_ms >= self.plate["suspension_max_ms"]:
            self.state = READY

    def sample(self) -> None:
        if self.supply_low:
            self.faults |= SUPPLY
            self.state = FAULT
        elif self.state == EMITTING:
            if self.lasts(self.contact_pct < 50 and self.level() >= 200) >= self.suspensions_ms:
                self.state, self.held_ms, self.contact_since_ms = SUSPENDED, self.now_ms, None
        elif self.state == SUSPENDED and self.lasts(self.contact_pct >= 50) >= self.goes_on_ms:
            self.state, self.contact_since_ms = EMITTING, None
            rest_ms = self.step.ramp_ms - self.step_ms
            self.line = self.now_ms, 0.0, float(self.step.level), max(RESUME_MS, rest_ms)

    def lasts(self, so: bool) -> int:
        if not so:
            self.contact_since_ms = None
            return -1
        if self.contact_since_ms is None:
            self.contact_since_ms = self.now_ms
        return self.now_ms - self.contact_since_ms

    def status(self, asked: int, result: int) -> bytes:
        runs = self.state in RUNNING
        return STATUS_LAYOUT.pack(
            asked,
            result,
            self.state,
            self.faults,
            self.nonce,
            self.session,
            self.step.level if runs else 0,
            self.step.duty_pct if runs else 0,
            round(self.level()),
            300,
            self.contact_pct,
            100,
            0,
            self.step_ms,
            self.delivered_ms,
            int(self.energy_mj),
            self.lease_ends_ms - self.now_ms if runs else 0,
            self.now_ms,
            self.bad_frames % 65536,
            self.lapses % 65536,
        )
