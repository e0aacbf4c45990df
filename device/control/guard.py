"""The one gate every outgoing message passes.

It permits a message or refuses it, and never changes it. A message for which there is no rule is refused.
Requests for information and stops are always permitted. Each message is compared with the guard's own
limits (`device.control.allowed`), whatever the plan's compiler, the state machine and the controller have
decided before: the guard does not use the plan.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TypeAlias, assert_never

from device.control.allowed import Allowed
from device.control.families import capped, needs_end
from device.control.machine import State
from device.dialects.base import (
    Arm,
    ClearFaults,
    GetCapabilities,
    GetStatus,
    HostLoss,
    Identify,
    Intent,
    LowerLevel,
    Permitted,
    Renew,
    SetOutput,
    Stop,
)
from device.errors import GuardRefused as GuardRefused

OWN_TIMER_MAX_MS = 10_000  # as in `device.control.policy`, which the guard does not rely on


@dataclass(frozen=True, slots=True)
class GuardContext:
    """What the guard compares a message with, at this moment."""

    state: State
    nonce: int  # the unit's, as it last reported it
    session: int  # ours; 0 for none
    unit_uptime_ms: int  # by the unit's clock, as it last reported it
    delivered_ms: int  # of the session, as the unit last reported it
    energy_mj: int  # of the session, as the unit last reported it
    stop_asked: bool  # a stop or a pause has been requested
    recorded: bool  # there is a recorder, which gets every event before the message is sent
    allowed: Allowed | None  # what may be given in the session; None before one is loaded
    level: int  # of the running step, as far as the unit has said; 0 before one
    level_cap: int | None  # the level to which somebody has lowered the session; None: nobody has
    lease_min_ms: int  # the unit's own bounds
    lease_max_ms: int
    host_loss: HostLoss = HostLoss.LEASE  # what ends the unit's output without us
    attended: bool = False  # a person is there, who can switch the unit off


Guard: TypeAlias = Callable[[Intent, GuardContext], Permitted]


def permit(intent: Intent, context: GuardContext) -> Permitted:
    """Return ``intent`` as permitted, or raise `GuardRefused` with every rule that it breaks."""
    match intent:
        case Stop() | GetStatus() | Identify() | GetCapabilities():
            broken: tuple[str, ...] = ()
        case SetOutput():
            broken = tuple(_against_set(intent, context))
        case Renew():
            broken = tuple(_against_renew(intent, context))
        case LowerLevel():
            broken = tuple(_against_lower(intent, context))
        case Arm():
            broken = tuple(_against_arm(intent, context))
        case ClearFaults():
            broken = tuple(_against_clear(intent, context))
        case _:
            broken = ("no rule permits it",)
    if broken:
        raise GuardRefused(
            f"the guard refused {type(intent).__name__}: {'; '.join(broken)}",
            "Nothing was sent. Report this with the journal: the program should not have tried.",
        )
    return Permitted(intent)


def _against_set(wanted: SetOutput, context: GuardContext) -> Iterator[str]:
    yield from _against_circumstances(wanted.nonce, wanted.session, context, State.EMITTING)
    yield from _against_lease(wanted, context)
    yield from _against_no_lease(wanted, context)
    if wanted.for_ms <= 0:
        yield "an emission has to take time"
    if not 0 <= wanted.ramp_ms <= wanted.for_ms:
        yield "a ramp is part of its emission"
    allowed = context.allowed
    if allowed is None:
        yield "nothing is admitted"
        return
    if allowed.blocked:
        yield f"{allowed.family} is blocked: {allowed.blocked}"
    yield from _against_step(wanted, context, allowed)
    yield from allowed.excesses(wanted.setting, wanted.for_ms, context.delivered_ms)
    yield from _against_energy(wanted, context.energy_mj, allowed)


def _against_step(wanted: SetOutput, context: GuardContext, allowed: Allowed) -> Iterator[str]:
    """The protocol's content determines which emission is due, its level and its duration.

    What somebody has lowered the session to is the highest level of every step.
    """
    due = allowed.step_at(context.delivered_ms)
    if due is None:
        yield f"the protocol has given all of its time after {context.delivered_ms} ms"
        return
    step, left_ms = due
    if wanted.setting != capped(step.setting, context.level_cap):
        yield "the step of the protocol that is due gives another output"
    if wanted.for_ms > left_ms:
        yield f"it would last {wanted.for_ms} ms, and {left_ms} ms are left of the step that is due"
    if wanted.ramp_ms < min(step.ramp_ms, wanted.for_ms):
        yield f"it would rise in {wanted.ramp_ms} ms, and the protocol says in {step.ramp_ms} ms"


def _against_energy(wanted: SetOutput, counted_mj: int, allowed: Allowed) -> Iterator[str]:
    if counted_mj > allowed.energy_max_mj:
        yield f"{counted_mj} mJ have been given, and the session's ceiling is {allowed.energy_max_mj} mJ"
    if not allowed.has_energy_for(wanted.setting, wanted.for_ms, wanted.ramp_ms, counted_mj):
        needed_mj = allowed.energy_mj(wanted.setting, wanted.for_ms, wanted.ramp_ms)
        bound_mj = allowed.energy_bound_mj
        yield f"{counted_mj} mJ and {needed_mj} mJ more are above the bound on energy, {bound_mj} mJ"


def _against_renew(wanted: Renew, context: GuardContext) -> Iterator[str]:
    yield from _against_circumstances(wanted.nonce, wanted.session, context, State.EMITTING, State.SUSPENDED)
    yield from _against_lease(wanted, context)


def _against_lower(wanted: LowerLevel, context: GuardContext) -> Iterator[str]:
    yield from _against_circumstances(wanted.nonce, wanted.session, context, State.EMITTING, State.SUSPENDED)
    if context.allowed is None:
        yield "nothing is admitted"
    elif wanted.level < context.allowed.level_min:
        yield f"a level of {wanted.level} is below the lowest, {context.allowed.level_min}"
    if wanted.level > context.level:
        yield f"a level of {wanted.level} would raise the output, which is set to {context.level}"


def _against_arm(wanted: Arm, context: GuardContext) -> Iterator[str]:
    yield from _against_circumstances(wanted.nonce, wanted.session, context, State.ARMED)
    allowed = context.allowed
    if allowed is None:
        yield "nothing is admitted"
        return
    if allowed.blocked:
        yield f"{allowed.family} is blocked: {allowed.blocked}"
    if wanted.unit_uptime_ms != context.unit_uptime_ms:
        yield "it is not dated by the unit's latest report"
    if wanted.level_max > allowed.level_max:
        yield f"a level of {wanted.level_max} is above the protocol's highest, {allowed.level_max}"
    if context.level_cap is not None and wanted.level_max > context.level_cap:
        yield f"a level of {wanted.level_max} is above {context.level_cap}, to which somebody has lowered it"
    if wanted.delivered_max_ms > allowed.delivered_max_ms:
        yield f"{wanted.delivered_max_ms} ms are more than the protocol's {allowed.delivered_max_ms} ms"
    if wanted.energy_max_mj > allowed.energy_max_mj:
        yield f"{wanted.energy_max_mj} mJ are above the session's ceiling of {allowed.energy_max_mj} mJ"


def _against_clear(wanted: ClearFaults, context: GuardContext) -> Iterator[str]:
    if wanted.nonce != context.nonce:
        yield "it names a nonce that is not the unit's"
    if wanted.unit_uptime_ms != context.unit_uptime_ms:
        yield "it does not answer the unit's latest report"
    if context.state is not State.FAULT:
        yield f"the controller is {context.state.value}: there is no fault to clear"


def _against_circumstances(nonce: int, session: int, context: GuardContext, *states: State) -> Iterator[str]:
    if nonce != context.nonce:
        yield "it names a nonce that is not the unit's"
    if session == 0 or session != context.session:
        yield "it names a session that is not ours"
    if context.state not in states:
        yield f"the controller is {context.state.value}"
    if context.stop_asked:
        yield "a stop is on its way"
    if not context.recorded:
        yield "nothing records it"


def _against_no_lease(wanted: SetOutput, context: GuardContext) -> Iterator[str]:
    """What a unit without leases may be asked follows from what ends its output instead."""
    match context.host_loss:
        case HostLoss.LEASE:
            return
        case HostLoss.OWN_TIMER:
            if wanted.for_ms > OWN_TIMER_MAX_MS:
                yield f"the unit's timer alone ends it, and {wanted.for_ms} ms are over {OWN_TIMER_MAX_MS} ms"
        case HostLoss.NONE:
            allowed = context.allowed
            if allowed is not None and needs_end(allowed.family) and allowed.on_body:
                yield f"nothing but its own switch ends the unit's output: no {allowed.family} on a body site"
            if not context.attended:
                yield "nothing but its own switch ends the unit's output, and nobody is there"
        case _:
            assert_never(context.host_loss)


def _against_lease(wanted: SetOutput | Renew, context: GuardContext) -> Iterator[str]:
    if wanted.unit_uptime_ms != context.unit_uptime_ms:
        yield "it is not dated from the unit's latest report"
    if context.host_loss is not HostLoss.LEASE:
        if wanted.lease_ms or isinstance(wanted, Renew):
            yield "the unit knows no leases"
        return
    if not context.lease_min_ms <= wanted.lease_ms <= context.lease_max_ms:
        yield (
            f"a lease of {wanted.lease_ms} ms is outside the unit's bounds, "
            f"{context.lease_min_ms} to {context.lease_max_ms} ms"
        )
