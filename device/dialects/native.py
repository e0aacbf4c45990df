"""The native dialect: intentions and answers to and from the messages of `device.wire`."""

from __future__ import annotations

from datetime import date, timedelta

from device.dialects.base import (
    Answer,
    Arm,
    Cleared,
    ClearFaults,
    Declaration,
    Declare,
    Heard,
    Identify,
    Identity,
    Intent,
    Look,
    LowerLevel,
    Promises,
    Renew,
    Report,
    SetOutput,
    Stop,
    UnitState,
)
from device.wire import messages as wire
from device.wire.frame import Decoder, Frame, encode
from protocols.limits import Bound, Family, InvalidBound, Layer, Quantity
from protocols.plan import Ultrasound, level

UNNAMED = ("UNNAMED",)  # of a unit that is in FAULT and names none
LEASE_MAX_MS = 2560  # the longest that can be written
_EPOCH = date(2020, 1, 1)
_SOURCE = "declared by the unit"
_FAMILIES = {wire.Family.ULTRASOUND: Family.ULTRASOUND, wire.Family.PERCUSSION: Family.PERCUSSION}
_ASKED: dict[int, type[Intent]] = {
    wire.Type.IDENTIFY: Identify,
    wire.Type.DECLARE: Declare,
    wire.Type.LOOK: Look,
    wire.Type.ARM: Arm,
    wire.Type.SET: SetOutput,
    wire.Type.RENEW: Renew,
    wire.Type.STOP: Stop,
    wire.Type.CLEAR: ClearFaults,
    wire.Type.LOWER: LowerLevel,
}
_STATES = {
    wire.UnitState.IDLE: UnitState.IDLE,
    wire.UnitState.READY: UnitState.READY,
    wire.UnitState.EMITTING: UnitState.EMITTING,
    wire.UnitState.HELD: UnitState.HELD,
    wire.UnitState.LAPSED: UnitState.LAPSED,
    wire.UnitState.FAULT: UnitState.FAULT,
}


class Native:
    """The dialect of DESIGN §5, documented in docs/wire.md."""

    promises = Promises(
        checked=True,
        stops_on_host_loss_ms=LEASE_MAX_MS,
        ends_steps=True,
        reads_back=True,
        holds_limits=True,
        answers_stop=True,
    )

    def __init__(self) -> None:
        self.damaged = 0
        self._decoder = Decoder()

    def say(self, cleared: Cleared, seq: int) -> bytes:
        """The frame that carries an intention."""
        message = _message(cleared.intent)
        return encode(Frame(message.TYPE, seq, message.pack()))

    def hear(self, data: bytes) -> list[Heard]:
        """The answers among what ``data`` completed; the rest is counted as damage."""
        heard = []
        for item in self._decoder.feed(data):
            message = wire.read(item.type, item.body) if isinstance(item, Frame) else None
            answer = None if message is None else _answer(message)
            if answer is None:
                self.damaged += 1
            elif isinstance(item, Frame):
                heard.append(Heard(item.seq, answer))
        return heard


def _message(intent: Intent) -> wire.Message:
    match intent:
        case SetOutput(nonce, session, output, for_ms, ramp_ms, heard_ms, lease_ms):
            ultrasound = output if isinstance(output, Ultrasound) else Ultrasound(0, 100, 0, 0)
            return wire.Set(
                nonce=nonce,
                session=session,
                level=level(output),
                duty_pct=ultrasound.duty_pct,
                carrier_khz=ultrasound.carrier_khz,
                pulse_hz=ultrasound.pulse_hz,
                for_ms=for_ms,
                ramp_ms=ramp_ms,
                heard_ms=heard_ms,
                lease_ms=lease_ms,
            )
        case Renew(nonce, session, heard_ms, lease_ms):
            return wire.Renew(nonce, session, heard_ms, lease_ms)
        case LowerLevel(nonce, session, to_level):
            return wire.Lower(nonce, session, to_level)
        case Arm(nonce, session, level_max, delivered_max_ms, energy_max_mj, unit_uptime_ms):
            return wire.Arm(nonce, session, level_max, delivered_max_ms, energy_max_mj, unit_uptime_ms)
        case ClearFaults(nonce, heard_ms):
            return wire.Clear(nonce, heard_ms)
        case Identify():
            return wire.Identify()
        case Declare():
            return wire.Declare()
        case Look():
            return wire.Look()
        case Stop():
            return wire.Stop()


