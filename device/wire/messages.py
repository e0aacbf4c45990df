"""The native dialect's messages. Made by `python -m tools.generate`: do not edit."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum, IntFlag
from struct import Struct
from struct import error as StructError
from typing import ClassVar, TypeAlias

MAJOR = 1
MINOR = 0
BAUD = 115200
BODY_MAX = 64


def _lease_byte(lease_ms: int) -> int:
    """Neither zero nor endless can be written: n stands for (n + 1) × 10 ms."""
    if lease_ms % 10 or not 10 <= lease_ms <= 2560:
        raise ValueError(f"a lease is a multiple of 10 ms from 10 to 2560, not {lease_ms}")
    return lease_ms // 10 - 1


def _ascii(text: str, size: int) -> bytes:
    if len(text) > size:
        raise ValueError(f"{text!r} is longer than {size} bytes")
    return text.encode("ascii")


def _text(raw: bytes) -> str:
    return raw.rstrip(b"\0").decode("ascii", "replace")


class Family(IntEnum):
    """What kind of unit this is; it decides what a level is."""

    ULTRASOUND = 1  # a level is the intensity during the pulse (SATP), mW/cm²
    PERCUSSION = 2  # a level is percussions a minute


class UnitState(IntEnum):
    """Where the unit says it stands. It gives output in EMITTING only."""

    IDLE = 0  # nothing is armed; output is off
    READY = 1  # a session's ceilings are armed; output is off
    EMITTING = 2  # output is on, under a lease
    SUSPENDED = 3  # contact is lost: output is off and the step's timer stands still, under a lease
    LAPSED = 4  # a lease ran out and ended the output; a new ARM leads out
    FAULT = 5  # the unit has latched a fault; CLEAR leads out once the cause is gone


class Result(IntEnum):
    """What became of the request that an answer belongs to. Nothing is ever clamped: it is done or refused."""

    OK = 0  # done
    UNKNOWN_TYPE = 1  # no such request
    BAD_LENGTH = 2  # the body is not as long as this request's
    BAD_STATE = 3  # not from this state: nothing is armed, or output is on
    BAD_NONCE = 4  # the unit has restarted since that nonce
    BAD_SESSION = 5  # another session is armed
    STALE = 6  # an older request than one carried out, one dated too long ago, or one whose lease is over
    BAD_VALUE = 7  # a value that means nothing here
    BAD_LEASE = 8  # a lease outside the unit's bounds
    OVER_NAMEPLATE = 9  # above what this unit may ever give
    OVER_CEILING = 10  # above what ARM allowed this session; a LOWER above the running step's level
    FAULTED = 11  # a fault is latched
    CAUSE_REMAINS = 12  # the fault cannot be cleared yet


class Fault(IntFlag):
    """What the unit itself has found wrong. Bits 0x0100 to 0x8000 are a maker's own: a reader that has no name for a bit takes it for a fault all the same."""

    HEAD_HOT = 0x0001  # the head has tripped on its temperature
    SENSOR = 0x0002  # a sensor reads what cannot be
    OUTPUT_STUCK = 0x0004  # output is measured while it should be off
    STALL = 0x0008  # the motor stands still under drive
    MOTOR_HOT = 0x0010  # the motor's winding is too warm
    BATTERY_EMPTY = 0x0020  # the battery cannot carry output
    SUPPLY = 0x0040  # the supply has dipped
    SELF_TEST = 0x0080  # the self test at start has failed


class Sensor(IntFlag):
    """Which sensors the unit has; a reading without its sensor means nothing. A reader passes over a bit that it has no name for."""

    OUTPUT = 0x0001  # measures its own output
    HEAD_TEMP = 0x0002  # measures the head's temperature
    CONTACT = 0x0004  # senses contact with the skin
    BATTERY = 0x0008  # knows its battery
    FORCE = 0x0010  # senses the force on the head


class Type(IntEnum):
    """What a frame's first byte says it is."""

    IDENTIFY = 0x01  # Ask who is there
    GET_CAPABILITIES = 0x02  # Ask what the unit can do
    GET_STATUS = 0x03  # Ask for a status
    ARM = 0x04  # Give the unit a session's ceilings
    SET = 0x05  # Start or change output, in absolute values
    RENEW = 0x06  # Prolong the lease of a running output, from what the host has heard and not from when this arrives
    STOP = 0x07  # Output off, the step dropped, the session disarmed; its counts stay readable
    CLEAR = 0x08  # Clear latched faults whose cause is gone
    LOWER = 0x09  # Reduce the level of the running step, at once and without a ramp, and with it the session's level ceiling
    IDENTITY = 0x81  # The answer to Identify
    CAPABILITIES = 0x82  # The answer to GetCapabilities: the unit's own nameplate
    STATUS = 0x83  # The answer to every other request, refused or not: the whole of what the unit knows of itself


