"""protocols list, show, check, plan and schema, as they are typed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from device.models import MODELS, model
from physioctl.answers import read_answers
from physioctl.cli import call
from protocols import library

GOOD = """format: 1
id: mine
title: "[red]Mine[/]"
family: ultrasound
body_site: calf
side: left
purpose: For a test.
evidence: {grade: none, note: Nothing.}
steps:
- {guide: Lie down., for: 30 s}
- {emit: {intensity: 0.44 W/cm², duty: 100 %, carrier: 1 MHz}, for: 5 min}
"""


def said(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, str, str]:
    code = call([str(argument) for argument in arguments])
    return code, *capsys.readouterr()


def lines(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


@pytest.fixture
def mine(tmp_path: Path) -> Path:
    path = tmp_path / "mine.yaml"
    path.write_text(GOOD, encoding="utf-8")
    return path


def test_list_lists_every_protocol_that_ships(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = said(capsys, "protocols", "list")

    listed = [
        line.split()[0] for line in out.splitlines() if line.split() and line.split()[0] in library.bundled()
    ]
    assert code == 0
    assert listed == list(library.bundled())


def test_list_narrows_to_a_family_and_a_site(capsys: pytest.CaptureFixture[str]) -> None:
    _, out, _ = said(capsys, "protocols", "list", "--family", "percussion", "--site", "calf", "--json")
    _, guidance, _ = said(capsys, "protocols", "list", "--family", "none", "--json")

    found = lines(out)
    assert found
    assert {(line["family"], line["body_site"]) for line in found} == {("percussion", "calf")}
    assert {line["family"] for line in lines(guidance)} == {None}


@pytest.mark.parametrize("id_", library.bundled())
def test_every_bundled_protocol_is_checked_shown_and_planned(
    capsys: pytest.CaptureFixture[str], id_: str
) -> None:
    family = library.find(id_).family
    units = [unit for unit in MODELS if family in (None, model(unit).family)]

    assert said(capsys, "protocols", "check", id_)[0] == 0
    assert said(capsys, "protocols", "show", id_)[0] == 0
    assert [said(capsys, "protocols", "plan", id_, "--unit", unit)[0] for unit in units] == [0] * len(units)


def test_show_says_what_it_is_and_obeys_no_markup(mine: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = said(capsys, "protocols", "show", mine)

    assert code == 0
    assert "[red]Mine[/] (mine)" in out
    assert "  ages      adult, older\n" in out
    assert "Asked before:" in out
    assert "  - 5 min: emit 0.44 W/cm² at 100 %" in out


def test_show_answers_prints_a_form_that_is_read_back(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _, out, _ = said(capsys, "protocols", "show", "calf-tightness-ultrasound", "--answers")
    _, shown, _ = said(capsys, "protocols", "show", "calf-tightness-ultrasound", "--json")

    asked = {question["code"] for question in lines(shown)[0]["questions"]}
    path = tmp_path / "answers.yaml"
    path.write_text(out.replace("person:", "person: P-017"), encoding="utf-8")
    read = read_answers(path, library.find("calf-tightness-ultrasound"))
    assert {answer.code for answer in read.given} == asked


def test_check_says_ok_for_what_is_sound(mine: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = said(capsys, "protocols", "check", mine, "unit-check")

    assert (code, err) == (0, "")
    assert [line.split()[0] for line in out.splitlines()] == ["ok", "ok"]


def test_check_tells_every_mistake_of_every_file(mine: Path, capsys: pytest.CaptureFixture[str]) -> None:
    broken = mine.with_name("broken.yaml")
    broken.write_text(GOOD.replace("5 min", "5").replace("side: left", "side: up"), encoding="utf-8")

    code, out, err = said(capsys, "protocols", "check", broken, mine, mine.with_name("none.yaml"))

    errors = [line for line in err.splitlines() if line.startswith("error: ")]
    assert code == 3
    assert out == f"ok {mine}: [red]Mine[/]\n"
    assert [line.split(": ")[1] for line in errors] == [
        f"{broken}:6:7", f"{broken}:11:69", str(mine.with_name("none.yaml"))
    ]  # fmt: skip
    assert err.count("  to do: ") == 3


CODES = [
    (GOOD.replace("body_site: calf", "body_site: abdomen"), 4, "blocked"),
    (GOOD.replace("for: 5 min", "for: 16 min"), 4, "15 min"),
    (GOOD.replace("0.44 W/cm²", "3.5 W/cm²"), 3, "3 W/cm²"),
    (GOOD.replace("format: 1", "format: 2"), 3, "format 2"),
    (GOOD.replace("format: 1", "format: true"), 3, "found true"),
    (GOOD.replace("steps:", "limits: {energy: 5000 kJ}\nsteps:"), 3, "at most 54 kJ"),
    (GOOD.replace("steps:", "limits: {speed: 1800 /min}\nsteps:"), 3, "no speed to hold"),
]


@pytest.mark.parametrize(("text", "code", "what"), CODES)
def test_check_exits_by_whose_word_it_is(
    mine: Path, capsys: pytest.CaptureFixture[str], text: str, code: int, what: str
) -> None:
    mine.write_text(text, encoding="utf-8")

    found, out, err = said(capsys, "protocols", "check", mine)

    assert (found, out) == (code, "")
    assert what in err


GUN = (
    GOOD.replace("ultrasound", "percussion")
    .replace("{intensity: 0.44 W/cm², duty: 100 %, carrier: 1 MHz}", "{speed: 1800 /min}")
    .replace("5 min", "1 min")
)


@pytest.mark.parametrize("energy", ["5000 kJ", "1 J"])
@pytest.mark.parametrize(
    "command",
    [
        ["protocols", "check"],
        ["protocols", "plan", "--unit", "ultragun"],
        ["rehearse", "--unit", "ultragun"],
        ["run", "--port", "sim://ultragun", "--side", "left"],
    ],
    ids=lambda command: " ".join(command[:2]),
)
def test_an_energy_limit_on_percussion_is_a_mistake_in_the_file(
    mine: Path, capsys: pytest.CaptureFixture[str], command: list[str], energy: str
) -> None:
    mine.write_text(GUN.replace("steps:", f"limits: {{energy: {energy}}}\nsteps:"), encoding="utf-8")

    code, out, err = said(capsys, *command, mine)

    assert (code, out) == (3, "")
    assert f"{mine}:9:" in err
    assert "limits.energy" in err


def test_plan_json_is_a_flat_timeline_that_adds_up(mine: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = said(capsys, "protocols", "plan", mine, "--unit", "us111", "--json")

    plan, *steps = lines(out)
    assert code == 0
    assert [(step["at_ms"], step["kind"], step["duration_ms"]) for step in steps] == [
        (0, "guide", 30_000),
        (30_000, "emit", 300_000),
    ]
    assert (steps[1]["intensity_mw_cm2"], steps[1]["sata_mw_cm2"]) == (440, 440)
    assert (plan["total_ms"], plan["delivered_ms"], plan["assumed"]) == (330_000, 300_000, True)


def test_explain_prints_every_bound_and_one_that_binds_for_each_quantity(
    mine: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _, out, _ = said(capsys, "protocols", "plan", mine, "--unit", "us111", "--explain", "--json")
    _, table, _ = said(capsys, "protocols", "plan", mine, "--unit", "us111", "--explain")

    bounds = [line for line in lines(out) if line["event"] == "bound"]
    binding = [bound["quantity"] for bound in bounds if bound["binds"]]
    assert sorted(binding) == sorted({bound["quantity"] for bound in bounds})
    assert table.count("binds") == len(binding)
    assert all(bound["source"] in table for bound in bounds)


def test_the_lowest_bound_binds_be_it_a_list(mine: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _, out, _ = said(capsys, "protocols", "plan", mine, "--unit", "us111", "--explain", "--json")

    binding = {line["quantity"]: line for line in lines(out) if line.get("binds")}
    assert binding["carrier_khz"]["one_of"] == [1000]
    assert binding["delivered_ms"]["at_most"] == 900_000


def test_a_plan_for_the_wrong_family_is_refused(mine: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = said(capsys, "protocols", "plan", mine, "--unit", "ultragun")

    assert (code, out) == (4, "")
    assert "ultrasound protocol" in err


USAGE: list[list[str]] = [
    ["protocols", "show", "nosuch"],
    ["protocols", "show", "../library/unit-check"],
    ["protocols", "plan", "unit-check", "--unit", "us999"],
    ["protocols", "plan", "unit-check"],
    ["protocols", "check"],
    ["protocols", "list", "--site", "elbow"],
    ["protocols", "nosuch"],
]


@pytest.mark.parametrize("typed", USAGE, ids=" ".join)
def test_whatever_is_mistyped_ends_in_a_line_and_no_traceback(
    capsys: pytest.CaptureFixture[str], typed: list[str]
) -> None:
    code, out, err = said(capsys, *typed)

    assert code in (2, 3)
    assert out == ""
    assert err


def test_schema_prints_the_schema_that_ships(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = said(capsys, "protocols", "schema")

    assert code == 0
    assert "properties" in json.loads(out)


@pytest.mark.parametrize("command", ["list", "show", "check", "plan", "diff", "new", "schema"])
def test_help_has_an_example(capsys: pytest.CaptureFixture[str], command: str) -> None:
    code, out, _ = said(capsys, "protocols", command, "--help")

    assert code == 0
    assert f"physioctl protocols {command}" in out.split("Example")[1]


# --- by words -------------------------------------------------------------------------------------------


def test_protocols_are_listed_by_what_hurts_and_where(capsys: pytest.CaptureFixture[str]) -> None:
    assert call(["protocols", "list", "spasm", "knee", "--json"]) == 0

    listed = [json.loads(line)["id"] for line in capsys.readouterr().out.splitlines()]
    assert listed == ["knee-spasm-percussion", "knee-spasm-ultrasound"]


def test_a_word_that_is_of_no_use_is_named_beside_the_list(capsys: pytest.CaptureFixture[str]) -> None:
    assert call(["protocols", "list", "hand", "claf"]) == 0

    said = capsys.readouterr()
    assert said.err == "No protocol that ships is found by: claf. Did you mean calf?\n"
    assert "hand-cramp-ultrasound" in said.out


@pytest.mark.parametrize("word", ["\x1b[2J", "[bold]", "‮", "x" * 10_000])
def test_a_hostile_word_is_shown_and_not_obeyed(capsys: pytest.CaptureFixture[str], word: str) -> None:
    assert call(["protocols", "list", f"calf {word}"]) == 0

    said = capsys.readouterr()
    assert not {"\x1b", "‮"} & set(said.out + said.err)
    assert len(said.err) < 200
    assert "calf-tightness-ultrasound" in said.out
