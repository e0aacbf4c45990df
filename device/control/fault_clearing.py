"""Faults that a unit has latched, and clearing them once their cause has gone."""

from __future__ import annotations

from device.control.controller import Controller, Script
from device.control.schedule import OFF_STATUS_MS
from device.dialects.base import ClearFaults, Status
from device.errors import GuardRefused, UnitFaulted
from device.monitor.alarms import BY_CODE, RULES

ATTEMPTS = 3  # a request may be lost


def latched(controller: Controller) -> UnitFaulted | None:
    """Return the unit's latched faults as an error for the operator; None when there is none."""
    return None if controller.status is None else latched_by(controller.status, controller.port)


def latched_by(status: Status, port: str) -> UnitFaulted | None:
    """Return the faults that ``status``, of the unit on ``port``, names as an error for the operator."""
    if not status.faults:
        return None
    rules = [rule for rule in RULES if set(rule.unit_faults) & set(status.faults)] or [BY_CODE["UNIT_FAULT"]]
    return UnitFaulted(
        f"the unit has latched {', '.join(status.faults)}: {'; '.join(rule.what for rule in rules)}",
        f"{rules[0].action} Once the cause has gone: physioctl clear --port {port}",
    )


def clear_faults(controller: Controller) -> Script[tuple[str, ...]]:
    """Clear the unit's latched faults and return their names; raise `UnitFaulted` while a cause remains."""
    fault = latched(controller)
    if fault is None:
        return ()
    if controller.unit is None or controller.status is None:
        raise GuardRefused(
            "faults were to be cleared of a unit that has not been identified", "Perform the handshake first."
        )
    names = controller.status.faults
    controller.fail(fault.what)
    yield from controller.settle()
    for _ in range(ATTEMPTS):
        yield from controller.wait_for_line(controller.now_ms + OFF_STATUS_MS)
        controller.say(ClearFaults(controller.unit.identity.nonce, controller.status.uptime_ms))
        give_up_ms = controller.now_ms + OFF_STATUS_MS
        while controller.status.faults and controller.now_ms < give_up_ms:
            yield give_up_ms
        if not controller.status.faults:
            controller.leave_fault()
            return names
    raise latched(controller) or fault
