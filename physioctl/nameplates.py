"""Whose nameplate a unit was driven under, as a report and the doctor say it."""

from __future__ import annotations

from device.nameplate_files import OURS


def whose_nameplate(id_: str, distribution: str, version: str) -> str:
    """Whose nameplate ``id_`` is, for a person; empty for this program's own of that model.

    ``distribution`` and ``version`` are of what has brought it. Records made before these have no ``id_``.
    """
    if not id_ or (distribution == OURS and not id_.startswith("generic_")):
        return ""
    if distribution == OURS:
        return "the generic one, for there was none of its model"
    if not distribution:
        return f"{id_}.toml, a file of the user's own"
    return f"{id_}, from {distribution} {version}"
