"""What a dialect has to promise before a unit is driven in it.

Policy follows what ends output when the host is lost, how answers belong to requests, which fields a unit
reports, and how the line is set. It does not yet follow a line whose damage goes unnoticed, nor a
stop that is never answered: no dialect here is like that. A unit of one that is may be looked at and stopped,
not driven.
"""

from __future__ import annotations

from device.dialects.base import Integrity, Promises, StopAnswer
from device.errors import WrongUnit


def check_promises(promises: Promises) -> None:
    """Raise `WrongUnit` when a session relies on more than ``promises``."""
    missing = []
    if promises.integrity is not Integrity.CHECKED:
        missing.append("that damage on the line is noticed by a checksum")
    if promises.stop is not StopAnswer.CONFIRMED:
        missing.append("that a stop is answered")
    if missing:
        raise WrongUnit(
            f"the unit's dialect does not promise what a session relies on: {', '.join(missing)}",
            "The unit can be stopped from here, not driven.",
        )
