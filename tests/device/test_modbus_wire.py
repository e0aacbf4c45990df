"""Register blocks and RTU frames: against vectors worked out by hand, and over a bad line."""

from __future__ import annotations

import json
from pathlib import Path
from random import Random
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pymodbus.pdu.register_message import (
    ReadHoldingRegistersRequest,
    ReadWriteMultipleRegistersRequest,
)

from device.wire import modbus_map as wire
from device.wire.messages import Family, Fault, Result, Sensor, UnitState
from device.wire.registers import Block
from device.wire.rtu import ANSWERS, BROADCAST, FRAME_MAX, REQUESTS, Receiver, Rtu, encode
from tests.device.modbus_frames import answered
from tools.golden_modbus import crc16, frame

VECTORS: list[dict[str, Any]] = json.loads(
    (Path(wire.__file__).with_name("modbus_vectors.json")).read_text(encoding="utf-8")
)
BLOCKS: dict[str, type[Block]] = {
    kind.__name__: kind for kind in (wire.Order, wire.Status, wire.Identity, wire.Capabilities)
}
UNIT = 17
HERE = frozenset({UNIT})
U16 = st.integers(0, 0xFFFF)
U32 = st.integers(0, 0xFFFF_FFFF)
SMALL = st.integers(1, 0xFFFF)


def text(size: int) -> st.SearchStrategy[str]:
    return st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E), max_size=size)


ORDERS = st.builds(
    wire.Order,
    st.sampled_from(wire.Command),
    *(U16, U32, U32, U16, U16, U16, U16, U32, U16, U32, U16, U32),
)
STATUSES = st.builds(
    wire.Status,
    *(U16, U16),
    st.sampled_from(Result),
    st.sampled_from(UnitState),
    st.integers(0, 0xFFFF).map(Fault),
    *(U32, U32, U16, U16, U16, st.integers(-0x8000, 0x7FFF), U16, U16, U32, U32, U32, U16, U32, U16, U16),
)
IDENTITIES = st.builds(
    wire.Identity,
    *(U16, U16, U16, U16, U16),
    st.sampled_from(Family),
    st.tuples(U16, U16, U16),
    U32,
    text(16),
    text(16),
    U16,
)
CAPABILITIES = st.builds(
    wire.Capabilities,
    *(U16, U16),
    st.sampled_from(wire.HostLoss),
    U16.map(wire.Reports),
    *(U16, U16, U16, U16, U16, U16),
    *(st.lists(SMALL, max_size=size).map(tuple) for size in (6, 2, 3)),
    *(U32, U32, U32, U16, U16, st.integers(-0x8000, 0x7FFF), U16.map(Sensor)),
)


def sent(order: wire.Order, unit: int = UNIT) -> bytes:
    """A whole command on the line."""
    read = wire.READS[order.command]
    request = ReadWriteMultipleRegistersRequest(
        read_address=read.ADDRESS,
        read_count=read.COUNT,
        write_address=order.ADDRESS,
        write_registers=order.registers(unit),
    )
    return encode(request, unit)


def fields_of(vector: dict[str, Any], kind: type[Block]) -> dict[str, Any]:
    """The block's fields as a vector has them; what it leaves out is 0."""
    return {name: _plain(vector["fields"].get(name, 0)) for name in names_of(kind)}


def names_of(kind: type[Block]) -> tuple[str, ...]:
    return cast(tuple[str, ...], kind.__slots__)


