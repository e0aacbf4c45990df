"""The simulated Modbus unit, as docs/modbus.md has it: functions, exceptions, kinds, and a shared line."""

from __future__ import annotations

from random import Random

import pytest
from pymodbus.pdu import ExceptionResponse, ModbusPDU, ReadCoilsRequest
from pymodbus.pdu.register_message import (
    ReadHoldingRegistersRequest,
    ReadHoldingRegistersResponse,
    ReadInputRegistersRequest,
    ReadWriteMultipleRegistersRequest,
    ReadWriteMultipleRegistersResponse,
    WriteMultipleRegistersRequest,
    WriteSingleRegisterRequest,
)

from device.wire import modbus_map as wire
from device.wire.messages import Fault, Result, UnitState
from device.wire.rtu import BROADCAST, Receiver, encode
from simulator.cable import Cable
from simulator.dialects import maker, neighbours
from simulator.modbus_unit import KINDS, ModbusUnit, OwnTimerUnit, UntimedUnit
from simulator.record import Why
from tests.simulator.modbus_bench import ModbusBench

EVERY_KIND = pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
PLAIN_STOPS = (
    WriteSingleRegisterRequest(address=0, registers=[wire.Command.STOP]),
    WriteMultipleRegistersRequest(address=0, registers=[wire.Command.STOP]),
    WriteMultipleRegistersRequest(address=0, registers=[wire.Command.STOP, 1, 2, 3]),
)


def exception(answer: ModbusPDU | None) -> int:
    assert isinstance(answer, ExceptionResponse)
    return answer.exception_code


# --- kinds of unit ----------------------------------------------------------------------------------


@EVERY_KIND
def test_a_unit_of_each_kind_arms_gives_output_and_stops(kind: type[ModbusUnit]) -> None:
    bench = ModbusBench(kind)

    started = bench.start()
    output = bench.unit.output
    stopped = bench.status(wire.Command.STOP)

    assert (started.state, started.level_set, started.measured_level) == (UnitState.EMITTING, 440, 440)
    assert output == 440
    assert (stopped.state, stopped.measured_level, bench.unit.output) == (UnitState.IDLE, 0, 0)
    assert bench.unit.breaches == []


@pytest.mark.hazard("H-06")
def test_a_unit_with_a_watchdog_ends_output_when_its_lease_runs_out() -> None:
    bench = ModbusBench()
    bench.start(lease_ms=500)

    bench.wait(499)
    on = bench.unit.output
    bench.wait(1)

    assert (on, bench.unit.output) == (440, 0)
    assert bench.status().state is UnitState.LAPSED
    assert bench.status().lapses == 1


def test_a_renewal_prolongs_a_lease_and_nothing_else_does() -> None:
    bench = ModbusBench()
    bench.start(lease_ms=500)

    bench.wait(400)
    renewed = bench.status(
        wire.Command.RENEW, nonce=bench.nonce, session=7, unit_uptime_ms=bench.unit.own_ms, lease_ms=500
    )
    bench.wait(300)
    bench.status()
    on = bench.unit.output
    bench.wait(200)

    assert renewed.lease_left_ms == 500
    assert (on, bench.unit.output) == (440, 0)


@pytest.mark.hazard("H-06")
@pytest.mark.parametrize("fault", [(), ("lift_off@1s+60s",)])
def test_a_unit_with_a_timer_ends_output_by_it_contact_or_not(fault: tuple[str, ...]) -> None:
    bench = ModbusBench(OwnTimerUnit, faults=fault)
    bench.start(for_ms=3000)

    bench.wait(2999)
    running = bench.status().state
    bench.wait(1)

    assert running in (UnitState.EMITTING, UnitState.SUSPENDED)
    assert bench.status().state is UnitState.READY
    assert bench.unit.output == 0
    bench.wait(60_000)
    assert bench.unit.output == 0


@pytest.mark.parametrize(
    ("fields", "result"),
    [
        ({"for_ms": 10_000}, Result.OK),
        ({"for_ms": 10_001}, Result.OVER_NAMEPLATE),
        ({"for_ms": 0}, Result.BAD_VALUE),
        ({"lease_ms": 500}, Result.BAD_LEASE),
        ({"unit_uptime_ms": 1000}, Result.STALE),
        ({"level": 1061}, Result.OVER_NAMEPLATE),
    ],
)
def test_what_a_unit_with_a_timer_takes(fields: dict[str, int], result: Result) -> None:
    bench = ModbusBench(OwnTimerUnit)
    bench.arm()

    assert bench.status(wire.Command.SET, **bench.a_set(**fields)).result is result
    assert bench.unit.output == (440 if result is Result.OK else 0)


