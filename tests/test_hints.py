"""What the program says leads to nothing that an installed physioctl does not have."""

from __future__ import annotations

import ast
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[1]
_BUILD = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["hatch"]["build"]
SHIPPED = _BUILD["targets"]["wheel"]["packages"]
NAMED = re.compile(r"[\w./-]*\w\.[a-z]{1,5}\b")
FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
DOCUMENTED = (ast.Module, ast.ClassDef, *FUNCTIONS)


def not_shipped() -> set[str]:
    """The files beside the packages, by their paths and by their names alone."""
    folders = ("docs", "tests", "tools", "firmware", "benchmarks")
    files = [file for folder in folders for file in (ROOT / folder).rglob("*.*")]
    files += [file for file in ROOT.glob("*.*") if file.is_file()]
    shipped = {file.name for package in SHIPPED for file in (ROOT / package).rglob("*.*")}
    paths = {str(file.relative_to(ROOT)) for file in files}
    return paths | {file.name for file in files} - shipped


def said(source: str) -> Iterator[ast.Constant]:
    """The texts of a module but for its docstrings: of a command, that is its help."""
    tree = ast.parse(source)
    unsaid = {
        id(node.body[0].value)
        for node in ast.walk(tree)
        if isinstance(node, DOCUMENTED) and node.body and isinstance(node.body[0], ast.Expr)
        if not (isinstance(node, FUNCTIONS) and is_a_command(node))
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in unsaid:
            yield node


def is_a_command(node: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    names = map(ast.unparse, node.decorator_list)
    return any(".command(" in name or ".group(" in name for name in names)


def hints(source: str, missing: set[str]) -> list[tuple[int, str]]:
    return [
        (text.lineno, name)
        for text in said(source)
        for name in NAMED.findall(str(text.value))
        if name in missing
    ]


def test_no_text_names_a_file_that_is_not_in_the_wheel() -> None:
    missing = not_shipped()
    found = {
        str(file.relative_to(ROOT)): named
        for package in SHIPPED
        for file in (ROOT / package).rglob("*.py")
        if (named := hints(file.read_text(encoding="utf-8"), missing))
    }

    assert found == {}


def test_such_a_text_would_be_found_in_an_error_and_in_a_commands_help() -> None:
    source = '''
"""See docs/wire.md."""
raise InvalidUsage("what", "See the kinds in docs/simulator.md.")
@click.command()
def run():
    """Help: manual.md."""
'''

    assert [name for _, name in hints(source, not_shipped())] == ["docs/simulator.md", "manual.md"]
