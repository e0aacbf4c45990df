"""Nothing is done twice, nothing old is done at all: late, doubled and reordered requests."""

from __future__ import annotations

import pytest

from device.wire.messages import Message, Result, Stop, UnitState
from tests.simulator.bench import Bench


@pytest.fixture
def bench() -> Bench:
    return Bench()


@pytest.mark.hazard("H-09")
def test_a_repeat_of_the_last_request_is_answered_and_not_done_again(bench: Bench) -> None:
    bench.arm()
    start = bench.a_set(lease_ms=500, for_ms=5000)
    bench.ask(start)
    bench.wait(200)

    again = bench.ask(start, bench.seq)

    assert (again.result, again.state) == (Result.OK, UnitState.EMITTING)
    assert (again.lease_left_ms, again.step_ms) == (300, 200)
    assert len(bench.unit.changes) == 1


def test_a_repeat_of_a_refused_request_is_refused_the_same_way_and_is_one_breach(bench: Bench) -> None:
    bench.arm()
    first = bench.ask(bench.a_set(level=2000))

    again = bench.ask(bench.a_set(level=2000), bench.seq)

    assert first.result is again.result is Result.OVER_NAMEPLATE
    assert len(bench.unit.breaches) == 1


def test_another_request_under_the_same_seq_is_stale(bench: Bench) -> None:
    bench.start()

    assert bench.ask(bench.a_set(level=300), bench.seq).result is Result.STALE
    assert bench.unit.output == 440


def test_a_renewal_repeated_on_the_line_prolongs_nothing(bench: Bench) -> None:
    bench.start()
    bench.ask(bench.a_renew())
    bench.wait(400)

    again = bench.ask(bench.a_renew(), bench.seq)

    assert again.lease_left_ms == 100


@pytest.mark.parametrize("name", ["an_arm", "a_set", "a_renew"])
def test_what_is_older_than_the_newest_heard_is_stale_and_no_breach(bench: Bench, name: str) -> None:
    if name == "an_arm":
        bench.arm()
    else:
        bench.start()
    old = bench.seq
    bench.look()
    asked: Message = getattr(bench, name)()

    status = bench.ask(asked, old)

    assert status.result is Result.STALE
    assert bench.unit.breaches == []


@pytest.mark.parametrize(
    ("late_ms", "result"), [(-1, Result.STALE), (0, Result.OK), (999, Result.OK), (1000, Result.STALE)]
)
def test_a_clear_is_taken_for_a_second_whoever_asks_under_whatever_number(
    late_ms: int, result: Result
) -> None:
    bench = Bench(faults=("brown_out@1s",))
    bench.start()
    bench.treat(3000)
    another_hosts_seq = 1

    clear = bench.a_clear(heard_ms=3000 - late_ms)

    assert bench.ask(clear, another_hosts_seq).result is result


def test_the_count_of_requests_goes_round(bench: Bench) -> None:
    bench.seq = 0xFFFD
    bench.arm()
    bench.set()

    results = [bench.ask(bench.a_renew()).result for _ in range(4)]

    assert bench.seq == 3
    assert results == [Result.OK] * 4


@pytest.mark.hazard("H-09")
def test_a_set_that_comes_late_never_starts_output_after_a_stop(bench: Bench) -> None:
    bench.arm()
    late, late_seq = bench.a_set(), bench.seq + 1
    bench.seq = late_seq
    bench.stop()

    overtaken = bench.ask(late, late_seq)
    bench.arm()
    after_arming_again = bench.ask(late, late_seq)

    assert overtaken.result is Result.BAD_STATE
    assert after_arming_again.result is Result.STALE
    assert bench.unit.changes == []
    assert bench.unit.breaches == []


@pytest.mark.hazard("H-09")
@pytest.mark.hazard("H-19")
def test_a_whole_old_session_said_again_starts_nothing(bench: Bench) -> None:
    said: list[tuple[Message, int]] = []
    for message in (bench.an_arm(), bench.a_set(), Stop()):
        bench.ask(message)
        said.append((message, bench.seq))
    bench.arm(session=2)
    bench.stop()

    results = [bench.ask(message, seq).result for message, seq in said]

    assert results == [Result.STALE, Result.BAD_STATE, Result.OK]
    assert bench.unit.output == 0
    assert bench.unit.breaches == []


def test_an_old_set_of_the_session_before_is_refused_and_no_breach(bench: Bench) -> None:
    bench.arm()
    bench.stop()
    bench.arm(session=2)

    status = bench.ask(bench.a_set(session=1))

    assert (status.result, status.state) == (Result.BAD_SESSION, UnitState.READY)
    assert bench.unit.breaches == []


def test_an_arm_of_another_session_begins_the_count_afresh(bench: Bench) -> None:
    bench.seq = 30_000
    bench.arm()
    bench.stop()

    bench.seq = 4
    bench.arm(session=2)

    assert bench.ask(bench.a_set(session=2)).result is Result.OK


def test_a_repeated_stop_is_done_again(bench: Bench) -> None:
    bench.stop()
    stopped = bench.seq
    bench.start()

    bench.ask(Stop(), stopped)

    assert bench.unit.output == 0