@pytest.mark.hazard("H-09")
@pytest.mark.parametrize(("age_ms", "result"), [(499, Result.OK), (500, Result.STALE)])
def test_a_setting_that_was_kept_back_starts_no_timer(age_ms: int, result: Result) -> None:
    bench = ModbusBench(OwnTimerUnit)
    bench.wait(2000)
    bench.arm()

    fields = bench.a_set(unit_uptime_ms=bench.unit.own_ms - age_ms)

    assert bench.status(wire.Command.SET, **fields).result is result


def test_a_later_setting_of_a_unit_with_a_timer_goes_on_without_a_gap() -> None:
    bench = ModbusBench(OwnTimerUnit)
    bench.start(for_ms=10_000)

    bench.wait(9000)
    bench.set(for_ms=10_000)
    bench.wait(9999)
    on = bench.unit.output
    bench.wait(1)

    assert (on, bench.unit.output) == (440, 0)
    assert [change.output for change in bench.unit.changes] == [440, 440, 0]


@pytest.mark.hazard("H-06")
def test_a_unit_with_neither_goes_on_until_it_is_told_to_stop() -> None:
    bench = ModbusBench(UntimedUnit)
    bench.start()

    bench.wait(20 * 60_000)
    status = bench.status()

    assert bench.unit.output == 440
    assert status.state is UnitState.EMITTING
    assert (status.session, status.step_ms, status.delivered_ms, status.energy_mj) == (0, 0, 0, 0)
    assert (status.lease_left_ms, status.uptime_ms, status.lapses) == (0, 0, 0)
    assert bench.status(wire.Command.STOP).measured_level == 0


@pytest.mark.parametrize(
    ("fields", "result"),
    [
        ({}, Result.OK),
        ({"unit_uptime_ms": 12345}, Result.OK),
        ({"for_ms": 1}, Result.BAD_VALUE),
        ({"lease_ms": 500}, Result.BAD_LEASE),
        ({"level": 1061}, Result.OVER_NAMEPLATE),
    ],
)
def test_what_a_unit_with_neither_takes(fields: dict[str, int], result: Result) -> None:
    bench = ModbusBench(UntimedUnit)
    bench.arm(level=300)  # taken, and not held: it says that it holds no limits

    assert bench.status(wire.Command.SET, **bench.a_set(**fields)).result is result


@EVERY_KIND
def test_a_level_is_lowered_at_once_and_never_raised(kind: type[ModbusUnit]) -> None:
    bench = ModbusBench(kind)
    bench.start()

    lowered = bench.status(wire.Command.LOWER, nonce=bench.nonce, session=7, level=300)
    raised = bench.status(wire.Command.LOWER, nonce=bench.nonce, session=7, level=301)

    assert (lowered.result, lowered.level_set, lowered.measured_level) == (Result.OK, 300, 300)
    assert (raised.result, bench.unit.output) == (Result.OVER_CEILING, 300)


@pytest.mark.parametrize("kind", [OwnTimerUnit, UntimedUnit])
def test_a_unit_without_leases_renews_none(kind: type[ModbusUnit]) -> None:
    bench = ModbusBench(kind)
    bench.start()

    result = bench.status(wire.Command.RENEW, nonce=bench.nonce, session=7).result

    assert result is Result.BAD_LEASE


@EVERY_KIND
def test_a_fault_is_cleared_in_every_kind(kind: type[ModbusUnit]) -> None:
    bench = ModbusBench(kind, faults=("brown_out@100ms+100ms",))
    bench.wait(1000)
    latched = bench.status()

    unit_uptime_ms = latched.uptime_ms
    cleared = bench.status(wire.Command.CLEAR, nonce=bench.nonce, unit_uptime_ms=unit_uptime_ms)

    assert (latched.state, latched.faults) == (UnitState.FAULT, Fault.SUPPLY)
    assert (cleared.result, cleared.state) == (Result.OK, UnitState.IDLE)


@pytest.mark.hazard("H-10")
@EVERY_KIND
def test_a_unit_that_has_restarted_takes_nothing_of_the_session_before(kind: type[ModbusUnit]) -> None:
    bench = ModbusBench(kind, faults=("restart@1s+100ms",))
    bench.start()

    bench.wait(1500)
    after = bench.status(wire.Command.SET, **bench.a_set())

    assert after.result is Result.BAD_NONCE
    assert after.nonce != bench.nonce
    assert bench.unit.output == 0


