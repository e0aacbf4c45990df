"""Whole frames of the Modbus dialect, as a unit sends them."""

from __future__ import annotations

from pymodbus.pdu.register_message import ReadWriteMultipleRegistersResponse

from device.wire.registers import Block
from device.wire.rtu import encode


def answered(block: Block, unit: int = 1) -> bytes:
    """``block`` as the answer of the unit at the address ``unit``."""
    return encode(ReadWriteMultipleRegistersResponse(registers=block.registers(unit)), unit)
