"""protocols check over folders and for programs, as it is typed."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from physioctl.cli import call
from protocols.errors import PROBLEMS_SHOWN_MAX

SOUND = """format: 1
id: mine
title: Mine
family: none
body_site: calf
side: left
purpose: For a test.
evidence: {grade: none, note: Nothing.}
steps:
- {guide: Lie down., for: 30 s}
"""
BROKEN = SOUND.replace("side: left", "side: up").replace("30 s", "30")
REFUSED = SOUND.replace("family: none", "family: ultrasound").replace("body_site: calf", "body_site: abdomen")
REFUSED += "- {emit: {intensity: 0.44 W/cm², duty: 100 %, carrier: 1 MHz}, for: 5 min}\n"
FLAGGED = SOUND.replace("steps:", "red_flags: [{sign: A sign., action: refer_now}]\nsteps:")


def said(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, str, str]:
    code = call(["protocols", "check", *map(str, arguments)])
    return code, *capsys.readouterr()


def lines(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


def write(folder: Path, **texts: str) -> None:
    for name, text in texts.items():
        path = folder / f"{name.replace('__', '/')}.yaml"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


def test_a_folder_is_checked_to_its_depth_and_in_order(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write(tmp_path, b=SOUND, a=SOUND, deep__deeper__c=BROKEN)
    (tmp_path / "d.yml").write_text(SOUND, encoding="utf-8")
    (tmp_path / "notes.txt").write_text("no protocol", encoding="utf-8")
    write(tmp_path / ".hidden", e=BROKEN)

    code, out, err = said(capsys, tmp_path)

    assert code == 3
    assert out.splitlines() == [
        *(f"ok {tmp_path / name}: Mine" for name in ("a.yaml", "b.yaml", "d.yml")),
        "4 files: 3 sound, 1 invalid",
    ]
    assert err.count("error: ") == 2
    assert str(tmp_path / "deep" / "deeper" / "c.yaml") in err


def test_a_folder_without_a_protocol_is_no_success(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, err = said(capsys, tmp_path)

    assert (code, out) == (3, "1 file: 1 invalid\n")
    assert "holds no .yaml file" in err


def test_a_folder_of_sound_files_is_a_success(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(tmp_path, **{f"p{number}": SOUND for number in range(40)})

    code, out, err = said(capsys, tmp_path)

    assert (code, err) == (0, "")
    assert out.splitlines()[-1] == "40 files: 40 sound"


def test_json_tells_each_file_and_its_problems_and_then_the_counts(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write(tmp_path, a=SOUND, b=BROKEN, c=REFUSED, d=FLAGGED)

    code, out, err = said(capsys, tmp_path, "--json")

    a, b, c, d, summary = lines(out)
    assert (code, err) == (3, "")
    assert (a["verdict"], a["id"], a["problems"]) == ("sound", "mine", [])
    assert [(problem["line"], problem["column"], problem["field"]) for problem in b["problems"]] == [
        (6, 7, "side"),
        (10, 27, "steps.0.for"),
    ]
    assert (c["verdict"], c["problems"][0]["line"]) == ("refused", 5)
    assert "blocked" in c["problems"][0]["what"]
    assert (d["verdict"], d["notes"][0]["line"]) == ("sound", 9)
    counts = {"files": 4, "sound": 2, "invalid": 1, "refused": 1, "unknown": 0}
    assert summary == {"event": "summary"} | counts


def test_github_is_told_the_file_the_line_and_the_column(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write(tmp_path, b=BROKEN, c=REFUSED, d=FLAGGED)

    code, out, err = said(capsys, tmp_path, "--format", "github")

    side, time, blocked, flag, summary = out.splitlines()
    assert (code, err) == (3, "")
    assert side.startswith(f"::error file={tmp_path}/b.yaml,line=6,col=7::side: found 'up'; expected ")
    assert time.startswith(f"::error file={tmp_path}/b.yaml,line=10,col=27::steps.0.for: 30 is a number")
    assert blocked.startswith(
        f"::error file={tmp_path}/c.yaml,line=5,col=12::body_site: ultrasound is blocked"
    )
    assert flag.startswith(f"::notice file={tmp_path}/d.yaml,line=9,col=13::red_flags.0: has no `code`")
    assert summary == "3 files: 1 sound, 1 invalid, 1 refused"


def test_nothing_in_a_file_or_its_name_makes_an_annotation_of_its_own(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    hostile = BROKEN.replace("side: up", 'side: "50%\\n::error file=x::made up"')
    write(tmp_path, **{"a,line=9::b\n::error file=x": hostile})

    _, out, _ = said(capsys, tmp_path, "--format", "github")

    found = out.splitlines()
    assert len(found) == 3
    assert all(line.startswith("::error file=/") for line in found[:2])
    assert "50%25" in found[0]
    assert "a%2Cline=9%3A%3Ab" in found[0]


@pytest.mark.parametrize("form", ["text", "json", "github"])
def test_hostile_files_in_a_folder_end_in_a_line_each(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], form: str
) -> None:
    if hasattr(os, "mkfifo"):
        os.mkfifo(tmp_path / "a.yaml")
    (tmp_path / "b.yaml").symlink_to(tmp_path / "nowhere")
    (tmp_path / "c.yaml").write_bytes(b"\0\xff")
    (tmp_path / "d.yaml").write_text("a: &a [" + "[" * 100, encoding="utf-8")
    (tmp_path / "e.yaml").write_bytes(b"#" * 300_000)
    (tmp_path / "f.yaml").write_text("\n".join(f"k{number}: 1" for number in range(3000)), encoding="utf-8")
    (tmp_path / "loop").symlink_to(tmp_path, target_is_directory=True)
    write(tmp_path, g=SOUND)

    code, out, err = said(capsys, tmp_path, "--format", form)

    shown = out + err
    assert code == 3
    assert "\x1b" not in shown
    assert len(shown) < 20_000 + 600 * PROBLEMS_SHOWN_MAX
    assert "1 sound" in out or '"sound": 1' in out


def test_two_ways_of_printing_at_once_are_a_mistake(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = said(capsys, "unit-check", "--json", "--format", "github")

    assert (code, out) == (2, "")
    assert "--json is not --format github" in err


def test_the_hook_for_pre_commit_checks_the_files_that_it_is_given(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (hook,) = YAML(typ="safe").load(Path(__file__).parents[2] / ".pre-commit-hooks.yaml")
    write(tmp_path, a=SOUND, b=BROKEN)
    program, *arguments = hook["entry"].split()

    code = call([*arguments, str(tmp_path / "a.yaml"), str(tmp_path / "b.yaml")])

    assert (hook["id"], hook["language"], program) == ("physioctl-check", "python", "physioctl")
    assert code == 3
    assert "b.yaml:6:7" in capsys.readouterr().err
    assert re.search(hook["files"], "protocols/mine.yaml")
    assert re.search(hook["files"], "clinic/protocols/deep/mine.yml")
    assert not re.search(hook["files"], ".github/workflows/ci.yaml")
