"""The four fences between a request and output, and for each a replacement that permits everything.

A session has to be safe with any one of them replaced; storms and tests try that. Nothing that runs a session
on a real unit imports this.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Any, TypeVar

from pydantic import BaseModel

from device.control.guard import GuardContext
from device.dialects.base import Intent, Permitted
from device.wire import messages as wire
from device.wire.messages import Result, UnitState
from protocols.limits import Family, Limits
from protocols.model import Protocol
from protocols.plan import Plan
from simulator.flaws import FlawedFirmware
from simulator.record import Why
from simulator.unit import SimulatedUnit

_NEVER_MS = 1 << 62
_Model = TypeVar("_Model", bound=BaseModel)


class Fence(StrEnum):
    """What may be down."""

    FILE = "file"  # the protocol's own checks
    PLAN = "plan"  # the compiler, and the limits that the plan carries
    GUARD = "guard"  # on every outgoing message
    UNIT = "unit"  # its nameplate, and the ceilings it is armed with


def unchecked(model: _Model) -> _Model:
    """The same values in a model that nothing has checked."""
    return type(model).model_construct(**{name: _unchecked(value) for name, value in model})


def compile_anything(
    protocol: Protocol,
    *,
    model: str,
    family: Family,
    area_mm2: int | None,  # noqa: ARG001 - what it takes is the compiler's
    limits: Limits,  # noqa: ARG001
) -> Plan:
    """A plan of every step as it is written, which carries no limits."""
    return Plan(
        protocol_id=protocol.id,
        title=protocol.title,
        content_hash=protocol.content_hash,
        family=family,
        body_site=protocol.body_site,
        model=model,
        steps=tuple(step.planned() for _, step in protocol.flat_steps()),
        limits=Limits(),
        energy_mj=None,
    )


def permit_anything(intent: Intent, context: GuardContext) -> Permitted:  # noqa: ARG001 - what it takes is the guard's
    """Permit everything."""
    return Permitted(intent)


class ObeyingFirmware(FlawedFirmware):
    """Takes any ceilings and any setting, and keeps its leases and the timer of a step."""

    def _arm(self, asked: wire.Arm, own_ms: int, new: bool) -> Result:  # noqa: ARG002 - the firmware's
        if self.state not in (UnitState.IDLE, UnitState.READY, UnitState.LAPSED):
            return Result.BAD_STATE
        if asked.session != self.session:
            self.session, self.delivered_ms, self.step_ms, self.energy_mj = asked.session, 0, 0, 0.0
        self.state = UnitState.READY
        return Result.OK

    def _set(self, asked: wire.Set, own_ms: int) -> Result:
        if not self._lease(asked, own_ms):
            return Result.STALE
        self._stand_still(own_ms)
        self._step, self.step_ms = asked, 0
        if self.state is not UnitState.SUSPENDED:
            self._emit(own_ms, self.output_stage.level(own_ms), asked.ramp_ms, Why.SET)
        return Result.OK

    def _ceiling_ms(self) -> int:
        return _NEVER_MS

    def _foresee_energy(self, own_ms: int) -> None:
        """Foresee nothing: there is no ceiling."""


class Obeying(SimulatedUnit):
    """A unit that refuses nothing for its limits."""

    firmware = ObeyingFirmware


def _unchecked(value: Any) -> Any:
    if isinstance(value, BaseModel):
        return unchecked(value)
    return tuple(map(_unchecked, value)) if isinstance(value, tuple) else value