@dataclass(frozen=True, slots=True)
class Identify:
    """Ask who is there.

    Answered in any state; it changes nothing.
    """

    TYPE: ClassVar[Type] = Type.IDENTIFY

    def pack(self) -> bytes:
        """The body of the frame that says this."""
        return b""

    @classmethod
    def unpack(cls, body: bytes) -> Identify:
        """Read a body; raise ValueError when it is not one of this message."""
        if body:
            raise ValueError("Identify has no body")
        return cls()


@dataclass(frozen=True, slots=True)
class GetCapabilities:
    """Ask what the unit can do.

    Answered in any state; it changes nothing.
    """

    TYPE: ClassVar[Type] = Type.GET_CAPABILITIES

    def pack(self) -> bytes:
        """The body of the frame that says this."""
        return b""

    @classmethod
    def unpack(cls, body: bytes) -> GetCapabilities:
        """Read a body; raise ValueError when it is not one of this message."""
        if body:
            raise ValueError("GetCapabilities has no body")
        return cls()


@dataclass(frozen=True, slots=True)
class GetStatus:
    """Ask for a status.

    Answered in any state; it changes nothing and prolongs nothing.
    """

    TYPE: ClassVar[Type] = Type.GET_STATUS

    def pack(self) -> bytes:
        """The body of the frame that says this."""
        return b""

    @classmethod
    def unpack(cls, body: bytes) -> GetStatus:
        """Read a body; raise ValueError when it is not one of this message."""
        if body:
            raise ValueError("GetStatus has no body")
        return cls()


@dataclass(frozen=True, slots=True)
class Arm:
    """Give the unit a session's ceilings.

    From IDLE, READY and LAPSED.
    Arming the same session again keeps its counts and can only lower its ceilings.
    Taken while unit_uptime_ms is less than a second old, and not from before the latest Stop.
    """

    TYPE: ClassVar[Type] = Type.ARM
    nonce: int  # the unit's boot nonce
    session: int  # the host's number for this session, not 0
    level_max: int  # mW/cm² or /min: no SET above this
    delivered_max_ms: int  # ms: no output beyond this delivered time
    energy_max_mj: int  # mJ: no output beyond this energy
    unit_uptime_ms: int  # ms: uptime_ms of the latest status the host has heard

    _LAYOUT: ClassVar[Struct] = Struct("<IIHIII")

    def pack(self) -> bytes:
        """The body of the frame that says this; raise ValueError when a value does not fit."""
        try:
            return self._LAYOUT.pack(
                self.nonce,
                self.session,
                self.level_max,
                self.delivered_max_ms,
                self.energy_max_mj,
                self.unit_uptime_ms,
            )
        except StructError as error:
            raise ValueError(f"Arm: {error}") from None

    @classmethod
    def unpack(cls, body: bytes) -> Arm:
        """Read a body; raise ValueError or struct.error when it is not one of this message."""
        raw = cls._LAYOUT.unpack(body)
        return cls(
            raw[0],
            raw[1],
            raw[2],
            raw[3],
            raw[4],
            raw[5],
        )


