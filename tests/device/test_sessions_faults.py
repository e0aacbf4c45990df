"""What can go wrong with a unit and its cable in mid-session: which alarm it raises, and how it ends."""

from __future__ import annotations

import pytest

from device.control.delivery import Ended
from device.control.machine import State
from device.events import OffConfirmation
from device.operator import SessionAction
from physioctl.record.codec import to_json
from protocols.plan import Rest
from simulator.faults import FaultKind
from simulator.record import Why
from tests.support import LEASE_MS, MINUTE_MS, ON_THE_WAY_MS, SECOND_MS, Ledger, MakeRig, emit, session_on

US, GUN = "us111", "ultragun"
LEAST_MS = 20 * SECOND_MS  # when each fault begins

# Kind, unit, what is written after the fault's name, and the first alarm; None when it costs nothing.
TABLE: list[tuple[FaultKind, str, str, str | None]] = [
    (FaultKind.BYTES_LOST, US, "@20s=0.5", "COMM_LOST"),
    (FaultKind.BYTES_STRUCK, US, "@20s=0.5", "COMM_LOST"),
    (FaultKind.BYTES_DOUBLED, US, "@20s+10s=1", None),
    (FaultKind.FRAMES_REORDERED, US, "@20s+2s=1", "COMM_LOST"),
    (FaultKind.BYTES_LATE, US, "@20s+10s=15", None),
    (FaultKind.BYTES_LATE, US, "@20s+10s=600", "COMM_LOST"),
    (FaultKind.HALF_OPEN, US, "@20s=0", "COMM_LOST"),
    (FaultKind.HALF_OPEN, GUN, "@20s=1", "COMM_LOST"),
    (FaultKind.CABLE_PULLED, GUN, "@20s", "COMM_LOST"),
    (FaultKind.RESTART, US, "@20s+1ms", "RESTARTED"),
    (FaultKind.SWAPPED, GUN, "@20s", "RESTARTED"),
    (FaultKind.RESTART, GUN, "@20s", "COMM_LOST"),  # it is deaf for longer than a renewal can be missed
    (FaultKind.BROWN_OUT, US, "@20s", "UNIT_FAULT"),
    (FaultKind.STUCK_OUTPUT, US, "@20s=1000", "OUTPUT_HIGH"),
    (FaultKind.LYING_SENSOR, US, "@20s=0", "POWER_MISMATCH"),
    (FaultKind.STUCK_SENSOR, US, "@20s+200s", "SENSOR_FAULT"),
    (FaultKind.IMPLAUSIBLE_SENSOR, US, "@20s=150", "SENSOR_FAULT"),
    (FaultKind.IMPLAUSIBLE_SENSOR, US, "@20s=-270", "SENSOR_FAULT"),
    (FaultKind.FAST_CLOCK, US, "@20s+60s=0.1", "CLOCK_OFF"),
    (FaultKind.SLOW_CLOCK, GUN, "@20s+60s=0.1", "CLOCK_OFF"),
    (FaultKind.LIFT_OFF, US, "@20s", "CONTACT_LOST"),
    (FaultKind.OVERHEAT, US, "@20s=100", "HEAD_WARM"),
    (FaultKind.OVERHEAT, GUN, "@20s=1000", "MOTOR_HOT"),
    (FaultKind.STALL, GUN, "@20s", "MOTOR_STALL"),  # seen before the unit's own 700 ms are over
    (FaultKind.LOW_BATTERY, GUN, "@20s=0.15", "BATTERY_LOW"),
    (FaultKind.LOW_BATTERY, GUN, "@20s=0.03", "BATTERY_CRITICAL"),
    (FaultKind.AGEING, US, "@20s=-0.3", "POWER_MISMATCH"),
    (FaultKind.AGEING, GUN, "@20s=0.3", "OUTPUT_HIGH"),
    (FaultKind.WRONG_DUTY, US, "@20s=50", "DUTY_DIFFERS"),
    (FaultKind.LYING_DUTY, US, "@20s=50", "ENERGY_DIFFERS"),
    (FaultKind.LYING_METER, US, "@20s=0", "ENERGY_DIFFERS"),
    (FaultKind.LYING_METER, US, "@20s=2", "ENERGY_DIFFERS"),
    (FaultKind.LYING_SESSION, US, "@20s", "SESSION_DIFFERS"),
    (FaultKind.LYING_SESSION, GUN, "@20s", "SESSION_DIFFERS"),
    (FaultKind.LYING_COUNT, US, "@20s=0", "COUNT_OFF"),
    (FaultKind.LYING_COUNT, GUN, "@20s=2", "COUNT_OFF"),
    (FaultKind.ENDLESS_LEASE, US, "@20s", "LEASE_DIFFERS"),
    (FaultKind.ENDLESS_LEASE, GUN, "@20s", "LEASE_DIFFERS"),
    (FaultKind.ENDLESS_SUSPENSION, US, "@20s", None),  # nothing is held
    (FaultKind.ENDLESS_STEP, US, "@20s+10min", "OVER_DOSE"),
    (FaultKind.ENDLESS_STEP, GUN, "@20s+10min", "OVER_DOSE"),
    (FaultKind.MISSING_SENSOR, US, "@20s=1", "POWER_MISMATCH"),
    (FaultKind.WILD_AREA, US, "@20s", None),  # it is asked once, and has answered
    (FaultKind.FUTURE_CALIBRATION, GUN, "@20s", None),
]
GOES_ON = (None, "CONTACT_LOST", "BATTERY_LOW")