def _plain(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


# --- against vectors worked out by hand -----------------------------------------------------------


@pytest.mark.parametrize("vector", [v for v in VECTORS if v.get("block") == "Order"])
def test_a_command_goes_out_as_it_was_worked_out_by_hand(vector: dict[str, Any]) -> None:
    fields = fields_of(vector, wire.Order)

    order = wire.Order(**(fields | {"command": wire.Command(fields["command"])}))

    assert sent(order) == bytes.fromhex(vector["frame"])


@pytest.mark.parametrize("vector", [v for v in VECTORS if v.get("block") not in (None, "Order")])
def test_a_block_worked_out_by_hand_is_read_as_it_was_meant(vector: dict[str, Any]) -> None:
    kind = BLOCKS[vector["block"]]

    (received,) = Receiver(HERE).feed(bytes.fromhex(vector["frame"]))
    block = kind.read(ANSWERS.decode(received.pdu).registers, received.unit)  # type: ignore[union-attr]

    assert {name: getattr(block, name) for name in names_of(kind)} == fields_of(vector, kind)
    assert answered(block, UNIT) == bytes.fromhex(vector["frame"])


@pytest.mark.parametrize("vector", [v for v in VECTORS if "what" in v])
def test_the_plain_frames_worked_out_by_hand_are_frames(vector: dict[str, Any]) -> None:
    data = bytes.fromhex(vector["frame"])

    (received,) = Receiver(frozenset({UNIT, BROADCAST})).feed(data)

    assert (received.unit, bytes([received.unit]) + received.pdu) == (vector["unit"], data[:-2])


def test_the_checksum_is_the_standards_own_example() -> None:
    # MODBUS over Serial Line V1.02, appendix B: the CRC of 02 07 is 12 41 on the line, the lower byte first.
    assert crc16(b"\x02\x07") == 0x1241


# --- there and back -------------------------------------------------------------------------------


@given(st.one_of(ORDERS, STATUSES, IDENTITIES, CAPABILITIES), st.integers(1, 247))
def test_whatever_a_block_holds_comes_back(block: Block, unit: int) -> None:
    registers = block.registers(unit)

    assert len(registers) == block.COUNT
    assert type(block).read(registers, unit) == block


@given(STATUSES, st.integers(1, 247), st.data())
def test_a_block_with_any_register_changed_or_read_beside_its_place_is_none(
    status: wire.Status, unit: int, data: st.DataObject
) -> None:
    registers = status.registers(unit)
    at = data.draw(st.integers(0, len(registers) - 1))
    changed = registers.copy()
    changed[at] ^= data.draw(SMALL)
    beside = [*registers[1:], data.draw(U16)]

    for wrong in (changed, registers[:-1], [*registers, 0]):
        with pytest.raises(ValueError, match=r"check|registers"):
            wire.Status.read(wrong, unit)
    with pytest.raises(ValueError, match="check"):
        wire.Status.read(registers, unit % 247 + 1)
    if beside != registers:
        with pytest.raises(ValueError, match="check"):
            wire.Status.read(beside, unit)


@pytest.mark.parametrize(
    "fields",
    [
        {"token": 0x10000},
        {"token": -1},
        {"nonce": 1 << 32},
        {"nonce": -1},
        {"level": 0x10000},
        {"lease_ms": -1},
    ],
)
def test_a_value_that_has_no_room_is_refused_and_not_cut(fields: dict[str, int]) -> None:
    order = wire.Order(wire.Command.SET, **({"token": 1} | fields))

    with pytest.raises(ValueError, match="is not from"):
        order.registers(UNIT)


def test_a_command_that_is_none_is_not_read() -> None:
    registers = wire.Order(99, 1).registers(UNIT)  # type: ignore[arg-type]

    with pytest.raises(ValueError, match="99"):
        wire.Order.read(registers, UNIT)


# --- frames on a line -----------------------------------------------------------------------------


FRAMES = [
    sent(wire.Order(wire.Command.STATUS, 7)),
    answered(wire.Status(7, 3, Result.OK, UnitState.IDLE, Fault(0), *(0,) * 15), UNIT),
    encode(ReadHoldingRegistersRequest(address=0x100, count=28), UNIT),
    bytes.fromhex(next(v["frame"] for v in VECTORS if v.get("what") == "plain stop")),
    bytes.fromhex(next(v["frame"] for v in VECTORS if v.get("what") == "exception 3")),
]


@given(st.lists(st.sampled_from(FRAMES), max_size=6), st.data())
def test_frames_come_out_however_the_bytes_are_cut_up(frames: list[bytes], data: st.DataObject) -> None:
    line = b"".join(frames)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(line)), max_size=20)))
    receiver = Receiver(HERE)

    found: list[Rtu] = []
    for begin, end in zip([0, *cuts], [*cuts, len(line)], strict=True):
        found += receiver.feed(line[begin:end])

    assert [bytes([each.unit]) + each.pdu for each in found] == [each[:-2] for each in frames]
    assert receiver.is_empty
    assert receiver.damaged == 0


