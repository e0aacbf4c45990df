"""Small, deliberate mistakes, made one at a time in a TOML file that safety rests on.

Each is a key misspelt, a key or a table left out, in one place or wherever the file has it, a number one
higher or lower, a code exchanged for another that the file uses, an entry of a list left out, or a text left
empty. What a text says is left alone.
"""

from __future__ import annotations

import json
import re
import tomllib
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

Way: TypeAlias = tuple[str | int, ...]
_CODE = re.compile("[A-Za-z0-9_]+")


@dataclass(frozen=True, slots=True)
class DataMutation:
    """One mistake: where, what, and the whole file with the mistake made."""

    where: str  # the way to it, such as calf.ultrasound.delivered_ms.at_most
    what: str
    text: str


def unmutated(source: str) -> DataMutation:
    """No mistake, but written as those are that have one: no test may notice that."""
    return DataMutation("", "unmutated", _comments(source) + written(tomllib.loads(source)))


def data_mutations(source: str) -> Iterator[DataMutation]:
    """Every mutation of the TOML in ``source``."""
    sound, comments = tomllib.loads(source), _comments(source)
    for mutation in _mutations(sound):
        yield replace(mutation, text=comments + mutation.text)


def _comments(source: str) -> str:
    """The lines that are comments: tests may read them too."""
    return "".join(f"{line}\n" for line in source.splitlines() if line.startswith("#"))


def _mutations(sound: Mapping[str, Any]) -> Iterator[DataMutation]:
    codes = _codes(sound)
    for way, value in _walk(sound):
        key = way[-1]
        where = ".".join(map(str, way))
        if isinstance(key, str):
            yield DataMutation(where, "misspelt", _changed(sound, way, key + "x", value))
        if isinstance(key, str) or _is_code(value):
            yield DataMutation(where, "dropped", _changed(sound, way, None, None))
        for other in _others(value, codes[_name(way)]):
            yield DataMutation(where, f"{value!r} → {other!r}"[:100], _changed(sound, way, key, other))
    times = Counter(way[-1] for way, _ in _walk(sound))
    for key, count in times.items():
        if isinstance(key, str) and count > 1:
            yield DataMutation(f"*.{key}", "dropped everywhere", written(_without(sound, key)))


def _without(value: Any, key: str) -> Any:
    """``value`` with ``key`` left out of every table in it."""
    if isinstance(value, dict):
        return {name: _without(item, key) for name, item in value.items() if name != key}
    return [_without(item, key) for item in value] if isinstance(value, list) else value


def written(data: Mapping[str, Any]) -> str:
    """``data`` as TOML, which `tomllib` reads back to the same."""
    return "".join(f"{json.dumps(key)} = {_written(value)}\n" for key, value in data.items())


def _written(value: Any) -> str:
    match value:
        case dict():
            pairs = (f"{json.dumps(key)} = {_written(item)}" for key, item in value.items())
            return "{" + ", ".join(pairs) + "}"
        case list():
            return "[" + ", ".join(map(_written, value)) + "]"
        case str():
            return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007F")
        case bool():
            return "true" if value else "false"
        case int() | float():
            return str(value)
    raise TypeError(f"{type(value).__name__} is not written here")


def _walk(value: Any, way: Way = ()) -> Iterator[tuple[Way, Any]]:
    """Every value in ``value``, tables included, with the way to it."""
    items = enumerate(value) if isinstance(value, list) else value.items() if isinstance(value, dict) else ()
    for key, item in items:
        yield (*way, key), item
        yield from _walk(item, (*way, key))


def _name(way: Way) -> str:
    """The last key on the way."""
    return next(part for part in reversed(way) if isinstance(part, str))


def _is_code(value: Any) -> bool:
    """A word or a number that something is decided by, rather than a text or a table."""
    return isinstance(value, int | float) or (isinstance(value, str) and bool(_CODE.fullmatch(value)))


def _codes(data: Any) -> Mapping[str, set[str]]:
    """The codes the file uses under each key, wherever it stands."""
    found: dict[str, set[str]] = defaultdict(set)
    for way, value in _walk(data):
        if isinstance(value, str) and _is_code(value):
            found[_name(way)].add(value)
    return found


def _others(value: Any, codes: set[str]) -> Iterator[Any]:
    """What could stand in the place of ``value`` by mistake."""
    match value:
        case bool():
            yield not value
        case int() | float():
            yield from (value - 1, value + 1)
        case str():
            yield ""
            if _is_code(value):
                yield from sorted(codes - {value}) or ["another"]
        case list():
            yield []
            if value and all(isinstance(item, int) for item in value):
                yield [*value, max(value) + 1]


def _changed(sound: Mapping[str, Any], way: Way, key: str | int | None, value: Any) -> str:
    """The file with what ``way`` leads to under ``key``, where it stood; None leaves it out."""
    data: Any = deepcopy(sound)
    within = data
    for part in way[:-1]:
        within = within[part]
    if isinstance(within, list):
        index = int(way[-1])
        within[index : index + 1] = [] if key is None else [value]
    else:
        items = [(key, value) if name == way[-1] else (name, item) for name, item in within.items()]
        within.clear()
        within.update((name, item) for name, item in items if name is not None)
    return written(data)
