"""What the values of `device.wire` mean, whatever the dialect that carried them."""

from __future__ import annotations

from datetime import date, timedelta

from device.dialects.base import UnitState
from device.wire import messages as wire

UNNAMED = ("UNNAMED",)  # of a unit that is in FAULT and names none
_EPOCH = date(2020, 1, 1)
STATES = {
    wire.UnitState.IDLE: UnitState.IDLE,
    wire.UnitState.READY: UnitState.READY,
    wire.UnitState.EMITTING: UnitState.EMITTING,
    wire.UnitState.SUSPENDED: UnitState.SUSPENDED,
    wire.UnitState.LAPSED: UnitState.LAPSED,
    wire.UnitState.FAULT: UnitState.FAULT,
}


def refusal(result: wire.Result) -> str:
    """Why a request was refused; empty when it was carried out."""
    return "" if result is wire.Result.OK else result.name.lower().replace("_", " ")


def fault_names(bits: wire.Fault, state: wire.UnitState) -> tuple[str, ...]:
    """The names of the faults; a bit we have no name for is a fault all the same."""
    if not bits and state is not wire.UnitState.FAULT:
        return ()  # as in nearly every report
    named = tuple(fault.name or "" for fault in wire.Fault if fault in bits)
    if unnamed := int(bits) & ~sum(wire.Fault):
        named += (f"UNKNOWN_{unnamed:04X}",)
    return named or (UNNAMED if state is wire.UnitState.FAULT else ())


def calibration_date(days: int) -> str | None:
    """The ISO date that is ``days`` after 2020-01-01; None for 0."""
    return (_EPOCH + timedelta(days=days)).isoformat() if days else None
