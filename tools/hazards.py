"""Makes ``docs/hazards.md`` from ``docs/hazards.toml`` and the markers on the tests.

It reads the tests without running them: that they pass is for the run to say.
"""

from __future__ import annotations

import ast
import tomllib
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
DATA = ROOT / "docs" / "hazards.toml"
_HEAD = """# Hazards

What can harm a person, what causes it, what stands against it, and which tests show that it does.
In the manner of ISO 14971; no conformity with it is claimed, no risk is estimated in numbers, and no
unit of hardware has been judged. The words for harm are this project's own.

This page is made by `python -m tools.generate` from `docs/hazards.toml` and the `hazard` markers on the
tests. A hazard without a test that passed fails the suite.
"""


@dataclass(frozen=True, slots=True)
class Hazard:
    """One row of the table."""

    id: str
    hazard: str
    cause: str
    harm: str
    control: str
    requirement: str  # short enough to be tested
    single_fault: str  # what remains when one control has failed


def hazards() -> tuple[Hazard, ...]:
    """The hazards, as they are written down."""
    return tuple(Hazard(**row) for row in tomllib.loads(DATA.read_text(encoding="utf-8"))["hazard"])


@cache
def marked() -> Mapping[str, tuple[str, ...]]:
    """The tests that are marked for each hazard, as ``file::test``."""
    found: dict[str, list[str]] = defaultdict(list)
    for path in sorted((ROOT / "tests").rglob("test_*.py")):
        for name, id_ in _marks(ast.parse(path.read_text(encoding="utf-8"))):
            found[id_].append(f"{path.relative_to(ROOT).as_posix()}::{name}")
    return {id_: tuple(tests) for id_, tests in found.items()}


def _marks(tree: ast.Module) -> Iterator[tuple[str, str]]:
    for node in tree.body:
        if isinstance(node, ast.FunctionDef):
            for decorator in reversed(node.decorator_list):
                match decorator:
                    case ast.Call(func=ast.Attribute(attr="hazard"), args=[ast.Constant(value=str(id_))]):
                        yield node.name, id_


def files() -> dict[str, str]:
    """The page: its path from the project's root, and its text."""
    return {"docs/hazards.md": page()}


def page() -> str:
    """The page, as it should be."""
    tests = marked()
    return "\n".join([_HEAD, *(_section(hazard, tests.get(hazard.id, ())) for hazard in hazards())])


def _section(hazard: Hazard, tests: tuple[str, ...]) -> str:
    rows = {
        "Cause": hazard.cause,
        "Harm": hazard.harm,
        "Control": hazard.control,
        "Requirement": hazard.requirement,
        "When one thing fails": hazard.single_fault,
    }
    lines = [f"## {hazard.id}: {hazard.hazard}", "", "| | |", "|---|---|"]
    lines += [f"| {name} | {text} |" for name, text in rows.items()]
    lines += ["", "Shown by:", ""]
    lines += [f"* {_sentence(test)} (`{test.partition('::')[0]}`)" for test in tests]
    return "\n".join([*lines, ""])


def _sentence(test: str) -> str:
    return test.partition("::test_")[2].replace("_", " ")
