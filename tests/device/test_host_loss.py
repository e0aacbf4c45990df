"""Sessions on units that end their output in each of three ways when the host is lost."""

from __future__ import annotations

import pytest

from device.control.delivery import Ended
from device.control.guard import GuardRefused
from device.control.handshake import perform_handshake
from device.control.policy import EMISSION_MAX_MS, START_WITHIN_MS, STOP_WITHIN_MS
from device.events import OffConfirmation, OutputPermitted
from device.operator import SessionAction
from physioctl.rehearsal.rig import Rig, speaking
from protocols.limits import Family
from protocols.plan import Emit, Guide, Plan
from simulator.faults import parse
from tests.support import OUTPUTS, Ledger, plan_of, run_plan

LEASE_MS = 500
KINDS = ("lease", "timer", "none")
MODELS = ("us111", "ultragun")


def rig_with(kind: str, model: str, *faults: str) -> Rig:
    spoken = speaking("modbus", kind)
    rig = Rig(model, faults=[parse(text) for text in faults], unit=spoken.unit, dialect=spoken.dialect)
    rig.driver.record_to(Ledger())
    return rig


def plan_on(rig: Rig, *steps_ms: int) -> Plan:
    unit = rig.driver.run(perform_handshake(rig.controller))
    output = OUTPUTS[unit.model.id]
    return plan_of(unit, *(Emit(output, step_ms, 500) for step_ms in steps_ms))


@pytest.mark.parametrize(
    ("kind", "model"),
    [
        ("lease", "us111"),
        ("lease", "ultragun"),
        ("timer", "us111"),
        ("timer", "ultragun"),
        ("none", "ultragun"),
    ],
)
def test_a_plan_is_delivered_and_never_more_than_it(kind: str, model: str) -> None:
    rig = rig_with(kind, model)

    delivery = run_plan(rig.driver, plan_on(rig, 25_000, 3_000), attended=True)

    assert (delivery.ended, delivery.output_off) == (Ended.COMPLETED, OffConfirmation.CONFIRMED)
    assert 28_000 - 2 * STOP_WITHIN_MS <= rig.unit.delivered_ms <= 28_000
    assert rig.unit.delivered_ms <= delivery.delivered_ms <= 28_000
    assert rig.unit.breaches == []


@pytest.mark.hazard("H-05")
@pytest.mark.parametrize("model", MODELS)
def test_where_only_the_units_timer_ends_output_no_start_asks_for_more_than_ten_seconds(model: str) -> None:
    rig = rig_with("timer", model)
    ledger = Ledger()
    rig.driver.add_observer(ledger)

    run_plan(rig.driver, plan_on(rig, 25_000), attended=False)

    asked_ms = [event.for_ms for event in ledger.events if isinstance(event, OutputPermitted)]
    assert asked_ms == [10_000, 10_000, 5_000]


@pytest.mark.hazard("H-05")
@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize(
    ("kind", "goes_on_ms", "known"),
    [("lease", LEASE_MS, OffConfirmation.PRESUMED), ("timer", EMISSION_MAX_MS, OffConfirmation.PRESUMED)],
)
def test_with_the_cable_out_output_ends_within_the_bound_and_is_presumed_off_only_after_it(
    kind: str, goes_on_ms: int, known: OffConfirmation, model: str
) -> None:
    rig = rig_with(kind, model, "cable_pulled@5s")

    delivery = run_plan(rig.driver, plan_on(rig, 25_000), attended=True)
    ended_ms = rig.clock.now_ms()

    assert (delivery.ended, delivery.output_off) == (Ended.INTERRUPTED, known)
    assert rig.unit.output == 0
    off_ms = rig.unit.changes[-1].ms
    assert off_ms <= 5_000 + goes_on_ms
    assert off_ms <= ended_ms <= 5_000 + (goes_on_ms + START_WITHIN_MS) * 11 // 10


@pytest.mark.hazard("H-05")
def test_where_nothing_ends_output_it_is_unknown_at_once_with_the_cable_out() -> None:
    rig = rig_with("none", "ultragun", "cable_pulled@5s")

    delivery = run_plan(rig.driver, plan_on(rig, 25_000), attended=True)

    assert (delivery.ended, delivery.output_off) == (Ended.INTERRUPTED, OffConfirmation.UNKNOWN)
    assert rig.clock.now_ms() == 5_000
    rig.wait(60_000)
    assert rig.unit.output > 0  # it does go on: only its own switch ends it


@pytest.mark.hazard("H-05")
def test_where_nothing_ends_output_nothing_is_started_with_nobody_there() -> None:
    rig = rig_with("none", "ultragun")

    with pytest.raises(GuardRefused, match="nobody is there"):
        run_plan(rig.driver, plan_on(rig, 5_000), attended=False)

    assert [change for change in rig.unit.changes if change.output] == []


@pytest.mark.hazard("H-05")
def test_where_nothing_ends_output_no_ultrasound_is_started_on_a_body_site() -> None:
    rig = rig_with("none", "us111")

    with pytest.raises(GuardRefused, match="no ultrasound on a body site"):
        run_plan(rig.driver, plan_on(rig, 5_000), attended=True)

    assert [change for change in rig.unit.changes if change.output] == []


@pytest.mark.hazard("H-02")
@pytest.mark.parametrize("share", [0.0, 0.3, 0.9])
@pytest.mark.parametrize("step_ms", [24, 200, 1_000, 12_000])
@pytest.mark.parametrize("attended", [True, False])
def test_a_unit_that_does_not_count_is_not_asked_for_the_rest_again_and_again(
    attended: bool, step_ms: int, share: float
) -> None:
    rig = rig_with("timer", "ultragun", f"lying_count@0s+60s={share}")

    delivery = run_plan(rig.driver, plan_on(rig, step_ms), attended=attended)

    assert delivery.ended is Ended.INTERRUPTED or delivery.delivered_ms == step_ms
    assert rig.unit.delivered_ms <= step_ms + step_ms * 2 // 100 + 600


@pytest.mark.parametrize("kind", KINDS)
def test_output_goes_on_after_guidance_on_every_kind_of_unit(kind: str) -> None:
    rig = rig_with(kind, "ultragun")
    unit = rig.driver.run(perform_handshake(rig.controller))
    output = OUTPUTS["ultragun"]
    plan = plan_of(
        unit, Emit(output, 2_000, 0), Guide(duration_ms=3_000, say="stretch"), Emit(output, 2_000, 0)
    )

    delivery = run_plan(rig.driver, plan, attended=True)

    assert delivery.ended is Ended.COMPLETED
    assert sum(change.output > 0 for change in rig.unit.changes) == 2


@pytest.mark.parametrize("kind", KINDS)
def test_a_pause_and_a_resumption_work_on_every_kind_of_unit(kind: str) -> None:
    rig = rig_with(kind, "ultragun")
    rig.person.schedule(SessionAction.PAUSE, 4_000)
    rig.person.schedule(SessionAction.RESUME, 6_000)

    delivery = run_plan(rig.driver, plan_on(rig, 12_000), attended=True)

    assert (delivery.ended, delivery.output_off) == (Ended.COMPLETED, OffConfirmation.CONFIRMED)
    assert rig.unit.delivered_ms <= 12_000


def test_the_families_of_the_models_tried_are_both() -> None:
    assert {rig_with("lease", model).unit.plate.family.name for model in MODELS} == {
        family.name for family in Family
    }
