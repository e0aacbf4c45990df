"""Scenario files: faults written down in TOML, one ``[[fault]]`` for each."""

from __future__ import annotations

import os
import stat
import tomllib
from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from simulator.faults import Fault, fault

_SCENARIO_MAX_BYTES = 65_536

_Text = Annotated[str, BeforeValidator(str)]  # a number is read as it is written


class _Entry(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid")

    kind: _Text
    at: _Text
    for_: Annotated[_Text | None, Field(alias="for")] = None
    amount: _Text | None = None


def _made(entry: _Entry) -> Fault:
    return fault(entry.kind, entry.at, entry.for_, entry.amount)


class _Scenario(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid")

    fault: list[Annotated[_Entry, AfterValidator(_made)]] = []


def scenario(path: Path) -> tuple[Fault, ...]:
    """The faults of a TOML file, or raise ValueError with all its mistakes."""
    try:
        faults: list[Any] = list(_Scenario.model_validate(_toml(path)).fault)
    except ValidationError as error:
        found = sorted(error.errors(include_url=False), key=lambda detail: len(detail["loc"]) > 1)
        raise ValueError("\n".join(f"{path}: {_problem(detail)}" for detail in found)) from None
    return tuple(faults)


def _problem(detail: Any) -> str:
    """What is wrong and what to write, in the words of a scenario."""
    kind, loc = detail["type"], detail["loc"]
    where = f"fault {loc[1] + 1}: " if len(loc) > 1 else ""
    if kind == "extra_forbidden" and not where:
        return f"nothing is called {loc[0]!r} here; write [[fault]] entries only"
    if kind == "extra_forbidden":
        return f"{where}nothing is called {loc[-1]}; write kind, at, for and amount"
    if kind == "missing":
        return f"{where}{loc[-1]} is missing; write kind and at"
    if kind == "model_type":
        return f"{where}not a table; write kind, at, for and amount under [[fault]]"
    if kind == "list_type":
        return "fault is not a list; begin each fault with [[fault]]"
    return f"{where}{detail.get('ctx', {}).get('error') or detail['msg']}"


def _open_at_once(path: str, flags: int) -> int:
    """Open without waiting for the other end of a pipe."""
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))  # not on Windows


def _toml(path: Path) -> dict[str, Any]:
    try:
        with open(path, "rb", opener=_open_at_once) as file:
            found = os.fstat(file.fileno())
            if not stat.S_ISREG(found.st_mode):  # a pipe would be waited for
                raise ValueError(f"{path}: not a file; save the scenario to a file first")
            if found.st_size == 0:  # also what the kernel makes up when it is read, such as /proc/kmsg
                raise ValueError(f"{path}: empty; begin each fault with [[fault]]")
            raw = file.read(_SCENARIO_MAX_BYTES + 1)
    except IsADirectoryError:
        raise ValueError(f"{path}: not a file; name a file inside it") from None
    except OSError as error:
        raise ValueError(f"{path}: {error.strerror}; name a file that can be read") from None
    if len(raw) > _SCENARIO_MAX_BYTES:
        raise ValueError(f"{path}: larger than {_SCENARIO_MAX_BYTES} bytes; split the scenario")
    try:
        return tomllib.loads(raw.decode("utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ValueError(f"{path}: not TOML: {error}; begin each fault with [[fault]]") from None
