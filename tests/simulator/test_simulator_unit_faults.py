"""What goes wrong inside the unit, and what it makes of that itself."""

from __future__ import annotations

import pytest

from device.wire.messages import Fault, Result, UnitState
from simulator.faults import Fault as Mishap
from simulator.faults import FaultKind
from simulator.record import Why
from simulator.unit import SimulatedUnit
from tests.simulator.bench import Bench


@pytest.mark.parametrize(
    ("model", "mishap", "found"),
    [
        ("us111", "overheat@1s+120s=60", Fault.HEAD_HOT),
        ("us111", "implausible_sensor@1s+2s", Fault.SENSOR),
        ("us111", "implausible_sensor@1s+2s=-40", Fault.SENSOR),
        ("us111", "brown_out@1s", Fault.SUPPLY),
        ("ultragun", "brown_out@1s", Fault.SUPPLY),
        ("ultragun", "stall@1s+2s", Fault.STALL),
        ("ultragun_pro", "overheat@1s+120s=100", Fault.MOTOR_HOT),
        ("ultragun", "low_battery@1s=0.01", Fault.BATTERY_EMPTY),
    ],
)
def test_a_fault_ends_output_and_is_latched_until_it_is_cleared(
    model: str, mishap: str, found: Fault
) -> None:
    bench = Bench(model, faults=(mishap,))
    bench.start()

    bench.treat(58_000)

    status = bench.look()
    assert (status.state, status.faults) == (UnitState.FAULT, found)
    assert bench.unit.output == 0
    assert bench.unit.changes[-1].why is Why.FAULT
    for refused in (bench.an_arm(), bench.a_set(), bench.a_renew()):
        assert bench.ask(refused).result is Result.FAULTED
    assert bench.ask(bench.a_clear(nonce=bench.nonce ^ 1)).result is Result.BAD_NONCE
    assert bench.stop().state is UnitState.FAULT
    assert bench.unit.breaches == []


def test_a_fault_whose_cause_is_gone_can_be_cleared_and_leads_to_idle() -> None:
    bench = Bench("ultragun", faults=("stall@1s+2s",))
    bench.start()
    bench.treat(2500)

    too_early = bench.ask(bench.a_clear())
    bench.wait(1500)
    cleared = bench.ask(bench.a_clear())

    assert too_early.result is Result.CAUSE_REMAINS
    assert (cleared.result, cleared.state, cleared.faults) == (Result.OK, UnitState.IDLE, Fault(0))


def test_a_hot_head_must_cool_to_39_degrees_before_it_is_cleared() -> None:
    bench = Bench(faults=("overheat@1s+50s=60",))
    bench.start()
    bench.treat(50_000)
    assert bench.look().faults is Fault.HEAD_HOT

    while (status := bench.ask(bench.a_clear())).result is Result.CAUSE_REMAINS:
        assert status.head_temp_ddeg_c > 390
        bench.wait(1000)

    assert status.result is Result.OK
    assert status.head_temp_ddeg_c <= 390


def test_a_stalled_motor_gives_nothing_and_is_not_called_off() -> None:
    bench = Bench("ultragun", faults=("stall@1s+2s",))
    bench.start()

    bench.treat(1300)

    assert bench.look().measured_level == 0
    assert bench.look().state is UnitState.EMITTING
    assert bench.unit.output_off_since_ms is None


def test_output_that_is_stuck_is_found_out_by_the_unit_itself() -> None:
    bench = Bench(faults=("stuck_output@1s+10s",))
    bench.start()
    bench.treat(2000)

    bench.stop()
    bench.wait(500)

    status = bench.look()
    assert status.measured_level == bench.unit.output == 440
    assert (status.state, status.faults) == (UnitState.FAULT, Fault.OUTPUT_STUCK)
    assert bench.unit.output_off_since_ms is None
    bench.wait(10_000)
    assert bench.unit.output_off_since_ms == 11_000
    assert bench.unit.changes[-1].why is Why.UNSTUCK


def test_output_that_starts_by_itself_is_told_as_stuck() -> None:
    bench = Bench(faults=("stuck_output@1s+10s=800",))

    bench.wait(2000)

    assert bench.unit.output == 800
    assert [(change.ms, change.output, change.why) for change in bench.unit.changes[:1]] == [
        (1000, 800, Why.STUCK)
    ]
    assert bench.look().faults is Fault.OUTPUT_STUCK


