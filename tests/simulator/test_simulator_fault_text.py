"""Faults as text, as files and as a draw."""

from __future__ import annotations

import os
from pathlib import Path
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from device.wire.messages import Family
from simulator.faults import KINDS, Fault, FaultKind, draw, parse
from simulator.scenario import scenario


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("lift_off@30s+2s=0.5", Fault(FaultKind.LIFT_OFF, 30_000, 2000, 0.5)),
        ("lift_off@30s+2s", Fault(FaultKind.LIFT_OFF, 30_000, 2000, 0.02)),
        (" restart@1.5min ", Fault(FaultKind.RESTART, 90_000, 500)),
        ("ageing@0s=-0.3", Fault(FaultKind.AGEING, 0, 600_000, -0.3)),
        ("half_open@500ms+1h=1", Fault(FaultKind.HALF_OPEN, 500, 3_600_000, 1)),
    ],
)
def test_a_fault_is_read_as_it_is_written(text: str, fault: Fault) -> None:
    assert parse(text) == fault


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "write kind@when"),
        ("lift_off", "write kind@when"),
        ("lift_of@1s", "no fault is called 'lift_of'; choose one of"),
        ("lift_off@30", "'30' is no time; write a number with ms, s, min or h"),
        ("lift_off@1s+2", "'2' is no time"),
        ("lift_off@1s=half", "'half' is no number; the amount of lift_off is: coupling"),
        ("lift_off@1s=2", "outside 0 to 1"),
        ("lift_off@1s=nan", "outside 0 to 1"),
    ],
)
def test_a_fault_that_cannot_be_read_says_what_to_write(text: str, says: str) -> None:
    with pytest.raises(ValueError, match="(?s)" + says.replace("(", r"\(")):
        parse(text)


@given(st.text(max_size=40))
def test_no_text_ends_in_anything_but_a_fault_or_a_value_error(text: str) -> None:
    try:
        fault = parse(text)
    except ValueError:
        return
    assert fault.kind in KINDS


def test_a_scenario_is_read_from_a_file(tmp_path: Path) -> None:
    path = tmp_path / "bad-day.toml"
    path.write_text(
        '[[fault]]\nkind = "stall"\nat = "30 s"\nfor = "2 s"\namount = 1.5\n'
        '[[fault]]\nkind = "restart"\nat = "1 min"\n'
    )

    assert scenario(path) == (
        Fault(FaultKind.STALL, 30_000, 2000, 1.5),
        Fault(FaultKind.RESTART, 60_000, 500),
    )


def test_all_mistakes_of_a_scenario_are_told_at_once(tmp_path: Path) -> None:
    path = tmp_path / "bad.toml"
    path.write_text(
        'seed = 3\n[[fault]]\nkind = "stal"\nat = "30 s"\n[[fault]]\nkind = "stall"\n'
        '[[fault]]\nkind = "stall"\nat = "1 s"\nhow = 1\n'
    )

    with pytest.raises(ValueError) as caught:
        scenario(path)

    first, second, third, fourth = str(caught.value).splitlines()
    assert "nothing is called 'seed'" in first
    assert "fault 1: no fault is called 'stal'" in second
    assert "fault 2: at is missing" in third
    assert "fault 3: nothing is called how" in fourth


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("[[fault", "not TOML"),
        ("fault = 3", "fault is not a list"),
        ("fault = [3]", "fault 1: not a table"),
        ("#" * 70_000, "larger than"),
        ("a = " + "[" * 40_000, "not TOML"),
    ],
)
def test_a_file_that_is_no_scenario_says_so(tmp_path: Path, text: str, says: str) -> None:
    path = tmp_path / "odd.toml"
    path.write_text(text)

    with pytest.raises(ValueError, match=says):
        scenario(path)


def test_a_scenario_that_is_not_there_says_so(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="name a file that can be read"):
        scenario(tmp_path / "nowhere.toml")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="named pipes are a thing of POSIX")
def test_a_scenario_that_is_no_file_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")

    for path in (tmp_path / "pipe", tmp_path):
        with pytest.raises(ValueError, match="not a file"):
            scenario(path)


@given(st.integers(), st.sampled_from(Family), st.integers(0, 20))
def test_a_draw_is_the_same_every_time_and_fits_the_family(seed: int, family: Family, count: int) -> None:
    drawn = draw(Random(seed), 60_000, count, family)

    assert drawn == draw(Random(seed), 60_000, count, family)
    assert len(drawn) == count
    assert all(family in KINDS[fault.kind].families and 0 <= fault.at_ms < 60_000 for fault in drawn)
