"""A unit whose own program is at fault: what it does, and what it says of that."""

from __future__ import annotations

import pytest

from device.wire.messages import Sensor, UnitState
from simulator.record import Why
from tests.simulator.bench import Bench

FOREVER_MS = 120_000


def flawed(*faults: str, model: str = "us111", **changed: int) -> Bench:
    """A unit that has given output for two seconds."""
    bench = Bench(model, faults=faults)
    bench.start(**changed)
    bench.treat(2000)
    return bench


@pytest.mark.parametrize(("kind", "reported_pct"), [("wrong_duty", 100), ("lying_duty", 50)])
def test_a_duty_that_is_fixed_goes_out_and_is_metered_and_may_be_reported(
    kind: str, reported_pct: int
) -> None:
    bench = flawed(f"{kind}@1s+1min=100")  # 440 mW/cm² × 4 cm², 50 % for a second and 100 % for another

    status = bench.look()

    assert (bench.unit.duty_pct, status.duty_set_pct) == (100, reported_pct)
    assert bench.unit.energy_mj == pytest.approx(880 + 1760, rel=0.01)
    assert status.energy_mj == pytest.approx(bench.unit.energy_mj, abs=2)


def test_a_duty_is_what_was_set_again_when_the_fault_is_over() -> None:
    bench = flawed("wrong_duty@500ms+1s=100")

    assert (bench.unit.duty_pct, bench.look().duty_set_pct) == (50, 50)
    assert bench.stop().duty_set_pct == 0


@pytest.mark.parametrize(("share", "counted_mj"), [("0", 880), ("0.5", 1320), ("2", 2640)])
def test_a_meter_counts_a_share(share: str, counted_mj: int) -> None:
    bench = flawed(f"lying_meter@1s+1min={share}")

    assert bench.look().energy_mj == pytest.approx(counted_mj, abs=10)
    assert bench.unit.energy_mj == pytest.approx(1760, abs=10)


@pytest.mark.parametrize("model", ["us111", "ultragun"])
def test_another_session_is_named_and_our_own_is_carried_out(model: str) -> None:
    bench = flawed("lying_session@1s+1min=99", model=model)

    status = bench.look()

    assert (status.session, status.state) == (99, UnitState.EMITTING)


@pytest.mark.parametrize("model", ["us111", "ultragun"])
@pytest.mark.parametrize(("share", "counted_ms"), [("0", 1000), ("0.5", 1500), ("2", 3000)])
def test_a_count_counts_a_share_of_the_time_for_step_and_session(
    model: str, share: str, counted_ms: int
) -> None:
    bench = flawed(f"lying_count@1s+1min={share}", model=model)

    status = bench.look()

    assert (status.step_ms, status.delivered_ms) == (counted_ms, counted_ms)
    assert bench.unit.delivered_ms == 2000


@pytest.mark.parametrize(("share", "ends_ms"), [("0.5", 5000), ("2", 2000), ("0", FOREVER_MS)])
def test_a_step_ends_by_the_count_that_is_kept(share: str, ends_ms: int) -> None:
    bench = flawed(f"lying_count@1s+10min={share}", for_ms=3000)

    bench.treat(FOREVER_MS - 2000)

    assert bench.unit.delivered_ms == ends_ms


def test_a_lease_that_does_not_run_out_is_no_live_one() -> None:
    bench = flawed("endless_lease@1s+1h", for_ms=600_000)
    bench.wait(60_000)

    status = bench.look()

    assert (status.state, status.lease_left_ms, status.lapses) == (UnitState.EMITTING, 65_535, 0)
    assert bench.unit.output > 0
    assert not bench.unit.lease_live
    bench.ask(bench.a_renew())
    assert bench.unit.lease_live
    assert bench.stop().lease_left_ms == 0


def test_a_lease_runs_out_again_when_the_fault_is_over() -> None:
    bench = flawed("endless_lease@1s+5s", for_ms=600_000)

    bench.wait(10_000)

    assert bench.unit.changes[-1].why is Why.LEASE
    assert bench.unit.output == 0


@pytest.mark.parametrize("model", ["us111", "ultragun"])
def test_a_step_without_an_end_goes_on_and_is_counted(model: str) -> None:
    bench = flawed("endless_step@1s+1h", model=model, for_ms=3000)

    bench.treat(8000)

    assert bench.unit.delivered_ms == bench.look().delivered_ms == 10_000


def test_a_suspension_without_an_end_lasts_until_contact_is_back() -> None:
    bench = flawed("endless_suspension@1s+1h", "lift_off@2s+5min")

    bench.treat(200_000)
    held = bench.look().state
    bench.treat(200_000)

    assert held is UnitState.SUSPENDED
    assert Why.CONTACT_BACK in [change.why for change in bench.unit.changes]


def test_a_sensor_that_is_missing_is_not_declared_reads_nothing_and_ends_nothing() -> None:
    bench = flawed("missing_sensor@0s+1h=6", "lift_off@1s+1h", "overheat@1s+1h=20", for_ms=600_000)
    bench.treat(FOREVER_MS)

    status = bench.look()

    assert bench.declared().sensors is Sensor.OUTPUT
    assert (status.head_temp_ddeg_c, status.contact_pct, status.state) == (0, 0, UnitState.EMITTING)
    assert bench.unit.head_temp > 43
    assert status.measured_level == 440


def test_output_that_cannot_be_measured_reads_nothing() -> None:
    assert flawed("missing_sensor@0s+1h=1").look().measured_level == 0


def test_an_area_and_a_calibration_are_said_and_not_so() -> None:
    bench = Bench(faults=("wild_area@0s", "future_calibration@0s"))

    assert bench.declared().area_mm2 == 65_535
    assert bench.identity().calibrated == 65_535
    bench.start()
    bench.treat(1000)
    assert bench.look().energy_mj == pytest.approx(880, abs=10)
