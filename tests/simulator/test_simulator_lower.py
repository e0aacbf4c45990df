"""LOWER on the simulated unit: it reduces the running step, and can do nothing else."""

from __future__ import annotations

import pytest

from device.wire.messages import Family, Result, UnitState
from simulator.output_stage import OutputStage
from simulator.record import OutputChange, Why
from tests.simulator.bench import Bench


@pytest.fixture
def bench() -> Bench:
    return Bench()


def test_a_lower_reduces_the_running_step_at_once_and_nothing_else_of_it(bench: Bench) -> None:
    bench.start(level=440, for_ms=2000, lease_ms=500)
    bench.wait(300)

    status = bench.lower(396)

    assert (status.state, status.level_set, status.measured_level) == (UnitState.EMITTING, 396, 396)
    assert (status.lease_left_ms, status.step_ms, status.delivered_ms) == (200, 300, 300)
    assert bench.unit.changes[-1] == OutputChange(300, 396, Why.LOWER, family=Family.ULTRASOUND)
    bench.treat(2000, every_ms=100)
    assert bench.unit.output_off_since_ms == 2000


def test_a_lower_prolongs_nothing(bench: Bench) -> None:
    bench.start(lease_ms=500)
    for level in (430, 420, 410):
        bench.wait(150)
        bench.lower(level)
    bench.wait(50)

    assert bench.look().state is UnitState.LAPSED


@pytest.mark.parametrize("seq", [0, 1, 0x8000, 0xFFFF])
def test_a_lower_is_never_too_late_and_under_no_number_stale(bench: Bench, seq: int) -> None:
    lower = bench.a_lower(300)
    bench.start()
    bench.treat(60_000 - 100, every_ms=100)

    assert bench.ask(lower, seq).level_set == 300


def test_a_lower_said_again_changes_nothing_and_is_done(bench: Bench) -> None:
    bench.start()
    bench.lower(300)

    again = bench.ask(bench.a_lower(300))

    assert (again.result, again.level_set) == (Result.OK, 300)
    assert [change.why for change in bench.unit.changes] == [Why.SET, Why.LOWER]


def test_nothing_brings_a_lowered_session_up_again(bench: Bench) -> None:
    bench.start(level=440)
    bench.lower(300)
    up = [bench.ask(asked).result for asked in (bench.a_lower(301), bench.a_set(level=301))]
    bench.stop()
    arms = [bench.ask(bench.an_arm(level_max=most)).result for most in (301, 300)]

    assert up == [Result.OVER_CEILING] * 2
    assert arms == [Result.OVER_CEILING, Result.OK]
    assert bench.ask(bench.a_set(level=301)).result is Result.OVER_CEILING


@pytest.mark.parametrize("state", ["IDLE", "READY", "LAPSED", "FAULT"])
def test_a_lower_starts_nothing(state: str) -> None:
    bench = Bench(faults=("brown_out@20s",) if state == "FAULT" else ())
    if state != "IDLE":
        bench.arm()
    if state == "LAPSED":
        bench.set()
        bench.wait(1000)
    if state == "FAULT":
        bench.wait(20_500)
    before = len(bench.unit.changes)

    status = bench.ask(bench.a_lower(300))

    assert status.state is UnitState[state]
    assert status.result is (Result.FAULTED if state == "FAULT" else Result.BAD_STATE)
    assert len(bench.unit.changes) == before


@pytest.mark.parametrize(
    ("changed", "result"),
    [
        ({"nonce": 1}, Result.BAD_NONCE),
        ({"session": 2}, Result.BAD_SESSION),
        ({"level": 289}, Result.BAD_VALUE),
        ({"level": 441}, Result.OVER_CEILING),
    ],
)
def test_a_lower_that_is_refused_changes_nothing(
    bench: Bench, changed: dict[str, int], result: Result
) -> None:
    bench.start(level=440)

    status = bench.ask(bench.a_lower(**({"level": 300} | changed)))

    assert (status.result, status.level_set, bench.unit.output) == (result, 440, 440)


def test_a_lower_during_a_rise_goes_on_along_the_line_as_far_as_the_new_level(bench: Bench) -> None:
    bench.start(level=440, ramp_ms=1000)
    bench.wait(250)
    rising = bench.unit.output

    bench.lower(330)

    assert bench.unit.output <= rising == 110
    levels = []
    for _ in range(3):
        bench.treat(250, every_ms=50)
        levels.append(bench.unit.output)
    assert levels == [220, 330, 330]


def test_a_lower_above_the_output_of_the_moment_does_not_raise_it(bench: Bench) -> None:
    for level in range(439, 290, -1):
        output_stage = OutputStage(440, 50, 0, 0.0, 1000)

        for at_ms in range(0, 1100, 7):
            assert output_stage.lowered(level, at_ms).level(at_ms) <= output_stage.level(at_ms) + 1e-9


def test_a_lower_while_held_counts_when_contact_is_back() -> None:
    bench = Bench(faults=("lift_off@500ms+1s=0.0",))
    bench.start(level=440)
    bench.treat(700, every_ms=100)

    held = bench.lower(300)
    bench.treat(2000, every_ms=100)

    assert (held.state, held.level_set) == (UnitState.SUSPENDED, 300)
    assert bench.unit.output == 300
    assert max(change.output for change in bench.unit.changes[1:]) == 300