def test_the_table_leaves_out_no_kind_of_fault() -> None:
    assert {row[0] for row in TABLE} == set(FaultKind)


@pytest.mark.hazard("H-11")
@pytest.mark.hazard("H-24")
@pytest.mark.hazard("H-25")
@pytest.mark.parametrize(("kind", "model", "how", "code"), TABLE)
def test_each_fault_raises_its_alarm(
    make_rig: MakeRig, kind: FaultKind, model: str, how: str, code: str | None
) -> None:
    rig = make_rig(model, f"{kind}{how}", seed=7)

    delivery = session_on(rig, emit(rig, MINUTE_MS))
    rig.wait(10 * SECOND_MS)

    alarms = [rule.code for rule in rig.controller.alarms]
    assert alarms[:1] == ([] if code is None else [code])
    assert delivery.ended is (Ended.COMPLETED if code in GOES_ON else Ended.INTERRUPTED)
    assert rig.unit.output_off_since_ms is not None
    if delivery.ended is Ended.INTERRUPTED:
        assert len([change for change in rig.unit.changes if change.why is Why.SET]) == 1


@pytest.mark.hazard("H-10")
@pytest.mark.parametrize("deaf", ["1ms", "100ms", "500ms", "2s"])
@pytest.mark.parametrize("attended", [True, False])
def test_a_unit_that_has_restarted_is_not_driven_on(make_rig: MakeRig, deaf: str, attended: bool) -> None:
    actions = [(at, SessionAction.RESUME) for at in range(6000, 20_000, 500)]
    rig = make_rig(US, f"restart@5s+{deaf}", actions=actions)

    delivery = session_on(rig, emit(rig, MINUTE_MS), attended=attended)
    rig.wait(MINUTE_MS)

    assert delivery.ended is Ended.INTERRUPTED
    assert [change.why for change in rig.unit.changes] == [Why.SET, Why.RESTART]


def test_what_was_delivered_before_a_restart_stays_in_the_record(make_rig: MakeRig) -> None:
    rig = make_rig(US, "restart@5s")

    delivery = session_on(rig, emit(rig, MINUTE_MS))

    on, off = rig.unit.changes
    assert delivery.delivered_ms == pytest.approx(off.ms - on.ms, abs=150)  # as last reported
    assert delivery.energy_mj == pytest.approx(440 * 4 * delivery.delivered_ms / 1000, rel=0.01)


def test_a_unit_that_restarts_while_it_is_paused_is_not_driven_on(make_rig: MakeRig) -> None:
    rig = make_rig(US, "restart@10s", actions=[(5000, SessionAction.PAUSE), (20_000, SessionAction.RESUME)])

    delivery = session_on(rig, emit(rig, MINUTE_MS), attended=True)

    assert delivery.ended is Ended.INTERRUPTED
    assert [change.why for change in rig.unit.changes] == [Why.SET, Why.STOP]


# --- output that does not obey ------------------------------------------------------------------------


@pytest.mark.hazard("H-07")
def test_output_that_sticks_is_stopped_in_vain_and_said_to_be_unknown(make_rig: MakeRig) -> None:
    rig = make_rig(US, "stuck_output@5s+30s")

    delivery = session_on(rig, emit(rig, 10 * SECOND_MS))
    assert rig.unit.output > 0
    rig.wait(MINUTE_MS)

    assert (delivery.ended, delivery.output_off) == (Ended.INTERRUPTED, OffConfirmation.UNKNOWN)
    assert "OUTPUT_STUCK" in [rule.code for rule in rig.controller.alarms]
    assert delivery.why


