"""The native dialect: what an intention is on the wire, what an answer means, and what cannot be read."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from device.dialects.base import (
    ALL_FIELDS,
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
    UnitState,
    is_answer_to,
)
from device.dialects.native import Native
from device.wire import messages as wire
from device.wire.frame import Decoder, Frame, encode
from protocols.limits import Bound, Family, Layer, Quantity
from protocols.plan import Percussion, Ultrasound
from tools import wire as generate

PULSED = Ultrasound(intensity_mw_cm2=440, duty_pct=50, carrier_khz=1000, pulse_hz=100)

SAID: list[tuple[Intent, wire.Message]] = [
    (Identify(), wire.Identify()),
    (GetCapabilities(), wire.GetCapabilities()),
    (GetStatus(), wire.GetStatus()),
    (Stop(), wire.Stop()),
    (Arm(1, 2, 3, 4, 5, 6), wire.Arm(1, 2, 3, 4, 5, 6)),
    (LowerLevel(1, 2, 300), wire.Lower(1, 2, 300)),
    (Renew(1, 2, 9, 300), wire.Renew(1, 2, 9, 300)),
    (ClearFaults(9, 8), wire.Clear(9, 8)),
    (SetOutput(1, 2, PULSED, 60_000, 3000, 9, 500), wire.Set(1, 2, 440, 50, 1000, 100, 60_000, 3000, 9, 500)),
    (
        SetOutput(1, 2, Percussion(2400), 60_000, 0, 9, 500),
        wire.Set(1, 2, 2400, 100, 0, 0, 60_000, 0, 9, 500),
    ),
]

WIRE_STATUS = wire.Status(
    asked=5,
    result=wire.Result.OK,
    state=wire.UnitState.EMITTING,
    faults=wire.Fault(0),
    nonce=1,
    session=2,
    level_set=3,
    duty_set_pct=4,
    measured_level=5,
    head_temp_ddeg_c=-6,
    contact_pct=7,
    battery_pct=8,
    force_n=9,
    step_ms=10,
    delivered_ms=11,
    energy_mj=12,
    lease_left_ms=13,
    uptime_ms=14,
    bad_frames=15,
    lapses=16,
)
STATUS = Status(
    asked="SetOutput",
    refusal="",
    state=UnitState.EMITTING,
    faults=(),
    nonce=1,
    session=2,
    level_set=3,
    duty_set_pct=4,
    measured_level=5,
    head_temp_ddeg_c=-6,
    contact_pct=7,
    battery_pct=8,
    step_ms=10,
    delivered_ms=11,
    energy_mj=12,
    lease_left_ms=13,
    uptime_ms=14,
    bad_frames=15,
    lapses=16,
)
IDENTITY = wire.Identity(1, 0, wire.Family.ULTRASOUND, (1, 0, 3), 77, "US111", "SN-1", 2400)
CAPABILITIES = wire.Capabilities(
    level_min=290,
    level_max=1060,
    average_max=530,
    area_mm2=400,
    bnr_tenths=50,
    duties_pct=(20, 50, 100),
    carriers_khz=(1000,),
    pulses_hz=(16, 100),
    step_max_ms=900_000,
    delivered_max_ms=1_800_000,
    suspension_max_ms=60_000,
    lease_min_ms=100,
    lease_max_ms=1000,
    head_trip_ddeg_c=425,
    sensors=wire.Sensor(0x1F),
)
GUN = replace(
    CAPABILITIES, level_min=1800, level_max=3000, average_max=0, area_mm2=0, sensors=wire.Sensor.BATTERY
)


def framed(message: wire.Message, seq: int = 7) -> bytes:
    return encode(Frame(message.TYPE, seq, message.pack()))


def heard(message: wire.Message) -> Answer:
    ((answer),) = Native().hear(framed(message))
    assert answer.seq == 7
    return answer.answer


def declared(message: wire.Capabilities, family: wire.Family = wire.Family.ULTRASOUND) -> Capabilities:
    _, answer = Native().hear(framed(replace(IDENTITY, family=family)) + framed(message))
    assert isinstance(answer.answer, Capabilities)
    return answer.answer


def of_unit(quantity: Quantity, at_least: int | None = None, at_most: int | None = None) -> Bound:
    return Bound(quantity, Layer.UNIT, "declared by the unit", at_least, at_most)


def one_of(quantity: Quantity, *values: int) -> Bound:
    return Bound(quantity, Layer.UNIT, "declared by the unit", one_of=frozenset(values))


# --- saying ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(("intent", "message"), SAID)
def test_an_intention_is_said_as_its_message_under_its_number(intent: Intent, message: wire.Message) -> None:
    said = Native().say(Permitted(intent), 0x1234)

    assert Decoder().feed(said) == [Frame(message.TYPE, 0x1234, message.pack())]
    assert wire.read(message.TYPE, message.pack()) == message


def test_the_dialect_promises_what_it_can_keep() -> None:
    assert Native.promises == Promises(
        correlation=Correlation.NUMBERED,
        integrity=Integrity.CHECKED,
        stop=StopAnswer.CONFIRMED,
        line=Line(baud=115_200, parity="N", stop_bits=1, answer_max_ms=80, drain_ms=0),
    )


# --- hearing --------------------------------------------------------------------------------------


@pytest.mark.hazard("H-13")
@pytest.mark.parametrize(
    "contradiction", [{"level_min": 1061}, {"duties_pct": ()}, {"carriers_khz": ()}], ids=str
)
def test_capabilities_that_contradict_themselves_are_damage(contradiction: dict[str, Any]) -> None:
    dialect = Native()
    dialect.hear(framed(IDENTITY))

    assert dialect.hear(framed(replace(CAPABILITIES, **contradiction))) == []
    assert dialect.damaged == 1


@pytest.mark.hazard("H-13")
def test_capabilities_of_a_unit_that_has_not_said_who_it_is_are_damage() -> None:
    dialect = Native()

    assert dialect.hear(framed(CAPABILITIES)) == []
    assert dialect.damaged == 1


def test_what_a_unit_declares_is_read_by_the_family_it_names_and_by_no_number() -> None:
    gun_with_an_area = replace(GUN, area_mm2=400)

    bounded = {bound.quantity for bound in declared(gun_with_an_area, wire.Family.PERCUSSION).bounds}

    assert bounded == {Quantity.STEP_MS, Quantity.DELIVERED_MS, Quantity.SPEED_PER_MIN}


def test_a_status_is_a_report_value_by_value() -> None:
    assert heard(WIRE_STATUS) == STATUS


@pytest.mark.parametrize("state", wire.UnitState)
def test_every_state_of_a_unit_is_known_by_its_name(state: wire.UnitState) -> None:
    faults = ("UNNAMED",) if state is wire.UnitState.FAULT else ()

    assert heard(replace(WIRE_STATUS, state=state)) == replace(
        STATUS, state=UnitState[state.name], faults=faults
    )


def test_a_fault_that_is_named_is_not_unnamed() -> None:
    faulted = replace(WIRE_STATUS, state=wire.UnitState.FAULT, faults=wire.Fault.STALL)

    assert heard(faulted) == replace(STATUS, state=UnitState.FAULT, faults=("STALL",))


@pytest.mark.parametrize(("intent", "message"), SAID)
def test_an_answer_says_which_request_it_answers(intent: Intent, message: wire.Message) -> None:
    status = heard(replace(WIRE_STATUS, asked=int(message.TYPE)))
    other = heard(
        replace(
            WIRE_STATUS, asked=wire.Type.STOP if message.TYPE is not wire.Type.STOP else wire.Type.GET_STATUS
        )
    )

    assert isinstance(status, Status)
    assert isinstance(other, Status)
    assert status.asked == type(intent).__name__
    assert is_answer_to(intent, status)
    assert not is_answer_to(intent, other)


@pytest.mark.parametrize("asked", [0, 10, 0x81, 0x83, 0xFF])
def test_an_answer_to_what_is_no_request_answers_nothing(asked: int) -> None:
    status = heard(replace(WIRE_STATUS, asked=asked))

    assert isinstance(status, Status)
    assert status.asked == ""
    assert not any(is_answer_to(intent, status) for intent, _ in SAID)


def test_who_and_what_a_unit_is_answer_those_questions_and_no_other() -> None:
    identity, capabilities = heard(IDENTITY), declared(CAPABILITIES)

    assert [is_answer_to(intent, identity) for intent in (Identify(), GetCapabilities(), GetStatus())] == [
        True,
        False,
        False,
    ]
    assert [
        is_answer_to(intent, capabilities) for intent in (Identify(), GetCapabilities(), GetStatus())
    ] == [
        False,
        True,
        False,
    ]


@pytest.mark.parametrize("result", wire.Result)
def test_every_result_but_done_is_a_refusal_in_words(result: wire.Result) -> None:
    words = "" if result is wire.Result.OK else result.name.lower().replace("_", " ")

    assert heard(replace(WIRE_STATUS, result=result)) == replace(STATUS, refusal=words)


@pytest.mark.parametrize(
    ("bits", "names"),
    [
        (0x0001, ("HEAD_HOT",)),
        (0x0006, ("SENSOR", "OUTPUT_STUCK")),
        (0x0100, ("UNKNOWN_0100",)),
        (0x8081, ("HEAD_HOT", "SELF_TEST", "UNKNOWN_8000")),
    ],
)
def test_every_fault_bit_is_a_fault_even_one_without_a_name(bits: int, names: tuple[str, ...]) -> None:
    assert heard(replace(WIRE_STATUS, faults=wire.Fault(bits))) == replace(STATUS, faults=names)


@pytest.mark.parametrize(
    ("major", "minor", "driveable"), [(1, 0, True), (1, 9, True), (0, 9, False), (2, 0, False)]
)
def test_a_unit_of_another_major_version_is_not_to_be_driven(major: int, minor: int, driveable: bool) -> None:
    assert heard(replace(IDENTITY, major=major, minor=minor)) == Identity(
        driveable=driveable,
        version=f"{major}.{minor}",
        family=Family.ULTRASOUND,
        model="US111",
        serial="SN-1",
        firmware="1.0.3",
        nonce=77,
        calibrated="2026-07-28",
    )


@pytest.mark.parametrize(
    ("family", "days", "calibrated"),
    [(wire.Family.PERCUSSION, 1, "2020-01-02"), (wire.Family.ULTRASOUND, 0, None)],
)
def test_a_unit_says_what_kind_it_is_and_when_it_was_calibrated(
    family: wire.Family, days: int, calibrated: str | None
) -> None:
    identity = heard(replace(IDENTITY, family=family, calibrated=days))

    assert isinstance(identity, Identity)
    assert (identity.family, identity.calibrated) == (Family[family.name], calibrated)


# --- what a unit declares -------------------------------------------------------------------------


def test_an_ultrasound_unit_declares_every_bound_of_its_own() -> None:
    assert declared(CAPABILITIES) == Capabilities(
        bounds=(
            of_unit(Quantity.STEP_MS, at_most=900_000),
            of_unit(Quantity.DELIVERED_MS, at_most=1_800_000),
            of_unit(Quantity.INTENSITY_MW_CM2, 290, 1060),
            of_unit(Quantity.SATA_MW_CM2, at_most=530),
            one_of(Quantity.DUTY_PCT, 20, 50, 100),
            one_of(Quantity.CARRIER_KHZ, 1000),
            one_of(Quantity.PULSE_HZ, 0, 16, 100),  # continuous is always one
        ),
        area_mm2=400,
        suspension_max_ms=60_000,
        lease_min_ms=100,
        lease_max_ms=1000,
        head_trip_ddeg_c=425,
        measures_output=True,
        measures_head_temp=True,
        senses_contact=True,
        knows_battery=True,
        host_loss=HostLoss.LEASE,
        reports=ALL_FIELDS,
        holds_limits=True,
    )


def test_a_gun_declares_its_speeds_and_has_no_head() -> None:
    gun = declared(GUN, wire.Family.PERCUSSION)

    assert gun.bounds == (
        of_unit(Quantity.STEP_MS, at_most=900_000),
        of_unit(Quantity.DELIVERED_MS, at_most=1_800_000),
        of_unit(Quantity.SPEED_PER_MIN, 1800, 3000),
    )
    assert gun.area_mm2 is None


def test_the_smallest_head_is_a_head() -> None:
    smallest = declared(replace(CAPABILITIES, area_mm2=1))

    assert smallest == replace(declared(CAPABILITIES), area_mm2=1)


@pytest.mark.parametrize("sensor", wire.Sensor)
def test_each_sensor_stands_for_itself(sensor: wire.Sensor) -> None:
    said = declared(replace(CAPABILITIES, sensors=sensor))

    assert said.measures_output is (sensor is wire.Sensor.OUTPUT)
    assert said.measures_head_temp is (sensor is wire.Sensor.HEAD_TEMP)
    assert said.senses_contact is (sensor is wire.Sensor.CONTACT)
    assert said.knows_battery is (sensor is wire.Sensor.BATTERY)
    assert said.head_trip_ddeg_c == (425 if sensor is wire.Sensor.HEAD_TEMP else None)


@pytest.mark.parametrize("bit", [0x0020, 0x0100, 0x8000])
def test_a_sensor_without_a_name_is_passed_over(bit: int) -> None:
    said = declared(replace(CAPABILITIES, sensors=CAPABILITIES.sensors | bit))

    assert said == declared(CAPABILITIES)


# --- a whole conversation -------------------------------------------------------------------------


def intent_of(name: str, fields: dict[str, int]) -> Intent | None:
    """What the host means by a request of the golden conversation; None for what it never asks."""
    match name:
        case "Set":
            kinds = (fields.pop(key) for key in ("level", "duty_pct", "carrier_khz", "pulse_hz"))
            return SetOutput(setting=Ultrasound(*kinds), **fields)
        case "Arm":
            return Arm(**fields)
        case "Renew":
            return Renew(**fields)
        case "Lower":
            return LowerLevel(**fields)
    asking: dict[str, Intent] = {
        "Identify": Identify(),
        "GetCapabilities": GetCapabilities(),
        "GetStatus": GetStatus(),
    }
    return asking.get(name)


def test_the_host_says_and_hears_the_whole_golden_conversation() -> None:
    tracker = json.loads(generate.TABLE.with_name("vectors.json").read_text(encoding="utf-8"))["conversation"]
    lines = [line for line in tracker["lines"] if "request" in line]
    dialect, said = Native(), set()

    for line in lines:
        intent = intent_of(line["asked"]["message"], line["asked"]["fields"])
        (answer,) = dialect.hear(bytes.fromhex(line["answer"]))
        assert answer.seq == line["asked"]["seq"]
        if intent is not None:
            said.add(type(intent))
            assert dialect.say(Permitted(intent), answer.seq).hex(" ") == line["request"]
            assert is_answer_to(intent, answer.answer)

    assert dialect.damaged == 0
    assert said == {Identify, GetCapabilities, GetStatus, Arm, SetOutput, Renew, LowerLevel}


# --- what cannot be read --------------------------------------------------------------------------


def test_answers_are_heard_in_their_order_however_they_are_cut_up() -> None:
    dialect = Native()
    sent = framed(WIRE_STATUS, 1) + framed(WIRE_STATUS, 2)

    found = [item for place in range(len(sent)) for item in dialect.hear(sent[place : place + 1])]

    assert found == [Heard(1, STATUS), Heard(2, STATUS)]
    assert dialect.damaged == 0


@pytest.mark.parametrize(
    "unreadable",
    [
        b"\0noise\0",
        encode(Frame(wire.Type.STATUS, 1, b"short")),
        encode(Frame(0x7F, 1)),  # no such message
        *(framed(message) for _, message in SAID),  # an echo of our own, or another host
    ],
)
def test_what_is_no_answer_is_counted_and_hinders_nothing(unreadable: bytes) -> None:
    dialect = Native()

    assert dialect.hear(unreadable + framed(WIRE_STATUS) + unreadable) == [Heard(7, STATUS)]
    assert dialect.damaged == 2
