"""Modbus units that refuse nothing for their limits, as the native one of `fences`."""

from __future__ import annotations

from physioctl.rehearsal.storm.fences import ObeyingFirmware
from simulator.modbus_firmware import LeaseFirmware, OwnTimerFirmware, UntimedFirmware
from simulator.modbus_unit import ModbusUnit


class _ObeyingLease(ObeyingFirmware, LeaseFirmware):
    """Has a watchdog."""


class _ObeyingOwnTimer(ObeyingFirmware, OwnTimerFirmware):
    """Has a timer."""


class _ObeyingUntimed(ObeyingFirmware, UntimedFirmware):
    """Has neither."""


class ObeyingLease(ModbusUnit):
    """A unit with a watchdog."""

    firmware = _ObeyingLease


class ObeyingOwnTimer(ModbusUnit):
    """A unit with a timer."""

    firmware = _ObeyingOwnTimer


class ObeyingUntimed(ModbusUnit):
    """A unit with neither."""

    firmware = _ObeyingUntimed


OBEYING = {"lease": ObeyingLease, "timer": ObeyingOwnTimer, "none": ObeyingUntimed}