def test_a_stop_to_output_that_sticks_is_unknown_as_well(make_rig: MakeRig) -> None:
    rig = make_rig(US, "stuck_output@5s+30s", actions=[(8000, SessionAction.STOP)])

    delivery = session_on(rig, emit(rig, MINUTE_MS))
    rig.wait(MINUTE_MS)

    assert delivery.output_off is OffConfirmation.UNKNOWN


@pytest.mark.hazard("H-07")
def test_output_that_begins_by_itself_in_a_rest_ends_the_session(make_rig: MakeRig) -> None:
    rig = make_rig(US, "stuck_output@5s+10s=500")

    delivery = session_on(rig, emit(rig, 2000), Rest(10 * SECOND_MS), emit(rig, 2000))
    rig.wait(MINUTE_MS)

    assert delivery.ended is Ended.INTERRUPTED
    assert rig.controller.alarms[0].code == "OUTPUT_STUCK"


def test_a_sensor_that_sees_no_output_does_not_make_output_off_of_it(make_rig: MakeRig) -> None:
    rig, ledger = make_rig(US, "lying_sensor@5s+10s=0"), Ledger()

    delivery = session_on(rig, emit(rig, MINUTE_MS), ledger=ledger)

    assert delivery.ended is Ended.INTERRUPTED
    assert State.FAULT.value in [to_json(event)["state"] for event in ledger.named("state_changed")]
    assert rig.unit.output_off_since_ms is not None


# --- single messages ----------------------------------------------------------------------------------


def told_ms(make_rig: MakeRig, intent: str) -> int:
    """When ``intent`` first leaves in a session of one step without a fault."""
    rig, ledger = make_rig(), Ledger()
    session_on(rig, emit(rig, SECOND_MS), ledger=ledger)
    return next(e.at_ms for e in ledger.named("commanded") if to_json(e)["intent"] == intent)


@pytest.mark.parametrize("intent", ["Arm", "SetOutput"])
@pytest.mark.parametrize("ramp_ms", [0, 500])
def test_a_lost_request_is_made_again_and_nothing_is_given_twice(
    make_rig: MakeRig, intent: str, ramp_ms: int
) -> None:
    rig = make_rig(US, f"half_open@{told_ms(make_rig, intent)}ms+1ms=0")

    delivery = session_on(rig, emit(rig, 5 * SECOND_MS, ramp_ms))

    assert (delivery.ended, rig.unit.delivered_ms) == (Ended.COMPLETED, 5 * SECOND_MS)
    assert [change.why for change in rig.unit.changes] == [Why.SET, Why.STEP_DONE]


@pytest.mark.parametrize("intent", ["Arm", "SetOutput"])
@pytest.mark.parametrize("ramp_ms", [0, 500])
def test_a_lost_answer_costs_nothing(make_rig: MakeRig, intent: str, ramp_ms: int) -> None:
    asked_ms = told_ms(make_rig, intent)
    rig, ledger = make_rig(US, f"half_open@{asked_ms + 1}ms+{ON_THE_WAY_MS}ms=1"), Ledger()

    delivery = session_on(rig, emit(rig, 5 * SECOND_MS, ramp_ms), ledger=ledger)

    said = [to_json(event)["intent"] for event in ledger.named("commanded")]
    assert (delivery.ended, rig.unit.delivered_ms) == (Ended.COMPLETED, 5 * SECOND_MS)
    assert said.count("SetOutput") == 1
    assert rig.controller.alarms == []


def test_a_start_that_never_arrives_is_given_up(make_rig: MakeRig) -> None:
    asked_ms = told_ms(make_rig, "SetOutput")
    rig = make_rig(US, f"half_open@{asked_ms}ms+1h=0")

    delivery = session_on(rig, emit(rig, 5 * SECOND_MS))

    assert delivery.ended is Ended.INTERRUPTED
    assert delivery.output_off is OffConfirmation.PRESUMED
    assert rig.unit.changes == []


@pytest.mark.hazard("H-09")
def test_a_doubled_or_late_start_never_starts_twice(make_rig: MakeRig) -> None:
    for amount in (0.3, 1):
        rig = make_rig(US, f"bytes_doubled@0s+1h={amount}")
        delivery = session_on(rig, emit(rig, SECOND_MS), emit(rig, SECOND_MS))
        rig.wait(2 * LEASE_MS)

        assert (delivery.ended, rig.unit.delivered_ms) == (Ended.COMPLETED, 2 * SECOND_MS)
        assert [change.why for change in rig.unit.changes] == [Why.SET, Why.STEP_DONE] * 2
