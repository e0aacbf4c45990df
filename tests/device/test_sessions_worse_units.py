"""Units with one part that is worse than it says: what the host sees of it, and when it ends the session."""

from __future__ import annotations

import pytest

from device.control.controller import Controller
from device.control.delivery import Ended
from device.control.fault_clearing import clear_faults
from device.control.handshake import perform_handshake
from device.errors import GuardRefused, UnitFaulted
from device.events import OffConfirmation
from device.operator import SessionAction
from physioctl.rehearsal.rig import Rig
from protocols.plan import Rest, Step
from simulator.faults import Fault, FaultKind, parse
from simulator.firmware import Firmware
from simulator.unit import SimulatedUnit
from tests.support import (
    MINUTE_MS,
    ON_THE_WAY_MS,
    SECOND_MS,
    Ledger,
    MakeRig,
    another_host,
    emit,
    plan_of,
    run_plan,
    session_on,
)


class UncountedFirmware(Firmware):
    """Counts only every second millisecond of its output, and so ends nothing in time."""

    share = 2

    def delivered_now_ms(self, own_ms: int) -> int:
        return super().delivered_now_ms(own_ms) // self.share

    def _step_out_ms(self) -> int:
        assert self._step is not None
        return self._on_since_ms + self.share * self._step.for_ms

    def _ceiling_ms(self) -> int:
        return self._on_since_ms + self.share * MINUTE_MS


class Half(SimulatedUnit):
    firmware = UncountedFirmware


class UntimedFirmware(Firmware):
    """Goes on for five seconds when a step should end, and counts them."""

    def _step_out_ms(self) -> int:
        return super()._step_out_ms() + 5 * SECOND_MS


class Untimed(SimulatedUnit):
    firmware = UntimedFirmware


def alarms(rig: Rig) -> list[str]:
    return [rule.code for rule in rig.controller.alarms]


@pytest.mark.hazard("H-02")
@pytest.mark.parametrize("model", ["us111", "ultragun"])
def test_a_unit_that_does_not_count_its_output_is_found_out_by_its_own_clock(model: str) -> None:
    rig = Rig(model, unit=Half)

    delivery = session_on(rig, emit(rig, MINUTE_MS))

    assert delivery.ended is Ended.INTERRUPTED
    assert alarms(rig) == ["COUNT_OFF"]
    assert rig.unit.delivered_ms <= 2 * SECOND_MS
    assert rig.unit.output == 0


@pytest.mark.hazard("H-02")
@pytest.mark.parametrize("model", ["us111", "ultragun"])
def test_a_step_that_its_unit_does_not_end_is_ended_at_once(model: str) -> None:
    rig = Rig(model, unit=Untimed)

    delivery = session_on(rig, emit(rig, 4 * SECOND_MS), Rest(SECOND_MS), emit(rig, MINUTE_MS))

    assert delivery.ended is Ended.INTERRUPTED
    assert alarms(rig) == ["OVER_DOSE"]
    assert rig.unit.delivered_ms <= 4 * SECOND_MS + 5 * ON_THE_WAY_MS
    assert rig.unit.output == 0


@pytest.mark.hazard("H-11")
def test_output_that_is_too_high_again_and_again_is_too_high() -> None:
    comes_and_goes = [
        Fault(FaultKind.AGEING, at_ms, 280, 0.9) for at_ms in range(5 * SECOND_MS, 20 * SECOND_MS, 360)
    ]
    rig = Rig("us111", faults=comes_and_goes)

    delivery = session_on(rig, emit(rig, MINUTE_MS))

    assert (delivery.ended, alarms(rig)) == (Ended.INTERRUPTED, ["OUTPUT_HIGH"])
    assert rig.unit.changes[-1].ms <= 6 * SECOND_MS


@pytest.mark.hazard("H-11")
def test_a_sensor_that_is_stuck_is_found_over_several_steps(make_rig: MakeRig) -> None:
    rig = make_rig("us111", "stuck_sensor@1s+30min")
    steps: list[Step] = [emit(rig, 50 * SECOND_MS), Rest(SECOND_MS)] * 4

    assert session_on(rig, *steps).ended is Ended.INTERRUPTED
    assert alarms(rig) == ["SENSOR_FAULT"]


