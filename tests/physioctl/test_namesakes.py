"""When a name, or an id, could stand for two protocols, a person is told which one is meant."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from physioctl.cli import call
from protocols import library
from protocols.library import find, namesakes

SHIPPED = (Path(library.__file__).with_name("library") / "unit-check.yaml").read_text(encoding="utf-8")
OTHER = SHIPPED.replace("for: 10 s", "for: 9 s")
Capture = pytest.CaptureFixture[str]
NOT_IT = "bears the id of the bundled protocol unit-check and is not it"
NOT_READ = "unit-check is the bundled protocol; the file of that name in this folder is not read"
COMMANDS = [
    ["protocols", "check"],
    ["protocols", "show"],
    ["protocols", "show", "--json"],
    ["protocols", "show", "--answers"],
    ["protocols", "plan", "--unit", "us111"],
    ["protocols", "plan", "--unit", "us111", "--json"],
    ["rehearse", "--unit", "us111"],
    ["rehearse", "--unit", "us111", "--json"],
    ["run", "--port", "sim://nosuch"],
]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder, and we are in it."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.hazard("H-21")
@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_a_file_that_bears_a_bundled_id_is_said_not_to_be_it(
    folder: Path, capsys: Capture, command: list[str]
) -> None:
    (folder / "mine.yaml").write_text(OTHER, encoding="utf-8")

    call([*command, "mine.yaml"])

    out, err = capsys.readouterr()
    assert err.count(f"note: mine.yaml {NOT_IT}") == 1
    assert "note:" not in out


@pytest.mark.hazard("H-21")
@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_a_bundled_id_means_the_bundled_protocol_though_a_file_is_called_so(
    folder: Path, capsys: Capture, command: list[str]
) -> None:
    (folder / "unit-check").write_text(OTHER, encoding="utf-8")

    call([*command, "unit-check"])

    _, err = capsys.readouterr()
    assert err.count(f"note: {NOT_READ}") == 1


@pytest.mark.parametrize("text", [SHIPPED, "# Mine\n" + SHIPPED, SHIPPED.replace("10 s", "10000 ms")])
def test_a_file_that_says_what_the_bundled_one_says_needs_no_note(folder: Path, text: str) -> None:
    (folder / "copy.yaml").write_text(text, encoding="utf-8")

    assert namesakes("copy.yaml", find("copy.yaml")) == ()


def test_names_that_stand_for_one_protocol_need_no_note(folder: Path) -> None:
    (folder / "own.yaml").write_text(OTHER.replace("id: unit-check", "id: own-check"), encoding="utf-8")

    assert namesakes("own.yaml", find("own.yaml")) == ()
    assert namesakes("unit-check", find("unit-check")) == ()


def test_a_path_reads_the_file_and_a_bare_id_does_not(folder: Path) -> None:
    (folder / "unit-check").write_text(OTHER, encoding="utf-8")

    assert find("./unit-check").content_hash != find("unit-check").content_hash
    assert find(folder / "unit-check").origin.file == str(folder / "unit-check")


def test_show_says_whether_it_ships(folder: Path, capsys: Capture) -> None:
    (folder / "mine.yaml").write_text(OTHER, encoding="utf-8")

    call(["protocols", "show", "unit-check", "--json"])
    call(["protocols", "show", "mine.yaml", "--json"])

    said = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [line["bundled"] for line in said] == [True, False]


def test_a_file_with_a_thousand_mistakes_does_not_flood_the_screen(folder: Path, capsys: Capture) -> None:
    (folder / "wrong.yaml").write_text("{" + "a, " * 1_000 + "}", encoding="utf-8")

    assert call(["protocols", "check", "wrong.yaml"]) == 3

    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 101
    assert lines[-1].endswith("more")