@pytest.mark.hazard("H-09")
@EVERY_KIND
def test_a_command_that_comes_twice_is_carried_out_once(kind: type[ModbusUnit]) -> None:
    bench = ModbusBench(kind)
    bench.arm()
    request = bench.request(bench.order(wire.Command.SET, **bench.a_set()))

    first, second = bench.send(request), bench.send(request)

    assert isinstance(first, ReadWriteMultipleRegistersResponse)
    assert isinstance(second, ReadWriteMultipleRegistersResponse)
    assert wire.Status.read(second.registers, 1).result is Result.OK
    assert len(bench.unit.changes) == 1


@pytest.mark.hazard("H-09")
@EVERY_KIND
def test_a_setting_from_before_a_stop_starts_nothing_after_it(kind: type[ModbusUnit]) -> None:
    bench = ModbusBench(kind)
    bench.arm()
    request = bench.request(bench.order(wire.Command.SET, **bench.a_set()))
    bench.send(request)

    bench.send(PLAIN_STOPS[0])
    bench.send(request)

    assert bench.unit.output == 0


@pytest.mark.hazard("H-09")
@pytest.mark.parametrize("kind", [ModbusUnit, OwnTimerUnit])
@pytest.mark.parametrize(("before_ms", "result"), [(1, Result.STALE), (100, Result.STALE), (0, Result.OK)])
def test_a_setting_that_is_dated_before_a_stop_is_stale_though_a_session_was_armed_since(
    kind: type[ModbusUnit], before_ms: int, result: Result
) -> None:
    bench = ModbusBench(kind)
    bench.wait(1000)
    bench.send(PLAIN_STOPS[0])
    stopped_ms = bench.unit.own_ms
    bench.wait(20)
    bench.arm()

    asked = bench.a_set(unit_uptime_ms=stopped_ms - before_ms)
    status = bench.status(wire.Command.SET, **asked)

    assert status.result is result


# --- functions and exceptions -----------------------------------------------------------------------


def test_any_tool_may_read_within_a_block_and_changes_nothing_by_it() -> None:
    bench = ModbusBench()
    bench.start()
    before = bench.status()

    whole = bench.send(ReadHoldingRegistersRequest(address=wire.Status.ADDRESS, count=wire.Status.COUNT))
    part = bench.send(ReadHoldingRegistersRequest(address=wire.Status.ADDRESS + 9, count=3))

    assert isinstance(whole, ReadHoldingRegistersResponse)
    assert isinstance(part, ReadHoldingRegistersResponse)
    assert wire.Status.read(whole.registers, 1) == before
    assert part.registers == whole.registers[9:12]


@pytest.mark.parametrize(
    ("request_", "code"),
    [
        (ReadCoilsRequest(address=0, count=1), 1),
        (ReadInputRegistersRequest(address=256, count=1), 1),
        (ReadHoldingRegistersRequest(address=0, count=1), 2),
        (ReadHoldingRegistersRequest(address=256, count=29), 2),
        (ReadHoldingRegistersRequest(address=255, count=2), 2),
        (WriteSingleRegisterRequest(address=1, registers=[7]), 2),
        (WriteSingleRegisterRequest(address=0, registers=[5]), 3),
        (WriteMultipleRegistersRequest(address=0, registers=[5, 7]), 3),
        (WriteMultipleRegistersRequest(address=6, registers=[7]), 2),
        (ReadWriteMultipleRegistersRequest(256, 28, 0, [3, 1]), 3),
        (ReadWriteMultipleRegistersRequest(256, 28, 1, [0] * 20), 2),
    ],
)
def test_what_is_malformed_gets_an_exception_and_changes_nothing(request_: ModbusPDU, code: int) -> None:
    bench = ModbusBench()
    bench.start()
    before = bench.status()

    answer = bench.send(request_)

    assert exception(answer) == code
    after = bench.status()
    assert (after.state, after.level_set) == (before.state, before.level_set)
    assert after.bad_frames == before.bad_frames + 1


def test_a_command_that_uses_no_such_register_or_reads_another_block_is_malformed() -> None:
    bench = ModbusBench()
    look = bench.order(wire.Command.STATUS)
    spare = bench.order(wire.Command.STATUS, level=1)

    assert exception(bench.send(bench.request(look, read_address=wire.Identity.ADDRESS))) == 2
    assert exception(bench.send(bench.request(look, read_count=27))) == 2
    assert exception(bench.send(bench.request(spare))) == 3


@pytest.mark.hazard("H-08")
def test_a_command_whose_check_is_wrong_is_not_carried_out() -> None:
    bench = ModbusBench()
    bench.arm()
    registers = bench.order(wire.Command.SET, **bench.a_set()).registers(1)

    for at in range(len(registers)):
        wrong = registers.copy()
        wrong[at] ^= 0x0100
        answer = bench.send(ReadWriteMultipleRegistersRequest(256, 28, 0, wrong))
        assert exception(answer) == 3

    assert bench.unit.changes == []


