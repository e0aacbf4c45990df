"""Rows in columns: lists, whose rows are one line each, and tables, of which nothing is left out.

At a terminal a list fits its width: columns are cut, and the less important left out. Elsewhere a list is
for a program: the whole values, tab-separated, without a heading. What is printed may come from a file or a
unit: nothing in it is markup, and nothing in it can move the cursor.
"""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import click

from physioctl.cli.paging import paged
from physioctl.text import clean

_GAP = 2  # between two columns
_COLUMNS_MIN = 20  # of a terminal, whatever it says of itself; this project's own
_WRAPPED_MIN = 24  # for the last column of a table; below it a row is one text; this project's own


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a list, and what becomes of it where not all of them have room."""

    name: str
    rank: int  # 1: the last one to be left out
    least: int | None = None  # to which it may be cut; None: it is shown whole or not at all


def print_list(columns: Sequence[Column], rows: Iterable[Sequence[str]]) -> None:
    """Print a row a line: at a terminal as wide as that is, and paged where it is longer."""
    cells = [tuple(map(_shown, row)) for row in rows]
    if not sys.stdout.isatty():
        click.echo("\n".join(map("\t".join, cells)))
        return
    widths = chosen_widths(columns, _widths([_heads(columns), *cells]), _terminal_columns())
    heading, *lines = (_line(row, widths).rstrip() for row in (_heads(columns), *cells))
    paged([_bold(heading), *lines])


def print_table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Print all of a table: at a terminal the last column is broken between words, elsewhere nothing is."""
    click.echo("\n".join(table_lines(columns, rows)))


def table_lines(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    """The lines that `print_table` prints. Where the columns lack the room, a row is a text."""
    heads = tuple(name.upper() for name in columns)
    cells = [tuple(map(_shown, row)) for row in rows]
    widths = _widths([heads, *cells])
    *first, last = widths
    indent = sum(first) + _GAP * len(first)
    room = _terminal_columns() if sys.stdout.isatty() else indent + last
    if last <= _WRAPPED_MIN:  # figures: there is nothing to break
        room = max(room, indent + last)
    if indent + min(last, _WRAPPED_MIN) > room:
        for row in cells:
            text, *more = _broken((" " * _GAP).join(filter(None, row)), room - _GAP)
            yield from (text, *(" " * _GAP + line for line in more))
        return
    every = dict(enumerate(first))
    yield _bold(_line(heads, every | {len(first): room - indent}).rstrip())
    for row in cells:
        text, *more = _broken(row[-1], room - indent)
        yield (_line(row, every) + " " * _GAP * bool(first) + text).rstrip()
        yield from (" " * indent + line for line in more)


def chosen_widths(columns: Sequence[Column], widths: Sequence[int], room: int) -> Mapping[int, int]:
    """How wide each column is that has room, by its number; the rest are left out.

    The one of the first rank is always there, and is cut where it has to be. What room is left goes to those
    that are cut, by their ranks.
    """
    by_rank = sorted(range(len(columns)), key=lambda number: columns[number].rank)
    taken: dict[int, int] = {}
    left = room + _GAP
    for number in by_rank:
        whole, least = widths[number], columns[number].least
        needed = whole if least is None else min(whole, least)
        if needed + _GAP <= left or not taken:
            taken[number] = min(needed, room)
            left -= taken[number] + _GAP
    for number in filter(taken.__contains__, by_rank):
        more = min(widths[number] - taken[number], max(left, 0))
        taken[number] += more
        left -= more
    return dict(sorted(taken.items()))


def _heads(columns: Sequence[Column]) -> tuple[str, ...]:
    return tuple(column.name.upper() for column in columns)


def _bold(heading: str) -> str:
    return heading if os.environ.get("TERM") == "dumb" else click.style(heading, bold=True)


def _terminal_columns() -> int:
    return max(_COLUMNS_MIN, shutil.get_terminal_size().columns)


def _shown(text: str) -> str:
    """``text`` on one line, in characters that standard output has: none takes more room than is reckoned."""
    encoding = sys.stdout.encoding or "utf-8"
    return clean(text).encode(encoding, "backslashreplace").decode(encoding)


def _widths(rows: Sequence[Sequence[str]]) -> list[int]:
    from rich.cells import cell_len  # only a command that prints columns pays for rich

    return [max(map(cell_len, column)) for column in zip(*rows, strict=True)]


def _line(row: Sequence[str], widths: Mapping[int, int]) -> str:
    return (" " * _GAP).join(_fitted(row[number], width) for number, width in widths.items())


def _fitted(text: str, width: int) -> str:
    """``text``, ``width`` cells wide: filled up with spaces, or cut, which is shown."""
    from rich.cells import cell_len, set_cell_size

    if (length := cell_len(text)) <= width:
        return text + " " * (width - length)
    return f"{set_cell_size(text, width - 1)}{_cut_mark()}"


def _cut_mark() -> str:
    mark = "…"
    return mark if _shown(mark) == mark else "~"


def _broken(text: str, width: int) -> list[str]:
    """``text`` in lines of at most ``width`` cells, broken between words where there are any."""
    from rich.cells import cell_len

    if cell_len(text) <= width:
        return [text]
    from rich.console import Console
    from rich.text import Text

    lines = Text(text).wrap(Console(width=width), width)
    return [line.plain.rstrip() for line in lines]
