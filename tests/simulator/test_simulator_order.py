"""Nothing is done twice, nothing old is done at all: late, doubled and reordered requests."""

from __future__ import annotations

import pytest

from device.wire.frame import Frame, encode
from device.wire.messages import (
    GetCapabilities,
    GetStatus,
    Identify,
    Message,
    Result,
    Status,
    Stop,
    Type,
    UnitState,
)
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


def test_a_repeat_of_a_refused_request_is_refused_the_same_way(bench: Bench) -> None:
    bench.arm()
    first = bench.ask(bench.a_set(level=2000))

    again = bench.ask(bench.a_set(level=2000), bench.seq)

    assert first.result is again.result is Result.OVER_NAMEPLATE


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
    bench.ask(bench.an_arm() if name == "an_arm" else bench.a_renew())
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

    clear = bench.a_clear(unit_uptime_ms=3000 - late_ms)

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
    bench.wait(5)
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


@pytest.mark.hazard("H-09")
def test_an_arm_kept_back_while_the_unit_was_stopped_arms_nothing(bench: Bench) -> None:
    bench.arm()
    late, late_set = bench.an_arm(), bench.a_set()
    bench.wait(5)
    bench.stop()

    results = [bench.ask(asked).result for asked in (late, late_set, bench.an_arm())]

    assert results == [Result.STALE, Result.BAD_STATE, Result.OK]
    assert bench.unit.changes == []


@pytest.mark.parametrize(
    ("late_ms", "result"), [(-1, Result.STALE), (0, Result.OK), (999, Result.OK), (1000, Result.STALE)]
)
def test_an_arm_is_taken_for_less_than_a_second(bench: Bench, late_ms: int, result: Result) -> None:
    bench.wait(5000)

    assert bench.ask(bench.an_arm(unit_uptime_ms=5000 - late_ms)).result is result


@pytest.mark.parametrize("seq_ahead", [1, 100, 0x7FFF, 0x8000, 0xFFFF])
def test_another_hosts_requests_count_for_nothing(bench: Bench, seq_ahead: int) -> None:
    bench.start()
    far = (bench.seq + seq_ahead) & 0xFFFF
    for foreign in (
        GetStatus(),
        Identify(),
        GetCapabilities(),
        bench.a_renew(nonce=1),
        bench.a_renew(session=9),
    ):
        bench.say(foreign, far)

    assert bench.ask(bench.a_renew()).result is Result.OK


def test_what_is_refused_counts_for_nothing(bench: Bench) -> None:
    bench.start()
    newest = bench.seq

    refused = bench.ask(bench.a_set(level=2000), newest + 5)
    done = bench.ask(bench.a_renew(), newest + 1)

    assert (refused.result, done.result) == (Result.OVER_NAMEPLATE, Result.OK)


@pytest.mark.parametrize(
    ("ahead", "result"),
    [(0, Result.STALE), (1, Result.OK), (0x7FFF, Result.OK), (0x8000, Result.STALE), (0xFFFF, Result.STALE)],
)
def test_a_number_is_newer_up_to_less_than_half_a_turn(bench: Bench, ahead: int, result: Result) -> None:
    bench.start()
    bench.wait(1)

    assert bench.ask(bench.a_renew(), (bench.seq + ahead) & 0xFFFF).result is result


def test_the_latest_32_replaced_sessions_are_remembered(bench: Bench) -> None:
    for session in range(1, 35):
        bench.arm(session=session)

    results = [bench.ask(bench.an_arm(session=session)).result for session in range(33, 1, -1)]
    forgotten = bench.ask(bench.an_arm(session=1)).result

    assert results == [Result.STALE] * 32
    assert forgotten is Result.OK


@pytest.mark.hazard("H-09")
def test_a_request_done_before_a_stop_is_not_answered_as_done_after_it(bench: Bench) -> None:
    bench.arm()
    start = bench.a_set()
    bench.ask(start)
    bench.stop()

    assert bench.ask(start, bench.seq - 1).result is Result.BAD_STATE


def test_a_look_between_does_not_make_a_repeat_stale(bench: Bench) -> None:
    bench.start()
    renewal = bench.a_renew()
    bench.ask(renewal)
    renewed = bench.seq
    bench.look()

    assert bench.ask(renewal, renewed).result is Result.OK


@pytest.mark.hazard("H-01")
def test_a_stop_with_a_body_ends_output(bench: Bench) -> None:
    bench.start()

    stopped = bench.send(encode(Frame(Type.STOP, 9, b"what is this")), 9)

    assert isinstance(stopped, Status)
    assert (stopped.result, stopped.state, bench.unit.output) == (Result.OK, UnitState.IDLE, 0)


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
