"""Scenario files: what is read, what is refused and where, and what is expected of a session."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from physioctl.cli import call
from physioctl.rehearsal import scenario_schema
from physioctl.rehearsal.scenario_file import read_scenario
from physioctl.rehearsal.scenario_model import ENTRIES_MAX, Do, Scenario
from protocols.errors import ProtocolInvalid
from simulator.faults import FaultKind
from tests.cases import each

WHOLE = """\
format: 1
title: A lift-off, and an operator who stops
protocol: unit-check
unit: us111
seed: 7
faults:
  - {kind: lift_off, at: 4 s, for: 2 s}
  - {kind: bytes_struck, on: step 1, amount: 0.002}
operator:
  - {do: pause, at: 8 s}
  - {do: resume, at: 12 s}
  - {do: stop, at: 14 s}
expect:
  outcome: stopped
  output_off: confirmed
  alarms: [CONTACT_LOST]
  no_alarms: [UNIT_FAULT]
  delivered: {at_least: 2 s, at_most: 9 s}
  level_at_most: 0.29 W/cm²
"""
Capture = pytest.CaptureFixture[str]


def written(folder: Path, text: str, name: str = "scenario.yaml") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def rehearsed(capsys: Capture, path: Path, *options: str, unit: str = "us111") -> tuple[int, dict[str, Any]]:
    code = call(["rehearse", "unit-check", "--unit", unit, "--scenario", str(path), "--json", *options])
    last: dict[str, Any] = json.loads(capsys.readouterr().out.splitlines()[-1])
    return code, last


def mistakes(path: Path) -> list[str]:
    with pytest.raises(ProtocolInvalid) as caught:
        read_scenario(path)
    return [str(problem) for problem in caught.value.problems]


def test_a_scenario_is_read_as_it_is_written(tmp_path: Path) -> None:
    scenario = read_scenario(written(tmp_path, WHOLE))

    assert [fault.kind for fault in scenario.faults] == [FaultKind.LIFT_OFF, FaultKind.BYTES_STRUCK]
    assert (scenario.faults[0].at_ms, scenario.faults[0].for_ms, scenario.faults[1].on) == (4000, 2000, 1)
    assert [(act.do, act.at_ms) for act in scenario.operator] == [
        (Do.PAUSE, 8000),
        (Do.RESUME, 12_000),
        (Do.STOP, 14_000),
    ]
    assert scenario.expect is not None
    assert scenario.expect.alarms == ("CONTACT_LOST",)


def test_each_mistake_is_told_at_its_place_and_all_of_them_at_once(tmp_path: Path) -> None:
    lines = [
        ("format: 1", ""),
        ("faults:", ""),
        ("  - {kind: lift_of, at: 4 s}", "4:12: faults.0.kind: no fault is called 'lift_of'"),
        ("  - {kind: lift_off, at: -4 s}", "5:26: faults.1.at: -4 s is negative"),
        ("  - {kind: lift_off, at: 4}", "6:26: faults.2.at: 4 is a number without a unit"),
        ("  - {kind: lift_off}", "7:5: faults.3: has to have one of `at` and `on`"),
        ("  - {kind: lift_off, at: 4 s, on: step 1}", "8:5: faults.4: has to have one of `at` and `on`"),
        (
            "  - {kind: lift_off, at: 4 s, amount: 2}",
            "9:39: faults.5.amount: lift_off of 2 is outside 0 to 1",
        ),
        ("  - {kind: lift_off, at: 4 s, amount: .nan}", "10:39: faults.6.amount: NaN is not a finite number"),
        ("  - {kind: lift_off, at: 4 s, how: 1}", "11:31: faults.7.how: there is no such key here"),
        ("  - {kind: lift_off, on: step 0}", "12:26: faults.8.on: found 'step 0'"),
        ("  - {kind: lift_off, at: 2 h, for: 99 h}", "13:36: faults.9.for: 99 h is longer than a day"),
        ("  - [lift_off]", "14:5: faults.10: found a list"),
        ("operator:", ""),
        ("  - {do: lift, at: 4 s}", "16:10: operator.0.do: found 'lift'"),
        ("  - {do: pause, at: 4 s, to: 1 W/cm²}", "17:30: operator.1.to: pause has no level"),
        ("expect:", ""),
        ("  outcome: fine", "19:12: expect.outcome: found 'fine'"),
        ("  alarms: [CONTACT]", "20:12: expect.alarms.0: no alarm is called 'CONTACT'"),
        ("  delivered: {}", "21:14: expect.delivered: holds no time"),
        ("  dose: 3", "22:3: expect.dose: there is no such key here"),
    ]
    text = "# a comment\n" + "\n".join(line for line, _ in lines) + "\n"
    path = written(tmp_path, text)

    found = mistakes(path)

    told = [said for _, said in lines if said]
    assert [line[: len(f"{path}:{said}")] for line, said in zip(found, told, strict=True)] == [
        f"{path}:{said}" for said in told
    ]


@each(
    ("entries", "says"),
    [
        (
            "faults:\n  - {kind: lift_off, at: 4 s}\n  - {kind: restart, at: 3 s}",
            ":4:25: faults.1.at: is before",
        ),
        (
            "faults:\n  - {kind: lift_off, on: step 2}\n  - {kind: restart, on: step 1}",
            "faults.1.on: is before",
        ),
        ("operator:\n  - {do: pause, at: 9 s}\n  - {do: resume, at: 8 s}", "time does not go backwards"),
    ],
)
def test_times_do_not_go_backwards(tmp_path: Path, entries: str, says: str) -> None:
    (found,) = mistakes(written(tmp_path, f"format: 1\n{entries}\n"))

    assert says in found


@each(
    ("text", "says"),
    [
        ("", "is empty"),
        ("faults: []", "format: is missing"),
        ("format: 2\nnothing: known", ":1:9: format: format 2 is not known here"),
        ("format: true", "format: found true"),
        ("format: 1\nfaults: 3", "faults: found 3; expected a list"),
        ("format: 1\nfaults:", "faults: found nothing"),
        ("format: 1\nseed: -1", "seed: found -1"),
        ("format: 1\nseed: 1\nseed: 2", "'seed' is here twice"),
        ("format: 1\nexpect: {level_at_most: 3 V}", "such as 0.44 W/cm² or 2100 /min"),
        ("format: 1\nunit: us112", "no model is called 'us112'"),
        ('format: 1\ntitle: "\\x1b[2J"', "holds a control character"),
        ("format: 1\nfaults: " + "[" * 5000, "nested more than"),
        ("format: 1\n#" + "#" * 300_000, "at most"),
        (
            "a: &a [1]\nb: &b [*a, *a]\nc: &c [*b, *b]\n" + "d: [" + "*c," * 4000 + "]",
            "more than 10000 values",
        ),
        ("format: 1\nfaults: [" + "{kind: restart, at: 1 s}," * (ENTRIES_MAX + 1) + "]", "at most 200"),
        ("format: !!python/object 1", "found the tag"),
        ("[[fault]]\nkind = 'stall'", "scenario.yaml:"),
    ],
)
def test_a_file_that_is_no_scenario_is_answered_with_what_is_wrong(
    tmp_path: Path, text: str, says: str
) -> None:
    with pytest.raises(ProtocolInvalid) as caught:
        read_scenario(written(tmp_path, text))

    assert says in f"{caught.value}"


def test_a_file_of_the_former_format_is_told_to_be_one(tmp_path: Path) -> None:
    old = written(tmp_path, '[[fault]]\nkind = "stall"\nat = "1 s"\n', "scenario.toml")

    assert mistakes(old) == [f"{old}: is TOML; scenario files are YAML"]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="named pipes are a thing of POSIX")
def test_a_scenario_that_is_no_file_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.yaml")

    assert "is a device or a pipe" in mistakes(tmp_path / "pipe.yaml")[0]


def test_the_schema_knows_every_fault_and_every_key() -> None:
    made = scenario_schema.schema()

    assert made["$defs"]["FaultEntry"]["properties"]["kind"]["enum"] == [*FaultKind]
    assert set(made["properties"]) == set(Scenario.model_fields)
    assert made["$defs"]["ActEntry"]["oneOf"] == [{"required": ["at"]}, {"required": ["on"]}]
    assert "null" not in json.dumps(made)


def test_what_was_expected_is_shown_with_what_was_found(capsys: Capture, tmp_path: Path) -> None:
    code = call(["rehearse", "unit-check", "--unit", "us111", "--scenario", str(written(tmp_path, WHOLE))])

    out = capsys.readouterr().out
    assert code == 0
    assert "  held: outcome stopped (found: stopped)" in out.splitlines()
    assert "NOT HELD" not in out


@each(
    ("expectation", "told"),
    [
        ("outcome: completed", ("outcome completed", "stopped")),
        ("output_off: presumed", ("output off presumed", "confirmed")),
        ("alarms: [UNIT_FAULT]", ("alarm UNIT_FAULT", "CONTACT_LOST")),
        ("no_alarms: [CONTACT_LOST]", ("no alarm CONTACT_LOST", "CONTACT_LOST")),
        ("delivered: {at_most: 1 s}", ("delivered at most 1 s", "")),
        ("delivered: {at_least: 9 s}", ("delivered at least 9 s", "")),
        ("level_at_most: 0.28 W/cm²", ("level at most 0.28 W/cm²", "0.29 W/cm²")),
    ],
)
def test_what_is_not_as_expected_is_exit_code_7(
    capsys: Capture, tmp_path: Path, expectation: str, told: tuple[str, str]
) -> None:
    text = f"{WHOLE.partition('expect:')[0]}expect:\n  {expectation}\n"

    code, last = rehearsed(capsys, written(tmp_path, text))

    failed = [each for each in last["expectations"] if not each["held"]]
    assert code == 7
    assert [each["expectation"] for each in failed] == [told[0]]
    assert told[1] in failed[0]["found"]


def test_what_ends_a_session_may_be_what_is_expected(capsys: Capture, tmp_path: Path) -> None:
    text = (
        "format: 1\nfaults:\n  - {kind: cable_pulled, at: 4 s, for: 1 h}\n"
        "expect: {outcome: interrupted, output_off: presumed, record_may_differ: true}\n"
    )
    path = written(tmp_path, text)

    code, last = rehearsed(capsys, path)
    strict = written(tmp_path, text.replace(", record_may_differ: true", ""))

    assert (code, last["outcome"]) == (0, "interrupted")
    assert rehearsed(capsys, strict)[0] == 7


def test_a_fault_on_a_step_begins_when_the_step_does(capsys: Capture, tmp_path: Path) -> None:
    text = (
        "format: 1\nfaults:\n  - {kind: lift_off, on: step 1, for: 3 s}\nexpect: {alarms: [CONTACT_LOST]}\n"
    )

    code, last = rehearsed(capsys, written(tmp_path, text))

    assert (code, last["outcome"]) == (0, "completed")


def test_what_was_to_happen_on_a_step_that_never_begins_is_not_as_expected(
    capsys: Capture, tmp_path: Path
) -> None:
    text = "format: 1\nfaults: [{kind: restart, on: step 9}]\nexpect: {outcome: completed}\n"

    code, last = rehearsed(capsys, written(tmp_path, text))

    failed = [each for each in last["expectations"] if not each["held"]]
    assert code == 7
    assert [each["found"] for each in failed] == ["not step 9"]


@each(
    "entry",
    [
        "faults: [{kind: stall, at: 1 s}]",
        "faults: [{kind: stall, on: step 9}]",
        "operator: [{do: lower, to: 2000 /min, at: 1 s}]",
        "expect: {level_at_most: 2000 /min}",
    ],
)
def test_what_cannot_happen_to_the_unit_is_a_mistake_in_use(
    capsys: Capture, tmp_path: Path, entry: str
) -> None:
    path = written(tmp_path, f"format: 1\n{entry}\n")

    code = call(["rehearse", "unit-check", "--unit", "us111", "--scenario", str(path)])

    assert (code, capsys.readouterr().out) == (2, "")
