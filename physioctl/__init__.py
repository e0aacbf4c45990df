"""Timed therapy sessions from protocol files, inside their limits, with a record.

This is what integrators import. The public names stand in ``__init__.pyi``, once, where type checkers read
them as well; each is loaded when it is first used, so that importing the package costs nothing. The packages
``device``, ``protocols`` and ``simulator`` are taken from beside it (`physioctl.siblings`), so import it
before anything else of such a name.
"""

from __future__ import annotations

import importlib

from physioctl import siblings

siblings.install()

TYPE_CHECKING = False  # as typing has it, without importing it
if TYPE_CHECKING:
    from typing import Any

__version__ = "0.1.0"


def _homes() -> dict[str, str]:
    """The public names, and the module that each is imported from."""
    import ast
    from pathlib import Path

    tree = ast.parse(Path(__file__).with_name("__init__.pyi").read_text(encoding="utf-8"))
    return {
        name.asname: str(line.module)
        for line in tree.body
        if isinstance(line, ast.ImportFrom)
        for name in line.names
        if name.asname is not None
    }


def __getattr__(name: str) -> Any:
    if name.startswith("_") and name != "__all__":  # the import system looks for some
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    if name == "__all__":
        return [*_homes()]
    home = _homes().get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    siblings.require()
    if home == __name__:
        return importlib.import_module(f"{home}.{name}")
    found = globals()[name] = getattr(importlib.import_module(home), name)
    return found


def __dir__() -> list[str]:
    return sorted({*globals(), *_homes()})
