"""Frozen values as Python source: for tables that are checked once and then imported."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Set
from dataclasses import MISSING, fields, is_dataclass
from enum import Enum
from typing import Any

_WIDTH = 80
_STEP = "    "


def literal(value: Any, margin: str = "") -> str:
    """The expression that makes ``value``, broken over lines where it is long; ``margin`` is its indentation.

    Raise `TypeError` for what is no mapping, tuple, frozenset, dataclass, enum, text, number or None.
    """
    match value:
        case Enum():
            return f"{type(value).__name__}.{value.name}"
        case str():
            return quoted(value)
        case int() | None:
            return repr(value)
        case Mapping():
            items = (f"{literal(key)}: {literal(item, margin + _STEP)}" for key, item in value.items())
            return _within("MappingProxyType({", items, "})", margin)
        case tuple():
            items = (literal(item, margin + _STEP) for item in value)
            return _within("(", items, ",)" if len(value) == 1 else ")", margin)
        case Set():
            return f"frozenset({literal(tuple(sorted(value)), margin)})"
    if is_dataclass(value) and not isinstance(value, type):
        return _within(f"{type(value).__name__}(", _fields(value, margin + _STEP), ")", margin)
    raise TypeError(f"{type(value).__name__} is not written here")


def _fields(value: Any, margin: str) -> Iterator[str]:
    for field in fields(value):
        item = getattr(value, field.name)
        if field.default is MISSING or item != field.default:
            yield f"{field.name}={literal(item, margin)}"


def _within(before: str, items: Iterator[str], after: str, margin: str) -> str:
    """The items on one line if there is room, or else each on its own."""
    each = [*items]
    line = f"{before}{', '.join(each)}{after}"
    if len(margin + line) <= _WIDTH and "\n" not in line:
        return line
    lines = "".join(f"{margin}{_STEP}{item},\n" for item in each)
    return f"{before}\n{lines}{margin}{after.removeprefix(',')}"


def quoted(text: str) -> str:
    """A line of text between double quotes."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