@dataclass(frozen=True, slots=True)
class Set:
    """Start or change output, in absolute values.

    From READY, EMITTING and SUSPENDED, under the armed session, while its lease is live.
    """

    TYPE: ClassVar[Type] = Type.SET
    nonce: int  # the unit's boot nonce
    session: int  # the armed session
    level: int  # mW/cm² or /min: intensity during the pulse (SATP), or percussions a minute; not 0: off is STOP
    duty_pct: int  # %: share of the time the pulse is on, 1 to 100; 100 for continuous and for percussion
    carrier_khz: int  # kHz: ultrasonic frequency; 0 for percussion
    pulse_hz: int  # Hz: pulse repetition; 0 when continuous and for percussion
    for_ms: int  # ms: delivered time after which the unit ends this step by itself; not 0
    ramp_ms: int  # ms: time of a straight line from the present level to the new one, up or down; it is part of for_ms
    unit_uptime_ms: int  # ms: uptime_ms of the latest status the host has heard: the lease runs from there
    lease_ms: int  # ms: unrenewed for this long, output ends

    _LAYOUT: ClassVar[Struct] = Struct("<IIHBHHIHIB")

    def pack(self) -> bytes:
        """The body of the frame that says this; raise ValueError when a value does not fit."""
        try:
            return self._LAYOUT.pack(
                self.nonce,
                self.session,
                self.level,
                self.duty_pct,
                self.carrier_khz,
                self.pulse_hz,
                self.for_ms,
                self.ramp_ms,
                self.unit_uptime_ms,
                _lease_byte(self.lease_ms),
            )
        except StructError as error:
            raise ValueError(f"Set: {error}") from None

    @classmethod
    def unpack(cls, body: bytes) -> Set:
        """Read a body; raise ValueError or struct.error when it is not one of this message."""
        raw = cls._LAYOUT.unpack(body)
        return cls(
            raw[0],
            raw[1],
            raw[2],
            raw[3],
            raw[4],
            raw[5],
            raw[6],
            raw[7],
            raw[8],
            (raw[9] + 1) * 10,
        )


@dataclass(frozen=True, slots=True)
class Renew:
    """Prolong the lease of a running output, from what the host has heard and not from when this arrives.

    From EMITTING and SUSPENDED only: it can never start or raise output, nor shorten a lease.
    """

    TYPE: ClassVar[Type] = Type.RENEW
    nonce: int  # the unit's boot nonce
    session: int  # the armed session
    unit_uptime_ms: int  # ms: uptime_ms of the latest status the host has heard: the lease runs from there
    lease_ms: int  # ms: counted from unit_uptime_ms

    _LAYOUT: ClassVar[Struct] = Struct("<IIIB")

    def pack(self) -> bytes:
        """The body of the frame that says this; raise ValueError when a value does not fit."""
        try:
            return self._LAYOUT.pack(
                self.nonce,
                self.session,
                self.unit_uptime_ms,
                _lease_byte(self.lease_ms),
            )
        except StructError as error:
            raise ValueError(f"Renew: {error}") from None

    @classmethod
    def unpack(cls, body: bytes) -> Renew:
        """Read a body; raise ValueError or struct.error when it is not one of this message."""
        raw = cls._LAYOUT.unpack(body)
        return cls(
            raw[0],
            raw[1],
            raw[2],
            (raw[3] + 1) * 10,
        )


@dataclass(frozen=True, slots=True)
class Stop:
    """Output off, the step dropped, the session disarmed; its counts stay readable.

    Taken in any state, under any seq, with any body, any number of times.
    """

    TYPE: ClassVar[Type] = Type.STOP

    def pack(self) -> bytes:
        """The body of the frame that says this."""
        return b""

    @classmethod
    def unpack(cls, _body: bytes) -> Stop:
        """Read a body, whatever it holds: the type alone says this."""
        return cls()


@dataclass(frozen=True, slots=True)
class Clear:
    """Clear latched faults whose cause is gone.

    From FAULT only; leads to IDLE.
    Taken under any seq while unit_uptime_ms is less than a second old: who clears may be another host than who drove.
    """

    TYPE: ClassVar[Type] = Type.CLEAR
    nonce: int  # the unit's boot nonce
    unit_uptime_ms: int  # ms: uptime_ms of the latest status the host has heard

    _LAYOUT: ClassVar[Struct] = Struct("<II")

    def pack(self) -> bytes:
        """The body of the frame that says this; raise ValueError when a value does not fit."""
        try:
            return self._LAYOUT.pack(
                self.nonce,
                self.unit_uptime_ms,
            )
        except StructError as error:
            raise ValueError(f"Clear: {error}") from None

    @classmethod
    def unpack(cls, body: bytes) -> Clear:
        """Read a body; raise ValueError or struct.error when it is not one of this message."""
        raw = cls._LAYOUT.unpack(body)
        return cls(
            raw[0],
            raw[1],
        )


