"""protocols new and protocols diff, as they are typed."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from physioctl.cli import call
from protocols import schema
from protocols.errors import ProtocolInvalid
from protocols.library import parse
from protocols.limits import Family
from protocols.template import MARK, template

# What an author fills in, by the key that is marked.
FILLED = {
    "title": "A test",
    "body_site": "calf",
    "side": "left",
    "purpose": "For tests.",
    "grade": "none",
    "note": "Nothing.",
    "sign": "A sign.",
    "code": "A_SIGN",
    "action": "refer_now",
    "guide": "Sit.",
    "for": "30 s",
    "duration": "1 min",
    "intensity": "0.3 W/cm²",
    "duty": "100 %",
    "carrier": "1 MHz",
    "speed": "1800 /min",
    "say": "Move.",
}
FAMILIES = [*Family, None]


def said(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, str, str]:
    code = call(["protocols", *map(str, arguments)])
    return code, *capsys.readouterr()


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


# --- new ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("family", FAMILIES)
def test_a_new_file_is_refused_in_every_marked_line_and_in_no_other(family: Family | None) -> None:
    text = template("mine", family)

    with pytest.raises(ProtocolInvalid) as invalid:
        parse(text.encode(), "mine.yaml")

    marked = [number for number, line in enumerate(text.splitlines(), 1) if MARK in line]
    assert [problem.line for problem in invalid.value.problems] == marked


@pytest.mark.parametrize("family", FAMILIES)
def test_a_new_file_passes_once_its_marked_places_are_filled(
    here: Path, capsys: pytest.CaptureFixture[str], family: Family | None
) -> None:
    code, _, told = said(capsys, "new", "mine", "--family", family or "none")
    path = here / "mine.yaml"
    text = path.read_text(encoding="utf-8")
    filled = re.sub(rf"(\w+):  {MARK}.*", lambda found: f"{found[1]}: {FILLED[found[1]]}", text)
    path.write_text(filled, encoding="utf-8")

    checked, _, err = said(capsys, "check", path)

    assert (code, checked, err) == (0, 0, "")
    assert text.splitlines()[0] == f"# yaml-language-server: $schema={schema.PATH.as_uri()}"
    assert f"Fill in the {text.count(MARK)} places" in told


def test_new_replaces_no_file_unless_it_is_told_to(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = here / "mine.yaml"
    path.write_text("all my work", encoding="utf-8")

    refused, _, err = said(capsys, "new", "mine")
    kept = path.read_text(encoding="utf-8")
    forced, _, _ = said(capsys, "new", "mine", "--force")

    assert (refused, kept, forced) == (2, "all my work", 0)
    assert "already" in err
    assert "id: mine\n" in path.read_text(encoding="utf-8")


def test_new_writes_where_it_is_told_to(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, _, _ = said(capsys, "new", "--output", here / "calf-stretch.yaml", "--family", "none")
    _, out, _ = said(capsys, "new", "another", "--output", "-")

    assert code == 0
    assert "id: calf-stretch\n" in (here / "calf-stretch.yaml").read_text(encoding="utf-8")
    assert "id: another\n" in out
    assert not (here / "another.yaml").exists()


@pytest.mark.parametrize(
    "typed",
    [
        ["../mine"],
        ["My Protocol"],
        ["x" * 300],
        ["a\x1b[2J"],
        ["calf-tightness-ultrasound"],
        ["mine", "--output", "nowhere/mine.yaml"],
        ["mine", "--output", "."],
        ["mine", "--output", "/dev/null", "--force"],
        ["mine", "--family", "laser"],
    ],
    ids=str,
)
def test_a_name_that_serves_for_no_file_leaves_none(
    here: Path, capsys: pytest.CaptureFixture[str], typed: list[str]
) -> None:
    code, out, err = said(capsys, "new", *typed)

    assert (code, out) == (2, "")
    assert "\x1b" not in err
    assert list(here.iterdir()) == []


# --- diff -----------------------------------------------------------------------------------------------


def changed(here: Path, was: str, now: str) -> Path:
    """A copy of a bundled file in which one thing is changed."""
    text = (schema.PATH.parent / "library" / "calf-tightness-ultrasound.yaml").read_text(encoding="utf-8")
    assert was in text
    path = here / "mine.yaml"
    path.write_text(text.replace(was, now), encoding="utf-8")
    return path


def test_diff_says_what_changed_a_line_each(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = changed(here, "for: 8 min", "for: 6 min")

    code, out, _ = said(capsys, "diff", "calf-tightness-ultrasound", path)

    assert code == 0
    assert out.splitlines()[:2] == [
        "step 3: 2 min shorter: 8 → 6 min",
        "delivered time: -20 %, 10 → 8 min",
    ]
    assert "dose: -2" in out


def test_diff_says_that_there_is_no_clinical_difference(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = changed(here, "id: calf-tightness-ultrasound", "id: mine")

    code, out, _ = said(capsys, "diff", "calf-tightness-ultrasound", path)

    assert code == 0
    assert out.splitlines() == ["no clinical difference", "id: calf-tightness-ultrasound → mine"]


def test_diff_tells_a_program(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = changed(here, "for: 8 min", "for: 6 min")

    _, out, _ = said(capsys, "diff", "calf-tightness-ultrasound", path, "--json")

    first, change, *_ = map(json.loads, out.splitlines())
    assert (first["event"], first["clinical"], first["from"] == first["to"]) == ("diff", True, False)
    assert first["changes"] == len(out.splitlines()) - 1
    assert change == {
        "event": "change",
        "kind": "step",
        "subject": "step 3",
        "what": "2 min shorter: 8 → 6 min",
        "clinical": True,
    }


def test_a_file_that_is_not_valid_is_compared_with_nothing(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, err = said(capsys, "diff", "unit-check", changed(here, "side: either", "side: up"))

    assert (code, out) == (3, "")
    assert "mine.yaml:" in err
