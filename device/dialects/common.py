"""What the values of `device.wire` mean, whatever the dialect that carried them."""

from __future__ import annotations

from datetime import date, timedelta

from device.dialects.base import UnitState
from device.wire import messages as wire
from device.wire import modbus_map
from protocols.limits import Bound, Family, Layer, Quantity

UNNAMED = ("UNNAMED",)  # of a unit that is in FAULT and names none
_EPOCH = date(2020, 1, 1)
_SOURCE = "declared by the unit"
FAMILIES = {wire.Family.ULTRASOUND: Family.ULTRASOUND, wire.Family.PERCUSSION: Family.PERCUSSION}
STATES = {
    wire.UnitState.IDLE: UnitState.IDLE,
    wire.UnitState.READY: UnitState.READY,
    wire.UnitState.EMITTING: UnitState.EMITTING,
    wire.UnitState.HELD: UnitState.HELD,
    wire.UnitState.LAPSED: UnitState.LAPSED,
    wire.UnitState.FAULT: UnitState.FAULT,
}


def refusal(result: wire.Result) -> str:
    """Why a request was refused; empty when it was carried out."""
    return "" if result is wire.Result.OK else result.name.lower().replace("_", " ")


def fault_names(bits: wire.Fault, state: wire.UnitState) -> tuple[str, ...]:
    """The names of the faults; a bit we have no name for is a fault all the same."""
    named = tuple(fault.name or "" for fault in wire.Fault if fault in bits)
    if unnamed := int(bits) & ~sum(wire.Fault):
        named += (f"UNKNOWN_{unnamed:04X}",)
    return named or (UNNAMED if state is wire.UnitState.FAULT else ())


def calibration_date(days: int) -> str | None:
    """The ISO date that is ``days`` after 2020-01-01; None for 0."""
    return (_EPOCH + timedelta(days=days)).isoformat() if days else None


def declared_bounds(
    said: wire.Capabilities | modbus_map.Capabilities, step_max_ms: int | None
) -> tuple[Bound, ...]:
    """The bounds that a unit declares; raise `InvalidBound` when it contradicts itself.

    ``step_max_ms`` is None where one step may be made of several requests.
    """

    def bound(
        quantity: Quantity,
        *,
        at_least: int | None = None,
        at_most: int | None = None,
        one_of: frozenset[int] | None = None,
    ) -> Bound:
        return Bound(quantity, Layer.UNIT, _SOURCE, at_least, at_most, one_of)

    ultrasound = said.area_mm2 > 0
    bounds = [] if step_max_ms is None else [bound(Quantity.STEP_MS, at_most=step_max_ms)]
    bounds += [
        bound(Quantity.DELIVERED_MS, at_most=said.delivered_max_ms),
        bound(
            Quantity.INTENSITY_MW_CM2 if ultrasound else Quantity.SPEED_PER_MIN,
            at_least=said.level_min,
            at_most=said.level_max,
        ),
    ]
    if ultrasound:
        bounds += [
            bound(Quantity.SATA_MW_CM2, at_most=said.average_max),
            bound(Quantity.DUTY_PCT, one_of=frozenset(said.duties_pct)),
            bound(Quantity.CARRIER_KHZ, one_of=frozenset(said.carriers_khz)),
            bound(Quantity.PULSE_HZ, one_of=frozenset({0, *said.pulses_hz})),  # 0: continuous
        ]
    return tuple(bounds)
