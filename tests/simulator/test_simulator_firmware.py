"""The simulated unit's rules, one claim each."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

import simulator
from device.wire.frame import Frame, encode
from device.wire.messages import Family, GetStatus, Message, Result, Sensor, Status, Stop, Type, UnitState
from simulator.nameplate import MODELS, UnknownModel, nameplate, read_nameplate
from simulator.record import OutputChange, Why
from simulator.unit import SimulatedUnit
from tests.simulator.bench import Bench


@pytest.fixture
def bench() -> Bench:
    return Bench()


@pytest.mark.parametrize("model", MODELS)
def test_a_unit_starts_idle_with_output_off_and_with_nothing_counted(model: str) -> None:
    bench = Bench(model)

    status = bench.look()

    assert (status.state, status.measured_level, status.session) == (UnitState.IDLE, 0, 0)
    assert (status.delivered_ms, status.energy_mj, status.lapses, status.bad_frames) == (0, 0, 0, 0)
    assert bench.unit.output_off_since_ms == 0


@pytest.mark.parametrize(
    ("was", "becomes", "says"),
    [
        ("level_max = ", "level_mx = ", "level_mx"),
        ("level_max = 1060\n", "", "level_max"),
        ("level_max = 1060", "level_max = '1060'", "level_max"),
        ("level_max = 1060", "level_max = 1060.5", "level_max"),
        ("pulses_hz = [100]", "pulses_hz = ['100']", "pulses_hz"),
        ('"ultrasound"', '"laser"', "LASER"),
        ('"CONTACT"', '"CONTRACT"', "CONTRACT"),
    ],
)
def test_a_nameplate_with_a_problem_in_it_is_refused(
    tmp_path: Path, was: str, becomes: str, says: str
) -> None:
    text = (Path(simulator.__file__).parent / "nameplates/us111.toml").read_text(encoding="utf-8")
    assert was in text
    (tmp_path / "us111.toml").write_text(text.replace(was, becomes, 1), encoding="utf-8")

    with pytest.raises(ValueError, match=says):
        read_nameplate(tmp_path / "us111.toml")


@pytest.mark.parametrize("model", MODELS)
def test_a_unit_declares_what_its_nameplate_says(model: str) -> None:
    bench = Bench(model)

    identity, declared = bench.identity(), bench.declared()

    plate = nameplate(model)
    assert (identity.model, identity.family) == (plate.name, plate.family)
    assert (declared.level_min, declared.level_max) == (plate.level_min, plate.level_max)
    assert declared.duties_pct == plate.duties_pct
    assert declared.sensors & Sensor.OUTPUT


def test_a_model_nobody_knows_is_refused_with_the_ones_that_are_known() -> None:
    with pytest.raises(UnknownModel, match="ultragun, ultragun_pro, us111"):
        SimulatedUnit("us112")


@pytest.mark.parametrize("model", MODELS)
def test_an_armed_unit_emits_what_it_is_set_to(model: str) -> None:
    bench = Bench(model)

    bench.start()
    bench.wait(400)

    status = bench.look()
    assert status.state is UnitState.EMITTING
    assert bench.unit.output == status.measured_level == status.level_set > 0
    assert status.delivered_ms == status.step_ms == bench.unit.delivered_ms == 400


def test_a_ramp_is_a_straight_line_and_part_of_the_step(bench: Bench) -> None:
    bench.start(for_ms=2000, ramp_ms=1000)

    levels = []
    for _ in range(4):
        levels.append(bench.unit.output)
        bench.treat(250, every_ms=250)
    bench.treat(1000)

    assert levels == [0, 110, 220, 330]
    assert bench.unit.output_off_since_ms == 2000


def test_a_set_while_emitting_ramps_from_where_output_is(bench: Bench) -> None:
    bench.start(level=300)
    bench.wait(100)

    bench.set(level=500, ramp_ms=200)
    bench.wait(100)

    assert bench.unit.output == 400


@pytest.mark.parametrize("for_ms", [1, 99, 100, 101, 499, 7777])
def test_a_step_ends_to_the_millisecond_and_leads_to_ready(bench: Bench, for_ms: int) -> None:
    bench.wait(37)
    bench.start(for_ms=for_ms)

    bench.treat(for_ms + 50, every_ms=90)

    status = bench.look()
    assert bench.unit.output_off_since_ms == 37 + for_ms
    assert (status.state, status.step_ms) == (UnitState.READY, for_ms)
    assert bench.unit.changes[-1] == OutputChange(37 + for_ms, 0, Why.STEP_DONE, family=Family.ULTRASOUND)


@pytest.mark.hazard("H-02")
def test_a_session_ends_at_its_delivered_ceiling_over_several_steps(bench: Bench) -> None:
    bench.arm(delivered_max_ms=1000)
    bench.set(for_ms=600)
    bench.treat(700)

    too_long = bench.ask(bench.a_set(for_ms=401))
    bench.set(for_ms=400)
    bench.treat(500)

    assert too_long.result is Result.OVER_CEILING
    assert bench.look().delivered_ms == 1000


@pytest.mark.parametrize("energy_max_mj", range(600, 720, 10))
def test_contact_that_is_lost_near_the_energy_ceiling_leaves_the_counts_right(energy_max_mj: int) -> None:
    bench = Bench(faults=("lift_off@500ms+3s=0.0",))
    bench.arm(energy_max_mj=energy_max_mj)
    bench.set(for_ms=1000)

    bench.treat(6000)

    status = bench.look()
    assert status.state is UnitState.READY
    assert 0 <= status.step_ms <= 1000
    assert status.step_ms == status.delivered_ms
    assert bench.unit.energy_mj <= energy_max_mj


@pytest.mark.hazard("H-03")
def test_a_session_ends_before_it_passes_its_energy_ceiling(bench: Bench) -> None:
    # 440 mW/cm² × 4 cm² × 50 % is 880 mW.
    bench.arm(energy_max_mj=1000)
    bench.set()

    bench.treat(2000)

    status = bench.look()
    assert status.state is UnitState.READY
    assert bench.unit.changes[-1].why is Why.CEILING
    assert 998 <= bench.unit.energy_mj <= 1000
    assert bench.ask(bench.a_set()).result is Result.OVER_CEILING


@pytest.mark.parametrize("lease_ms", [100, 500, 1000])
def test_the_unit_ends_its_output_when_its_lease_runs_out(bench: Bench, lease_ms: int) -> None:
    bench.start(lease_ms=lease_ms)

    bench.wait(5000)

    status = bench.look()
    assert bench.unit.output_off_since_ms == lease_ms
    assert (status.state, status.lapses, status.lease_left_ms) == (UnitState.LAPSED, 1, 0)
    assert not bench.unit.lease_live
    assert bench.unit.changes[-1].as_json() == {"ms": lease_ms, "output_mw_cm2": 0, "why": "lease"}


@pytest.mark.parametrize(("late_ms", "result"), [(499, Result.OK), (500, Result.BAD_STATE)])
def test_a_renewal_counts_until_the_lease_is_over_and_not_after(
    bench: Bench, late_ms: int, result: Result
) -> None:
    bench.start(lease_ms=500)
    bench.wait(late_ms)

    status = bench.ask(bench.a_renew(lease_ms=300))

    assert status.result is result
    assert status.lease_left_ms == (300 if result is Result.OK else 0)
    assert bench.unit.breaches == []


@pytest.mark.hazard("H-05")
@pytest.mark.parametrize(("unit_uptime_ms", "left_ms"), [(0, 200), (100, 300), (299, 499), (300, 500)])
def test_a_lease_runs_from_what_the_host_has_heard_however_late_its_renewal_comes(
    bench: Bench, unit_uptime_ms: int, left_ms: int
) -> None:
    bench.start(lease_ms=310)
    bench.wait(300)

    status = bench.ask(bench.a_renew(unit_uptime_ms=unit_uptime_ms, lease_ms=500))

    assert (status.result, status.lease_left_ms) == (Result.OK, left_ms)


@pytest.mark.hazard("H-05")
@pytest.mark.parametrize("unit_uptime_ms", [0, 100, 601, 0xFFFF_FFFF])
def test_a_renewal_whose_lease_is_over_or_yet_to_come_changes_nothing(
    bench: Bench, unit_uptime_ms: int
) -> None:
    bench.start(lease_ms=1000)
    bench.wait(600)

    status = bench.ask(bench.a_renew(unit_uptime_ms=unit_uptime_ms, lease_ms=500))

    assert (status.result, status.lease_left_ms) == (Result.STALE, 400)
    assert bench.unit.breaches == []  # the cable has kept it: no fault of the host's


@pytest.mark.hazard("H-05")
@pytest.mark.parametrize(("held_back_ms", "left_ms"), [(499, 1), (500, 0), (5000, 0)])
def test_a_start_that_comes_after_its_lease_is_over_starts_nothing(
    bench: Bench, held_back_ms: int, left_ms: int
) -> None:
    bench.arm()
    start = bench.a_set(lease_ms=500)
    bench.wait(held_back_ms)

    status = bench.ask(start)

    assert status.result is (Result.OK if left_ms else Result.STALE)
    assert status.lease_left_ms == left_ms
    assert (bench.unit.output > 0) is (left_ms > 0)


def test_only_an_arm_leads_out_of_a_lapse(bench: Bench) -> None:
    bench.start(lease_ms=100)
    bench.wait(100)

    refused = bench.ask(bench.a_set())
    bench.arm()
    bench.set()

    assert refused.result is Result.BAD_STATE
    assert bench.unit.output == 440
    assert bench.unit.breaches == []


def test_a_stop_ends_output_at_once_disarms_and_keeps_the_counts(bench: Bench) -> None:
    bench.start()
    bench.wait(321)

    status = bench.stop()

    assert (status.state, status.measured_level, status.delivered_ms) == (UnitState.IDLE, 0, 321)
    assert bench.unit.output_off_since_ms == 321
    assert bench.unit.changes[-1] == OutputChange(321, 0, Why.STOP, family=Family.ULTRASOUND)


@pytest.mark.hazard("H-18")
def test_a_stop_is_taken_in_any_state_under_any_seq_any_number_of_times(bench: Bench) -> None:
    bench.start()

    results = [bench.ask(Stop(), seq).result for seq in (0, 0, 40_000, 1, 65_535, 0)]

    assert set(results) == {Result.OK}
    assert bench.unit.output == 0


def test_the_same_session_keeps_its_counts_and_another_starts_from_nothing(bench: Bench) -> None:
    bench.start()
    bench.wait(300)
    bench.stop()

    same, other = bench.arm(), bench.arm(session=2)

    assert (same.delivered_ms, same.energy_mj) == (300, 264)
    assert (other.session, other.delivered_ms, other.energy_mj) == (2, 0, 0)
    assert bench.unit.energy_mj == 0


@pytest.mark.parametrize("field", ["level_max", "delivered_max_ms", "energy_max_mj"])
def test_arming_the_same_session_again_can_only_lower_its_ceilings(bench: Bench, field: str) -> None:
    ceilings = {"level_max": 500, "delivered_max_ms": 10_000, "energy_max_mj": 5000}
    bench.arm(**ceilings)

    lower = bench.ask(bench.an_arm(**(ceilings | {field: ceilings[field] - 1})))
    higher = bench.ask(bench.an_arm(**ceilings))

    assert (lower.result, higher.result) == (Result.OK, Result.OVER_CEILING)


REFUSED_SETS = {
    "zero level": ({"level": 0}, Result.BAD_VALUE),
    "below the lowest level": ({"level": 289}, Result.BAD_VALUE),
    "a duty it does not give": ({"duty_pct": 30}, Result.BAD_VALUE),
    "a carrier it does not give": ({"carrier_khz": 3000}, Result.BAD_VALUE),
    "a pulse it does not give": ({"pulse_hz": 48}, Result.BAD_VALUE),
    "a pulse while continuous": ({"duty_pct": 100, "level": 440}, Result.BAD_VALUE),
    "no pulse while pulsed": ({"pulse_hz": 0}, Result.BAD_VALUE),
    "no time": ({"for_ms": 0}, Result.BAD_VALUE),
    "a ramp beyond the step": ({"for_ms": 500, "ramp_ms": 501}, Result.BAD_VALUE),
    "a lease too short": ({"lease_ms": 90}, Result.BAD_LEASE),
    "a lease too long": ({"lease_ms": 1010}, Result.BAD_LEASE),
    "above the highest level": ({"level": 1061, "duty_pct": 20}, Result.OVER_NAMEPLATE),
    "above the average": ({"level": 531, "duty_pct": 100, "pulse_hz": 0}, Result.OVER_NAMEPLATE),
    "too long a step": ({"for_ms": 900_001}, Result.OVER_NAMEPLATE),
    "above the armed level": ({"level": 601}, Result.OVER_CEILING),
    "beyond the armed time": ({"for_ms": 600_001}, Result.OVER_CEILING),
    "another session": ({"session": 2}, Result.BAD_SESSION),
}


@pytest.mark.hazard("H-04")
@pytest.mark.parametrize("name", REFUSED_SETS)
@pytest.mark.parametrize("emitting", [False, True])
def test_a_set_that_should_not_be_is_refused_changes_nothing_and_is_a_breach(
    bench: Bench, name: str, emitting: bool
) -> None:
    changed, result = REFUSED_SETS[name]
    bench.arm(level_max=600)
    if emitting:
        bench.set(level=300)
    before = bench.look()

    status = bench.ask(bench.a_set(**changed))

    assert status.result is result
    assert replace(status, asked=before.asked, result=before.result) == before
    assert [breach.result for breach in bench.unit.breaches] == [result]


@pytest.mark.parametrize(
    ("model", "changed"),
    [
        ("us111", {"level": 290}),
        ("us111", {"level": 1060, "duty_pct": 50}),
        ("us111", {"level": 530, "duty_pct": 100, "pulse_hz": 0}),
        ("us111", {"lease_ms": 100}),
        ("us111", {"lease_ms": 1000}),
        ("us111", {"for_ms": 600_000}),
        ("ultragun", {"level": 1800}),
        ("ultragun", {"level": 3000}),
        ("ultragun_pro", {"level": 1750}),
        ("ultragun_pro", {"level": 2400, "for_ms": 300_000}),
    ],
)
def test_a_set_at_the_very_edge_is_done(model: str, changed: dict[str, int]) -> None:
    bench = Bench(model)

    bench.start(**changed)

    assert bench.unit.output == bench.look().level_set
    assert bench.unit.breaches == []


@pytest.mark.parametrize(
    ("changed", "result"),
    [
        ({"session": 0}, Result.BAD_VALUE),
        ({"level_max": 0}, Result.BAD_VALUE),
        ({"delivered_max_ms": 0}, Result.BAD_VALUE),
        ({"energy_max_mj": 0}, Result.BAD_VALUE),
        ({"level_max": 1061}, Result.OVER_NAMEPLATE),
        ({"delivered_max_ms": 900_001}, Result.OVER_NAMEPLATE),
    ],
)
def test_an_arm_that_should_not_be_is_refused_and_is_a_breach(
    bench: Bench, changed: dict[str, int], result: Result
) -> None:
    status = bench.ask(bench.an_arm(**changed))

    assert (status.result, status.state) == (result, UnitState.IDLE)
    assert [breach.result for breach in bench.unit.breaches] == [result]


def test_an_arm_is_refused_while_output_runs(bench: Bench) -> None:
    bench.start()

    status = bench.ask(bench.an_arm(session=2))

    assert (status.result, status.state, status.session) == (Result.BAD_STATE, UnitState.EMITTING, 1)


@pytest.mark.hazard("H-10")
@pytest.mark.parametrize("name", ["an_arm", "a_set", "a_renew"])
def test_nothing_is_done_under_another_nonce_and_that_is_no_breach(bench: Bench, name: str) -> None:
    bench.start()
    asked: Message = getattr(bench, name)(nonce=bench.nonce ^ 1)

    status = bench.ask(asked)

    assert status.result is Result.BAD_NONCE
    assert bench.unit.breaches == []


def test_a_set_in_idle_is_refused_and_a_breach(bench: Bench) -> None:
    status = bench.ask(bench.a_set())

    assert (status.result, status.state) == (Result.BAD_STATE, UnitState.IDLE)
    assert len(bench.unit.breaches) == 1


@pytest.mark.hazard("H-08")
def test_a_renewal_never_starts_output(bench: Bench) -> None:
    bench.arm()

    status = bench.ask(bench.a_renew())

    assert status.result is Result.BAD_STATE
    assert bench.unit.output == 0


def test_a_lease_outside_the_units_bounds_is_not_renewed(bench: Bench) -> None:
    bench.start()

    status = bench.ask(bench.a_renew(lease_ms=2560))

    assert (status.result, status.lease_left_ms) == (Result.BAD_LEASE, 500)


def test_clear_is_for_faults_only(bench: Bench) -> None:
    assert bench.ask(bench.a_clear()).result is Result.BAD_STATE


def test_a_request_nobody_defined_is_answered_as_unknown(bench: Bench) -> None:
    status = bench.send(encode(Frame(0x42, 9)), 9)

    assert isinstance(status, Status)
    assert (status.asked, status.result) == (0x42, Result.UNKNOWN_TYPE)


def test_a_body_of_the_wrong_length_is_answered_as_such(bench: Bench) -> None:
    status = bench.send(encode(Frame(Type.RENEW, 9, b"\1")), 9)

    assert isinstance(status, Status)
    assert status.result is Result.BAD_LENGTH


def test_damage_and_the_units_own_messages_are_counted_and_not_answered(bench: Bench) -> None:
    struck = bytearray(encode(Frame(Type.STOP, 9)))
    struck[3] ^= 0x10
    bench.start()

    answers = [bench.send(bytes(struck), 9), bench.send(encode(Frame(Type.STATUS, 9)), 9)]

    assert answers == [None, None]
    assert bench.look().bad_frames == 2
    assert bench.unit.output == 440


def test_a_frame_may_come_in_pieces(bench: Bench) -> None:
    wire = encode(Frame(Type.GET_STATUS, 5, GetStatus().pack()))

    heard = [bench.unit.hear(wire[at : at + 1], at) for at in range(len(wire))]

    assert heard[:-1] == [b""] * (len(wire) - 1)
    assert heard[-1]


def test_a_change_of_a_motor_is_told_in_its_own_unit() -> None:
    change = OutputChange(5, 2200, Why.SET, 300, family=Family.PERCUSSION)

    assert change.as_json() == {"ms": 5, "output_per_min": 2200, "why": "set", "ramp_ms": 300}
