"""The firmware's core in C, in what no golden vector says: its memory, its line, its clock, its sensors."""

from __future__ import annotations

from dataclasses import replace
from random import Random

import pytest

from device.wire.frame import Frame, encode
from device.wire.messages import Arm, Fault, GetStatus, Result, Stop, UnitState
from tests.firmware.c_unit import FIRMWARE, CUnit
from tests.firmware.hand import NONCE, Hand
from tests.firmware.lockstep import WAITS_MS
from tests.simulator.test_lockstep import Asker
from tools import firmware

FLIPS = 200
MEMORY = 0x0100


@pytest.mark.hazard("H-04")
@pytest.mark.parametrize("model", ["us111", "ultragun"])
def test_a_bit_that_changes_in_memory_while_output_is_on_ends_it_within_one_pass(model: str) -> None:
    rng = Random(1)
    unit = CUnit(model=model)
    places = [(byte, bit) for byte in range(unit.control_size) for bit in range(8)]

    for byte, bit in rng.sample(places, FLIPS):
        hand = Hand(model, unit=unit)
        hand.start()
        hand.wait(rng.randrange(1, 400))
        assert hand.unit.output > 0
        hand.unit.flip(byte, bit)
        hand.unit.one_more_pass()

        assert hand.unit.output == 0, (byte, bit)
        assert hand.unit.changes()[-1].why == "memory", (byte, bit)
        status = hand.look()
        assert (status.state, status.faults, status.session) == (UnitState.FAULT, MEMORY, 0), (byte, bit)
        assert status.nonce != NONCE  # nothing that was asked before is taken again


@pytest.mark.hazard("H-04")
def test_a_bit_that_changes_within_a_pass_after_its_check_ends_output_in_the_next() -> None:
    """But for the counts, which every pass writes: the host holds them against the unit's clock."""
    rng = Random(2)
    unit = CUnit()
    places = [(byte, bit) for byte in range(unit.counts_size, unit.control_size) for bit in range(8)]

    for byte, bit in rng.sample(places, FLIPS):
        hand = Hand(unit=unit)
        hand.start()
        hand.wait(rng.randrange(1, 400))
        hand.unit.flip_in_pass(byte, bit)
        hand.unit.one_more_pass()

        assert hand.unit.output == 0, (byte, bit)


def test_a_bit_that_changes_between_two_requests_of_one_pass_is_found_before_the_second() -> None:
    hand = Hand()
    hand.start()
    hand.unit.flip(30, 3)

    hand.unit.hear(hand.frame(GetStatus()))

    assert hand.unit.output == 0


def test_the_watchdog_is_kicked_once_in_every_pass() -> None:
    hand = Hand()
    before = hand.unit.kicks
    hand.wait(100)

    assert hand.unit.kicks - before == 100


@pytest.mark.hazard("H-06")
def test_a_lease_ends_output_to_the_millisecond() -> None:
    hand = Hand()
    hand.start(lease_ms=100)
    hand.wait(99)
    assert hand.unit.output > 0

    hand.wait(1)

    assert hand.unit.output == 0
    off = hand.unit.changes()[-1]
    assert (off.ms, off.why) == (hand.now_ms, "lease")
    assert hand.look().lapses == 1


@pytest.mark.hazard("H-06")
def test_a_loop_that_was_held_up_ends_output_in_its_first_pass_and_counts_what_it_missed() -> None:
    hand = Hand()
    hand.start(lease_ms=100)
    hand.wait(40)

    hand.unit.held_up(3_000)

    assert hand.unit.output == 0
    status = hand.look()
    assert (status.state, status.lapses, status.step_ms) == (UnitState.LAPSED, 1, 100)


@pytest.mark.hazard("H-06")
def test_leases_and_dates_go_on_when_the_clock_turns_over() -> None:
    hand = Hand(start_ms=2**32 - 300)
    hand.start()
    hand.wait(290)
    assert hand.renew().lease_left_ms == 500
    hand.wait(499)  # beyond the turn
    assert hand.unit.output > 0
    assert hand.look().step_ms == 789

    hand.wait(1)

    assert hand.unit.output == 0
    assert hand.look().state is UnitState.LAPSED
    assert hand.arm().state is UnitState.READY


@pytest.mark.parametrize("seed", range(4))
def test_a_unit_whose_clock_turns_over_answers_as_one_whose_clock_does_not(seed: int) -> None:
    rng, before_ms = Random(seed), 20_000  # the turn comes amid some hundred requests
    units = CUnit(NONCE), CUnit(NONCE, start_ms=2**32 - before_ms)
    askers = Asker(seed, NONCE), Asker(seed, NONCE)
    askers[1].uptime_ms = 2**32 - before_ms
    for number in range(300):
        wait_ms = rng.choice(WAITS_MS)
        told = []
        for unit, asker in zip(units, askers, strict=True):
            unit.move_to(unit.now_ms + wait_ms)
            type_, seq, body = asker.next()
            statuses = Hand.answers(unit.hear(encode(Frame(type_, seq, body))))
            for status in statuses:
                asker.uptime_ms, asker.state = status.uptime_ms, status.state
            told.append([replace(status, uptime_ms=0) for status in statuses])

        assert told[0] == told[1], number

    assert units[1].now_ms > 2**32


def test_a_frame_with_a_line_error_in_it_is_counted_once_and_the_next_is_answered() -> None:
    hand = Hand()
    frame = hand.frame(GetStatus())
    hand.unit.hear(frame[:4])
    hand.unit.line_error()

    said = hand.unit.hear(frame[4:])

    assert said == b""
    assert hand.look().bad_frames == 1


