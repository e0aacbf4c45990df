"""A unit as it has made itself known: who it is, what it says it can do, and what we know of its model."""

from __future__ import annotations

from dataclasses import dataclass

from device.dialect import Declaration, Identity
from device.errors import WrongUnit
from device.models import Model, model_named
from protocols.limits import Bound

LEASE_MS = 500  # asked for where the unit allows it: five renewals long
LEASE_LEAST_MS = 300  # a shorter one is out before a lost answer has been noticed
_LEASE_STEP_MS = 10  # leases are written in tens of milliseconds


@dataclass(frozen=True, slots=True)
class Unit:
    """The unit on the cable."""

    identity: Identity
    declared: Declaration
    model: Model

    @property
    def bounds(self) -> tuple[Bound, ...]:
        """The nameplate's layer and the unit's own."""
        return (*self.model.bounds, *self.declared.bounds)

    @property
    def area_mm2(self) -> int | None:
        """Effective radiating area (ERA), as the unit says it; None for percussion."""
        return self.declared.area_mm2

    @property
    def lease_ms(self) -> int:
        """The lease we ask for: ours, or the longest the unit allows."""
        return min(LEASE_MS, self.declared.lease_max_ms) // _LEASE_STEP_MS * _LEASE_STEP_MS


def known_unit(identity: Identity, declared: Declaration) -> Unit:
    """The unit these belong to; raise `WrongUnit` when it may not be driven."""
    if not identity.driveable:
        raise WrongUnit(
            f"the unit speaks version {identity.version} of the dialect, which this program does not",
            "It can be stopped from here, not driven. Use a physioctl that knows its version.",
        )
    model = model_named(identity.model)
    if model.family is not identity.family or (declared.area_mm2 is None) == (model.area_mm2 is not None):
        raise WrongUnit(
            f"the unit calls itself {identity.model} and a {identity.family} unit, which do not go together",
            "Do not use it.",
        )
    if declared.lease_min_ms > min(LEASE_MS, declared.lease_max_ms) or declared.lease_max_ms < LEASE_LEAST_MS:
        raise WrongUnit(
            f"the unit takes leases of {declared.lease_min_ms} to {declared.lease_max_ms} ms, "
            f"and none between {LEASE_LEAST_MS} and {LEASE_MS} ms",
            "Do not use it: it would go on for too long without a host, or not for long enough with one.",
        )
    return Unit(identity, declared, model)
