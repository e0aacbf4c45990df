"""Faults that a unit has latched: what they are, and clearing them on purpose once their cause has gone."""

from __future__ import annotations

from device.control.controller import Controller, Script
from device.control.schedule import LOOK_MS
from device.dialects.base import ClearFaults
from device.errors import GuardRefused, UnitFaulted
from device.monitor.alarms import BY_CODE, RULES

ATTEMPTS = 3  # a request may be lost


def latched(controller: Controller) -> UnitFaulted | None:
    """What the greeted unit has latched, as the operator has to be told; None for nothing."""
    report = controller.report
    if report is None or not report.faults:
        return None
    rules = [rule for rule in RULES if set(rule.unit_faults) & set(report.faults)] or [BY_CODE["UNIT_FAULT"]]
    return UnitFaulted(
        f"the unit has latched {', '.join(report.faults)}: {'; '.join(rule.what for rule in rules)}",
        f"{rules[0].to_do} Once the cause has gone: physioctl clear --port {controller.port}",
    )


def clear_faults(controller: Controller) -> Script[tuple[str, ...]]:
    """Clear what the greeted unit has latched, and name it; raise `UnitFaulted` while its cause remains."""
    fault = latched(controller)
    if fault is None:
        return ()
    if controller.unit is None or controller.report is None:
        raise GuardRefused(
            "faults were to be cleared of a unit that has not made itself known", "Greet the unit first."
        )
    names = controller.report.faults
    controller.fail(fault.what)
    yield from controller.settle()
    for _ in range(ATTEMPTS):
        yield from controller.wait_for_line(controller.now_ms + LOOK_MS)
        controller.say(ClearFaults(controller.unit.identity.nonce, controller.report.uptime_ms))
        give_up_ms = controller.now_ms + LOOK_MS
        while controller.report.faults and controller.now_ms < give_up_ms:
            yield give_up_ms
        if not controller.report.faults:
            controller.leave_fault()
            return names
    raise latched(controller) or fault
