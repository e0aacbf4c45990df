"""What the tests of device's parts share: a unit, a plan and a report made by hand."""

from __future__ import annotations

from dataclasses import replace

from device.control.allowed import Allowed
from device.dialects.base import ALL_FIELDS, Capabilities, HostLoss, Identity, Status, UnitState
from device.models import Model, Range
from device.monitor.contact import ContactTrend
from device.monitor.view import EnergyTrend, HostTime, View
from device.unit import Unit
from protocols.limits import Bound, Family, Layer, Limits, Quantity
from protocols.plan import Emit, Plan, Rest, Ultrasound

NONCE = 0xDEADBEEF
SESSION = 7
LOW = Ultrasound(intensity_mw_cm2=440, duty_pct=50, carrier_khz=1000, pulse_hz=100)
HIGH = Ultrasound(intensity_mw_cm2=500, duty_pct=100, carrier_khz=1000, pulse_hz=0)

STATUS = Status(
    asked="GetStatus",
    refusal="",
    state=UnitState.READY,
    faults=(),
    nonce=NONCE,
    session=SESSION,
    level_set=0,
    duty_set_pct=0,
    measured_level=0,
    head_temp_ddeg_c=300,
    contact_pct=90,
    battery_pct=90,
    step_ms=10_000,
    delivered_ms=10_000,
    energy_mj=1_000,
    lease_left_ms=0,
    uptime_ms=50_000,
    bad_frames=0,
    lapses=3,
)
EMITTING = replace(
    STATUS, state=UnitState.EMITTING, level_set=440, duty_set_pct=50, measured_level=440, lease_left_ms=410
)

IDENTITY = Identity(
    driveable=True,
    version="1.0",
    family=Family.ULTRASOUND,
    model="US111",
    serial="SN-1",
    firmware="1.0.3",
    nonce=NONCE,
    calibrated="2026-07-28",
)
DECLARED = Capabilities(
    bounds=(),
    area_mm2=400,
    suspension_max_ms=60_000,
    lease_min_ms=100,
    lease_max_ms=1000,
    head_trip_ddeg_c=430,
    measures_output=True,
    measures_head_temp=True,
    senses_contact=True,
    knows_battery=True,
    host_loss=HostLoss.LEASE,
    reports=ALL_FIELDS,
    holds_limits=True,
)
MODEL = Model(
    id="bench",
    name="Bench",
    family=Family.ULTRASOUND,
    bounds=(),
    area_mm2=400,
    head_warn_ddeg_c=410,
    head_trip_ddeg_c=430,
    ranges=(Range("suspension_max_ms", 0, 60_000),),
)
UNIT = Unit(IDENTITY, DECLARED, MODEL)
VIEW = View(
    now_ms=0,
    status=STATUS,
    before=None,
    since_before_ms=0,
    model=MODEL,
    declared=DECLARED,
    wanted_level=0,
    wanted_duty_pct=0,
    due_level=0,
    last_level=1,
    resting=False,
    armed=True,
    steady=False,
    nonce=STATUS.nonce,
    session=SESSION,
    lapses=STATUS.lapses,
    delivered_max_ms=90_000,
    energy_max_mj=100_000,
    elapsed_ms=0,
    unit_elapsed_ms=0,
    uncounted_ms=0,
    step_apart_ms=0,
    counts_went_back=False,
    lease_max_ms=None,
    lease_min_ms=None,
    energy=EnergyTrend(),
    energy_long=EnergyTrend(),
    host=HostTime(),
    contact=ContactTrend(0, 0),
    head_due_mk=0,
)


def bound(quantity: Quantity, at_least: int | None = None, at_most: int | None = None) -> Bound:
    """A bound that a test has set."""
    return Bound(quantity, Layer.OPERATOR, "a test", at_least, at_most)


PLAN = Plan(
    protocol_id="by-hand",
    title="By hand",
    content_hash="0" * 64,
    family=Family.ULTRASOUND,
    body_site="bench",
    model="bench",
    steps=(Emit(LOW, 60_000, 3000), Rest(10_000), Emit(HIGH, 30_000, 0)),
    limits=Limits([bound(Quantity.INTENSITY_MW_CM2, 290, 1060)]),
    energy_mj=100_000,
)
ALLOWED = Allowed(  # what the guard lets through of it: 51 480 mJ and 60 000 mJ, a hundredth, and 100 mJ
    family=Family.ULTRASOUND,
    emissions=PLAN.emissions,
    bounds=PLAN.limits.bounds,
    area_mm2=400,
)
ENERGY_MAX_MJ = 112_694
