"""The example of a unit of another maker: built and installed as anybody would, and used by its name."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from physioctl.nameplates import whose_nameplate
from physioctl.record.history import session as recorded_in
from tests.cases import each
from tests.forked import ROOT
from tests.processes import LIMIT_S, PHYSIOCTL, command, environment, finished, journal_at, short_protocol
from tests.terminals import Terminal

EXAMPLE = ROOT / "docs" / "example-unit"
FOUND = "import sys, warnings; sys.path.append(sys.argv.pop(1)); warnings.simplefilter('error')\n"


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder into which the example was installed, from a copy of its source and without a network."""
    source, into = tmp_path_factory.mktemp("source") / "example", tmp_path_factory.mktemp("installed")
    shutil.copytree(EXAMPLE, source)
    offline = ["--no-deps", "--no-index", "--no-build-isolation", "--disable-pip-version-check", "--quiet"]
    command = [sys.executable, "-m", "pip", "install", *offline, "--target", str(into), str(source)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=4 * LIMIT_S)
    assert done.returncode == 0, done.stderr
    # What is installed may not be run: a session reads its files.
    (into / "physioctl_sonomini" / "__init__.py").write_text("raise SystemExit('it was run')")
    return into


@pytest.fixture
def folder(installed: Path, tmp_path: Path) -> Path:
    """A copy of what was installed, for a test to change."""
    return Path(shutil.copytree(installed, tmp_path / "installed"))


