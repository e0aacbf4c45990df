"""The Modbus dialect: what it says, what it believes, and what it drops."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import minimalmodbus
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pymodbus.pdu import ExceptionResponse
from pymodbus.pdu.register_message import (
    ReadHoldingRegistersRequest,
    ReadHoldingRegistersResponse,
    ReadWriteMultipleRegistersRequest,
    ReadWriteMultipleRegistersResponse,
)

from device.dialects.base import (
    Answer,
    Arm,
    Capabilities,
    ClearFaults,
    Correlation,
    GetCapabilities,
    GetStatus,
    HostLoss,
    Identify,
    Identity,
    Integrity,
    Intent,
    Line,
    LowerLevel,
    Permitted,
    Renew,
    ReportField,
    SetOutput,
    SharedLine,
    Status,
    Stop,
    StopAnswer,
    UnitState,
)
from device.dialects.modbus import Modbus
from device.dialects.native import Native
from device.wire import modbus_map as wire
from device.wire.messages import Family, Fault, Result, Sensor
from device.wire.messages import UnitState as WireState
from device.wire.registers import Block
from device.wire.rtu import REQUESTS, Receiver, encode
from protocols.limits import Quantity
from protocols.plan import Percussion, Ultrasound
from tests.device.modbus_frames import answered

U16 = st.integers(0, 0xFFFF)
U32 = st.integers(0, 0xFFFF_FFFF)
OUTPUT = Ultrasound(440, 50, 1000, 100)
STATUS = wire.Status(
    token=1,
    command=wire.Command.STATUS,
    result=Result.OK,
    state=WireState.EMITTING,
    faults=Fault(0),
    nonce=0xDEADBEEF,
    session=7,
    level_set=440,
    duty_set_pct=50,
    measured_level=438,
    head_temp_ddeg_c=-12,
    contact_pct=92,
    battery_pct=100,
    step_ms=1234,
    delivered_ms=61_234,
    energy_mj=53_880,
    lease_left_ms=400,
    uptime_ms=99_999,
    bad_frames=3,
    lapses=1,
)
IDENTITY = wire.Identity(
    1, wire.Command.IDENTIFY, wire.MAP, 1, 0, Family.ULTRASOUND, (1, 0, 3), 9, "US111", "SN-1", 2400
)
LEASE = wire.Capabilities(
    token=1,
    command=wire.Command.CAPABILITIES,
    host_loss=wire.HostLoss.LEASE,
    reports=wire.Reports(31),
    holds_limits=1,
    level_min=290,
    level_max=1060,
    average_max=530,
    area_mm2=400,
    bnr_tenths=50,
    duties_pct=(20, 50, 100),
    carriers_khz=(1000,),
    pulses_hz=(100,),
    step_max_ms=900_000,
    delivered_max_ms=900_000,
    suspension_max_ms=60_000,
    lease_min_ms=100,
    lease_max_ms=1000,
    head_trip_ddeg_c=430,
    sensors=Sensor.OUTPUT | Sensor.HEAD_TEMP,
)
OWN_TIMER = replace(
    LEASE,
    host_loss=wire.HostLoss.OWN_TIMER,
    reports=wire.Reports(23),
    step_max_ms=10_000,
    lease_min_ms=0,
    lease_max_ms=0,
)
NONE = replace(
    LEASE,
    host_loss=wire.HostLoss.NONE,
    reports=wire.Reports(0),
    holds_limits=0,
    step_max_ms=0,
    lease_min_ms=0,
    lease_max_ms=0,
)


def asked(dialect: Modbus, intent: Intent, seq: int = 1) -> bytes:
    return dialect.say(Permitted(intent), seq)


def heard(dialect: Modbus, intent: Intent, block: Block, seq: int = 1) -> Answer | None:
    """What the dialect makes of ``block`` as the answer to ``intent``."""
    asked(dialect, intent, seq)
    found = dialect.hear(answered(block, dialect.address))
    return found[0].answer if found else None


def identified() -> Modbus:
    """A dialect that knows which unit it speaks to: what a unit can do is told in terms of its family."""
    dialect = Modbus()
    heard(dialect, Identify(), IDENTITY)
    return dialect


def order_of(data: bytes, unit: int = 1) -> wire.Order:
    """The command that ``data`` carries."""
    (frame,) = Receiver(frozenset({unit})).feed(data)
    request = REQUESTS.decode(frame.pdu)
    assert isinstance(request, ReadWriteMultipleRegistersRequest)
    assert frame.unit == unit
    return wire.Order.read(list(request.write_registers), unit)


# --- what it says -----------------------------------------------------------------------------------


def test_the_dialect_promises_what_a_numberless_shared_line_can_keep() -> None:
    promises = Modbus.promises

    assert promises.correlation is Correlation.IN_ORDER
    assert promises.integrity is Integrity.CHECKED
    assert promises.stop is StopAnswer.CONFIRMED
    assert promises.line == Line(115200, "E", 1, answer_max_ms=80, drain_ms=20)
    assert isinstance(Modbus(), SharedLine)
    assert not isinstance(Native(), SharedLine)


@pytest.mark.parametrize("address", [1, 247])
def test_the_lowest_and_the_highest_address_are_a_units(address: int) -> None:
    dialect = Modbus(address)

    assert (dialect.address, dialect.damaged, dialect.dropped) == (address, 0, 0)


@pytest.mark.parametrize("address", [0, -1, 248, 1000])
def test_an_address_that_is_no_units_is_refused(address: int) -> None:
    with pytest.raises(ValueError, match="1 to 247"):
        Modbus(address)


@given(
    *(U16, U32, U32, st.integers(1, 0xFFFF), st.integers(1, 100), U16, U16),
    *(U32, U16, U32, st.sampled_from([0, 10, 500, 1000])),
)
def test_a_setting_is_written_whole(
    seq: int,
    nonce: int,
    session: int,
    level: int,
    duty_pct: int,
    carrier_khz: int,
    pulse_hz: int,
    for_ms: int,
    ramp_ms: int,
    unit_uptime_ms: int,
    lease_ms: int,
) -> None:
    output = Ultrasound(level, duty_pct, carrier_khz, pulse_hz)

    data = asked(Modbus(), SetOutput(nonce, session, output, for_ms, ramp_ms, unit_uptime_ms, lease_ms), seq)

    assert order_of(data) == wire.Order(
        wire.Command.SET,
        seq,
        nonce=nonce,
        session=session,
        level=level,
        duty_pct=duty_pct,
        carrier_khz=carrier_khz,
        pulse_hz=pulse_hz,
        for_ms=for_ms,
        ramp_ms=ramp_ms,
        unit_uptime_ms=unit_uptime_ms,
        lease_ms=lease_ms,
    )


@pytest.mark.parametrize(
    ("intent", "order"),
    [
        (Identify(), wire.Order(wire.Command.IDENTIFY, 5)),
        (GetCapabilities(), wire.Order(wire.Command.CAPABILITIES, 5)),
        (GetStatus(), wire.Order(wire.Command.STATUS, 5)),
        (Stop(), wire.Order(wire.Command.STOP, 5)),
        (
            Renew(1, 2, 3, 500),
            wire.Order(wire.Command.RENEW, 5, nonce=1, session=2, unit_uptime_ms=3, lease_ms=500),
        ),
        (LowerLevel(1, 2, 300), wire.Order(wire.Command.LOWER, 5, nonce=1, session=2, level=300)),
        (
            Arm(1, 2, 530, 600_000, 9000, 3),
            wire.Order(
                wire.Command.ARM,
                5,
                nonce=1,
                session=2,
                level=530,
                for_ms=600_000,
                unit_uptime_ms=3,
                energy_max_mj=9000,
            ),
        ),
        (ClearFaults(1, 3), wire.Order(wire.Command.CLEAR, 5, nonce=1, unit_uptime_ms=3)),
        (
            SetOutput(1, 2, Percussion(2100), 5000, 0, 3, 500),
            wire.Order(
                wire.Command.SET,
                5,
                nonce=1,
                session=2,
                level=2100,
                duty_pct=100,
                for_ms=5000,
                unit_uptime_ms=3,
                lease_ms=500,
            ),
        ),
    ],
)
def test_every_intention_is_its_command(intent: Intent, order: wire.Order) -> None:
    assert order_of(asked(Modbus(17), intent, 5), 17) == order


def test_what_has_no_room_in_a_register_is_not_cut_but_refused() -> None:
    with pytest.raises(ValueError, match="is not from"):
        asked(Modbus(), SetOutput(1, 2, OUTPUT, 5000, 70_000, 3, 500))


@pytest.mark.parametrize(("declared", "for_ms"), [(LEASE, 5000), (OWN_TIMER, 5000), (NONE, 0)])
def test_only_a_unit_without_a_timer_is_given_no_time(declared: wire.Capabilities, for_ms: int) -> None:
    dialect = identified()
    assert heard(dialect, GetCapabilities(), declared) is not None

    order = order_of(asked(dialect, SetOutput(1, 2, OUTPUT, 5000, 0, 0, 0)))

    assert order.for_ms == for_ms


@pytest.mark.hazard("H-18")
def test_the_stop_for_every_unit_is_a_plain_write_to_nobodys_address() -> None:
    # Worked out by hand: 0, FC16, register 0, 1 register, 2 bytes, STOP; then its CRC.
    assert Modbus(17).stop_all().hex(" ") == "00 10 00 00 00 01 02 00 07 ea 02"


# --- what it believes -------------------------------------------------------------------------------


def test_a_status_is_read_whole() -> None:
    status = heard(Modbus(), GetStatus(), STATUS)

    assert status == Status(
        asked="GetStatus",
        refusal="",
        state=UnitState.EMITTING,
        faults=(),
        nonce=0xDEADBEEF,
        session=7,
        level_set=440,
        duty_set_pct=50,
        measured_level=438,
        head_temp_ddeg_c=-12,
        contact_pct=92,
        battery_pct=100,
        step_ms=1234,
        delivered_ms=61_234,
        energy_mj=53_880,
        lease_left_ms=400,
        uptime_ms=99_999,
        bad_frames=3,
        lapses=1,
    )


@pytest.mark.parametrize(
    ("result", "refusal"), [(Result.STALE, "stale"), (Result.OVER_CEILING, "over ceiling")]
)
def test_a_refusal_is_told(result: Result, refusal: str) -> None:
    status = heard(Modbus(), GetStatus(), replace(STATUS, result=result))

    assert isinstance(status, Status)
    assert status.refusal == refusal


def test_an_identity_is_read_whole() -> None:
    identity = heard(Modbus(), Identify(), IDENTITY)

    assert identity == Identity(True, "1.0", identity.family, "US111", "SN-1", "1.0.3", 9, "2026-07-28")  # type: ignore[union-attr]


def test_a_unit_of_another_major_version_is_not_driven_and_one_of_another_map_is_nobody() -> None:
    other = heard(Modbus(), Identify(), replace(IDENTITY, major=2))

    assert isinstance(other, Identity)
    assert not other.driveable
    assert heard(Modbus(), Identify(), replace(IDENTITY, map=0x1234)) is None


@pytest.mark.parametrize(
    ("said", "host_loss", "missing", "holds_limits"),
    [
        (LEASE, HostLoss.LEASE, set(), True),
        (OWN_TIMER, HostLoss.OWN_TIMER, {ReportField.LEASE}, True),
        (NONE, HostLoss.NONE, set(ReportField), False),
    ],
)
def test_each_kind_of_unit_declares_what_it_can_promise(
    said: wire.Capabilities, host_loss: HostLoss, missing: set[ReportField], holds_limits: bool
) -> None:
    declared = heard(identified(), GetCapabilities(), said)

    assert isinstance(declared, Capabilities)
    assert declared.host_loss is host_loss
    assert set(ReportField) - declared.reports == missing
    assert declared.holds_limits is holds_limits
    bounds = {bound.quantity for bound in declared.bounds}
    assert (Quantity.STEP_MS in bounds) is (host_loss is HostLoss.LEASE)


@pytest.mark.parametrize(
    "said",
    [
        replace(LEASE, lease_min_ms=1),
        replace(LEASE, lease_min_ms=500, lease_max_ms=500),
        replace(LEASE, step_max_ms=1),
    ],
)
def test_the_shortest_lease_and_step_and_a_lease_of_one_length_contradict_nothing(
    said: wire.Capabilities,
) -> None:
    declared = heard(identified(), GetCapabilities(), said)

    assert isinstance(declared, Capabilities)
    assert (declared.lease_min_ms, declared.lease_max_ms) == (said.lease_min_ms, said.lease_max_ms)


@pytest.mark.parametrize("sensors", [Sensor(0), *Sensor])
def test_each_sensor_of_a_unit_stands_for_itself(sensors: Sensor) -> None:
    declared = heard(identified(), GetCapabilities(), replace(LEASE, sensors=sensors))

    assert isinstance(declared, Capabilities)
    assert declared.measures_output is (Sensor.OUTPUT in sensors)
    assert declared.measures_head_temp is (Sensor.HEAD_TEMP in sensors)
    assert declared.senses_contact is (Sensor.CONTACT in sensors)
    assert declared.knows_battery is (Sensor.BATTERY in sensors)
    assert declared.head_trip_ddeg_c == (430 if Sensor.HEAD_TEMP in sensors else None)


@pytest.mark.hazard("H-13")
@pytest.mark.parametrize(
    "said",
    [
        replace(LEASE, lease_min_ms=0),
        replace(LEASE, lease_max_ms=50),
        replace(LEASE, reports=wire.Reports(23)),
        replace(LEASE, reports=wire.Reports(15)),
        replace(LEASE, reports=wire.Reports(63)),
        replace(LEASE, step_max_ms=0),
        replace(LEASE, holds_limits=2),
        replace(LEASE, level_min=1061),
        replace(OWN_TIMER, lease_max_ms=500),
        replace(OWN_TIMER, reports=wire.Reports(31)),
        replace(OWN_TIMER, reports=wire.Reports(7)),
        replace(OWN_TIMER, step_max_ms=900_000),
        replace(OWN_TIMER, step_max_ms=9000),
        replace(NONE, step_max_ms=10_000),
        replace(NONE, lease_min_ms=100, lease_max_ms=1000),
        replace(NONE, reports=wire.Reports.LEASE),
    ],
)
def test_a_unit_that_contradicts_itself_has_declared_nothing(said: wire.Capabilities) -> None:
    dialect = identified()

    assert heard(dialect, GetCapabilities(), said) is None
    assert dialect.dropped == 1


def test_what_a_unit_says_it_cannot_tell_is_nought_whatever_stands_there() -> None:
    dialect = identified()
    heard(dialect, GetCapabilities(), NONE)

    status = heard(dialect, GetStatus(), STATUS)

    assert isinstance(status, Status)
    assert (status.session, status.step_ms, status.delivered_ms, status.energy_mj) == (0, 0, 0, 0)
    assert (status.lease_left_ms, status.lapses, status.uptime_ms) == (0, 0, 0)
    assert (status.measured_level, status.level_set) == (438, 440)


# --- what it drops ----------------------------------------------------------------------------------


@pytest.mark.hazard("H-09")
@pytest.mark.parametrize(
    "data",
    [
        pytest.param(answered(STATUS, 2), id="of another address"),
        pytest.param(answered(replace(STATUS, token=2)), id="under another token"),
        pytest.param(answered(replace(STATUS, command=wire.Command.STOP)), id="to another command"),
        pytest.param(answered(IDENTITY), id="another block"),
        pytest.param(encode(ReadWriteMultipleRegistersResponse(registers=[1, 3]), 1), id="of another length"),
        pytest.param(
            encode(ReadHoldingRegistersResponse(registers=STATUS.registers(1)), 1), id="to a plain read"
        ),
        pytest.param(
            encode(ReadWriteMultipleRegistersResponse(registers=STATUS.registers(2)), 1),
            id="check of another unit",
        ),
        pytest.param(
            encode(ReadWriteMultipleRegistersResponse(registers=[*STATUS.registers(1)[1:], 0]), 1),
            id="one register beside its place",
        ),
        pytest.param(encode(ExceptionResponse(23, 3), 1), id="an exception"),
        pytest.param(asked(Modbus(), GetStatus()), id="an echo of the request"),
    ],
)
def test_what_is_no_answer_to_the_request_under_way_is_dropped_and_counted(data: bytes) -> None:
    dialect = Modbus()
    asked(dialect, GetStatus())

    assert dialect.hear(data) == []
    assert (dialect.dropped, dialect.damaged) == (1, 0)
    assert len(dialect.hear(answered(STATUS))) == 1  # and the request is under way still


@pytest.mark.hazard("H-09")
def test_an_answer_that_comes_after_it_was_given_up_is_nobodys() -> None:
    dialect = Modbus()
    asked(dialect, GetStatus(), 1)

    dialect.give_up()

    assert dialect.hear(answered(STATUS)) == []
    asked(dialect, Stop(), 2)
    assert dialect.hear(answered(STATUS)) == []
    assert dialect.dropped == 2
    stopped = replace(STATUS, token=2, command=wire.Command.STOP, state=WireState.IDLE, measured_level=0)
    assert [each.seq for each in dialect.hear(answered(stopped))] == [2]


@pytest.mark.hazard("H-09")
def test_part_of_an_answer_is_forgotten_with_its_request_and_counted_as_damage() -> None:
    dialect, answer = Modbus(), answered(STATUS)
    asked(dialect, GetStatus())
    dialect.hear(answer[:-4])

    asked(dialect, GetStatus())

    assert dialect.damaged == 1
    assert dialect.hear(answer[-4:]) == []


@pytest.mark.hazard("H-09")
def test_an_answer_that_comes_twice_counts_once() -> None:
    dialect = Modbus()
    asked(dialect, GetStatus())

    assert len(dialect.hear(answered(STATUS) * 2)) == 1
    assert dialect.dropped == 1


@pytest.mark.hazard("H-08")
@given(st.data())
def test_a_spoilt_answer_is_none_and_the_sound_one_behind_it_is(data: st.DataObject) -> None:
    dialect = Modbus()
    asked(dialect, GetStatus())
    spoilt = bytearray(answered(STATUS))
    spoilt[data.draw(st.integers(0, len(spoilt) - 1))] ^= data.draw(st.integers(1, 255))

    found = dialect.hear(bytes(spoilt) + answered(STATUS))

    assert [each.answer for each in found] == [heard(Modbus(), GetStatus(), STATUS)]
    assert dialect.damaged >= 1


@pytest.mark.hazard("H-08")
@given(st.lists(st.binary(max_size=300), max_size=5))
def test_noise_says_nothing(noise: list[bytes]) -> None:
    dialect = Modbus()
    asked(dialect, GetStatus())

    assert [each for data in noise for each in dialect.hear(data)] == []


# --- the answer of the request before ---------------------------------------------------------------


class OneLate:
    """A port to a unit that answers each request with its answer to the one before."""

    port, is_open, baudrate, timeout = "one late", True, 115_200, 0.05

    def __init__(self, answer: Callable[[bytes], bytes], first: bytes) -> None:
        self._answer = answer
        self._waiting = answer(first)
        self._late = b""

    def write(self, request: bytes) -> None:
        self._late, self._waiting = self._waiting, self._answer(request)

    def read(self, size: int) -> bytes:
        return self._late[:size]

    def reset_input_buffer(self) -> None:
        """The late answer is not here yet."""

    reset_output_buffer = flush = open = close = reset_input_buffer


def register_read(request: bytes) -> bytes:
    """The answer to a plain read of one register, which holds ten times its number."""
    (frame,) = Receiver(frozenset({1})).feed(request)
    read = REQUESTS.decode(frame.pdu)
    assert read is not None
    return encode(ReadHoldingRegistersResponse(registers=[read.address * 10]), 1)


@pytest.mark.hazard("H-09")
def test_plain_reads_take_the_answer_of_the_request_before_for_their_own() -> None:
    """The hazard itself, in a master that many use: it shows why the dialect does not read so."""
    line = OneLate(register_read, encode(ReadHoldingRegistersRequest(address=111, count=1), 1))

    master = minimalmodbus.Instrument(line, 1)

    # The checksum is right, and so are the address, the function and the length.
    assert [master.read_register(address) for address in (222, 333)] == [1110, 2220]


@pytest.mark.hazard("H-09")
def test_the_dialect_believes_no_answer_of_the_request_before() -> None:
    dialect = Modbus()
    line = OneLate(
        lambda request: answered(replace(STATUS, token=order_of(request).token)),
        asked(Modbus(), GetStatus(), 0),
    )

    for seq in range(1, 200):
        line.write(asked(dialect, GetStatus(), seq))
        assert dialect.hear(line.read(256)) == []

    assert dialect.dropped == 199
