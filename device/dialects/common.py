"""What the values of `device.wire` mean: both dialects carry the same fields, in bytes of their own."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, timedelta
from typing import TYPE_CHECKING

from device.dialects.base import (
    Capabilities,
    HostLoss,
    Identity,
    Intent,
    ReportField,
    Status,
    UnitState,
)
from device.dialects.families import family_of
from device.wire import messages as wire
from protocols.limits import Bound

if TYPE_CHECKING:  # a stop in the native dialect does without
    from device.wire import modbus_map as modbus

UNNAMED = ("UNNAMED",)  # of a unit that is in FAULT and names none
_EPOCH = date(2020, 1, 1)
_STATES = {
    wire.UnitState.IDLE: UnitState.IDLE,
    wire.UnitState.READY: UnitState.READY,
    wire.UnitState.EMITTING: UnitState.EMITTING,
    wire.UnitState.SUSPENDED: UnitState.SUSPENDED,
    wire.UnitState.LAPSED: UnitState.LAPSED,
    wire.UnitState.FAULT: UnitState.FAULT,
}


def identity_of(said: wire.Identity | modbus.Identity, major: int) -> Identity:
    """The unit's identity. It is driven if its dialect has the ``major`` version that is known here."""
    return Identity(
        driveable=said.major == major,
        version=f"{said.major}.{said.minor}",
        family=family_of(said.family),
        model=said.model,
        serial=said.serial,
        firmware=".".join(map(str, said.firmware)),
        nonce=said.nonce,
        calibrated=_calibration_date(said.calibrated),
    )


def capabilities_of(
    said: wire.Capabilities | modbus.Capabilities,
    bounds: Iterable[Bound],
    *,
    host_loss: HostLoss,
    reports: frozenset[ReportField],
    holds_limits: bool,
) -> Capabilities:
    """What the unit declares, with its bounds and with what its dialect knows of it."""
    return Capabilities(
        bounds=tuple(bounds),
        area_mm2=said.area_mm2 or None,
        suspension_max_ms=said.suspension_max_ms,
        lease_min_ms=said.lease_min_ms,
        lease_max_ms=said.lease_max_ms,
        head_trip_ddeg_c=said.head_trip_ddeg_c if wire.Sensor.HEAD_TEMP in said.sensors else None,
        measures_output=wire.Sensor.OUTPUT in said.sensors,
        measures_head_temp=wire.Sensor.HEAD_TEMP in said.sensors,
        senses_contact=wire.Sensor.CONTACT in said.sensors,
        knows_battery=wire.Sensor.BATTERY in said.sensors,
        host_loss=host_loss,
        reports=reports,
        holds_limits=holds_limits,
    )


def status_of(said: wire.Status | modbus.Status, asked: type[Intent] | None) -> Status:
    """The unit's status, in its answer to a request of kind ``asked``; None for an unknown kind."""
    return Status(
        asked=asked.__name__ if asked else "",
        refusal=_refusal(said.result),
        state=_STATES[said.state],
        faults=_fault_names(said.faults, said.state),
        nonce=said.nonce,
        session=said.session,
        level_set=said.level_set,
        duty_set_pct=said.duty_set_pct,
        measured_level=said.measured_level,
        head_temp_ddeg_c=said.head_temp_ddeg_c,
        contact_pct=said.contact_pct,
        battery_pct=said.battery_pct,
        step_ms=said.step_ms,
        delivered_ms=said.delivered_ms,
        energy_mj=said.energy_mj,
        lease_left_ms=said.lease_left_ms,
        uptime_ms=said.uptime_ms,
        bad_frames=said.bad_frames,
        lapses=said.lapses,
    )


def _refusal(result: wire.Result) -> str:
    """Why a request was refused; empty when it was carried out."""
    return "" if result is wire.Result.OK else result.name.lower().replace("_", " ")


def _fault_names(bits: wire.Fault, state: wire.UnitState) -> tuple[str, ...]:
    """The names of the faults; a bit we have no name for is a fault all the same."""
    if not bits and state is not wire.UnitState.FAULT:
        return ()  # as in nearly every report
    named = tuple(fault.name or "" for fault in wire.Fault if fault in bits)
    if unnamed := int(bits) & ~sum(wire.Fault):
        named += (f"UNKNOWN_{unnamed:04X}",)
    return named or (UNNAMED if state is wire.UnitState.FAULT else ())


def _calibration_date(days: int) -> str | None:
    """The ISO date that is ``days`` after 2020-01-01; None for 0."""
    return (_EPOCH + timedelta(days=days)).isoformat() if days else None