@pytest.mark.hazard("H-08")
@given(st.sampled_from(FRAMES), st.sampled_from(FRAMES), st.data())
def test_a_spoilt_frame_costs_itself_and_not_the_good_one_behind_it(
    spoilt: bytes, good: bytes, data: st.DataObject
) -> None:
    at = data.draw(st.integers(0, len(spoilt) - 1))
    struck = bytearray(spoilt)
    struck[at] ^= data.draw(st.sampled_from([1 << bit for bit in range(8)]))
    receiver = Receiver(HERE)

    found = receiver.feed(bytes(struck) + good)

    assert bytes([found[-1].unit]) + found[-1].pdu == good[:-2]
    assert receiver.damaged >= 1
    assert receiver.is_empty


@pytest.mark.hazard("H-08")
@given(st.sampled_from(FRAMES), st.data())
def test_a_stop_behind_a_frame_that_was_cut_off_does_not_wait(cut: bytes, data: st.DataObject) -> None:
    stop = frame(BROADCAST, b"\x10\x00\x00\x00\x01\x02\x00\x07")
    receiver = Receiver(frozenset({UNIT, BROADCAST}))

    receiver.feed(cut[: data.draw(st.integers(1, len(cut) - 1))])
    found = receiver.feed(stop)

    assert [each.unit for each in found] == [BROADCAST]


@pytest.mark.hazard("H-08")
@given(st.lists(st.binary(max_size=700), max_size=8))
def test_noise_is_kept_for_one_frame_at_the_most_and_hides_no_frame(noise: list[bytes]) -> None:
    receiver = Receiver(HERE)

    for data in noise:
        receiver.feed(data)
        assert len(receiver._held) <= FRAME_MAX
    receiver.drop()
    (found,) = receiver.feed(FRAMES[0])

    assert bytes([found.unit]) + found.pdu == FRAMES[0][:-2]


@pytest.mark.hazard("H-08")
def test_of_spoilt_frames_none_is_believed_that_was_not_sent() -> None:
    rng = Random(20261121)
    order = wire.Order(
        wire.Command.SET, 9, nonce=0xDEADBEEF, session=3, level=440, duty_pct=50, for_ms=60_000
    )
    whole = sent(order)
    believed, let_through = [], 0

    for _ in range(1500):
        data = bytearray(whole)
        for _ in range(rng.randint(1, 6)):
            data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
        # Corrected afterwards, so that the checksum of the frame lets every one of them through.
        for received in Receiver(HERE).feed(frame(data[0], bytes(data[1:-2]))):
            let_through += 1
            request = REQUESTS.decode(received.pdu)
            if isinstance(request, ReadWriteMultipleRegistersRequest):
                try:
                    believed.append(wire.Order.read(list(request.write_registers), received.unit))
                except ValueError:
                    continue

    assert let_through > 1000
    assert set(believed) <= {order}


# --- a port that is set wrongly -----------------------------------------------------------------------


SAMPLES = 16  # of a bit, at 115200 baud


def levels(data: bytes, parity: bool) -> list[int]:
    """The line's level, sample by sample, while ``data`` is sent at 115200 baud, with even parity or none."""
    bits: list[int] = [1] * 20
    for byte in data:
        bits += [0, *(byte >> place & 1 for place in range(8))]
        bits += [byte.bit_count() & 1, 1] if parity else [1]
    return [bit for bit in [*bits, *[1] * 20] for _ in range(SAMPLES)]


def read_as(line: list[int], baud: int, parity: bool) -> bytes:
    """What a receiver that is set so makes of the line; it passes over errors, as an adapter may."""
    width, at, found = SAMPLES * 115_200 / baud, 0, bytearray()
    length = (11 if parity else 10) * width
    while at + length < len(line):
        if line[at]:
            at += 1
            continue
        found.append(sum(line[int(at + width * (place + 1.5))] << place for place in range(8)))
        at += int(length - width / 2)
    return bytes(found)


def test_a_port_that_is_set_rightly_reads_what_was_sent() -> None:
    for data in FRAMES:
        assert read_as(levels(data, parity=True), 115_200, parity=True) == data


@pytest.mark.hazard("H-08")
@pytest.mark.parametrize(
    ("baud", "parity"), [(115_200, False), (57_600, True), (9600, True), (230_400, True), (19_200, False)]
)
def test_at_the_wrong_speed_or_parity_nothing_is_believed(baud: int, parity: bool) -> None:
    receiver = Receiver(frozenset({UNIT, BROADCAST}))
    line = levels(b"".join(FRAMES) * 20, parity=True)

    assert receiver.feed(read_as(line, baud, parity)) == []
    receiver.drop()
    assert receiver.damaged > 0