@pytest.mark.hazard("H-05")
def test_a_stop_behind_more_requests_than_a_slow_line_can_answer_is_done_at_once_and_answered() -> None:
    hand = Hand()
    hand.start()
    hand.unit.send_room(0)
    flood = b"".join(hand.frame(GetStatus()) for _ in range(40))

    hand.unit.hear(flood + hand.frame(Stop()))

    assert hand.unit.output == 0
    hand.unit.send_room(1000)
    hand.wait(1)
    answers = hand.answers(hand.unit.sent())
    assert len(answers) == 8
    assert (answers[-1].asked, answers[-1].state) == (Stop.TYPE, UnitState.IDLE)


def test_an_answer_waits_until_there_is_room_for_the_whole_of_it() -> None:
    hand = Hand()
    hand.unit.send_room(55)

    assert hand.unit.hear(hand.frame(GetStatus())) == b""
    hand.unit.send_room(56)
    hand.wait(1)

    assert len(hand.answers(hand.unit.sent())) == 1


@pytest.mark.hazard("H-03")
@pytest.mark.parametrize("level", [290, 440])
def test_output_ends_before_the_sessions_energy_is_passed_and_at_most_100_ms_early(level: int) -> None:
    rng = Random(level)
    for _ in range(20):
        energy_mj, ramp_ms = rng.randrange(1, 900), rng.choice((0, 300))
        hand = Hand()
        hand.arm(energy_max_mj=energy_mj)
        hand.set(level=level, ramp_ms=ramp_ms, lease_ms=1000, for_ms=900)
        for _ in range(3):
            hand.wait(300)
            if hand.look().state is UnitState.EMITTING:
                hand.renew(lease_ms=1000)

        status = hand.look()

        per_ms = level * 50 * 4 / 100 / 1000
        assert status.energy_mj <= energy_mj
        assert status.state is UnitState.READY
        assert status.step_ms == 900 or status.energy_mj > energy_mj - 100 * per_ms - 1


@pytest.mark.hazard("H-03")
def test_output_above_what_is_driven_counts_as_it_is_measured() -> None:
    hand = Hand()
    hand.start()
    hand.unit.stuck(880)  # twice what is set

    hand.wait(400)

    assert hand.look().energy_mj == 704


def test_faults_are_latched_with_their_causes_and_cleared_without_them() -> None:
    cases: list[tuple[dict[str, int], dict[str, int], Fault]] = [
        ({"head_temp_ddeg_c": 430}, {"head_temp_ddeg_c": 389}, Fault.HEAD_HOT),
        ({"head_temp_ddeg_c": -301}, {"head_temp_ddeg_c": 300}, Fault.SENSOR),
        ({"contact_pct": 101}, {"contact_pct": 92}, Fault.SENSOR),
        ({"causes": Fault.SUPPLY}, {"causes": 0}, Fault.SUPPLY),
    ]
    for cause, gone, fault in cases:
        hand = Hand()
        hand.start()
        hand.unit.read(**cause)

        assert hand.unit.output == 0
        status = hand.look()
        assert (status.state, status.faults) == (UnitState.FAULT, fault)
        assert hand.clear().result is Result.CAUSE_REMAINS
        assert hand.ask(Arm(NONCE, 1, 440, 1000, 1000, hand.now_ms)).result is Result.FAULTED
        hand.unit.read(**gone)
        assert hand.clear().state is UnitState.IDLE


def test_a_head_that_was_too_hot_has_to_cool_further_than_to_where_it_trips() -> None:
    hand = Hand()
    hand.unit.read(head_temp_ddeg_c=430)
    hand.unit.read(head_temp_ddeg_c=390)

    assert hand.clear().result is Result.CAUSE_REMAINS


@pytest.mark.hazard("H-07")
def test_output_that_is_measured_while_it_should_be_off_is_a_fault() -> None:
    hand = Hand()
    hand.start()
    hand.unit.stuck(300)
    hand.stop()
    hand.wait(999)
    assert hand.look().state is UnitState.IDLE

    hand.wait(1)

    assert hand.look().faults == Fault.OUTPUT_STUCK


def test_output_that_has_not_yet_begun_to_rise_is_logged_as_off() -> None:
    hand = Hand()
    hand.start(ramp_ms=400)
    assert hand.unit.output == 0

    hand.wait(400)

    assert [change.level for change in hand.unit.changes()][-1] == 440


def test_a_request_of_the_nonce_before_a_restart_is_refused() -> None:
    hand = Hand()
    frame = hand.frame(Arm(NONCE, 1, 440, 1000, 1000, 0))
    hand.unit.start(NONCE + 1)

    (status,) = hand.answers(hand.unit.hear(frame))

    assert (status.result, status.session) == (Result.BAD_NONCE, 0)


def test_each_model_declares_the_numbers_of_its_own_nameplate() -> None:
    made = firmware.files()

    assert sorted(made) == [f"firmware/nameplates/{name}.h" for name in ("ultragun", "ultragun_pro", "us111")]
    for name, text in made.items():
        assert (FIRMWARE.parent / name).read_text(encoding="utf-8") == text
    assert CUnit(model="ultragun_pro").hear(encode(Frame(2, 1, b""))) != CUnit().hear(
        encode(Frame(2, 1, b""))
    )
