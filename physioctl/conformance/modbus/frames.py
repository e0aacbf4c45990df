"""What a unit makes of bytes: damage, noise, pauses, and frames that are for another address."""

from __future__ import annotations

from device.wire import modbus_map as wire
from device.wire.messages import GetStatus, Identify, UnitState
from physioctl.conformance.clauses.ending import OVER_MS, lapses
from physioctl.conformance.effects import Script
from physioctl.conformance.host import RUNNING, age
from physioctl.conformance.modbus.clause import CONVERSATION, LINE, SETTLE_MS, modbus_clause
from physioctl.conformance.modbus.host import ModbusHost
from physioctl.conformance.modbus.rtu import Answer, framed, write_and_read
from physioctl.conformance.outcomes import NotShown, Part, expect

FORGOTTEN_MS = 30  # more than the 20 ms after which a part of a frame is forgotten
SURELY_KEPT_MS = 15  # less than that, by the host's clock


def _question(host: ModbusHost) -> bytes:
    """A frame that asks for the status, under the next token."""
    return framed(host.address, host.request(host.order(GetStatus())))


def _ours(host: ModbusHost, came: list[Answer]) -> int:
    return sum(answer.unit == host.address for answer in came)


@modbus_clause(
    "frames.damage",
    "Registers",
    "frames thrown away since the start, whole turns dropped",
    "8 requests with one bit changed at a random place behind the address: none is answered, and each is "
    "counted in `bad_frames`",
)
def _damage(host: ModbusHost) -> Script[str]:
    for _ in range(8):
        before = yield from host.look()
        struck = bytearray(_question(host))
        struck[host.rng.randrange(1, len(struck))] ^= 1 << host.rng.randrange(8)
        yield from host.send(bytes(struck))
        came = yield from host.listen(SETTLE_MS)
        expect(not _ours(host, came), "a request with one bit changed was answered")
        after = yield from host.look()
        expect(after.bad_frames != before.bad_frames, "a request with one bit changed was not counted")
    return "8 frames"


@modbus_clause(
    "frames.resync",
    LINE,
    "| a pause after which a unit forgets a part of a frame | 20 ms |",
    "up to 300 bytes of noise, a frame with a wrong checksum, and a part of a frame, each before a request "
    "that comes 30 ms behind it: every request is answered",
)
def _resync(host: ModbusHost) -> Script[str]:
    for _ in range(4):
        good = _question(host)
        wrong = good[:-1] + bytes([good[-1] ^ 1 << host.rng.randrange(8)])
        part = good[: host.rng.randrange(2, len(good) - 2)]
        for spoilt in (host.rng.randbytes(host.rng.randrange(100, 300)), wrong, part):
            yield from host.send(spoilt)
            yield from host.listen(FORGOTTEN_MS + len(spoilt) // 8)
            yield from host.ask(GetStatus())
    return "12 requests answered"


@modbus_clause(
    "frames.pause",
    LINE,
    "| a pause after which a unit forgets a part of a frame | 20 ms |",
    "requests in two pieces: some 10 ms apart they are answered, and 40 ms apart they are not",
)
def _pause(host: ModbusHost) -> Script[str]:
    judged = answered = 0
    for gap_ms in (4, 4, 4, 4, 40, 40):
        data = _question(host)
        cut = host.rng.randrange(2, len(data) - 2)
        yield from host.send(data[:cut])
        sent_ms = host.now_ms
        yield from host.wait(gap_ms)
        yield from host.send(data[cut:])
        took_ms = host.now_ms - sent_ms
        came = _ours(host, (yield from host.listen(SETTLE_MS)))
        if gap_ms >= FORGOTTEN_MS:
            expect(not came, f"a request in two pieces {took_ms} ms apart was answered")
        elif took_ms <= SURELY_KEPT_MS:
            judged, answered = judged + 1, answered + came
    if not judged:
        raise NotShown("this computer could not send two pieces as close together as that")
    expect(answered > 0, f"none of {judged} requests in two pieces was answered")
    return f"{answered} of {judged} close together were answered, and none further apart"


@modbus_clause(
    "frames.noise",
    CONVERSATION,
    "It covers what the CRC-16 lets through, and a block that is read or written one register beside its "
    "place.",
    "output, and random noise, and requests for another Set with one bit changed: the level stays, and "
    "output ends when it would have",
)
def _noise(host: ModbusHost) -> Script[str]:
    yield from host.begin()
    request = host.set(for_ms=5000 if Part.LEASE in host.has else 800)
    on = yield from host.done(request, "a Set within all bounds")
    for _ in range(3):
        yield from host.send(host.rng.randbytes(host.rng.randrange(20, 60)))
        yield from host.listen(FORGOTTEN_MS)
        higher = host.order(host.set(level=request.level + 1, for_ms=5000))
        struck = bytearray(framed(host.address, host.request(higher)))
        struck[host.rng.randrange(12, len(struck))] ^= 1 << host.rng.randrange(8)
        yield from host.send(bytes(struck))
        yield from host.listen(FORGOTTEN_MS)
    status = yield from host.look()
    expect(status.state in RUNNING, f"noise ended the output: {status.state.name}")
    expect(status.level_set == request.level, f"noise changed the level to {status.level_set}")
    if Part.LEASE in host.has:
        return (yield from lapses(host, on, request.unit_uptime_ms, request.lease_ms))
    if Part.TIMER not in host.has:
        return "the level stayed"
    last = (yield from host.samples(800 + OVER_MS))[-1]
    off_ms = age(last.at_ms, on.uptime_ms)
    expect(last.status.state is UnitState.READY, f"it ended in {last.status.state.name}")
    expect(request.for_ms <= off_ms <= request.for_ms + SETTLE_MS, f"off at {off_ms} ms")
    return f"a timer of {request.for_ms} ms: off at {off_ms} ms"


@modbus_clause(
    "address.others",
    LINE,
    "Several units may share a line (RS-485), each at its own address from 1 to 247; 1 where nothing else is "
    "set.",
    "IDENTIFY for 8 random other addresses, with a check for either address: this unit does not answer",
)
def _others(host: ModbusHost) -> Script[str]:
    others = [address for address in range(1, wire.ADDRESS_MAX + 1) if address != host.address]
    for address in host.rng.sample(others, 8):
        order = host.order(Identify())
        for checked in (address, host.address):
            registers = order.registers(checked)
            pdu = write_and_read(0, registers, wire.Identity.ADDRESS, wire.Identity.COUNT)
            yield from host.send(framed(address, pdu))
            for answer in (yield from host.listen(SETTLE_MS)):
                expect(answer.unit != host.address, f"a request for the address {address} was answered")
                expect(not _names(host, answer), f"it answers for the address {address} too")
    return "8 addresses"


def _names(host: ModbusHost, answer: Answer) -> bool:
    """Whether an answer from another address names this unit all the same: a neighbour's does not."""
    try:
        said = wire.Identity.read(answer.registers, answer.unit)
    except ValueError:
        return False
    return (said.serial, said.nonce) == (host.said.serial, host.said.nonce)


FIRST = (_damage, _resync, _pause, _others)
CLAUSES = (_noise,)  # once it is shown that a Stop ends output
