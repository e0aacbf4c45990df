"""What a dialect has to promise before a unit is driven in it.

Policy follows what ends output when the host is lost, how answers belong to requests, which fields a unit
reports, and how the line is set. It does not yet follow a line whose damage goes unnoticed, a stop that
is never answered, or a transaction that a stop would have to wait for: no dialect here is like that. A unit
of one that is may be looked at and stopped, not driven.
"""

from __future__ import annotations

from device.dialects.base import Correlation, Integrity, Promises, StopAnswer
from device.errors import WrongUnit

# Where answers come in order, a stop waits for the transaction under way. The figure is this project's own.
STOP_LEAVES_MS = 100


def check_promises(promises: Promises) -> None:
    """Raise `WrongUnit` when a session relies on more than ``promises``."""
    missing = []
    if promises.integrity is not Integrity.CHECKED:
        missing.append("that damage on the line is noticed by a checksum")
    if promises.stop is not StopAnswer.CONFIRMED:
        missing.append("that a stop is answered")
    line = promises.line
    in_order = promises.correlation is not Correlation.NUMBERED
    if in_order and line.answer_max_ms + line.drain_ms > STOP_LEAVES_MS:
        missing.append(f"that a stop leaves within {STOP_LEAVES_MS} ms of being asked for")
    if missing:
        raise WrongUnit(
            f"the unit's dialect does not promise what a session relies on: {', '.join(missing)}",
            "The unit can be stopped from here, not driven.",
        )