def physioctl(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return finished(folder, folder, *arguments, code=f"{FOUND}{PHYSIOCTL}")


def begun_anew(folder: Path, *arguments: object) -> subprocess.CompletedProcess[str]:
    """The same in an interpreter of its own: libraries look for plugins while they are imported."""
    own = environment(folder) | {"PYTHONPATH": os.pathsep.join([str(ROOT), str(folder)])}
    return subprocess.run(
        command(*arguments),
        env=own,
        capture_output=True,
        text=True,
        timeout=LIMIT_S,
        stdin=subprocess.DEVNULL,
    )


def without_its_nameplate(folder: Path) -> None:
    """Leave only the simulated unit, with a head that the generic nameplate allows."""
    entries = next(folder.rglob("entry_points.txt"))
    entries.write_text("[physioctl.simulated_units]\nsonomini_50 = physioctl_sonomini.simulated\n")
    unit = folder / "physioctl_sonomini" / "simulated" / "sonomini_50.toml"
    text = unit.read_text(encoding="utf-8")
    unit.write_text(text.replace("area_mm2 = 500", "area_mm2 = 400"), encoding="utf-8")


def test_a_session_is_rehearsed_on_it_and_the_record_says_whose_nameplate_held(installed: Path) -> None:
    done = physioctl(installed, "rehearse", "unit-check", "--unit", "SonoMini 50", "--json")

    assert (done.returncode, done.stderr) == (0, "")
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    started, planned, ended = lines[0], lines[1], lines[-1]
    assert (started["model"], started["assumed"]) == ("SonoMini 50", False)
    assert [started[key] for key in ("nameplate", "nameplate_distribution", "nameplate_version")] == [
        "sonomini_50",
        "physioctl-sonomini",
        "1.0",
    ]
    assert len(started["nameplate_hash"]) == 64
    assert "nameplate of the SonoMini 50, an example" in {limit["source"] for limit in planned["limits"]}
    assert (ended["outcome"], ended["agrees"], ended["breaches"]) == ("completed", True, [])


def test_a_protocol_is_planned_for_it_by_its_nameplate(installed: Path) -> None:
    done = physioctl(installed, "protocols", "plan", "unit-check", "--unit", "sonomini_50")

    assert (done.returncode, done.stderr) == (0, "")
    assert (
        "The numbers of SonoMini 50 are its nameplate's, from physioctl-sonomini 1.0; a real unit's own "
        "declaration goes before them."
    ) in done.stdout


@pytest.mark.hazard("H-07")
def test_a_stop_needs_no_nameplate_and_runs_nothing_of_others(folder: Path) -> None:
    (folder / "physioctl_sonomini" / "sonomini_50.toml").write_text("\x00")
    shown = (
        f"{FOUND}from physioctl.cli import call\n"
        "code = call(sys.argv[1:])\n"
        "print(code, [name for name in sys.modules if 'sonomini' in name])"
    )

    done = finished(folder, folder, "stop", "--port", "sim://sonomini_50", code=shown)

    assert done.stdout.splitlines() == ["The unit reports that its output is off.", "0 []"]


def test_a_stop_of_a_unit_of_ours_is_not_hindered_by_damaged_distributions(folder: Path) -> None:
    next(folder.rglob("entry_points.txt")).write_bytes(b"\xff\xfe")

    done = physioctl(folder, "stop", "--port", "sim://us111", "--dialect", "native")

    assert (done.returncode, done.stdout) == (0, "The unit reports that its output is off.\n")


def test_the_report_and_the_doctor_name_whose_nameplate_it_was(installed: Path, tmp_path: Path) -> None:
    journal = journal_at(tmp_path / "j.sqlite")
    ran = physioctl(
        installed, "run", "unit-check", "--port", "sim://sonomini_50", "--journal", str(journal), "--plain"
    )
    assert ran.returncode == 0, ran.stderr

    report = physioctl(installed, "report", "--journal", str(journal), "--output", "-").stdout
    bundle = physioctl(
        installed, "export", "--fhir", "r4b", "--test-data", "--journal", str(journal), "--output", "-"
    ).stdout
    examined = physioctl(installed, "doctor", "sim://sonomini_50", "--journal", str(journal)).stdout

    for said in (report, bundle, examined):
        assert "sonomini_50, from physioctl-sonomini 1.0" in said


@each(
    ("whose", "said"),
    [
        (("us111", "physioctl", ""), ""),
        (("", "", ""), ""),  # a record made before there were others
        (("generic_ultrasound", "physioctl", ""), "the generic one, for there was none of its model"),
        (("mine", "", ""), "mine.toml, a file of the user's own"),
    ],
)
def test_a_nameplate_of_ours_is_not_named(whose: tuple[str, str, str], said: str) -> None:
    assert whose_nameplate(*whose) == said


def test_a_damaged_distribution_hides_nothing_of_the_others(folder: Path) -> None:
    broken = folder / "broken_thing-1.0.dist-info"
    broken.mkdir()
    (broken / "entry_points.txt").write_bytes(b"\xff\xfe")
    commands = (
        ("rehearse", "unit-check", "--unit", "sonomini_50"),
        ("rehearse", "unit-check", "--unit", "us111"),
        ("protocols", "plan", "unit-check", "--unit", "sonomini_50"),
        ("run", "unit-check", "--port", "sim://us111", "--journal", folder / "j.sqlite", "--new", "--yes"),
    )

    for words in commands:
        done = begun_anew(folder, *words)

        assert done.returncode == 0, done.stderr
    done = begun_anew(folder, "rehearse", "unit-check", "--unit", "nothing")
    assert (done.returncode, "Traceback" in done.stderr) == (2, False)


@pytest.mark.hazard("H-13")
@pytest.mark.parametrize(
    ("file", "was", "now", "said"),
    [
        ("sonomini_50.toml", "at_most = 2000", "at_most = 10_000", "intensity of 10 W/cm² is outside"),
        # A unit that declares more than its nameplate allows: what it says does not raise the nameplate.
        ("simulated/sonomini_50.toml", "level_max = 2000", "level_max = 2001", "at most 2 W/cm² is allowed"),
        (
            "simulated/sonomini_50.toml",
            "area_mm2 = 500",
            "area_mm2 = 501",
            "area_mm2 is 501, and not 400 to 500",
        ),
        (
            "simulated/sonomini_50.toml",
            "level_max = 2000",
            "level_max = 70_000",
            "cannot be used: Capabilities",
        ),
        ("simulated/sonomini_50.toml", "level_max = 2000", "level_max = nan", "cannot be used"),
        ("simulated/sonomini_50.toml", "firmware = [2, 0, 1]", "firmware = [2]", "not of three numbers"),
        ("simulated/sonomini_50.toml", '"SonoMini 50"', '"SonoMini ²"', "cannot be used"),
        ("simulated/sonomini_50.toml", '"SM"', '"SMSMSM"', "longer than 16 bytes"),
        ("simulated/sonomini_50.toml", "level_min = 100", "", "cannot be used"),
    ],
)
def test_what_says_too_much_of_it_or_is_malformed_is_refused_before_any_output(
    folder: Path, file: str, was: str, now: str, said: str
) -> None:
    path = folder / "physioctl_sonomini" / file
    text = path.read_text(encoding="utf-8")
    assert was in text
    path.write_text(text.replace(was, now), encoding="utf-8")

    done = physioctl(folder, "rehearse", "unit-check", "--unit", "sonomini_50")

    assert done.returncode in (2, 5)
    assert said in done.stderr
    assert "to do: " in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout == ""


def test_a_simulated_unit_without_a_nameplate_of_its_model_is_refused_in_a_rehearsal(folder: Path) -> None:
    entries = next(folder.rglob("entry_points.txt"))
    entries.write_text("[physioctl.simulated_units]\nsonomini_50 = physioctl_sonomini.simulated\n")

    done = physioctl(folder, "rehearse", "unit-check", "--unit", "sonomini_50")

    assert done.returncode == 5
    assert "the unit calls itself 'SonoMini 50', which no model here does" in done.stderr


def test_a_simulated_unit_cannot_take_a_name_of_ours(folder: Path) -> None:
    entries = next(folder.rglob("entry_points.txt"))
    entries.write_text("[physioctl.simulated_units]\nus111 = physioctl_sonomini.simulated\n")

    done = physioctl(folder, "rehearse", "unit-check", "--unit", "us111", "--json")

    assert done.returncode == 0
    assert json.loads(done.stdout.splitlines()[0])["nameplate_distribution"] == "physioctl"


@pytest.mark.hazard("H-13")
def test_at_a_terminal_a_person_confirms_a_unit_without_a_nameplate_and_nobody_else_does(
    folder: Path, tmp_path: Path
) -> None:
    without_its_nameplate(folder)
    asked = ("run", str(short_protocol(tmp_path, 1)), "--port", "sim://sonomini_50", "--plain", "--journal")

    def kept(name: str) -> str:
        return str(journal_at(tmp_path / name))

    said: list[tuple[str, int]] = []
    for answer in ("no", "yes"):
        terminal = Terminal(tmp_path, folder, *asked, kept(answer), code=f"{FOUND}{PHYSIOCTL}")
        try:
            assert terminal.shows(lambda shown=terminal: b"Is it the unit that you mean" in shown.screen)  # type: ignore[misc]
            assert b"Space to start" not in terminal.screen
            terminal.press(f"{answer}\n")
            assert answer == "no" or terminal.starts()
            said.append((answer, terminal.ended()))
        finally:
            terminal.close()
    alone = physioctl(folder, *asked, kept("alone"))
    at_once = Terminal(tmp_path, folder, *asked, kept("at-once"), "--yes", code=f"{FOUND}{PHYSIOCTL}")
    try:
        said.append(("--yes", at_once.ended()))
    finally:
        at_once.close()

    assert said == [("no", 4), ("yes", 0), ("--yes", 5)]
    assert (alone.returncode, "which no model here does" in alone.stderr) == (5, True)
    assert recorded_in(tmp_path / "yes").summary.model == "SonoMini 50"


def test_faults_of_a_unit_without_a_nameplate_can_be_cleared(folder: Path) -> None:
    without_its_nameplate(folder)

    done = physioctl(folder, "clear", "--port", "sim://sonomini_50")

    assert (done.returncode, done.stdout) == (0, "The unit has latched no fault.\n")
