"""Pictures of the full screen as text: its characters, and below them what they look like.

``python -m tests.physioctl.screen_pictures [FOLDER]`` draws those in ``pictures/`` anew; as SVG in FOLDER.
"""

from __future__ import annotations

import asyncio
import os
import re
import sys
from collections.abc import Iterator
from html import unescape
from pathlib import Path

from tests.physioctl.screen_states import SESSIONS, shown
from tools.pictures import CELL, TEXT, drawn

FOLDER = Path(__file__).with_name("pictures")
SIZES = ((80, 24), (120, 40), (40, 12))

_CLASS = re.compile(r"\.terminal-\d+-(r\d+) \{ ([^}]*) \}")
_FILLED = re.compile(r'<rect fill="(#\w+)" x="([\d.]+)" y="([\d.]+)" width="([\d.]+)" height="([\d.]+)"')


def text_of(svg: str, size: tuple[int, int]) -> str:
    """The picture in ``svg`` as text."""
    columns, lines = size
    rows = [[" "] * columns for _ in range(lines)]
    looks = {name: said.replace(";", " ").replace("fill: ", "") for name, said in _CLASS.findall(svg)}
    marks: dict[tuple[int, str], tuple[int, int]] = {}  # row and look: from the first column to the last

    def mark(row: int, first: int, last: int, look: str) -> None:
        before = marks.get((row, look), (first, last))
        marks[row, look] = min(first, before[0]), max(last, before[1])

    for _, name, x, y, said in TEXT.findall(svg):
        text = unescape(said).replace("\xa0", " ").strip("\n")
        row, column = round((float(y) - 20) / CELL[1]), round(float(x) / CELL[0])
        rows[row][column : column + len(text)] = text
        if text.strip():
            mark(row, column, column + len(text.rstrip()), looks[name])
    for fill, x, y, width, height in _FILLED.findall(svg):
        row, column = round(float(y) / CELL[1]), round(float(x) / CELL[0])
        for line in range(row, row + round(float(height) / CELL[1])):
            mark(line, column, column + round(float(width) / CELL[0]), f"on {fill}")
    listed = [f"{row:2} {first:3}-{last:<3} {look}" for (row, look), (first, last) in sorted(marks.items())]
    drawn = "\n".join("".join(row)[:columns].rstrip() for row in rows)
    return f"{drawn}\n---\n" + "\n".join(listed) + "\n"


def pictures(size: tuple[int, int]) -> Iterator[tuple[str, str, str]]:
    """Name, text and SVG of each picture of this size, with colours or as NO_COLOR has it."""
    states = {name: shown(events) for name, events in SESSIONS.items()}
    look = "plain" if "NO_COLOR" in os.environ else "color"
    for name, svg in asyncio.run(drawn(states, size)).items():
        yield f"{name}-{size[0]}x{size[1]}-{look}", text_of(svg, size), svg


if __name__ == "__main__":
    for no_color in (False, True):
        os.environ.pop("NO_COLOR", None)
        if no_color:
            os.environ["NO_COLOR"] = "1"
        for size in SIZES:
            for name, text, svg in pictures(size):
                (FOLDER / f"{name}.txt").write_text(text, encoding="utf-8")
                if sys.argv[1:]:  # the SVG too, for whoever wants to look at it
                    Path(sys.argv[1], f"{name}.svg").write_text(svg, encoding="utf-8")
