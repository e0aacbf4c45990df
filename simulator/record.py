"""The simulated unit's own record: changes of output, and requests that it should not have got."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from device.wire.messages import Family, Result
from simulator.families import output_key


class Why(StrEnum):
    """Why output changed."""

    SET = "set"
    LOWER = "lower"
    STEP_DONE = "step_done"
    STOP = "stop"
    LEASE = "lease"
    CONTACT_LOST = "contact_lost"
    CONTACT_BACK = "contact_back"
    SUSPENSION_EXPIRED = "suspension_expired"
    CEILING = "ceiling"
    FAULT = "fault"
    RESTART = "restart"
    STUCK = "stuck"
    UNSTUCK = "unstuck"


@dataclass(frozen=True, slots=True)
class OutputChange:
    """One change of what the unit commands, or of output that no longer obeys it."""

    ms: int  # the unit's own, since it was first switched on
    output: int  # where the output goes: a ramp is one change
    why: Why
    ramp_ms: int = 0
    family: Family = field(kw_only=True)

    def as_json(self) -> dict[str, int | str]:
        """The change as a line of the log."""
        ramp = {"ramp_ms": self.ramp_ms} if self.ramp_ms else {}
        return {"ms": self.ms, output_key(self.family): self.output, "why": self.why.value} | ramp


@dataclass(frozen=True, slots=True)
class Breach:
    """A request that a correct controller does not make."""

    ms: int  # the unit's own
    result: Result  # how it was refused
    asked: str  # the request in full, for the person who reads the failing test