@pytest.mark.hazard("H-11")
@pytest.mark.parametrize("stuck_s", [0, 20, 120, 180])
def test_a_sensor_that_is_stuck_is_found_long_before_the_head_is_too_warm(
    make_rig: MakeRig, stuck_s: int
) -> None:
    rig = make_rig("us111", f"stuck_sensor@{stuck_s}s+30min")

    assert session_on(rig, emit(rig, 10 * MINUTE_MS)).ended is Ended.INTERRUPTED
    assert alarms(rig) == ["SENSOR_FAULT"]
    assert rig.unit.changes[-1].ms <= (stuck_s + 120) * SECOND_MS
    assert rig.unit.head_temp < 33


@pytest.mark.hazard("H-07")
@pytest.mark.parametrize(
    ("pulled_ms", "actions"),
    [(10_400, []), (10_500, []), (6100, [(6000, SessionAction.STOP)]), (6200, [(6000, SessionAction.STOP)])],
)
def test_once_a_unit_has_said_that_it_does_not_obey_no_lease_is_believed(
    pulled_ms: int, actions: list[tuple[int, SessionAction]]
) -> None:
    faults = [parse("stuck_output@5s+1min"), parse(f"cable_pulled@{pulled_ms}ms+1min")]
    rig = Rig("us111", faults=faults, actions=actions)

    delivery = session_on(rig, emit(rig, 10 * SECOND_MS))

    assert rig.unit.output > 0
    assert delivery.output_off is OffConfirmation.UNKNOWN


# --- another host, at the same unit ---------------------------------------------------------------------


def test_a_fault_is_cleared_by_another_program_than_the_one_that_met_it(make_rig: MakeRig) -> None:
    rig = make_rig("us111", "brown_out@9s", "brown_out@1min")
    assert session_on(rig, emit(rig, MINUTE_MS)).ended is Ended.INTERRUPTED
    second = another_host(rig)
    second.run(perform_handshake(second.controller))

    names = second.run(clear_faults(second.controller))

    assert names == ("SUPPLY",)
    third, ledger = another_host(rig), Ledger()
    unit = third.run(perform_handshake(third.controller))
    third.record_to(ledger)
    again = run_plan(third, plan_of(unit, emit(rig, 5 * MINUTE_MS)), 8)
    assert (again.ended, again.why) == (Ended.INTERRUPTED, "the unit reports a fault of its own")


def test_a_head_that_is_hot_is_not_cleared_by_another_program_either(make_rig: MakeRig) -> None:
    rig = make_rig("us111", "overheat@5s+1min=200")
    session_on(rig, emit(rig, MINUTE_MS))
    rig.wait(SECOND_MS)
    second = another_host(rig)
    second.run(perform_handshake(second.controller))

    with pytest.raises(UnitFaulted, match="HEAD_HOT"):
        second.run(clear_faults(second.controller))


def test_a_controller_is_for_one_session(rig: Rig) -> None:
    unit = rig.driver.run(perform_handshake(rig.controller))
    rig.driver.record_to(Ledger())
    run_plan(rig.driver, plan_of(unit, emit(rig, SECOND_MS)), 7)

    assert rig.controller.used
    with pytest.raises(GuardRefused, match="one session"):
        run_plan(rig.driver, plan_of(unit, emit(rig, SECOND_MS)), 8)


class Stopping:
    """A observer that has got hold of the controller, and stops it when it hears of a start."""

    def __init__(self, controller: Controller) -> None:
        self._controller = controller

    def on_event(self, event: object) -> None:
        if getattr(event, "intent", "") == "SetOutput":
            self._controller.stop()


@pytest.mark.hazard("H-18")
def test_a_start_does_not_follow_a_stop_that_was_asked_while_it_was_told(rig: Rig) -> None:
    rig.driver.add_observer(Stopping(rig.controller))

    delivery = session_on(rig, emit(rig, MINUTE_MS))

    assert delivery.ended is Ended.STOPPED
    assert rig.unit.changes == []
