"""The manual's pages that are made from data.

The table of states is drawn from `device.control.machine`, the table of alarms from
`device.monitor.alarms`, what `physioctl doctor` finds from `physioctl.doctor.findings`, and what `physioctl
conform` examines from `physioctl.conformance.suites`. What is not in them is not in the pages.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any, cast

from transitions.extensions import GraphMachine

from device.control.machine import TABLE, Facts, Move, State, Trigger, rows
from device.monitor.alarms import RULES
from physioctl.conformance.outcomes import Clause
from physioctl.conformance.suite import CANNOT_SHOW
from physioctl.conformance.suites import NATIVE, suite_for
from physioctl.doctor.findings import KINDS


def files() -> dict[str, str]:
    """Every page made here: its path from the project's root, and its text."""
    return {
        "docs/states.md": states(),
        "docs/alarms.md": alarms(),
        "docs/doctor.md": doctor(),
        "docs/conformance.md": conformance(),
    }


def states() -> str:
    """The controller's states, as a diagram and as a table."""
    lines = [
        "# The controller's states",
        "",
        "Made from the table in `device/control/machine.py` by `python -m tools.generate`: do not edit.",
        "Output is meant to be on in `EMITTING` only. A pair that is not in the table is refused.",
        "",
        "```mermaid",
        *_diagram(),
        "```",
        "",
        *_table(["trigger", *(state.name for state in State)], map(_row, Trigger)),
        "",
        "## What has to be true first",
        "",
        *_table(["fact", "meaning"], _facts()),
    ]
    return "\n".join(lines) + "\n"


class _Always:
    """Facts that hold: the diagram only names them."""

    def __getattr__(self, name: str) -> Any:
        def holds() -> bool:
            return True

        holds.__name__ = name
        return holds


def _diagram() -> list[str]:
    """The table as ``transitions`` itself draws it, without its colours."""
    machine = GraphMachine(
        states=State,
        initial=State.OFFLINE,
        transitions=rows(cast(Facts, _Always())),
        auto_transitions=False,
        graph_engine="mermaid",
        show_conditions=True,
    )
    drawn = str(machine.get_graph().draw(None)).splitlines()
    return [line for line in drawn[drawn.index("stateDiagram-v2") :] if line.strip() and "lass" not in line]


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
            rule.action,
        ]
        for rule in RULES
    )
    lines = [
        "# The alarms",
        "",
        "Made from the rules in `device/monitor/alarms.py` and their texts in `alarms.toml`, by",
        "`python -m tools.generate`: do not edit.",
        "*After*: for how long a rule has to be broken before its alarm is raised.",
        "",
        *_table(head, rows),
    ]
    return "\n".join(lines) + "\n"


def doctor() -> str:
    """Everything that the doctor can find, and what to do about it."""
    head = ["code", "is a", "exit code", "it says", "to do"]
    rows = (
        [
            f"`{kind.code}`",
            kind.mark.word,
            str(kind.exit_code),
            _filled_in(kind.what),
            _filled_in(kind.action),
        ]
        for kind in KINDS
    )
    lines = [
        "# What the doctor finds",
        "",
        "Made from the table in `physioctl/doctor/findings.py` by `python -m tools.generate`: do not edit.",
        "",
        "`physioctl doctor` prints one line for each thing it has looked at: `[+] ok`, `[i] information`,",
        "`[!] warning` or `[x] problem`, and under the last two what to do. Its exit code is the highest",
        "of the problems. `--json` prints each as one object with `code`, `mark`, `what`, `action` and, in",
        "`figures`, what was measured. What stands in *italics* here is filled in; where a line is nothing",
        "but *why* and *todo*, it is what a session would be refused with.",
        "",
        "Without PORT, whatever is wrong with a port that nobody has named (`port.…`) is a warning, and that",
        "no unit answers on any is `unit.none`.",
        "",
        *_table(head, rows),
    ]
    return "\n".join(lines) + "\n"


