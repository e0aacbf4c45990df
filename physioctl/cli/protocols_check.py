"""``physioctl protocols check`` and ``schema``."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

import click

from physioctl.cli.choosing import chosen
from physioctl.cli.exits import Exit, code_of
from physioctl.cli.protocols_checked import SHOWN, Checked
from physioctl.errors import InvalidUsage
from protocols import compile as compiling
from protocols.additions import unnamed
from protocols.errors import PhysioctlError, Problem, ProtocolInvalid, printable

_SUFFIXES = {".yaml", ".yml"}


@click.command()
@click.argument("files", nargs=-1, required=True, metavar="FILE...")
@click.option("--format", "form", type=click.Choice([*SHOWN]), help="How it is printed.  [default: text]")
@click.option("--json", "as_json", is_flag=True, help="As --format json: one JSON object a line.")
def check(files: Sequence[str], form: str | None, as_json: bool) -> int:
    """Check protocol files, and hold them against the limits that hold on every unit.

    Of a folder, every file that ends in .yaml or .yml is checked, however deep it is; what begins with a dot
    is passed over. The exit code is 3 where a file is invalid, and else 4 where one is refused by a limit.

    \b
    Examples:
      physioctl protocols check my-protocol.yaml
      physioctl protocols check protocols/ --format github
    """
    if as_json and form not in (None, "json"):
        raise InvalidUsage(f"--json is not --format {form}", "Leave one of the two out.")
    shown = SHOWN["json" if as_json else form or "text"]()
    codes = []
    for file in files:
        folder = _is_folder(file)
        shown.begin(in_folder=folder)
        for checked in _of_folder(file) if folder else [_checked(file)]:
            shown.show(checked)
            codes.append(checked.code)
    shown.end()
    failed = [code for code in codes if code]
    return Exit.PROTOCOL_INVALID if Exit.PROTOCOL_INVALID in failed else next(iter(failed), Exit.DONE)


@click.command()
def schema() -> None:
    """Print the JSON Schema of protocol files, for editors that check as one types.

    \b
    Example:
      physioctl protocols schema > protocol-1.schema.json
    """
    from protocols import schema as made

    click.echo(made.text(), nl=False)


def _is_folder(name: str) -> bool:
    """Whether ``name`` is a folder, and not a protocol that ships."""
    from protocols.library import bundled

    return name not in bundled() and os.path.isdir(name)  # noqa: PTH112 - pathlib raises for some names


def _of_folder(folder: str) -> Iterator[Checked]:
    """Every protocol file in ``folder``, in order. One that cannot be looked into is a problem."""
    unread: list[OSError] = []
    found = False
    for path, folders, names in os.walk(folder, onerror=unread.append):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(names):
            if Path(name).suffix.lower() in _SUFFIXES and not name.startswith("."):
                found = True
                yield _checked(str(Path(path) / name))
    for error in unread:
        yield _not_checked(str(error.filename), f"cannot be looked into: {error.strerror}")
    if not found and not unread:
        yield _not_checked(folder, "holds no .yaml file")


def _not_checked(folder: str, what: str) -> Checked:
    problem = Problem(what, "Name the folder that holds the protocols.", file=printable(folder))
    return Checked(folder, ProtocolInvalid([problem]), Exit.PROTOCOL_INVALID)


def _checked(file: str) -> Checked:
    try:
        protocol = chosen(file)
        compiling.check(protocol)
    except PhysioctlError as error:
        return Checked(file, error, code_of(error))
    return Checked(file, None, Exit.DONE, protocol.id, protocol.title, tuple(unnamed(protocol)))
