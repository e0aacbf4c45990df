"""The native dialect: requests and answers as messages of `device.wire`."""

from __future__ import annotations

from dataclasses import asdict

from device.dialects.base import (
    ALL_FIELDS,
    Answer,
    Arm,
    ClearFaults,
    Correlation,
    GetCapabilities,
    GetStatus,
    Heard,
    HostLoss,
    Identify,
    Integrity,
    Intent,
    Line,
    LowerLevel,
    Permitted,
    Promises,
    Renew,
    SetOutput,
    Stop,
    StopAnswer,
)
from device.dialects.common import capabilities_of, identity_of, status_of
from device.dialects.families import declared_bounds, fields_of
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
                return status_of(message, _ASKED.get(message.asked))
            case wire.Identity():
                identity = identity_of(message, wire.MAJOR)
                self._family = identity.family
                return identity
            case wire.Capabilities() if self._family is not None:  # or nobody knows what its numbers are of
                try:
                    return capabilities_of(
                        message,
                        declared_bounds(message, self._family, message.step_max_ms),
                        host_loss=HostLoss.LEASE,
                        reports=ALL_FIELDS,
                        holds_limits=True,
                    )
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
