"""Function codes, registers and checks: what is malformed gets an exception and changes nothing."""

from __future__ import annotations

from collections.abc import Iterable
from zlib import crc32

from device.wire import modbus_map as wire
from device.wire.messages import GetStatus, Lower, UnitState
from device.wire.registers import Block
from physioctl.conformance.clauses.leases import left
from physioctl.conformance.clauses.refusals import short
from physioctl.conformance.effects import Script
from physioctl.conformance.host import RUNNING
from physioctl.conformance.modbus.clause import CONVERSATION, SETTLE_MS, modbus_clause
from physioctl.conformance.modbus.host import ModbusHost
from physioctl.conformance.modbus.rtu import (
    ALL,
    framed,
    read_holding,
    write_and_read,
    write_multiple,
    write_single,
)
from physioctl.conformance.outcomes import NotRefused, Part, PromiseBroken, expect

NO_FUNCTION, NO_ADDRESS, NO_VALUE = 1, 2, 3
STATUS, IDENTITY, CAPABILITIES = wire.Status, wire.Identity, wire.Capabilities
_OTHER_FUNCTIONS = {  # requests of the standard whose frames' length every receiver knows
    1: b"\x01\x00\x00\x00\x01",
    2: b"\x02\x00\x00\x00\x01",
    4: b"\x04\x01\x00\x00\x01",
    5: b"\x05\x00\x00\xff\x00",
    15: b"\x0f\x00\x00\x00\x01\x01\x01",
    22: b"\x16\x00\x00\xff\xff\x00\x07",
}


def peek(host: ModbusHost, kind: type[Block]) -> Script[Block]:
    """The block as any tool reads it, which leaves token and command as they are."""
    answer = yield from host.exchange(read_holding(kind.ADDRESS, kind.COUNT))
    if answer is None or answer.exception:
        raise PromiseBroken(f"a read of the {kind.__name__} block was not answered")
    try:
        return kind.read(answer.registers, host.address)
    except ValueError as problem:
        raise PromiseBroken(f"the {kind.__name__} block cannot be read: {problem}") from None


def _standing(block: Block) -> tuple[int, ...]:
    assert isinstance(block, wire.Status)
    return block.token, block.command, block.state, block.level_set, block.duty_set_pct, block.session


def _excepted(host: ModbusHost, cases: Iterable[tuple[str, bytes]], code: int) -> Script[str]:
    """Send each of ``cases`` in an armed session: each gets exception ``code`` and changes nothing."""
    count = 0
    yield from host.begin()
    before = yield from peek(host, STATUS)
    for what, pdu in cases:
        answer = yield from host.exchange(pdu)
        after = yield from peek(host, STATUS)
        assert isinstance(after, wire.Status)
        if after.state in RUNNING:
            raise NotRefused(f"{what} started output")
        if answer is None:
            raise PromiseBroken(f"{what} was not answered")
        if not answer.exception:
            raise NotRefused(f"{what} was taken, and got no exception {code}")
        expect(answer.exception == code, f"{what} got exception {answer.exception}, not {code}")
        expect(_standing(after) == _standing(before), f"{what} changed something")
        count += 1
    return f"{count} requests"


@modbus_clause(
    "function.others",
    CONVERSATION,
    "| 1 | another function code than 3, 6, 16 and 23",
    "Read Coils (1), Read Discrete Inputs (2), Read Input Registers (4), Write Single Coil (5), Write "
    "Multiple Coils (15) and Mask Write Register (22)",
)
def _functions(host: ModbusHost) -> Script[str]:
    cases = ((f"function {code}", pdu) for code, pdu in _OTHER_FUNCTIONS.items())
    return (yield from _excepted(host, cases, NO_FUNCTION))


@modbus_clause(
    "exceptions.registers",
    CONVERSATION,
    "| 2 | registers that are none, that are not read or written together, or do not belong to the command |",
    "reads beside the blocks and across their ends, writes beside register 0, and a STATUS that reads a "
    "part, or another block",
)
def _registers(host: ModbusHost) -> Script[str]:
    status = host.order(GetStatus()).registers(host.address)
    beside = host.rng.randrange(1, 200)
    cases = [
        ("a read of the command block", read_holding(0, 1)),
        ("a read of no register", read_holding(host.rng.randrange(0x1000, 0xF000), 1)),
        ("a read across the beginning of a block", read_holding(STATUS.ADDRESS - 1, 2)),
        ("a read across the end of a block", read_holding(STATUS.ADDRESS, STATUS.COUNT + 1)),
        ("a read behind a block", read_holding(CAPABILITIES.ADDRESS + CAPABILITIES.COUNT, 1)),
        (f"a write of 7 to register {beside}", write_single(beside, 7)),
        (f"a write of 7 to registers from {beside}", write_multiple(beside, [7, 7])),
        ("a STATUS from register 1", write_and_read(1, status, STATUS.ADDRESS, STATUS.COUNT)),
        ("a STATUS that reads a part", write_and_read(0, status, STATUS.ADDRESS, STATUS.COUNT - 1)),
        ("a STATUS that reads the identity", write_and_read(0, status, IDENTITY.ADDRESS, IDENTITY.COUNT)),
    ]
    return (yield from _excepted(host, cases, NO_ADDRESS))


def _transaction(registers: list[int]) -> bytes:
    return write_and_read(0, registers, STATUS.ADDRESS, STATUS.COUNT)


def _checked(host: ModbusHost, registers: list[int]) -> list[int]:
    """A command block of ``registers``, which may be none, with the right check."""
    words = b"".join(value.to_bytes(2, "big") for value in registers)
    return [*registers, *divmod(crc32(bytes([host.address]) + words), 1 << 16)]


