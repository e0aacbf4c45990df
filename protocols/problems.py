"""pydantic's errors as problems of a file: the place, what was found and expected, and how to correct it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from pydantic import BaseModel, ValidationError

from protocols import model, steps
from protocols.errors import InvalidValue, Problem, shorten
from protocols.families import definition
from protocols.fields import near
from protocols.limits import Family
from protocols.reading import Node

# What is expected where a plain type is wrong, by pydantic's name for the mistake.
_EXPECTED = {
    "string_type": ("text", "Write a word or a line of text; quote it if it looks like a number."),
    "int_type": ("a whole number", "Write a whole number such as 3."),
    "tuple_type": ("a list", "Write each item in its own line, behind a dash."),
    "model_type": ("keys and their values", "Write `key: value`, each in its own line."),
}

# Which keys there are, by the last name on the way to a value.
_KEYS: Mapping[str, type[BaseModel]] = {
    "": model.Protocol,
    "evidence": model.Evidence,
    "limits": model.OwnLimits,
    "screening": model.Question,
    "red_flags": model.RedFlag,
    **{f"<{family}>": level for family, level in steps.LEVELS.items()},
    **{f"<{kind}>": step for kind, step in steps.STEP_MODELS.items()},
}


def problems(
    error: ValidationError, root: Node, file: str, keys: Mapping[str, type[BaseModel]] = _KEYS
) -> Iterator[Problem]:
    """Every mistake in ``error``, in the order pydantic met them.

    ``keys`` are those there are, by the last name on the way to a value: a protocol's, if left out.
    """
    for detail in error.errors(include_url=False):
        where = tuple(part for part in detail["loc"] if not str(part).startswith("<"))
        cause = detail.get("ctx", {}).get("error")
        if isinstance(cause, InvalidValue):
            for problem in cause.problems:
                yield _placed(file, root, replace(problem, where=(*where, *problem.where)))
        else:
            of_key = detail["type"] == "extra_forbidden"
            yield _placed(file, root, Problem(*_said(detail, keys), where), of_key=of_key)


def _placed(file: str, root: Node, problem: Problem, *, of_key: bool = False) -> Problem:
    line, column = root.place(problem.where, of_key=of_key)
    return replace(problem, file=file, line=line, column=column)


def _said(detail: Any, keys: Mapping[str, type[BaseModel]]) -> tuple[str, str]:
    """What was found and expected, and how to correct it."""
    kind, loc = detail["type"], detail["loc"]
    if kind == "missing":
        return "is missing", f"Add `{loc[-1]}:`."
    if kind == "extra_forbidden":
        return "there is no such key here", near(str(loc[-1]), _known_keys(loc[:-1], keys))
    if kind == "union_tag_not_found":
        in_emission = loc[-1:] == ("emit",)
        return _sets_nothing(detail["input"]) if in_emission else _not_one_step(detail["input"])
    found = _found(detail["input"])
    if kind in {"enum", "literal_error"}:
        return f"found {found}; expected {detail['ctx']['expected']}", "Write one of these."
    expected, action = _EXPECTED.get(
        kind, (detail["msg"].removeprefix("Input should be "), "Write what is expected.")
    )
    return f"found {found}; expected {expected}", action


def _not_one_step(found: object) -> tuple[str, str]:
    kinds = steps.kinds_of(found)
    choice = ", ".join(steps.KINDS)
    if kinds:
        return f"one step has {' and '.join(kinds)}", "Make them two steps."
    if isinstance(found, dict):
        guess = [near(key, steps.KINDS) for key in found]
        mean = next((text for text in guess if text.startswith("Did")), f"Begin it with one of {choice}.")
        return f"this step has none of {choice}", mean
    return f"found {_found(found)}; expected a step", f"Begin it with one of {choice}."


def _sets_nothing(found: object) -> tuple[str, str]:
    sets = {key.name: None for family in Family for key in definition(family).keys}
    known = ", ".join(sets)
    if not isinstance(found, dict):
        return f"found {_found(found)}; expected what to emit", f"Name some of {known}."
    guess = [near(str(key), sets) for key in found]
    mean = next((text for text in guess if text.startswith("Did")), f"Name some of {known}.")
    return "nothing that can be emitted is named", mean


def _known_keys(loc: tuple[str | int, ...], keys: Mapping[str, type[BaseModel]]) -> list[str]:
    name = next((part for part in reversed(loc) if isinstance(part, str)), "")
    return [field.alias or key for key, field in keys[name].model_fields.items()]


def _found(value: object) -> str:
    if isinstance(value, dict):
        return "a mapping"
    if isinstance(value, tuple):
        return "a list"
    if isinstance(value, bool):
        return "true" if value else "false"
    return "nothing" if value is None else shorten(repr(value) if isinstance(value, str) else str(value))
