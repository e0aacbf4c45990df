"""The one gate every outgoing message passes.

It says yes or no and never changes what it is shown. What it has no rule for, it refuses. Looking
and stopping always pass. It holds each message against the plan's limits by itself, whatever the
plan's compiler, the state machine and the controller have concluded before.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from device.dialect import (
    Arm,
    Cleared,
    ClearFaults,
    Declare,
    Identify,
    Intent,
    Look,
    Renew,
    SetOutput,
    Stop,
)
from device.machine import State
from protocols.errors import PhysioctlError
from protocols.limits import Quantity
from protocols.plan import Plan, level, quantities


class GuardRefused(PhysioctlError):
    """A message was on its way that may not leave. That is a fault of this program: nothing was sent."""


@dataclass(frozen=True, slots=True)
class Standing:
    """What the guard judges a message by, as it is at this moment."""

    state: State
    nonce: int  # the unit's, as it last reported it
    session: int  # ours; 0 for none
    heard_ms: int  # by the unit's clock, as it last reported it
    delivered_ms: int  # of the session, as the unit last reported it
    stop_asked: bool  # a stop is on its way, or a pause
    plan: Plan | None
    energy_ceiling_mj: int  # what the session may give in all
    lease_min_ms: int  # the unit's own bounds
    lease_max_ms: int


def clear(intent: Intent, standing: Standing) -> Cleared:
    """Let ``intent`` through, or raise `GuardRefused` saying every rule it breaks."""
    match intent:
        case Stop() | Look() | Identify() | Declare():
            broken: tuple[str, ...] = ()
        case SetOutput():
            broken = tuple(_against_set(intent, standing))
        case Renew():
            broken = tuple(_against_renew(intent, standing))
        case Arm():
            broken = tuple(_against_arm(intent, standing))
        case ClearFaults():
            broken = tuple(_against_clear(intent, standing))
        case _:
            broken = ("no rule lets it through",)
    if broken:
        raise GuardRefused(
            f"the guard let no {type(intent).__name__} through: {'; '.join(broken)}",
            "Nothing was sent. Report this with the journal: the program should not have tried.",
        )
    return Cleared(intent)


def _against_set(wanted: SetOutput, standing: Standing) -> Iterator[str]:
    yield from _against_circumstances(wanted.nonce, wanted.session, standing, State.EMITTING)
    yield from _against_lease(wanted, standing)
    plan = standing.plan
    if plan is None:
        yield "there is no plan"
        return
    block = plan.limits.blocked(plan.family)
    if block:
        yield f"{block.family} is blocked: {block.reason}"
    if all(wanted.output != emission.output for emission in plan.emissions):
        yield "no step of the plan gives this output"
    for quantity, value in quantities(wanted.output):
        excess = plan.limits.excess(quantity, value)
        if excess:
            yield str(excess)
    yield from _against_time(wanted, standing.delivered_ms, plan)


def _against_time(wanted: SetOutput, delivered_ms: int, plan: Plan) -> Iterator[str]:
    if wanted.for_ms <= 0:
        yield "an emission has to take time"
    if not 0 <= wanted.ramp_ms <= wanted.for_ms:
        yield "a ramp is part of its emission"
    after_ms = delivered_ms + wanted.for_ms
    if after_ms > plan.delivered_ms:
        yield f"it would deliver {after_ms} ms, and the plan is for {plan.delivered_ms} ms"
    for quantity, value in ((Quantity.STEP_MS, wanted.for_ms), (Quantity.DELIVERED_MS, after_ms)):
        excess = plan.limits.excess(quantity, value)
        if excess:
            yield str(excess)


def _against_renew(wanted: Renew, standing: Standing) -> Iterator[str]:
    yield from _against_circumstances(wanted.nonce, wanted.session, standing, State.EMITTING, State.HELD)
    yield from _against_lease(wanted, standing)


def _against_arm(wanted: Arm, standing: Standing) -> Iterator[str]:
    yield from _against_circumstances(wanted.nonce, wanted.session, standing, State.ARMED)
    plan = standing.plan
    if plan is None:
        yield "there is no plan"
        return
    highest = max((level(emission.output) for emission in plan.emissions), default=0)
    if wanted.level_max > highest:
        yield f"a level of {wanted.level_max} is above the plan's highest, {highest}"
    if wanted.delivered_max_ms > plan.delivered_ms:
        yield f"{wanted.delivered_max_ms} ms are more than the plan's {plan.delivered_ms} ms"
    if wanted.energy_max_mj > standing.energy_ceiling_mj:
        yield f"{wanted.energy_max_mj} mJ are above the session's ceiling of {standing.energy_ceiling_mj} mJ"


def _against_clear(wanted: ClearFaults, standing: Standing) -> Iterator[str]:
    if wanted.nonce != standing.nonce:
        yield "it names a nonce that is not the unit's"
    if wanted.heard_ms != standing.heard_ms:
        yield "it does not answer the unit's latest report"
    if standing.state is not State.FAULT:
        yield f"the controller is {standing.state.value}: there is no fault to clear"


def _against_circumstances(nonce: int, session: int, standing: Standing, *states: State) -> Iterator[str]:
    if nonce != standing.nonce:
        yield "it names a nonce that is not the unit's"
    if session == 0 or session != standing.session:
        yield "it names a session that is not ours"
    if standing.state not in states:
        yield f"the controller is {standing.state.value}"
    if standing.stop_asked:
        yield "a stop is on its way"


def _against_lease(wanted: SetOutput | Renew, standing: Standing) -> Iterator[str]:
    if wanted.heard_ms != standing.heard_ms:
        yield "its lease does not run from the unit's latest report"
    if not standing.lease_min_ms <= wanted.lease_ms <= standing.lease_max_ms:
        yield (
            f"a lease of {wanted.lease_ms} ms is outside the unit's bounds, "
            f"{standing.lease_min_ms} to {standing.lease_max_ms} ms"
        )
