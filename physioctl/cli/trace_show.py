"""``physioctl trace show``."""

from __future__ import annotations

from pathlib import Path

import click

from physioctl.cli.printing import aside
from physioctl.cli.tables import Column, print_list
from physioctl.trace.decoding import Decoding, Shown
from physioctl.trace.reading import read_trace

_COLUMNS = (
    Column("seconds", 1),
    Column("direction", 3),
    Column("message", 2, least=12),
    Column("number", 5),
    Column("after", 4),
    Column("says", 6, least=16),
)


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
def show(file: Path) -> None:
    """Show what was said both ways, and when: messages, fields by name, and what came damaged.

    AFTER is the time from the request to its answer, in ms. In a pipe nothing is cut.

    \b
    Example:
      physioctl trace show session.trace
    """
    trace = read_trace(file)
    decoding = Decoding(trace.header)
    rows = [_row(shown) for entry in trace.entries for shown in decoding.show(entry.line)]
    header = trace.header
    aside(f"physioctl {header.physioctl}, {header.dialect}, {header.port}; {len(trace.entries)} lines")
    if trace.end is None:
        aside("The trace has no end: the program, or the file, was cut off.")
    if rows:
        print_list(_COLUMNS, rows)


def _row(shown: Shown) -> tuple[str, ...]:
    said = shown.said
    return (
        f"{shown.ms / 1000:.3f}",
        shown.direction,
        said.name,
        "" if said.number is None else str(said.number),
        "" if shown.after_ms is None else str(shown.after_ms),
        said.text,
    )