@pytest.mark.hazard("H-08")
@pytest.mark.parametrize("beside", [-1, 1])
def test_a_master_whose_map_is_off_by_one_starts_nothing(beside: int) -> None:
    bench = ModbusBench()
    bench.arm()
    order = bench.order(wire.Command.SET, **bench.a_set())
    registers = order.registers(1)
    shifted = [*registers[1:], 0] if beside < 0 else [0, *registers[:-1]]

    assert exception(bench.send(ReadWriteMultipleRegistersRequest(256, 28, 0, shifted))) == 3
    assert exception(bench.send(bench.request(order, read_address=256 + beside))) == 2
    assert bench.unit.changes == []


# --- stops ------------------------------------------------------------------------------------------


@pytest.mark.hazard("H-18")
@EVERY_KIND
@pytest.mark.parametrize("request_", PLAIN_STOPS)
def test_a_plain_write_of_a_stop_is_a_stop(kind: type[ModbusUnit], request_: ModbusPDU) -> None:
    bench = ModbusBench(kind)
    bench.start()

    answer = bench.send(request_)

    assert answer is not None
    assert not answer.isError()
    assert bench.unit.output == 0
    assert bench.status().state is UnitState.IDLE


@pytest.mark.hazard("H-18")
@pytest.mark.parametrize("rest", [[], [1], [0] * 19, [0xFFFF] * 30])
def test_a_stop_is_a_stop_whatever_stands_behind_it(rest: list[int]) -> None:
    bench = ModbusBench()
    bench.start()

    answer = bench.send(ReadWriteMultipleRegistersRequest(256, 28, 0, [wire.Command.STOP, *rest]))

    assert isinstance(answer, ReadWriteMultipleRegistersResponse)
    assert wire.Status.read(answer.registers, 1).measured_level == 0
    assert bench.unit.output == 0


@pytest.mark.hazard("H-18")
def test_a_stop_that_reads_what_is_not_there_is_a_stop_all_the_same() -> None:
    bench = ModbusBench()
    bench.start()

    answer = bench.send(ReadWriteMultipleRegistersRequest(0x900, 5, 0, [wire.Command.STOP]))

    assert exception(answer) == 2
    assert bench.unit.output == 0


@pytest.mark.hazard("H-18")
@EVERY_KIND
@pytest.mark.parametrize("request_", PLAIN_STOPS)
def test_a_stop_for_every_unit_is_obeyed_and_not_answered(
    kind: type[ModbusUnit], request_: ModbusPDU
) -> None:
    bench = ModbusBench(kind)
    bench.start()

    answer = bench.send(request_, unit=BROADCAST)

    assert answer is None
    assert bench.unit.output == 0


def test_nothing_but_a_stop_is_taken_from_the_address_of_all() -> None:
    bench = ModbusBench()
    bench.start()
    look = bench.request(bench.order(wire.Command.STOP))
    read = ReadHoldingRegistersRequest(address=256, count=1)
    write = WriteSingleRegisterRequest(address=0, registers=[5])

    assert [bench.send(each, unit=BROADCAST) for each in (look, read, write)] == [None, None, None]
    assert bench.unit.output == 440


@pytest.mark.hazard("H-18")
def test_a_stop_behind_a_request_that_was_cut_off_is_obeyed_at_once() -> None:
    bench = ModbusBench()
    bench.start()
    cut = encode(bench.request(bench.order(wire.Command.STATUS)), 1)[:40]

    bench.send_raw(cut + encode(PLAIN_STOPS[0], 1))

    assert bench.unit.output == 0


# --- the line ---------------------------------------------------------------------------------------


def test_a_part_of_a_request_is_forgotten_after_a_pause() -> None:
    bench = ModbusBench()
    request = encode(bench.request(bench.order(wire.Command.STATUS)), 1)

    bench.send_raw(request[:30])
    bench.wait(20)

    assert bench.send_raw(request[30:]) is None
    assert isinstance(bench.send_raw(request), ReadWriteMultipleRegistersResponse)


@pytest.mark.hazard("H-07")
def test_a_unit_answers_nobody_elses_requests_and_is_not_moved_by_others_answers() -> None:
    bench, other = ModbusBench(address=1), ModbusBench(address=2)
    bench.start()
    stop = encode(PLAIN_STOPS[0], 2)

    assert bench.unit.hear(stop, bench.now_ms) == b""
    assert bench.unit.hear(other.unit.hear(stop, other.now_ms), bench.now_ms) == b""
    assert bench.unit.output == 440
    assert bench.status().bad_frames == 0


