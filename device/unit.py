"""An identified unit: its identity, its capabilities and its model."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from device.control.policy import POLICIES, START_WITHIN_MS, Policy
from device.dialects.base import Capabilities, Identity
from device.errors import WrongUnit
from device.models import Model, UnknownModel, generic_model, model_named
from protocols.limits import Bound, Limits

LEASE_MS = 500  # asked for where the unit allows it: five renewals long
LEASE_LEAST_MS = 300  # a shorter one runs out before a lost answer is noticed
_LEASES = ("lease_min_ms", "lease_max_ms")  # a unit without leases has no bounds on them
GENERIC_DIALECT = "native"  # the only one in which a unit of a model that is not known is driven
_LEASE_STEP_MS = 10  # leases are written in tens of milliseconds


@dataclass(frozen=True, slots=True)
class Unit:
    """The unit on the cable."""

    identity: Identity
    declared: Capabilities
    model: Model

    @property
    def bounds(self) -> tuple[Bound, ...]:
        """The nameplate's layer and the unit's own."""
        return (*self.model.bounds, *self.declared.bounds)

    @property
    def area_mm2(self) -> int | None:
        """Effective radiating area (ERA) that energy is planned by; None without a head.

        The smaller of the unit's own and its nameplate's: the unit's capabilities can only lower the energy.
        """
        declared, usual = self.declared.area_mm2, self.model.area_mm2
        if declared is None or usual is None:
            return usual if declared is None else declared
        return min(declared, usual)

    @property
    def suspension_max_ms(self) -> int:
        """How long it may wait for contact, in ms: the shorter of its own time and its nameplate's."""
        return min(self.declared.suspension_max_ms, self.model.suspension_max_ms)

    @property
    def policy(self) -> Policy:
        """What follows from how its output ends when the host is lost."""
        return POLICIES[self.declared.host_loss]

    @property
    def lease_ms(self) -> int:
        """The lease we ask for: ours, or the longest the unit allows; 0 for a unit that knows no leases."""
        if not self.policy.leased:
            return 0
        return min(LEASE_MS, self.declared.lease_max_ms) // _LEASE_STEP_MS * _LEASE_STEP_MS

    @property
    def host_loss_ms(self) -> int | None:
        """The longest that output goes on without us, by the unit's clock; None: until it is switched off."""
        if self.policy.leased:
            return self.lease_ms
        emission_max_ms = self.policy.emission_max_ms
        return None if emission_max_ms is None else emission_max_ms + START_WITHIN_MS


def known_unit(
    identity: Identity, declared: Capabilities, *, dialect: str = "", allow_generic: bool = False
) -> Unit:
    """Return the unit of ``identity`` and ``declared``; raise `WrongUnit` when it may not be driven.

    Where its model is not known it is `UnknownModel`, unless ``allow_generic``: then it is driven under the
    generic nameplate of its family, in the native dialect only.
    """
    if not identity.driveable:
        raise WrongUnit(
            f"the unit speaks version {identity.version} of the dialect, which this program does not",
            "It can be stopped from here, not driven. Use a physioctl that knows its version.",
        )
    model = _model_of(identity, declared, dialect, allow_generic=allow_generic)
    if model.family is not identity.family or (declared.area_mm2 is None) == (model.area_mm2 is not None):
        raise WrongUnit(
            f"the unit calls itself {identity.model} and a {identity.family} unit, which do not go together",
            "Do not use it.",
        )
    if POLICIES[declared.host_loss].leased and not _takes_our_lease(declared):
        raise WrongUnit(
            f"the unit takes leases of {declared.lease_min_ms} to {declared.lease_max_ms} ms, "
            f"and none between {LEASE_LEAST_MS} and {LEASE_MS} ms",
            "Do not use it: it would go on for too long without a host, or not for long enough with one.",
        )
    if differs := tuple(_differs(declared, model)):
        raise WrongUnit(
            f"the unit does not fit the nameplate of the {model.name}: {'; '.join(differs)}",
            "Do not use it: have it looked at, or add a nameplate of its own model.",
        )
    return Unit(identity, declared, model)


def _model_of(identity: Identity, declared: Capabilities, dialect: str, *, allow_generic: bool) -> Model:
    try:
        return model_named(identity.model)
    except UnknownModel:
        if not allow_generic:
            raise
        promises = POLICIES[declared.host_loss].leased and declared.holds_limits
        named = identity.model.strip() and identity.model.isprintable()  # it goes into the record
        if dialect != GENERIC_DIALECT or not promises or not named:
            raise
    return generic_model(identity.family)


def sensors(declared: Capabilities) -> tuple[str, ...]:
    """Return what a unit of these capabilities measures, in the words of the nameplates."""
    has = {
        "output": declared.measures_output,
        "head_temperature": declared.measures_head_temp,
        "contact": declared.senses_contact,
        "battery": declared.knows_battery,
    }
    return tuple(name for name, measured in has.items() if measured)


def _takes_our_lease(declared: Capabilities) -> bool:
    fits = declared.lease_min_ms <= min(LEASE_MS, declared.lease_max_ms)
    return fits and declared.lease_max_ms >= LEASE_LEAST_MS


def _differs(declared: Capabilities, model: Model) -> Iterator[str]:
    """Yield each capability that its nameplate does not allow."""
    has = sensors(declared)
    for sensor in model.sensors:
        if sensor not in has:
            yield f"it declares no {sensor.replace('_', ' ')} sensor"
    leased = POLICIES[declared.host_loss].leased
    for range_ in model.ranges:
        if range_.what in _LEASES and not leased:
            continue
        value = getattr(declared, range_.what)
        if value is None or not range_.low <= value <= range_.high:
            yield f"{range_.what} is {value}, and not {range_.low} to {range_.high}"
    if not model.is_generic:  # its bounds stand beside the unit's own: the lower of the two holds
        yield from _above(declared, model)


def _above(declared: Capabilities, model: Model) -> Iterator[str]:
    """Yield each bound of the unit's own that goes beyond its nameplate's."""
    limits = Limits(model.bounds)
    for bound in declared.bounds:
        highest = limits.at_most(bound.quantity)
        if bound.at_most is not None and highest is not None and bound.at_most > highest:
            yield f"{bound}, and at most {bound.quantity.show(highest)} is allowed"
        for value in sorted(bound.one_of or ()):
            if limits.excess(bound.quantity, value):
                yield f"{bound.quantity.label} of {bound.quantity.show(value)}, which is not allowed"
