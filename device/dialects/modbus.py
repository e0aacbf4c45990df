"""The Modbus dialect: intentions and answers to and from the register blocks of `device.wire.modbus_map`.

Every request is one *Read/Write Multiple Registers*: it writes the command block and reads a block back,
which carries the token that was written. One that does not is another request's answer, however whole it is.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace

from pymodbus.pdu.register_message import (
    ReadWriteMultipleRegistersRequest,
    ReadWriteMultipleRegistersResponse,
    WriteMultipleRegistersRequest,
)

from device.dialects.base import (
    Answer,
    Arm,
    Capabilities,
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
    ReportField,
    SetOutput,
    Status,
    Stop,
    StopAnswer,
)
from device.dialects.common import capabilities_of, identity_of, status_of
from device.dialects.families import declared_bounds, fields_of
from device.wire import modbus_map as wire
from device.wire.registers import Block
from device.wire.rtu import ANSWERS, BROADCAST, Receiver, Rtu, encode
from protocols.limits import Family, InvalidBound

_COMMANDS: dict[type[Intent], wire.Command] = {
    Identify: wire.Command.IDENTIFY,
    GetCapabilities: wire.Command.CAPABILITIES,
    GetStatus: wire.Command.STATUS,
    Arm: wire.Command.ARM,
    SetOutput: wire.Command.SET,
    Renew: wire.Command.RENEW,
    LowerLevel: wire.Command.LOWER,
    Stop: wire.Command.STOP,
    ClearFaults: wire.Command.CLEAR,
}
_INTENTS = {command: intent for intent, command in _COMMANDS.items()}
_HOST_LOSS = {
    wire.HostLoss.LEASE: HostLoss.LEASE,
    wire.HostLoss.OWN_TIMER: HostLoss.OWN_TIMER,
    wire.HostLoss.NONE: HostLoss.NONE,
}
_FIELDS = {
    wire.Reports.SESSION: (ReportField.SESSION, ("session",)),
    wire.Reports.TIME: (ReportField.TIME, ("step_ms", "delivered_ms")),
    wire.Reports.ENERGY: (ReportField.ENERGY, ("energy_mj",)),
    wire.Reports.LEASE: (ReportField.LEASE, ("lease_left_ms", "lapses")),
    wire.Reports.UPTIME: (ReportField.UPTIME, ("uptime_ms",)),
}


@dataclass(frozen=True, slots=True)
class _Asked:
    """The request under way."""

    command: wire.Command
    seq: int


class Modbus:
    """Modbus RTU, documented in docs/modbus.md, with the unit at one address of the line."""

    name = "modbus"
    promises = Promises(
        Correlation.IN_ORDER,
        Integrity.CHECKED,
        StopAnswer.CONFIRMED,
        Line(wire.BAUD, wire.PARITY, wire.STOP_BITS, wire.ANSWER_MAX_MS, wire.DRAIN_MS),
    )

    def __init__(self, address: int = wire.ADDRESS_DEFAULT) -> None:
        """Raise `ValueError` when ``address`` is no unit's."""
        if not 1 <= address <= wire.ADDRESS_MAX:
            raise ValueError(f"a Modbus unit's address is 1 to {wire.ADDRESS_MAX}, not {address}")
        self.address = address
        self.damaged = 0
        self.dropped = 0  # frames that were whole, and no answer to the request under way
        self._receiver = Receiver(frozenset({address}))
        self._asked: _Asked | None = None
        self._family: Family | None = None  # of the unit that last said who it is
        self._declared: Capabilities | None = None

    def say(self, permitted: Permitted, seq: int) -> bytes:
        """The frame that carries an intention; from now on, its answer alone is believed."""
        intent = permitted.intent
        order = self._order(intent, seq)
        self.give_up()
        self._asked = _Asked(order.command, seq)
        read = wire.READS[order.command]
        request = ReadWriteMultipleRegistersRequest(
            read_address=read.ADDRESS,
            read_count=read.COUNT,
            write_address=order.ADDRESS,
            write_registers=order.registers(self.address),
        )
        return encode(request, self.address)

    def stop_all(self) -> bytes:
        """The frame that ends the output of every unit on the line. Nobody answers it."""
        stop = WriteMultipleRegistersRequest(address=wire.Order.ADDRESS, registers=[wire.Command.STOP])
        return encode(stop, BROADCAST)

    def hear(self, data: bytes) -> list[Heard]:
        """The answer to the request under way, if ``data`` completed it; what else was in it is counted."""
        heard = []
        for frame in self._receiver.feed(data):
            asked, answer = self._asked, self._answer(frame)
            if asked is None or answer is None:
                self.dropped += 1
            else:
                self._asked = None
                heard.append(Heard(asked.seq, answer))
        self.damaged = self._receiver.damaged
        return heard

    def give_up(self) -> None:
        """Forget the request under way: what arrives of its answer is nobody's."""
        self._asked = None
        self._receiver.drop()
        self.damaged = self._receiver.damaged

    def _order(self, intent: Intent, seq: int) -> wire.Order:
        command = _COMMANDS[type(intent)]
        match intent:
            case SetOutput(nonce, session, setting, for_ms, ramp_ms, unit_uptime_ms, lease_ms):
                timed = self._declared is None or self._declared.host_loss is not HostLoss.NONE
                return wire.Order(
                    command,
                    seq,
                    nonce=nonce,
                    session=session,
                    **asdict(fields_of(setting)),
                    for_ms=for_ms if timed else 0,  # a unit without a timer is given no time: the host counts
                    ramp_ms=ramp_ms,
                    unit_uptime_ms=unit_uptime_ms,
                    lease_ms=lease_ms,
                )
            case Renew(nonce, session, unit_uptime_ms, lease_ms):
                return wire.Order(
                    command,
                    seq,
                    nonce=nonce,
                    session=session,
                    unit_uptime_ms=unit_uptime_ms,
                    lease_ms=lease_ms,
                )
            case LowerLevel(nonce, session, to_level):
                return wire.Order(command, seq, nonce=nonce, session=session, level=to_level)
            case Arm(nonce, session, level_max, delivered_max_ms, energy_max_mj, unit_uptime_ms):
                return wire.Order(
                    command,
                    seq,
                    nonce=nonce,
                    session=session,
                    level=level_max,
                    for_ms=delivered_max_ms,
                    unit_uptime_ms=unit_uptime_ms,
                    energy_max_mj=energy_max_mj,
                )
            case ClearFaults(nonce, unit_uptime_ms):
                return wire.Order(command, seq, nonce=nonce, unit_uptime_ms=unit_uptime_ms)
            case Identify() | GetCapabilities() | GetStatus() | Stop():
                return wire.Order(command, seq)

    def _answer(self, frame: Rtu) -> Answer | None:
        """What the frame says, when it is the answer to the request under way."""
        asked = self._asked
        if asked is None or frame.unit != self.address or frame.is_request:
            return None
        response = ANSWERS.decode(frame.pdu)
        if not isinstance(response, ReadWriteMultipleRegistersResponse):  # an exception, or another's answer
            return None
        try:
            block = wire.READS[asked.command].read(response.registers, self.address)
        except ValueError:
            return None
        return self._meant(asked, block)

    def _meant(self, asked: _Asked, block: Block) -> Answer | None:
        match block:
            case wire.Status(token=asked.seq, command=asked.command):
                return self._report(block)
            case wire.Identity(token=asked.seq, command=asked.command, map=wire.MAP):
                identity = identity_of(block, wire.MAJOR)
                self._family = identity.family
                return identity
            case wire.Capabilities(token=asked.seq, command=asked.command) if self._family is not None:
                self._declared = _capabilities(block, self._family)
                return self._declared
        return None

    def _report(self, status: wire.Status) -> Status:
        reported = status_of(status, _INTENTS[wire.Command(status.command)])
        if self._declared is None:
            return reported
        missing = (names for field, names in _FIELDS.values() if field not in self._declared.reports)
        return replace(reported, **{name: 0 for names in missing for name in names})  # type: ignore[arg-type]


