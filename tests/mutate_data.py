"""Small, deliberate mistakes, made one at a time in a TOML file that safety rests on."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any


def written(data: Mapping[str, Any]) -> str:
    """``data`` as TOML, which `tomllib` reads back to the same."""
    return "".join(f"{json.dumps(key)} = {_value(value)}\n" for key, value in data.items())


def _value(value: Any) -> str:
    match value:
        case dict():
            return "{" + ", ".join(f"{json.dumps(key)} = {_value(item)}" for key, item in value.items()) + "}"
        case list():
            return "[" + ", ".join(map(_value, value)) + "]"
        case str():
            return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007F")
        case bool():
            return "true" if value else "false"
        case int() | float():
            return str(value)
    raise TypeError(f"{type(value).__name__} is not written here")
