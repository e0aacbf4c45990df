"""What a dialect has to promise before a unit is driven in it.

Policy does not follow the capabilities yet: the leases, timers and limits of a session rely on all of what
the native dialect promises, so that one which promises less may be looked at and stopped, and not driven.
"""

from __future__ import annotations

from device.dialects.base import Promises
from device.errors import WrongUnit

HOST_LOSS_MAX_MS = 2560  # the longest that a unit may go on without us: the native dialect's longest lease


def check_promises(promises: Promises) -> None:
    """Raise `WrongUnit` when ``promises`` are not at least the native dialect's."""
    lost_ms = promises.stops_on_host_loss_ms
    kept = {
        "checked": promises.checked,
        "stops_on_host_loss_ms": lost_ms is not None and 0 < lost_ms <= HOST_LOSS_MAX_MS,
        "ends_steps": promises.ends_steps,
        "reads_back": promises.reads_back,
        "holds_limits": promises.holds_limits,
        "answers_stop": promises.answers_stop,
    }
    if missing := [name for name, held in kept.items() if not held]:
        raise WrongUnit(
            f"the unit's dialect does not promise what a session relies on: {', '.join(missing)}",
            "The unit can be stopped from here, not driven.",
        )