def _capabilities(said: wire.Capabilities, family: Family) -> Capabilities | None:
    """What the unit declares; None when it contradicts itself: then it cannot be used."""
    leased = said.host_loss is wire.HostLoss.LEASE
    if not _goes_together(said):
        return None
    try:
        return capabilities_of(
            said,
            declared_bounds(said, family, said.step_max_ms if leased else None),
            host_loss=_HOST_LOSS[said.host_loss],
            reports=frozenset(field for bit, (field, _) in _FIELDS.items() if bit in said.reports),
            holds_limits=said.holds_limits == 1,
        )
    except InvalidBound:
        return None


def _goes_together(said: wire.Capabilities) -> bool:
    """Whether what ends the unit's output without a host is one thing, and said in one way."""
    if int(said.reports) & ~sum(wire.Reports) or said.holds_limits not in (0, 1):
        return False
    dated = wire.Reports.UPTIME in said.reports
    match said.host_loss:
        case wire.HostLoss.LEASE:
            leased = 0 < said.lease_min_ms <= said.lease_max_ms and wire.Reports.LEASE in said.reports
            return leased and dated and said.step_max_ms > 0
        case wire.HostLoss.OWN_TIMER:
            return _is_leaseless(said) and dated and said.step_max_ms == wire.TIMER_MAX_MS
        case wire.HostLoss.NONE:
            return _is_leaseless(said) and said.step_max_ms == 0


def _is_leaseless(said: wire.Capabilities) -> bool:
    return not (said.lease_min_ms or said.lease_max_ms or wire.Reports.LEASE in said.reports)
