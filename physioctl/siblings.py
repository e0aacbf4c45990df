"""The three packages that belong to this one are taken from beside it, whatever else is on the path.

``device``, ``protocols`` and ``simulator`` are common names: a folder called ``device`` in the working
directory or on ``PYTHONPATH`` must not be able to break ``physioctl stop``. A finder in front of all others
answers for these three names and for no other. A package of such a name that has been imported *before*
physioctl cannot be found elsewhere any more: then importing a module of physioctl raises `ImportError`, and
the command line, whose process is its own, removes that package from ``sys.modules``.
"""

from __future__ import annotations

import os
import sys
from importlib.machinery import PathFinder

TYPE_CHECKING = False  # as typing has it: importing that takes longer than all of this
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from importlib.machinery import ModuleSpec
    from types import ModuleType

NAMES = ("device", "protocols", "simulator")
FOLDER = os.path.dirname(os.path.dirname(os.path.realpath(__file__)))  # noqa: PTH120 - pathlib is slow to import
_ALLOWED = (
    "physioctl.__main__",
    "physioctl.cli",
    "physioctl.siblings",
)  # what the command line needs to get as far as `take_over`


class SiblingFinder:
    """Finds the three packages beside this one; refuses physioctl while another has their names."""

    @staticmethod
    def find_spec(
        name: str, _path: Sequence[str] | None = None, _target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """The spec of a sibling; None for any other name. Raise `ImportError` as `require` does."""
        if name in NAMES:
            spec = PathFinder.find_spec(name, [FOLDER])
            if spec is None or spec.origin is None:  # a folder without __init__.py is not ours either
                raise ModuleNotFoundError(
                    f"physioctl is not whole: there is no package {name} in {FOLDER}. Install it again.",
                    name=name,
                )
            return spec
        if name.startswith("physioctl.") and name not in _ALLOWED:
            require()
        return None


def install() -> None:
    """Put the finder in front of all others, once."""
    if SiblingFinder not in sys.meta_path:
        sys.meta_path.insert(0, SiblingFinder)


def require() -> None:
    """Raise `ImportError`, with what to do, when another package has the name of a sibling."""
    for name in foreign_packages():
        where = getattr(sys.modules[name], "__file__", None) or getattr(sys.modules[name], "__path__", None)
        raise ImportError(
            f"physioctl needs its own package {name!r} from {FOLDER}, but another one of that name is "
            f"already loaded, from {where or 'an unknown place'}. Import physioctl first, or rename the "
            "other package.",
            name=name,
        )


def take_over() -> None:
    """Forget other packages that have the names of siblings. For a process that is physioctl's alone."""
    for foreign in tuple(foreign_packages()):
        for name in [each for each in sys.modules if each.partition(".")[0] == foreign]:
            del sys.modules[name]


def foreign_packages() -> Iterator[str]:
    """The names of siblings under which something else is loaded."""
    for name in NAMES:
        if name in sys.modules and not _is_ours(name, sys.modules[name]):
            yield name


def _is_ours(name: str, module: ModuleType | None) -> bool:
    file = getattr(module, "__file__", None)
    if not isinstance(file, str):
        return False
    return os.path.realpath(os.path.dirname(file)) == os.path.join(FOLDER, name)  # noqa: PTH118, PTH120
