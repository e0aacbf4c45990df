"""The native dialect: requests and answers as messages of `device.wire`."""

from __future__ import annotations

from dataclasses import asdict

from device.dialects.base import (
    Answer,
    Arm,
    Capabilities,
    ClearFaults,
    Correlation,
    GetCapabilities,
    GetStatus,
    Heard,
    Identify,
    Identity,
    Integrity,
    Intent,
    Line,
    LowerLevel,
    Permitted,
    Promises,
    Renew,
    SetOutput,
    Status,
    Stop,
    StopAnswer,
)
from device.dialects.common import STATES, calibration_date, fault_names, refusal
from device.dialects.families import declared_bounds, family_of, fields_of
from device.wire import messages as wire
from device.wire.frame import Decoder, Frame, encode
from protocols.limits import Family, InvalidBound

_ASKED: dict[int, type[Intent]] = {
    wire.Type.IDENTIFY: Identify,
    wire.Type.GET_CAPABILITIES: GetCapabilities,
    wire.Type.GET_STATUS: GetStatus,
    wire.Type.ARM: Arm,
    wire.Type.SET: SetOutput,
    wire.Type.RENEW: Renew,
    wire.Type.STOP: Stop,
    wire.Type.CLEAR: ClearFaults,
    wire.Type.LOWER: LowerLevel,
}


class Native:
    """The native dialect, documented in docs/wire.md."""

    name = "native"
    promises = Promises(Correlation.NUMBERED, Integrity.CHECKED, StopAnswer.CONFIRMED, Line(wire.BAUD))

    def __init__(self) -> None:
        self.damaged = 0
        self._decoder = Decoder()
        self._family: Family | None = None  # of the unit that last said who it is

    def say(self, permitted: Permitted, seq: int) -> bytes:
        """Return the frame of a permitted request."""
        message = _message(permitted.intent)
        return encode(Frame(message.TYPE, seq, message.pack()))

    def hear(self, data: bytes) -> list[Heard]:
        """Return the answers that ``data`` completes; anything else is counted as damage."""
        heard = []
        for item in self._decoder.feed(data):
            message = wire.read(item.type, item.body) if isinstance(item, Frame) else None
            answer = None if message is None else self._answer(message)
            if answer is None:
                self.damaged += 1
            elif isinstance(item, Frame):
                heard.append(Heard(item.seq, answer))
        return heard

    def give_up(self) -> None:
        """Do nothing: a late answer names the request that it belongs to."""

    def _answer(self, message: wire.Message) -> Answer | None:
        match message:
            case wire.Status():
                return _report(message)
            case wire.Identity():
                identity = _identity(message)
                self._family = identity.family
                return identity
            case wire.Capabilities() if self._family is not None:  # or nobody knows what its numbers are of
                try:
                    return _capabilities(message, self._family)
                except InvalidBound:  # the capabilities contradict each other and cannot be used
                    return None
        return None  # a request: an echo, or from another host


def _message(intent: Intent) -> wire.Message:
    match intent:
        case SetOutput(nonce, session, setting, for_ms, ramp_ms, unit_uptime_ms, lease_ms):
            return wire.Set(
                nonce=nonce,
                session=session,
                **asdict(fields_of(setting)),
                for_ms=for_ms,
                ramp_ms=ramp_ms,
                unit_uptime_ms=unit_uptime_ms,
                lease_ms=lease_ms,
            )
        case Renew(nonce, session, unit_uptime_ms, lease_ms):
            return wire.Renew(nonce, session, unit_uptime_ms, lease_ms)
        case LowerLevel(nonce, session, to_level):
            return wire.Lower(nonce, session, to_level)
        case Arm(nonce, session, level_max, delivered_max_ms, energy_max_mj, unit_uptime_ms):
            return wire.Arm(nonce, session, level_max, delivered_max_ms, energy_max_mj, unit_uptime_ms)
        case ClearFaults(nonce, unit_uptime_ms):
            return wire.Clear(nonce, unit_uptime_ms)
        case Identify():
            return wire.Identify()
        case GetCapabilities():
            return wire.GetCapabilities()
        case GetStatus():
            return wire.GetStatus()
        case Stop():
            return wire.Stop()


def _identity(said: wire.Identity) -> Identity:
    return Identity(
        driveable=said.major == wire.MAJOR,
        version=f"{said.major}.{said.minor}",
        family=family_of(said.family),
        model=said.model,
        serial=said.serial,
        firmware=".".join(map(str, said.firmware)),
        nonce=said.nonce,
        calibrated=calibration_date(said.calibrated),
    )


def _report(status: wire.Status) -> Status:
    asked = _ASKED.get(status.asked)
    return Status(
        asked=asked.__name__ if asked else "",
        refusal=refusal(status.result),
        state=STATES[status.state],
        faults=fault_names(status.faults, status.state),
        nonce=status.nonce,
        session=status.session,
        level_set=status.level_set,
        duty_set_pct=status.duty_set_pct,
        measured_level=status.measured_level,
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


def _capabilities(said: wire.Capabilities, family: Family) -> Capabilities:
    return Capabilities(
        bounds=tuple(declared_bounds(said, family, said.step_max_ms)),
        area_mm2=said.area_mm2 or None,
        suspension_max_ms=said.suspension_max_ms,
        lease_min_ms=said.lease_min_ms,
        lease_max_ms=said.lease_max_ms,
        head_trip_ddeg_c=said.head_trip_ddeg_c if wire.Sensor.HEAD_TEMP in said.sensors else None,
        measures_output=wire.Sensor.OUTPUT in said.sensors,
        measures_head_temp=wire.Sensor.HEAD_TEMP in said.sensors,
        senses_contact=wire.Sensor.CONTACT in said.sensors,
        knows_battery=wire.Sensor.BATTERY in said.sensors,
    )
