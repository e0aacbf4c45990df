"""Contact: output waits for it, and so does the timer."""

from __future__ import annotations

import pytest

from device.wire.messages import Result, UnitState
from simulator.record import Why
from tests.simulator.bench import Bench


def test_contact_holds_in_gel() -> None:
    bench = Bench(seed=3)
    bench.start(for_ms=600_000)

    bench.treat(600_000, every_ms=400)

    assert [change.why for change in bench.unit.changes] == [Why.SET, Why.STEP_DONE]
    assert bench.unit.output_off_since_ms == 600_000


@pytest.mark.hazard("H-01")
def test_output_ends_within_half_a_second_of_a_lift_off_and_the_timer_stands_still() -> None:
    bench = Bench(faults=("lift_off@2s+3s",))
    bench.start()

    bench.treat(4000)

    status = bench.look()
    assert status.state is UnitState.SUSPENDED
    assert bench.unit.output_off_since_ms is not None
    assert 2000 < bench.unit.output_off_since_ms <= 2500
    assert status.delivered_ms == bench.unit.output_off_since_ms
    assert status.level_set == 440
    assert status.lease_left_ms > 0
    assert status.contact_pct < 10


def test_output_comes_back_by_itself_on_a_ramp_and_the_step_is_delivered_whole() -> None:
    bench = Bench(faults=("lift_off@2s+3s",))
    bench.start(for_ms=5000)

    bench.treat(12_000)

    set_, lost, back, done = bench.unit.changes
    assert (set_.why, lost.why, back.why, done.why) == (
        Why.SET,
        Why.CONTACT_LOST,
        Why.CONTACT_BACK,
        Why.STEP_DONE,
    )
    assert (back.output, back.ramp_ms) == (440, 500)
    assert bench.look().step_ms == bench.unit.delivered_ms == 5000


def test_a_ramp_cut_short_by_a_lift_off_rises_no_faster_afterwards() -> None:
    bench = Bench(faults=("lift_off@10s+2s",))
    bench.start(ramp_ms=20_000)

    bench.treat(20_000)

    back = bench.unit.changes[-1]
    delivered_by_then_ms = bench.unit.changes[-2].ms
    assert back.why is Why.CONTACT_BACK
    assert back.ramp_ms == 20_000 - delivered_by_then_ms


def test_a_lease_runs_out_while_output_is_suspended() -> None:
    bench = Bench(faults=("lift_off@1s+60s",))
    bench.start()
    bench.treat(2000)

    bench.wait(1000)

    assert bench.look().state is UnitState.LAPSED
    assert bench.look().lapses == 1


def test_a_suspension_that_lasts_too_long_ends_the_step() -> None:
    bench = Bench(faults=("lift_off@1s+90s",))
    bench.start()

    bench.treat(70_000)

    held, ended = bench.unit.changes[-2:]
    assert (held.why, ended.why) == (Why.CONTACT_LOST, Why.SUSPENSION_EXPIRED)
    assert ended.ms - held.ms == 60_000
    assert bench.look().state is UnitState.READY


def test_a_stop_ends_a_suspension_for_good() -> None:
    bench = Bench(faults=("lift_off@1s+2s",))
    bench.start()
    bench.treat(2000)

    bench.stop()
    bench.wait(5000)

    assert bench.unit.changes[-1].why is Why.STOP
    assert bench.look().state is UnitState.IDLE


def test_what_is_set_during_a_suspension_waits_for_contact() -> None:
    bench = Bench(faults=("lift_off@1s+3s",))
    bench.start()
    bench.treat(2000)

    status = bench.set(level=300)
    output_off = bench.unit.output
    bench.treat(4000)

    assert (status.result, status.state, output_off) == (Result.OK, UnitState.SUSPENDED, 0)
    assert bench.unit.output == 300


def test_contact_is_not_judged_at_the_foot_of_a_ramp() -> None:
    bench = Bench(faults=("lift_off@0s+60s",))
    bench.start(level=400, ramp_ms=10_000)

    bench.treat(7000)

    # 200 mW/cm² are reached after 5 s.
    lost = bench.unit.changes[-1]
    assert lost.why is Why.CONTACT_LOST
    assert 5000 <= lost.ms <= 5300


@pytest.mark.parametrize("model", ["ultragun", "ultragun_pro"])
def test_a_massage_gun_has_no_contact_to_lose(model: str) -> None:
    bench = Bench(model)
    bench.start()

    bench.treat(3000)

    assert bench.look().state is UnitState.EMITTING
    assert bench.look().contact_pct == 0
