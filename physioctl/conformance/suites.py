"""The suites there are."""

from __future__ import annotations

from device.wire.messages import MAJOR
from physioctl.conformance.modbus.suite import modbus
from physioctl.conformance.native.host import NativeHost
from physioctl.conformance.native.suite import CLAUSES
from physioctl.conformance.suite import Suite

NATIVE = Suite(
    dialect="native",
    major=MAJOR,
    page="the wire of the native dialect",
    clauses=CLAUSES,
    host=lambda rng, wait_ms: NativeHost(rng, wait_ms=wait_ms),
)
DIALECTS = (NATIVE.dialect, "modbus")


def suite_for(dialect: str, address: int | None) -> Suite:
    """The suite of ``dialect``, one of `DIALECTS`, for the unit at ``address`` of its line."""
    return NATIVE if dialect == NATIVE.dialect else modbus(address)
