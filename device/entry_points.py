"""The entry points of other distributions. One whose files are damaged hides nothing of the others."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from importlib.metadata import Distribution, EntryPoint


@dataclass(frozen=True, slots=True)
class EntryPoints:
    """What was found in one group."""

    entries: tuple[EntryPoint, ...]
    damaged: tuple[str, ...] = ()  # the names of distributions whose entry points cannot be read

    @property
    def doubt(self) -> str:
        """What is added to "there is none of that name"; empty where all could be read."""
        return f"; the entry points of {', '.join(self.damaged)} cannot be read" if self.damaged else ""


def entry_points_of(group: str) -> EntryPoints:
    """The entry points in ``group``."""
    from importlib.metadata import entry_points

    try:
        return EntryPoints(tuple(entry_points(group=group)))
    except Exception:  # noqa: BLE001 - whatever the files of another distribution hold
        return _one_by_one(group)


def _one_by_one(group: str) -> EntryPoints:
    """The same, with a look at each distribution by itself, which takes longer."""
    from importlib.metadata import distributions

    entries: list[EntryPoint] = []
    damaged: list[str] = []
    seen: set[str] = set()
    for each in distributions():
        name = _name(each)
        if name in seen:  # the first on the path is the one that is imported
            continue
        seen.add(name)
        try:
            entries += (entry for entry in each.entry_points if entry.group == group)
        except Exception:  # noqa: BLE001 - whatever its files hold
            damaged.append(name)
    return EntryPoints(tuple(entries), tuple(damaged))


def _name(distribution: Distribution) -> str:
    try:
        return str(distribution.name)
    except Exception:  # noqa: BLE001 - its name stands in another of its files
        return "a distribution without a name"
