"""Compiling: a plan is made from a protocol and the limits of one unit.

Every value outside a bound is reported, and none is changed. It knows no unit's
address, no person and no clock.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from protocols import ceilings, plan
from protocols.errors import Problem, Refused, Where
from protocols.families import definition
from protocols.library import as_read
from protocols.limits import Bound, Excess, Family, Layer, Limits, Quantity
from protocols.model import Protocol
from protocols.plan import Emit, Plan, Step
from protocols.steps import EmitStep

_LAYERS = tuple(Layer)


@dataclass(frozen=True, slots=True)
class _Held:
    """A value to hold against the bounds, and the key that set it."""

    where: Where
    name: str  # of the step, or of the session
    quantity: Quantity
    value: int


def standing_limits(protocol: Protocol) -> Limits:
    """What holds for the protocol on every unit: the family's ceilings and the body site's."""
    if protocol.family is None:
        return Limits()
    bounds, blocks = ceilings.site_layer(protocol.body_site, protocol.family)
    return Limits((*ceilings.family_layer(protocol.family), *bounds), blocks)


def emitted_ms(protocol: Protocol) -> int:
    """For how long the protocol has output on."""
    return sum(step.duration_ms for _, step in protocol.flat_steps() if isinstance(step, EmitStep))


def check(protocol: Protocol) -> None:
    """Hold the protocol against what holds on every unit; raise `Refused` with every excess.

    Energy is not judged: it takes a unit's radiating area. Raise `ProtocolInvalid` when the protocol was
    changed in Python into one that no file could hold; so does `compile_plan`.
    """
    protocol = as_read(protocol)
    limits = _layered(standing_limits(protocol).with_layer(protocol.own_bounds()))
    _refuse_blocked(protocol, limits)
    _refuse_excess(protocol, limits, [*_held_steps(protocol), _held_time(protocol)])


def compile_plan(
    protocol: Protocol, *, model: str, family: Family, area_mm2: int | None, limits: Limits
) -> Plan:
    """The plan for a unit of ``model``, or `Refused` with everything that stands against it.

    The family's, the body site's and the protocol's own layers are added to ``limits`` here, so that no
    caller can forget them.
    """
    protocol = as_read(protocol)
    if protocol.family not in (None, family):
        raise Refused(
            f"{protocol.id} is {_an(protocol.family)} protocol; {model} is {_an(family)} unit",
            f"Use a unit of the {protocol.family} family, or a protocol for {family}.",
        )
    standing = standing_limits(protocol)
    limits = _layered(standing.with_layer(limits.bounds, limits.blocks).with_layer(protocol.own_bounds()))
    _refuse_blocked(protocol, limits)
    steps = tuple(step.planned() for _, step in protocol.flat_steps())
    energy_mj = _energy_mj(steps, family, area_mm2)
    held = [*_held_steps(protocol), _held_time(protocol)]
    if energy_mj is not None:
        held.append(_Held(("steps",), "the session", Quantity.ENERGY_MJ, energy_mj))
    elif protocol.family is not None and (bounds := limits.of(Quantity.ENERGY_MJ)):
        raise _energy_not_known(protocol, family, model, bounds[0])
    _refuse_excess(protocol, limits, held)
    made = Plan(
        protocol_id=protocol.id,
        title=protocol.title,
        content_hash=protocol.content_hash,
        family=family,
        body_site=protocol.body_site,
        model=model,
        steps=steps,
        limits=limits,
        energy_mj=energy_mj,
    )
    if excesses := made.excesses():  # the plan judges itself by its own count
        raise Refused(
            f"the plan made of {protocol.id} is outside its limits: {excesses[0]}",
            "Report this with the protocol: the program should not have made it.",
        )
    return made


def _energy_not_known(protocol: Protocol, family: Family, model: str, bound: Bound) -> Refused:
    what = f"the energy of {protocol.id} is bounded ({bound.layer}: {bound.source})"
    said = definition(family)
    if not said.has_head:
        return Refused(
            f"{what}, and {family} plans no energy",
            f"Bound its {said.level.label} or its delivered time instead.",
        )
    return Refused(
        f"{what}, and {model}'s radiating area is not known",
        "Use a unit whose effective radiating area (ERA) is known.",
    )


def _layered(limits: Limits) -> Limits:
    """The same limits, from the widest layer to the narrowest."""
    return Limits(sorted(limits.bounds, key=lambda bound: _LAYERS.index(bound.layer)), limits.blocks)


def _energy_mj(steps: tuple[Step, ...], family: Family, area_mm2: int | None) -> int | None:
    if not definition(family).has_head or area_mm2 is None or area_mm2 <= 0:
        return None
    return sum(plan.energy_mj(step, area_mm2) for step in steps if isinstance(step, Emit))


def _held_steps(protocol: Protocol) -> Iterator[_Held]:
    """Everything each emission sets. A step that is repeated is held once: its values are the same."""
    emissions = {where: step for where, step in protocol.flat_steps() if isinstance(step, EmitStep)}
    for where, step in emissions.items():
        name = _name(where)
        for key, quantity, value in _set_by(step):
            yield _Held((*where, *key), name, quantity, value)


def _set_by(step: EmitStep) -> Iterator[tuple[Where, Quantity, int]]:
    keys = {key.quantity: key.name for key in definition(step.emit.family).keys}
    for quantity, value in plan.quantities(step.emit.setting()):
        # A value that follows from several keys, as a temporal average does, is laid to the first of them.
        yield ("emit", keys.get(quantity, next(iter(keys.values())))), quantity, value
    yield ("for",), Quantity.STEP_MS, step.duration_ms


def _held_time(protocol: Protocol) -> _Held:
    return _Held(("steps",), "the session", Quantity.DELIVERED_MS, emitted_ms(protocol))


def _refuse_blocked(protocol: Protocol, limits: Limits) -> None:
    if protocol.family and (block := limits.blocked(protocol.family)):
        site = ceilings.body_sites()[protocol.body_site]  # known, or it would not have been read
        what = f"{protocol.family} is blocked by the {block.layer} ({site}): {block.reason}"
        action = f"Nothing overrides this ({block.source}). Use a protocol that guides, or refer the person."
        place = protocol.origin.placed(Problem(what, action, ("body_site",)))
        raise Refused(f"{protocol.id}: {what}", action, [place])


def _refuse_excess(protocol: Protocol, limits: Limits, held: list[_Held]) -> None:
    found = [(item, excess) for item in held if (excess := _excess(limits, item))]
    if not found:
        return
    origin = protocol.origin
    lines = [f"{origin.source(item.where)}: {item.name}: {excess}" for item, excess in found]
    first = _advice(*found[0], limits)
    rest = "" if len(found) == 1 else f" Correct the other {len(found) - 1} likewise."
    places = [
        origin.placed(Problem(f"{item.name}: {excess}", _advice(item, excess, limits), item.where))
        for item, excess in found
    ]
    raise Refused("\n".join(lines), first + rest, places)


def _excess(limits: Limits, item: _Held) -> Excess | None:
    """What is exceeded; where several are, the bound that binds."""
    binding = limits.binding(item.quantity)
    if binding and not binding.admits(item.value):
        return Excess(item.value, binding)
    return limits.excess(item.quantity, item.value)


def _advice(item: _Held, excess: Excess, limits: Limits) -> str:
    bound, quantity = excess.bound, item.quantity
    unit = ", or use a unit that allows it" if bound.layer in (Layer.MODEL, Layer.UNIT) else ""
    lowest = max((at.at_least for at in limits.of(quantity) if at.at_least is not None), default=0)
    highest = limits.at_most(quantity)
    if highest is not None and lowest > highest:
        return f"No {quantity.label} satisfies every bound: see physioctl protocols plan --explain."
    return f"{_change(item.value, bound, highest)}{unit}."


def _change(value: int, bound: Bound, highest: int | None) -> str:
    quantity = bound.quantity
    if highest is not None and value > highest:
        return f"Lower the {quantity.label} to {quantity.show(highest)} or less"
    if bound.at_least is not None and value < bound.at_least:
        return f"Raise the {quantity.label} to {quantity.show(bound.at_least)} or more"
    return f"Set the {str(bound).replace(quantity.label, quantity.label + ' to', 1)}"


def _name(where: Where) -> str:
    """The step as a person counts: ``step 3``, or ``step 2.1`` inside a repeat."""
    return "step " + ".".join(str(part + 1) for part in where if isinstance(part, int))


def _an(family: Family | None) -> str:
    return f"{'an' if str(family)[0] in 'aeiou' else 'a'} {family}"
