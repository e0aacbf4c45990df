"""Reading a scenario file: YAML, within the bounds of `protocols.reading`, with the place of each mistake."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from pydantic import BaseModel, ValidationError

from physioctl.rehearsal.scenario_model import FORMAT, ActEntry, Expected, FaultEntry, Range, Scenario
from protocols.errors import Problem, ProtocolInvalid, printable
from protocols.problems import problems
from protocols.reading import Node, read_bytes, read_nodes

_KEYS: Mapping[str, type[BaseModel]] = {
    "": Scenario,
    "faults": FaultEntry,
    "operator": ActEntry,
    "expect": Expected,
    "delivered": Range,
}


def read_scenario(path: Path) -> Scenario:
    """The scenario in a file, or `ProtocolInvalid` with all of its mistakes, as ``file:line:column``."""
    file = printable(path)
    data = read_bytes(path, "A scenario file begins with `format: 1`.")
    if path.suffix == ".toml":
        what = "is TOML; scenario files are YAML"
        action = "Write `format: 1`, and each [[fault]] as an entry of `faults:`."
        raise ProtocolInvalid([Problem(what, action, file=file)])
    root, found = read_nodes(data, file)
    _check_format(root, file)
    scenario: Scenario | None = None
    try:
        scenario = Scenario.model_validate(root.plain())
    except ValidationError as error:
        found += problems(error, root, file, _KEYS)
    if found or scenario is None:
        raise ProtocolInvalid(sorted(found, key=lambda problem: (problem.line, problem.column)))
    return scenario


def _check_format(root: Node, file: str) -> None:
    """A later format is one mistake, not one for each key that it has and we do not know."""
    said = root.plain()
    version = said.get("format") if isinstance(said, dict) else None
    if isinstance(version, int) and not isinstance(version, bool) and version != FORMAT:
        what = f"format {version} is not known here; this version of physioctl reads format {FORMAT}"
        action = f"Use a newer physioctl, or write format {FORMAT}."
        raise ProtocolInvalid([Problem(what, action, ("format",), file, *root.place(("format",)))])
