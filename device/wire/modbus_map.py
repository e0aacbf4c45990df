"""The Modbus dialect's register map. Made by `python -m tools.generate`: do not edit."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum, IntFlag
from typing import ClassVar

from device.wire.messages import Family, Fault, Result, Sensor, UnitState
from device.wire.registers import I16, U16, U32, VERSION, Block, Kind, enum, many, text

MAJOR = 1
MINOR = 0
MAP = 20564
BAUD = 115200
PARITY = "E"
STOP_BITS = 1
ADDRESS_DEFAULT = 1
ADDRESS_MAX = 247
ANSWER_WITHIN_MS = 50
ANSWER_MAX_MS = 80
DRAIN_MS = 20
GAP_MS = 20
SET_WITHIN_MS = 500
CLEAR_WITHIN_MS = 1000
TIMER_MAX_MS = 10000


class Command(IntEnum):
    """What the host asks; the first register of the command block."""

    IDENTIFY = 1  # who is there? Answered in any state; it changes nothing
    CAPABILITIES = 2  # what can the unit do? Answered in any state; it changes nothing
    STATUS = 3  # how does it stand? Answered in any state; it changes nothing and prolongs nothing
    ARM = 4  # give the unit a session's ceilings. From IDLE, READY and LAPSED. Arming the same session again keeps its counts and can only lower its ceilings
    SET = 5  # start or change output, in absolute values. From READY, EMITTING and SUSPENDED, under the armed session
    RENEW = 6  # prolong the lease of a running output, from what the host has heard. From EMITTING and SUSPENDED only: it can never start or raise output. LEASE units only; the others refuse it as BAD_LEASE
    STOP = 7  # output off, the step dropped, the session disarmed; its counts stay readable. Taken in any state, any number of times, whatever stands in the other registers
    CLEAR = 8  # clear latched faults whose cause is gone. From FAULT only; leads to IDLE
    LOWER = 9  # reduce the level of the running step, at once and without a ramp, and with it the session's level ceiling. From EMITTING and SUSPENDED only: it can never start, raise or prolong output, and is never refused for its token or its time


class HostLoss(IntEnum):
    """What ends output when the host is lost: the kind of unit."""

    LEASE = 1  # a watchdog: a lease of some hundred milliseconds, which the host has to renew
    OWN_TIMER = 2  # no watchdog: the time that the SET asked for, by the unit's own timer
    NONE = 3  # neither: output goes on until a STOP, a fault or the unit's own switch


class Reports(IntFlag):
    """Which registers of the status mean anything; those of a bit that is not set are 0."""

    SESSION = 0x0001  # session
    TIME = 0x0002  # step_ms and delivered_ms
    ENERGY = 0x0004  # energy_mj
    LEASE = 0x0008  # lease_left_ms and lapses
    UPTIME = 0x0010  # uptime_ms


@dataclass(frozen=True, slots=True)
class Order(Block):
    """What the host writes. A register that a command does not use is 0."""

    ADDRESS: ClassVar[int] = 0x0000
    COUNT: ClassVar[int] = 20
    KINDS: ClassVar[tuple[Kind, ...]] = (
        enum(Command),
        U16,
        U32,
        U32,
        U16,
        U16,
        U16,
        U16,
        U32,
        U16,
        U32,
        U16,
        U32,
    )

    command: Command  # what is asked
    token: int  # the host's number for this request, another one each time; the answer carries it
    nonce: int = 0  # the unit's boot nonce
    session: int = 0  # the host's number for the session, not 0
    level: int = 0  # mW/cm² or /min: SET: effective intensity during the pulse, or percussions a minute; not 0: off is STOP. LOWER: the new level. ARM: no SET above this
    duty_pct: int = 0  # %: share of the time the pulse is on, 1 to 100; 100 for continuous and for percussion
    carrier_khz: int = 0  # kHz: ultrasonic frequency; 0 for percussion
    pulse_hz: int = 0  # Hz: pulse repetition; 0 when continuous and for percussion
    for_ms: int = 0  # ms: SET: when the unit ends the step by itself; see Kinds of unit. ARM: no output beyond this delivered time
    ramp_ms: int = 0  # ms: time of a straight rise from the present level; it is part of for_ms
    unit_uptime_ms: int = 0  # ms: uptime_ms of the latest status the host has heard; 0 for a NONE unit, which does not look at it
    lease_ms: int = 0  # ms: unrenewed for this long from unit_uptime_ms, output ends; 0 for the other kinds
    energy_max_mj: int = 0  # mJ: ARM: no output beyond this energy


@dataclass(frozen=True, slots=True)
class Status(Block):
    """The whole of what the unit knows of itself, taken after the command has taken effect."""

    ADDRESS: ClassVar[int] = 0x0100
    COUNT: ClassVar[int] = 28
    KINDS: ClassVar[tuple[Kind, ...]] = (
        U16,
        U16,
        enum(Result),
        enum(UnitState),
        enum(Fault),
        U32,
        U32,
        U16,
        U16,
        U16,
        I16,
        U16,
        U16,
        U32,
        U32,
        U32,
        U16,
        U32,
        U16,
        U16,
    )

    token: int  # token of the latest command block that the unit has taken in
    command: int  # the latest command; 0 for none since the start
    result: Result  # what became of it
    state: UnitState  # where the unit stands now
    faults: Fault  # what it has found wrong; latched until CLEAR
    nonce: int  # boot nonce: another one after each restart
    session: int  # the session its counts belong to; 0 for none since the start
    level_set: int  # mW/cm² or /min: the level asked by the running step; 0 for none
    duty_set_pct: int  # %: its duty cycle; 0 for none
    measured_level: int  # mW/cm² or /min: the level measured now: during the pulse, as level_set
    head_temp_ddeg_c: int  # 0.1 °C: the head's temperature; it has to resolve tenths of a degree
    contact_pct: int  # %: how well the head couples
    battery_pct: int  # %: charge left
    step_ms: int  # ms: delivered in the latest step
    delivered_ms: int  # ms: delivered in this session
    energy_mj: int  # mJ: energy given in this session, as measured
    lease_left_ms: int  # ms: until the lease runs out; 0 for none
    uptime_ms: int  # ms: the unit's own clock since its start
    bad_frames: int  # frames thrown away since the start, whole turns dropped
    lapses: int  # leases run out since the start


@dataclass(frozen=True, slots=True)
class Identity(Block):
    """Who the unit is."""

    ADDRESS: ClassVar[int] = 0x0200
    COUNT: ClassVar[int] = 30
    KINDS: ClassVar[tuple[Kind, ...]] = (
        U16,
        U16,
        U16,
        U16,
        U16,
        enum(Family),
        VERSION,
        U32,
        text(16),
        text(16),
        U16,
    )

    token: int  # token of the latest command block that the unit has taken in
    command: int  # the latest command
    map: int  # 0x5054: this register map
    major: int  # major version of this map; an unknown one may be looked at and stopped, never driven
    minor: int  # minor version of this map
    family: Family  # kind of unit
    firmware: tuple[int, ...]  # version of the unit's firmware
    nonce: int  # boot nonce
    model: str  # model, as on the nameplate
    serial: str  # serial number
    calibrated: int  # days from 2020-01-01 to the last calibration; 0 when not known


@dataclass(frozen=True, slots=True)
class Capabilities(Block):
    """The unit's own nameplate. It can only lower what a host would allow."""

    ADDRESS: ClassVar[int] = 0x0300
    COUNT: ClassVar[int] = 33
    KINDS: ClassVar[tuple[Kind, ...]] = (
        U16,
        U16,
        enum(HostLoss),
        enum(Reports),
        U16,
        U16,
        U16,
        U16,
        U16,
        U16,
        many(6),
        many(2),
        many(3),
        U32,
        U32,
        U32,
        U16,
        U16,
        I16,
        enum(Sensor),
    )

    token: int  # token of the latest command block that the unit has taken in
    command: int  # the latest command
    host_loss: HostLoss  # the kind of unit
    reports: Reports  # which fields of the status it can tell
    holds_limits: int  # 1: it refuses what is above the ceilings of ARM, and ends output at them; 0: it does not
    level_min: int  # mW/cm² or /min: the lowest level it gives
    level_max: int  # mW/cm² or /min: the highest level it gives
    average_max: int  # mW/cm²: the highest temporal-average intensity (SATA); 0 for percussion
    area_mm2: int  # mm²: effective radiating area (ERA); 0 for percussion
    bnr_tenths: int  # beam non-uniformity ratio (BNR) in tenths; 0 for percussion
    duties_pct: tuple[int, ...]  # %: duty cycles it gives
    carriers_khz: tuple[int, ...]  # kHz: ultrasonic frequencies it gives
    pulses_hz: tuple[int, ...]  # Hz: pulse repetition frequencies it gives
    step_max_ms: int  # ms: the longest for_ms of a SET: 10000 for OWN_TIMER, 0 for NONE
    delivered_max_ms: int  # ms: the longest delivered time of a session
    suspension_max_ms: int  # ms: SUSPENDED for longer than this ends the step
    lease_min_ms: int  # ms: the shortest lease, not 0
    lease_max_ms: int  # ms: the longest lease
    head_trip_ddeg_c: int  # 0.1 °C: head temperature at which it trips
    sensors: Sensor  # what it can measure


READS: dict[Command, type[Block]] = {
    Command.IDENTIFY: Identity,
    Command.CAPABILITIES: Capabilities,
    Command.STATUS: Status,
    Command.ARM: Status,
    Command.SET: Status,
    Command.RENEW: Status,
    Command.STOP: Status,
    Command.CLEAR: Status,
    Command.LOWER: Status,
}
USES: dict[Command, frozenset[str]] = {
    Command.IDENTIFY: frozenset([]),
    Command.CAPABILITIES: frozenset([]),
    Command.STATUS: frozenset([]),
    Command.ARM: frozenset(["nonce", "session", "level", "for_ms", "unit_uptime_ms", "energy_max_mj"]),
    Command.SET: frozenset(["nonce", "session", "level", "duty_pct", "carrier_khz", "pulse_hz", "for_ms", "ramp_ms", "unit_uptime_ms", "lease_ms"]),
    Command.RENEW: frozenset(["nonce", "session", "unit_uptime_ms", "lease_ms"]),
    Command.STOP: frozenset([]),
    Command.CLEAR: frozenset(["nonce", "unit_uptime_ms"]),
    Command.LOWER: frozenset(["nonce", "session", "level"]),
}