@pytest.mark.hazard("H-18")
def test_units_on_one_line_answer_for_themselves_and_all_hear_the_stop_for_all() -> None:
    unit = maker("modbus", "timer", 3)("us111")
    (gun,) = neighbours(("ultragun@4",), unit)
    cable = Cable(unit, neighbours=(gun,))
    arrived: list[bytes] = []
    cable.on_arrival = arrived.append
    now_ms = 0

    def exchange(pdu: ModbusPDU, address: int) -> list[int]:
        nonlocal now_ms
        arrived.clear()
        cable.send(encode(pdu, address), now_ms)
        now_ms += 100
        cable.move_to(now_ms)
        return [frame.unit for data in arrived for frame in Receiver(frozenset()).feed(data)]

    read = ReadHoldingRegistersRequest(address=256, count=28)

    assert exchange(read, 3) == [3]
    assert exchange(read, 4) == [4]
    assert exchange(read, 5) == []
    assert exchange(PLAIN_STOPS[0], 4) == [4]
    assert exchange(PLAIN_STOPS[1], BROADCAST) == []


def test_another_unit_of_a_line_is_calibrated_as_it_is_told_and_may_have_a_serial_number_of_its_own() -> None:
    unit = maker("modbus", address=3)("us111", seed=7)
    same = [neighbours(("us111@4",), unit, seed=7, calibrated=2500) for _ in range(2)]
    drawn = [neighbours(("us111@4",), unit, seed=7, drawn=True) for _ in range(40)]

    bench = ModbusBench(address=4)
    (other,) = same[0]
    assert isinstance(other, ModbusUnit)
    bench.unit = other
    identity = bench.ask(wire.Command.IDENTIFY)

    assert isinstance(identity, wire.Identity)
    assert identity.calibrated == 2500
    assert len({each.serial for (each,) in same}) == 1
    assert len({each.serial for (each,) in drawn}) > 20  # by chance two may be alike, and not so many


@pytest.mark.hazard("H-18")
def test_one_stop_ends_the_output_of_two_units() -> None:
    one, two = ModbusBench(address=1), ModbusBench(OwnTimerUnit, address=2)
    one.start()
    two.start()
    assert isinstance(one.unit, ModbusUnit)
    cable = Cable(one.unit, neighbours=(two.unit,))

    cable.send(encode(PLAIN_STOPS[1], BROADCAST), 0)
    cable.move_to(10)

    assert (one.unit.output, two.unit.output) == (0, 0)
    assert [bench.unit.changes[-1].why for bench in (one, two)] == [Why.STOP, Why.STOP]


@pytest.mark.hazard("H-08")
@EVERY_KIND
def test_spoilt_requests_never_raise_output(kind: type[ModbusUnit]) -> None:
    """Frames struck, cut, doubled and joined: the unit does what it was asked, a stop, or nothing."""
    rng = Random(7)
    bench = ModbusBench(kind)
    bench.start()

    for _ in range(1500):
        fields = bench.a_set(unit_uptime_ms=bench.unit.own_ms) if kind is not UntimedUnit else bench.a_set()
        data = bytearray(encode(bench.request(bench.order(wire.Command.SET, **fields)), 1))
        for _ in range(rng.randint(1, 8)):
            data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
        begin = rng.randrange(len(data)) if rng.random() < 0.3 else 0
        bench.send_raw(bytes(data[begin:]) * rng.choice((1, 1, 2)))
        bench.wait(5)
        assert bench.unit.output <= 440

    assert bench.unit.breaches == []


@pytest.mark.parametrize(
    "asked", [("native", "timer", None), ("native", None, 3), ("morse", None, None), ("modbus", "hope", None)]
)
def test_a_unit_that_cannot_be_made_is_refused(asked: tuple[str, str | None, int | None]) -> None:
    with pytest.raises(ValueError, match=r"native unit|no simulated unit|cannot end"):
        maker(*asked)


@pytest.mark.parametrize("texts", [("ultragun",), ("ultragun@3",), ("ultragun@x",), ("us111@4", "us111@4")])
def test_two_units_at_one_address_are_refused(texts: tuple[str, ...]) -> None:
    with pytest.raises(ValueError, match="MODEL@ADDRESS"):
        neighbours(texts, maker("modbus", address=3)("us111"))


@pytest.mark.parametrize("address", [0, 248])
def test_a_unit_has_an_address_of_the_standards(address: int) -> None:
    with pytest.raises(ValueError, match="1 to 247"):
        maker("modbus", address=address)("us111")
