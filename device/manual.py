"""Make the manual's pages of data: ``python -m device.manual`` writes, ``--check`` only says what is stale.

The table of states is drawn from `device.control.machine`, the table of alarms from `device.monitor.alarms`. What is
not in either is not in the pages.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

from device.control.machine import TABLE, Move, State, Trigger
from device.monitor.alarms import RULES

ROOT = Path(__file__).resolve().parents[1]


def pages() -> dict[str, str]:
    """Every page made here: its path from the project's root, and its text."""
    return {"docs/states.md": states(), "docs/alarms.md": alarms()}


def states() -> str:
    """The controller's states, as a diagram and as a table."""
    lines = [
        "# The controller's states",
        "",
        "Made from the table in `device/control/machine.py` by `python -m device.manual`: do not edit.",
        "Output is meant to be on in `EMITTING` only. A pair that is not in the table is refused.",
        "",
        "```mermaid",
        "stateDiagram-v2",
        f"    [*] --> {State.OFFLINE.name}",
        *(
            f"    {state.name} --> {move.to.name}: {_edge(trigger, move)}"
            for state, cells in TABLE.items()
            for trigger, move in cells.items()
        ),
        "```",
        "",
        *_table(["trigger", *(state.name for state in State)], map(_row, Trigger)),
        "",
        "## What has to be true first",
        "",
        *_table(["fact", "meaning"], _facts()),
    ]
    return "\n".join(lines) + "\n"


def alarms() -> str:
    """Every alarm: how urgent it is, what it does, and what a person is told."""
    head = ["code", "priority", "stays until cleared", "effect", "after", "what", "what to do"]
    rows = (
        [
            f"`{rule.code}`",
            rule.priority.value,
            "yes" if rule.latches else "no",
            rule.effect.value,
            f"{rule.sustain_ms} ms" if rule.sustain_ms else "at once",
            rule.what,
            rule.to_do,
        ]
        for rule in RULES
    )
    lines = [
        "# The alarms",
        "",
        "Made from the rules in `device/monitor/alarms.py` by `python -m device.manual`: do not edit.",
        "*After*: for how long a rule has to be broken before its alarm is raised.",
        "",
        *_table(head, rows),
    ]
    return "\n".join(lines) + "\n"


def main() -> int:
    """Return 1 when ``--check`` found something stale."""
    parser = argparse.ArgumentParser(prog="python -m device.manual", description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 when a page is stale")
    check = parser.parse_args().check
    made = pages()
    stale = [name for name, text in made.items() if not _holds(ROOT / name, text)]
    for name in stale:
        if check:
            sys.stderr.write(f"{name} is stale: run python -m device.manual\n")
        else:
            (ROOT / name).write_text(made[name], encoding="utf-8")
            sys.stdout.write(f"wrote {name}\n")
    return int(check and bool(stale))


def _edge(trigger: Trigger, move: Move) -> str:
    return trigger.value + (f" [{_in_words(move)}]" if move.only_if else "")


def _row(trigger: Trigger) -> list[str]:
    return [trigger.value, *(_cell(TABLE[state].get(trigger)) for state in State)]


def _cell(move: Move | None) -> str:
    if move is None:
        return ""
    return move.to.name + (f" if {_in_words(move)}" if move.only_if else "")


def _in_words(move: Move) -> str:
    return move.only_if.__name__.replace("_", " ") if move.only_if else ""


def _facts() -> Iterator[list[str]]:
    """Each fact that a cell asks for, once, in the order of the table."""
    asked = (move.only_if for cells in TABLE.values() for move in cells.values())
    for fact in dict.fromkeys(fact for fact in asked if fact):
        yield [fact.__name__.replace("_", " "), fact.__doc__ or ""]


def _table(head: list[str], rows: Iterable[list[str]]) -> Iterator[str]:
    yield f"| {' | '.join(head)} |"
    yield "|" + "---|" * len(head)
    for row in rows:
        yield f"| {' | '.join(row)} |"


def _holds(path: Path, text: str) -> bool:
    return path.is_file() and path.read_text(encoding="utf-8") == text


if __name__ == "__main__":
    sys.exit(main())
