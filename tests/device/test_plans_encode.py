"""Whatever is planned can be carried: every value of every plan fits its field of every message."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from device import wire
from device.control.allowed import Allowed
from device.control.state import SessionState
from device.dialects.base import Arm, Intent, Permitted, SetOutput
from device.dialects.native import Native
from device.models import MODELS, model
from device.wire.frame import Decoder, Frame
from protocols.ceilings import family_layer
from protocols.compile import compile_plan
from protocols.errors import Refused
from protocols.library import bundled, find, parse
from protocols.limits import Family, Limits, Quantity
from protocols.model import RAMP_MAX_MS, Protocol
from protocols.plan import Plan
from tests.cases import each
from tests.protocol_files import as_bytes, files

TABLE = tomllib.loads(Path(wire.__file__).with_name("table.toml").read_text(encoding="utf-8"))
LARGEST = {"u8": 0xFF, "u16": 0xFFFF, "u32": 0xFFFF_FFFF}
U32 = LARGEST["u32"]
AREA_MAX_MM2 = LARGEST["u16"]  # the largest radiating area a unit can declare


def highest(family: Family, quantity: Quantity) -> int:
    """The family's ceiling."""
    at_most = Limits(family_layer(family)).at_most(quantity)
    assert at_most is not None
    return at_most


U, P = Family
ENERGY_MJ = highest(U, Quantity.ENERGY_MJ)
ARMED_MJ = ENERGY_MJ + ENERGY_MJ // 100 + 100  # arming leaves the unit's meter a hundredth and 100 mJ more


@pytest.mark.hazard("H-04")
@pytest.mark.parametrize(
    ("message", "name", "value"),
    [
        ("Arm", "level_max", highest(U, Quantity.INTENSITY_MW_CM2)),
        ("Arm", "level_max", highest(P, Quantity.SPEED_PER_MIN)),
        ("Arm", "delivered_max_ms", highest(U, Quantity.DELIVERED_MS)),
        ("Arm", "delivered_max_ms", highest(P, Quantity.DELIVERED_MS)),
        ("Arm", "energy_max_mj", ARMED_MJ),
        ("Set", "level", highest(U, Quantity.INTENSITY_MW_CM2)),
        ("Set", "level", highest(P, Quantity.SPEED_PER_MIN)),
        ("Set", "duty_pct", highest(U, Quantity.DUTY_PCT)),
        ("Set", "carrier_khz", highest(U, Quantity.CARRIER_KHZ)),
        ("Set", "pulse_hz", highest(U, Quantity.PULSE_HZ)),
        ("Set", "for_ms", highest(U, Quantity.STEP_MS)),
        ("Set", "for_ms", highest(P, Quantity.STEP_MS)),
        ("Set", "ramp_ms", RAMP_MAX_MS),
        ("Status", "delivered_ms", highest(U, Quantity.DELIVERED_MS)),
        ("Status", "energy_mj", ARMED_MJ),
    ],
)
def test_what_a_family_allows_fits_its_field_on_the_wire(message: str, name: str, value: int) -> None:
    fields = next(made["fields"] for made in TABLE["message"] if made["name"] == message)
    kind = next(field["kind"] for field in fields if field["name"] == name)

    assert value <= LARGEST[kind]


def planned(protocol: Protocol, unit: str, area_mm2: int) -> Plan | None:
    """The plan under the family's, the site's and the protocol's limits only: the widest there can be."""
    family = model(unit).family
    area = area_mm2 if family is U else None
    try:
        return compile_plan(protocol, model=unit, family=family, area_mm2=area, limits=Limits())
    except Refused:
        return None


def said(plan: Plan) -> list[Intent]:
    """Everything a session of ``plan`` says that has a value of the plan in it."""
    known = SessionState()
    known.load(plan, U32, Allowed(plan.family, plan.emissions, bounds=()))
    arm = Arm(U32, U32, known.level_max, plan.delivered_ms, known.energy_ceiling_mj, U32)
    starts = [
        SetOutput(U32, U32, step.setting, step.duration_ms, step.ramp_ms, unit_uptime_ms=U32, lease_ms=500)
        for step in plan.emissions
    ]
    return [arm, *starts]


def frames(plan: Plan) -> list[object]:
    """What is read of all that is said."""
    return [item for intent in said(plan) for item in Decoder().feed(Native().say(Permitted(intent), 1))]


@each("id_", bundled())
@each("unit", MODELS)
def test_every_message_of_a_bundled_protocol_is_encoded(id_: str, unit: str) -> None:
    protocol = find(id_)

    plan = planned(protocol, unit, 400)

    assert (plan is None) is (protocol.family not in (None, model(unit).family))
    if plan is not None:
        assert [type(item) for item in frames(plan)] == [Frame] * (1 + len(plan.emissions))


@pytest.mark.hazard("H-04")
@settings(max_examples=40, derandomize=True)
@given(files(), st.integers(1, 1000) | st.integers(1, AREA_MAX_MM2))
def test_every_message_of_whatever_is_planned_is_encoded(file: dict[str, Any], area_mm2: int) -> None:
    protocol = parse(as_bytes(file))

    for unit in MODELS:
        plan = planned(protocol, unit, area_mm2)
        if plan is not None:
            assert [type(item) for item in frames(plan)] == [Frame] * (1 + len(plan.emissions))
