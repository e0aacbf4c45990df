"""Every way to stop a Modbus unit that is not the transaction of a session."""

from __future__ import annotations

from device.wire import modbus_map as wire
from device.wire.messages import GetStatus, UnitState
from physioctl.conformance.clauses.ending import ended
from physioctl.conformance.effects import Script
from physioctl.conformance.modbus.clause import CONVERSATION, SETTLE_MS, modbus_clause
from physioctl.conformance.modbus.host import ModbusHost
from physioctl.conformance.modbus.rtu import ALL, framed, write_and_read, write_multiple, write_single
from physioctl.conformance.outcomes import expect

STOP = wire.Command.STOP
ANY_TOOL = (
    "A write to register 0 of the value 7 is a stop: by *Write Single Register* (FC06), by *Write Multiple "
    "Registers* (FC16) of one or more registers, by FC23, and whatever stands in the other registers, the "
    "check included."
)


def _is_off(host: ModbusHost, by: str) -> Script[None]:
    status = yield from host.look()
    expect(status.state is UnitState.IDLE, f"after a stop by {by} the unit is in {status.state.name}")
    ended(host, status)


@modbus_clause(
    "stop.plain",
    CONVERSATION,
    ANY_TOOL,
    "output, then a write of 7 to register 0 by FC06, and by FC16 of 1, 2 and 20 registers with random "
    "values behind it: answered as written, and off",
    ends_run=True,
)
def _plain(host: ModbusHost) -> Script[str]:
    rest = [host.rng.randrange(1 << 16) for _ in range(19)]
    ways = [
        ("FC06", write_single(0, STOP)),
        *((f"FC16 of {count}", write_multiple(0, [STOP, *rest[: count - 1]])) for count in (1, 2, 20)),
    ]
    for by, pdu in ways:
        yield from host.emit(for_ms=2000)
        answer = yield from host.exchange(pdu)
        yield from _is_off(host, by)
        expect(answer is not None and not answer.exception, f"a stop by {by} was not answered as written")
    return f"{len(ways)} ways"


@modbus_clause(
    "stop.any_registers",
    CONVERSATION,
    ANY_TOOL,
    "output, then STOP by FC23 with random values in every other register, the check included: the status "
    "that answers it says IDLE",
    ends_run=True,
)
def _any_registers(host: ModbusHost) -> Script[str]:
    for _ in range(4):
        yield from host.emit(for_ms=2000)
        rest = [host.rng.randrange(1 << 16) for _ in range(wire.Order.COUNT - 1)]
        pdu = write_and_read(0, [STOP, *rest], wire.Status.ADDRESS, wire.Status.COUNT)
        answer = yield from host.exchange(pdu)
        yield from _is_off(host, "FC23 with random values")
        expect(answer is not None and not answer.exception, "it was not answered by the status")
    return "4 times"


@modbus_clause(
    "stop.all",
    CONVERSATION,
    "**A stop for every unit on the line** is such a write by FC06 or FC16 to the address 0. Nobody answers "
    "it.",
    "output, then such a write to the address 0, by each of the two: off, and no answer",
    ends_run=True,
)
def _all(host: ModbusHost) -> Script[str]:
    for by, pdu in (("FC06", write_single(0, STOP)), ("FC16", write_multiple(0, [STOP]))):
        yield from host.emit(for_ms=2000)
        yield from host.send(framed(ALL, pdu))
        came = yield from host.listen(SETTLE_MS)
        yield from _is_off(host, f"{by} to the address 0")
        expect(not came, f"a stop by {by} to the address 0 was answered")
    return "by FC06 and by FC16"


@modbus_clause(
    "stop.under_load",
    CONVERSATION,
    "It is taken in any state, with any token, no nonce, any number of times.",
    "output, then 20 requests and random noise without a pause, then Stops until one is answered: one of "
    "three is, with output off; how many of the 20 were answered is not judged",
    ends_run=True,
)
def _under_load(host: ModbusHost) -> Script[str]:
    yield from host.emit(for_ms=2000, lease_ms=host.plate.lease_max_ms)
    flood = b"".join(framed(host.address, host.request(host.order(GetStatus()))) for _ in range(20))
    yield from host.send(flood + host.rng.randbytes(120))
    answered = yield from host.listen(2 * SETTLE_MS)
    stopped = yield from host.stop()
    ended(host, stopped)
    return f"stopped; {len(answered)} of the 20 were answered"


CLAUSES = (_plain, _any_registers, _all, _under_load)
