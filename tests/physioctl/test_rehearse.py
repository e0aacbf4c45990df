"""Every protocol that ships, rehearsed and planned on every model; and the same bytes for the same seed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from device.models import MODELS, model
from physioctl.cli import call
from physioctl.rehearsal.rehearse import Rehearsal, rehearse
from physioctl.rehearsal.rig import Rig
from protocols.compile import compile_plan
from protocols.errors import Refused
from protocols.library import bundled, find
from protocols.limits import Limits
from protocols.plan import Plan
from simulator.faults import parse
from tests.processes import finished

FAMILIES = {id_: find(id_).family for id_ in bundled()}
FITTING = {
    id_: [unit for unit in MODELS if family in (None, model(unit).family)] for id_, family in FAMILIES.items()
}
# A whole session of each protocol, on the models that fit it in turn: what differs from one to the other is
# its plan's limits, and every plan is compiled for every model.
SESSIONS = [(id_, units[number % len(units)]) for number, (id_, units) in enumerate(FITTING.items())]


def planned(id_: str, unit: str) -> Plan:
    kind = model(unit)
    return compile_plan(
        find(id_), model=unit, family=kind.family, area_mm2=kind.area_mm2, limits=Limits(kind.bounds)
    )


def rehearsed(id_: str, unit: str, *faults: str) -> tuple[Rehearsal, Rig]:
    rig = Rig(unit, seed=7, faults=[parse(fault) for fault in faults])
    return rehearse(find(id_), rig), rig


@pytest.mark.parametrize(("id_", "unit"), SESSIONS)
def test_a_bundled_protocol_delivers_what_it_plans(id_: str, unit: str) -> None:
    rehearsal, rig = rehearsed(id_, unit)

    ended = rehearsal.ended
    assert (ended.outcome, ended.output_off, rehearsal.alarms) == ("completed", "confirmed", ())
    assert abs(ended.delivered_ms - ended.planned_ms) <= 10
    assert abs(rig.unit.delivered_ms - ended.planned_ms) <= 10
    assert ended.energy_mj == pytest.approx(rig.unit.energy_mj, rel=0.01, abs=2)
    if ended.planned_energy_mj is not None:
        assert rig.unit.energy_mj == pytest.approx(ended.planned_energy_mj, rel=0.01)
    assert rig.unit.breaches == []
    assert rig.unit.output == 0
    assert rehearsal.agrees


@pytest.mark.parametrize("id_", FITTING)
def test_a_bundled_protocol_is_the_same_plan_on_every_model_of_its_family(id_: str) -> None:
    plans = [planned(id_, unit) for unit in FITTING[id_]]

    assert len({(plan.steps, plan.delivered_ms, plan.total_ms, plan.energy_mj or 0) for plan in plans}) == 1


def test_every_model_is_rehearsed_and_some_protocols_give_no_output() -> None:
    assert {unit for id_, unit in SESSIONS if FAMILIES[id_] is not None} == set(MODELS)
    assert list(FAMILIES.values()).count(None) >= 2


@pytest.mark.parametrize(
    ("id_", "unit"), [("calf-tightness-percussion", "us111"), ("calf-tightness-ultrasound", "ultragun")]
)
def test_a_protocol_of_the_other_family_is_refused_and_nothing_is_output(id_: str, unit: str) -> None:
    rig = Rig(unit)

    with pytest.raises(Refused):
        rehearse(find(id_), rig)

    assert rig.unit.changes == []


def test_a_rehearsal_that_lasts_longer_for_a_lift_off_still_gives_the_whole_dose() -> None:
    rehearsal, rig = rehearsed("unit-check", "us111", "lift_off@4s+2s")

    assert (rehearsal.ended.outcome, rehearsal.alarms) == ("completed", ("CONTACT_LOST",))
    assert rig.unit.delivered_ms == rehearsal.ended.planned_ms


# --- as it is typed -------------------------------------------------------------------------------------


def said(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    code = call(["rehearse", *arguments])
    return code, *capsys.readouterr()


def last(out: str) -> dict[str, Any]:
    made: dict[str, Any] = json.loads(out.splitlines()[-1])
    return made


@pytest.mark.parametrize(
    ("id_", "unit"), [("unit-check", "us111"), ("unit-check-percussion", "ultragun_pro")]
)
def test_the_same_seed_gives_the_same_bytes_in_any_process(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, id_: str, unit: str
) -> None:
    arguments = (id_, "--unit", unit, "--seed", "7", "--json")

    first = said(capsys, *arguments)
    second = said(capsys, *arguments)
    elsewhere = finished(tmp_path, "rehearse", *arguments)

    assert first == second == (0, elsewhere.stdout, elsewhere.stderr)


def test_another_seed_is_another_unit(capsys: pytest.CaptureFixture[str]) -> None:
    _, seven, _ = said(capsys, "unit-check", "--unit", "us111", "--seed", "7", "--json")
    _, eight, _ = said(capsys, "unit-check", "--unit", "us111", "--seed", "8", "--json")

    assert seven != eight


def test_json_is_one_object_a_line_from_the_first_to_the_last(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = said(capsys, "unit-check", "--unit", "us111", "--json")

    events = [json.loads(line) for line in out.splitlines()]
    assert (code, err) == (0, "")
    assert events[0]["event"] == "session_started"
    assert [event["event"] for event in events].count("session_ended") == 1
    assert events[-1]["event"] == "session_ended"
    assert (events[-1]["outcome"], events[-1]["breaches"], events[-1]["agrees"]) == ("completed", [], True)


def test_a_person_reads_the_dose_and_the_verdict(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = said(capsys, "unit-check", "--unit", "us111")

    assert code == 0
    assert "completed" in out
    assert "breaches: none" in out


def test_a_scenario_file_strikes_its_faults(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    scenario = tmp_path / "scenario.yaml"
    scenario.write_text("format: 1\nfaults:\n  - {kind: brown_out, at: 4 s}\n", encoding="utf-8")

    code, out, _ = said(capsys, "unit-check", "--unit", "us111", "--scenario", str(scenario), "--json")

    assert (code, last(out)["outcome"], last(out)["alarms"]) == (7, "interrupted", ["UNIT_FAULT"])


def test_a_rehearsal_whose_output_off_is_only_presumed_is_exit_code_8(
    capsys: pytest.CaptureFixture[str],
) -> None:
    code, out, _ = said(capsys, "unit-check", "--unit", "us111", "--fault", "cable_pulled@4s+1h", "--json")

    assert (code, last(out)["output_off"]) == (8, "presumed")


@pytest.mark.parametrize("fault", ["nonsense", "lift_off", "lift_off@soon", "stall@3s", "lift_off@1s=2"])
def test_a_fault_that_is_none_is_a_mistake_in_use(capsys: pytest.CaptureFixture[str], fault: str) -> None:
    code, out, err = said(capsys, "unit-check", "--unit", "us111", "--fault", fault)

    assert (code, out) == (2, "")
    assert err.startswith("error: ")
    assert "  to do: " in err
