"""Files that other distributions name by an entry point: found by name, and none of their code is run.

The entry point's name is that of the file, without ``.toml``; its value is the package in whose folder it
lies.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Collection
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

_PACKAGE = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*", re.ASCII)
_NAME = re.compile(r"[a-z0-9_]{1,32}", re.ASCII)
_SIZE_MAX = 65_536  # bytes; this project's own figure


def added(group: str, ours: Collection[str]) -> tuple[str, ...]:
    """The names in ``group`` that are not ``ours``, but for those whose entry points cannot be read."""
    found = {entry.name for entry in _listed(group)}
    return tuple(sorted(name for name in found if name not in ours and _NAME.fullmatch(name)))


def _listed(group: str) -> list[EntryPoint]:
    """The entry points in ``group``; one whose files are damaged hides nothing of the others."""
    from importlib.metadata import distributions, entry_points

    try:
        return list(entry_points(group=group))
    except Exception:  # noqa: BLE001 - whatever the files of another distribution hold
        found: list[EntryPoint] = []
        for each in distributions():
            with suppress(Exception):
                found += (entry for entry in each.entry_points if entry.group == group)
        return found


def added_file(group: str, name: str) -> Path | None:
    """The file that another distribution names ``name``; None where none does.

    Raise ValueError where two do, or there is no such file.
    """
    from importlib.machinery import PathFinder

    if not _NAME.fullmatch(name):
        return None
    values = [entry.value for entry in _listed(group) if entry.name == name]
    if not values:
        return None
    if len(values) > 1 or not _PACKAGE.fullmatch(values[0]):
        raise ValueError(f"the simulated unit {name!r} is named twice, or by no package: {', '.join(values)}")
    top, *inner = values[0].split(".")
    spec = PathFinder.find_spec(top, sys.path)
    for folder in (spec.submodule_search_locations or ()) if spec else ():
        path = Path(folder, *inner, f"{name}.toml")
        if path.is_file() and path.stat().st_size <= _SIZE_MAX:
            return path
    raise ValueError(
        f"the simulated unit {name!r}: the package {values[0]} has no {name}.toml that can be read"
    )
