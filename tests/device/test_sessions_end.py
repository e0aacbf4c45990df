"""How a session ends: with its plan, with its cable, or with its host. In the unit's own time."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from device.control.delivery import Ended
from device.control.machine import State
from device.dialects.base import UnitState
from device.events import OffConfirmation
from physioctl.record.codec import to_json
from physioctl.rehearsal.rig import Rig
from protocols.plan import Guide, Rest
from simulator.record import Why
from tests.support import (
    LEASE_MS,
    MINUTE_MS,
    ON_THE_WAY_MS,
    SECOND_MS,
    Ledger,
    MakeRig,
    begun,
    emit,
    first_output_ms,
    session_on,
    some_sessions,
    turn_for,
)

MODELS = ("us111", "ultragun", "ultragun_pro")
RENEWAL_MS = 100
MOMENTS_MS = (0, 1, RENEWAL_MS - 1, RENEWAL_MS, RENEWAL_MS + 1, MINUTE_MS)
FOR_GOOD = "1h"


@pytest.mark.hazard("H-02")
@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize(
    "duration_ms", [1, RENEWAL_MS - 1, RENEWAL_MS, LEASE_MS, LEASE_MS + 1, 2 * MINUTE_MS]
)
def test_a_session_ends_when_its_plan_does_to_the_millisecond(
    make_rig: MakeRig, model: str, duration_ms: int
) -> None:
    rig = make_rig(model)

    delivery = session_on(rig, emit(rig, duration_ms))

    on, off = rig.unit.changes
    assert (delivery.ended, delivery.output_off) == (Ended.COMPLETED, OffConfirmation.CONFIRMED)
    assert off.ms - on.ms == duration_ms == delivery.delivered_ms == rig.unit.delivered_ms
    assert off.why is Why.STEP_DONE


def test_output_is_off_in_rests_and_guided_steps(rig: Rig) -> None:
    steps = (Guide("Lie down.", 700), emit(rig, 3000), Rest(2000), emit(rig, 1500), Guide("Stretch.", 900))

    delivery = session_on(rig, *steps)

    on, off, on_again, off_again = rig.unit.changes
    assert off.ms - on.ms == 3000
    assert 2000 <= on_again.ms - off.ms <= 2000 + 10 * ON_THE_WAY_MS
    assert off_again.ms - on_again.ms == 1500
    assert (delivery.ended, delivery.steps_done) == (Ended.COMPLETED, len(steps))


@pytest.mark.parametrize("model", MODELS)
def test_a_session_of_guidance_gives_no_output_and_takes_its_time(make_rig: MakeRig, model: str) -> None:
    rig = make_rig(model)

    delivery = session_on(rig, Guide("Stretch.", MINUTE_MS), Rest(500), Guide("Drink.", 1))

    assert rig.unit.changes == []
    assert (delivery.ended, delivery.delivered_ms, delivery.energy_mj) == (Ended.COMPLETED, 0, 0)
    assert MINUTE_MS + 501 <= delivery.duration_ms <= MINUTE_MS + 600


@pytest.mark.hazard("H-03")
@pytest.mark.parametrize(
    ("duration_ms", "ramp_ms"), [(10 * SECOND_MS, 0), (30_000, 30_000), (2 * MINUTE_MS, 2000)]
)
def test_the_energy_of_a_session_is_what_went_out(make_rig: MakeRig, duration_ms: int, ramp_ms: int) -> None:
    rig = make_rig()

    delivery = session_on(rig, emit(rig, duration_ms, ramp_ms))

    planned_mj = 440 * 4.0 * (duration_ms - ramp_ms / 2) / 1000  # mW/cm² × cm² × s, by hand
    assert delivery.energy_mj == pytest.approx(rig.unit.energy_mj, rel=0.01)
    assert delivery.energy_mj == pytest.approx(planned_mj, rel=0.01)


# --- the cable ----------------------------------------------------------------------------------------


@pytest.mark.hazard("H-05")
@pytest.mark.parametrize("model", ["us111", "ultragun"])
@pytest.mark.parametrize("after_ms", MOMENTS_MS)
def test_the_unit_ends_its_output_when_the_cable_is_pulled(
    make_rig: MakeRig, model: str, after_ms: int
) -> None:
    pulled_ms = first_output_ms(model) + after_ms
    rig = make_rig(model, f"cable_pulled@{pulled_ms}ms+{FOR_GOOD}")

    delivery = session_on(rig, emit(rig, 5 * MINUTE_MS))
    said_ms = rig.clock.now_ms()

    assert (delivery.ended, delivery.output_off) == (Ended.INTERRUPTED, OffConfirmation.PRESUMED)
    assert rig.unit.output_off_since_ms is not None
    assert rig.unit.output_off_since_ms <= pulled_ms + LEASE_MS
    assert rig.unit.output_off_since_ms <= said_ms  # output off is not presumed before it is there
    assert {change.why for change in rig.unit.changes if not change.output} <= {Why.LEASE}


@pytest.mark.hazard("H-05")
@pytest.mark.parametrize("after_ms", MOMENTS_MS)
def test_the_unit_ends_its_output_when_nothing_reaches_it_any_more(make_rig: MakeRig, after_ms: int) -> None:
    deaf_ms = first_output_ms() + after_ms
    rig = make_rig("us111", f"half_open@{deaf_ms}ms+{FOR_GOOD}=0")

    delivery = session_on(rig, emit(rig, 5 * MINUTE_MS))

    assert (delivery.ended, delivery.output_off) == (Ended.INTERRUPTED, OffConfirmation.PRESUMED)
    assert rig.unit.output_off_since_ms is not None
    assert rig.unit.output_off_since_ms <= deaf_ms + LEASE_MS
    assert [rule.code for rule in rig.controller.alarms] == ["COMM_LOST"]


@pytest.mark.hazard("H-05")
@pytest.mark.parametrize("after_ms", MOMENTS_MS)
def test_the_unit_is_stopped_when_nothing_comes_back_from_it(make_rig: MakeRig, after_ms: int) -> None:
    mute_ms = first_output_ms() + after_ms
    rig = make_rig("us111", f"half_open@{mute_ms}ms+{FOR_GOOD}=1")

    delivery = session_on(rig, emit(rig, 5 * MINUTE_MS))

    assert (delivery.ended, delivery.output_off) == (Ended.INTERRUPTED, OffConfirmation.PRESUMED)
    assert rig.unit.output_off_since_ms is not None
    assert rig.unit.output_off_since_ms <= mute_ms + LEASE_MS + ON_THE_WAY_MS
    assert rig.unit.changes[-1].why is Why.STOP


@pytest.mark.hazard("H-17")
def test_a_cable_that_comes_back_brings_no_output_back(make_rig: MakeRig) -> None:
    rig = make_rig("us111", "cable_pulled@5s+300ms")

    delivery = session_on(rig, emit(rig, MINUTE_MS))
    rig.wait(MINUTE_MS)

    assert delivery.ended is Ended.INTERRUPTED
    assert [change.why for change in rig.unit.changes] == [Why.SET, Why.LEASE]


def test_two_lost_renewals_in_a_row_cost_nothing(make_rig: MakeRig) -> None:
    rig = make_rig("us111", "half_open@5s+200ms=0", "half_open@20s+200ms=1")

    delivery = session_on(rig, emit(rig, MINUTE_MS))

    assert (delivery.ended, rig.unit.delivered_ms) == (Ended.COMPLETED, MINUTE_MS)
    assert [change.why for change in rig.unit.changes] == [Why.SET, Why.STEP_DONE]


def test_a_cable_pulled_before_output_ends_the_session_at_once(make_rig: MakeRig) -> None:
    rig = make_rig("us111", f"cable_pulled@2s+{FOR_GOOD}")

    delivery = session_on(rig, Guide("Lie down.", 10 * SECOND_MS), emit(rig, MINUTE_MS))

    assert delivery.ended is Ended.INTERRUPTED
    assert rig.clock.now_ms() < 3 * SECOND_MS
    assert rig.unit.changes == []


# --- the host -----------------------------------------------------------------------------------------


@pytest.mark.hazard("H-06")
@some_sessions
@given(after_ms=st.integers(0, 3000))
def test_a_unit_whose_host_has_died_ends_its_output_by_itself(after_ms: int) -> None:
    rig = Rig()
    begun(rig, emit(rig, MINUTE_MS))
    turn_for(rig, after_ms)

    died_ms = rig.clock.now_ms()
    rig.wait(MINUTE_MS)

    _on, off = rig.unit.changes
    assert off.why is Why.LEASE
    assert off.ms <= died_ms + LEASE_MS + ON_THE_WAY_MS
    assert rig.unit.output == 0
    assert rig.unit.breaches == []


@pytest.mark.hazard("H-06")
@pytest.mark.hazard("H-17")
def test_a_host_that_comes_back_from_a_hang_says_that_the_lease_ran_out_and_starts_nothing(rig: Rig) -> None:
    begun(rig, emit(rig, MINUTE_MS))
    turn_for(rig, SECOND_MS)

    rig.wait(2 * LEASE_MS)
    turn_for(rig, SECOND_MS)

    assert rig.controller.status is not None
    assert rig.controller.status.state in (UnitState.LAPSED, UnitState.IDLE)
    assert "HOST_DELAYED" in [rule.code for rule in rig.controller.alarms]
    assert len([change for change in rig.unit.changes if change.output]) == 1


# --- the same again -----------------------------------------------------------------------------------


def test_the_same_seed_gives_the_same_events(make_rig: MakeRig) -> None:
    def told(seed: int) -> list[dict[str, object]]:
        ledger = Ledger()
        rig = make_rig("us111", "bytes_late@2s=30", "lift_off@5s", seed=seed)
        session_on(rig, emit(rig, 10 * SECOND_MS, 500), ledger=ledger)
        return [to_json(event) for event in ledger.events]

    assert told(7) == told(7)
    assert told(7) != told(8)


def test_a_line_that_goes_under_the_stop_of_a_pause_ends_the_session_with_output_off(rig: Rig) -> None:
    begun(rig, emit(rig, MINUTE_MS))
    turn_for(rig, SECOND_MS)
    rig.cable.on_pulled = None  # nobody tells: the stop itself finds the line gone
    rig.cable.pull()

    rig.controller.pause()
    rig.driver.carry_out()

    assert rig.controller.state is State.FAULT
    assert rig.driver.run(rig.controller.settle()) is OffConfirmation.PRESUMED