@modbus_clause(
    "exceptions.values",
    CONVERSATION,
    "a command that is none, a register that the command does not use and is not 0, another command than "
    "STOP by FC06 or FC16 |",
    "each of them with a check that is right, a whole Set by FC16 among them; blocks of 19 and 21 registers",
)
def _values(host: ModbusHost) -> Script[str]:
    yield from host.begin()
    rng, status = host.rng, host.order(GetStatus()).registers(host.address)
    a_set = host.order(short(host)).registers(host.address)
    body = wire.Order.COUNT - 2
    cases = [
        ("a Set by FC06", write_single(0, wire.Command.SET)),
        ("a STATUS by FC16", write_multiple(0, [wire.Command.STATUS])),
        ("a whole Set by FC16", write_multiple(0, a_set)),
        ("a block of 19 registers", _transaction(_checked(host, status[: body - 1]))),
        ("a block of 21 registers", _transaction(_checked(host, [*status[:body], 0]))),
        *(
            (f"command {command}", _transaction(_checked(host, [command, *status[1:body]])))
            for command in (0, 10, rng.randrange(11, 1 << 16))
        ),
        *(
            (
                f"a STATUS with a value in register {at}",
                _transaction(_checked(host, _with(status[:body], at))),
            )
            for at in (2, rng.randrange(3, body - 1), body - 1)
        ),
    ]
    return (yield from _excepted(host, cases, NO_VALUE))


def _with(registers: list[int], at: int) -> list[int]:
    return [*registers[:at], 1, *registers[at + 1 :]]


@modbus_clause(
    "frames.check",
    CONVERSATION,
    "A command block whose check is wrong is not carried out (exception 3), but for a stop.",
    "in an armed session: a Set and a STATUS with one bit of a register or of the check changed, with the "
    "check of another address, and moved by one register",
)
def _wrong_check(host: ModbusHost) -> Script[str]:
    yield from host.begin()
    cases = []
    for request in (short(host), GetStatus()):
        name = type(request).__name__
        for _ in range(4):
            struck = host.order(request).registers(host.address)
            struck[host.rng.randrange(1, len(struck))] ^= 1 << host.rng.randrange(16)
            cases.append((f"a {name} with one bit changed", _transaction(struck)))
        another = host.order(request).registers(host.address ^ 1)
        cases.append((f"a {name} with the check of another address", _transaction(another)))
        right = host.order(request).registers(host.address)
        cases.append((f"a {name} moved by one register", _transaction([right[0], *right[:-1]])))
    return (yield from _excepted(host, cases, NO_VALUE))


@modbus_clause(
    "reads.plain",
    CONVERSATION,
    "*Read Holding Registers* (FC03) reads any registers of the status, identity and capability blocks, "
    "within one block. It changes nothing, prolongs nothing and leaves `token` and `command` as they are.",
    "output, and reads of each block and of random parts of the identity: they say what the transactions "
    "say, and no lease is longer for them",
)
def _plain_reads(host: ModbusHost) -> Script[str]:
    yield from host.begin()
    request = host.set(for_ms=2000, lease_ms=host.plate.lease_max_ms)
    yield from host.done(request, "a Set within all bounds")
    latest = host.block
    for kind in (STATUS, IDENTITY, CAPABILITIES):
        block = yield from peek(host, kind)
        said = (getattr(block, "token"), getattr(block, "command"))  # noqa: B009 - no Block has them
        expect(said == (latest.token, latest.command), f"{kind.__name__}: token and command are {said}")
    whole = yield from host.exchange(read_holding(IDENTITY.ADDRESS, IDENTITY.COUNT))
    for _ in range(3):
        begin = host.rng.randrange(IDENTITY.COUNT - 1)
        count = host.rng.randrange(1, IDENTITY.COUNT - begin)
        part = yield from host.exchange(read_holding(IDENTITY.ADDRESS + begin, count))
        same = whole and part and part.registers == whole.registers[begin : begin + count]
        expect(bool(same), f"{count} registers of the identity are not what they are in the whole")
    status = yield from host.look()
    expect(status.state in RUNNING, f"reads led to {status.state.name}")
    if Part.LEASE in host.has:
        left(host, request.unit_uptime_ms, request.lease_ms, "after reads")
    return "3 blocks, 3 parts"


@modbus_clause(
    "address.all",
    CONVERSATION,
    "Nothing else is taken from the address 0.",
    "in an armed session and with output: a Set, an Arm, a STATUS, a Lower and a read to the address 0, each "
    "without an answer, and nothing is as it was not before",
)
def _nothing_else(host: ModbusHost) -> Script[str]:
    yield from host.begin()
    asked = (short(host), GetStatus(), host.arm(level_max=host.plate.level_min), Lower(0, 0, 0))
    blocks = [host.order(request).registers(checked) for request in asked for checked in (ALL, host.address)]
    pdus = [read_holding(STATUS.ADDRESS, 1)]
    pdus += [pdu for block in blocks for pdu in (_transaction(block), write_multiple(0, block))]
    before = yield from peek(host, STATUS)
    for pdu in pdus:
        yield from host.send(framed(ALL, pdu))
        came = yield from host.listen(SETTLE_MS)
        after = yield from peek(host, STATUS)
        assert isinstance(after, wire.Status)
        if after.state is not UnitState.READY:
            raise NotRefused(f"a request to the address 0 led to {after.state.name}")
        expect(not came, "a request to the address 0 was answered")
        expect(_standing(after) == _standing(before), "a request to the address 0 changed something")
    return f"{len(pdus)} requests"


CLAUSES = (_functions, _registers, _values, _wrong_check, _plain_reads, _nothing_else)
