"""What a unit says is held against what it was told, and what it should bound is bounded here as well."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from device.control.controller import Controller
from device.control.delivery import Delivery, Ended, deliver
from device.control.fault_clearing import clear_faults, latched
from device.control.handshake import perform_handshake
from device.dialects.base import Dialect
from device.events import OffConfirmation
from device.operator import SessionAction
from device.wire.messages import Type, UnitState
from physioctl.rehearsal.rig import Rig
from protocols.limits import Bound, Layer, Quantity
from protocols.plan import Emit, Rest, Ultrasound
from simulator.faults import parse
from simulator.record import Why
from simulator.unit import SimulatedUnit
from tests.device.lying_units import (
    ConstantLease,
    DoubleMetered,
    Early,
    EarlyAndUncounted,
    FaultWithoutBits,
    FullDuty,
    GuardContext,
    HiddenFullDuty,
    Leaseless,
    Rampless,
    Restless,
    Suspending,
    SuspendingNow,
    Unfeeling,
    Unmetered,
    UnmeteredSuspensions,
    Untruthful,
    metering,
    refusing,
    reporting,
    swinging,
)
from tests.support import (
    MINUTE_MS,
    SECOND_MS,
    Ledger,
    admission_of,
    another_host,
    emit,
    first_output_ms,
    plan_of,
    session_on,
)

PULSED = Ultrasound(intensity_mw_cm2=1060, duty_pct=20, carrier_khz=1000, pulse_hz=100)
CUT_SHORT = [
    (Ultrasound(614, 50, 1000, 100), 5000, 0),
    (Ultrasound(300, 100, 1000, 0), 2000, 2000),
    (Ultrasound(530, 100, 1000, 0), 3000, 3000),
    (Ultrasound(1060, 20, 1000, 100), 20_000, 3000),
    (Ultrasound(775, 50, 1000, 100), 3568, 3568),
    (Ultrasound(440, 100, 1000, 0), 60_000, 3000),
]


def run(unit: type[SimulatedUnit], *faults: str, model: str = "us111", **how: Any) -> tuple[Rig, Delivery]:
    """A session of a minute on such a unit."""
    rig = Rig(model, unit=unit, faults=[parse(fault) for fault in faults])
    steps = how.pop("steps", None) or (emit(rig, MINUTE_MS),)
    return rig, session_on(rig, *steps, **how)


class Knowing(Controller):
    """Watches for one thing only: whatever else there is to see, it does not."""

    codes: tuple[str, ...] = ()

    def __init__(self, dialect: Dialect, now_ms: int, port: str) -> None:
        super().__init__(dialect, now_ms, port)
        watch = self.reports.watch
        watch.rules = [rule for rule in watch.rules if rule.code in self.codes]


class KnowsMeters(Knowing):
    codes = ("ENERGY_DIFFERS",)


class KnowsSuspensions(Knowing):
    codes = ("SUSPENDED_WITHOUT_CAUSE",)


def alarms(rig: Rig) -> list[str]:
    return [rule.code for rule in rig.controller.alarms]


def given_ms(rig: Rig) -> int:
    """How long the unit truly gave output."""
    return rig.unit.delivered_ms


@pytest.mark.hazard("H-26")
def test_another_duty_than_was_set_ends_the_session_at_once() -> None:
    rig, delivery = run(FullDuty, steps=(Emit(PULSED, MINUTE_MS, 0),))

    assert (delivery.ended, alarms(rig)[0]) == (Ended.INTERRUPTED, "DUTY_DIFFERS")
    assert given_ms(rig) <= 100


@pytest.mark.hazard("H-03")
def test_a_duty_that_is_hidden_shows_in_the_energy() -> None:
    rig, delivery = run(HiddenFullDuty, steps=(Emit(PULSED, MINUTE_MS, 2 * SECOND_MS),))

    assert (delivery.ended, alarms(rig)) == (Ended.INTERRUPTED, ["ENERGY_DIFFERS"])
    assert given_ms(rig) <= 1500


@pytest.mark.hazard("H-03")
@pytest.mark.parametrize("unit", [Unmetered, DoubleMetered])
def test_an_energy_that_does_not_follow_from_output_and_time_ends_the_session(
    unit: type[SimulatedUnit],
) -> None:
    rig, delivery = run(unit, steps=(emit(Rig(), MINUTE_MS, 3 * SECOND_MS),))

    assert (delivery.ended, alarms(rig)) == (Ended.INTERRUPTED, ["ENERGY_DIFFERS"])
    assert given_ms(rig) <= 3 * SECOND_MS


@pytest.mark.hazard("H-03")
@pytest.mark.parametrize("share", [0, 0.57, 0.75, 1.3, 2])
@pytest.mark.parametrize("step_ms", [200, 600, MINUTE_MS])
def test_a_meter_that_is_off_is_found_however_short_the_steps_are(share: float, step_ms: int) -> None:
    steps = tuple(step for _ in range(100) for step in (Emit(PULSED, step_ms, 0), Rest(200)))

    rig, delivery = run(metering(share), steps=steps[: 16 * MINUTE_MS // step_ms])

    assert (delivery.ended, alarms(rig)) == (Ended.INTERRUPTED, ["ENERGY_DIFFERS"])
    assert given_ms(rig) <= 40 * SECOND_MS


@pytest.mark.hazard("H-03")
def test_a_dead_meter_is_found_though_every_other_report_says_suspended() -> None:
    rig = Rig("us111", unit=UnmeteredSuspensions, controller=KnowsMeters)

    delivery = session_on(rig, Emit(PULSED, 3 * MINUTE_MS, 0))

    assert (delivery.ended, alarms(rig)) == (Ended.INTERRUPTED, ["ENERGY_DIFFERS"])
    assert given_ms(rig) <= 2 * SECOND_MS


@pytest.mark.hazard("H-11")
@pytest.mark.parametrize("model", ["us111", "ultragun"])
@pytest.mark.parametrize(("high_ms", "period_ms"), [(260, 680), (150, 700)])
def test_output_that_swings_is_judged_by_the_sum_of_its_high_times(
    model: str, high_ms: int, period_ms: int
) -> None:
    rig, delivery = run(swinging(3, high_ms, period_ms), model=model)

    assert (delivery.ended, alarms(rig)) == (Ended.INTERRUPTED, ["OUTPUT_HIGH"])
    assert given_ms(rig) <= 5 * SECOND_MS


@pytest.mark.parametrize("model", ["us111", "ultragun"])
@pytest.mark.parametrize(
    ("lies", "code"),
    [
        ({"session": 99}, "SESSION_DIFFERS"),
        ({"session": 0}, "SESSION_DIFFERS"),
        ({"asked": Type.GET_STATUS}, "ANSWER_DIFFERS"),
        ({"asked": 0}, "ANSWER_DIFFERS"),
        ({"lease_left_ms": 65_535}, "LEASE_DIFFERS"),
        ({"lease_left_ms": 500}, "LEASE_DIFFERS"),
        ({"lease_left_ms": 0}, "LEASE_DIFFERS"),
        ({"duty_set_pct": 50}, "DUTY_DIFFERS"),
        ({"duty_set_pct": 0}, "DUTY_DIFFERS"),
        ({"level_set": 0}, "SET_DIFFERS"),
        ({"step_ms": 0}, "COUNT_OFF"),
        ({"delivered_ms": 1000}, "COUNT_OFF"),
    ],
)
def test_a_report_that_contradicts_what_was_set_ends_the_session_at_once(
    model: str, lies: dict[str, int], code: str
) -> None:
    rig, delivery = run(reporting(**lies), model=model)

    assert delivery.ended is Ended.INTERRUPTED
    assert alarms(rig)[0] == code
    assert given_ms(rig) <= 2200
    assert rig.unit.output == 0
    rule = rig.controller.alarms[0]
    assert rule.latches


@pytest.mark.hazard("H-02")
def test_a_unit_that_names_another_session_is_not_renewed() -> None:
    rig, _ = run(reporting(session=99))

    assert [change.why for change in rig.unit.changes] == [Why.SET, Why.STOP]


@pytest.mark.hazard("H-05")
def test_output_off_is_not_presumed_from_a_lease_that_does_not_work() -> None:
    rig, delivery = run(Leaseless, "cable_pulled@5s+1h")

    assert alarms(rig)[0] == "LEASE_DIFFERS"
    assert given_ms(rig) <= 200
    assert delivery.output_off is OffConfirmation.CONFIRMED


@pytest.mark.hazard("H-05")
@pytest.mark.parametrize("model", ["us111", "ultragun"])
def test_a_lease_that_always_says_the_same_is_found_by_the_first_renewals(model: str) -> None:
    rig, delivery = run(ConstantLease, "half_open@10s+10min=0", model=model)

    assert (delivery.ended, alarms(rig)[0]) == (Ended.INTERRUPTED, "LEASE_DIFFERS")
    assert given_ms(rig) <= 300
    assert delivery.output_off is OffConfirmation.CONFIRMED


@pytest.mark.hazard("H-05")
def test_a_lease_once_seen_not_to_run_is_never_said_to_have_ended_output() -> None:
    deaf_from_ms = (
        first_output_ms() + 1
    )  # the answer to the start arrives, and the stop that follows does not

    rig, delivery = run(Leaseless, f"half_open@{deaf_from_ms}ms+1h=0")

    assert alarms(rig)[0] == "LEASE_DIFFERS"
    assert rig.unit.output > 0
    assert delivery.output_off is OffConfirmation.UNKNOWN


@pytest.mark.hazard("H-01")
@pytest.mark.parametrize("ramp_ms", [0, 10 * SECOND_MS])
def test_output_that_goes_on_without_contact_ends_the_session(ramp_ms: int) -> None:
    rig, delivery = run(Unfeeling, steps=(emit(Rig(), MINUTE_MS, ramp_ms),))

    assert (delivery.ended, alarms(rig)) == (Ended.INTERRUPTED, ["CONTACT_IGNORED"])
    assert given_ms(rig) <= ramp_ms + 1500


@pytest.mark.hazard("H-02")
def test_suspensions_that_come_and_go_with_contact_all_the_time_end_the_session() -> None:
    rig = Rig("us111", unit=SuspendingNow, controller=KnowsSuspensions)

    delivery = session_on(rig, emit(rig, MINUTE_MS))

    assert (delivery.ended, alarms(rig)) == (Ended.INTERRUPTED, ["SUSPENDED_WITHOUT_CAUSE"])
    assert given_ms(rig) <= 3 * SECOND_MS


@pytest.mark.parametrize("lift", ["110ms=0", "150ms=0.3", "170ms=0", "230ms=0.3", "300ms=0", "400ms=0.45"])
def test_contact_that_comes_and_goes_at_a_sound_unit_ends_no_session(lift: str) -> None:
    lifts = [f"lift_off@{at_ms}ms+{lift}" for at_ms in range(500, 60_000, 450)]

    rig, _ = run(SimulatedUnit, *lifts, attended=True)

    assert set(alarms(rig)) <= {"CONTACT_LOST", "SUSPENSION_OVERRUN"}


@pytest.mark.hazard("H-04")
@pytest.mark.parametrize("model", ["us111", "ultragun"])
def test_full_output_at_once_where_a_ramp_was_set_ends_the_session(model: str) -> None:
    rig, delivery = run(Rampless, model=model, steps=(emit(Rig(model), MINUTE_MS, 20 * SECOND_MS),))

    assert (delivery.ended, alarms(rig)) == (Ended.INTERRUPTED, ["OUTPUT_HIGH"])
    assert given_ms(rig) <= 500


@pytest.mark.hazard("H-26")
def test_full_output_at_once_after_suspensions_ends_the_session() -> None:
    lifts = [f"lift_off@{at_s}s+1s=0" for at_s in (5, 10)]

    rig, delivery = run(Rampless, *lifts)

    assert delivery.ended is Ended.INTERRUPTED
    assert "OUTPUT_HIGH" in alarms(rig)
    assert given_ms(rig) <= 10 * SECOND_MS


@pytest.mark.hazard("H-03")
@pytest.mark.parametrize("aged", [0.07, 0.09, 0.13, 0.17, 0.19])
@pytest.mark.parametrize(("output", "for_ms", "ramp_ms"), CUT_SHORT)
def test_a_sound_unit_whose_ceiling_ends_its_output_has_not_given_too_much(
    aged: float, output: Ultrasound, for_ms: int, ramp_ms: int
) -> None:
    rig, _ = run(SimulatedUnit, f"ageing@0s+9h={aged}", steps=(Emit(output, for_ms, ramp_ms),))

    assert alarms(rig) == []


@pytest.mark.hazard("H-18")
@pytest.mark.parametrize("model", ["us111", "ultragun"])
@pytest.mark.parametrize("asked", [Type.GET_STATUS, Type.RENEW, Type.STOP])
def test_a_refusal_that_no_sound_unit_gives_ends_the_session(model: str, asked: Type) -> None:
    actions = [(5 * SECOND_MS, SessionAction.PAUSE)]
    rig = Rig(model, unit=refusing(asked), actions=actions)

    delivery = session_on(rig, emit(rig, MINUTE_MS), attended=True)

    assert (delivery.ended, alarms(rig)) == (Ended.INTERRUPTED, ["REFUSED"])
    assert given_ms(rig) <= 5 * SECOND_MS
    assert rig.unit.output == 0


# --- what the host bounds ---------------------------------------------------------------------------------


@pytest.mark.hazard("H-02")
@pytest.mark.parametrize("model", ["us111", "ultragun"])
@pytest.mark.parametrize("unit", [Untruthful, GuardContext])
def test_a_step_ends_by_our_clock_whatever_the_unit_says(model: str, unit: type[SimulatedUnit]) -> None:
    rig, delivery = run(unit, model=model, steps=(emit(Rig(model), 10 * SECOND_MS),))

    assert delivery.ended is Ended.INTERRUPTED
    assert given_ms(rig) <= 10_200 + SECOND_MS
    assert rig.unit.output == 0


@pytest.mark.hazard("H-17")
@pytest.mark.parametrize("attended", [False, True])
def test_a_suspension_ends_by_our_clock_and_output_does_not_come_back_by_itself(attended: bool) -> None:
    rig, delivery = run(Suspending, "lift_off@5s+5min", attended=attended)

    assert delivery.ended is Ended.INTERRUPTED
    assert alarms(rig)[:2] == ["CONTACT_LOST", "SUSPENSION_OVERRUN"]
    assert rig.unit.changes[-1].ms <= 70 * SECOND_MS
    rig.wait(6 * MINUTE_MS)
    assert Why.CONTACT_BACK not in [change.why for change in rig.unit.changes]


@pytest.mark.hazard("H-17")
def test_all_the_suspensions_of_a_step_together_have_a_bound() -> None:
    lifts = [f"lift_off@{at_s}s+40s" for at_s in range(5, 3600, 45)]

    rig, delivery = run(SimulatedUnit, *lifts, steps=(emit(Rig(), 10 * MINUTE_MS),))

    assert delivery.ended is Ended.INTERRUPTED
    assert "SUSPENSION_OVERRUN" in alarms(rig)
    assert rig.clock.now_ms() <= 5 * MINUTE_MS


class KnowsOverruns(Knowing):
    codes = ("STEP_OVERRUN", "SUSPENSION_OVERRUN")


@pytest.mark.hazard("H-02")
@pytest.mark.parametrize("model", ["us111", "ultragun"])
@pytest.mark.parametrize("unit", [Untruthful, GuardContext])
def test_our_clock_alone_ends_a_step(model: str, unit: type[SimulatedUnit]) -> None:
    rig = Rig(model, unit=unit, controller=KnowsOverruns)

    delivery = session_on(rig, emit(rig, 10 * SECOND_MS))

    assert (delivery.ended, alarms(rig)) == (Ended.INTERRUPTED, ["STEP_OVERRUN"])
    assert 10_700 <= given_ms(rig) <= 10_900
    assert rig.unit.output == 0


@pytest.mark.hazard("H-02")
def test_our_clock_alone_ends_a_session_that_is_resumed_again_and_again() -> None:
    actions = [(at_ms, SessionAction.RESUME) for at_ms in range(5 * SECOND_MS, 10 * MINUTE_MS, 5 * SECOND_MS)]
    rig = Rig("us111", unit=EarlyAndUncounted, controller=KnowsOverruns, actions=actions)

    delivery = session_on(rig, emit(rig, 10 * SECOND_MS), attended=True)

    assert (delivery.ended, alarms(rig)) == (Ended.INTERRUPTED, ["STEP_OVERRUN"])
    assert given_ms(rig) <= 12 * SECOND_MS


@pytest.mark.hazard("H-07")
def test_a_unit_that_starts_by_itself_in_a_pause_is_noticed_though_it_measures_nothing() -> None:
    rig = Rig("us111", unit=Restless, actions=[(5 * SECOND_MS, SessionAction.PAUSE)])

    delivery = session_on(rig, emit(rig, MINUTE_MS), attended=True)

    assert (delivery.ended, alarms(rig)[0]) == (Ended.INTERRUPTED, "RUNS_UNASKED")


def test_a_massage_gun_is_not_said_to_have_lost_contact() -> None:
    ledger = Ledger()

    rig, delivery = run(
        reporting(state=UnitState.SUSPENDED, measured_level=0), model="ultragun", ledger=ledger
    )

    assert alarms(rig)[0] == "SUSPENDED_WITHOUT_CAUSE"
    assert "contact was lost" not in str(ledger.events) + delivery.why


@pytest.mark.hazard("H-03")
def test_a_massage_gun_that_has_given_its_energy_is_said_to_have() -> None:
    rig = Rig("ultragun")
    unit = rig.driver.run(perform_handshake(rig.controller))
    rig.driver.record_to(Ledger())
    plan = plan_of(unit, emit(rig, MINUTE_MS))
    joule = Bound(Quantity.ENERGY_MJ, Layer.PROTOCOL, "for a test", at_most=1000)

    bounded = replace(plan, limits=plan.limits.with_layer([joule]))
    admission = admission_of(bounded)
    delivery = rig.driver.run(deliver(rig.controller, bounded, 7, admission=admission, attended=True))

    assert delivery.ended is Ended.INTERRUPTED
    assert delivery.why == "all of the energy that this session may give has been given before its time"
    assert rig.unit.breaches == []
    assert rig.unit.energy_mj <= 1100


# --- what a person is told ------------------------------------------------------------------------------


def test_a_fault_without_a_name_is_a_fault() -> None:
    ledger = Ledger()

    rig, delivery = run(FaultWithoutBits, ledger=ledger)

    assert alarms(rig) == ["UNIT_FAULT"]
    assert delivery.why == "the unit reports a fault of its own"


@pytest.mark.parametrize("model", ["us111", "ultragun"])
def test_a_step_that_its_unit_ends_early_for_no_known_cause_is_said_to_be_that(model: str) -> None:
    _, delivery = run(Early, model=model)

    assert delivery.ended is Ended.INTERRUPTED
    assert delivery.why == "the unit ended the step early, and its reports do not say why"


def test_a_fault_without_a_name_is_latched_and_cleared_as_any_other() -> None:
    rig, _ = run(FaultWithoutBits)
    second = another_host(rig)
    second.run(perform_handshake(second.controller))

    fault = latched(second.controller)
    names = second.run(clear_faults(second.controller))

    assert fault is not None
    assert fault.what == "the unit has latched UNNAMED: the unit reports a fault of its own"
    assert names == ("UNNAMED",)
    assert latched(second.controller) is None


@pytest.mark.hazard("H-02")
def test_no_step_is_announced_once_the_one_before_has_ended_the_session() -> None:
    ledger = Ledger()
    rig = Rig("us111", faults=[parse("endless_step@4s+9s"), parse("slow_clock@4300ms+9s=0.0122")])

    delivery = session_on(rig, emit(rig, 5 * SECOND_MS), emit(rig, 3 * SECOND_MS), ledger=ledger)

    assert delivery.ended is Ended.INTERRUPTED
    assert len(ledger.named("step_started")) == 1