@dataclass(frozen=True, slots=True)
class Lower:
    """Reduce the level of the running step, at once and without a ramp, and with it the session's level ceiling.

    From EMITTING and SUSPENDED only: it can never start, raise or prolong output, and is never refused for its seq or its time.
    """

    TYPE: ClassVar[Type] = Type.LOWER
    nonce: int  # the unit's boot nonce
    session: int  # the armed session
    level: int  # mW/cm² or /min: not below the unit's level_min, and not above the running step's level

    _LAYOUT: ClassVar[Struct] = Struct("<IIH")

    def pack(self) -> bytes:
        """The body of the frame that says this; raise ValueError when a value does not fit."""
        try:
            return self._LAYOUT.pack(
                self.nonce,
                self.session,
                self.level,
            )
        except StructError as error:
            raise ValueError(f"Lower: {error}") from None

    @classmethod
    def unpack(cls, body: bytes) -> Lower:
        """Read a body; raise ValueError or struct.error when it is not one of this message."""
        raw = cls._LAYOUT.unpack(body)
        return cls(
            raw[0],
            raw[1],
            raw[2],
        )


@dataclass(frozen=True, slots=True)
class Identity:
    """The answer to Identify."""

    TYPE: ClassVar[Type] = Type.IDENTITY
    major: int  # major version of this dialect; an unknown one may be looked at and stopped, never driven
    minor: int  # minor version of this dialect
    family: Family  # kind of unit
    firmware: tuple[int, ...]  # version of the unit's firmware
    nonce: int  # boot nonce: another one after each restart
    model: str  # model, as on the nameplate
    serial: str  # serial number
    calibrated: int  # days from 2020-01-01 to the last calibration; 0 when not known

    _LAYOUT: ClassVar[Struct] = Struct("<BBB3BI16s16sH")

    def pack(self) -> bytes:
        """The body of the frame that says this; raise ValueError when a value does not fit."""
        try:
            return self._LAYOUT.pack(
                self.major,
                self.minor,
                self.family,
                *self.firmware,
                self.nonce,
                _ascii(self.model, 16),
                _ascii(self.serial, 16),
                self.calibrated,
            )
        except StructError as error:
            raise ValueError(f"Identity: {error}") from None

    @classmethod
    def unpack(cls, body: bytes) -> Identity:
        """Read a body; raise ValueError or struct.error when it is not one of this message."""
        raw = cls._LAYOUT.unpack(body)
        return cls(
            raw[0],
            raw[1],
            Family(raw[2]),
            tuple(raw[3:6]),
            raw[6],
            _text(raw[7]),
            _text(raw[8]),
            raw[9],
        )


@dataclass(frozen=True, slots=True)
class Capabilities:
    """The answer to GetCapabilities: the unit's own nameplate.

    It can only lower what a host would allow.
    """

    TYPE: ClassVar[Type] = Type.CAPABILITIES
    level_min: int  # mW/cm² or /min: the lowest level it gives
    level_max: int  # mW/cm² or /min: the highest level it gives
    average_max: int  # mW/cm²: the highest temporal-average intensity (SATA); 0 for percussion
    area_mm2: int  # mm²: effective radiating area (ERA); 0 for percussion
    bnr_tenths: int  # beam non-uniformity ratio (BNR) in tenths; 0 for percussion
    duties_pct: tuple[int, ...]  # %: duty cycles it gives
    carriers_khz: tuple[int, ...]  # kHz: ultrasonic frequencies it gives
    pulses_hz: tuple[int, ...]  # Hz: pulse repetition frequencies it gives
    step_max_ms: int  # ms: the longest for_ms
    delivered_max_ms: int  # ms: the longest delivered time of a session
    suspension_max_ms: int  # ms: SUSPENDED for longer than this ends the step
    lease_min_ms: int  # ms: the shortest lease
    lease_max_ms: int  # ms: the longest lease
    head_trip_ddeg_c: int  # 0.1 °C: head temperature at which it trips
    sensors: Sensor  # what it can measure

    _LAYOUT: ClassVar[Struct] = Struct("<HHHHBBBBBBBHHHHHIIIBBhH")

    def pack(self) -> bytes:
        """The body of the frame that says this; raise ValueError when a value does not fit."""
        try:
            return self._LAYOUT.pack(
                self.level_min,
                self.level_max,
                self.average_max,
                self.area_mm2,
                self.bnr_tenths,
                *(self.duties_pct + (0,) * (6 - len(self.duties_pct))),
                *(self.carriers_khz + (0,) * (2 - len(self.carriers_khz))),
                *(self.pulses_hz + (0,) * (3 - len(self.pulses_hz))),
                self.step_max_ms,
                self.delivered_max_ms,
                self.suspension_max_ms,
                _lease_byte(self.lease_min_ms),
                _lease_byte(self.lease_max_ms),
                self.head_trip_ddeg_c,
                self.sensors,
            )
        except StructError as error:
            raise ValueError(f"Capabilities: {error}") from None

    @classmethod
    def unpack(cls, body: bytes) -> Capabilities:
        """Read a body; raise ValueError or struct.error when it is not one of this message."""
        raw = cls._LAYOUT.unpack(body)
        return cls(
            raw[0],
            raw[1],
            raw[2],
            raw[3],
            raw[4],
            tuple(item for item in raw[5:11] if item),
            tuple(item for item in raw[11:13] if item),
            tuple(item for item in raw[13:16] if item),
            raw[16],
            raw[17],
            raw[18],
            (raw[19] + 1) * 10,
            (raw[20] + 1) * 10,
            raw[21],
            Sensor(raw[22]),
        )


