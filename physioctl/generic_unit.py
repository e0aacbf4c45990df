"""A unit whose model is not known here: what a person is told of it, and that they have to confirm it."""

from __future__ import annotations

from collections.abc import Callable

from device.unit import Unit
from protocols.errors import Refused
from protocols.families import definition
from protocols.limits import Limits


def told_of_generic(unit: Unit) -> str:
    """What has to be known of ``unit`` before it starts; empty where its own model is known."""
    if not unit.model.is_generic:
        return ""
    level = definition(unit.model.family).level
    most = Limits(unit.bounds).at_most(level)
    highest = "" if most is None else f", and at most {level.show(most)}"
    return (
        f"the unit calls itself {unit.identity.model!r}, and no nameplate of that model is known here: it is "
        f"driven under the {unit.model.name} one, within what it declares itself{highest}"
    )


def check_generic(unit: Unit, *, attended: bool, confirm: Callable[[str], bool] | None) -> None:
    """Raise `Refused` unless a person confirms a unit whose model is not known, or it is known.

    ``confirm`` tells a person of it, and returns whether they go on. None: nobody can be asked.
    """
    told = told_of_generic(unit)
    if not told:
        return
    if not attended or confirm is None:
        raise Refused(
            f"{told}; that has to be confirmed by a person, and nobody can be asked",
            "Start the session at a terminal, or add a nameplate of the model.",
        )
    if not confirm(told):
        raise Refused(f"{told}, and that was not accepted", "Nothing was output.")