def _answer(message: wire.Message) -> Answer | None:
    match message:
        case wire.Status():
            return _report(message)
        case wire.Identity():
            return Identity(
                driveable=message.major == wire.MAJOR,
                version=f"{message.major}.{message.minor}",
                family=_FAMILIES[message.family],
                model=message.model,
                serial=message.serial,
                firmware=".".join(map(str, message.firmware)),
                nonce=message.nonce,
                calibrated=(_EPOCH + timedelta(days=message.calibrated)).isoformat()
                if message.calibrated
                else None,
            )
        case wire.Capabilities():
            try:
                return _declaration(message)
            except InvalidBound:  # the unit contradicts itself: what it declares cannot be used
                return None
    return None  # a request: an echo of our own, or another host


def _report(status: wire.Status) -> Report:
    refused = status.result is not wire.Result.OK
    asked = _ASKED.get(status.asked)
    faults = _faults(status.faults)
    return Report(
        asked=asked.__name__ if asked else "",
        refusal=status.result.name.lower().replace("_", " ") if refused else "",
        state=_STATES[status.state],
        faults=faults or (UNNAMED if status.state is wire.UnitState.FAULT else ()),
        nonce=status.nonce,
        session=status.session,
        level_set=status.level_set,
        duty_set_pct=status.duty_set_pct,
        output=status.output,
        head_temp_ddeg_c=status.head_temp_ddeg_c,
        contact_pct=status.contact_pct,
        battery_pct=status.battery_pct,
        step_ms=status.step_ms,
        delivered_ms=status.delivered_ms,
        energy_mj=status.energy_mj,
        lease_left_ms=status.lease_left_ms,
        uptime_ms=status.uptime_ms,
        bad_frames=status.bad_frames,
        lapses=status.lapses,
    )


def _faults(bits: wire.Fault) -> tuple[str, ...]:
    """The names of the faults; a bit we have no name for is a fault all the same."""
    if not bits:
        return ()
    named = [fault.name or "" for fault in wire.Fault if fault in bits]
    unnamed = int(bits) & ~sum(wire.Fault)
    return (*named, f"UNKNOWN_{unnamed:04X}") if unnamed else tuple(named)


def _declaration(said: wire.Capabilities) -> Declaration:
    def bound(
        quantity: Quantity,
        *,
        at_least: int | None = None,
        at_most: int | None = None,
        one_of: frozenset[int] | None = None,
    ) -> Bound:
        return Bound(quantity, Layer.UNIT, _SOURCE, at_least, at_most, one_of)

    ultrasound = said.area_mm2 > 0
    bounds = [
        bound(Quantity.STEP_MS, at_most=said.step_max_ms),
        bound(Quantity.DELIVERED_MS, at_most=said.delivered_max_ms),
        bound(
            Quantity.INTENSITY_MW_CM2 if ultrasound else Quantity.SPEED_PER_MIN,
            at_least=said.level_min,
            at_most=said.level_max,
        ),
    ]
    if ultrasound:
        bounds += [
            bound(Quantity.SATA_MW_CM2, at_most=said.average_max),
            bound(Quantity.DUTY_PCT, one_of=frozenset(said.duties_pct)),
            bound(Quantity.CARRIER_KHZ, one_of=frozenset(said.carriers_khz)),
            bound(Quantity.PULSE_HZ, one_of=frozenset({0, *said.pulses_hz})),  # 0: continuous
        ]
    return Declaration(
        bounds=tuple(bounds),
        area_mm2=said.area_mm2 or None,
        hold_max_ms=said.hold_max_ms,
        lease_min_ms=said.lease_min_ms,
        lease_max_ms=said.lease_max_ms,
        head_trip_ddeg_c=said.head_trip_ddeg_c if wire.Sensor.HEAD_TEMP in said.sensors else None,
        measures_output=wire.Sensor.OUTPUT in said.sensors,
        measures_head_temp=wire.Sensor.HEAD_TEMP in said.sensors,
        senses_contact=wire.Sensor.CONTACT in said.sensors,
        knows_battery=wire.Sensor.BATTERY in said.sensors,
    )
