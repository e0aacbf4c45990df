"""Packages of a project that have the names of physioctl's own. It imports nothing of physioctl's."""

from __future__ import annotations

import os
import sys
from importlib.machinery import PathFinder
from importlib.util import find_spec
from pathlib import Path

NAMES = ("device", "protocols", "simulator")


def home() -> Path:
    """The folder that physioctl is in. Raise `ModuleNotFoundError` when it is not installed."""
    spec = find_spec("physioctl")  # of a package at the top: nothing is imported
    if spec is None or spec.origin is None:
        raise ModuleNotFoundError("physioctl is not installed beside its pytest plugin", name="physioctl")
    return Path(os.path.realpath(spec.origin)).parents[1]


def namesake() -> tuple[str, Path] | None:
    """The first other package of such a name that is loaded, or would be imported, and its folder."""
    ours = home()
    for name in NAMES:
        for where in (_loaded(name), _importable(name)):
            if where is not None and where != ours / name:
                return name, where
    return None


def _loaded(name: str) -> Path | None:
    module = sys.modules.get(name)
    if module is None:
        return None
    if file := getattr(module, "__file__", None):
        return Path(os.path.realpath(file)).parent
    return Path(next(iter(getattr(module, "__path__", [])), "an unknown place"))


def _importable(name: str) -> Path | None:
    """The folder of the package that the path leads to; a folder without ``__init__.py`` is none."""
    spec = PathFinder.find_spec(name)
    if spec is None or spec.origin is None:
        return None
    return Path(os.path.realpath(spec.origin)).parent
