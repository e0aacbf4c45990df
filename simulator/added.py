"""Files that other distributions name by an entry point: found by name, and none of their code is run.

The entry point's name is that of the file, without ``.toml``; its value is the package in whose folder it
lies.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Collection
from pathlib import Path

_PACKAGE = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*", re.ASCII)
_NAME = re.compile(r"[a-z0-9_]{1,32}", re.ASCII)
_SIZE_MAX = 65_536  # bytes; this project's own figure


def added(group: str, ours: Collection[str]) -> tuple[str, ...]:
    """The names in ``group`` that are not ``ours``; raise ValueError where they cannot be listed."""
    from importlib.metadata import entry_points

    try:
        found = {entry.name for entry in entry_points(group=group)}
    except Exception as error:  # whatever the files of another distribution hold
        raise ValueError(f"the simulated units of other distributions cannot be listed: {error}") from error
    return tuple(sorted(name for name in found if name not in ours and _NAME.fullmatch(name)))


def added_file(group: str, name: str) -> Path | None:
    """The file that another distribution names ``name``; None where none does.

    Raise ValueError where two do, or there is no such file.
    """
    from importlib.machinery import PathFinder
    from importlib.metadata import entry_points

    if not _NAME.fullmatch(name):
        return None
    try:
        values = [entry.value for entry in entry_points(group=group, name=name)]
    except Exception as error:  # whatever the files of another distribution hold
        raise ValueError(f"the simulated units of other distributions cannot be listed: {error}") from error
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
