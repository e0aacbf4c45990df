"""The pictures of the README and the manual: as the program draws them now, and each of them shown."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from html import unescape
from pathlib import Path

import pytest

from tests.forked import ROOT
from tools.pictures import FOLDER, TEXT, VERSIONS, versions

SIZE_MAX = 150_000  # bytes of a file
SHOWN = re.compile(r'(?:<img src="|\]\()((?:docs/)?pictures/[^")]*)')


@pytest.fixture(scope="module")
def again(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The pictures drawn once more, where it is another time of day, on a terminal without colours."""
    folder = tmp_path_factory.mktemp("pictures")
    elsewhere = os.environ | {"TZ": "Asia/Kolkata", "NO_COLOR": "1", "COLUMNS": "40"}
    subprocess.run(
        [sys.executable, "-m", "tools.pictures", str(folder)],
        check=True,
        cwd=ROOT,
        env=elsewhere,
    )
    return folder


def words(picture: Path) -> str:
    """What can be read in a screen or a page, wherever it stands there."""
    text = picture.read_text(encoding="utf-8")
    if picture.suffix == ".svg":
        return "".join(unescape(said).strip() for *_, said in TEXT.findall(text))
    return re.sub(r"<svg.*?</svg>", "", text, flags=re.DOTALL)


def test_the_same_libraries_draw_the_same_bytes_again(again: Path) -> None:
    drawn_by = (FOLDER / VERSIONS).read_text(encoding="utf-8")
    if drawn_by != versions():
        pytest.skip(f"the pictures were drawn by {', '.join(drawn_by.splitlines())}")

    names = {file.name for file in FOLDER.iterdir()}

    assert {file.name for file in again.iterdir()} == names
    assert [name for name in names if (again / name).read_bytes() != (FOLDER / name).read_bytes()] == [], (
        "run: make pictures"
    )


def test_whatever_libraries_draw_them_they_say_the_same(again: Path) -> None:
    said = {
        file.name: words(file) for file in FOLDER.iterdir() if file.name not in (VERSIONS, "report-plot.svg")
    }

    assert all(said.values())
    assert {name: words(again / name) for name in said} == said, "run: make pictures"


def test_the_pages_show_every_picture_and_none_that_is_not_there() -> None:
    shown = set()
    for page in (ROOT / "README.md", ROOT / "docs" / "manual.md"):
        for target in SHOWN.findall(page.read_text(encoding="utf-8")):
            shown.add((page.parent / target).relative_to(FOLDER).as_posix())

    assert shown == {file.name for file in FOLDER.iterdir()} - {VERSIONS}


def test_a_picture_is_small_and_asks_nothing_of_the_network() -> None:
    for file in FOLDER.iterdir():
        text = file.read_text(encoding="utf-8")
        without_names = re.sub(
            r'xmlns(?::\w+)?="[^"]*"|<!--.*?-->|<!DOCTYPE[^>]*>', "", text, flags=re.DOTALL
        )

        assert file.stat().st_size < SIZE_MAX, file.name
        assert "://" not in without_names, file.name
