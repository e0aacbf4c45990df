"""What no nameplate may say: a file with any mistake in it is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from device import models
from device.errors import NameplateInvalid
from device.models import read_model

FOLDER = Path(models.__file__).with_name("nameplates")
US111 = (FOLDER / "us111.toml").read_text(encoding="utf-8")
GUN = (FOLDER / "ultragun.toml").read_text(encoding="utf-8")


def refusal(folder: Path, text: str, name: str = "us111") -> str:
    """What is said of a nameplate with this text."""
    path = folder / f"{name}.toml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(NameplateInvalid) as refused:
        read_model(path)
    assert refused.value.what.startswith(str(path))
    return refused.value.what


@pytest.mark.hazard("H-04")
@pytest.mark.parametrize(
    "line", [line for line in US111.splitlines() if line and not line.startswith("#")], ids=lambda line: line
)
def test_no_line_of_a_nameplate_can_be_left_out_or_misspelt(line: str, tmp_path: Path) -> None:
    assert line.count("at_least") or refusal(tmp_path, US111.replace(f"{line}\n", "", 1))
    assert refusal(tmp_path, US111.replace(line, f"{line[0]}x{line[1:]}", 1))


@pytest.mark.hazard("H-04")
@pytest.mark.parametrize(
    ("was", "now", "said"),
    [
        ("at_most = 1060", "at_mots = 1060", "intensity_mw_cm2: at_most is missing"),
        ("at_most = 1060", "at_most = 1060\nof = 1", "intensity_mw_cm2: nothing is called of here"),
        ("at_most = 1060", "at_most = true", "at_most is True, and not a whole number"),
        ("at_most = 1060", "at_most = -1", "at_most is -1, and not a whole number"),
        ("at_most = 1060", "at_most = 1060.0", "at_most is 1060.0, and not a whole number"),
        ("at_most = 1060", 'at_most = "1060"', "at_most is '1060', and not a whole number"),
        ("at_least = 290", "at_least = 1061", "intensity at least 1.061 W/cm² and at most 1.06 W/cm²"),
        ("one_of = [20, 50, 100]", "one_of = []", "duty_pct: one_of is not a list with something in it"),
        ("one_of = [20, 50, 100]", "one_of = [20, 20]", "duty_pct: one_of names something twice"),
        ("one_of = [20, 50, 100]", "one_of = [20, true]", "one_of is True, and not a whole number"),
        ("one_of = [20, 50, 100]", "at_most = 50", "duty_pct: one_of is missing"),
        ('family = "ultrasound"', 'family = "laser"', "family is 'laser', and not one of"),
        ('family = "ultrasound"', 'family = "percussion"', "speed_per_min is missing"),
        ('name = "US111"', 'name = " "', "name is not a text with something in it"),
        ('id = "us111"', 'id = "us112"', "its id is 'us112'"),
        ("[bounds.sata_mw_cm2]\nat_most = 530\n", "", "bounds: sata_mw_cm2 is missing"),
        (
            "[bounds.sata_mw_cm2]",
            "[bounds.speed_per_min]\nat_most = 1\n[bounds.sata_mw_cm2]",
            "speed_per_min",
        ),
        ("[bounds.pulse_hz]\none_of = [0, 100]\n", "[bounds.pulse_hz]\n", "a table with something in it"),
        ("area_mm2 = [320, 400]", "area_mm2 = [400, 320]", "area_mm2 goes from 400 down to 320"),
        ("area_mm2 = [320, 400]", "area_mm2 = [320]", "area_mm2 is not a pair"),
        ("area_mm2 = [320, 400]", "area_mm2 = 400", "area_mm2 is not a pair"),
        ("area_mm2 = [320, 400]", "area_mm2 = [401, 480]", "area_mm2 of 400 is outside its own range"),
        ("trip_ddeg_c = [380, 430]", "trip_ddeg_c = [380, 431]", "may declare a higher trip"),
        ("warn_ddeg_c = 410", "warn_ddeg_c = 430", "the head warns no earlier than it trips"),
        ('"contact"]', '"contakt"]', "sensors names 'contakt', which is not one of"),
        ('"contact"]', '"output"]', "sensors names something twice"),
        ('["output", "head_temperature", "contact"]', '"output"', "sensors is not a list"),
    ],
)
def test_a_nameplate_that_is_not_as_it_has_to_be_is_refused(
    was: str, now: str, said: str, tmp_path: Path
) -> None:
    assert US111.count(was) == 1

    assert said in refusal(tmp_path, US111.replace(was, now))


def test_a_massage_gun_has_no_head_on_its_nameplate(tmp_path: Path) -> None:
    head = "\n[head]\narea_mm2 = 400\n"

    assert "nothing is called head here" in refusal(tmp_path, GUN + head, "ultragun")


@pytest.mark.parametrize("text", ["", "id = ", "id = 1\nid = 2", "\x00"])
def test_a_nameplate_that_is_no_toml_is_refused(text: str, tmp_path: Path) -> None:
    assert refusal(tmp_path, text)


def test_a_nameplate_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(NameplateInvalid, match="cannot be read"):
        read_model(tmp_path / "us111.toml")