def test_a_restart_forgets_everything_but_the_truth() -> None:
    bench = Bench(faults=("restart@1s",))
    bench.start()
    bench.treat(900)

    bench.wait(200)
    deaf = bench.unit.hear(b"\0", bench.now_ms)
    bench.wait(500)
    identity, status = bench.identity(), bench.look()

    assert deaf == b""
    assert bench.unit.output_off_since_ms == 1000
    assert bench.unit.changes[-1].why is Why.RESTART
    assert identity.nonce != bench.nonce
    assert (status.state, status.session, status.delivered_ms) == (UnitState.IDLE, 0, 0)
    assert status.uptime_ms == 600
    assert bench.unit.delivered_ms == 1000


@pytest.mark.hazard("H-10")
def test_a_restarted_unit_cannot_be_driven_by_a_session_that_does_not_know() -> None:
    bench = Bench(faults=("restart@1s",))
    bench.start()
    bench.treat(900)
    bench.wait(700)

    results = [bench.ask(asked).result for asked in (bench.a_renew(), bench.an_arm(), bench.a_set())]

    assert results == [Result.BAD_NONCE] * 3
    assert bench.unit.breaches == []


@pytest.mark.parametrize(("lie", "reported"), [("0", 0), ("1", 440)])
def test_a_lying_sensor_reports_what_it_likes(lie: str, reported: int) -> None:
    bench = Bench(faults=(f"lying_sensor@1s+5s={lie}", "ageing@0s+60s=-0.3"))
    bench.start()

    bench.treat(2000)

    assert bench.look().measured_level == reported
    assert bench.unit.output == pytest.approx(308)


def test_an_aged_head_gives_less_and_is_metered_truthfully() -> None:
    bench = Bench(faults=("ageing@0s+60s=-0.3",))
    bench.start(for_ms=10_000)

    bench.treat(11_000)

    assert bench.unit.energy_mj == pytest.approx(0.7 * 8800)
    assert bench.look().energy_mj == pytest.approx(bench.unit.energy_mj, abs=1)


def test_a_good_sensor_is_never_quite_still_and_a_stuck_one_is() -> None:
    bench = Bench(faults=("stuck_sensor@30s+60s",))
    seen: tuple[set[int], set[int]] = (set(), set())
    for second in range(60):
        bench.wait(1000)
        seen[second >= 30].add(bench.look().head_temp_ddeg_c)

    assert len(seen[0]) > 1
    assert len(seen[1]) == 1


@pytest.mark.parametrize(("clock", "uptime_ms"), [("fast", 110_000), ("slow", 90_000)])
def test_a_clock_that_is_off_shows_in_the_uptime_and_in_the_length_of_a_step(
    clock: str, uptime_ms: int
) -> None:
    bench = Bench(faults=(f"{clock}_clock@0s+10min=0.1",))
    bench.start(for_ms=9900)

    bench.treat(100_000, every_ms=100)

    status = bench.look()
    assert status.uptime_ms == uptime_ms
    assert status.step_ms == 9900
    assert bench.unit.output_off_since_ms == (9000 if clock == "fast" else 11_000)
    assert bench.unit.delivered_ms == bench.unit.output_off_since_ms


def test_a_timer_holds_though_the_clock_leaps_over_its_millisecond() -> None:
    bench = Bench(faults=("fast_clock@0s+10min=0.1",))
    bench.arm(delivered_max_ms=9910)
    # At 11 of its own to 10 true milliseconds, the clock never shows 9910.
    bench.set(for_ms=9910)

    bench.treat(20_000, every_ms=100)

    assert bench.look().delivered_ms == 9910
    assert bench.unit.changes[-1].ms == 9910


def test_a_battery_drains_while_the_motor_runs() -> None:
    bench = Bench("ultragun")
    bench.start(for_ms=300_000)

    bench.treat(300_000, every_ms=400)

    assert 80 < bench.look().battery_pct < 100


def test_only_the_pro_tells_its_force() -> None:
    forces = []
    for model in ("ultragun", "ultragun_pro"):
        bench = Bench(model)
        bench.wait(1000)
        forces.append(bench.look().force_n)

    assert forces[0] == 0
    assert forces[1] > 0


def test_each_start_of_the_same_unit_has_another_nonce() -> None:
    nonces = {Bench(seed=seed).nonce for seed in range(5)}

    assert len(nonces) == 5
    assert SimulatedUnit("us111", boots=1) is not None


def test_a_fault_that_cannot_happen_to_a_model_is_refused() -> None:
    with pytest.raises(ValueError, match="lift_off cannot happen to a unit of percussion"):
        SimulatedUnit("ultragun", faults=(Mishap(FaultKind.LIFT_OFF, 0, 1),))