@dataclass(frozen=True, slots=True)
class Status:
    """The answer to every other request, refused or not: the whole of what the unit knows of itself."""

    TYPE: ClassVar[Type] = Type.STATUS
    asked: int  # type of the request this answers
    result: Result  # what became of it
    state: UnitState  # where the unit stands now
    faults: Fault  # what it has found wrong; latched until CLEAR
    nonce: int  # boot nonce
    session: int  # the session its counts belong to; 0 for none since the start
    level_set: int  # mW/cm² or /min: the level of the running step, as its Set or a Lower since has asked; 0 for none
    duty_set_pct: int  # %: its duty cycle; 0 for none
    measured_level: int  # mW/cm² or /min: the level measured now: during the pulse, as level_set
    head_temp_ddeg_c: int  # 0.1 °C: the head's temperature; it has to resolve tenths of a degree
    contact_pct: int  # %: how well the head couples
    battery_pct: int  # %: charge left
    force_n: int  # N: force on the head
    step_ms: int  # ms: delivered in the latest step
    delivered_ms: int  # ms: delivered in this session
    energy_mj: int  # mJ: energy given in this session, as measured; a massage gun that cannot measure it reports 0
    lease_left_ms: int  # ms: until the lease runs out; 0 for none
    uptime_ms: int  # ms: the unit's own clock since its start
    bad_frames: int  # frames thrown away since the start, modulo 65536
    lapses: int  # leases run out since the start, modulo 65536

    _LAYOUT: ClassVar[Struct] = Struct("<BBBHIIHBHhBBHIIIHIHH")

    def pack(self) -> bytes:
        """The body of the frame that says this; raise ValueError when a value does not fit."""
        try:
            return self._LAYOUT.pack(
                self.asked,
                self.result,
                self.state,
                self.faults,
                self.nonce,
                self.session,
                self.level_set,
                self.duty_set_pct,
                self.measured_level,
                self.head_temp_ddeg_c,
                self.contact_pct,
                self.battery_pct,
                self.force_n,
                self.step_ms,
                self.delivered_ms,
                self.energy_mj,
                self.lease_left_ms,
                self.uptime_ms,
                self.bad_frames,
                self.lapses,
            )
        except StructError as error:
            raise ValueError(f"Status: {error}") from None

    @classmethod
    def unpack(cls, body: bytes) -> Status:
        """Read a body; raise ValueError or struct.error when it is not one of this message."""
        raw = cls._LAYOUT.unpack(body)
        return cls(
            raw[0],
            Result(raw[1]),
            UnitState(raw[2]),
            Fault(raw[3]),
            raw[4],
            raw[5],
            raw[6],
            raw[7],
            raw[8],
            raw[9],
            raw[10],
            raw[11],
            raw[12],
            raw[13],
            raw[14],
            raw[15],
            raw[16],
            raw[17],
            raw[18],
            raw[19],
        )


Message: TypeAlias = (
    Identify
    | GetCapabilities
    | GetStatus
    | Arm
    | Set
    | Renew
    | Stop
    | Clear
    | Lower
    | Identity
    | Capabilities
    | Status
)

_BY_TYPE: dict[int, type[Message]] = {
    0x01: Identify,
    0x02: GetCapabilities,
    0x03: GetStatus,
    0x04: Arm,
    0x05: Set,
    0x06: Renew,
    0x07: Stop,
    0x08: Clear,
    0x09: Lower,
    0x81: Identity,
    0x82: Capabilities,
    0x83: Status,
}


def read(type_: int, body: bytes) -> Message | None:
    """What a frame says, or None when it is no message of this dialect."""
    message = _BY_TYPE.get(type_)
    if message is None:
        return None
    try:
        return message.unpack(body)
    except (StructError, ValueError):
        return None
