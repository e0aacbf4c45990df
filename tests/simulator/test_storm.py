"""Storms: some two hundred scenarios, every one that ever failed, and the machinery that draws and counts."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from statistics import median
from typing import Any

import pytest

from device.control.policy import POLICIES, START_WITHIN_MS
from device.dialects.base import HostLoss
from device.dialects.modbus import Modbus
from device.operator import SessionAction
from physioctl.cli import call
from physioctl.rehearsal.storm.campaign import Campaign, percentile, rows
from physioctl.rehearsal.storm.expected_run import expected_run, must_end, names
from physioctl.rehearsal.storm.fences import Fence
from physioctl.rehearsal.storm.host import Freeze, SlowDisk
from physioctl.rehearsal.storm.kinds import KINDS
from physioctl.rehearsal.storm.play import Outcome, play
from physioctl.rehearsal.storm.scenario import Scenario, draw, seed_of
from physioctl.rehearsal.storm.second_program import OtherRequest
from physioctl.rehearsal.storm.shrink import shrink
from physioctl.rehearsal.storm.time_to_safe import BOUND_MS, LATENT, LEASE_MS, PERIOD_MS
from physioctl.rehearsal.storm.timeline import trace
from simulator.faults import Fault, FaultKind

HOST_LOSS = ("lease", "timer", "none")
FAILED_ONCE = [
    line
    for line in Path(__file__).with_name("storm_seeds.txt").read_text(encoding="utf-8").splitlines()
    if line and not line.startswith("#")
]


def _modbus(host_loss: str, **others: Any) -> Scenario:
    return Scenario(1, "us111", "storm-steady", dialect="modbus", host_loss=host_loss, **others)


# As many as show that nothing has come loose; `make storm` plays the thousands.
@pytest.mark.parametrize("batch", range(4))
def test_no_scenario_of_a_small_storm_breaks_a_rule(batch: int) -> None:
    outcomes = [play(draw(seed_of(1, index))) for index in range(batch, 120, 4)]

    assert [(outcome.scenario.seed, outcome.violations) for outcome in outcomes if outcome.violations] == []


@pytest.mark.parametrize("host_loss", HOST_LOSS)
def test_no_scenario_of_a_small_storm_breaks_a_rule_on_modbus_units_of_any_kind(host_loss: str) -> None:
    seeds = [seed_of(1, index) for index in range(20)]

    outcomes = [play(draw(seed, dialect="modbus", host_loss=host_loss)) for seed in seeds]

    assert [(outcome.scenario.seed, outcome.violations) for outcome in outcomes if outcome.violations] == []


@pytest.mark.parametrize("text", FAILED_ONCE)
def test_a_scenario_that_failed_once_passes(text: str) -> None:
    outcome = play(Scenario.from_json(text))

    assert outcome.violations == ()


@pytest.mark.parametrize("model", ["us111", "ultragun", "ultragun_pro"])
def test_a_scenario_in_which_nothing_happens_is_completed(model: str) -> None:
    for name in names(model):
        outcome = play(Scenario(1, model, name))

        assert (outcome.ended, outcome.violations, outcome.figures) == ("completed", (), ())
        assert outcome.kinds == {"nothing"}


@pytest.mark.parametrize("host_loss", HOST_LOSS)
@pytest.mark.parametrize("model", ["us111", "ultragun", "ultragun_pro"])
def test_a_scenario_in_which_nothing_happens_is_completed_on_modbus_units(model: str, host_loss: str) -> None:
    for name in names(model):
        outcome = play(Scenario(1, model, name, dialect="modbus", host_loss=host_loss))

        assert (outcome.ended, outcome.violations, outcome.figures) == ("completed", (), ())


@pytest.mark.hazard("H-05")
@pytest.mark.parametrize(("host_loss", "took_ms"), [("lease", LEASE_MS), ("timer", 10_000)])
def test_without_a_host_output_ends_by_what_the_kind_of_unit_has(host_loss: str, took_ms: int) -> None:
    (figure,) = play(_modbus(host_loss, death_ms=200)).figures

    assert took_ms - 2 * PERIOD_MS < figure.took_ms <= took_ms


@pytest.mark.hazard("H-05")
@pytest.mark.parametrize(
    "trouble",
    [
        {"faults": (Fault(FaultKind.CABLE_PULLED, 5000, 20_000),)},
        {"faults": (Fault(FaultKind.HALF_OPEN, 5000, 60_000, 0.0),)},
    ],
)
def test_without_lease_and_timer_output_goes_on_and_is_told_to_be_unknown(trouble: dict[str, Any]) -> None:
    scenario = _modbus("none", **trouble)

    outcome, lines = trace(scenario)

    assert (outcome.ended, outcome.violations, outcome.figures) == ("interrupted", (), ())
    assert any("session_ended" in line and "output_off=unknown" in line for line in lines)
    assert not any("UNIT   output 0" in line for line in lines)


@pytest.mark.hazard("H-05")
@pytest.mark.parametrize(
    "scenario",
    [
        Scenario(1, "us111", "storm-steady", attended=False, dialect="modbus", host_loss="none"),
        Scenario(1, "ultragun", "storm-strokes", attended=False, dialect="modbus", host_loss="none"),
        Scenario(1, "us111", "calf-tightness-ultrasound", dialect="modbus", host_loss="none"),
    ],
)
def test_what_may_not_be_given_without_lease_and_timer_is_refused(scenario: Scenario) -> None:
    outcome = play(scenario)

    assert (outcome.ended, outcome.violations) == ("Refused", ())


@pytest.mark.parametrize("host_loss", HOST_LOSS)
def test_a_persons_stop_follows_the_request_under_way_on_every_kind_of_unit(host_loss: str) -> None:
    line = Modbus.promises.line

    outcomes = [
        play(_modbus(host_loss, actions=((at_ms, SessionAction.STOP),))) for at_ms in range(5000, 5100, 9)
    ]

    assert {outcome.ended for outcome in outcomes} == {"stopped"}
    times = [figure.took_ms for outcome in outcomes for figure in outcome.figures]
    assert len(times) == len(outcomes)
    assert max(times) <= line.answer_max_ms + line.drain_ms + 10


@pytest.mark.parametrize(
    ("kind", "what"),
    [
        ("host_death", {"death_ms": 5000}),
        ("host_freeze", {"freezes": (Freeze(5000, 3000),)}),
        ("cable_pulled", {"faults": (Fault(FaultKind.CABLE_PULLED, 5000, 3000),)}),
        ("half_open", {"faults": (Fault(FaultKind.HALF_OPEN, 5000, 3000, 1.0),)}),
        ("lift_off", {"faults": (Fault(FaultKind.LIFT_OFF, 5000, 3000, 0.02),)}),
        ("restart", {"faults": (Fault(FaultKind.RESTART, 5000, 500),)}),
        ("brown_out", {"faults": (Fault(FaultKind.BROWN_OUT, 5000, 200),)}),
    ],
)
def test_what_a_unit_survives_is_off_within_lease_and_status_period(kind: str, what: dict[str, Any]) -> None:
    outcome = play(Scenario(1, "us111", "storm-steady", **what))

    assert outcome.kinds == {kind}
    assert [figure.kind for figure in outcome.figures] == [kind]
    assert outcome.figures[0].took_ms <= BOUND_MS
    assert outcome.figures[0].bound_ms == BOUND_MS


def test_a_dead_host_leaves_output_on_until_the_lease_is_out_and_no_longer() -> None:
    figures = [
        play(Scenario(1, "us111", "storm-steady", death_ms=at_ms)).figures for at_ms in range(5000, 5100, 7)
    ]

    assert all(LEASE_MS - 2 * PERIOD_MS < figure.took_ms <= LEASE_MS for (figure,) in figures)


@pytest.mark.hazard("H-07")
@pytest.mark.parametrize("other", [0, 1, 2])
@pytest.mark.parametrize("at_ms", [100, 3000, 5000, 5050, 11_990])
def test_a_swapped_unit_confirms_nothing_of_the_one_before(other: int, at_ms: int) -> None:
    swapped = Fault(FaultKind.SWAPPED, at_ms, 20_000, other)

    outcome = play(Scenario(1, "us111", "storm-steady", faults=(swapped,)))

    assert (outcome.ended, outcome.violations) == ("interrupted", ())


@pytest.mark.hazard("H-04")
@pytest.mark.parametrize("down", Fence)
@pytest.mark.parametrize("model", ["us111", "ultragun", "ultragun_pro"])
def test_no_scenario_with_one_fence_down_breaks_a_rule(model: str, down: Fence) -> None:
    outcomes = [play(replace(draw(seed_of(5, index), model), down=down)) for index in range(6)]
    undisturbed = [play(Scenario(1, model, name, down=down)) for name in names(model)]

    assert [(outcome.scenario.seed, outcome.violations) for outcome in outcomes if outcome.violations] == []
    assert {(outcome.ended, outcome.violations) for outcome in undisturbed} == {("completed", ())}


@pytest.mark.hazard("H-15")
@pytest.mark.parametrize("commit_ms", [1000, 10_000])
@pytest.mark.parametrize("model", ["us111", "ultragun"])
def test_a_slow_disk_delays_a_session_and_does_nothing_else_to_it(model: str, commit_ms: int) -> None:
    outcomes = [play(Scenario(1, model, name, disk=SlowDisk(commit_ms))) for name in names(model)]

    assert {(outcome.ended, outcome.violations) for outcome in outcomes} == {("completed", ())}


@pytest.mark.hazard("H-15")
@pytest.mark.parametrize("stops_ms", [0, 3000, 5000, 14_000])
def test_a_disk_that_stops_leaves_no_output_and_no_end_that_is_not_in_the_journal(stops_ms: int) -> None:
    outcome = play(Scenario(1, "us111", "storm-levels", disk=SlowDisk(1000, stops_ms)))

    assert (outcome.ended, outcome.violations) == ("DiskTooSlow", ())


@pytest.mark.hazard("H-19")
@pytest.mark.parametrize("at_ms", [500, 3000, 6000, 15_000])
@pytest.mark.parametrize("freezes", [(), (Freeze(2900, 300), Freeze(5900, 300))])
@pytest.mark.parametrize("disk", [None, SlowDisk(1500)])
def test_a_stop_from_a_second_program_ends_a_session_with_a_slow_disk_and_a_host_that_stalls(
    at_ms: int, freezes: tuple[Freeze, ...], disk: SlowDisk | None
) -> None:
    elsewhere = (OtherRequest(at_ms, 40_000, stop=True),)

    outcome = play(Scenario(1, "us111", "storm-levels", freezes=freezes, disk=disk, elsewhere=elsewhere))

    assert (outcome.ended, outcome.violations) == ("interrupted", ())


def test_a_stop_from_a_second_program_in_a_pause_leaves_it_to_the_person_who_paused() -> None:
    actions = ((5000, SessionAction.PAUSE), (9000, SessionAction.RESUME))
    elsewhere = (OtherRequest(7000, 40_000, stop=True),)

    outcome = play(Scenario(1, "us111", "storm-levels", actions=actions, elsewhere=elsewhere))

    assert (outcome.ended, outcome.violations) == ("completed", ())


def test_a_second_program_that_looks_disturbs_nothing() -> None:
    looks = tuple(OtherRequest(at_ms, 40_000 + at_ms, stop=False) for at_ms in range(0, 14_000, 170))

    outcome = play(Scenario(1, "us111", "storm-levels", elsewhere=looks))

    assert (outcome.ended, outcome.violations) == ("completed", ())


def test_a_persons_stop_is_carried_out_in_the_time_that_the_bytes_take() -> None:
    outcome = play(Scenario(1, "us111", "storm-steady", actions=((5000, SessionAction.STOP),)))

    assert outcome.ended == "stopped"
    assert [(figure.kind, figure.took_ms) for figure in outcome.figures] == [("operator_stop", 2)]


def test_the_same_seed_draws_and_plays_the_same_scenario() -> None:
    first, second = (play(draw(20_261_120)) for _ in range(2))

    assert first == second


def test_the_scenarios_of_two_seeds_differ() -> None:
    assert len({draw(seed_of(campaign, index)) for campaign in (1, 2) for index in range(50)}) == 100


def test_a_scenario_written_out_reads_back_as_it_was() -> None:
    scenarios = [draw(seed_of(3, index)) for index in range(100)]

    assert [Scenario.from_json(scenario.as_json()) for scenario in scenarios] == scenarios
    assert any(scenario.disk is not None for scenario in scenarios)
    assert any(scenario.elsewhere for scenario in scenarios)


@pytest.mark.parametrize("host_loss", HOST_LOSS)
def test_a_scenario_of_modbus_units_reads_back_as_it_was(host_loss: str) -> None:
    scenarios = [draw(seed_of(3, index), dialect="modbus", host_loss=host_loss) for index in range(200)]

    assert [Scenario.from_json(scenario.as_json()) for scenario in scenarios] == scenarios
    assert {(scenario.dialect, scenario.host_loss) for scenario in scenarios} == {("modbus", host_loss)}


def test_the_kinds_of_unit_that_the_judge_knows_are_those_there_are() -> None:
    line = Modbus.promises.line
    emission_max_ms = POLICIES[HostLoss.OWN_TIMER].emission_max_ms

    assert set(KINDS) == {("native", None), *(("modbus", host_loss) for host_loss in HOST_LOSS)}
    assert {kind.line_ms for kind in KINDS.values()} == {0, line.answer_max_ms + line.drain_ms}
    assert emission_max_ms is not None
    assert emission_max_ms <= KINDS["modbus", "timer"].timer_ms <= emission_max_ms + START_WITHIN_MS


@pytest.mark.parametrize("host_loss", HOST_LOSS)
def test_every_kind_of_trouble_that_a_kind_of_unit_can_have_is_drawn(host_loss: str) -> None:
    scenarios = [draw(seed_of(1, index), dialect="modbus", host_loss=host_loss) for index in range(600)]

    drawn = {fault.kind for scenario in scenarios for fault in scenario.faults}
    assert drawn == set(FaultKind) - KINDS["modbus", host_loss].not_drawn
    if host_loss == "none":
        assert {scenario.attended for scenario in scenarios} == {True, False}
        assert any(must_end(scenario.protocol, scenario.model) for scenario in scenarios)


def test_a_scenario_from_before_there_were_slow_disks_and_second_programs_is_read() -> None:
    scenario = Scenario.from_json(FAILED_ONCE[0])

    assert (scenario.disk, scenario.elsewhere, scenario.dialect, scenario.host_loss) == (
        None,
        (),
        "native",
        None,
    )


def test_a_scenario_of_a_kind_of_unit_that_there_is_not_is_none() -> None:
    text = Scenario(1, "us111", "storm-steady", dialect="modbus", host_loss="none").as_json()

    with pytest.raises(ValueError, match="no simulated units"):
        Scenario.from_json(text.replace('"none"', '"never"'))


@pytest.mark.parametrize("text", ["{}", "[1]", '{"seed": 1}', "no json", '{"faults": ["moonlight@1s"]}'])
def test_what_is_no_scenario_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        Scenario.from_json(text)


def test_every_kind_of_trouble_is_drawn_and_most_scenarios_have_some() -> None:
    outcomes = [draw(seed_of(1, index)) for index in range(600)]

    assert {fault.kind for scenario in outcomes for fault in scenario.faults} == set(FaultKind)
    assert {action for scenario in outcomes for _, action in scenario.actions} == set(SessionAction)
    assert {scenario.down for scenario in outcomes} == {None, *Fence}
    assert {asked.stop for scenario in outcomes for asked in scenario.elsewhere} == {True, False}
    disks = [scenario.disk for scenario in outcomes if scenario.disk is not None]
    assert {disk.stops_ms is None for disk in disks} == {True, False}
    assert all(1000 <= disk.commit_ms <= 10_000 for disk in disks)
    assert len(disks) < 60  # their sessions take the longest
    assert median(len(scenario.faults) for scenario in outcomes) == 1


def test_a_campaign_comes_to_the_same_with_one_process_and_with_two() -> None:
    campaign = Campaign(8, seed=4)

    assert list(campaign.played(1)) == list(campaign.played(2))


def test_a_campaign_of_one_model_plays_no_other() -> None:
    outcomes = Campaign(5, seed=1, model="ultragun").played(1)

    assert {outcome.scenario.model for outcome in outcomes} == {"ultragun"}


def test_shrinking_keeps_what_fails_and_nothing_else() -> None:
    scenario = Scenario(
        1,
        "us111",
        "storm-steady",
        faults=(Fault(FaultKind.RESTART, 1, 1), Fault(FaultKind.LIFT_OFF, 2, 2)),
        actions=((1, SessionAction.PAUSE), (2, SessionAction.STOP)),
        freezes=(Freeze(1, 50), Freeze(2, 50, sending=True)),
        death_ms=7,
        disk=SlowDisk(1000, stops_ms=8),
        elsewhere=(OtherRequest(1, 7, stop=False), OtherRequest(2, 8, stop=True)),
    )

    short = shrink(scenario, lambda it: (2, SessionAction.STOP) in it.actions and Freeze(1, 50) in it.freezes)
    disk = shrink(scenario, lambda it: it.disk is not None and OtherRequest(2, 8, stop=True) in it.elsewhere)

    assert short == Scenario(
        1, "us111", "storm-steady", actions=((2, SessionAction.STOP),), freezes=(Freeze(1, 50),)
    )
    assert disk == Scenario(
        1, "us111", "storm-steady", disk=SlowDisk(1000), elsewhere=(OtherRequest(2, 8, stop=True),)
    )


def test_an_expected_run_reckons_its_dose_by_itself() -> None:
    steady, pulsed = expected_run("storm-steady", "us111"), expected_run("storm-pulsed", "us111")

    assert (steady.delivered_ms, steady.total_ms) == (12_000, 12_000)
    assert steady.energy_mj == pytest.approx(440 * 4 * 11.5)
    assert (pulsed.delivered_ms, pulsed.total_ms) == (12_000, 14_100)
    assert pulsed.energy_mj == pytest.approx(3 * 1060 * 4 * 0.5 * 3.85)


def test_percentiles_are_taken_from_what_there_is() -> None:
    assert percentile([], 99) is None
    assert percentile([7], 99) == 7
    assert percentile(range(1, 201), 99) == 198


def test_rows_count_the_scenarios_of_a_kind_and_keep_stretched_times_apart() -> None:
    slow = Fault(FaultKind.SLOW_CLOCK, 4000, 20_000, 0.1)
    outcomes: list[Outcome] = [
        play(Scenario(1, "us111", "storm-steady", death_ms=5000)),
        play(Scenario(1, "us111", "storm-steady", faults=(slow,), death_ms=5000)),
    ]

    found = {row.kind: row for row in rows(outcomes)}

    assert found["host_death"].scenarios == 2
    assert len(found["host_death"].times(stretched=False)) == 1
    assert len(found["host_death"].times(stretched=True)) == 1
    assert found["slow_clock"].latent
    assert FaultKind.SLOW_CLOCK in LATENT


def test_a_scenario_is_traced_with_all_its_faults() -> None:
    outcome, lines = trace(
        Scenario(
            1,
            "us111",
            "storm-steady",
            actions=((5000, SessionAction.STOP),),
            freezes=(Freeze(2000, 50),),
            disk=SlowDisk(1500, stops_ms=9000),
            elsewhere=(OtherRequest(100, 7, stop=False),),
        )
    )

    text = "\n".join(lines)
    assert outcome.ended == "stopped"
    assert "PERSON stop" in text
    assert "HOST   stalls for 50 ms" in text
    assert "DISK   takes 1500 ms for each commit" in text
    assert "DISK   stops: no commit comes back" in text
    assert "OTHER  looks at the unit, seq 7" in text
    assert "UNIT   output 440: set" in text
    assert "UNIT   output 0: stop" in text
    assert [int(line.split()[0]) for line in lines] == sorted(int(line.split()[0]) for line in lines)


def test_the_command_prints_a_table_and_what_it_comes_to(capsys: pytest.CaptureFixture[str]) -> None:
    code = call(["storm", "--count", "8", "--seed", "2", "--jobs", "1"])

    said = capsys.readouterr().out
    assert code == 0
    assert "WORST MS" in said
    assert said.rstrip().endswith("8 scenarios, seed 2: no violations")


@pytest.mark.parametrize("asked", [[], ["--host-loss", "timer"], ["--host-loss", "none"]])
def test_the_command_storms_over_modbus_units(asked: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    code = call(["storm", "--count", "6", "--jobs", "1", "--dialect", "modbus", *asked])

    assert code == 0
    assert capsys.readouterr().out.rstrip().endswith("6 scenarios, seed 1: no violations")


def test_the_command_prints_json_lines_that_end_with_the_count(capsys: pytest.CaptureFixture[str]) -> None:
    code = call(["storm", "--count", "4", "--seed", "2", "--jobs", "1", "--json"])

    events = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert code == 0
    assert {event["event"] for event in events[:-1]} == {"storm_kind"}
    assert events[-1] == {"event": "storm_ended", "count": 4, "seed": 2, "violations": 0}


def test_the_command_storms_over_any_protocol(capsys: pytest.CaptureFixture[str]) -> None:
    asked = ["storm", "--count", "3", "--jobs", "1", "--protocol", "unit-check", "--unit", "us111"]

    assert call(asked) == 0
    assert "3 scenarios" in capsys.readouterr().out


@pytest.mark.parametrize(
    "asked",
    [
        ["--protocol", "unit-check"],
        ["--host-loss", "timer"],
        ["--protocol", "unit-check", "--unit", "ultragun"],
        ["--scenario", "{}"],
        ["--scenario", "1" * 5 + "x"],
    ],
)
def test_the_command_says_what_it_cannot_play(asked: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert call(["storm", *asked]) == 2
    assert "to do:" in capsys.readouterr().err


def test_the_command_tells_one_scenario(capsys: pytest.CaptureFixture[str]) -> None:
    assert call(["storm", "--scenario", FAILED_ONCE[0]]) == 0
    assert "the session: interrupted" in capsys.readouterr().out