def conformance() -> str:
    """Every clause that is examined, with the sentence that it holds a unit to."""
    modbus = suite_for("modbus", None)
    lines = [
        "# Conformance of a unit",
        "",
        "Made from the clauses in `physioctl/conformance/` by `python -m tools.generate`: do not edit.",
        "",
        "`physioctl conform --port PORT` examines whether a unit, real or simulated, keeps the promises",
        "of [the wire](wire.md), and with `--dialect modbus` those of [Modbus](modbus.md), at the address",
        "behind PORT's `#`. It knows nothing else of it. **It gives output and asks for what has to be",
        "refused: nobody may be treated meanwhile.** At a terminal the unit's serial number has to be",
        "typed; elsewhere `--nobody-is-treated` says so, and without either it is refused.",
        "",
        "Of a Modbus line that holds for every unit on it: stops for all of them are sent, too.",
        "",
        "Output is at the lowest level and duty cycle the unit has, and at most 20 above that level.",
        "Stop, lapse and the unit's own timer are examined first; after each clause comes a Stop. The",
        "first request that is done where it had to be refused ends the run, and so does a clause with a",
        "*yes* in the last column. However the run ends, Stops are sent until the unit reports that its",
        "output is off. Values are random: `--seed` makes a run again. What a person has to bring about",
        "is waited for with `--wait SECONDS`, and is *not shown* without one. A promise that a unit does",
        "not make, by what it declares, is *not applicable*: a unit without a lease passes no clause of",
        "leases.",
        "",
        "Where the port is lost, output off is *presumed* once a lease or the unit's own timer was shown to",
        "end output and has had its time. A Modbus unit with neither has nothing that ends it: its output",
        "is *unknown* then, and this program says so before it begins.",
        "",
        "`--json` prints one object a line: `conformance` with the unit, the dialect, what ends its output",
        "without a host, the date, the seed and `format`, a `clause` each with its `mark` (`pass`, `fail`,",
        "`not shown`, `not applicable`) and what was `measured`, and `conformance_ended`. `--html FILE`",
        "writes the certificate as a page. Exit codes: 0 no clause failed, 7 one did, 5 the unit or its",
        "port cannot be used, 6 stopped, 8 output is not confirmed off.",
        "",
        "For each clause but those of a slow line, a wrong clock and a unit that speaks first,",
        "`simulator/broken/` has a unit that breaks it and no other: `physioctl simulate --breaks CLAUSE`.",
        "",
        "## What such a run cannot show",
        "",
        *(f"- {what}" for what in CANNOT_SHOW),
        "",
        "Of a Modbus unit, moreover:",
        "",
        *(f"- {what}" for what in modbus.cannot_show[len(CANNOT_SHOW) :]),
        "",
        "## Clauses of the native dialect",
        "",
        *_clauses(NATIVE.clauses),
        "",
        "## Clauses of the Modbus dialect",
        "",
        "[Modbus](modbus.md) takes over from [the wire](wire.md) what its own page does not say otherwise,",
        "with a token for `seq`: a clause of such a promise quotes the wire.",
        "",
        *_clauses(modbus.clauses),
    ]
    return "\n".join(lines) + "\n"


def _clauses(clauses: Iterable[Clause]) -> Iterator[str]:
    head = [
        "clause",
        "page and section",
        "the page says",
        "what is done and measured",
        "not applicable where",
        "ends the run",
    ]
    rows = (
        [
            f"`{clause.id}`",
            f"{clause.page}: {clause.section}",
            clause.says.strip("| ").replace("|", "\\|"),
            clause.measures,
            "; ".join(part.value for part in clause.needs),
            "yes" if clause.ends_run else "",
        ]
        for clause in clauses
    )
    yield from _table(head, rows)


def _filled_in(text: str) -> str:
    return re.sub(r"\{(\w+)\}", r"*\1*", text)


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
